// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
)

// PlanErasure completes an erasure of which Leaves and Records are known: it
// works out what each object that holds them will be. Nothing is changed.
// Leaves of the built-in source, of visit lines and of abandoned visits are
// ErrMismatch: there is nothing in them to erase. So is a record whose extent
// is not that of one.
func (a *Archive) PlanErasure(ctx context.Context, e onrecord.Erasure, number string) (onrecord.Erasure, error) {
	e.Leaves = slices.Compact(slices.Sorted(slices.Values(e.Leaves)))
	e.Records = slices.Clone(e.Records)
	slices.SortFunc(e.Records, compareSpans)
	e.Records = slices.Compact(e.Records)
	e.Objects = nil
	red, err := a.Redactions(ctx)
	if err != nil {
		return e, fmt.Errorf("plan an erasure: %w", err)
	}
	x, err := a.erasing(ctx, Ordered{Index: math.MaxInt64, Takedown: onrecord.Takedown{Case: number}, Erasure: e}, red)
	if err == nil {
		err = x.check(ctx)
	}
	if err != nil {
		return e, fmt.Errorf("plan an erasure: %w", err)
	}
	for _, key := range x.keys() {
		sum, n, err := x.digest(ctx, key)
		if err != nil {
			return e, fmt.Errorf("plan an erasure: %s: %w", key, err)
		}
		e.Objects = append(e.Objects, onrecord.ObjectValue{Key: key, Length: n, SHA256: hex.EncodeToString(sum[:])})
	}
	return e, nil
}

func compareSpans(x, y onrecord.Span) int {
	return cmp.Or(cmp.Compare(x.Object, y.Object), cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.Length, y.Length))
}

// An erasing is an erasure on its way: what it does to each object. What earlier
// ones ordered of the same objects it does, too: a store that can't erase has it
// still, and nothing that is made of such an object may have it.
type erasing struct {
	a       *Archive
	records map[string][]RedactedRecord
	visits  map[string]erasedVisit       // by the key of the segment
	lines   map[string]map[uint32]string // cases, by the same
}

// An erasedVisit is a visit of which lines are erased, and where it begins.
type erasedVisit struct {
	id    onrecord.VisitID
	first int64 // ledger index of its visit line
}

// erasing sorts what o names by objects, with what red says was ordered of them
// before it.
func (a *Archive) erasing(ctx context.Context, o Ordered, red *Redactions) (*erasing, error) {
	x := &erasing{a: a, records: map[string][]RedactedRecord{}, visits: map[string]erasedVisit{}, lines: map[string]map[uint32]string{}}
	for _, r := range o.Erasure.Records {
		if err := bucket.CheckReplace(r.Object); err != nil || r.Length <= 0 || r.Offset < 0 {
			return nil, fmt.Errorf("record at %d of %s: %w: %v", r.Offset, r.Object, ErrMismatch, err)
		}
		x.records[r.Object] = append(x.records[r.Object], RedactedRecord{r, o.Takedown.Case})
	}
	for _, index := range o.Erasure.Leaves {
		leaf, err := a.leaf(ctx, index)
		if err != nil {
			return nil, err
		}
		if leaf.Line == 0 || leaf.Line == ledger.AbandonedLine {
			return nil, fmt.Errorf("index %d: %w: it is no event", index, ErrMismatch)
		}
		key := journalKey(leaf.Visit)
		if x.lines[key] == nil {
			x.visits[key], x.lines[key] = erasedVisit{leaf.Visit, index - int64(leaf.Line)}, map[uint32]string{}
		}
		x.lines[key][leaf.Line] = o.Takedown.Case
	}
	for _, before := range red.Erasures() {
		if before.Index < o.Index {
			x.before(before)
		}
	}
	for _, list := range x.records {
		slices.SortFunc(list, func(a, b RedactedRecord) int { return compareSpans(a.Span, b.Span) })
	}
	return x, nil
}

// before adds what an earlier erasure ordered of the objects that x is about.
func (x *erasing) before(o Ordered) {
	for _, r := range o.Erasure.Records {
		list, ok := x.records[r.Object]
		if ok && !slices.ContainsFunc(list, func(is RedactedRecord) bool { return is.Offset == r.Offset }) {
			x.records[r.Object] = append(list, RedactedRecord{r, o.Takedown.Case})
		}
	}
	for _, index := range o.Erasure.Leaves {
		for key, v := range x.visits {
			if line := index - v.first; line > 0 && line < MaxLines && x.lines[key][uint32(line)] == "" {
				x.lines[key][uint32(line)] = o.Takedown.Case // where the segment ends before it, it is of another one
			}
		}
	}
}

