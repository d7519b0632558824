// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"
	"fmt"

	"onrecord/archive/bucket"
)

// The operations of a bucket.Eraser.
const (
	Replace Op = "replace"
	Remove  Op = "remove"
	Forget  Op = "forget"
)

// eraser returns the bucket below, if it is one.
func (b *Bucket) eraser(op Op, key string) (bucket.Eraser, error) {
	e, ok := b.b.(bucket.Eraser)
	if !ok {
		return nil, fmt.Errorf("%s %s: %w", op, key, errors.ErrUnsupported)
	}
	return e, nil
}

// Replace implements bucket.Eraser; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) Replace(ctx context.Context, key string, was [32]byte, body bucket.Body) error {
	e, err := b.eraser(Replace, key)
	if err != nil {
		return err
	}
	return b.do(ctx, Replace, key, func() error { return e.Replace(ctx, key, was, body) })
}

// Remove implements bucket.Eraser; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	e, err := b.eraser(Remove, key)
	if err != nil {
		return err
	}
	return b.do(ctx, Remove, key, func() error { return e.Remove(ctx, key) })
}

// Forget implements bucket.Eraser; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) Forget(ctx context.Context, key string) error {
	e, err := b.eraser(Forget, key)
	if err != nil {
		return err
	}
	return b.do(ctx, Forget, key, func() error { return e.Forget(ctx, key) })
}

// Erases implements bucket.Eraser: what the bucket below says.
func (b *Bucket) Erases(ctx context.Context) error {
	e, err := b.eraser("erases", "")
	if err != nil {
		return err
	}
	return e.Erases(ctx)
}
