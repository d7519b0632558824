// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"net/url"
	"time"

	"onrecord"
)

// at is t as the API prints it, or null.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// text is s, or null if it is empty.
func text[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	v := string(s)
	return &v
}

// id is s, or null if it is empty.
func id[S ~string](s S) *S {
	if s == "" {
		return nil
	}
	return &s
}

func window(w onrecord.Window) maybe[apiWindow] {
	if w.By.IsZero() && w.After.IsZero() {
		return maybe[apiWindow]{}
	}
	return some(apiWindow{After: at(w.After), By: at(w.By), Disputed: w.Disputed})
}

func (s *server) apiStatement(st onrecord.Statement) apiStatement {
	page := s.base + "/s/" + string(st.ID)
	a := apiStatement{
		ID: st.ID, URL: page, Notice: s.words(nil).label(st, s.Archive.Name),
		Figure:   apiFigureRef{Slug: st.Figure.Slug, Name: st.Figure.Name},
		Account:  apiAccountRef{Platform: st.Account.Platform, Handle: text(st.Account.Handle), NativeID: st.Account.ID, State: text(st.AccountState)},
		Platform: st.Platform, NativeID: st.NativeID, OriginalURL: text(safeURL(st.URL)), Type: st.Type, Lang: text(st.Lang),
		PublishedAt: at(st.PublishedAt), PublishedPrecision: text(st.Precision),
		Title: text(st.Content.Title), Text: st.Content.Text, Spoiler: text(st.Content.Spoiler),
		State: st.State, Grade: text(st.Grade), ReportedBy: text(st.Reported), Edited: st.Edited, Provenance: st.Provenance,
		FirstSeenAt: at(st.FirstSeen), LastSeenAt: at(st.LastSeen), FirstGoneAt: at(st.FirstGone), GoneChecks: st.GoneChecks,
		Version: st.Version, VersionCount: st.Versions,
		Links: apiLinkList(st.Content.Links), Media: s.apiMediaList(st.Media),
		Poll: list(st.Content.Poll), Categories: list(st.Content.Categories),
		ReplyTo: id(st.ReplyTo), RepostOf: id(st.RepostOf), QuoteOf: id(st.QuoteOf),
		SHA256: st.SHA256, Captures: st.Captures,
		Log: apiLog{Index: st.LogIndex, Proof: s.base + "/api/v1/statements/" + string(st.ID) + "/proof"},
	}
	if a.Lang != nil {
		a.LangSource = text("platform")
	}
	if st.State != onrecord.StateLive {
		a.StateWindow = window(st.StateWindow)
	}
	if st.Edited {
		a.EditWindow = window(st.EditWindow)
	}
	if least, most, ok := onlineSpan(st); ok {
		a.OnlineSeconds = some(apiSpan{int64(least / time.Second), int64(most / time.Second)})
	}
	a.Engagement = engagement(st)
	return a
}

func engagement(st onrecord.Statement) maybe[apiEngagement] {
	if len(st.Engagement) == 0 {
		return maybe[apiEngagement]{}
	}
	count := func(name string) *int64 {
		if n, ok := st.Engagement[name]; ok {
			return &n
		}
		return nil
	}
	return some(apiEngagement{CapturedAt: at(st.EngagementAt), Likes: count("likes"), Reposts: count("reposts"), Replies: count("replies"), Views: count("views")})
}

// list is l, but never null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func apiLinkList(links []string) []apiLink {
	out := make([]apiLink, len(links))
	for i, l := range links {
		out[i] = apiLink{URL: l}
	}
	return out
}

