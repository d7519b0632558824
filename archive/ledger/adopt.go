// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket"
)

// Adopt makes the head of a copy that has none: behind its checkpoint at come
// leaves, among them, at the index that change names, the event by which fresh
// signs from there on. That swap is the commit point; the objects of the visit
// are put before. Unlike Append it needs no signer of the key before, so it
// refuses a bucket in which there is a head: one that grows is not adopted.
// What follows from the head is left to Publish, with the new signer.
func (l *Ledger) Adopt(ctx context.Context, at Checkpoint, leaves []Leaf, change Rotation, fresh note.Verifier) (Head, error) {
	h, err := l.adopted(ctx, at, leaves, change, fresh)
	if err != nil {
		return Head{}, fmt.Errorf("ledger: adopt size %d: %w", at.Size, err)
	}
	return h, nil
}

func (l *Ledger) adopted(ctx context.Context, at Checkpoint, leaves []Leaf, change Rotation, fresh note.Verifier) (Head, error) {
	if len(leaves) == 0 || len(leaves) > MaxBatch {
		return Head{}, ErrBatch
	}
	before, _, err := l.headOf(ctx, at.Tree)
	if err != nil {
		return Head{}, err
	}
	h := before.next(leaves)
	h.Keys = append(slices.Clone(before.Keys), change)
	r, err := NewKeyring(fresh, h.Keys)
	if err == nil {
		err = r.cut
	}
	switch {
	case err != nil:
		return Head{}, err
	case change.Index < h.From() || change.Index >= h.Size || !same(r.InForce().Verifier, fresh):
		return Head{}, fmt.Errorf("%w: its event has index %d, the batch goes from %d to %d", ErrRotation, change.Index, h.From(), h.Size)
	}
	body, err := l.encode(h)
	if err != nil {
		return Head{}, err
	}
	if h, err = decode(body); err != nil {
		return Head{}, err
	}
	if h.tag, err = l.b.Swap(ctx, HeadKey, bucket.Absent(), body); err != nil {
		return Head{}, err
	}
	return h, l.writeKeys(ctx, h.Tree, h)
}

// PublishKeys writes the changes of the log key that a head has, before anybody
// opens the ledger with the last of them: what an interrupted Adopt left.
func (l *Ledger) PublishKeys(ctx context.Context, h Head) error {
	if err := h.check(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := l.writeKeys(ctx, h.Tree, h); err != nil {
		return fmt.Errorf("ledger: changes of the log key: %w", err)
	}
	return nil
}
