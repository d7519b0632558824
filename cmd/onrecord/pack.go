// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/catalog"
	"onrecord/search"
)

// A packer makes WACZ packages of statements: for a file, and for the website.
type packer struct {
	a *archive.Archive
	c *catalog.Catalog

	name, operator, url string
}

// packer returns one for this archive.
func (h *house) packer() packer {
	return packer{
		a: h.archive, c: h.catalog,
		name: h.cfg.Archive.Name, operator: h.cfg.Archive.Operator.Name, url: h.cfg.Archive.URL,
	}
}

// A packed is a statement in a package.
type packed struct {
	onrecord.Statement
	versions []onrecord.Version
	captures []onrecord.Evidence
	events   []onrecord.Event
	page     onrecord.CaptureRef // the capture to open for it; zero where none is in the package
	shows    bool                // page shows it
}

// A leftOut is a record that a package should have and has not.
type leftOut struct {
	Object string `json:"object"`
	Offset int64  `json:"offset"`
	SHA256 string `json:"sha256"`
	Why    string `json:"why"`
}

// A packPlan is what will be in a package. Two equal plans make the same
// package, but for the checkpoint in its proofs.
type packPlan struct {
	title      string
	statements []packed
	refs       map[string][]onrecord.CaptureRef // by object
	left       []leftOut
	bytes      int64 // of the captures
	point      onrecord.Checkpoint
	created    time.Time // of the checkpoint: the state of the record that is shown
}

// Why a record is not in a package.
const (
	leftWithheld = "it also holds a statement that is withheld"
	leftErased   = "it was redacted, case "
	leftLost     = "lines of its visit are lost: what of it is withheld can't be told"
)

// plan reads what a package of these statements has.
func (p packer) plan(ctx context.Context, title string, ids []onrecord.StatementID) (*packPlan, error) {
	point, err := p.c.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	redacted, err := p.a.Redactions(ctx)
	if err != nil {
		return nil, err
	}
	g := &gate{p: p, redacted: redacted, hidden: map[string][]onrecord.Span{}, lost: map[string]bool{}}
	plan := &packPlan{title: title, refs: map[string][]onrecord.CaptureRef{}, point: point, created: point.Time}
	seen := map[onrecord.CaptureRef]string{} // why it is left out; "" where it is not
	for _, id := range ids {
		one, err := p.read(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("statement %s: %w", id, err)
		}
		if one.State == onrecord.StateWithheld {
			continue // since the list was made
		}
		for _, e := range one.captures {
			ref := e.CaptureRef
			why, known := seen[spot(ref)]
			if !known {
				if why, err = g.why(ctx, ref); err != nil {
					return nil, err
				}
				seen[spot(ref)] = why
				plan.add(ref, why)
			}
			if why == "" && e.Type != onrecord.MediaMissed { // nothing can be opened of what was not to be had
				one.offer(ref, one.shownBy(e.Index))
			}
		}
		plan.statements = append(plan.statements, one)
	}
	slices.SortFunc(plan.left, func(a, b leftOut) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Offset, b.Offset))
	})
	return plan, nil
}

// spot is what names a record: other references to it may say less.
func spot(ref onrecord.CaptureRef) onrecord.CaptureRef {
	return onrecord.CaptureRef{Object: ref.Object, Offset: ref.Offset}
}

// add takes a record in, or notes why not.
func (plan *packPlan) add(ref onrecord.CaptureRef, why string) {
	if why != "" {
		plan.left = append(plan.left, leftOut{Object: ref.Object, Offset: ref.Offset, SHA256: ref.SHA256, Why: why})
		return
	}
	plan.refs[ref.Object] = append(plan.refs[ref.Object], ref)
	plan.bytes += ref.Length
}

// objects returns the objects of a plan, in order.
func (plan *packPlan) objects() []string { return slices.Sorted(maps.Keys(plan.refs)) }

