// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"onrecord"
	"onrecord/search"
)

// A chip is an active filter, with the address of the search without it.
type chip struct{ Name, Value, Href string }

// An option is a choice in a form, or a link among alternatives.
type option struct {
	Value, Name string
	Selected    bool
	Href        string
}

type searchBody struct {
	Query      query
	Understood string
	Total      int64
	AsOf       moment
	Ledger     int64
	Cards      []card
	Chips      []chip
	Sorts      []option
	Figures    []option
	Platforms  []option
	States     []option
	Types      []option
	Next, Prev string
	API        string
	Warnings   []string
	Unknown    []string
	Coverage   []string // where nothing was found: what was being captured then
	Ranked     bool     // relevance was asked for
}

// searchPage is /search.
func (s *server) searchPage(r *http.Request) (reply, error) {
	ctx := r.Context()
	unknown, err := s.unknownParams(r, searchParams...)
	if err != nil {
		return reply{}, err
	}
	q, err := s.parseQuery(r.URL.Query(), s.Now())
	if err != nil {
		return reply{}, err
	}
	w := s.words(q.Zone)
	cards, found, err := s.find(ctx, w, q.request(latestOnHome))
	if err != nil {
		return reply{}, err
	}
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("checkpoint: %w", err)
	}
	body := searchBody{
		Query: q, Understood: w.understood(q), Total: found.Total, Cards: cards,
		AsOf: w.moment(point.Time), Ledger: point.Size, Unknown: unknown,
		API: q.address("/api/v1/statements"),
	}
	for _, warning := range q.parsed.Warnings() {
		body.Warnings = append(body.Warnings, warning.Message)
	}
	body.pages(q, found)
	if err := s.choices(ctx, w, q, &body); err != nil {
		return reply{}, err
	}
	if found.Total == 0 {
		if body.Coverage, err = s.coverageInWords(ctx, w, q); err != nil {
			return reply{}, err
		}
	}
	title := s.texts.f("title.search")
	if q.Q != "" {
		title = s.texts.f("title.search_for", "query", q.Q)
	}
	a, err := s.render("search", frame{
		Title: title, Canonical: s.base + q.address("/search"), NoIndex: true, Section: "search", Query: q.Q, Body: body,
		Head: []headLink{{Rel: "alternate", Href: body.API, Type: "application/json"}},
	})
	a.Cache = cacheSearch
	return a, err
}

// pages sets the addresses of the pages around this one.
func (b *searchBody) pages(q query, found search.Results) {
	if found.Next != "" {
		b.Next = q.at(found.Next).address("/search")
	}
	if found.Prev != "" {
		b.Prev = q.at(found.Prev).address("/search")
	}
}

// choices fills what the form offers, and the chips of what is chosen.
func (s *server) choices(ctx context.Context, w wording, q query, b *searchBody) error {
	figures, err := s.Figures.Figures(ctx)
	if err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	first := q.at("")
	names, platforms := map[string]string{}, []string{}
	for _, f := range figures {
		names[f.Slug] = plain(f.Name)
		b.Figures = append(b.Figures, option{Value: f.Slug, Name: plain(f.Name), Selected: slices.Contains(q.Figures, f.Slug)})
		for _, a := range f.Accounts {
			platforms = append(platforms, a.Platform)
		}
	}
	for _, p := range tidy(platforms) {
		b.Platforms = append(b.Platforms, option{Value: p, Name: w.platform(p), Selected: slices.Contains(q.Platforms, p)})
	}
	for _, one := range states {
		if one != onrecord.StateWithheld {
			b.States = append(b.States, option{Value: string(one), Name: w.filterState(one), Selected: slices.Contains(q.States, string(one))})
		}
	}
	for _, one := range types {
		b.Types = append(b.Types, option{Value: one, Name: w.kind(one), Selected: slices.Contains(q.Types, one)})
	}
	for _, one := range sorts {
		if one == search.Relevance && !q.parsed.HasText() {
			continue
		}
		sorted := first
		sorted.Sort = one
		b.Sorts = append(b.Sorts, option{Name: w.f("word.sort." + string(one)), Selected: q.Sort == one || (q.Sort == "" && one == search.Newest), Href: sorted.address("/search")})
	}
	b.Chips = w.chips(first, names)
	return nil
}

