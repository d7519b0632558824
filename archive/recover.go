// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"maps"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
)

// late gives the captures of a visit that lost its fence, or was abandoned, a
// new name (record.md 1.7). The name is in the spool and synced before anything
// else happens, so that a crash resumes it and never makes a third. The spool
// keeps the WARC under the old name, where it may have been put. The error is a
// *LateError, unless the state can't be read.
func (v *Visit) late(ctx context.Context) error {
	m := v.s.Meta()
	id, err := onrecord.NewVisitID(v.a.now(), v.a.rand)
	if err != nil {
		return v.leave(err)
	}
	b, err := json.Marshal(lateNote{Visit: id})
	if err == nil {
		err = v.s.Put(lateFile, b)
	}
	if err != nil {
		return v.leave(err)
	}
	v.ended = true
	renamed := &Visit{a: v.a, s: v.s, id: id, taken: v.taken}
	if err := renamed.stamp(ctx, m.Source); err != nil {
		return renamed.leave(err)
	}
	v.renamed = renamed
	return &LateError{Visit: renamed}
}

// nameOf returns the name under which the visit in s lives on.
func nameOf(s *spool.Spool) (onrecord.VisitID, error) {
	b, err := s.Get(lateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s.Meta().Visit, nil
	}
	if err != nil {
		return onrecord.VisitID{}, err
	}
	return parseLate(b)
}

