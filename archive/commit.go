// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// fenceTries is how often a swap of the state whose outcome stayed open is
// tried before the visit is left in the spool.
const fenceTries = 3

// errFence reports that another visit of the source came first.
var errFence = errors.New("the fence is lost")

// A Draft is what judgement made of a visit.
type Draft struct {
	Base     int64 // ledger index of the last line that judgement knew; -1 for none
	Outcome  onrecord.Outcome
	Started  time.Time
	Ended    time.Time
	Skew     time.Duration // of the platform's clock, where known
	Events   []onrecord.Event
	Next     onrecord.SourceState // after the visit; Done is set by Commit
	KeepWARC bool
	// Provenance is written on the visit line; empty means captured.
	Provenance onrecord.Provenance
	// Redact are the captures of this visit that show statements that were erased:
	// they are redacted before anything is put. Where a store that can't erase has
	// them already they stay, to be named by an erasure of their own.
	Redact map[onrecord.StatementID][]onrecord.CaptureRef
}

// Commit makes the visit part of the record (record.md 1.3-1.5) and returns
// its place in the ledger. After it has returned without error nothing that it
// was given can be lost. A [*LateError] says that the visit lost its fence and
// carries it under its new name; ErrUnreachable that it waits in the spool.
// ErrTooLarge and ErrSource say that the draft is refused; the visit goes on.
func (v *Visit) Commit(ctx context.Context, d Draft) (onrecord.Done, error) {
	if v.ended {
		return onrecord.Done{}, fmt.Errorf("visit %s: commit: %w", v.id, ErrEnded)
	}
	if v.offline {
		return onrecord.Done{}, v.leave(fmt.Errorf("%w: the visit waits for Recover", ErrUnreachable))
	}
	d, redacted, err := v.redact(ctx, d)
	if err != nil {
		return onrecord.Done{}, fmt.Errorf("visit %s of source %s: %w", v.id, d.Next.Source, err)
	}
	if d.Events, err = v.a.sign(ctx, d.Next.Source, d.Events); err != nil {
		return onrecord.Done{}, fmt.Errorf("visit %s of source %s: %w", v.id, d.Next.Source, err)
	}
	p, err := v.prepare(d)
	if err != nil {
		return onrecord.Done{}, fmt.Errorf("visit %s of source %s: %w", v.id, d.Next.Source, err)
	}
	if p.Before, err = v.a.plannedNames(v.s, v.id); err != nil {
		return onrecord.Done{}, v.leave(err)
	}
	v.plan, p.Redacted, p.fresh = p, redacted, true
	b, err := p.encode()
	if err == nil {
		err = v.s.Put(planFile, b)
	}
	if err != nil {
		return onrecord.Done{}, v.leave(err)
	}
	return v.carry(ctx)
}

// prepare makes the plan of a draft.
func (v *Visit) prepare(d Draft) (*plan, error) {
	m := v.s.Meta()
	if d.Next.Source != m.Source || d.Next.Platform != m.Platform {
		return nil, fmt.Errorf("%w: the next state is of source %q, platform %q", ErrSource, d.Next.Source, d.Next.Platform)
	}
	if m.Source == BuiltIn && len(d.Events) != actLines-1 { // a lost visit is told from an act by its lines
		return nil, fmt.Errorf("%w: an act of the operator is one event, not %d", ErrSource, len(d.Events))
	}
	h := VisitHeader{
		Visit: v.id, Source: m.Source, Figure: extraOf(m).Figure, Door: m.Door, Parser: m.Parser, Base: d.Base,
		Started: trim(d.Started), Ended: trim(d.Ended), SkewMS: d.Skew.Milliseconds(), Outcome: d.Outcome,
		Provenance: d.Provenance, Follows: v.reg.before(),
	}
	h.LateOf, _ = v.Late()
	p := &plan{V: 1, Visit: v.id, StateTag: v.tag.String(), From: v.from, Next: d.Next}
	var err error
	if h.Objects, err = bodies(v.s, d.KeepWARC); err != nil {
		return nil, err
	}
	if p.segment, err = v.a.code.build(h, d.Events, v.a.rand); err != nil {
		return nil, err
	}
	p.Objects = append(p.Objects, h.Objects...)
	p.Objects = append(p.Objects, ref(journalKey(v.id), bucket.Bytes(p.segment.bytes)))
	_, _, err = v.a.body(v.reg, fenced(v.reg, p.pending())) // would it fit?
	return p, err
}

