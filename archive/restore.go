// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
)

// A lostVisit is a committed visit whose leaves the store has lost, as its
// spool knows it.
type lostVisit struct {
	done *doneNote
	plan *plan
}

// A committedVisit names the spool of a visit, and where the visit is in the
// ledger.
type committedVisit struct {
	spool onrecord.VisitID
	index int64
}

// restoreTries is how often lost leaves are put back before restore gives up on
// a store that does not keep them.
const restoreTries = 3

// restore puts back what the store has lost of the end of the ledger: the same
// leaves in the same order, from the batches that the spools keep, before
// anything else is appended (record.md 1.11). They go in by one swap, so that
// the new head extends the high-water mark; more than ledger.MaxBatch leaves
// are more than a spool can restore. It fails only where leaves are missing:
// spools that can't be read are reported by whoever takes them up.
func (a *Archive) restore(ctx context.Context) error {
	var found []lostVisit
	var open error
	for range restoreTries {
		// The notes are read before the head: a visit that is noted was in the
		// ledger by then.
		noted, err := a.committedVisits()
		if err != nil {
			return err
		}
		head, tag, err := a.ledger.Head(ctx)
		if err != nil {
			return outOfReach(err)
		}
		if noted, err = a.withoutLost(ctx, head, noted); err != nil {
			return err
		}
		noted = slices.DeleteFunc(noted, func(v committedVisit) bool { return v.index < head.Size })
		if len(noted) == 0 {
			return a.restored(ctx, head, found)
		}
		lost, leaves, err := a.lost(ctx, noted, head.Size)
		if err != nil {
			return err
		}
		// Whether this put them back, or another process was faster, or the
		// reply was lost, the next look tells.
		found = lost
		if open = a.putBack(ctx, head, tag, leaves, lostChanges(lost, head.Size, int64(len(leaves)))); open != nil && isAnswer(open) && !errors.Is(open, bucket.ErrConflict) {
			return open
		}
	}
	if open == nil {
		open = fmt.Errorf("%w: the ledger does not keep what is appended", ErrMismatch)
	}
	return outOfReach(fmt.Errorf("put back what the store has lost, %d times: %w", restoreTries, open))
}

// putBack appends leaves that the store has lost behind head.
func (a *Archive) putBack(ctx context.Context, head ledger.Head, tag bucket.Tag, leaves []ledger.Leaf, keys []ledger.Rotation) error {
	a.log.WarnContext(ctx, "the store has lost leaves that it had acknowledged; they are put back from the spool",
		"from", head.Size, "leaves", len(leaves))
	if len(leaves) == 0 || len(leaves) > ledger.MaxBatch {
		return fmt.Errorf("%w: the ledger has %d leaves and the spool knows of more, but can't put back what follows (%d leaves)",
			ErrMismatch, head.Size, len(leaves))
	}
	if _, _, err := a.ledger.Append(ctx, head, tag, leaves, keys...); err != nil {
		return fmt.Errorf("put back %d leaves: %w", len(leaves), err)
	}
	return nil
}

// Restore puts back what the store has lost of the end of the ledger, from the
// spools of this machine (record.md 1.11). Recover and Sweep do so themselves;
// whoever reads the ledger before them calls it first.
func (a *Archive) Restore(ctx context.Context) error {
	if err := a.writable(); err != nil {
		return err
	}
	return a.restore(ctx)
}

// restored does what follows from leaves that were put back.
func (a *Archive) restored(ctx context.Context, head ledger.Head, visits []lostVisit) error {
	if len(visits) == 0 {
		return nil
	}
	if err := a.queue.publish(ctx, head); err != nil {
		return err
	}
	for _, v := range visits {
		if err := a.restoreState(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// committedVisits returns the visits in the spool that were committed, as far
// as that can be read.
func (a *Archive) committedVisits() ([]committedVisit, error) {
	ids, err := a.spool.Visits()
	if err != nil {
		return nil, err
	}
	var out []committedVisit
	for _, id := range ids {
		if done, err := a.peekDone(id); err == nil && done != nil {
			out = append(out, committedVisit{id, done.Index})
		}
	}
	return out, nil
}

// lost returns the visits of noted, whose leaves should lie at or behind size,
// with the leaves from size on, as far as they are known without a hole.
// Objects of those visits that are gone, too, are put again.
func (a *Archive) lost(ctx context.Context, noted []committedVisit, size int64) ([]lostVisit, []ledger.Leaf, error) {
	var lost []lostVisit
	known := map[int64]ledger.Leaf{}
	for _, n := range noted {
		s, err := a.spool.TakeVisit(n.spool)
		if err != nil {
			return nil, nil, fmt.Errorf("leaves from %d on are lost, and the spool that has them can't be read: %w", size, err)
		}
		v, err := a.lostIn(ctx, s, size)
		if err = errors.Join(err, s.Close()); err != nil {
			return nil, nil, err
		}
		if v == nil {
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
	return lost, leaves, nil
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
	key := stateKey(v.plan.Next.Source)
	var last error
	for range fenceTries {
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
		if _, last = a.b.Swap(ctx, key, condition(tag), body); last == nil {
			return nil
		}
	}
	return outOfReach(fmt.Errorf("%s: %w", key, last))
}
