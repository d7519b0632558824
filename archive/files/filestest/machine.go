// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package filestest is a machine for tests that dies when it is told to: a file
// system that records what is written, stops the world at a chosen operation,
// refuses it, or carries it out and reports an error; and that says what would
// be on the disk after a power cut.
//
// It writes through to a real folder, so that what reads sees what is written.
// Beside that it keeps what a disk that does no more than it must would hold: of
// a file the bytes at its last fsync, of a folder the names at its last fsync.
package filestest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"onrecord/archive/files"
)

// ErrDead is the answer to everything after the machine, or its process, died.
var ErrDead = errors.New("the process is gone")

// A Kind is what an operation does.
type Kind string

// The operations. A Create makes a file; opening one that is there is none.
const (
	Write    Kind = "write"
	Sync     Kind = "sync"
	Rename   Kind = "rename"
	Link     Kind = "link"
	Create   Kind = "create"
	Mkdir    Kind = "mkdir"
	Truncate Kind = "truncate"
	Remove   Kind = "remove"
)

// An Op is one operation. Names are relative to the machine's folder.
type Op struct {
	N    int // counted from 1, of those that count
	Kind Kind
	Name string
	To   string // of Rename and Link
}

// String is such as "17 rename a/b -> a/c".
func (o Op) String() string {
	s := fmt.Sprintf("%d %s %s", o.N, o.Kind, o.Name)
	if o.To != "" {
		s += " -> " + o.To
	}
	return s
}

// A How says what happens at an operation.
type How string

// What happens. Of a Write that is not carried out one half is on the disk.
const (
	Before  How = "before"  // the process dies before it
	After   How = "after"   // the process dies after it
	Refused How = "refused" // it is not carried out, and an error says so
	Lied    How = "lied"    // it is carried out, and an error reported
)

// Options say what a Machine counts, and what befalls it.
type Options struct {
	Counts []Kind        // the operations that are counted
	Match  func(Op) bool // and which of them; nil for all
	At     int           // the operation that is struck; 0 for none
	How    How
	// Died is called at the moment of death, while the operation waits. The
	// machine can be copied then.
	Died func()
}

// A Machine is a folder whose writes are watched. It is safe for concurrent use.
type Machine struct {
	folder string
	o      Options

	mu   sync.Mutex // guards what follows
	root *node
	ops  []Op
	dead bool
}

// New watches a folder. What it holds now is on the disk.
func New(folder string, o Options) (*Machine, error) {
	m := &Machine{folder: filepath.Clean(folder), o: o}
	var err error
	m.root, err = scan(m.folder)
	return m, err
}

// Ops returns the operations that were counted.
func (m *Machine) Ops() []Op {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.ops)
}

// Struck returns the operation that was struck, if it came to that.
func (m *Machine) Struck() (Op, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.o.At == 0 || len(m.ops) < m.o.At {
		return Op{}, false
	}
	return m.ops[m.o.At-1], true
}

// Wrap stands between a package and its file system, for files.Seam.Wrap. Names
// that are no absolute paths are below the folder base.
func (m *Machine) Wrap(base string) func(files.FS) files.FS {
	return func(real files.FS) files.FS { return &view{m: m, base: base, real: real} }
}

// do carries out an operation, unless it is the one that is struck. Half does
// what a refused or forestalled operation leaves on the disk; it may be nil.
func (m *Machine) do(op Op, all, half func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return ErrDead
	}
	if !slices.Contains(m.o.Counts, op.Kind) || m.o.Match != nil && !m.o.Match(op) {
		return all()
	}
	op.N = len(m.ops) + 1
	m.ops = append(m.ops, op)
	if op.N != m.o.At {
		return all()
	}
	var err error
	if m.o.How == After || m.o.How == Lied {
		err = all()
	} else if half != nil {
		err = half()
	}
	if err != nil {
		return err
	}
	if m.o.How == Before || m.o.How == After {
		m.dead = true
		if m.o.Died != nil {
			m.mu.Unlock()
			m.o.Died()
			m.mu.Lock()
		}
		return ErrDead
	}
	return &os.PathError{Op: string(op.Kind), Path: op.Name, Err: errnoOf(op.Kind)}
}

// errnoOf is how an operation fails: a sync with an error of the device, all
// else because the disk is full.
func errnoOf(k Kind) error {
	if k == Sync {
		return syscall.EIO
	}
	return syscall.ENOSPC
}

// A view is a Machine as the file system of one package.
type view struct {
	m    *Machine
	base string
	real files.FS
}