func (s *server) apiVersion(st onrecord.Statement, v onrecord.Version) apiVersion {
	c := v.Content
	return apiVersion{
		ID: v.ID, URL: s.base + "/s/" + string(st.ID) + "/v/" + string(v.ID), Notice: s.words(nil).label(st, s.Archive.Name), SHA256: v.SHA256,
		FirstSeenAt: at(v.FirstSeen), LastSeenAt: at(v.LastSeen), Window: window(v.Window), ChangedAt: at(v.Changed),
		Doors: list(v.Doors), Reading: v.Seen, LogIndex: v.LogIndex, Type: c.Type, Title: text(c.Title), Text: c.Text, Spoiler: text(c.Spoiler),
		Lang: text(c.Lang), Published: text(c.Published), Links: apiLinkList(c.Links), Media: s.apiMediaList(v.Media), Poll: list(c.Poll), Categories: list(c.Categories),
	}
}

func (s *server) apiCapture(id onrecord.StatementID, e onrecord.Evidence) apiCapture {
	c := apiCapture{
		Object: e.Object, Offset: e.Offset, Length: e.Length, SHA256: e.SHA256, URL: e.URL, At: at(e.At), Event: e.Type, LogIndex: e.Index,
		Download: s.base + "/api/v1/statements/" + string(id) + "/captures/" + e.SHA256,
		Case:     text(e.Down), Redacted: e.Redacted,
	}
	if e.Status != 0 {
		c.Status = &e.Status
	}
	return c
}

func (s *server) apiFigure(f onrecord.Figure) apiFigure {
	a := apiFigure{
		Slug: f.Slug, Name: f.Name, URL: s.base + "/f/" + f.Slug, Statements: f.Statements, LastCaptureAt: at(f.LastCapture),
		Notice: s.texts.f("label", "archive", s.Archive.Name, "figure", plain(f.Name)), Accounts: make([]apiAccount, len(f.Accounts)),
	}
	for i, one := range f.Accounts {
		a.Accounts[i] = s.apiAccount(one)
	}
	return a
}

func (s *server) apiAccount(one onrecord.Account) apiAccount {
	a := apiAccount{
		Platform: one.Platform, Handle: text(one.Handle), NativeID: one.ID, Name: text(one.Name), URL: text(safeURL(one.URL)), State: string(cmp.Or(one.State, onrecord.AccountUnknown)),
		Window: window(one.Window), Code: text(one.Code), Statements: one.Statements, Since: at(one.Since), LastLookedAt: at(one.LastLooked),
		Figure: text(one.Figure), MovedTo: text(one.MovedTo), Handles: make([]apiHandle, len(one.Handles)), Sources: list(one.Sources),
		Page: s.base + "/a/" + url.PathEscape(one.Platform) + "/" + url.PathEscape(idMark+one.ID),
	}
	if one.IsOffline {
		a.Offline = window(one.Offline)
	}
	for i, h := range one.Handles {
		a.Handles[i] = apiHandle{Handle: h.Handle, First: at(h.First), Last: at(h.Last)}
	}
	return a
}

func (s *server) apiSource(one onrecord.SourceStatus) apiSource {
	a := apiSource{
		Source: one.Source, Figure: text(one.Figure), Platform: one.Platform, Schedule: text(one.Schedule), LastVisitAt: at(one.LastVisit), LastGoodAt: at(one.LastGood),
		Outcome: text(one.Outcome), NextAt: at(one.Next), Frozen: text(one.Frozen), FrozenAt: at(one.FrozenAt), PausedAt: at(one.Paused), PausedNote: text(one.PausedNote),
		IdentityChanged: one.IdentityChanged, Statements: one.Statements, Trouble: trouble(one), Overdue: one.Overdue, Readable: one.Unreadable == "", Gaps: make([]apiGap, len(one.OpenGaps)), Doors: make([]apiDoor, len(one.Doors)),
		Unrecorded: make([]apiCoverage, len(one.OpenRuns)),
		Account:    apiAccountRef{Platform: one.Platform, Handle: text(one.Account.Handle), NativeID: one.Account.ID},
	}
	for i, g := range one.OpenGaps {
		a.Gaps[i] = apiGap{Reason: g.Reason, Open: true, Since: at(g.Since), Note: text(g.Note)}
	}
	for i, d := range one.Doors {
		a.Doors[i] = apiDoor{ID: d.ID, Kind: d.Kind, Host: text(d.Host), Outcome: text(d.Outcome), Fails: d.Fails, RetryAt: at(d.RetryAt), LastGoodAt: at(d.LastGood)}
	}
	for i, run := range one.OpenRuns {
		run.Index = -1
		a.Unrecorded[i] = apiCoverageOf(run)
	}
	return a
}