// trim returns t as times are in the journal: UTC, microseconds.
func trim(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// pending returns what the fence makes of p.
func (p *plan) pending() pending {
	return pending{Visit: p.Visit, Objects: p.Objects, From: p.From, Next: p.Next}
}

// carry puts, fences and finishes a planned visit. It is the one path, for the
// visit that has just been judged and for one taken over from a dead process.
func (v *Visit) carry(ctx context.Context) (onrecord.Done, error) {
	a, p := v.a, v.plan
	if err := a.putObjects(ctx, v.s, p); err != nil {
		return onrecord.Done{}, v.leave(err)
	}
	p.fresh = false
	reg, tag, out, err := v.fence(ctx)
	if errors.Is(err, errFence) {
		return onrecord.Done{}, v.late(ctx)
	}
	if err == nil && reg.Pending != nil {
		out, err = a.finish(ctx, reg, tag, p)
	}
	switch {
	case err != nil:
		return onrecord.Done{}, v.leave(err)
	case out.line == ledger.AbandonedLine:
		return onrecord.Done{}, v.late(ctx)
	}
	return v.committed(ctx, out), nil
}

// fence swaps the source's state to "pending this visit" (record.md 1.4). When
// the swap conflicts or its reply is lost it finds out what is. It returns the
// pending register, or where the visit is in the ledger already, or errFence.
func (v *Visit) fence(ctx context.Context) (register, bucket.Tag, appended, error) {
	a, p := v.a, v.plan
	key := stateKey(p.Next.Source)
	var last error
	for range fenceTries {
		body, reg, err := a.body(v.reg, fenced(v.reg, p.pending()))
		if err != nil {
			return register{}, bucket.Tag{}, appended{}, err
		}
		tag, err := a.b.Swap(ctx, key, condition(v.tag), body)
		if err == nil {
			return reg, tag, appended{}, nil
		}
		last = fmt.Errorf("%s: %w", key, err)
		if isAnswer(err) && !errors.Is(err, bucket.ErrConflict) {
			return register{}, bucket.Tag{}, appended{}, last
		}
		now, tag, err := a.load(ctx, p.Next.Source)
		if err != nil {
			return register{}, bucket.Tag{}, appended{}, err
		}
		if now.Pending != nil && now.Pending.Visit == p.Visit {
			return now, tag, appended{}, nil
		}
		out, in, err := a.inLedger(ctx, p.Visit, p.From)
		if err != nil || in {
			return register{}, bucket.Tag{}, out, err
		}
		if tag != v.tag {
			return register{}, bucket.Tag{}, appended{}, errFence
		}
	}
	return register{}, bucket.Tag{}, appended{}, outOfReach(last)
}

// inLedger reports whether a leaf of v lies in [from, head.size), and where.
func (a *Archive) inLedger(ctx context.Context, v onrecord.VisitID, from int64) (appended, bool, error) {
	head, _, err := a.ledger.Head(ctx)
	if err != nil {
		return appended{}, false, outOfReach(err)
	}
	index, line, ok, err := a.ledger.Contains(ctx, head, v, from)
	if err != nil {
		return appended{}, false, outOfReach(err)
	}
	return appended{index: index, line: line, batch: head}, ok, nil
}

// committed notes in the spool where the visit is, and frees the spool's lock:
// the spool waits for its read-back (record.md 1.11).
func (v *Visit) committed(ctx context.Context, out appended) onrecord.Done {
	n := doneNote{Visit: v.id, Index: out.index, At: v.a.now()}
	batch := v.plan.segment.leaves() // of another's batch, or of one whose reply was lost, those of the visit
	if n.First = out.index; out.ours {
		n.First, n.Root, batch = out.batch.From(), out.batch.Root[:], out.batch.Batch
	}
	n.Batch = packLeaves(batch)
	n.Keys = slices.DeleteFunc(slices.Clone(out.batch.Keys), func(r ledger.Rotation) bool {
		return r.Index < n.First || r.Index >= n.First+int64(len(batch))
	})
	b, err := json.Marshal(n)
	if err == nil { // first: whoever finds the note does not look at what was recorded
		err = v.s.Settle()
	}
	if err == nil {
		err = v.s.Put(doneFile, b)
	}
	if err == nil {
		err = v.s.Close()
	}
	if err != nil { // the commit stands; the next Recover finds it in the ledger
		v.a.log.WarnContext(ctx, "the spool of a committed visit could not be marked", "visit", v.id.String(), "err", err)
	}
	if out.behind != nil {
		v.a.log.WarnContext(ctx, "a visit is in the ledger, and what follows from that is left to the next sweep",
			"visit", v.id.String(), "err", out.behind)
	}
	v.ended = true
	source := v.s.Meta().Source
	v.a.memory.resolved(source, v.s.Meta().Visit)
	if out.settledTag.IsZero() {
		reg := register{N: v.reg.N, SourceState: v.plan.Next, By: v.id}
		reg.Done = onrecord.Done{Visit: v.id, Index: out.index}
		v.a.memory.moved(source, reg, out.batch.Size)
	} else {
		v.a.memory.read(source, out.settled, out.settledTag, out.batch.Size)
	}
	return onrecord.Done{Visit: v.id, Index: out.index}
}

// leave keeps the visit in the spool, for the next Recover, because of err.
func (v *Visit) leave(err error) error {
	source := v.Source().Source
	v.ended = true
	v.a.memory.unresolved(v.s.Meta(), v.taken)
	return fmt.Errorf("visit %s of source %s stays in the spool: %w", v.id, source, errors.Join(err, v.s.Close()))
}

// Quiet ends a visit that brought no news: it swaps the state, behind the same
// fence as Commit, and drops the spool. Errors are those of Commit.
func (v *Visit) Quiet(ctx context.Context, next onrecord.SourceState) error {
	if v.ended {
		return fmt.Errorf("visit %s: %w", v.id, ErrEnded)
	}
	if v.offline {
		return v.leave(fmt.Errorf("%w: the visit waits for Recover", ErrUnreachable))
	}
	m := v.s.Meta()
	if next.Source != m.Source || next.Platform != m.Platform {
		return fmt.Errorf("visit %s: %w: the next state is of source %q, platform %q", v.id, ErrSource, next.Source, next.Platform)
	}
	next.Done = v.reg.Done
	reg, tag, err := v.swapQuiet(ctx, next)
	switch {
	case errors.Is(err, errFence):
		return v.late(ctx)
	case errors.Is(err, ErrTooLarge):
		return fmt.Errorf("visit %s: %w", v.id, err)
	case err != nil:
		return v.leave(err)
	}
	v.ended = true
	v.a.memory.resolved(m.Source, m.Visit)
	v.a.memory.read(m.Source, reg, tag, v.from)
	if err := v.s.Remove(); err != nil {
		v.a.log.WarnContext(ctx, "the spool of a quiet visit could not be removed", "visit", v.id.String(), "err", err)
	}
	return nil
}

// swapQuiet swaps the state to next and returns what is there then. The
// writer's nonce tells "my retry" from "your equal write" when a reply is lost.
func (v *Visit) swapQuiet(ctx context.Context, next onrecord.SourceState) (register, bucket.Tag, error) {
	key := stateKey(next.Source)
	mine := map[string]bool{}
	var last error
	for range fenceTries {
		body, reg, err := v.a.body(v.reg, register{SourceState: next, By: v.id})
		if err != nil {
			return register{}, bucket.Tag{}, err
		}
		mine[reg.Nonce] = true
		tag, err := v.a.b.Swap(ctx, key, condition(v.tag), body)
		if err == nil {
			return reg, tag, nil
		}
		last = fmt.Errorf("%s: %w", key, err)
		if isAnswer(err) && !errors.Is(err, bucket.ErrConflict) {
			return register{}, bucket.Tag{}, last
		}
		now, tag, err := v.a.load(ctx, next.Source)
		switch {
		case err != nil:
			return register{}, bucket.Tag{}, err
		case mine[now.Nonce]:
			return now, tag, nil
		case tag != v.tag:
			return register{}, bucket.Tag{}, errFence
		}
	}
	return register{}, bucket.Tag{}, outOfReach(last)
}