// path returns a name relative to the machine's folder.
func (v *view) path(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(v.base, name)
	}
	rel, err := filepath.Rel(v.m.folder, name)
	if err != nil {
		return name
	}
	return rel
}

// Open implements files.FS.
func (v *view) Open(name string, flag int, perm fs.FileMode) (files.File, error) {
	path := v.path(name)
	var out files.File
	open := func() error {
		f, err := v.real.Open(name, flag, perm)
		if err != nil {
			return err
		}
		n, err := v.m.opened(path, perm)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		out = &file{m: v.m, n: n, name: path, real: f}
		return nil
	}
	v.m.mu.Lock()
	made := flag&os.O_CREATE != 0 && v.m.find(path) == nil
	v.m.mu.Unlock()
	kind := Kind("open")
	if made {
		kind = Create
	}
	if err := v.m.do(Op{Kind: kind, Name: path}, open, nil); err != nil {
		if out != nil {
			err = errors.Join(err, out.Close())
		}
		return nil, err
	}
	return out, nil
}

// Mkdir implements files.FS.
func (v *view) Mkdir(name string, perm fs.FileMode) error {
	path := v.path(name)
	return v.m.do(Op{Kind: Mkdir, Name: path}, func() error {
		if err := v.real.Mkdir(name, perm); err != nil {
			return err
		}
		v.m.set(path, &node{mode: fs.ModeDir | perm, names: map[string]*node{}, synced: map[string]*node{}})
		return nil
	}, nil)
}

// Rename implements files.FS.
func (v *view) Rename(from, to string) error {
	a, b := v.path(from), v.path(to)
	return v.m.do(Op{Kind: Rename, Name: a, To: b}, func() error {
		if err := v.real.Rename(from, to); err != nil {
			return err
		}
		n := v.m.find(a)
		v.m.set(a, nil)
		v.m.set(b, n)
		return nil
	}, nil)
}

// Link implements files.FS.
func (v *view) Link(from, to string) error {
	a, b := v.path(from), v.path(to)
	return v.m.do(Op{Kind: Link, Name: a, To: b}, func() error {
		if err := v.real.Link(from, to); err != nil {
			return err
		}
		v.m.set(b, v.m.find(a))
		return nil
	}, nil)
}

// Remove implements files.FS.
func (v *view) Remove(name string) error {
	path := v.path(name)
	return v.m.do(Op{Kind: Remove, Name: path}, func() error {
		if err := v.real.Remove(name); err != nil {
			return err
		}
		v.m.set(path, nil)
		return nil
	}, nil)
}

// RemoveAll implements files.FS. Cut off, it has removed the files whose names
// are in the first half.
func (v *view) RemoveAll(name string) error {
	path := v.path(name)
	all := func() error {
		if err := v.real.RemoveAll(name); err != nil {
			return err
		}
		v.m.set(path, nil)
		return nil
	}
	half := func() error {
		entries, _ := os.ReadDir(filepath.Join(v.m.folder, path)) // it may be a file, or not there
		for _, e := range entries[:len(entries)/2] {
			if err := v.real.RemoveAll(strings.TrimSuffix(name, "/") + "/" + e.Name()); err != nil {
				return err
			}
			v.m.set(filepath.Join(path, e.Name()), nil)
		}
		return nil
	}
	return v.m.do(Op{Kind: Remove, Name: path}, all, half)
}

// A file is an open file of a machine.
type file struct {
	m    *Machine
	n    *node
	name string
	real files.File
}

func (f *file) Write(p []byte) (int, error) {
	n := 0
	write := func(p []byte) error {
		done, err := f.real.Write(p)
		f.n.data = append(f.n.data, p[:done]...)
		n = done
		return err
	}
	err := f.m.do(Op{Kind: Write, Name: f.name}, func() error { return write(p) }, func() error { return write(p[:len(p)/2]) })
	return n, err
}

func (f *file) Sync() error {
	return f.m.do(Op{Kind: Sync, Name: f.name}, func() error { f.n.sync(); return nil }, nil)
}

func (f *file) Truncate(size int64) error {
	return f.m.do(Op{Kind: Truncate, Name: f.name}, func() error {
		if err := f.real.Truncate(size); err != nil {
			return err
		}
		f.n.data = slices.Clone(f.n.data[:min(int(size), len(f.n.data))])
		return nil
	}, nil)
}

func (f *file) Chmod(mode fs.FileMode) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.m.dead {
		return ErrDead
	}
	f.n.mode = mode
	return f.real.Chmod(mode)
}

func (f *file) Close() error { return f.real.Close() }
