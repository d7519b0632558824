// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"onrecord"
)

type sourceRow struct {
	Source, Figure, Platform, Handle string
	Host                             string // in place of Platform and Handle, where that is only "the website"
	FigureHref, AccountHref, Href    string
	Outcome                          string
	Failed                           bool
	Unreadable                       bool // its state can't be read
	Imports                          bool // nobody visits it
	Last, LastGood, Next             moment
	LastAgo, GoodAgo                 string
	Schedule                         string
	Warnings                         []string // paused, frozen, another account behind the handle
	Gaps                             []string
	Doors                            []doorRow
	Unrecorded                       []string
	Statements                       int64
}

// A doorRow is a door in words.
type doorRow struct {
	ID, Kind, Host string
	Outcome        string
	Failed         bool
	Fails          string
	Waits          string // until when it is not tried
	LastGood       moment
}

type statusBody struct {
	Sources    []sourceRow
	NoStatus   bool     // nobody here crawls
	Lede       []string // how many fare how
	Unknown    []string
	Earlier    string // addresses of the pages around
	Later      string
	Gaps       []string // recorded ones, newest first
	Checkpoint onrecord.Checkpoint
	AsOf       moment
	Origin     string
	Key        string
	Version    string
	Machine    []fact
	Alarms     []string // of the machine
	Lost       []string // visits of which lines are lost
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
	l, first, err := s.statusFrom(r)
	if err != nil {
		return reply{}, err
	}
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("checkpoint: %w", err)
	}
	body := statusBody{
		Unknown:    l.unknown,
		Checkpoint: point, AsOf: w.moment(point.Time), Origin: s.Archive.Log, Key: s.Archive.LogKey,
		Version: s.Version, NoStatus: s.Status == nil,
	}
	sources, err := s.statuses(ctx)
	if err != nil {
		return reply{}, err
	}
	names, figures, err := s.names(ctx)
	if err != nil {
		return reply{}, err
	}
	body.Lede = w.lede(sources)
	for _, one := range body.paged(l, sources, first) {
		row := w.sourceRow(one)
		row.Figure, row.AccountHref = cmp.Or(names[one.Figure], row.Figure), knownHref(one, figures)
		body.Sources = append(body.Sources, row)
	}
	gaps, _, err := s.History.CoveragePage(ctx, onrecord.CoverageFilter{Since: w.now.Add(-gapsSpan), Gaps: true}, true, "", gapsOnStatus)
	if err != nil {
		return reply{}, fmt.Errorf("gaps: %w", err)
	}
	for _, c := range gaps {
		body.Gaps = append(body.Gaps, w.gap(c.Source, c.Reason, onrecord.Window{After: c.From, By: c.Until}))
	}
	if s.Health != nil {
		h, err := s.Health(ctx)
		if err != nil {
			return reply{}, fmt.Errorf("health: %w", err)
		}
		body.Machine, body.Alarms = w.machine(h)
		body.lost(w, h.Lost)
	}
	a, err := s.render("status", frame{
		Title: w.f("title.status"), Canonical: s.base + l.address(), NoIndex: first > 0, Section: "status", Body: body,
		Head: []headLink{{Rel: "alternate", Href: "/api/v1/status", Type: "application/json"}},
	})
	if s.Demo == nil {
		a.Cache = cacheSearch
	}
	return a, err
}

