// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package memory is a bucket in a map: for tests, for models and for trying
// things out. Nothing in it is durable.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"onrecord/archive/bucket"
)

// A Bucket is a bucket.Bucket and a bucket.Pruner in memory. The zero Bucket is
// empty and ready for use. It must not be copied; see Clone.
type Bucket struct {
	mu      sync.Mutex
	entries map[string]entry // guarded by mu
	folders map[string]int   // how many keys lie below a folder; guarded by mu
}

// An entry is what lies under a key. Its bytes never change.
type entry struct {
	body     []byte
	register bool
}

// Clone returns a bucket that holds what b holds now and then goes its own
// way. Bytes are shared, so that a model can branch at every step.
func (b *Bucket) Clone() *Bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &Bucket{entries: maps.Clone(b.entries), folders: maps.Clone(b.folders)}
}

// Create implements bucket.Bucket.
func (b *Bucket) Create(ctx context.Context, key string, body bucket.Body) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := body.CopyTo(ctx, &buf); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := b.entries[key]; ok {
		return fmt.Errorf("create %s: %w", key, bucket.ErrExists)
	}
	return b.put(key, entry{body: buf.Bytes()})
}

// put stores e under key if no other key is in the way. b.mu is held.
func (b *Bucket) put(key string, e entry) error {
	if _, old := b.entries[key]; !old {
		if b.folders[key] > 0 {
			return fmt.Errorf("%s is the beginning of other keys: %w", key, bucket.ErrKey)
		}
		for folder := range folders(key) {
			if _, ok := b.entries[folder]; ok {
				return fmt.Errorf("%s begins with the key %s: %w", key, folder, bucket.ErrKey)
			}
		}
		if b.entries == nil {
			b.entries, b.folders = map[string]entry{}, map[string]int{}
		}
		for folder := range folders(key) {
			b.folders[folder]++
		}
	}
	b.entries[key] = e
	return nil
}

// folders yields the segment-wise beginnings of key, without key itself.
func folders(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(key) {
			if key[i] == '/' && !yield(key[:i]) {
				return
			}
		}
	}
}

// Open implements bucket.Bucket.
func (b *Bucket) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	e, err := b.get(ctx, key)
	if err != nil {
		return bucket.Object{}, err
	}
	size := int64(len(e.body))
	n, err = bucket.CheckRange(off, n, size)
	if err != nil {
		return bucket.Object{}, fmt.Errorf("open %s: %w", key, err)
	}
	return bucket.Object{ReadCloser: io.NopCloser(bytes.NewReader(e.body[off : off+n])), Size: size}, nil
}

func (b *Bucket) get(ctx context.Context, key string) (entry, error) {
	if err := bucket.CheckKey(key); err != nil {
		return entry{}, err
	}
	if err := ctx.Err(); err != nil {
		return entry{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.entries[key]
	if !ok {
		return entry{}, fmt.Errorf("%s: %w", key, bucket.ErrNotExist)
	}
	return e, nil
}

// Load implements bucket.Bucket.
func (b *Bucket) Load(ctx context.Context, key string) ([]byte, bucket.Tag, error) {
	e, err := b.get(ctx, key)
	if err != nil {
		return nil, bucket.Tag{}, err
	}
	if len(e.body) > bucket.MaxRegister {
		return nil, bucket.Tag{}, fmt.Errorf("load %s: %w", key, bucket.ErrTooLarge)
	}
	return bytes.Clone(e.body), bucket.TagOf(e.body), nil
}

// Swap implements bucket.Bucket. What Create has stored is never replaced:
// that is ErrKey.
func (b *Bucket) Swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (bucket.Tag, error) {
	if err := bucket.CheckSwap(key, cond, body); err != nil {
		return bucket.Tag{}, err
	}
	absent, tag, err := cond.Parts()
	if err != nil {
		return bucket.Tag{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return bucket.Tag{}, err
	}
	old, ok := b.entries[key]
	if ok == absent || !absent && bucket.TagOf(old.body) != tag {
		return bucket.Tag{}, fmt.Errorf("swap %s: %w", key, bucket.ErrConflict)
	}
	if ok && !old.register {
		return bucket.Tag{}, fmt.Errorf("swap %s, which is an object: %w", key, bucket.ErrKey)
	}
	if err := b.put(key, entry{body: bytes.Clone(body), register: true}); err != nil {
		return bucket.Tag{}, err
	}
	return bucket.TagOf(body), nil
}

// List implements bucket.Bucket. It yields what was there when it began.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		if err := bucket.CheckPrefix(prefix); err != nil {
			yield(bucket.Info{}, err)
			return
		}
		if err := ctx.Err(); err != nil {
			yield(bucket.Info{}, err)
			return
		}
		for _, info := range b.listing(prefix, after) {
			if err := ctx.Err(); err != nil {
				yield(bucket.Info{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (b *Bucket) listing(prefix, after string) []bucket.Info {
	b.mu.Lock()
	defer b.mu.Unlock()
	var infos []bucket.Info
	for key, e := range b.entries {
		if key > after && strings.HasPrefix(key, prefix) {
			infos = append(infos, bucket.Info{Key: key, Size: int64(len(e.body))})
		}
	}
	slices.SortFunc(infos, func(x, y bucket.Info) int { return strings.Compare(x.Key, y.Key) })
	return infos
}

// Prune implements bucket.Pruner.
func (b *Bucket) Prune(ctx context.Context, key string) error {
	if err := bucket.CheckPrune(key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := b.entries[key]; ok {
		b.drop(key)
	}
	return nil
}

// drop removes a key that is there. b.mu is held.
func (b *Bucket) drop(key string) {
	delete(b.entries, key)
	for folder := range folders(key) {
		if b.folders[folder]--; b.folders[folder] == 0 {
			delete(b.folders, folder)
		}
	}
}

// Damage replaces the bytes under key by what change makes of a copy of them,
// or removes the key where change returns nil, as a failing store or a
// dishonest operator would: against every rule. It reports whether the key was
// there. It is for tests of what notices.
func (b *Bucket) Damage(key string, change func([]byte) []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.entries[key]
	if !ok {
		return false
	}
	e.body = change(bytes.Clone(e.body))
	if e.body == nil {
		b.drop(key)
		return true
	}
	b.entries[key] = e
	return true
}
