// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"onrecord"
	"onrecord/search"
)

// Bounds of the page: a strip is at most a year and a day, and no page holds
// more sources or gaps than these.
const (
	stripDays     = 366
	usualDays     = 365
	sourcesOnPage = 20
	gapsOnPage    = 50
	rowsOfDays    = 40
)

// A sourceCoverage is a source on the page.
type sourceCoverage struct {
	Source, Href string
	Figure       string
	FigureHref   string
	Place        string
	Account      string
	AccountHref  string
	First, Last  moment
	Strip        strip
	Rows         []dayRow
	More         int64
	Methods      []method
	Open         bool // its days are shown at once
}

// A method is how a source is looked at, and what that can't see.
type method struct {
	Name  string
	Words []string
}

type coverageBody struct {
	Sources     []sourceCoverage
	Gaps        []string
	Period      string
	Figures     []option
	Source      string
	Since       string
	Until       string
	Earlier     string // the year before
	Later       string
	MoreSources string
	OlderGaps   string
	API         string
	Chips       []chip
	Unknown     []string
	AsOf        moment
	Ledger      int64
	Cut         bool // a longer span was asked for than a page can show
	Unrecorded  []string
}

// coveragePage is /coverage: when each source was looked at, day by day.
func (s *server) coveragePage(r *http.Request) (reply, error) {
	ctx, w := r.Context(), s.words(nil)
	l, err := s.readList(r, "/coverage", nil, "figure", "source", "since", "until", "after", "cursor")
	if err != nil {
		return reply{}, err
	}
	from, until, cut, err := s.period(l, w.now)
	if err != nil {
		return reply{}, err
	}
	names, figures, err := s.names(ctx)
	if err != nil {
		return reply{}, err
	}
	body := coverageBody{Source: l.get("source"), Since: l.get("since"), Until: l.get("until"), Unknown: l.unknown, Cut: cut, Figures: figureOptions(figures, l.get("figure"))}
	body.Period = w.f("coverage.period", "from", w.day(from), "until", w.day(until.Add(-time.Microsecond)))
	if err := s.coverSources(ctx, w, l, from, until, names, &body); err != nil {
		return reply{}, err
	}
	if err := s.coverGaps(ctx, w, l, from, until, &body); err != nil {
		return reply{}, err
	}
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("checkpoint: %w", err)
	}
	body.AsOf, body.Ledger = w.moment(point.Time), point.Size
	body.around(l, from, until, w.now)
	body.Chips = l.chips(w, func(param, value string) string {
		return cmp.Or(map[string]string{"figure": names[value]}[param], value)
	}, "figure", "source", "since", "until")
	a, err := s.render("coverage", frame{
		Title: w.f("title.coverage"), Canonical: s.base + l.address(), NoIndex: len(l.values) > 0, Section: "coverage", Body: body,
		Head: []headLink{{Rel: "alternate", Href: body.API, Type: "application/json"}},
	})
	if s.Demo == nil {
		a.Cache = cacheSearch
	}
	return a, err
}

// period returns the days that the page shows: those asked for, of a longer
// span the last year of it, else the year up to now.
func (s *server) period(l listing, now time.Time) (from, until time.Time, cut bool, err error) {
	until = midnight(now).Add(oneDay)
	for _, bound := range []struct {
		name string
		into *time.Time
	}{{"since", &from}, {"until", &until}} {
		text := l.get(bound.name)
		if text == "" {
			continue
		}
		t, ok := search.ParseDate(text, time.UTC)
		if !ok {
			return from, until, false, s.invalidParameter(bound.name, s.texts.f("detail.date", "value", plain(text)))
		}
		*bound.into = t
	}
	if end := midnight(until); end.Before(until) { // days are whole
		until = end.Add(oneDay)
	}
	if from.IsZero() {
		from = until.Add(-usualDays * oneDay)
	}
	from = midnight(from)
	if !from.Before(until) {
		return from, until, false, s.invalidParameter("until", s.texts.f("detail.backwards"))
	}
	if least := until.Add(-stripDays * oneDay); from.Before(least) {
		from, cut = least, true
	}
	return from, until, cut, nil
}

