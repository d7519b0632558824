// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A rebuilt catalog can't simply be renamed over the old one: SQLite keeps a
// write-ahead log beside a file, by name, and would read the log of the old
// file into the new one. So the file of a catalog at path is path itself, or,
// once it was rebuilt, the one beside it that path.current names. Replacing a
// catalog is renaming that pointer.

// current returns the file of the catalog at path.
func current(path string) (string, error) {
	b, err := os.ReadFile(path + ".current")
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(string(b))
	if name == "" || name != filepath.Base(name) || !strings.HasPrefix(name, filepath.Base(path)) {
		return "", fmt.Errorf("%s.current names %.80q, which is no catalog: %w", path, name, ErrRebuild)
	}
	return filepath.Join(filepath.Dir(path), name), nil
}

// stamp says which file is current, as cheaply as every query needs it.
func stamp(path string) fs.FileInfo {
	info, err := os.Stat(path + ".current")
	if err != nil {
		return nil
	}
	return info
}

func sameStamp(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime())
}

// Reopen looks whether the catalog was rebuilt, and opens the new file. Queries
// that run finish on the old one, which is then removed by the process that
// applies. Every query and every Apply begins with it.
func (c *Catalog) Reopen(ctx context.Context) error {
	old := c.file.Load()
	if sameStamp(old.stamp, stamp(c.path)) {
		return nil
	}
	c.reopens.Lock()
	defer c.reopens.Unlock()
	if c.closed {
		return errClosed
	}
	if old = c.file.Load(); sameStamp(old.stamp, stamp(c.path)) {
		return nil
	}
	next, err := openFile(ctx, c.path, c.o)
	if err != nil {
		return fmt.Errorf("catalog %s: open the rebuilt file: %w", c.path, err)
	}
	c.file.Store(next)
	c.o.Log.Info("the catalog was rebuilt; reading the new file", "file", next.path)
	c.closing.Go(func() {
		err := old.close()
		if err == nil && !c.o.ReadOnly {
			err = removeFile(old.path)
		}
		if err != nil {
			c.o.Log.Warn("the replaced catalog could not be removed", "file", old.path, "err", err)
		}
	})
	return nil
}

// removeFile removes a closed database with what SQLite may have left beside.
func removeFile(path string) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// A Rebuilding is a new file for a catalog, beside the one in use, which other
// processes may read and apply to meanwhile. It is a Catalog of its own: apply
// to it from index 0. Then Replace makes it the catalog's file, or Discard
// removes it.
type Rebuilding struct {
	*Catalog
	of string
}

// Rebuild begins a new file for the catalog at path. What an earlier rebuild
// left unfinished is removed. Another process that rebuilds is ErrLocked.
func Rebuild(ctx context.Context, path string, o Options) (*Rebuilding, error) {
	lock, err := lockFile(path + ".rebuild.lock")
	if err != nil {
		return nil, fmt.Errorf("catalog %s: rebuild: %w", path, err)
	}
	if err := removeOthers(path); err != nil {
		lock.Close()
		return nil, fmt.Errorf("catalog %s: rebuild: %w", path, err)
	}
	// A name is never used twice: a reader that is slow to close the file
	// before removes what has its name.
	name := path + "." + strings.ToLower(rand.Text()[:nameLength])
	o.ReadOnly = false
	c, err := openLocked(ctx, name, o, lock)
	if err != nil {
		return nil, err
	}
	return &Rebuilding{Catalog: c, of: path}, nil
}

// nameLength is the length of what is put behind the path of a rebuilt file.
const nameLength = 10

// removeOthers removes the files of the catalog at path that are not current:
// replaced ones, and what interrupted rebuilds left. The caller holds the lock
// of rebuilding.
func removeOthers(path string) error {
	cur, err := current(path)
	if errors.Is(err, ErrRebuild) {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := rebuilt(path)
	if err != nil {
		return err
	}
	for _, name := range append(list, path) {
		if name == cur {
			continue
		}
		if err := removeFile(name); err != nil {
			return err
		}
	}
	return nil
}

// rebuilt lists the files that rebuilding the catalog at path has made.
func rebuilt(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		end, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if ok && len(end) == nameLength && strings.Trim(end, "abcdefghijklmnopqrstuvwxyz234567") == "" {
			list = append(list, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return list, nil
}

// Replace closes the new file and makes it the catalog's. Processes that have
// the old one open go over to it with their next query.
func (r *Rebuilding) Replace() error {
	name := r.path
	if err := r.closeKeeping(); err != nil {
		return fmt.Errorf("catalog %s: replace: %w", r.of, err)
	}
	defer r.unlock()
	temp := r.of + ".current.new"
	err := writeSynced(temp, filepath.Base(name)+"\n")
	if err == nil {
		err = os.Rename(temp, r.of+".current")
	}
	if err == nil {
		err = syncFolder(filepath.Dir(r.of))
	}
	if err != nil {
		return fmt.Errorf("catalog %s: replace: %w", r.of, err)
	}
	return nil
}

// Discard closes and removes the new file.
func (r *Rebuilding) Discard() error {
	defer r.unlock()
	return errors.Join(r.closeKeeping(), removeFile(r.path))
}

func writeSynced(path, text string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes a rename in a folder durable, where the system has it.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
