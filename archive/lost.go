// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// WalkPast is Walk, and goes on past lines whose bytes are lost or damaged
// (docs/decisions/0018-holes.md): those come under the type line.lost, or act.lost
// where their visit may have been an act of the operator. Lines of a damaged
// segment that are what their leaves say come as they are. Of a lost line Visit
// has the source where that is known, and Event.At is the time of the visit's id.
//
// Lost is what the bucket says twice is not there, or is other bytes, while its
// head and other segments can be read. Any other error ends the sequence.
func (a *Archive) WalkPast(ctx context.Context, from int64) iter.Seq2[Entry, error] {
	return a.walk(ctx, from, &losses{a: a})
}

// losses is what one walk finds out about lost visits.
type losses struct {
	a      *Archive
	there  bool // a segment was read: the journal as a whole is not away
	waited int  // how many second reads have waited
	states *told
}

// told is what the state registers tell of visits.
type told struct {
	source  map[onrecord.VisitID]string // of the last visit of each source
	lastAct int64                       // ledger index of the operator's last act; -1 if that is not known
}

// A store may answer for a moment that what it has is not there. So the second read
// of a lost segment waits; that of many, which no such moment explains, does not.
const (
	betweenReads = time.Second
	patientReads = 8
)

// wait waits between two reads of a segment.
func (p *losses) wait(ctx context.Context) error {
	if p.waited++; p.waited > patientReads {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(betweenReads):
		return nil
	}
}

// met notes that the lines of a visit could be read.
func (p *losses) met(w *walked) {
	if p != nil && w.segment != nil {
		p.there = true
	}
}

// isLoss reports whether err says that a segment is lost or damaged, and not
// merely that it can't be read now.
func isLoss(err error) bool {
	if _, hidden := errors.AsType[*bucket.WithheldError](err); hidden || errors.Is(err, errNotUnderstood) {
		return false
	}
	return errors.Is(err, bucket.ErrNotExist) || errors.Is(err, ErrMismatch) || errors.Is(err, ErrTooLarge) || errors.Is(err, bucket.ErrTooLarge)
}

// rest returns the entries of a visit from its leaf with number done on, where
// that could not be read because of cause.
func (p *losses) rest(ctx context.Context, keys *voucher, w *walked, done int, cause error) ([]Entry, error) {
	s, err := p.again(ctx, w, cause)
	if err != nil {
		return nil, err
	}
	first := first{w.index - int64(w.leaves[0].Line), w.leaves[0]}
	if first.leaf.Line > 0 { // the walk began within the visit
		if first.leaf, err = p.a.leaf(ctx, first.index); err != nil {
			return nil, err
		}
	}
	if s == nil {
		if line, err := p.a.visitLine(ctx, first.leaf.Visit); err == nil && sha256.Sum256(line) == first.leaf.Hash {
			return nil, fmt.Errorf("index %d: %s: %w: %w", w.index, journalKey(first.leaf.Visit), errNotUnderstood, cause)
		}
	}
	known := s != nil && len(s.lines) > 0 && sha256.Sum256(s.lines[0].text) == first.leaf.Hash
	lost := Entry{Visit: VisitHeader{V: 1, Visit: first.leaf.Visit}}
	if known {
		lost.Visit = s.header
	}
	t, err := p.kind(ctx, w, first.index, &lost.Visit, known)
	if err != nil {
		return nil, err
	}
	var list []Entry
	for i := done; i < len(w.leaves); i++ {
		index, leaf := w.index+int64(i), w.leaves[i]
		if known {
			e, err := keys.entry(ctx, p.a.recalled(), index, leaf, s)
			if err == nil {
				list = append(list, e)
				continue
			}
			if !isLoss(err) {
				return list, err
			}
		}
		lost.Index, lost.Leaf = index, leaf
		lost.Event = onrecord.Event{
			Type: t, At: leaf.Visit.Time().UTC(), Source: lost.Visit.Source, Figure: lost.Visit.Figure, Visit: leaf.Visit, Index: index, Prev: -1,
		}
		list = append(list, lost)
	}
	return list, nil
}

// again reads the segment of w once more, and returns what there is of it: nil
// for nothing. It returns an error unless that is lost or damaged for good.
func (p *losses) again(ctx context.Context, w *walked, cause error) (*segment, error) {
	if ctx.Err() != nil || !isLoss(cause) {
		return nil, cause
	}
	if _, err := p.a.Head(ctx); err != nil {
		return nil, err
	}
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	v := w.leaves[0].Visit
	s, err := p.a.segment(ctx, v)
	if err == nil {
		return s, nil
	}
	if ctx.Err() != nil || !isLoss(err) {
		return nil, fmt.Errorf("index %d: %w", w.index, err)
	}
	if s, err = p.a.readSegment(ctx, v); err != nil && !isLoss(err) {
		return nil, fmt.Errorf("index %d: %w", w.index, err)
	}
	if s == nil || len(s.lines) == 0 {
		s = nil
	}
	return s, p.journal(ctx, cause)
}

