// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"

	"onrecord/archive/bucket"
)

// Replace implements bucket.Eraser.
func (b *Bucket) Replace(ctx context.Context, key string, was [32]byte, body bucket.Body) error {
	if err := bucket.CheckReplace(key); err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := body.CopyTo(ctx, &buf); err != nil {
		return fmt.Errorf("replace %s: %w", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	e, ok := b.entries[key]
	switch {
	case !ok:
		return fmt.Errorf("replace %s: %w", key, bucket.ErrNotExist)
	case e.register:
		return fmt.Errorf("replace %s, which is a register: %w", key, bucket.ErrKey)
	case sha256.Sum256(e.body) != was:
		return fmt.Errorf("replace %s: %w", key, bucket.ErrConflict)
	}
	b.entries[key] = entry{body: buf.Bytes()}
	return nil
}

// Remove implements bucket.Eraser.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	if err := bucket.CheckRemove(key); err != nil {
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

// Forget implements bucket.Eraser: there are no older versions.
func (b *Bucket) Forget(ctx context.Context, key string) error {
	return cmp.Or(bucket.CheckForget(key), ctx.Err())
}

// Erases implements bucket.Eraser: memory keeps nothing.
func (b *Bucket) Erases(ctx context.Context) error { return ctx.Err() }