func apiMachineOf(h onrecord.Health) apiMachine {
	m := apiMachine{
		Spooled: h.Spooled, SpoolOldestAt: at(h.SpoolOldest), Kept: h.Kept, Signed: h.Signed, Applied: h.Applied,
		Storage: h.Storage, StorageAnswers: h.StorageDown == "", Writing: h.Stopped == "", Visiting: h.Stopped == "" && h.Paused == "",
	}
	if h.Ledger >= 0 {
		m.Ledger = &h.Ledger
	}
	if h.Size > 0 {
		m.FreeBytes, m.SizeBytes = &h.Free, &h.Size
	}
	m.Missing, m.MissingTotal = apiLostOf(h.Lost), apiLostTotalOf(h.Lost)
	m.Replicas, m.Witnesses = make([]apiReplica, len(h.Replicas)), make([]apiWitness, len(h.Witnesses))
	for i, r := range h.Replicas {
		m.Replicas[i] = apiReplica{Number: i + 1, SeenAt: at(r.SeenAt), BehindSince: at(r.BehindSince), Answers: r.Trouble == "", Whole: r.Missing == 0 && !r.Damaged}
		if r.Signed >= 0 {
			m.Replicas[i].Signed, m.Replicas[i].Behind = new(r.Signed), new(max(0, h.Signed-r.Signed))
		}
	}
	for i, one := range h.Witnesses {
		m.Witnesses[i] = apiWitness{Name: one.Name, CosignedAt: at(one.At)}
		if one.Size > 0 {
			m.Witnesses[i].Size = new(one.Size)
		}
		if one.Problem != "" {
			m.Witnesses[i].Troubled = at(one.Since)
		}
	}
	return m
}

func apiEventOf(e onrecord.Event) apiEvent {
	a := apiEvent{
		Seq: e.Index, Type: e.Type, At: at(e.At), After: at(e.After), By: at(e.By), Disputed: e.Disputed, Figure: text(e.Figure), Source: text(e.Source),
		Platform: text(e.Platform), Statement: id(e.Statement), Version: id(e.Version), Grade: text(e.Grade), Provenance: text(e.Provenance),
		Look: text(e.Look), Code: text(e.Code), Reason: text(e.Reason), LogIndex: e.Index,
	}
	if e.Account.Platform != "" || e.Account.ID != "" {
		a.Account = some(apiAccountRef{Platform: e.Account.Platform, Handle: text(e.Account.Handle), NativeID: e.Account.ID, State: text(e.State)})
		if a.Platform == nil {
			a.Platform = text(e.Account.Platform)
		}
	}
	if t := e.Takedown; t != nil {
		a.Case, a.Reason = text(t.Case), text(cmp.Or(t.Reason, e.Reason))
	}
	if g := e.Gap; g != nil {
		a.Gap = some(apiGap{Reason: g.Reason, Open: g.Open, Since: at(g.Since), Note: text(g.Note)})
	}
	return a
}

func apiCoverageOf(c onrecord.Coverage) apiCoverage {
	a := apiCoverage{Source: c.Source, Figure: text(c.Figure), Door: text(c.Door), From: at(c.From), Until: at(c.Until), Status: c.Status, Reason: text(c.Reason), Visits: c.Visits}
	if c.Index >= 0 {
		a.LogIndex = &c.Index
	}
	return a
}
