// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"
	"fmt"

	"onrecord/archive/bucket"
)

// SetAside is the operation of a bucket.Repairer.
const SetAside Op = "set aside"

// SetAside implements bucket.Repairer; errors.ErrUnsupported if the bucket below
// does not.
func (b *Bucket) SetAside(ctx context.Context, key string, was [32]byte) error {
	r, ok := b.b.(bucket.Repairer)
	if !ok {
		return fmt.Errorf("%s %s: %w", SetAside, key, errors.ErrUnsupported)
	}
	return b.do(ctx, SetAside, key, func() error { return r.SetAside(ctx, key, was) })
}
