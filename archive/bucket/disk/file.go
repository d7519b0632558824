// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"onrecord/archive/bucket"
	"onrecord/archive/files"
)

// temp writes a temporary file with the given mode, syncs it and returns its
// path below the root.
func (b *Bucket) temp(write func(io.Writer) error, mode fs.FileMode) (string, error) {
	folder, err := b.tempFolder()
	if err != nil {
		return "", err
	}
	name := folder + "/" + rand.Text()
	f, err := b.disk.Open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, b.disk.Remove(name))
	}
	return name, nil
}

// tempFolder returns this Bucket's folder for temporary files. The first call
// makes it, and removes the folders of processes that are gone.
func (b *Bucket) tempFolder() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tmpOwn != nil {
		return b.tmp, nil
	}
	if err := b.disk.Mkdir(tmpFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := b.sweep(); err != nil {
		return "", err
	}
	for {
		name := tmpFolder + "/" + rand.Text()
		own, err := b.claim(name + ".lock")
		if err != nil {
			return "", err
		}
		if own == nil {
			continue
		}
		if err := b.disk.Mkdir(name, 0o700); err != nil {
			return "", errors.Join(err, own.Close())
		}
		b.tmp, b.tmpOwn = name, own
		return name, nil
	}
}

// claim makes and locks the file that says that a folder is in use. It returns
// nil if a sweep got hold of it between the two.
func (b *Bucket) claim(name string) (*os.File, error) {
	f, err := b.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := files.TryLock(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	mine, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	there, err := b.root.Stat(name)
	if !locked || err != nil || !os.SameFile(mine, there) {
		return nil, f.Close()
	}
	return f, nil
}

// sweep removes the temporary folders whose lock is free.
func (b *Bucket) sweep() error {
	entries, err := fs.ReadDir(b.root.FS(), tmpFolder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		folder, ok := strings.CutSuffix(e.Name(), ".lock")
		if !ok {
			continue
		}
		f, err := b.root.OpenFile(tmpFolder+"/"+e.Name(), os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		free, err := files.TryLock(f)
		if free {
			err = errors.Join(b.disk.RemoveAll(tmpFolder+"/"+folder), b.disk.Remove(tmpFolder+"/"+e.Name()))
		}
		if err = errors.Join(err, f.Close()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove temporary files of an earlier process: %w", err)
		}
	}
	return nil
}

// mkdir makes folder and what is above it, and makes their entries durable.
// A folder that another process has made may not be durable yet, so each
// Bucket syncs each folder's parent once, whoever made it.
func (b *Bucket) mkdir(folder string) error {
	if folder == "." || b.isSynced(folder) {
		return nil
	}
	parent := path.Dir(folder)
	for range 3 {
		if err := b.mkdir(parent); err != nil {
			return err
		}
		err := b.disk.Mkdir(folder, 0o755)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			b.forget(parent)
			continue
		case errors.Is(err, syscall.ENOTDIR):
			return fmt.Errorf("%s is a key: %w", parent, bucket.ErrKey)
		case err != nil && !errors.Is(err, fs.ErrExist):
			return err
		}
		return b.settle(folder)
	}
	return fmt.Errorf("folder %s was removed three times", parent)
}

// settle syncs the parent of a folder that is there, and remembers that.
func (b *Bucket) settle(folder string) error {
	info, err := b.root.Lstat(folder)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is a key: %w", folder, bucket.ErrKey)
	}
	if err := b.syncFolder(path.Dir(folder)); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.synced) >= maxSynced {
		clear(b.synced)
	}
	b.synced[folder] = struct{}{}
	return nil
}

// maxSynced bounds the memory for folders that need no sync: a folder that is
// forgotten costs one sync more.
const maxSynced = 1 << 14

func (b *Bucket) isSynced(folder string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.synced[folder]
	return ok
}

func (b *Bucket) forget(folder string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.synced, folder)
}

// syncFolder makes the entries of a folder durable.
func (b *Bucket) syncFolder(folder string) error {
	return files.SyncFolder(b.disk, folder)
}
