// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

// ErrChanged reports a file that is not what it was when its digest was made.
// It comes with ErrImport.
var ErrChanged = errors.New("changed while it was read: run it again")

func changedError(name string) error { return fmt.Errorf("%w: %s %w", ErrImport, name, ErrChanged) }

// A watch holds the files of an import to what they were when their digests
// were made: what is committed under a digest was read of those bytes. Each
// file that is opened must be that file, of that size and time of change, when
// it is opened, when it is closed, and before what was read of it is committed;
// of one that is read from its beginning to its end, the digest is compared.
type watch struct {
	plain fs.FS
	notes map[string]note // by path; not changed while files are read
	read  atomic.Int64    // bytes

	mu   sync.Mutex
	open map[string]int // how often each is open; 0 for closed since check; guarded by mu
	err  error          // the first change that was seen; guarded by mu
}

// A note is what a file was when its digest was made.
type note struct {
	info fs.FileInfo
	sum  [32]byte
}

// sameFile reports whether a file is as it was.
func sameFile(a, b fs.FileInfo) bool {
	if a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) {
		return false
	}
	return os.SameFile(a, b) || !os.SameFile(a, a) // not every file system tells its files apart
}

// spoil notes that a file has changed.
func (w *watch) spoil(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = changedError(name)
	}
	return w.err
}

// compare returns an error where a file is not as it was.
func (w *watch) compare(name string, stat func() (fs.FileInfo, error)) error {
	info, err := stat()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err != nil || !sameFile(w.notes[name].info, info) {
		return w.spoil(name)
	}
	return nil
}

// check returns an error if a file has changed of which something was read
// since the last check; with all, if any has.
func (w *watch) check(all bool) error {
	w.mu.Lock()
	err := w.err
	var names []string
	for name, n := range w.open {
		names = append(names, name)
		if n == 0 {
			delete(w.open, name)
		}
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if all {
		names = names[:0]
		for name := range w.notes {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if err := w.compare(name, func() (fs.FileInfo, error) { return fs.Stat(w.plain, name) }); err != nil {
			return err
		}
	}
	return nil
}

// A watchedFS is a file system whose noted files are watched.
type watchedFS struct {
	fs.FS
	w     *watch
	count bool // what is read
}

// Open implements fs.FS.
func (s watchedFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	noted, ok := s.w.notes[name]
	if !ok {
		return f, nil
	}
	if err := s.w.compare(name, f.Stat); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.w.mu.Lock()
	s.w.open[name]++
	s.w.mu.Unlock()
	watched := &watchedFile{File: f, w: s.w, name: name, noted: noted, hash: sha256.New(), count: s.count}
	if r, ok := f.(randomFile); ok {
		return &watchedRandom{watched, r}, nil
	}
	return watched, nil
}

// A watchedFile is read from its beginning on.
type watchedFile struct {
	fs.File
	w      *watch
	name   string
	noted  note
	hash   hash.Hash // of what was read; nil once it was read out of order, or compared
	count  bool
	closed bool
}

// Read implements io.Reader.
func (f *watchedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.told(n)
	if f.hash == nil {
		return n, err
	}
	f.hash.Write(p[:n])
	if errors.Is(err, io.EOF) {
		same := bytes.Equal(f.hash.Sum(nil), f.noted.sum[:])
		f.hash = nil
		if !same {
			return n, f.w.spoil(f.name)
		}
	}
	return n, err
}

func (f *watchedFile) told(n int) {
	if f.count {
		f.w.read.Add(int64(n))
	}
}

// Close implements io.Closer.
func (f *watchedFile) Close() error {
	if f.closed {
		return f.File.Close()
	}
	f.closed = true
	err := f.w.compare(f.name, f.Stat)
	f.w.mu.Lock()
	f.w.open[f.name]--
	f.w.mu.Unlock()
	return errors.Join(err, f.File.Close())
}

// A randomFile can be read at any place, as a zip must be.
type randomFile interface {
	fs.File
	io.ReaderAt
	io.Seeker
}

type watchedRandom struct {
	*watchedFile
	r randomFile
}

// ReadAt implements io.ReaderAt. It may be called by many at once.
func (f *watchedRandom) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.r.ReadAt(p, off)
	f.told(n)
	return n, err
}

// Seek implements io.Seeker.
func (f *watchedRandom) Seek(offset int64, whence int) (int64, error) {
	f.hash = nil
	return f.r.Seek(offset, whence)
}
