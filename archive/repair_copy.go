// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"slices"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// openCopy opens a copy of an archive for reading, a replica or one with a head.
// One that was last filled before the log key was changed knows the newer keys
// not: it is opened with the newest of the keys of the archive that it knows,
// all of which follow from o.Verifier.
func openCopy(ctx context.Context, b bucket.Bucket, o Options, keys func(context.Context) (*ledger.Keyring, error)) (*Archive, error) {
	a, first := openEither(ctx, b, o)
	if !errors.Is(first, ErrKey) {
		return a, first
	}
	ring, err := keys(ctx)
	if err != nil {
		return nil, first
	}
	for _, k := range slices.Backward(ring.Keys()) {
		o.Verifier = k.Verifier
		if a, err := openEither(ctx, b, o); !errors.Is(err, ErrKey) {
			return a, err
		}
	}
	return nil, first
}

// openEither opens a replica or an archive for reading.
func openEither(ctx context.Context, b bucket.Bucket, o Options) (*Archive, error) {
	a, err := OpenReplica(ctx, b, o)
	if errors.Is(err, ErrReplica) {
		a, err = Open(ctx, b, o)
	}
	return a, err
}
