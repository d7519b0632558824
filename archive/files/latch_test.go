// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"onrecord/archive/files"
)

// failing is a file system whose syncs fail.
type failing struct {
	files.FS
	err *error
}

type failingFile struct {
	files.File
	err *error
}

func (f failing) Open(name string, flag int, perm fs.FileMode) (files.File, error) {
	one, err := f.FS.Open(name, flag, perm)
	return failingFile{one, f.err}, err
}

func (f failingFile) Sync() error { return *f.err }

// TestLatch lets a sync fail: all that shares the latch writes nothing more, but
// may clear away what is half done.
func TestLatch(t *testing.T) {
	disk := errors.New("input/output error")
	for _, test := range []struct {
		err    error
		folder bool
		closes bool
	}{
		{nil, false, false}, {disk, false, true}, {disk, true, true},
		{syscall.ENOSPC, false, false}, {syscall.EDQUOT, false, false}, {syscall.ENOSPC, true, true},
	} {
		dir, latch := t.TempDir(), files.NewLatch()
		a := files.Seam{Latch: latch, Wrap: func(real files.FS) files.FS { return failing{real, &test.err} }}.Over(files.OS())
		b := files.Seam{Latch: latch}.Over(files.OS())
		path := filepath.Join(dir, "a")
		f, err := a.Open(path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if test.folder {
			err = files.SyncFolder(a, dir)
		} else {
			err = f.Sync()
		}
		if !errors.Is(err, test.err) {
			t.Errorf("%+v: sync: %v", test, err)
		}
		_, write := f.Write([]byte("x"))
		_, open := b.Open(path, os.O_WRONLY, 0)
		for i, err := range []error{write, open, f.Truncate(0), b.Mkdir(filepath.Join(dir, "b"), 0o700), b.Link(path, path+"2"), b.Rename(path, path+"3"), b.Err()} {
			if errors.Is(err, files.ErrSync) != test.closes || test.closes && !errors.Is(err, test.err) {
				t.Errorf("%+v: call %d after it: %v", test, i, err)
			}
		}
		if err := errors.Join(b.RemoveAll(path), b.RemoveAll(path+"3")); err != nil {
			t.Errorf("%+v: clearing away: %v", test, err)
		}
		select {
		case <-latch.Done():
			if !test.closes {
				t.Errorf("%+v: done", test)
			}
		default:
			if test.closes {
				t.Errorf("%+v: not done", test)
			}
		}
	}
}

// TestLock takes a lock twice: it is of the open file.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var open [2]*os.File
	for i := range open {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		open[i] = f
	}
	for i, want := range []bool{true, false} {
		if got, err := files.TryLock(open[i]); got != want || err != nil {
			t.Errorf("lock %d: %v, %v", i, got, err)
		}
	}
	if err := open[0].Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := files.TryLock(open[1]); !got || err != nil {
		t.Errorf("after the first was closed: %v, %v", got, err)
	}
}
