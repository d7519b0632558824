// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// OpenReplica opens a replica for reading as if it were an archive: a replica
// has no head, so the head is made from its checkpoint. It takes no signer.
// ErrReplica says that the bucket has a head of its own; Open opens that.
func OpenReplica(ctx context.Context, b bucket.Bucket, o Options) (*Archive, error) {
	o.Signer, o.StateDir = nil, ""
	v := &headless{Bucket: b}
	a, err := Open(ctx, v, o)
	if err != nil {
		return nil, err
	}
	v.ledger = a.ledger.On(b)
	switch _, _, err := b.Load(ctx, ledger.HeadKey); {
	case err == nil:
		return nil, fmt.Errorf("%w: it has a %s of its own", ErrReplica, ledger.HeadKey)
	case !errors.Is(err, bucket.ErrNotExist):
		return nil, outOfReach(fmt.Errorf("%s: %w", ledger.HeadKey, err))
	}
	return a, nil
}

// A headless is a replica as a bucket that is read: it has the head that its
// checkpoint leads to.
type headless struct {
	bucket.Bucket
	ledger *ledger.Ledger // as the replica has it

	mu   sync.Mutex
	of   ledger.Tree // guarded by mu
	body []byte      // of log/head at that tree; guarded by mu
}

// Load implements bucket.Bucket.
func (v *headless) Load(ctx context.Context, key string) ([]byte, bucket.Tag, error) {
	if key != ledger.HeadKey || v.ledger == nil {
		return v.Bucket.Load(ctx, key)
	}
	c, err := v.ledger.Checkpoint(ctx)
	if err != nil {
		return nil, bucket.Tag{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.body == nil || v.of != c.Tree {
		_, body, err := v.ledger.HeadOf(ctx, c.Tree)
		if err != nil {
			return nil, bucket.Tag{}, err
		}
		v.of, v.body = c.Tree, body
	}
	return v.body, bucket.TagOf(v.body), nil
}
