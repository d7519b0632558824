// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"onrecord/archive/bucket"
)

// List implements bucket.Bucket. A folder is read whole, so memory grows with
// the largest folder.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		err := bucket.CheckPrefix(prefix)
		if err == nil {
			w := walk{ctx: ctx, fsys: b.root.FS(), prefix: prefix, after: after, yield: yield}
			folder := ""
			if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
				folder = prefix[:i+1]
			}
			err = w.folder(folder)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(bucket.Info{}, fmt.Errorf("list %q: %w", prefix, err))
		}
	}
}

// errStop ends a walk whose caller has seen enough.
var errStop = errors.New("stop")

// A walk is one listing.
type walk struct {
	ctx           context.Context
	fsys          fs.FS
	prefix, after string
	yield         func(bucket.Info, error) bool
}

// A child is an entry of a folder with the string that orders its keys: its
// path, for a folder with the "/" that its keys go on with. (The order of a
// folder's entries is not that of keys: b-1 < b/1.)
type child struct {
	key   string
	entry fs.DirEntry
}

// folder lists what lies below a folder, whose path ends in "/" or is empty.
func (w *walk) folder(folder string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	name := strings.TrimSuffix(folder, "/")
	if name == "" {
		name = "."
	}
	if !fs.ValidPath(name) {
		return nil // such as "a//": no key begins so
	}
	entries, err := fs.ReadDir(w.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // pruned meanwhile, or no such prefix
	}
	if info, statErr := fs.Stat(w.fsys, name); err != nil && statErr == nil && !info.IsDir() {
		return nil // the prefix goes on after a whole key
	}
	if err != nil {
		return err
	}
	for _, c := range w.children(folder, entries) {
		if err := w.child(c); err != nil {
			return err
		}
	}
	return nil
}

// children returns the entries that may hold keys of the listing, in order.
func (w *walk) children(folder string, entries []fs.DirEntry) []child {
	var cs []child
	for _, e := range entries {
		key := folder + e.Name()
		if bucket.CheckKey(key) != nil {
			continue // temporary and lock files, and what is not ours
		}
		if e.IsDir() {
			key += "/"
		} else if !e.Type().IsRegular() {
			continue
		}
		inPrefix := strings.HasPrefix(key, w.prefix) || e.IsDir() && strings.HasPrefix(w.prefix, key)
		isAfter := key > w.after || e.IsDir() && strings.HasPrefix(w.after, key)
		if inPrefix && isAfter {
			cs = append(cs, child{key, e})
		}
	}
	slices.SortFunc(cs, func(x, y child) int { return strings.Compare(x.key, y.key) })
	return cs
}

func (w *walk) child(c child) error {
	if c.entry.IsDir() {
		return w.folder(c.key)
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	info, err := c.entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !w.yield(bucket.Info{Key: c.key, Size: info.Size()}, nil) {
		return errStop
	}
	return nil
}
