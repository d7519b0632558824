// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/spool"
)

// Begin begins a visit of a source through a door. It first finishes a pending
// visit of that source, then reads the state with its tag and the ledger's
// size, and makes the spool. ErrSource says that the state is of another
// platform or account. While the bucket is out of reach the visit is begun from what
// this process read last, and is Offline; an error that says so means that it has
// read nothing. It is Offline, too, behind a pending visit that can't be finished,
// since nothing may be appended (ledger.ErrSeenMore, ErrRolledBack, ErrKeyChanged,
// ErrNoMark) or its objects are missing (ErrPending). An act of the operator is
// begun after those that this process left in the spool, never Offline but for a
// bucket out of reach, and however full the spool is.
//
// memo is called with the state that the visit begins from, and what it returns
// is kept in the spool before Begin returns: see [Visit.Memo]. It may be nil;
// more than MaxMemo is ErrTooLarge.
func (a *Archive) Begin(ctx context.Context, s Source, door, parser string, memo func(onrecord.SourceState) ([]byte, error)) (*Visit, error) {
	if err := a.writable(); err != nil {
		return nil, err
	}
	if err := checkSource(s.Source); err != nil {
		return nil, err
	}
	v := &Visit{a: a}
	m := spool.Meta{
		Source: s.Source, Platform: s.Platform, AccountID: s.AccountID,
		Door: door, Parser: parser, Started: a.now(),
	}
	err := v.stamp(ctx, s.Source)
	if err == nil && s.Source == BuiltIn {
		err = v.afterActs(ctx)
	}
	switch {
	case s.Source != BuiltIn && (isRefused(err) || errors.Is(err, ErrPending)):
		if err := v.stampBehind(ctx, s.Source, &m, err); err != nil {
			return nil, err
		}
	case errors.Is(err, ErrUnreachable):
		if err := v.stampOffline(s.Source, &m, err); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("begin a visit of source %s: %w", s.Source, err)
	default:
		v.queueBehind(s.Source, &m)
	}
	if err := checkAccount(s, v.reg.SourceState); err != nil {
		return nil, err
	}
	if err := v.create(ctx, s.Figure, m, memo); err != nil {
		return nil, fmt.Errorf("begin a visit of source %s: %w", s.Source, err)
	}
	return v, nil
}

// create makes the spool of v, whose state is known, with m and the caller's
// memo in it.
func (v *Visit) create(ctx context.Context, figure string, m spool.Meta, memo func(onrecord.SourceState) ([]byte, error)) error {
	x := spoolExtra{Figure: figure}
	var err error
	if memo != nil {
		if x.Memo, err = memo(v.State()); err != nil {
			return err
		}
	}
	if len(x.Memo) > MaxMemo {
		return fmt.Errorf("%w: memo of %d bytes, at most %d", ErrTooLarge, len(x.Memo), MaxMemo)
	}
	if m.Extra, err = json.Marshal(x); err != nil {
		return err
	}
	if m.Visit, err = onrecord.NewVisitID(m.Started, v.a.rand); err != nil {
		return err
	}
	v.id, m.From = m.Visit, v.from
	create := v.a.spool.Create
	if m.Source == BuiltIn { // what empties a full spool may be an act, and withholding is not to wait
		create = v.a.spool.CreateAnyway
	}
	v.s, err = create(ctx, m)
	return err
}

// checkAccount refuses a source whose state is of another account (record.md
// 1.12). An account id that is not configured is whatever the state has pinned.
func checkAccount(s Source, st onrecord.SourceState) error {
	if st.Platform != "" && st.Platform != s.Platform {
		return fmt.Errorf("%w: source %s is of platform %s in this archive, not %s", ErrSource, s.Source, st.Platform, s.Platform)
	}
	if st.AccountID != "" && s.AccountID != "" && st.AccountID != s.AccountID {
		return fmt.Errorf("%w: source %s is of account %s in this archive, not %s", ErrSource, s.Source, st.AccountID, s.AccountID)
	}
	return nil
}

