// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package files is the seam between the record and the file system: all that
// the spool, the folder bucket and the ledger's high-water mark write goes
// through an [FS]. Reading does not; what is read is what the system shows.
//
// The seam has two uses. Tests stand between the record and the disk (package
// filestest), and stop, refuse or lie at any write. And a [Latch] sees each
// sync that fails: after an fsync that failed nobody knows what is on the disk
// (ATC'20, "Can applications recover from fsync failures?"), so a process
// writes nothing more until it is started again.
package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// An Opener opens files. A folder is opened for reading, to be synced.
type Opener interface {
	Open(name string, flag int, perm fs.FileMode) (File, error)
}

// A Tree changes names. Each method is that of package os; RemoveAll of what is
// not there is no error.
type Tree interface {
	Mkdir(name string, perm fs.FileMode) error
	Rename(from, to string) error
	Link(from, to string) error
	Remove(name string) error
	RemoveAll(name string) error
}

// An FS writes to a file system. It is safe for concurrent use.
type FS interface {
	Opener
	Tree
}

// A File is a file or folder that is open for writing, or for being synced.
type File interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
	Chmod(mode fs.FileMode) error
}

// OS returns the file system as it is; names are paths of the system.
func OS() FS { return system{} }

type system struct{}

func (system) Open(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (system) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }
func (system) Rename(from, to string) error              { return os.Rename(from, to) }
func (system) Link(from, to string) error                { return os.Link(from, to) }
func (system) Remove(name string) error                  { return os.Remove(name) }
func (system) RemoveAll(name string) error               { return os.RemoveAll(name) }

// In returns the file system below root, which no name and no symbolic link
// leads out of. Names are relative to it.
func In(root *os.Root) FS { return below{root} }

type below struct{ root *os.Root }

func (b below) Open(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := b.root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b below) Mkdir(name string, perm fs.FileMode) error { return b.root.Mkdir(name, perm) }
func (b below) Rename(from, to string) error              { return b.root.Rename(from, to) }
func (b below) Link(from, to string) error                { return b.root.Link(from, to) }
func (b below) Remove(name string) error                  { return b.root.Remove(name) }
func (b below) RemoveAll(name string) error               { return b.root.RemoveAll(name) }

// SyncFolder makes the names in a folder durable.
func SyncFolder(fsys FS, name string) error {
	f, err := fsys.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
