// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"onrecord"
)

// A logRow is an event in words.
type logRow struct {
	Index      int64
	Href       string // of the place in the log
	Observed   moment
	What       string // "Found deleted"
	When       string // its window in words, where that says more than Observed
	More       []string
	Figure     string
	FigureHref string
	Place      string // platform or host
	Account    string
	AccountURL string
	Source     string
	SourceHref string
	Statement  string // address of its page
	Kind       string // for the style sheet: deleted, edited …
}

type eventsBody struct {
	Rows      []logRow
	Chips     []chip
	Types     []option
	Figures   []option
	Platforms []option
	Source    string
	Older     string
	Newest    string // back to the beginning, where this is not it
	API       string
	Unknown   []string
	AsOf      moment
	Ledger    int64
}

// eventsOnPage is how many events a page lists.
const eventsOnPage = 50

// eventTypes are the types that the log can be narrowed to, in order.
var eventTypes = []onrecord.EventType{
	onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementSeen, onrecord.StatementLooked, onrecord.StatementDeleted, onrecord.StatementRestored,
	onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased,
	onrecord.AccountIdentified, onrecord.AccountWasSuspended, onrecord.AccountWasClosed, onrecord.AccountWentPrivate, onrecord.AccountWasMoved,
	onrecord.AccountRenamed, onrecord.AccountRestored, onrecord.AccountIdentityChanged, onrecord.PlatformOffline, onrecord.PlatformOnline,
	onrecord.SourceLooked, onrecord.SourceGap, onrecord.SourceFrozen, onrecord.SourceThawed,
	onrecord.ArchiveCreated, onrecord.ArchiveLabelChanged, onrecord.ArchiveKeyRotated, onrecord.ArchiveAdopted, onrecord.ArchiveErasureDone, onrecord.ArchiveGaveUp, onrecord.VisitAbandoned,
}

// eventsPage is /events: everything that was recorded, newest first.
func (s *server) eventsPage(r *http.Request) (reply, error) {
	ctx, w := r.Context(), s.words(nil)
	l, err := s.readList(r, "/events", []string{"type"}, "type", "figure", "platform", "source", "before")
	if err != nil {
		return reply{}, err
	}
	f := onrecord.EventFilter{Figure: l.get("figure"), Platform: l.get("platform"), Source: l.get("source")}
	for _, t := range l.values["type"] {
		if !slices.Contains(eventTypes, onrecord.EventType(t)) {
			return reply{}, s.oneOf("type", t, stringsOf(eventTypes))
		}
		f.Types = append(f.Types, onrecord.EventType(t))
	}
	before := int64(0)
	if text := l.get("before"); text != "" {
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return reply{}, s.invalidParameter("before", s.texts.f("detail.before", "value", plain(text)))
		}
	}
	events, next, err := s.History.EventsBefore(ctx, before, f, eventsOnPage)
	if err != nil {
		return reply{}, fmt.Errorf("events: %w", err)
	}
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("checkpoint: %w", err)
	}
	names, figures, err := s.names(ctx)
	if err != nil {
		return reply{}, err
	}
	body := eventsBody{Unknown: l.unknown, AsOf: w.moment(point.Time), Ledger: point.Size, Source: f.Source, API: listing{path: "/api/v1/events", known: l.known, values: l.with("before").values}.address()}
	for _, e := range events {
		body.Rows = append(body.Rows, w.logRow(e, names))
	}
	if next > 0 {
		body.Older = l.with("before", strconv.FormatInt(next, 10)).address()
	}
	if before > 0 {
		body.Newest = l.with("before").address()
	}
	body.choices(w, l, names, figures)
	a, err := s.render("events", frame{Title: w.f("title.events"), Canonical: s.base + l.address(), NoIndex: before > 0, Section: "events", Body: body, Head: []headLink{{Rel: "alternate", Href: body.API, Type: "application/json"}}})
	if s.Demo == nil {
		a.Cache = cacheSearch
	}
	return a, err
}

// choices fills the form and the chips of what is chosen.
func (b *eventsBody) choices(w wording, l listing, names map[string]string, figures []onrecord.Figure) {
	for _, t := range eventTypes {
		b.Types = append(b.Types, option{Value: string(t), Name: w.event(t), Selected: slices.Contains(l.values["type"], string(t))})
	}
	b.Figures = figureOptions(figures, l.get("figure"))
	for _, p := range platformsOf(figures) {
		b.Platforms = append(b.Platforms, option{Value: p, Name: w.filterPlatform(p), Selected: p == l.get("platform")})
	}
	b.Chips = l.chips(w, func(param, value string) string {
		switch param {
		case "type":
			return w.event(onrecord.EventType(value))
		case "figure":
			return cmp.Or(names[value], value)
		case "platform":
			return w.filterPlatform(value)
		}
		return value
	}, "type", "figure", "platform", "source")
}