// stamp takes the fence's condition anew: it finishes a pending visit of the
// source, reads the state with its tag, and the ledger's size.
func (v *Visit) stamp(ctx context.Context, source string) error {
	reg, tag, err := v.a.settled(ctx, source)
	if err != nil {
		return err
	}
	size, err := v.a.Size(ctx)
	if err != nil {
		return err
	}
	v.reg, v.tag, v.from = reg, tag, size
	v.a.memory.read(source, reg, tag, size)
	return nil
}

// isRefused reports whether err says that nothing may be appended to the ledger,
// until the operator has seen to it, or, behind a restart, until it has grown.
func isRefused(err error) bool {
	for _, refusal := range []error{ledger.ErrSeenMore, ledger.ErrRolledBack, ledger.ErrKeyChanged, ledger.ErrNoMark, ledger.ErrIndex} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// afterActs ends the acts of the operator that this process left in the spool, and
// takes the fence's condition anew: an act is told at once what became of it, and
// does not wait for others.
func (v *Visit) afterActs(ctx context.Context) error {
	if !v.a.Waits(BuiltIn) {
		return nil
	}
	all, err := v.a.spooled()
	if err != nil {
		return err
	}
	acts := slices.DeleteFunc(all, func(s spooled) bool { return s.meta.Source != BuiltIn || s.done != nil })
	for _, err := range v.a.recoverAll(ctx, acts, nil) {
		if err != nil {
			return err
		}
	}
	return v.stamp(ctx, BuiltIn)
}

// queueBehind makes v wait for an earlier visit of the source that this
// process left in the spool, unless that one has been committed or dropped
// since, by whomever.
func (v *Visit) queueBehind(source string, m *spool.Meta) {
	m.StateTag = v.tag.String()
	known, _ := v.a.memory.recall(source)
	if known.waits.IsZero() {
		return
	}
	if v.reg.follows(known.waits) || !v.a.waits(known.waits) {
		v.a.memory.resolved(source, known.waits)
		return
	}
	m.StateTag, m.Predecessor, v.offline, v.why = "", known.waits, true, ErrBehind
}

// stampBehind makes v wait behind a visit that is pending and can't be finished
// now, because of cause: it begins from the state before that.
func (v *Visit) stampBehind(ctx context.Context, source string, m *spool.Meta, cause error) error {
	reg, _, err := v.a.load(ctx, source)
	if err != nil || reg.Pending == nil {
		return v.stampOffline(source, m, cause)
	}
	size, err := v.a.Size(ctx)
	if err != nil {
		return v.stampOffline(source, m, cause)
	}
	known, _ := v.a.memory.recall(source)
	m.Predecessor = reg.Pending.Visit
	if !known.waits.IsZero() {
		m.Predecessor = known.waits
	}
	v.reg, v.from, v.offline = register{N: reg.N, SourceState: reg.Pending.Else, By: reg.By}, size, true
	v.why = cause
	return nil
}

// stampOffline takes what this process last read in place of what can't be
// read now.
func (v *Visit) stampOffline(source string, m *spool.Meta, cause error) error {
	known, size := v.a.memory.recall(source)
	if !known.known || size < 0 {
		return fmt.Errorf("begin a visit of source %s: nothing was read of it yet: %w", source, cause)
	}
	v.reg, v.tag, v.from, v.offline, v.why = known.reg, known.tag, size, true, cause
	switch {
	case !known.waits.IsZero():
		m.Predecessor = known.waits
	case !known.after.IsZero():
		m.Predecessor = known.after
	default:
		m.StateTag = known.tag.String()
	}
	return nil
}

// follows reports whether r is the state that visit v left.
func (r register) follows(v onrecord.VisitID) bool {
	return r.Pending == nil && !v.IsZero() && (r.By == v || r.Done.Visit == v)
}

// tagOf returns the condition that a spool notes.
func tagOf(s string) bucket.Tag {
	if s == "" {
		return bucket.Tag{}
	}
	return bucket.NewTag(s)
}

// extraOf returns what the archive keeps in m; nothing where that is of another
// form.
func extraOf(m spool.Meta) spoolExtra {
	var x spoolExtra
	if json.Unmarshal(m.Extra, &x) != nil {
		return spoolExtra{}
	}
	return x
}
