// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http"
	"time"

	"onrecord"
)

type sourceRow struct {
	Source, Figure, Platform, Handle string
	Host                             string // in place of Platform and Handle, where that is only "the website"
	FigureHref                       string
	Outcome                          string
	Failed, Good                     bool // Good: the last visit did not fail, and absences count
	Last, LastGood, Next             moment
	LastAgo, GoodAgo                 string
	Schedule                         string
	Frozen                           string
	Gaps                             []string
	Statements                       int64
}

type statusBody struct {
	Sources    []sourceRow
	NoStatus   bool // nobody here crawls
	Healthy    int64
	Trouble    int64
	Gaps       []string // recorded ones, newest first
	Checkpoint onrecord.Checkpoint
	AsOf       moment
	Origin     string
	Key        string
	Version    string
}

// gapsOnStatus is how many recorded gaps the status page lists, of the last
// gapsSpan.
const (
	gapsOnStatus = 20
	gapsSpan     = 30 * 24 * time.Hour
)

// statusPage is /status.
func (s *server) statusPage(r *http.Request) (reply, error) {
	ctx, w := r.Context(), s.words(nil)
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("checkpoint: %w", err)
	}
	body := statusBody{
		Checkpoint: point, AsOf: w.moment(point.Time), Origin: s.Archive.Log, Key: s.Archive.LogKey,
		Version: s.Version, NoStatus: s.Status == nil,
	}
	if s.Status != nil {
		list, err := s.Status(ctx)
		if err != nil {
			return reply{}, fmt.Errorf("status of sources: %w", err)
		}
		for _, one := range list {
			row := w.sourceRow(one)
			if row.Good {
				body.Healthy++
			} else {
				body.Trouble++
			}
			body.Sources = append(body.Sources, row)
		}
	}
	spans, err := s.Journal.Coverage(ctx, onrecord.CoverageFilter{Since: w.now.Add(-gapsSpan)})
	if err != nil {
		return reply{}, fmt.Errorf("coverage: %w", err)
	}
	for i := len(spans) - 1; i >= 0 && len(body.Gaps) < gapsOnStatus; i-- {
		if c := spans[i]; c.Status == "gap" {
			body.Gaps = append(body.Gaps, w.gap(c.Source, c.Reason, onrecord.Window{After: c.From, By: c.Until}))
		}
	}
	a, err := s.render("status", frame{Title: w.f("title.status"), Canonical: s.base + "/status", Section: "status", Body: body})
	a.Cache = cacheSearch
	return a, err
}

func (w wording) sourceRow(s onrecord.SourceStatus) sourceRow {
	row := sourceRow{
		Source: s.Source, Figure: s.Figure, FigureHref: "/f/" + s.Figure, Platform: w.platform(s.Platform), Handle: plain(s.Account.Handle),
		Outcome: w.outcome(s.Outcome), Failed: s.Outcome != onrecord.OutcomeOK,
		Last: w.moment(s.LastVisit), LastAgo: w.ago(s.LastVisit), LastGood: w.moment(s.LastGood), GoodAgo: w.ago(s.LastGood),
		Next: w.moment(s.Next), Schedule: s.Schedule, Statements: s.Statements,
	}
	if s.Platform == "website" {
		row.Host = row.Handle
	}
	if s.LastVisit.IsZero() {
		row.Outcome, row.Failed = w.f("word.not_visited"), false
	}
	row.Good = !row.Failed && s.Frozen == ""
	if s.Schedule == "" {
		row.Schedule, row.Next = w.f("word.no_schedule"), moment{Words: w.f("time.none")}
	}
	if s.Frozen != "" {
		row.Frozen = w.f("line.frozen", "reason", w.closed("reason.", s.Frozen))
	}
	for _, g := range s.OpenGaps {
		row.Gaps = append(row.Gaps, w.f("line.open_gap", "since", w.instant(g.Since), "reason", w.closed("reason.", g.Reason)))
	}
	return row
}