func (w wording) sourceRow(s onrecord.SourceStatus) sourceRow {
	row := sourceRow{
		Source: s.Source, Figure: s.Figure, FigureHref: "/f/" + s.Figure, Platform: w.platform(s.Platform), Handle: plain(s.Account.Handle),
		Href:    "/coverage?source=" + s.Source,
		Outcome: w.outcome(s.Outcome), Failed: failed(s),
		Last: w.moment(s.LastVisit), LastAgo: w.ago(s.LastVisit), LastGood: w.moment(s.LastGood), GoodAgo: w.ago(s.LastGood),
		Next: w.moment(s.Next), Schedule: s.Schedule, Statements: s.Statements,
	}
	if s.Platform == "website" {
		row.Host = row.Handle
	}
	switch {
	case s.Unreadable != "":
		row.Outcome, row.Unreadable = w.f("word.unreadable"), true
	case importsOnly(s):
		row.Outcome, row.Imports = w.f("word.imports_only"), true
	case s.IdentityChanged && !failed(s) && !s.LastVisit.IsZero():
		row.Outcome = w.f("word.stranger_answered")
	case s.LastVisit.IsZero():
		row.Outcome = w.f("word.not_visited")
	}
	if s.Schedule == "" {
		row.Schedule, row.Next = w.f("word.no_schedule"), moment{Words: w.f("time.none")}
	}
	row.warnings(w, s)
	for _, g := range s.OpenGaps {
		row.Gaps = append(row.Gaps, w.f("line.open_gap", "since", w.instant(g.Since), "reason", w.closed("reason.", g.Reason)))
	}
	for _, d := range s.Doors {
		row.Doors = append(row.Doors, w.doorRow(d))
	}
	row.Unrecorded = w.unrecorded(s)
	return row
}

// knownHref is the address of the account of a source: by its handle where the
// catalog knows it under that, else by its id. It is empty where the catalog
// does not know the account.
func knownHref(s onrecord.SourceStatus, figures []onrecord.Figure) string {
	for _, f := range figures {
		for _, a := range f.Accounts {
			named := s.Account.Handle != "" && onrecord.SameHandle(a.Handle, s.Account.Handle)
			switch {
			case a.Platform != s.Platform:
			case a.ID == s.Account.ID && (named || s.Platform == "website"), s.Account.ID == "" && named:
				return accountHref(a.AccountRef)
			case a.ID == s.Account.ID:
				return "/a/" + url.PathEscape(a.Platform) + "/" + url.PathEscape(idMark+a.ID)
			}
		}
	}
	return ""
}

// warnings words what stands in the way of a source, whatever its last visit
// said.
func (row *sourceRow) warnings(w wording, s onrecord.SourceStatus) {
	if !s.Paused.IsZero() {
		note := ""
		if s.PausedNote != "" {
			note = w.f("line.code", "code", plain(s.PausedNote))
		}
		row.Warnings = append(row.Warnings, w.f("line.paused", "since", w.instant(s.Paused), "note", note))
		row.Next = moment{Words: w.f("time.none")}
	}
	if s.Overdue {
		row.Warnings = append(row.Warnings, w.f("line.overdue"))
	}
	if s.IdentityChanged {
		row.Warnings = append(row.Warnings, w.f("line.identity"))
	}
	if s.Frozen != "" {
		since := ""
		if !s.FrozenAt.IsZero() {
			since = w.f("line.frozen_since", "since", w.instant(s.FrozenAt))
		}
		row.Warnings = append(row.Warnings, w.f("line.frozen", "reason", w.closed("reason.", plain(s.Frozen)), "since", since))
	}
}

func (w wording) doorRow(d onrecord.DoorStatus) doorRow {
	row := doorRow{ID: plain(d.ID), Kind: w.closed("coverage.door.", d.Kind), Host: plain(d.Host), Outcome: w.closed("line.door.", string(d.Outcome)), LastGood: w.moment(d.LastGood)}
	row.Failed = d.Outcome != "" && d.Outcome != onrecord.OutcomeOK && d.Outcome != onrecord.OutcomeNotModified
	if d.Fails > 0 {
		row.Fails = w.n("line.fails", int64(d.Fails))
	}
	if d.RetryAt.After(w.now) {
		row.Waits = w.f("line.waits", "until", w.instant(d.RetryAt))
	}
	return row
}

