// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"onrecord/archive/bucket"
)

// SetAside implements bucket.Repairer: the bytes are written under the other
// key first, and only then are theirs removed, in every version, since a
// conditional put would meet a delete marker. Two that repair one object at the
// same moment must not be: "onrecord verify --repair" takes a lock.
func (b *Bucket) SetAside(ctx context.Context, key string, was [32]byte) error {
	if err := bucket.CheckSetAside(key); err != nil {
		return err
	}
	sum, _, err := b.digest(ctx, "set aside", key)
	if err != nil {
		return absent(err)
	}
	if sum != was {
		return fmt.Errorf("set aside %s: its SHA-256 is %x, not %x: %w", key, sum, was, bucket.ErrConflict)
	}
	o, err := b.Open(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	size := o.Size
	if err := o.Close(); err != nil {
		return err
	}
	err = b.Create(ctx, bucket.AsideKey(key, was), bucket.Body{Size: size, SHA256: was, Open: func() (io.ReadCloser, error) {
		o, err := b.Open(ctx, key, 0, -1)
		return o, err
	}})
	if err != nil && !errors.Is(err, bucket.ErrExists) { // an attempt before this one came as far
		return err
	}
	return b.clear(ctx, "set aside", key)
}