// check refuses what is never erased.
func (x *erasing) check(ctx context.Context) error {
	for key, v := range x.visits {
		s, err := x.a.segment(ctx, v.id)
		if err != nil {
			return err
		}
		if s.header.Source == BuiltIn {
			return fmt.Errorf("%s: %w: what the archive decided is not erased", key, ErrMismatch)
		}
	}
	return nil
}

// keys returns the keys of the objects that change, sorted.
func (x *erasing) keys() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for key := range x.records {
			if !yield(key) {
				return
			}
		}
		for key := range x.lines {
			if !yield(key) {
				return
			}
		}
	})
}

// digest returns digest and length of what becomes of an object as it is now.
func (x *erasing) digest(ctx context.Context, key string) (sum [32]byte, n int64, err error) {
	h := sha256.New()
	if n, err = x.write(ctx, h, key); err != nil {
		return sum, n, err
	}
	return [32]byte(h.Sum(nil)), n, nil
}

// write writes what becomes of an object as it is now, and returns its length.
func (x *erasing) write(ctx context.Context, w io.Writer, key string) (int64, error) {
	if lines := x.lines[key]; lines != nil {
		return x.tombstones(ctx, w, x.visits[key].id, lines)
	}
	var at int64
	for _, r := range x.records[key] {
		if r.Offset < at {
			return at, fmt.Errorf("record at %d: %w: it overlaps another", r.Offset, ErrMismatch)
		}
		if err := x.a.copyRange(ctx, w, key, at, r.Offset-at); err != nil {
			return at, err
		}
		red, err := x.a.redactionOf(ctx, r.Span, r.Case)
		if err != nil {
			return at, err
		}
		if _, err := red.WriteTo(w); err != nil {
			return at, err
		}
		at = r.Offset + r.Length
	}
	n, err := x.a.copyRest(ctx, w, key, at)
	return at + n, err
}

// tombstones writes what becomes of the segment of a visit.
func (x *erasing) tombstones(ctx context.Context, w io.Writer, v onrecord.VisitID, lines map[uint32]string) (int64, error) {
	s, err := x.a.segment(ctx, v)
	if err != nil {
		return 0, err
	}
	left := map[uint32]string{}
	for line, number := range lines {
		if !isTombstone(s, line) {
			left[line] = number
		}
	}
	b, err := redactSegment(s, left)
	if err != nil {
		return 0, err
	}
	n, err := w.Write(b)
	return int64(n), err
}

// isTombstone reports whether a line of s was erased before.
func isTombstone(s *segment, line uint32) bool {
	if int64(line) >= int64(len(s.lines)) {
		return false
	}
	_, err := onrecord.ParseEvent(s.lines[line].text)
	return err != nil // what is in the ledger is an event; its type is a tombstone's
}

// redactionOf reads the header of the record at a span.
func (a *Archive) redactionOf(ctx context.Context, at onrecord.Span, number string) (warc.Redaction, error) {
	r, err := a.b.Open(ctx, at.Object, at.Offset, at.Length)
	if err != nil {
		return warc.Redaction{}, outOfReach(err)
	}
	defer r.Close()
	red, err := warc.RedactionOf(r, at.Length, number)
	if err != nil {
		return red, fmt.Errorf("record at %d: %w: %w", at.Offset, ErrMismatch, err)
	}
	return red, nil
}

// copyRange copies n bytes of an object from off.
func (a *Archive) copyRange(ctx context.Context, w io.Writer, key string, off, n int64) error {
	if n == 0 {
		return nil
	}
	r, err := a.b.Open(ctx, key, off, n)
	if err != nil {
		return outOfReach(err)
	}
	_, err = io.CopyN(w, r, n)
	return errors.Join(err, r.Close())
}

// copyRest copies an object from off to its end.
func (a *Archive) copyRest(ctx context.Context, w io.Writer, key string, off int64) (int64, error) {
	r, err := a.b.Open(ctx, key, 0, -1)
	if err != nil {
		return 0, outOfReach(err)
	}
	size := r.Size
	if err := r.Close(); err != nil {
		return 0, err
	}
	if off > size {
		return 0, fmt.Errorf("%w: %d bytes, and a record ends at %d", ErrMismatch, size, off)
	}
	return size - off, a.copyRange(ctx, w, key, off, size-off)
}
