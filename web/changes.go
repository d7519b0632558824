// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"fmt"
	"net/http"

	"onrecord"
	"onrecord/search"
)

type changesBody struct {
	Deletions  bool
	Reported   bool // the list of what others reported
	Total      int64
	Cards      []card
	Median     string // how long the deleted ones were online, in words
	Chips      []chip
	Figures    []facet
	Platforms  []facet
	Next, Prev string
	Others     int64  // of a list of deletions: how many the other list has
	OthersHref string // and where it is
	API        string
	Unknown    []string
	AsOf       moment
	Ledger     int64
	Filtered   bool
}

// deletionsPage is /deletions: what was found deleted, or, with kind=reported,
// what others say was.
func (s *server) deletionsPage(r *http.Request) (reply, error) {
	l, err := s.readList(r, "/deletions", []string{"figure", "platform"}, "kind", "figure", "platform", "cursor")
	if err != nil {
		return reply{}, err
	}
	kinds := []string{"seen", "reported"}
	switch l.get("kind") {
	case "", "seen":
		return s.changesPage(r, l.with("kind"), onrecord.ChangeDeleted)
	case "reported":
		return s.changesPage(r, l, onrecord.ChangeReported)
	}
	return reply{}, s.oneOf("kind", l.get("kind"), kinds)
}

// editsPage is /edits.
func (s *server) editsPage(r *http.Request) (reply, error) {
	l, err := s.readList(r, "/edits", []string{"figure", "platform"}, "figure", "platform", "cursor")
	if err != nil {
		return reply{}, err
	}
	return s.changesPage(r, l, onrecord.ChangeEdited)
}

// changesPage lists changed statements, newest change first.
func (s *server) changesPage(r *http.Request, l listing, kind onrecord.ChangeKind) (reply, error) {
	ctx, w := r.Context(), s.words(nil)
	f := onrecord.ChangeFilter{Kind: kind, Figures: l.values["figure"], Platforms: l.values["platform"], Cursor: l.get("cursor"), Limit: latestOnHome}
	found, err := s.History.Changes(ctx, f)
	if err != nil {
		return reply{}, fmt.Errorf("changes: %w", err)
	}
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("checkpoint: %w", err)
	}
	names, _, err := s.names(ctx)
	if err != nil {
		return reply{}, err
	}
	body := changesBody{
		Deletions: kind != onrecord.ChangeEdited, Reported: kind == onrecord.ChangeReported, Total: found.Total,
		Cards: w.cards(found.List, search.Query{}, s.Archive.Name), Unknown: l.unknown, AsOf: w.moment(point.Time), Ledger: point.Size,
		Filtered: len(f.Figures)+len(f.Platforms) > 0,
		Figures:  l.facets("figure", found.Figures, func(c onrecord.Facet) string { return plain(cmp.Or(names[c.Value], c.Name, c.Value)) }),
	}
	body.Platforms = l.facets("platform", found.Platforms, func(c onrecord.Facet) string { return w.filterPlatform(c.Value) })
	body.Chips = l.chips(w, func(param, value string) string {
		if param == "figure" {
			return cmp.Or(names[value], value)
		}
		return w.filterPlatform(value)
	}, "figure", "platform")
	if found.Timed > 0 {
		body.Median = w.n("line.median", found.Timed, "least", w.span(found.Least), "most", w.spanUp(found.Most))
	}
	if found.Next != "" {
		body.Next = l.with("cursor", found.Next).address()
	}
	if found.Prev != "" {
		body.Prev = l.with("cursor", found.Prev).address()
	}
	body.API = changesAPI(l, kind)
	if body.Deletions {
		if err := s.otherDeletions(r, l, f, &body); err != nil {
			return reply{}, err
		}
	}
	title := map[onrecord.ChangeKind]string{onrecord.ChangeDeleted: "title.deletions", onrecord.ChangeReported: "title.reported", onrecord.ChangeEdited: "title.edits"}[kind]
	section := "deletions"
	if kind == onrecord.ChangeEdited {
		section = "edits"
	}
	return s.render("changes", frame{
		Title: w.f(title), Canonical: s.base + l.address(), NoIndex: f.Cursor != "" || body.Filtered, Section: section, Body: body,
		Head: []headLink{{Rel: "alternate", Href: body.API, Type: "application/json"}},
	})
}

// changesAPI is the address of the same list for programs.
func changesAPI(l listing, kind onrecord.ChangeKind) string {
	l = l.with("cursor").with("kind")
	l.path = "/api/v1/deletions"
	switch kind {
	case onrecord.ChangeEdited:
		l.path = "/api/v1/edits"
	case onrecord.ChangeReported:
		l = l.with("kind", "reported")
	}
	return l.address()
}

// otherDeletions counts the other of the two lists of deletions.
func (s *server) otherDeletions(r *http.Request, l listing, f onrecord.ChangeFilter, body *changesBody) error {
	other := l.with("cursor").with("kind")
	f.Kind = onrecord.ChangeDeleted
	if !body.Reported {
		f.Kind, other = onrecord.ChangeReported, other.with("kind", "reported")
	}
	f.Limit, f.Cursor = 1, ""
	found, err := s.History.Changes(r.Context(), f)
	if err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	body.Others, body.OthersHref = found.Total, other.address()
	return nil
}

// filterPlatform names a platform as a filter: "websites", not "the website".
func (w wording) filterPlatform(p string) string {
	if p == "website" {
		return w.f("word.websites")
	}
	return w.platform(p)
}
