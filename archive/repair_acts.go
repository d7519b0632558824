// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
)

// The visits of the operator say what was erased, so they are put right before
// any other. While one of them can't be read, a tombstone looks like damage, and
// a copy from before the erasure like its cure.

// acts puts right the visits that may have erased something, and finds out what
// the archive itself says of erasures.
func (r *repair) acts(ctx context.Context) error {
	// Not through r.a, which keeps what it finds: its journal was damaged.
	own, err := Open(ctx, r.a.b, Options{Verifier: r.a.verifier, Now: r.a.clock, Rand: r.a.rand, Log: r.a.log})
	if err != nil {
		return err
	}
	if r.own, err = own.Redactions(ctx); err != nil {
		if err = outOfReach(err); !isAnswer(err) || ctx.Err() != nil {
			return err
		}
		r.unknown = fmt.Sprintf("nobody knows what was erased: %v", err)
		return nil
	}
	var again []int64
	for _, index := range own.unreadVisits() {
		mended, known, err := r.act(ctx, index)
		switch {
		case err != nil:
			return err
		case mended:
			again = append(again, index)
		case !known:
			r.unknown = fmt.Sprintf("the visit at index %d can't be read, and nobody knows what was erased by it", index)
		}
	}
	for part := range slices.Chunk(again, unreadTries) {
		own.readAgain(part)
		if r.own, err = own.Redactions(ctx); err != nil {
			return err
		}
		if left := own.unreadVisits(); len(left) > 0 {
			r.unknown = fmt.Sprintf("the visit at index %d can't be read, and nobody knows what was erased by it", left[0])
		}
	}
	return nil
}

// unreadVisits returns the visit lines of the visits that could not be read when
// erasures were looked for.
func (a *Archive) unreadVisits() []int64 {
	a.redactions.mu.Lock()
	defer a.redactions.mu.Unlock()
	return slices.Clone(a.redactions.unread)
}

// readAgain has the next call of Redactions look at these visits, and no others.
func (a *Archive) readAgain(visits []int64) {
	a.redactions.mu.Lock()
	defer a.redactions.mu.Unlock()
	a.redactions.unread, a.redactions.given = slices.Clone(visits), time.Time{}
}

// act looks at a visit that the archive can't read. known says that it is none
// of the operator's; mended, that it was one and is put right.
func (r *repair) act(ctx context.Context, index int64) (mended, known bool, err error) {
	job, err := r.job(ctx, index)
	if err != nil || len(job.leaves) == 0 {
		return false, false, err
	}
	key := journalKey(job.leaves[0].Visit)
	for _, c := range r.copies {
		source, ok, err := c.a.sourceOfVisit(ctx, job.leaves[0])
		if ctx.Err() != nil {
			return false, false, ctx.Err()
		}
		if err != nil || !ok {
			continue
		}
		if source != BuiltIn {
			return false, true, nil
		}
		body, err := bucket.ReadAll(ctx, c.b, key, MaxSegment)
		if err == nil {
			_, err = checkSegment(r.a.code, nil, job, key, body) // of the operator's own nothing is erased
		}
		if err != nil {
			continue
		}
		held, before := bucket.Bytes(body), len(r.done.Mended)
		if err := r.mend(ctx, KindJournal, ref(key, held), c.name, held.Open, true); err != nil {
			return false, false, err
		}
		if len(r.done.Mended) > before {
			return true, true, nil
		}
	}
	return false, false, nil
}

// job returns the leaves of the visit that begins at an index.
func (r *repair) job(ctx context.Context, index int64) (visitLeaves, error) {
	job := visitLeaves{index: index}
	if index >= r.tree.Size {
		return job, nil
	}
	for leaf, err := range r.a.ledger.LeavesOf(ctx, r.tree, index, min(index+MaxLines, r.tree.Size)) {
		if err != nil {
			return job, fmt.Errorf("the tiles are still damaged: %w", outOfReach(err))
		}
		if len(job.leaves) > 0 && leaf.Visit != job.leaves[0].Visit {
			break
		}
		job.leaves = append(job.leaves, leaf)
	}
	if job.leaves[0].Line == ledger.AbandonedLine {
		job.leaves = nil
	}
	return job, nil
}

// redactions returns every erasure that the archive or a copy knows: what was
// erased must not come back. Of a copy those count that the signed tree has.
func (r *repair) redactions(ctx context.Context) (*Redactions, error) {
	all := map[int64]Ordered{}
	for _, o := range r.own.Erasures() {
		all[o.Index] = o
	}
	for _, c := range r.copies {
		red, err := c.a.Redactions(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue // it is damaged, or away
		}
		for _, o := range red.Erasures() {
			if o.Index < r.tree.Size {
				all[o.Index] = o
			}
		}
	}
	list := make([]Ordered, 0, len(all))
	for _, o := range all {
		list = append(list, o)
	}
	slices.SortFunc(list, func(x, y Ordered) int { return cmp.Compare(x.Index, y.Index) })
	red := (*Redactions)(nil).clone()
	for _, o := range list {
		red.order(o)
	}
	return red, nil
}

// kept reports whether bytes that are replaced are to be set aside: always,
// unless the archive itself says that an erasure has replaced them. What a copy
// says is no reason to destroy anything.
func (r *repair) kept(key string) bool {
	_, erased := r.own.Object(key)
	return !erased
}

// spared reports whether an object is left as it is, because it looks like what
// an erasure makes of one, and nobody knows of all erasures.
func (r *repair) spared(ctx context.Context, key string, v onrecord.VisitID) (bool, error) {
	if _, erased := r.red.Object(key); erased || r.unknown == "" {
		return false, nil
	}
	blank, err := r.blank(ctx, key, v)
	if blank {
		r.spare[key] = r.unknown
	}
	return blank, err
}

// blank reports whether an object of the archive has a tombstone or a redacted
// record in it. v is the visit where it is a segment.
func (r *repair) blank(ctx context.Context, key string, v onrecord.VisitID) (bool, error) {
	if !v.IsZero() {
		body, err := bucket.ReadAll(ctx, r.a.b, key, MaxSegment)
		if err != nil {
			return false, unlessAnswer(ctx, err)
		}
		s, _ := r.a.code.parse(v, body)
		return slices.ContainsFunc(s.lines[min(1, len(s.lines)):], func(l segmentLine) bool {
			return bytes.Contains(l.text, []byte(`"type":"`+onrecord.TombstoneLine+`"`))
		}), nil
	}
	body, err := r.a.b.Open(ctx, key, 0, -1)
	if err != nil {
		return false, unlessAnswer(ctx, err)
	}
	defer body.Close()
	for rec, err := range warc.Records(body, warc.ReaderOptions{Skim: true}) {
		if err == nil && rec.Redacted() != "" {
			return true, nil
		}
	}
	return false, ctx.Err()
}

// unlessAnswer returns an error that says nothing of the bytes.
func unlessAnswer(ctx context.Context, err error) error {
	if isAnswer(err) && ctx.Err() == nil {
		return nil
	}
	return outOfReach(err)
}
