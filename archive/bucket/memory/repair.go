// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"crypto/sha256"
	"fmt"

	"onrecord/archive/bucket"
)

// SetAside implements bucket.Repairer.
func (b *Bucket) SetAside(ctx context.Context, key string, was [32]byte) error {
	if err := bucket.CheckSetAside(key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	e, ok := b.entries[key]
	switch {
	case !ok:
		return fmt.Errorf("set aside %s: %w", key, bucket.ErrNotExist)
	case sha256.Sum256(e.body) != was:
		return fmt.Errorf("set aside %s: %w", key, bucket.ErrConflict)
	}
	b.drop(key)
	return b.put(bucket.AsideKey(key, was), e)
}
