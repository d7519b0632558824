// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// ErrSync reports that an earlier fsync failed, so that this process writes
// nothing more.
var ErrSync = errors.New("a sync to disk has failed, so nothing is written any more; check the disk, then start again")

// A Latch closes for good at the first sync that fails. One is shared by all
// that a process writes. It is safe for concurrent use.
type Latch struct {
	once  sync.Once
	done  chan struct{}
	cause error // set before done is closed
}

// NewLatch returns a Latch that is open.
func NewLatch() *Latch { return &Latch{done: make(chan struct{})} }

// Fail closes the latch for a reason; only the first counts.
func (l *Latch) Fail(cause error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.done)
	})
}

// Done returns a channel that is closed when the latch closes.
func (l *Latch) Done() <-chan struct{} { return l.done }

// Cause returns why the latch closed; nil while it is open.
func (l *Latch) Cause() error {
	select {
	case <-l.done:
		return l.cause
	default:
		return nil
	}
}

// Err returns nil while the latch is open, and then an error that is ErrSync
// and the reason.
func (l *Latch) Err() error {
	select {
	case <-l.done:
		return fmt.Errorf("%w (it was: %w)", ErrSync, l.cause)
	default:
		return nil
	}
}

// A Seam says how a package gets at the disk. The zero Seam is the system's
// own, behind a latch of its own.
type Seam struct {
	Latch *Latch      // shared with what else the process writes; nil for one of its own
	Wrap  func(FS) FS // stands in between, in tests; nil for nothing
}

// Over returns what writes to real through the seam.
func (s Seam) Over(real FS) *Disk {
	if s.Wrap != nil {
		real = s.Wrap(real)
	}
	if s.Latch == nil {
		s.Latch = NewLatch()
	}
	return &Disk{fs: real, latch: s.Latch}
}

// A Disk is an FS behind a Latch. Once that is closed everything but the
// removal of files is refused with ErrSync: a writer clears away what it has
// half done. Whoever removes for any other reason asks Err first.
type Disk struct {
	fs    FS
	latch *Latch
}

// Err is that of the latch.
func (d *Disk) Err() error { return d.latch.Err() }

// Open implements FS.
func (d *Disk) Open(name string, flag int, perm fs.FileMode) (File, error) {
	if err := d.latch.Err(); err != nil {
		return nil, err
	}
	f, err := d.fs.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &latched{File: f, latch: d.latch, folder: flag&(os.O_WRONLY|os.O_RDWR) == 0}, nil
}

// Mkdir implements FS.
func (d *Disk) Mkdir(name string, perm fs.FileMode) error {
	if err := d.latch.Err(); err != nil {
		return err
	}
	return d.fs.Mkdir(name, perm)
}

// Rename implements FS.
func (d *Disk) Rename(from, to string) error {
	if err := d.latch.Err(); err != nil {
		return err
	}
	return d.fs.Rename(from, to)
}

// Link implements FS.
func (d *Disk) Link(from, to string) error {
	if err := d.latch.Err(); err != nil {
		return err
	}
	return d.fs.Link(from, to)
}

// Remove implements FS.
func (d *Disk) Remove(name string) error { return d.fs.Remove(name) }

// RemoveAll implements FS.
func (d *Disk) RemoveAll(name string) error { return d.fs.RemoveAll(name) }

// A latched file closes the latch when its sync fails.
type latched struct {
	File
	latch  *Latch
	folder bool
}

func (f *latched) Write(p []byte) (int, error) {
	if err := f.latch.Err(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *latched) Truncate(size int64) error {
	if err := f.latch.Err(); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync makes the file durable. A file that does not fit is no fault of the disk:
// its writer gives it up, and tries again when there is room.
func (f *latched) Sync() error {
	if err := f.latch.Err(); err != nil {
		return err
	}
	err := f.File.Sync()
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if err != nil && !errors.Is(err, os.ErrClosed) && (f.folder || !full) {
		f.latch.Fail(err)
	}
	return err
}
