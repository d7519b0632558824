// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"

	"onrecord/archive/bucket"
)

// Forget implements bucket.Eraser.
func (b *Bucket) Forget(ctx context.Context, key string) error {
	if err := bucket.CheckForget(key); err != nil {
		return err
	}
	return b.forget(ctx, key)
}