// machine words how this machine fares: facts, and what is wrong.
func (w wording) machine(h onrecord.Health) (facts []fact, alarms []string) {
	add := func(name, text, note string) {
		facts = append(facts, fact{Name: w.f("word.machine." + name), Text: text, Note: note})
	}
	spooled := w.n("word.visits", int64(h.Spooled))
	if h.Spooled == 0 {
		spooled = w.f("time.none")
	}
	note := ""
	if !h.SpoolOldest.IsZero() && h.Spooled > 0 {
		note = w.f("word.machine.oldest", "ago", w.ago(h.SpoolOldest))
	}
	add("backlog", spooled, note)
	if h.Kept > 0 {
		add("kept", w.n("word.visits", int64(h.Kept)), w.f("word.machine.kept_note"))
	}
	if h.Ledger >= 0 {
		add("ledger", number(h.Ledger), "")
		add("signed", number(h.Signed), behind(w, h.Ledger-h.Signed))
		add("applied", number(h.Applied), behind(w, h.Ledger-h.Applied))
	}
	witnesses, alarms := w.witnesses(h)
	facts = append(facts, witnesses...)
	storage := w.closed("word.storage.", cmp.Or(h.Storage, "folder"))
	if h.Size > 0 {
		storage += ", " + w.f("word.machine.free", "free", size(h.Free), "size", size(h.Size))
	}
	add("storage", storage, "")
	replicas, hurt := w.replicas(h)
	facts, alarms = append(facts, replicas...), append(alarms, hurt...)
	if h.Stopped != "" {
		alarms = append(alarms, w.f("line.stopped"))
	}
	switch {
	case h.Awaited:
		alarms = append(alarms, w.f("line.storage_awaited"))
	case h.StorageDown != "":
		alarms = append(alarms, w.f("line.storage_down"))
	}
	if h.Paused != "" && !h.Awaited {
		alarms = append(alarms, w.f("line.held"))
	}
	if h.Size > 0 && h.Free*10 < h.Size {
		alarms = append(alarms, w.f("line.disk_low", "free", size(h.Free)))
	}
	return facts, alarms
}

// witnesses words how far each witness has cosigned.
func (w wording) witnesses(h onrecord.Health) (facts []fact, alarms []string) {
	for _, one := range h.Witnesses {
		text, note := w.f("time.none"), one.Name
		if one.Size > 0 {
			text, note = number(one.Size), w.f("word.machine.witness_note", "name", one.Name, "when", w.ago(one.At))
		}
		facts = append(facts, fact{Name: w.f("word.machine.witness"), Text: text, Note: note})
		if one.Problem != "" {
			alarms = append(alarms, w.f("line.witness", "name", one.Name, "since", w.ago(one.Since)))
		}
	}
	return facts, alarms
}

// replicas words how far each replica is.
func (w wording) replicas(h onrecord.Health) (facts []fact, alarms []string) {
	for i, r := range h.Replicas {
		text, note := w.closed("word.storage.", r.Storage), ""
		switch {
		case r.Trouble != "":
			alarms = append(alarms, w.f("line.replica_down", "n", number(int64(i+1))))
		case r.Signed >= 0:
			note = behind(w, h.Signed-r.Signed)
		}
		if r.Signed >= 0 {
			text += ", " + number(r.Signed)
		}
		if r.Damaged || r.Missing > 0 {
			alarms = append(alarms, w.f("line.replica_hurt", "n", number(int64(i+1))))
		}
		facts = append(facts, fact{Name: w.f("word.machine.replica", "n", number(int64(i+1))), Text: text, Note: note})
	}
	return facts, alarms
}

func behind(w wording, n int64) string {
	if n <= 0 {
		return w.f("word.machine.level")
	}
	return w.n("word.machine.behind", n)
}

// size prints bytes in the largest unit that leaves at least one.
func size(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB", "PB"}
	v, i := float64(n), 0
	for v >= 1000 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	text := fmt.Sprintf("%.1f", v)
	if v >= 10 || i == 0 {
		text = fmt.Sprintf("%.0f", v)
	}
	return strings.TrimSuffix(text, ".0") + " " + units[i]
}
