// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package filestest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A node is a file or a folder: as it is, and as a disk must have it.
type node struct {
	mode   fs.FileMode
	data   []byte           // of a file
	disk   []byte           // data at the last fsync
	names  map[string]*node // of a folder; nil for a file
	synced map[string]*node // names at the last fsync
}

func (n *node) sync() {
	if n.names == nil {
		n.disk = slices.Clone(n.data)
		return
	}
	clear(n.synced)
	for name, c := range n.names {
		n.synced[name] = c
	}
}

// scan reads a file or folder that is on the disk.
func scan(path string) (*node, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	n := &node{mode: info.Mode()}
	if !info.IsDir() {
		n.data, err = os.ReadFile(path)
		n.disk = slices.Clone(n.data)
		return n, err
	}
	n.names, n.synced = map[string]*node{}, map[string]*node{}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if n.names[e.Name()], err = scan(filepath.Join(path, e.Name())); err != nil {
			return nil, err
		}
	}
	n.sync()
	return n, nil
}

// find returns what is at a path, or nil.
func (m *Machine) find(path string) *node {
	n := m.root
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if part == "." {
			continue
		}
		if n = n.names[part]; n == nil {
			return nil
		}
	}
	return n
}

// set puts n at a path, or nothing.
func (m *Machine) set(path string, n *node) {
	folder := m.find(filepath.Dir(path))
	switch {
	case folder == nil || folder.names == nil:
	case n == nil:
		delete(folder.names, filepath.Base(path))
	default:
		folder.names[filepath.Base(path)] = n
	}
}

// opened returns the node of a path that was opened just now: a new one, or,
// for what somebody wrote past the machine, one that is on the disk.
func (m *Machine) opened(path string, perm fs.FileMode) (*node, error) {
	if n := m.find(path); n != nil {
		return n, nil
	}
	info, err := os.Stat(filepath.Join(m.folder, path))
	if err != nil {
		return nil, err
	}
	n := &node{mode: perm}
	if info.IsDir() || info.Size() > 0 {
		if n, err = scan(filepath.Join(m.folder, path)); err != nil {
			return nil, err
		}
	}
	m.set(path, n)
	return n, nil
}

// A Keep says what of a machine outlives its death.
type Keep struct {
	// All keeps everything: the process died, the machine did not.
	All bool
	// Seed, if it is not 0, keeps by chance of each file and folder either what
	// it held or what was synced, and of a file's new bytes any beginning: disks
	// write in any order. With 0 all is lost that was not synced.
	Seed uint64
}

// Copy writes the machine, as its death leaves it, to a folder that is not there
// yet. What was written past the machine is copied as it is, but sockets and the
// shared memory of SQLite.
func (m *Machine) Copy(to string, k Keep) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := copier{keep: k, from: m.folder}
	if k.Seed != 0 {
		c.rand = rand.New(rand.NewPCG(k.Seed, 0))
	}
	if err := c.known(m.root, to); err != nil {
		return fmt.Errorf("copy of %s: %w", m.folder, err)
	}
	if err := c.others(m.root, ".", to); err != nil {
		return fmt.Errorf("copy of %s: %w", m.folder, err)
	}
	return nil
}

type copier struct {
	keep Keep
	from string
	rand *rand.Rand
}

// known writes a node and what is below it.
func (c *copier) known(n *node, to string) error {
	if n.names == nil {
		return os.WriteFile(to, c.data(n), n.mode.Perm())
	}
	if err := os.MkdirAll(to, n.mode.Perm()); err != nil {
		return err
	}
	names := n.synced
	if c.keep.All || c.rand != nil && c.rand.IntN(2) == 0 {
		names = n.names
	}
	for _, name := range sorted(names) {
		if err := c.known(names[name], filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// data returns what is left of a file.
func (c *copier) data(n *node) []byte {
	switch {
	case c.keep.All:
		return n.data
	case c.rand == nil || len(n.data) <= len(n.disk):
		return n.disk
	}
	return n.data[:len(n.disk)+c.rand.IntN(len(n.data)-len(n.disk)+1)]
}

// others copies what the machine does not know of, in folders that both have.
func (c *copier) others(n *node, path, to string) error {
	entries, err := os.ReadDir(filepath.Join(c.from, path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		if below := n.names[e.Name()]; below != nil {
			if _, err := os.Stat(filepath.Join(to, name)); err != nil || below.names == nil {
				continue
			}
			if err := c.others(below, name, to); err != nil {
				return err
			}
			continue
		}
		if err := c.other(name, to); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) other(name, to string) error {
	info, err := os.Lstat(filepath.Join(c.from, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		n, err := scan(filepath.Join(c.from, name))
		if err != nil {
			return err
		}
		return (&copier{keep: Keep{All: true}}).known(n, filepath.Join(to, name))
	case !info.Mode().IsRegular() || strings.HasSuffix(name, "-shm"):
		return nil
	}
	b, err := os.ReadFile(filepath.Join(c.from, name))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, name), b, info.Mode().Perm())
}

func sorted(names map[string]*node) []string {
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
