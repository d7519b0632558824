// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"onrecord/archive/bucket"
)

// Replace implements bucket.Eraser. The new bytes are renamed over the old
// ones under the lock that registers have, so that of two that replace the same
// bytes one gets ErrConflict. A file system keeps no older version of a file;
// whether its blocks are overwritten, and what its snapshots hold, is not known
// here (docs/operations.md).
func (b *Bucket) Replace(ctx context.Context, key string, was [32]byte, body bucket.Body) error {
	if err := bucket.CheckReplace(key); err != nil {
		return err
	}
	if err := b.replace(ctx, key, was, body); err != nil {
		return fmt.Errorf("replace %s: %w", key, err)
	}
	return nil
}

func (b *Bucket) replace(ctx context.Context, key string, was [32]byte, body bucket.Body) (err error) {
	if err := b.writable(ctx); err != nil {
		return err
	}
	tmp, err := b.temp(func(w io.Writer) error { return body.CopyTo(ctx, w) }, 0o444)
	if err != nil {
		return err
	}
	renamed := false
	defer func() {
		if !renamed {
			err = errors.Join(err, b.disk.Remove(tmp))
		}
	}()
	release, err := b.lock(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := b.objectIs(ctx, key, was); err != nil {
		return err
	}
	if err := b.writable(ctx); err != nil {
		return err
	}
	if err := b.disk.Rename(tmp, key); err != nil {
		return err
	}
	renamed = true
	return b.syncFolder(path.Dir(key))
}

// objectIs returns ErrConflict unless the object under key has the bytes whose
// SHA-256 is was. The key says that it is no register: copies of a folder do not
// always keep the modes of its files.
func (b *Bucket) objectIs(ctx context.Context, key string, was [32]byte) error {
	sum, err := b.sumOf(ctx, key)
	if err != nil {
		return err
	}
	if sum != was {
		return bucket.ErrConflict
	}
	return nil
}

// sumOf returns the SHA-256 of what is under key.
func (b *Bucket) sumOf(ctx context.Context, key string) ([32]byte, error) {
	o, err := b.Open(ctx, key, 0, -1)
	if err != nil {
		return [32]byte{}, err
	}
	h := sha256.New()
	_, err = io.Copy(h, o)
	return [32]byte(h.Sum(nil)), errors.Join(err, o.Close())
}

// Remove implements bucket.Eraser.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	if err := bucket.CheckRemove(key); err != nil {
		return err
	}
	if err := b.writable(ctx); err != nil {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	switch err := b.disk.Remove(key); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("remove %s: %w", key, err)
	}
	return b.syncFolder(path.Dir(key))
}

// Forget implements bucket.Eraser: there are no older versions.
func (b *Bucket) Forget(ctx context.Context, key string) error {
	return cmp.Or(bucket.CheckForget(key), ctx.Err())
}

// Erases implements bucket.Eraser: a folder keeps no older versions.
func (b *Bucket) Erases(ctx context.Context) error { return b.writable(ctx) }
