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
	"onrecord/archive/ledger"
)

// A VisitHeader is the visit line of a journal segment.
type VisitHeader struct {
	V       int              `json:"v"`
	Type    string           `json:"type"` // visit
	Visit   onrecord.VisitID `json:"visit"`
	Source  string           `json:"source"`
	Figure  string           `json:"figure,omitempty"`
	Door    string           `json:"door,omitempty"`
	Parser  string           `json:"parser,omitempty"`
	Base    int64            `json:"base"`
	LateOf  onrecord.VisitID `json:"late_of,omitzero"`
	Started time.Time        `json:"started"`
	Ended   time.Time        `json:"ended"`
	SkewMS  int64            `json:"skew_ms"`
	Outcome onrecord.Outcome `json:"outcome"`
	// Provenance is that of the visit's events; empty means captured. The visit
	// of an import looked at no platform.
	Provenance onrecord.Provenance `json:"provenance,omitempty"`
	// Follows is the ledger index at which the source's last visit before this one
	// begins, -1 for none: it tells whose a lost visit was. Older lines have none.
	Follows *int64      `json:"follows,omitempty"`
	Objects []ObjectRef `json:"objects"` // the visit's WARC and media, whole
	Rest    string      `json:"rest"`    // SHA-256 of the segment's bytes after the first frame, hex
	Salt    string      `json:"salt"`
}

// An ObjectRef names a whole object and its bytes.
type ObjectRef struct {
	Key    string `json:"key"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"` // hex
}

// An Entry is one leaf of the ledger with its journal line. Line 0 of a visit
// has Event.Type "visit"; the leaf that abandons a visit has no line, and its
// Event is visit.abandoned. A line that was erased has Event.Type "tombstone", and
// one whose bytes are lost, which only WalkPast yields, "line.lost" or "act.lost".
type Entry struct {
	Index int64
	Leaf  ledger.Leaf
	Visit VisitHeader
	Event onrecord.Event // Index and Visit are set
	Line  []byte         // without newline; nil for visit.abandoned and where it was erased or is lost
}

// Walk yields the committed lines from ledger index from on, in ledger order,
// each checked against its leaf, each segment against the "rest" of its visit
// line. It stops at the head that it read first. An error comes alone and ends
// the sequence; it names the object and the index. Segments are read a little
// ahead of what was yielded.
//
// What was erased comes as a tombstone. While an erasure is not carried out its
// lines still stand in their segments, and come as they are to whoever has not
// called Redactions before. An erasure that no key has signed comes under the
// type erasure.unsigned, and names nothing.
func (a *Archive) Walk(ctx context.Context, from int64) iter.Seq2[Entry, error] {
	return a.walk(ctx, from, nil)
}

// walk is Walk, or WalkPast if it is given what is known of losses.
func (a *Archive) walk(ctx context.Context, from int64, past *losses) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		size, err := a.Size(ctx)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if from < 0 || from > size {
			yield(Entry{}, fmt.Errorf("walk from index %d of %d: %w", from, size, ledger.ErrIndex))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		ahead := a.readAhead(ctx, from, size)
		defer ahead.wg.Wait()
		defer cancel()
		keys := &voucher{a: a}
		for w := range ahead.out {
			<-w.ready
			if !a.yieldVisit(ctx, keys, w, past, yield) {
				return
			}
			ahead.give(w)
		}
		if !ahead.all {
			yield(Entry{}, outOfReach(fmt.Errorf("walk: %w", ctx.Err())))
		}
	}
}

