// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// LeavesOf yields the leaves [from, to) of a published tree t, each checked
// against its root, whatever head and checkpoint say: for those who verify a
// ledger whose registers are damaged. An error comes alone and ends the
// sequence.
func (l *Ledger) LeavesOf(ctx context.Context, t Tree, from, to int64) iter.Seq2[Leaf, error] {
	return func(yield func(Leaf, error) bool) {
		err := ErrIndex
		if from >= 0 && from <= to && to <= t.Size {
			err = l.walk(ctx, t, from, to, func(leaf Leaf) bool { return yield(leaf, nil) })
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Leaf{}, fmt.Errorf("ledger: leaves %d to %d of %d: %w", from, to, t.Size, err))
		}
	}
}

// HeadExtends proves that h, published or not, has the tree t as its beginning:
// from its batch, and below that from tiles. It returns ErrRolledBack if h is
// smaller, ErrTampered if the proof fails.
func (l *Ledger) HeadExtends(ctx context.Context, h Head, t Tree) error {
	if err := h.check(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := l.extendedBy(ctx, t, h); err != nil {
		return fmt.Errorf("ledger: head of size %d: %w", h.Size, err)
	}
	return nil
}
