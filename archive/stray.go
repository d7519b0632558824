// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// A Stray is an object of a visit that is not in the ledger: it lost its fence after
// it had put it, was abandoned, or is under way. A late visit may have taken over
// its captures.
type Stray struct {
	Key    string
	Length int64
	// Of a journal segment that can be read: whose it is, and its other lines.
	Visit VisitHeader
	Lines [][]byte
}

// Strays yields the strays in the bucket, which is listed whole. An error ends the
// sequence.
func (a *Archive) Strays(ctx context.Context) iter.Seq2[Stray, error] {
	return func(yield func(Stray, error) bool) {
		if err := a.strays(ctx, func(s Stray) bool { return yield(s, nil) }); err != nil {
			yield(Stray{}, fmt.Errorf("objects of visits that are not in the ledger: %w", err))
		}
	}
}

// strays is Strays until yield returns false.
func (a *Archive) strays(ctx context.Context, yield func(Stray) bool) error {
	known, err := a.visitsIn(ctx)
	if err != nil {
		return err
	}
	for _, prefix := range [...]string{"captures/", "media/", "journal/"} {
		for info, err := range a.b.List(ctx, prefix, "") {
			if err != nil {
				return outOfReach(err)
			}
			name, _, _ := strings.Cut(path.Base(info.Key), ".")
			v, err := onrecord.ParseVisitID(name)
			if err != nil || known[v] || bucket.CheckReplace(info.Key) != nil {
				continue
			}
			s := Stray{Key: info.Key, Length: info.Size}
			if prefix == "journal/" {
				if err := a.readStray(ctx, v, &s); err != nil {
					return err
				}
			}
			if !yield(s) {
				return nil
			}
		}
	}
	return nil
}

// visitsIn returns the visits whose lines the ledger has.
func (a *Archive) visitsIn(ctx context.Context) (map[onrecord.VisitID]bool, error) {
	head, err := a.Head(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[onrecord.VisitID]bool)
	for leaf, err := range a.ledger.Leaves(ctx, 0, head.Size) {
		if err != nil {
			return nil, outOfReach(err)
		}
		if leaf.Line != ledger.AbandonedLine {
			known[leaf.Visit] = true
		}
	}
	return known, nil
}

// readStray reads the lines of a segment, as far as they can be read.
func (a *Archive) readStray(ctx context.Context, v onrecord.VisitID, into *Stray) error {
	s, err := a.readSegment(ctx, v)
	if err != nil && (!isAnswer(err) || ctx.Err() != nil) {
		return err
	}
	if s == nil || len(s.lines) == 0 {
		return nil
	}
	into.Visit = s.header
	for _, l := range s.lines[1:] {
		into.Lines = append(into.Lines, l.text)
	}
	return nil
}

// BlankStray makes tombstones of the lines of a segment that is a stray for good: no
// visit will commit it. No leaf vouches for them, so no event orders it. ErrKeeps
// says that the store can't erase.
func (a *Archive) BlankStray(ctx context.Context, s Stray, number string) error {
	seg, err := a.readSegment(ctx, s.Visit.Visit)
	if err != nil && (seg == nil || !seg.whole) {
		return err
	}
	lines := make(map[uint32]string)
	for n := 1; n < len(seg.lines); n++ {
		lines[uint32(n)] = number
	}
	b, err := redactSegment(seg, lines)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Key, err)
	}
	body := bucket.Bytes(b)
	if err := a.putRedacted(ctx, ref(s.Key, body), body); err != nil {
		return outOfReach(fmt.Errorf("%s: %w", s.Key, err))
	}
	return nil
}