// yieldVisit yields the entries of one visit, or why there are none. It reports
// whether the walk goes on.
func (a *Archive) yieldVisit(ctx context.Context, keys *voucher, w *walked, past *losses, yield func(Entry, error) bool) (more bool) {
	if w.err != nil && len(w.leaves) == 0 {
		yield(Entry{}, outOfReach(fmt.Errorf("leaf %d: %w", w.index, w.err)))
		return false
	}
	var err error
	done := 0
	for ; done < len(w.leaves); done++ {
		var e Entry
		if err = w.err; err != nil {
			err = fmt.Errorf("index %d: %w", w.index, err)
		} else {
			e, err = keys.entry(ctx, a.recalled(), w.index+int64(done), w.leaves[done], w.segment)
		}
		if err != nil {
			break
		}
		if !yield(e, nil) {
			return false
		}
	}
	if err == nil {
		past.met(w)
		return true
	}
	var rest []Entry
	if past != nil {
		rest, err = past.rest(ctx, keys, w, done, err)
	}
	for _, e := range rest {
		if !yield(e, nil) {
			return false
		}
	}
	if err != nil {
		yield(Entry{}, err)
	}
	return err == nil
}

// errNotUnderstood reports a line that is what the ledger commits to, and that this
// program can't read: a newer one has written it. It is not lost.
var errNotUnderstood = errors.New("the line is as it was committed, and this program does not understand it: a newer one does")

// entry makes the entry of a leaf from the segment of its visit.
func entry(index int64, leaf ledger.Leaf, s *segment) (Entry, error) {
	e := Entry{Index: index, Leaf: leaf}
	if leaf.Line == ledger.AbandonedLine {
		e.Visit = VisitHeader{V: 1, Visit: leaf.Visit}
		e.Event = onrecord.Event{Type: onrecord.VisitAbandoned, At: leaf.Visit.Time().UTC(), Visit: leaf.Visit, Index: index, Prev: -1}
		return e, nil
	}
	fail := func(format string, args ...any) (Entry, error) {
		return Entry{}, fmt.Errorf("index %d: %s line %d: %w: %w", index, journalKey(leaf.Visit), leaf.Line, ErrMismatch, fmt.Errorf(format, args...))
	}
	if int64(leaf.Line) >= int64(len(s.lines)) {
		return fail("the segment has %d lines", len(s.lines))
	}
	e.Visit, e.Line = s.header, s.lines[leaf.Line].text
	if sum := sha256.Sum256(e.Line); sum != leaf.Hash {
		return fail("SHA-256 of the line is %x, the leaf has %x", sum, leaf.Hash)
	}
	if leaf.Line == 0 {
		e.Event = onrecord.Event{
			Type: onrecord.VisitLine, At: s.header.Ended, Figure: s.header.Figure, Source: s.header.Source,
			Door: s.header.Door, Parser: s.header.Parser, Salt: s.header.Salt, Prev: -1,
		}
	} else {
		var err error
		if e.Event, err = onrecord.ParseEvent(e.Line); err != nil {
			return fail("%w: %w", errNotUnderstood, err)
		}
	}
	e.Event.Index, e.Event.Visit = index, leaf.Visit
	return e, nil
}

// Line returns one journal line and its leaf, checked. The leaf that abandons a
// visit has no line; a line that was erased is [ErrErased].
func (a *Archive) Line(ctx context.Context, index int64) ([]byte, ledger.Leaf, error) {
	leaf, err := a.leaf(ctx, index)
	if err != nil || leaf.Line == ledger.AbandonedLine {
		return nil, leaf, err
	}
	s, err := a.segment(ctx, leaf.Visit)
	if err != nil {
		return nil, leaf, fmt.Errorf("index %d: %w", index, err)
	}
	if number, ok := a.recalled().Line(index); ok {
		return nil, leaf, fmt.Errorf("index %d: %w, case %s", index, ErrErased, number)
	}
	e, err := entry(index, leaf, s)
	return e.Line, leaf, err
}

// leaf returns the leaf at index, checked.
func (a *Archive) leaf(ctx context.Context, index int64) (ledger.Leaf, error) {
	for leaf, err := range a.ledger.Leaves(ctx, index, index+1) {
		return leaf, outOfReach(err)
	}
	return ledger.Leaf{}, fmt.Errorf("leaf %d: %w", index, ledger.ErrIndex)
}
