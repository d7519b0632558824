// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord"
)

// Extends proves from tiles that the tree to has from as its beginning. Both
// must be published. It returns ErrRolledBack if to is smaller, ErrTampered if
// the proof fails.
func (l *Ledger) Extends(ctx context.Context, from, to Tree) error {
	if err := l.extends(ctx, from, to); err != nil {
		return fmt.Errorf("ledger: from %d to %d: %w", from.Size, to.Size, err)
	}
	return nil
}

func (l *Ledger) extends(ctx context.Context, from, to Tree) error {
	switch {
	case from.Size < 0 || to.Size < from.Size:
		return ErrRolledBack
	case from.Size == 0 && from.Root != rootOf(nil):
		return fmt.Errorf("root of the empty tree: %w", ErrTampered)
	case from.Size == 0:
		return nil
	case from.Size == to.Size && from.Root != to.Root:
		return fmt.Errorf("two roots at size %d: %w", to.Size, ErrTampered)
	case from.Size == to.Size:
		return nil
	}
	proof, err := tlog.ProveTree(to.Size, from.Size, l.reader(ctx, to))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, to.Size, to.Root, from.Size, from.Root); err != nil {
		return fmt.Errorf("size %d does not extend size %d: %w (%w)", to.Size, from.Size, ErrTampered, err)
	}
	return nil
}

// Leaves yields the leaves [from, to), each checked against the published
// checkpoint, or, where they are not yet published, against a head that
// extends it. ErrIndex says that the ledger is smaller. An error comes alone
// and ends the sequence.
func (l *Ledger) Leaves(ctx context.Context, from, to int64) iter.Seq2[Leaf, error] {
	return func(yield func(Leaf, error) bool) {
		err := l.leaves(ctx, from, to, func(leaf Leaf) bool { return yield(leaf, nil) })
		if err != nil && !errors.Is(err, errStop) {
			yield(Leaf{}, fmt.Errorf("ledger: leaves %d to %d: %w", from, to, err))
		}
	}
}

// errStop ends a walk whose caller has seen enough.
var errStop = errors.New("stop")

func (l *Ledger) leaves(ctx context.Context, from, to int64, yield func(Leaf) bool) error {
	if from < 0 || to < from {
		return ErrIndex
	}
	// The head comes first: a checkpoint that is read later is not behind the
	// head's base.
	h, _, err := l.head(ctx)
	if err != nil {
		return err
	}
	c, _, err := l.checkpoint(ctx)
	if err != nil {
		return err
	}
	if to > max(c.Size, h.Size) {
		return fmt.Errorf("the ledger has %d leaves: %w", max(c.Size, h.Size), ErrIndex)
	}
	if to > c.Size {
		if err := l.extendedBy(ctx, c.Tree, h); err != nil {
			return err
		}
		return l.walkHead(ctx, h, from, to, yield)
	}
	return l.walk(ctx, c.Tree, from, to, yield)
}

// walkHead yields leaves of a head: those of its base from tiles, then those
// of its batch.
func (l *Ledger) walkHead(ctx context.Context, h Head, from, to int64, yield func(Leaf) bool) error {
	base := h.base()
	if err := l.walk(ctx, base, from, min(to, base.Size), yield); err != nil {
		return err
	}
	for i := max(from, base.Size); i < to; i++ {
		if !yield(h.Batch[i-base.Size]) {
			return errStop
		}
	}
	return nil
}

// walk yields leaves of a published tree.
func (l *Ledger) walk(ctx context.Context, t Tree, from, to int64, yield func(Leaf) bool) error {
	r := l.reader(ctx, t)
	for at := from; at < to; {
		leaves, err := r.leaves(at / tileWidth)
		if err != nil {
			return err
		}
		start := at / tileWidth * tileWidth
		end := min(start+int64(len(leaves)), to)
		for ; at < end; at++ {
			if !yield(leaves[at-start]) {
				return errStop
			}
		}
	}
	return nil
}

// Contains looks for a leaf of v in [from, h.Size), and returns the index and
// the line of the first one.
func (l *Ledger) Contains(ctx context.Context, h Head, v onrecord.VisitID, from int64) (index int64, line uint32, ok bool, err error) {
	if from < 0 || from > h.Size {
		return 0, 0, false, fmt.Errorf("ledger: look for a visit from %d in a ledger of %d: %w", from, h.Size, ErrIndex)
	}
	if err := h.check(); err != nil {
		return 0, 0, false, fmt.Errorf("ledger: %w", err)
	}
	index = from - 1
	err = l.walkHead(ctx, h, from, h.Size, func(leaf Leaf) bool {
		index++
		line, ok = leaf.Line, leaf.Visit == v
		return !ok
	})
	if err != nil && !errors.Is(err, errStop) {
		return 0, 0, false, fmt.Errorf("ledger: look for a visit: %w", err)
	}
	if !ok {
		return 0, 0, false, nil
	}
	return index, line, true, nil
}