// coverSources fills the strips.
func (s *server) coverSources(ctx context.Context, w wording, l listing, from, until time.Time, names map[string]string, body *coverageBody) error {
	list, err := s.History.Days(ctx, onrecord.DaysFilter{
		Figure: l.get("figure"), Source: l.get("source"), Since: from, Until: until, After: l.get("after"), Limit: sourcesOnPage + 1,
	})
	if err != nil {
		return fmt.Errorf("days: %w", err)
	}
	status, _ := s.statuses(ctx)
	for i, d := range list {
		if i == sourcesOnPage {
			body.MoreSources = l.with("cursor").with("after", list[i-1].Source).address()
			break
		}
		row := w.sourceCoverage(d, from, until, names)
		row.Open = l.get("source") == d.Source
		row.Href = l.with("after").with("cursor").with("source", d.Source).address()
		for _, one := range status {
			if one.Source == d.Source {
				row.Methods = w.methods(one)
				body.Unrecorded = append(body.Unrecorded, w.unrecorded(one)...)
			}
		}
		body.Sources = append(body.Sources, row)
	}
	return nil
}

func (w wording) sourceCoverage(d onrecord.SourceDays, from, until time.Time, names map[string]string) sourceCoverage {
	facts := dayFacts(d, from, until, w.now)
	row := sourceCoverage{
		Source: d.Source, Figure: cmp.Or(names[d.Figure], plain(d.Figure)), Place: w.where(d.Account), AccountHref: accountHref(d.Account),
		First: w.moment(d.First), Last: w.moment(d.Last), Strip: w.strip(d.Source, facts),
	}
	if d.Last.IsZero() {
		row.Last = moment{Words: w.f("time.never")}
	}
	if d.Figure != "" {
		row.FigureHref = "/f/" + d.Figure
	}
	if d.Account.Platform != "website" {
		row.Account = plain(accountName(d.Account))
	}
	row.Rows, row.More = w.dayRows(facts, rowsOfDays)
	return row
}

// coverGaps lists the gaps of the period with their bounds.
func (s *server) coverGaps(ctx context.Context, w wording, l listing, from, until time.Time, body *coverageBody) error {
	f := onrecord.CoverageFilter{Figure: l.get("figure"), Source: l.get("source"), Since: from, Until: until, Gaps: true}
	gaps, next, err := s.History.CoveragePage(ctx, f, true, l.get("cursor"), gapsOnPage)
	if err != nil {
		return fmt.Errorf("gaps: %w", err)
	}
	for _, g := range gaps {
		body.Gaps = append(body.Gaps, w.gap(g.Source, g.Reason, onrecord.Window{After: g.From, By: g.Until}))
	}
	if next != "" {
		body.OlderGaps = l.with("cursor", next).address()
	}
	return nil
}

// around sets the addresses of the spans before and after.
func (b *coverageBody) around(l listing, from, until, now time.Time) {
	l = l.with("cursor").with("after")
	length := until.Sub(from)
	b.Earlier = l.with("since", from.Add(-length).Format(time.DateOnly)).with("until", from.Format(time.DateOnly)).address()
	if until.Before(now) {
		b.Later = l.with("since", until.Format(time.DateOnly)).with("until", until.Add(length).Format(time.DateOnly)).address()
	}
	api := l
	api.path = "/api/v1/coverage"
	b.API = api.address()
}

// methods words how a source is looked at: each door by its kind, and what it
// can't see.
func (w wording) methods(s onrecord.SourceStatus) []method {
	var list []method
	for _, d := range s.Doors {
		m := method{Name: w.closed("coverage.door.", d.Kind)}
		can := func(yes bool, name string) {
			if yes {
				m.Words = append(m.Words, w.f("coverage.can."+name))
			} else {
				m.Words = append(m.Words, w.f("coverage.cannot."+name))
			}
		}
		can(d.Sees.CompleteRanges, "ranges")
		can(d.Sees.OwnAddress, "own")
		can(d.Sees.EditSignal, "edits")
		can(d.Sees.AccountStates, "states")
		if d.Sees.ThirdParty {
			m.Words = append(m.Words, w.f("coverage.third"))
		}
		list = append(list, m)
	}
	return list
}

// unrecorded words looks that are not in the journal yet.
func (w wording) unrecorded(s onrecord.SourceStatus) []string {
	var list []string
	for _, run := range s.OpenRuns {
		list = append(list, w.n("coverage.unrecorded", int64(run.Visits), "source", s.Source, "from", w.instant(run.From), "until", w.instant(run.Until)))
	}
	return list
}
