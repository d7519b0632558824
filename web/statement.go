// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"onrecord"
)

var (
	statementID = regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{16}$`)
	versionID   = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

// A wordingView is one wording as it is shown.
type wordingView struct {
	Title      string
	Spoiler    string
	Text       []segment
	Lang       string
	Links      []segment
	Media      []attachmentView
	Poll       []string
	Categories []string
}

// A fact is a row of the facts table.
type fact struct {
	Name   string
	Text   string
	Moment moment // instead of Text
	Code   bool
	Note   string
}

// A versionRow is a wording in the list of versions.
type versionRow struct {
	ID       onrecord.VersionID
	Href     string
	Number   string
	Began    string // window in words
	First    moment
	Last     moment
	Doors    []string
	Reading  bool // read otherwise by another door: no edit
	Current  bool
	DiffHref string // to the wording before
	Change   string // what changed against the wording before, in a sentence
}

type captureRow struct {
	onrecord.Evidence
	When     moment
	Event    string
	Download string
}

type eventRow struct {
	Index int64
	When  moment
	Words string
	More  string
}

type statementBody struct {
	ID           onrecord.StatementID
	Heading      string
	Line         stateLine
	DiffHref     string
	Label        string
	Figure       string
	FigureHref   string
	Handle       string
	AccountHref  string
	Platform     string
	Original     string
	OriginalText string
	ReplyTo      string
	RepostOf     string
	QuoteOf      string
	Wording      wordingView
	Version      string // shown instead of the state: "Version 1 of 2"
	StatementRef string // from a version's page to the statement's
	Facts        []fact
	Versions     []versionRow
	Captures     []captureRow
	Package      string // where its WACZ file is; empty for none
	Imported     string // see evidenceOf
	CaptureCount int
	Events       []eventRow
	Ledger       int64
	Verify       []string
	Base         string
}

// capturesShown bounds the evidence that a page spells out; the API has all.
const capturesShown = 50

// known reads what /s/{id} names.
func (s *server) known(r *http.Request) (onrecord.Statement, error) {
	id := onrecord.StatementID(r.PathValue("id"))
	if !statementID.MatchString(string(id)) {
		return onrecord.Statement{}, onrecord.ErrNotFound
	}
	st, err := s.Statements.Statement(r.Context(), id)
	if err != nil {
		return st, fmt.Errorf("statement %s: %w", id, err)
	}
	return st, nil
}

// statementPage is /s/{id}.
func (s *server) statementPage(r *http.Request) (reply, error) {
	st, err := s.known(r)
	if err != nil {
		return reply{}, err
	}
	w := s.words(nil)
	if st.State == onrecord.StateWithheld {
		return s.tombstonePage(w, st)
	}
	body := s.statementBody(w, st)
	f := frame{
		Title: body.Heading, Canonical: s.base + "/s/" + string(st.ID),
		Head: []headLink{{Rel: "alternate", Href: "/api/v1/statements/" + string(st.ID), Type: "application/json"}},
	}
	if err := s.fill(r.Context(), w, st, &body); err != nil {
		return reply{}, err
	}
	f.Body = body
	return s.render("statement", f)
}

// statementBody is what needs no further reading.
func (s *server) statementBody(w wording, st onrecord.Statement) statementBody {
	b := statementBody{
		ID: st.ID, Heading: w.heading(st), Line: w.line(st), Label: w.label(st, s.Archive.Name),
		Figure: plain(st.Figure.Name), FigureHref: "/f/" + st.Figure.Slug, Handle: plain(st.Account.Handle), AccountHref: accountHref(st.Account),
		Platform: w.platform(st.Platform), Original: w.outward(st.URL), OriginalText: shortURL(st.URL),
		CaptureCount: st.Captures, Ledger: st.LogIndex, Base: s.base,
	}
	ref := func(id onrecord.StatementID) string {
		if id == "" {
			return ""
		}
		return "/s/" + string(id)
	}
	b.ReplyTo, b.RepostOf, b.QuoteOf = ref(st.ReplyTo), ref(st.RepostOf), ref(st.QuoteOf)
	b.Wording = show(st.Content, st.Lang)
	b.Wording.Media = w.attachments(st.Media)
	return b
}

// fill reads versions, events and evidence.
func (s *server) fill(ctx context.Context, w wording, st onrecord.Statement, b *statementBody) error {
	events, err := s.Statements.StatementEvents(ctx, st.ID)
	if err != nil {
		return fmt.Errorf("events of %s: %w", st.ID, err)
	}
	versions, err := s.Statements.Versions(ctx, st.ID)
	if err != nil {
		return fmt.Errorf("versions of %s: %w", st.ID, err)
	}
	captures, err := s.Statements.Captures(ctx, st.ID)
	if err != nil {
		return fmt.Errorf("captures of %s: %w", st.ID, err)
	}
	captures = slices.DeleteFunc(captures, func(e onrecord.Evidence) bool { return isMediaEvent(e.Type) })
	b.CaptureCount = len(captures)
	b.Versions = w.versionRows(st, versions)
	for _, v := range b.Versions {
		if v.Current {
			b.DiffHref = v.DiffHref
		}
	}
	b.Captures, b.Imported = w.captureRows(st.ID, captures), evidenceOf(captures)
	b.Package = s.packageHref(st.ID, captures)
	b.Events = w.eventRows(events)
	b.Facts = append(w.facts(st), w.importedFrom(st, captures)...)
	b.Verify = s.verify(st, captures)
	return nil
}

// show makes a wording ready to be shown.
func show(c onrecord.Content, claimed string) wordingView {
	v := wordingView{
		Title: c.Title, Spoiler: c.Spoiler, Text: segments(c.Text, nil), Lang: lang(claimed),
		Poll: c.Poll, Categories: c.Categories,
	}
	for _, l := range c.Links {
		v.Links = append(v.Links, segment{Text: plain(l), Href: safeURL(l)})
	}
	return v
}

// lastSeen is when wording i was last seen: the present one when the statement
// was, one that was edited at the latest just before the next began.
func lastSeen(st onrecord.Statement, versions []onrecord.Version, i int) time.Time {
	last := versions[i].LastSeen
	if versions[i].ID == st.Version && st.LastSeen.After(last) {
		return st.LastSeen
	}
	if i+1 < len(versions) && !versions[i+1].Seen && !versions[i+1].Window.Disputed && versions[i+1].Window.After.After(last) {
		return versions[i+1].Window.After
	}
	return last
}

// versionRows lists wordings, newest first, each compared with the one before.
func (w wording) versionRows(st onrecord.Statement, versions []onrecord.Version) []versionRow {
	rows := make([]versionRow, 0, len(versions))
	for i, v := range versions {
		row := versionRow{
			ID: v.ID, Href: "/s/" + string(st.ID) + "/v/" + string(v.ID), Reading: v.Seen, Current: v.ID == st.Version,
			Number: w.f("word.version_of", "n", i+1, "of", len(versions)),
			First:  w.moment(v.FirstSeen), Last: w.moment(lastSeen(st, versions, i)), Doors: v.Doors,
		}
		if i > 0 {
			before := versions[i-1]
			row.DiffHref = "/s/" + string(st.ID) + "/diff?from=" + string(before.ID) + "&to=" + string(v.ID)
			row.Began = w.between(v.Window)
			row.Change = w.compare(before.Content, v.Content).Summary
		}
		rows = append(rows, row)
	}
	slices.Reverse(rows)
	return rows
}

func (w wording) captureRows(id onrecord.StatementID, captures []onrecord.Evidence) []captureRow {
	var rows []captureRow
	for _, c := range captures[max(0, len(captures)-capturesShown):] {
		rows = append(rows, captureRow{
			Evidence: c, When: w.moment(c.At), Event: w.event(c.Type),
			Download: "/api/v1/statements/" + string(id) + "/captures/" + c.SHA256,
		})
	}
	slices.Reverse(rows)
	return rows
}

func (w wording) eventRows(events []onrecord.Event) []eventRow {
	rows := make([]eventRow, len(events))
	for i, e := range events {
		row := eventRow{Index: e.Index, When: w.moment(e.At), Words: w.what(e)}
		if !e.By.IsZero() && e.Type != onrecord.StatementCreated && e.Type != onrecord.StatementSeen {
			row.More = w.between(e.Window())
		}
		if e.Grade == onrecord.GradeD4 {
			row.More = w.f("event.announced")
		} else if e.Look != "" {
			row.More = w.closed("event.look.", string(e.Look))
		}
		rows[i] = row
	}
	return rows
}

// facts is the table of what is known.
func (w wording) facts(st onrecord.Statement) []fact {
	published := w.claimed(st.PublishedAt, st.Precision)
	rows := []fact{
		{Name: w.f("word.fact.published"), Moment: published, Note: w.f("word.fact.claimed")},
		{Name: w.f("word.fact.first"), Moment: w.moment(st.FirstSeen)},
		{Name: w.f("word.fact.last"), Moment: w.moment(st.LastSeen), Note: w.ago(st.LastSeen)},
	}
	if !st.FirstGone.IsZero() {
		note := w.n("word.checks", int64(st.GoneChecks))
		if st.Grade == onrecord.GradeD4 {
			note = w.f("word.announced")
		}
		rows = append(rows, fact{Name: w.f("word.fact.gone"), Moment: w.moment(st.FirstGone), Note: note})
	}
	rows = append(rows,
		fact{Name: w.f("word.fact.provenance"), Text: w.provenance(st.Provenance)},
		fact{Name: w.f("word.fact.type"), Text: w.kind(st.Type)})
	for _, name := range []string{"likes", "reposts", "replies", "views"} {
		if n, ok := st.Engagement[name]; ok {
			rows = append(rows, fact{Name: w.f("word.fact." + name), Text: number(n), Note: w.f("word.fact.asof", "when", w.instant(st.EngagementAt))})
		}
	}
	return append(rows,
		fact{Name: w.f("word.fact.native"), Text: plain(st.NativeID), Code: true},
		fact{Name: w.f("word.fact.sha256"), Text: st.SHA256, Code: true},
		fact{Name: w.f("word.fact.ledger"), Text: number(st.LogIndex), Code: true})
}

// verify lists the commands by which a stranger checks st.
func (s *server) verify(st onrecord.Statement, captures []onrecord.Evidence) []string {
	id := string(st.ID)
	list := []string{"curl -o " + id + ".proof " + s.base + "/api/v1/statements/" + id + "/proof"}
	if s.VerifyProof != "" {
		list = append(list, replace(s.VerifyProof, []any{"file", id + ".proof"}))
	}
	if len(captures) > 0 {
		last := captures[len(captures)-1]
		list = append(list, "curl -s "+s.base+"/api/v1/statements/"+id+"/captures/"+last.SHA256+" | sha256sum  # "+last.SHA256)
	}
	return list
}

// versionPage is /s/{id}/v/{version}: one wording, for ever.
func (s *server) versionPage(r *http.Request) (reply, error) {
	st, err := s.known(r)
	if err != nil {
		return reply{}, err
	}
	id := onrecord.VersionID(r.PathValue("version"))
	if !versionID.MatchString(string(id)) {
		return reply{}, onrecord.ErrNotFound
	}
	w := s.words(nil)
	if st.State == onrecord.StateWithheld {
		return reply{}, s.withheld(w, st)
	}
	versions, err := s.Statements.Versions(r.Context(), st.ID)
	if err != nil {
		return reply{}, fmt.Errorf("versions of %s: %w", st.ID, err)
	}
	i := slices.IndexFunc(versions, func(v onrecord.Version) bool { return v.ID == id })
	if i < 0 {
		return reply{}, fmt.Errorf("version %s of %s: %w", id, st.ID, onrecord.ErrNotFound)
	}
	v := versions[i]
	body := s.statementBody(w, st)
	body.Wording = show(v.Content, v.Content.Lang)
	body.Wording.Media = w.attachments(v.Media)
	body.Version = w.f("line.version", "id", v.ID)
	body.StatementRef = "/s/" + string(st.ID)
	body.Facts = []fact{
		{Name: w.f("word.fact.first"), Moment: w.moment(v.FirstSeen)},
		{Name: w.f("word.fact.published"), Moment: w.claimed(st.PublishedAt, st.Precision), Note: w.f("word.fact.claimed")},
		{Name: w.f("word.fact.sha256"), Text: v.SHA256, Code: true},
		{Name: w.f("word.fact.ledger"), Text: number(v.LogIndex), Code: true},
	}
	a, err := s.render("version", frame{Title: body.Heading + w.f("title.version", "id", v.ID), Canonical: s.base + "/s/" + string(st.ID) + "/v/" + string(v.ID), Body: body})
	// A wording never changes, but it may be withheld: caches that many share ask.
	a.Cache, a.Strong = cacheWording, true
	return a, err
}

// shortURL is an address for people: without scheme, and not too long.
func shortURL(raw string) string {
	text := safeURL(raw)
	for _, prefix := range []string{"https://", "http://", "www."} {
		if len(text) > len(prefix) && text[:len(prefix)] == prefix {
			text = text[len(prefix):]
		}
	}
	if cut, more := excerpt(text, 60); more {
		return cut + "…"
	}
	return text
}
