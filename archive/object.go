// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"

	"onrecord"
	"onrecord/archive/bucket"
)

// Object opens n bytes of a stored object or register from off, as they are and
// unchecked: for strangers, who check them themselves. n < 0 reads to the end.
// What is not there is onrecord.ErrNotFound.
func (a *Archive) Object(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	o, err := a.b.Open(ctx, key, off, n)
	if errors.Is(err, bucket.ErrNotExist) {
		err = fmt.Errorf("%w: %w", onrecord.ErrNotFound, err)
	}
	return o, outOfReach(err)
}