// shownBy reports whether the captures of the event at index show s itself: not
// one of its attachments, nor that it is gone.
func (s *packed) shownBy(index int64) bool {
	n := slices.IndexFunc(s.events, func(e onrecord.Event) bool { return e.Index == index })
	if n < 0 {
		return false
	}
	switch e := s.events[n]; e.Type {
	case onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementSeen, onrecord.StatementRestored:
		return true
	case onrecord.StatementLooked:
		return e.Look == onrecord.LookLive
	}
	return false
}

// offer makes ref the capture to open for s, if it is better than what there
// is: one that shows it before others, at its own address before others, answered
// before not, later before earlier.
func (s *packed) offer(ref onrecord.CaptureRef, shows bool) {
	if s.page.Object != "" && shows != s.shows {
		if !shows {
			return
		}
		s.page = onrecord.CaptureRef{}
	}
	s.shows = shows
	rank := func(r onrecord.CaptureRef) int {
		switch {
		case r.Object == "":
			return 0
		case r.URL == s.URL && r.Status == 200:
			return 4
		case r.Status == 200:
			return 3
		case r.Status == 0:
			return 2 // a file
		}
		return 1
	}
	if c := cmp.Compare(rank(ref), rank(s.page)); c > 0 || c == 0 && ref.At.After(s.page.At) {
		s.page = ref
	}
}

// read reads all about a statement.
func (p packer) read(ctx context.Context, id onrecord.StatementID) (packed, error) {
	st, err := p.c.Statement(ctx, id)
	s := packed{Statement: st}
	if err != nil || st.State == onrecord.StateWithheld {
		return s, err
	}
	if s.versions, err = p.c.Versions(ctx, id); err != nil {
		return s, err
	}
	if s.captures, err = p.c.Captures(ctx, id); err != nil {
		return s, err
	}
	s.events, err = p.c.StatementEvents(ctx, id)
	return s, err
}

// A gate knows which records may not be handed out.
type gate struct {
	p        packer
	redacted *archive.Redactions
	hidden   map[string][]onrecord.Span // by object
	lost     map[string]bool            // by object: of visits whose lines are lost
}

// why says why a record may not be handed out; "" where it may.
func (g *gate) why(ctx context.Context, ref onrecord.CaptureRef) (string, error) {
	if number, ok := g.redacted.Record(ref.Object, ref.Offset); ok {
		return leftErased + number, nil
	}
	spans, ok := g.hidden[ref.Object]
	if !ok {
		var err error
		if spans, _, err = g.p.c.Hidden(ctx, ref.Object); err != nil {
			return "", err
		}
		if g.lost[ref.Object], err = g.p.c.OfLost(ctx, ref.Object); err != nil {
			return "", err
		}
		g.hidden[ref.Object] = spans
	}
	if g.lost[ref.Object] {
		return leftLost, nil
	}
	for _, s := range spans {
		if s.Length < 0 || s.Offset < ref.Offset+ref.Length && ref.Offset < s.Offset+s.Length {
			return leftWithheld, nil
		}
	}
	return "", nil
}

// maxPackage is the largest number of statements in a package.
const maxPackage = 2000

// find returns the statements that a request finds, all of them.
func (p packer) find(ctx context.Context, r search.Request) ([]onrecord.StatementID, error) {
	var ids []onrecord.StatementID
	r.Limit, r.Cursor = 200, ""
	for {
		res, err := p.c.Search(ctx, r)
		if err != nil {
			return nil, err
		}
		if res.Total > maxPackage {
			return nil, &failure{
				status: exitUsage, hint: "narrow it with --day, --figure, --account or words, and make several packages",
				err: fmt.Errorf("%d statements are found, a package holds at most %d", res.Total, maxPackage),
			}
		}
		for _, hit := range res.Hits {
			ids = append(ids, hit.ID)
		}
		if res.Next == "" || len(ids) > maxPackage {
			return ids, nil
		}
		r.Cursor = res.Next
	}
}
