// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"

	"onrecord/archive/bucket"
)

// OpenOutside opens an archive that somebody else serves, as OpenToVerify does,
// and believes only what its checkpoint signs: the head, which nobody signs, is
// made from that.
func OpenOutside(ctx context.Context, b bucket.Bucket, o Options) (*Archive, error) {
	o.Signer, o.StateDir = nil, ""
	v := &headless{Bucket: b}
	a, err := OpenToVerify(ctx, v, o)
	if err != nil {
		return nil, err
	}
	v.ledger = a.ledger.On(b)
	return a, nil
}

// upTo returns what the erasures below size order: those that a checkpoint of
// that size vouches for.
func (r *Redactions) upTo(size int64) *Redactions {
	if r == nil {
		return nil
	}
	out := r.clone()
	out.size = min(r.size, size)
	out.leaves, out.objects, out.erasures = map[int64]string{}, map[string]Redacted{}, nil
	for _, o := range r.erasures {
		if o.Index < size {
			out.order(o)
		}
	}
	return out
}
