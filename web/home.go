// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

// A figureRow is a figure in a list.
type figureRow struct {
	Name, Href string
	Statements int64
	Last       moment
	Ago        string
}

type homeBody struct {
	Figures    []figureRow
	Latest     []card
	Changed    []card
	FirstRun   string // when nothing was captured yet: the next visit in words
	Statements int64
	Ledger     int64
	AsOf       moment
	Health     string // how the sources fare, in words; empty where nobody here crawls
	Trouble    bool
}

const (
	latestOnHome  = 20
	changedOnHome = 5
)

// home is /.
func (s *server) home(r *http.Request) (reply, error) {
	ctx, w := r.Context(), s.words(nil)
	figures, err := s.Figures.Figures(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("figures: %w", err)
	}
	cards, found, err := s.find(ctx, w, search.Request{Limit: latestOnHome})
	if err != nil {
		return reply{}, err
	}
	changed, err := s.Journal.RecentChanges(ctx, changedOnHome)
	if err != nil {
		return reply{}, fmt.Errorf("recent changes: %w", err)
	}
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("checkpoint: %w", err)
	}
	body := homeBody{
		Latest: cards, Statements: found.Total, Ledger: point.Size, AsOf: w.moment(point.Time),
		Figures: w.figureRows(figures), Changed: w.cards(changed, search.Query{}, s.Archive.Name),
	}
	body.Health, body.Trouble = s.healthInWords(ctx, w)
	if found.Total == 0 {
		body.FirstRun = s.firstRun(ctx, w)
	}
	return s.render("home", frame{Canonical: s.base + "/", Section: "home", Body: body})
}

// find asks the Searcher and reads the statements that it names.
func (s *server) find(ctx context.Context, w wording, req search.Request) ([]card, search.Results, error) {
	list, found, err := s.statements(ctx, req)
	return w.cards(list, req.Query, s.Archive.Name), found, err
}

func (s *server) statements(ctx context.Context, req search.Request) ([]onrecord.Statement, search.Results, error) {
	found, err := s.Searcher.Search(ctx, req)
	if err != nil {
		return nil, found, fmt.Errorf("search: %w", err)
	}
	ids := make([]onrecord.StatementID, len(found.Hits))
	for i, hit := range found.Hits {
		ids[i] = hit.ID
	}
	if len(ids) == 0 {
		return nil, found, nil
	}
	list, err := s.Statements.Statements(ctx, ids)
	if err != nil {
		return nil, found, fmt.Errorf("statements: %w", err)
	}
	return list, found, nil
}

func (w wording) cards(list []onrecord.Statement, q search.Query, archive string) []card {
	cards := make([]card, len(list))
	for i, one := range list {
		cards[i] = w.card(one, q, archive)
	}
	return cards
}

func (w wording) figureRows(figures []onrecord.Figure) []figureRow {
	rows := make([]figureRow, len(figures))
	for i, f := range figures {
		rows[i] = figureRow{Name: plain(f.Name), Href: "/f/" + url.PathEscape(f.Slug), Statements: f.Statements, Last: w.moment(f.LastCapture), Ago: w.ago(f.LastCapture)}
	}
	return rows
}

// healthInWords says how the sources fare. That nobody can tell is no reason
// not to show the page.
func (s *server) healthInWords(ctx context.Context, w wording) (words string, bad bool) {
	list, err := s.statuses(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "status of sources", "err", err)
		return w.f("word.health_unknown"), true
	}
	n := tally(list)
	visited := slices.ContainsFunc(list, func(one onrecord.SourceStatus) bool { return !one.LastVisit.IsZero() })
	var last time.Time
	for _, one := range list {
		if one.LastGood.After(last) {
			last = one.LastGood
		}
	}
	switch {
	case len(list) > 0 && !slices.ContainsFunc(list, func(one onrecord.SourceStatus) bool { return one.Unreadable == "" }):
		return w.f("word.health_unknown"), true
	case n[inTrouble] > 0:
		return w.n("word.health_trouble", counted(n), "bad", number(n[inTrouble]), "ago", w.ago(last)), true
	case !visited:
		return "", false
	}
	var parts []string
	if n[faresWell] > 0 {
		parts = append(parts, w.n("word.health_good", n[faresWell], "ago", w.ago(last)))
	}
	if apart := n[paused] + n[notVisited] + n[forImports]; apart > 0 {
		parts = append(parts, w.n("word.health_apart", apart))
	}
	return strings.Join(parts, " "), false
}

// firstRun words when the first visit is due. It is empty where nobody knows.
func (s *server) firstRun(ctx context.Context, w wording) string {
	if s.Status == nil {
		return ""
	}
	list, err := s.statuses(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "status of sources", "err", err)
		return ""
	}
	list = slices.DeleteFunc(slices.Clone(list), func(one onrecord.SourceStatus) bool { return one.Next.IsZero() })
	if len(list) == 0 {
		return ""
	}
	first := slices.MinFunc(list, func(a, b onrecord.SourceStatus) int { return cmp.Compare(a.Next.Unix(), b.Next.Unix()) })
	return w.instant(first.Next)
}