// chips lists what is filtered by, each with the way out of it.
func (w wording) chips(q query, names map[string]string) []chip {
	var chips []chip
	list := func(kind string, values []string, without func([]string) query, name func(string) string) {
		for i, v := range values {
			rest := without(slices.Delete(slices.Clone(values), i, i+1))
			chips = append(chips, chip{Name: w.f("word.filter." + kind), Value: name(v), Href: rest.address("/search")})
		}
	}
	list("figure", q.Figures, func(l []string) query { c := q; c.Figures = l; return c }, func(v string) string {
		if n := names[v]; n != "" {
			return n
		}
		return v
	})
	list("platform", q.Platforms, func(l []string) query { c := q; c.Platforms = l; return c }, w.platform)
	list("state", q.States, func(l []string) query { c := q; c.States = l; return c }, func(v string) string { return w.filterState(onrecord.State(v)) })
	list("type", q.Types, func(l []string) query { c := q; c.Types = l; return c }, w.kind)
	if q.Since != "" {
		c := q
		c.Since = ""
		chips = append(chips, chip{Name: w.f("word.filter.since"), Value: w.bound(q.since), Href: c.address("/search")})
	}
	if q.Until != "" {
		c := q
		c.Until = ""
		chips = append(chips, chip{Name: w.f("word.filter.until"), Value: w.bound(q.until), Href: c.address("/search")})
	}
	return chips
}

// filterState names a state as a filter: what only others say of a statement is
// found by it too.
func (w wording) filterState(s onrecord.State) string {
	switch s {
	case onrecord.StateDeleted:
		return w.f("word.found.deleted")
	case onrecord.StateLive:
		return w.f("word.found.live")
	}
	return w.state(s)
}

// gapsInWords is how many gaps an answer spells out.
const gapsInWords = 5

// coverageInWords says what was being captured in the span and of the figure
// that were asked for, so that "nothing found" can be weighed.
func (s *server) coverageInWords(ctx context.Context, w wording, q query) ([]string, error) {
	f := onrecord.CoverageFilter{Since: q.since, Until: q.until}
	if len(q.Figures) == 1 {
		f.Figure = q.Figures[0]
	}
	for _, c := range q.parsed.Clauses() {
		switch {
		case c.Not:
		case c.Kind == search.KindSince:
			f.Since = c.Time
		case c.Kind == search.KindUntil:
			f.Until = c.Time
		case c.Kind == search.KindFigure:
			f.Figure = c.Value
		}
	}
	list, err := s.Journal.Coverage(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	captured, all, gaps := map[string]bool{}, map[string]bool{}, []onrecord.Coverage{}
	for _, c := range list {
		all[c.Source] = true
		if c.Status == "gap" {
			gaps = append(gaps, c)
		} else {
			captured[c.Source] = true
		}
	}
	if len(all) == 0 {
		return []string{w.f("coverage.none")}, nil
	}
	lines := []string{w.covered(captured, gaps, s.others(ctx, f.Figure))}
	for i, g := range gaps {
		if i == gapsInWords {
			return append(lines, w.n("coverage.more", int64(len(gaps)-i))), nil
		}
		lines = append(lines, w.gap(g.Source, g.Reason, onrecord.Window{After: g.From, By: g.Until}))
	}
	return lines, nil
}

// others are the sources of a figure, or of all, by name; true are those that
// take imports only. It is empty where nobody here crawls, or nobody can tell.
func (s *server) others(ctx context.Context, figure string) map[string]bool {
	list, err := s.statuses(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "status of sources", "err", err)
	}
	names := map[string]bool{}
	for _, one := range list {
		if figure == "" || one.Figure == figure {
			names[one.Source] = importsOnly(one)
		}
	}
	return names
}

// covered counts sources by how they were captured: those of which spans or gaps
// are recorded, and the other ones that there are.
func (w wording) covered(captured map[string]bool, gaps []onrecord.Coverage, others map[string]bool) string {
	kinds := make(map[string]string, len(others)+len(captured))
	for source, imports := range others {
		kinds[source] = "never"
		if imports {
			kinds[source] = "imports"
		}
	}
	for source := range captured {
		kinds[source] = "through"
	}
	for _, g := range gaps {
		kinds[g.Source] = "never"
		if captured[g.Source] {
			kinds[g.Source] = "partly"
		}
	}
	counts := map[string]int64{}
	for _, kind := range kinds {
		counts[kind]++
	}
	var parts []string
	for _, kind := range []string{"through", "partly", "never", "imports"} {
		if counts[kind] > 0 {
			parts = append(parts, w.f("coverage.of."+kind, "n", number(counts[kind])))
		}
	}
	return w.n("coverage.of", int64(len(kinds)), "parts", strings.Join(parts, w.f("coverage.of.join")))
}

// gap words a span in which a source was not successfully looked at.
func (w wording) gap(source, reason string, span onrecord.Window) string {
	reason = strings.TrimSpace(w.closed("reason.", reason))
	if span.By.IsZero() {
		return w.f("coverage.gap_open", "source", source, "since", w.instant(span.After), "reason", reason)
	}
	return w.f("coverage.gap", "source", source, "between", w.between(span), "reason", reason)
}