// logRow words an event.
func (w wording) logRow(e onrecord.Event, names map[string]string) logRow {
	account := e.Account
	account.Platform = cmp.Or(account.Platform, e.Platform)
	row := logRow{
		Index: e.Index, Href: "/events?before=" + strconv.FormatInt(e.Index+1, 10), Observed: w.moment(e.At), What: w.what(e),
		Figure: cmp.Or(names[e.Figure], plain(e.Figure)), Source: plain(e.Source), Kind: strings.TrimPrefix(string(e.Type), "statement."),
	}
	if hearsay(e) {
		row.Kind = "reported"
	}
	if e.Figure != "" {
		row.FigureHref = "/f/" + e.Figure
	}
	if slug.MatchString(e.Source) && !strings.HasPrefix(string(e.Type), "archive.") {
		row.SourceHref = "/coverage?source=" + e.Source
	}
	if account.Platform != "" {
		row.Place = w.where(account)
		if account.ID != "" {
			row.AccountURL = accountHref(account)
			if account.Platform != "website" {
				row.Account = plain(accountName(account))
			}
		}
	}
	if e.Statement != "" {
		row.Statement = "/s/" + string(e.Statement)
	}
	row.When, row.More = w.eventWindow(e), w.eventDetails(e)
	return row
}

// hearsay reports whether e is a deletion that others told of.
func hearsay(e onrecord.Event) bool {
	return e.Type == onrecord.StatementDeleted && (e.Provenance == onrecord.Imported || e.Provenance == onrecord.Mirrored)
}

// what words what e is.
func (w wording) what(e onrecord.Event) string {
	if hearsay(e) {
		return w.f("event.reported")
	}
	return w.event(e.Type)
}

// eventWindow words when something happened, where anybody can tell.
func (w wording) eventWindow(e onrecord.Event) string {
	switch {
	case e.Run != nil:
		return w.n("line.run", int64(e.Run.Visits), "from", w.instant(e.Run.From), "until", w.instant(e.Run.Until))
	case e.Gap != nil && e.Gap.Open:
		return w.f("line.gap_opened", "since", w.instant(e.Gap.Since))
	case e.Gap != nil:
		return w.between(onrecord.Window{After: e.Gap.Since, By: e.At})
	case e.By.IsZero(), e.Type == onrecord.StatementSeen, e.After.IsZero() && !bounded(e.Type):
		return ""
	}
	return w.between(e.Window())
}

// bounded reports whether an event of type t is a change that nobody saw happen,
// of which "at some time up to" says something. What was only met, or was done
// by the archive, has no such bounds.
func bounded(t onrecord.EventType) bool {
	switch t {
	case onrecord.StatementEdited, onrecord.StatementDeleted, onrecord.StatementRestored, onrecord.AccountWasSuspended, onrecord.AccountWasClosed,
		onrecord.AccountWentPrivate, onrecord.AccountWasMoved, onrecord.AccountRenamed, onrecord.AccountRestored, onrecord.AccountIdentityChanged,
		onrecord.PlatformOffline, onrecord.PlatformOnline:
		return true
	}
	return false
}

// eventDetails are what else an event says, a sentence or a word each.
func (w wording) eventDetails(e onrecord.Event) []string {
	var more []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			more = append(more, s)
		}
	}
	switch {
	case hearsay(e):
		add(w.f("line.reported_by", "by", cmp.Or(plain(e.Reason), w.f("line.somebody"))))
	case e.Grade != "":
		add(w.grade(e.Grade))
	case e.Look != "":
		add(w.closed("event.look.", string(e.Look)))
	}
	if t := e.Takedown; t != nil {
		add(w.f("event.case", "case", plain(t.Case)))
		add(plain(t.Reason))
	}
	if e.Code != "" {
		add(w.f("line.said", "code", plain(e.Code)))
	}
	if e.Gap != nil {
		add(w.closed("reason.", e.Gap.Reason))
	} else if e.Reason != "" && e.Type != onrecord.StatementDeleted {
		add(w.closed("reason.", plain(e.Reason)))
	}
	if o := e.Observed; o != nil {
		if e.Type == onrecord.AccountWasMoved && o.MovedTo != "" {
			add(w.f("line.moved_to", "address", plain(o.MovedTo)))
		}
		if e.Type == onrecord.AccountIdentityChanged {
			add(w.f("line.stranger_id", "id", plain(o.ID)))
		}
	}
	if e.Provenance != "" && e.Provenance != onrecord.Captured && e.Type != onrecord.StatementDeleted {
		add(w.provenance(e.Provenance))
	}
	return more
}
