// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"errors"
	"fmt"

	"onrecord/archive/bucket"
)

// SetAside implements bucket.Repairer; errors.ErrUnsupported if the bucket below
// does not. It has one attempt: a repair looks for itself what became of it.
func (b *Bucket) SetAside(ctx context.Context, key string, was [32]byte) error {
	r, ok := b.b.(bucket.Repairer)
	if !ok {
		return fmt.Errorf("set aside %s: %w", key, errors.ErrUnsupported)
	}
	return r.SetAside(ctx, key, was)
}