// journal returns cause unless some segment can be read: a journal of which
// nothing is there is not lost, but away, as a disk is that is not mounted.
func (p *losses) journal(ctx context.Context, cause error) error {
	if p.there {
		return nil
	}
	head, err := p.a.Head(ctx)
	if err != nil {
		return err
	}
	seen := map[onrecord.VisitID]bool{}
	for _, index := range [...]int64{0, head.Size / 2, head.Size - 1} {
		l, err := p.a.leaf(ctx, index)
		if err != nil {
			return err
		}
		if seen[l.Visit] || l.Line == ledger.AbandonedLine {
			continue
		}
		seen[l.Visit] = true
		if _, err = p.a.segment(ctx, l.Visit); err == nil {
			p.there = true
			return nil
		}
		if !isLoss(err) {
			return err
		}
	}
	return fmt.Errorf("%w: neither the first segment of the journal nor the last nor one between can be read: is the folder there? %w", ErrUnreachable, cause)
}

// kind returns the type of the lost lines of a visit, and completes its header
// where something else tells whose it was. known says that the header is that of
// the ledger.
func (p *losses) kind(ctx context.Context, w *walked, index int64, h *VisitHeader, known bool) (onrecord.EventType, error) {
	if !known {
		if err := p.read(ctx); err != nil {
			return "", err
		}
		h.Source = p.states.source[h.Visit]
	}
	act := h.Source == BuiltIn
	if h.Source == "" {
		var err error
		if act, err = p.mayAct(ctx, w, index); err != nil {
			return "", err
		}
	}
	if act {
		return onrecord.ActLost, nil
	}
	return onrecord.LineLost, nil
}

// actLines is how many lines a visit of the built-in source has: the visit line
// and one event. Commit holds it to that.
const actLines = 2

// mayAct reports whether a visit of which nothing is left but its leaves may have
// been an act of the operator. It was none if it has another number of lines, came
// after the last act, or brought a capture.
func (p *losses) mayAct(ctx context.Context, w *walked, index int64) (bool, error) {
	if w.leaves[len(w.leaves)-1].Line != actLines-1 {
		return false, nil
	}
	if last := p.states.lastAct; last >= 0 && last < index {
		return false, nil
	}
	v := w.leaves[0].Visit
	for _, key := range [...]string{dated("captures", v, ".warc.gz"), dated("media", v, ".warc")} {
		r, err := p.a.b.Open(ctx, key, 0, -1)
		switch {
		case err == nil:
			return false, r.Close()
		case !errors.Is(err, bucket.ErrNotExist):
			return true, outOfReach(fmt.Errorf("%s: %w", key, err))
		}
	}
	return true, nil
}

// rebuilt is the counter above which a register was written anew from the ledger
// (putState), and knows nothing of visits that were lost by then.
const rebuilt = 1 << 50

// read reads the state registers, once. One that is damaged tells nothing.
func (p *losses) read(ctx context.Context) error {
	if p.states != nil {
		return nil
	}
	t := &told{source: map[onrecord.VisitID]string{}, lastAct: -1}
	for info, err := range p.a.b.List(ctx, "state/", "") {
		if err != nil {
			return outOfReach(fmt.Errorf("list state/: %w", err))
		}
		source, ok := sourceOf(info.Key)
		if !ok {
			continue
		}
		reg, _, err := p.a.load(ctx, source)
		if err != nil {
			if isAnswer(err) && ctx.Err() == nil {
				continue
			}
			return err
		}
		if reg.Done.Index >= 0 {
			t.source[reg.Done.Visit] = source
		}
		if reg.Pending != nil {
			t.source[reg.Pending.Visit] = source
		}
		if source == BuiltIn && reg.Pending == nil && reg.N < rebuilt && reg.Done.Index >= 0 {
			t.lastAct = reg.Done.Index
		}
	}
	p.states = t
	return nil
}

// Regained reports whether the line at index can be read. An error says that
// nobody can tell now; that it is lost is none.
func (a *Archive) Regained(ctx context.Context, index int64) (bool, error) {
	_, _, err := a.Line(ctx, index)
	switch {
	case err == nil, errors.Is(err, ErrErased):
		a.redactions.lookAgain()
		return true, nil
	case ctx.Err() == nil && isLoss(err):
		return false, nil
	}
	return false, err
}

// allLost returns the lines that are lost up to a size of the ledger: those that
// may be of acts of the operator apart, as far as what is left tells.
func (a *Archive) allLost(ctx context.Context, size int64) (lines, acts []onrecord.Lines, err error) {
	var list []onrecord.LostLines
	lastAct := int64(-1)
	for e, err := range a.WalkPast(ctx, 0) {
		switch {
		case err != nil:
			return nil, nil, err
		case e.Index >= size:
		case e.Event.Type == onrecord.LineLost || e.Event.Type == onrecord.ActLost:
			if n := len(list); n > 0 && list[n-1].To == e.Index && list[n-1].Visit == e.Leaf.Visit {
				list[n-1].To++
				continue
			}
			list = append(list, onrecord.LostLines{
				From: e.Index, To: e.Index + 1, Visit: e.Leaf.Visit, Source: e.Visit.Source, Act: e.Event.Type == onrecord.ActLost,
			})
		case e.Event.Type == onrecord.VisitLine:
			f := onrecord.Following{Source: e.Visit.Source, Operator: e.Visit.Source == BuiltIn, Before: -1, Index: e.Index, LastAct: lastAct}
			if e.Visit.Follows != nil {
				f.Before = *e.Visit.Follows
			}
			f.Tell(list)
			if f.Operator {
				lastAct = e.Index
			}
		}
	}
	for _, l := range list {
		one := onrecord.Lines{From: l.From, To: l.To}
		if l.Act {
			acts = append(acts, one)
		} else {
			lines = append(lines, one)
		}
	}
	return lines, acts, nil
}
