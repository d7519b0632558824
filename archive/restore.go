// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"

	"onrecord"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
)

// A lostVisit is a committed visit whose leaves the store has lost, as its
// spool knows it.
type lostVisit struct {
	done *doneNote
	plan *plan
}

// restore puts back what the store has lost of the end of the ledger: the same
// leaves in the same order, from the batches that the spools keep, before
// anything else is appended (record.md 1.11). They go in by one swap, so that
// the new head extends the high-water mark; more than ledger.MaxBatch leaves
// are more than a spool can restore.
func (a *Archive) restore(ctx context.Context) error {
	head, tag, err := a.ledger.Head(ctx)
	if err != nil {
		return outOfReach(err)
	}
	lost, leaves, err := a.lost(ctx, head.Size)
	if err != nil || len(lost) == 0 {
		return err
	}
	a.log.WarnContext(ctx, "the store has lost leaves that it had acknowledged; they are put back from the spool",
		"from", head.Size, "leaves", len(leaves))
	if len(leaves) == 0 || len(leaves) > ledger.MaxBatch {
		return fmt.Errorf("%w: the ledger has %d leaves and the spool knows of more, but can't put back what follows (%d leaves)",
			ErrMismatch, head.Size, len(leaves))
	}
	if head, _, err = a.ledger.Append(ctx, head, tag, leaves); err != nil {
		return outOfReach(fmt.Errorf("put back %d leaves: %w", len(leaves), err))
	}
	if err := a.queue.publish(ctx, head); err != nil {
		return err
	}
	for _, v := range lost {
		if err := a.restoreState(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// lost returns the visits in free spools whose leaves should lie at or behind
// size, with the leaves from size on, as far as they are known without a hole.
// Objects of those visits that are gone, too, are put again.
func (a *Archive) lost(ctx context.Context, size int64) ([]lostVisit, []ledger.Leaf, error) {
	var lost []lostVisit
	var errs []error
	known := map[int64]ledger.Leaf{}
	for s, err := range a.spool.Take(ctx) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		v, err := a.lostIn(ctx, s, size)
		errs = append(errs, err, s.Close())
		if v == nil || err != nil {
			continue
		}
		lost = append(lost, *v)
		for i := 0; i+ledger.LeafSize <= len(v.done.Batch); i += ledger.LeafSize {
			known[v.done.First+int64(i/ledger.LeafSize)] = ledger.LeafFrom([ledger.LeafSize]byte(v.done.Batch[i:]))
		}
	}
	var leaves []ledger.Leaf
	for leaf, ok := known[size]; ok; leaf, ok = known[size+int64(len(leaves))] {
		leaves = append(leaves, leaf)
	}
	return lost, leaves, errors.Join(errs...)
}

// lostIn returns the visit in s if it was committed at or behind size.
func (a *Archive) lostIn(ctx context.Context, s *spool.Spool, size int64) (*lostVisit, error) {
	id, err := nameOf(s)
	if err != nil {
		return nil, err
	}
	done, err := readDone(s, id)
	if err != nil || done == nil || done.Index < size {
		return nil, err
	}
	p, err := a.readPlan(s, id)
	if err != nil || p == nil {
		return nil, err
	}
	return &lostVisit{done, p}, a.putObjects(ctx, s, p)
}

// restoreState brings the state of a source forward to a visit that was put
// back, if the store has lost that, too. A pending state is left to Sweep.
func (a *Archive) restoreState(ctx context.Context, v lostVisit) error {
	reg, tag, err := a.load(ctx, v.plan.Next.Source)
	if err != nil || reg.Pending != nil || reg.Done.Index >= v.done.Index {
		return err
	}
	next := register{SourceState: v.plan.Next, By: v.plan.Visit}
	next.Done = onrecord.Done{Visit: v.plan.Visit, Index: v.done.Index}
	body, _, err := a.body(reg, next)
	if err != nil {
		return err
	}
	if _, err := a.b.Swap(ctx, stateKey(next.Source), condition(tag), body); err != nil {
		return outOfReach(fmt.Errorf("%s: %w", stateKey(next.Source), err))
	}
	return nil
}
