// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// abandonAfter is how long after its ULID's time a pending visit waits for the
// objects that it lacks (record.md 1.6). An act of the operator does not wait:
// until it is in the ledger it was never acknowledged, and is asked for again. So
// nobody who can write a register can hold up the operator with it. Nor does what
// a clock has named that is further ahead than that: nobody knows when its day is
// over. Where its spool has the objects, they come in again as a late visit.
const abandonAfter = 24 * time.Hour

// maxGaps is the number of gaps that a state keeps for its next commit.
const maxGaps = 16

// settled returns the register of a source with nothing pending, and its tag.
// It finishes what it finds.
func (a *Archive) settled(ctx context.Context, source string) (register, bucket.Tag, error) {
	for {
		reg, tag, err := a.load(ctx, source)
		if err != nil || reg.Pending == nil {
			return reg, tag, err
		}
		out, err := a.finish(ctx, reg, tag, nil)
		if err == nil {
			err = out.behind
		}
		if err != nil {
			return register{}, bucket.Tag{}, err
		}
	}
}

// finish ends the pending visit of reg, which was read with tag (record.md
// 1.5): by its owner, who has the plan, or by whoever found it. It returns
// where the visit is in the ledger. What failed after the commit point is in
// the behind of what it returns, and is left to the next finish.
func (a *Archive) finish(ctx context.Context, reg register, tag bucket.Tag, own *plan) (appended, error) {
	p := reg.Pending
	leaves, err := a.pendingLeaves(ctx, p, own)
	if err != nil {
		leaves, err = a.giveUp(ctx, reg, err)
	}
	if err != nil {
		return appended{}, fmt.Errorf("finish visit %s of source %s: %w", p.Visit, reg.Source, err)
	}
	changes, err := a.changesIn(ctx, reg, leaves, own)
	if err != nil {
		return appended{}, fmt.Errorf("finish visit %s of source %s: %w", p.Visit, reg.Source, err)
	}
	out := a.queue.append(ctx, p.Visit, p.From, leaves, changes)
	if out.err != nil {
		return appended{}, fmt.Errorf("finish visit %s of source %s: %w", p.Visit, reg.Source, out.err)
	}
	if out.behind == nil {
		out.settled, out.settledTag, out.behind = a.settle(ctx, reg, tag, out)
	}
	return out, nil
}

// pendingLeaves checks the objects of a pending visit and returns its leaves.
// The owner has just put them. What anybody else has planned erases nothing
// unless it is signed: whoever writes to the bucket can write a register.
func (a *Archive) pendingLeaves(ctx context.Context, p *pending, own *plan) ([]ledger.Leaf, error) {
	if own != nil && own.Visit == p.Visit {
		return own.segment.leaves(), nil
	}
	for _, o := range p.Objects {
		if err := a.checkObject(ctx, o); err != nil {
			return nil, err
		}
	}
	s, err := a.segment(ctx, p.Visit)
	if err == nil {
		err = a.signedIn(ctx, s, p.From)
	}
	if err != nil {
		return nil, err
	}
	return s.leaves(), nil
}

// segment reads and parses the segment of a visit. One that is what an erasure
// made of it is whole, whatever its "rest" says.
func (a *Archive) segment(ctx context.Context, v onrecord.VisitID) (*segment, error) {
	s, err := a.readSegment(ctx, v)
	if err == nil {
		return s, nil
	}
	if s == nil || !s.whole {
		return nil, err
	}
	redacted, rerr := a.isRedacted(ctx, journalKey(v), s.bytes)
	switch {
	case rerr != nil:
		return nil, rerr
	case !redacted:
		return nil, err
	}
	return s, nil
}

// readSegment reads and parses a segment of which nothing was erased. Of
// another one it returns what was read, and an error.
func (a *Archive) readSegment(ctx context.Context, v onrecord.VisitID) (*segment, error) {
	key := journalKey(v)
	b, err := bucket.ReadAll(ctx, a.b, key, MaxSegment)
	if err != nil {
		return nil, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	s, err := a.code.parse(v, b)
	if err != nil {
		return s, fmt.Errorf("%s: %w: %w", key, ErrMismatch, err)
	}
	return s, nil
}

// giveUp says what to append for a pending visit whose objects did not pass:
// anything, if it is in the ledger already; else, a day after the visit, or where
// it is not waited for, the leaf that abandons it; before that, nothing yet.
func (a *Archive) giveUp(ctx context.Context, reg register, cause error) ([]ledger.Leaf, error) {
	p := reg.Pending
	if !errors.Is(cause, bucket.ErrNotExist) && !errors.Is(cause, ErrMismatch) {
		return nil, cause
	}
	_, in, err := a.inLedger(ctx, p.Visit, p.From)
	if err != nil {
		return nil, err
	}
	age := a.now().Sub(p.Visit.Time())
	if !in && reg.Source != BuiltIn && age.Abs() < abandonAfter {
		return nil, fmt.Errorf("%w: its spool, on the machine that made it, restores them; it is abandoned at %s: %w",
			ErrPending, p.Visit.Time().Add(abandonAfter).UTC().Format(time.RFC3339), cause)
	}
	return []ledger.Leaf{{Visit: p.Visit, Line: ledger.AbandonedLine}}, nil
}

// settle swaps the state of a source whose pending visit is decided to what
// follows from it (record.md 1.5 f), and returns that with its tag. A register
// that has moved on was settled by another: the tag is zero.
func (a *Archive) settle(ctx context.Context, reg register, tag bucket.Tag, out appended) (register, bucket.Tag, error) {
	p := reg.Pending
	next := register{SourceState: p.Next, By: p.Visit}
	next.Done = onrecord.Done{Visit: p.Visit, Index: out.index}
	if out.line == ledger.AbandonedLine {
		next = register{SourceState: withGap(p, out.index), By: reg.By}
	}
	var last error
	for range fenceTries {
		body, written, err := a.body(reg, next)
		if err != nil {
			return register{}, bucket.Tag{}, err
		}
		newTag, err := a.b.Swap(ctx, stateKey(reg.Source), bucket.Matches(tag), body)
		if err == nil {
			return written, newTag, nil
		}
		last = fmt.Errorf("%s: %w", stateKey(reg.Source), err)
		now, nowTag, err := a.load(ctx, reg.Source)
		if err != nil {
			return register{}, bucket.Tag{}, err
		}
		if now.Pending == nil || now.Pending.Visit != p.Visit {
			return register{}, bucket.Tag{}, nil
		}
		reg, tag = now, nowTag
	}
	return register{}, bucket.Tag{}, outOfReach(last)
}

// withGap returns the state before a visit that was abandoned at index, with
// the gap noted that this leaves.
func withGap(p *pending, index int64) onrecord.SourceState {
	s := p.Else
	since := s.LastGood
	if since.IsZero() {
		since = p.Visit.Time().UTC()
	}
	gaps := append([]onrecord.Gap(nil), s.Gaps...)
	if len(gaps) < maxGaps {
		gaps = append(gaps, onrecord.Gap{
			Reason: "abandoned", Open: true, Since: since,
			Note: fmt.Sprintf("visit %s was abandoned at ledger index %d: its objects were lost", p.Visit, index),
		})
	}
	s.Gaps = gaps
	return s
}
