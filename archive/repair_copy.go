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

// openCopy opens a copy of an archive for reading, a replica or one with a head,
// of which only what its checkpoint signs is read.
// One that was last filled before the log key was changed knows the newer keys
// not: it is opened with the newest of the keys of the archive that it knows,
// all of which follow from o.Verifier.
func openCopy(ctx context.Context, b bucket.Bucket, o Options, keys func(context.Context) (*ledger.Keyring, error)) (*Archive, error) {
	a, first := openSigned(ctx, b, o)
	if !errors.Is(first, ErrKey) {
		return a, first
	}
	ring, err := keys(ctx)
	if err != nil {
		return nil, first
	}
	for _, k := range slices.Backward(ring.Keys()) {
		o.Verifier = k.Verifier
		if a, err := openSigned(ctx, b, o); !errors.Is(err, ErrKey) {
			return a, err
		}
	}
	return nil, first
}

// openSigned opens a replica or an archive for reading, up to its checkpoint:
// nobody signs a head.
func openSigned(ctx context.Context, b bucket.Bucket, o Options) (*Archive, error) {
	o.Signer, o.StateDir = nil, ""
	v := &headless{Bucket: b}
	a, err := Open(ctx, v, o)
	if err != nil {
		return nil, err
	}
	v.ledger = a.ledger.On(b)
	return a, nil
}
