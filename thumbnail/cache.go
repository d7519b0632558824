// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package thumbnail

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// failedFor is how long it is remembered that there is no picture of a file.
const failedFor = 24 * time.Hour

// A cache keeps small pictures on disk: a file each, named by the digest of the
// large one; an empty file says that there is none. Nothing of it is needed.
type cache struct {
	dir   string
	limit int64
	now   func() time.Time

	mu   sync.Mutex
	used int64 // bytes; guarded by mu
}

func openCache(dir string, limit int64, now func() time.Time) (*cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &cache{dir: dir, limit: limit, now: now}
	list, err := c.files()
	for _, f := range list {
		c.used += f.Size()
	}
	return c, err
}

func (c *cache) path(sum string) string { return filepath.Join(c.dir, sum+".jpg") }

// get returns what is kept; ok is false if that is nothing. ErrNone says that no
// picture can be made.
func (c *cache) get(sum string) (b []byte, ok bool, err error) {
	b, err = os.ReadFile(c.path(sum))
	if err != nil {
		return nil, false, nil // it is made again
	}
	if len(b) > 0 {
		return b, true, nil
	}
	info, err := os.Stat(c.path(sum))
	if err != nil || c.now().Sub(info.ModTime()) > failedFor {
		return nil, false, nil
	}
	return nil, true, fmt.Errorf("%w: it was tried at %s", ErrNone, info.ModTime().UTC().Format(time.RFC3339))
}

// put keeps b, or that there is nothing to keep. What can't be written is made
// again.
func (c *cache) put(sum string, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tmp := c.path(sum) + "~"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		_ = os.Remove(tmp)
		return
	}
	if os.Rename(tmp, c.path(sum)) != nil {
		return
	}
	if c.used += int64(len(b)) + 1; c.used > c.limit {
		c.prune()
	}
}

// prune removes the oldest until a fifth is free.
func (c *cache) prune() {
	list, err := c.files()
	if err != nil {
		return
	}
	slices.SortFunc(list, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	c.used = 0
	for _, f := range list {
		c.used += f.Size() + 1
	}
	for _, f := range list {
		if c.used <= c.limit*4/5 {
			return
		}
		if err := os.Remove(filepath.Join(c.dir, f.Name())); err == nil || errors.Is(err, fs.ErrNotExist) {
			c.used -= f.Size() + 1
		}
	}
}

func (c *cache) files() ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, err
	}
	var list []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			list = append(list, info)
		}
	}
	return list, nil
}