// Recover takes over the spools that nobody holds: each after the visit that it
// waits for, else in the order of their ids. It may be called while a process runs:
// visits that are open meanwhile, and those that wait for them, are left alone; see
// Backlog for many. Those that were
// decided before are finished by itself; those that need judgement are yielded,
// to be read again (Entries), judged and committed within the loop, under
// whatever name: one that has not ended when the loop goes on is closed. Later
// visits of a source wait for one that stays in the spool, without an error of
// their own, unless that is damaged. An error belongs to one spool and does not
// end the sequence.
func (a *Archive) Recover(ctx context.Context) iter.Seq2[*Visit, error] {
	return func(yield func(*Visit, error) bool) {
		queue, err := a.takeStock(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		a.recoverAll(ctx, queue, nil)(yield)
	}
}

// recoverAll takes over the spools of queue in its order. Nobody waits for those
// of unreadable.
func (a *Archive) recoverAll(ctx context.Context, queue []spooled, unreadable map[onrecord.VisitID]bool) iter.Seq2[*Visit, error] {
	return func(yield func(*Visit, error) bool) {
		r := &recovery{a: a, yield: yield, blocked: map[string]bool{}, damaged: map[onrecord.VisitID]bool{}}
		maps.Copy(r.damaged, unreadable)
		for _, next := range queue {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !r.take(ctx, next) {
				return
			}
		}
	}
}

// A recovery is one run of Recover.
type recovery struct {
	a       *Archive
	yield   func(*Visit, error) bool
	blocked map[string]bool           // sources of which a visit stays in the spool
	damaged map[onrecord.VisitID]bool // not waited for
}

// take goes on with one spool, unless it is held or gone. It reports whether
// the sequence goes on.
func (r *recovery) take(ctx context.Context, next spooled) (more bool) {
	a, source := r.a, next.meta.Source
	switch {
	case next.done != nil && !a.readBackDue(next.done):
		return true
	case next.done == nil && r.blocked[source]: // of which the caller knows
		a.memory.unresolved(next.meta, true)
		return true
	}
	s, err := a.spool.TakeVisit(next.meta.Visit)
	switch {
	case err == nil:
	case errors.Is(err, spool.ErrDamaged):
		r.damaged[next.meta.Visit] = true
		a.memory.givenUp(next.meta.Visit)
		return r.yield(nil, err)
	case errors.Is(err, spool.ErrLocked), errors.Is(err, fs.ErrNotExist):
		return true
	default:
		r.blocked[source] = true
		return r.yield(nil, err)
	}
	v, err := r.resume(ctx, s)
	if v == nil && err == nil {
		return true
	}
	more = r.yield(v, err)
	if v != nil {
		err := v.latest().Close()
		more = more && (err == nil || r.yield(nil, err))
	}
	if a.waits(next.meta.Visit) {
		r.blocked[source] = true
	}
	return more
}

// resume goes on with one spool. It returns the visit if that must be judged;
// otherwise the spool is done with, or closed.
func (r *recovery) resume(ctx context.Context, s *spool.Spool) (*Visit, error) {
	a, m := r.a, s.Meta()
	v := &Visit{a: a, s: s, id: m.Visit, from: m.From, taken: true}
	id, err := nameOf(s)
	if err != nil {
		return nil, v.leave(err)
	}
	v.id = id
	done, err := readDone(s, id)
	if err != nil {
		return nil, v.leave(err)
	}
	if done != nil {
		return nil, a.readBack(ctx, s, done)
	}
	if p := m.Predecessor; !p.IsZero() && !r.damaged[p] && a.waits(p) {
		return nil, v.Close() // another has it in hand
	}
	if err = v.loadPlan(); err != nil {
		return nil, v.leave(err)
	}
	err = v.takeUp(ctx)
	if late, ok := errors.AsType[*LateError](err); ok {
		return a.judgeable(ctx, late.Visit)
	}
	if err != nil || v.ended {
		return nil, err
	}
	return a.judgeable(ctx, v)
}

// judgeable returns v, unless it is an act of the operator: those can't be
// judged again, and this one was never acknowledged.
func (a *Archive) judgeable(ctx context.Context, v *Visit) (*Visit, error) {
	if v.Source().Source != BuiltIn {
		return v, nil
	}
	a.log.WarnContext(ctx, "an act of the operator was interrupted before it was recorded; run it again", "visit", v.id.String())
	v.plan = nil
	return nil, v.Drop(ctx)
}

// takeUp finds out what became of a visit whose process is gone (record.md
// 1.4) and goes on from there. If v has not ended after it, it must be judged.
func (v *Visit) takeUp(ctx context.Context) error {
	a, source := v.a, v.s.Meta().Source
	reg, tag, err := a.load(ctx, source)
	if err != nil {
		return v.leave(err)
	}
	if reg.Pending != nil && reg.Pending.Visit == v.id && v.plan != nil {
		return v.takeUpPending(ctx, reg, tag)
	}
	if reg, tag, err = a.settled(ctx, source); err != nil {
		return v.leave(err)
	}
	if v.plan != nil {
		out, in, err := a.inLedger(ctx, v.id, v.plan.From)
		switch {
		case err != nil:
			return v.leave(err)
		case in && out.line == ledger.AbandonedLine:
			return v.late(ctx)
		case in:
			v.committed(ctx, out)
			return nil
		}
	} else if reg.By == v.id { // a quiet visit, cut off before its spool was removed
		return v.Drop(ctx)
	}
	if _, late := v.Late(); late && v.plan == nil {
		// Nothing of it was put, so it keeps its name and takes the state as it is now.
		if err := v.stamp(ctx, source); err != nil {
			return v.leave(err)
		}
		return nil
	}
	if tag != v.original(reg, tag) {
		return v.late(ctx)
	}
	v.reg, v.tag = reg, tag
	if v.plan == nil { // it is judged now: by all that was committed before the state was read
		if v.from, err = a.Size(ctx); err != nil {
			return v.leave(err)
		}
		return nil
	}
	v.plan.fresh = true
	_, err = v.carry(ctx)
	return err
}

// takeUpPending finishes v, which is pending, with the objects of its spool.
func (v *Visit) takeUpPending(ctx context.Context, reg register, tag bucket.Tag) error {
	if err := v.a.putObjects(ctx, v.s, v.plan); err != nil {
		return v.leave(err)
	}
	out, err := v.a.finish(ctx, reg, tag, v.plan)
	switch {
	case err != nil:
		return v.leave(err)
	case out.line == ledger.AbandonedLine:
		return v.late(ctx)
	}
	v.committed(ctx, out)
	return nil
}

// original returns the tag that the visit's fence demands: the one it noted,
// or, where it waited for a predecessor, that of the state the predecessor
// left, if the state is still that.
func (v *Visit) original(reg register, tag bucket.Tag) bucket.Tag {
	m := v.s.Meta()
	switch {
	case v.plan != nil:
		return tagOf(v.plan.StateTag)
	case m.Predecessor.IsZero():
		return tagOf(m.StateTag)
	case reg.follows(m.Predecessor):
		return tag
	}
	return bucket.NewTag("of the state after visit " + m.Predecessor.String())
}
