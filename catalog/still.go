// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
)

// SQLite reads and writes a catalog by the help of two files beside it, also
// where nobody writes. On a disk that has no room for them the catalog is read
// still: without them, as its file is, which whoever closed it last has left
// whole. The lock keeps every other writer away meanwhile.

// openStill opens the file of the catalog at path still. The caller holds the
// lock. What has not been brought over from a write-ahead log can't be read so.
func openStill(ctx context.Context, path string, o Options) (*file, error) {
	f := &file{stamp: stamp(path), due: o.Due, still: true}
	path, err := current(path)
	if err != nil {
		return nil, err
	}
	f.path = path
	switch info, err := os.Stat(path + "-wal"); {
	case err == nil && info.Size() > 0:
		return nil, fmt.Errorf("%s-wal holds what %s has not", path, path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := f.openReaders(ctx, dsn(path, "cache_size(-2048)", "query_only(1)")+"&immutable=1"); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// stir opens the file for writing, if it is read still. Nobody reads it still any
// more when stir returns. The caller holds applying.
func (c *Catalog) stir(ctx context.Context) error {
	old := c.file.Load()
	if !old.still {
		return nil
	}
	c.reopens.Lock()
	defer c.reopens.Unlock()
	if c.closed {
		return errClosed
	}
	next, err := openFile(ctx, c.path, c.o)
	if err != nil {
		return fmt.Errorf("catalog %s: %w", c.path, err)
	}
	c.file.Store(next)
	return old.close()
}

// errNoRoom marks an error of opening a file as that of a full disk.
var errNoRoom = errors.New("no room on the disk")

// IsFull reports whether err says that the disk has no room for what is to be
// written to the catalog, or to be beside it.
func IsFull(err error) bool {
	if errors.Is(err, errNoRoom) {
		return true
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == 13 // FULL, https://sqlite.org/rescode.html
}

// roomless marks an error of opening the catalog at path where that is for want of
// room: SQLite says of the files beside its own only that it could not make them.
// Whether that is why, a page tells that is written there.
func roomless(err error, path string) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() {
	case 14, 4618, 4874, 5386: // CANTOPEN, IOERR_ SHMOPEN SHMSIZE SHMMAP
		if werr := tryPage(filepath.Dir(path)); errors.Is(werr, syscall.ENOSPC) || errors.Is(werr, syscall.EDQUOT) {
			return fmt.Errorf("%w: %w", errNoRoom, err)
		}
	}
	return err
}

// tryPage writes a page's worth into dir, and removes it.
func tryPage(dir string) error {
	f, err := os.CreateTemp(dir, "room-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
