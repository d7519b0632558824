// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/catalog"
	"onrecord/search"
)

var (
	jane = onrecord.AccountRef{Platform: "mastodon", ID: "100", Handle: "jane"}
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// said is an event that brings a wording.
func said(kind onrecord.EventType, native, text string, at time.Time) onrecord.Event {
	c := onrecord.Content{Type: "post", Text: text, HTML: "<p>" + text + "</p>"}
	return onrecord.Event{
		Type: kind, At: at, By: at, Figure: "jane-example", Source: "masto", Door: "api", Parser: "1", Account: jane,
		Statement: onrecord.NewStatementID("mastodon", native), NativeID: native, Order: native, URL: "https://social.example/@jane/" + native,
		Version: c.Version(), Content: &c, PublishedAt: noon.Add(-time.Hour), Precision: onrecord.PrecisionSecond,
		Provenance: onrecord.Captured, Prev: -1, Salt: strings.Repeat("0a", 16),
		Captures: []onrecord.CaptureRef{{
			Object: "captures/2026/03/01/01kjmvn2g0000000000000000a.warc.gz", Offset: 512, Length: 2048, SHA256: strings.Repeat("ab", 32),
			URL: "https://social.example/api/v1/accounts/100/statuses", At: at, Status: 200,
		}},
		Engagement: map[string]int64{"likes": int64(at.Minute())},
	}
}

// happened is an event of a statement without a wording.
func happened(kind onrecord.EventType, native string, at time.Time) onrecord.Event {
	e := said(kind, native, "", at)
	e.Version, e.Content, e.PublishedAt, e.Precision, e.Engagement = "", nil, time.Time{}, "", nil
	return e
}

func id(native string) onrecord.StatementID { return onrecord.NewStatementID("mastodon", native) }

func TestStatement(t *testing.T) {
	c, l := temporary(t), &ledger{}
	created := said(onrecord.StatementCreated, "17", "We will not raise taxes", noon)
	created.Aliases = []string{"16"}
	edited := said(onrecord.StatementEdited, "17", "We will raise taxes", noon.Add(10*time.Minute))
	edited.After = noon.Add(5 * time.Minute)
	deleted := happened(onrecord.StatementDeleted, "17", noon.Add(time.Hour))
	deleted.After, deleted.Grade, deleted.Look, deleted.Code = noon.Add(30*time.Minute), onrecord.GradeD2, onrecord.LookGone, "404"
	reply := said(onrecord.StatementCreated, "18", "To be read with the other", noon.Add(2*time.Hour))
	reply.Content.ReplyTo, reply.Content.Type = "16", "reply"
	reply.Version = reply.Content.Version()
	apply(t, c, l.visit(noon, "masto", created)...)
	apply(t, c, l.visit(noon, "masto", edited)...)
	apply(t, c, l.visit(noon, "masto", deleted, reply)...)

	s, err := c.Statement(t.Context(), id("17"))
	if err != nil {
		t.Fatal(err)
	}
	content := *edited.Content
	content.HTML = ""
	sum := content.SHA256()
	want := onrecord.Statement{
		ID: id("17"), Figure: onrecord.FigureRef{Slug: "jane-example", Name: "Jane Example"}, Account: jane, AccountState: onrecord.AccountUnknown,
		Platform: "mastodon", NativeID: "17", URL: "https://social.example/@jane/17", Type: "post",
		PublishedAt: noon.Add(-time.Hour), Precision: onrecord.PrecisionSecond, Date: noon.Add(-time.Hour),
		Version: edited.Version, SHA256: fmt.Sprintf("%x", sum), Content: content, Versions: 2, Edited: true,
		State: onrecord.StateDeleted, Provenance: onrecord.Captured, Grade: onrecord.GradeD2,
		StateWindow: deleted.Window(), EditWindow: edited.Window(), FirstSeen: noon, LastSeen: edited.At, FirstGone: deleted.At, GoneChecks: 1,
		Captures: 3, LogIndex: 1, LastIndex: 5, Engagement: map[string]int64{"likes": 10}, EngagementAt: edited.At,
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	other, err := c.Statement(t.Context(), id("18"))
	if err != nil || other.ReplyTo != id("17") {
		t.Errorf("reply to an alias: %q, error %v, want %s", other.ReplyTo, err, id("17"))
	}
	list, err := c.Statements(t.Context(), []onrecord.StatementID{id("18"), id("nobody"), id("17")})
	if err != nil || len(list) != 2 || list[0].ID != id("18") || list[1].ID != id("17") {
		t.Errorf("Statements: %d, error %v", len(list), err)
	}
	for _, bad := range []onrecord.StatementID{id("nobody"), "", "x", "UPPERCASE0000000"} {
		if _, err := c.Statement(t.Context(), bad); !errors.Is(err, onrecord.ErrNotFound) {
			t.Errorf("Statement(%q): error %v, want ErrNotFound", bad, err)
		}
	}
}

func TestVersionsAndEvents(t *testing.T) {
	c, l := temporary(t), &ledger{}
	one := said(onrecord.StatementCreated, "17", "First wording", noon)
	two := said(onrecord.StatementEdited, "17", "Second wording", noon.Add(10*time.Minute))
	two.After, two.Changed = noon, noon.Add(3*time.Minute)
	three := said(onrecord.StatementSeen, "17", "Second  wording", noon.Add(20*time.Minute))
	three.Door = "page"
	apply(t, c, l.visit(noon, "masto", one, two)...)
	apply(t, c, l.visit(noon, "masto", three)...)
	versions, err := c.Versions(t.Context(), id("17"))
	if err != nil || len(versions) != 3 {
		t.Fatalf("%d versions, error %v", len(versions), err)
	}
	for i, e := range []onrecord.Event{one, two, three} {
		v := versions[i]
		if v.ID != e.Version || v.Content.Text != e.Content.Text || v.Seen != (i == 2) || v.LogIndex != []int64{1, 2, 4}[i] ||
			!v.FirstSeen.Equal(e.At) || v.Changed != e.Changed || !cmp.Equal(v.Doors, []string{"masto/" + e.Door}) || len(v.SHA256) != 64 {
			t.Errorf("version %d: %+v", i, v)
		}
	}
	if versions[1].Window != two.Window() {
		t.Errorf("window of the edit: %v, want %v", versions[1].Window, two.Window())
	}
	events, err := c.StatementEvents(t.Context(), id("17"))
	if err != nil || len(events) != 3 {
		t.Fatalf("%d events, error %v", len(events), err)
	}
	one.Index, one.Salt, one.Content.HTML = 1, "", ""
	if diff := cmp.Diff(one, events[0]); diff != "" {
		t.Errorf("first event:\n%s", diff)
	}
	captures, err := c.Captures(t.Context(), id("17"))
	if err != nil || len(captures) != 3 || captures[2].Index != 4 || captures[2].Type != onrecord.StatementSeen || captures[0].Object != one.Captures[0].Object {
		t.Errorf("captures %+v, error %v", captures, err)
	}
	if e, err := c.Event(t.Context(), 2); err != nil || e.Type != onrecord.StatementEdited || e.Content.Text != "Second wording" {
		t.Errorf("event 2: %+v, error %v", e, err)
	}
	if _, err := c.Event(t.Context(), 3); !errors.Is(err, onrecord.ErrNotFound) {
		t.Errorf("the visit line at 3: error %v, want ErrNotFound", err)
	}
}

// TestWithheld: nothing that was said is left on any way to read, and it is
// back when the withholding is lifted.
func TestWithheld(t *testing.T) {
	c, l := temporary(t), &ledger{}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "17", "A secret address", noon))...)
	apply(t, c, l.visit(noon, "archive", happened(onrecord.StatementWithheld, "17", noon.Add(time.Hour)))...)
	check := func(hidden bool) {
		t.Helper()
		s, err := c.Statement(t.Context(), id("17"))
		if err != nil || (s.State == onrecord.StateWithheld) != hidden || (s.Content.Text == "") != hidden || (s.Version == "") != hidden || (s.URL == "") != hidden {
			t.Errorf("statement %+v, error %v", s, err)
		}
		versions, err := c.Versions(t.Context(), id("17"))
		if err != nil || (len(versions) == 0) != hidden {
			t.Errorf("%d versions, error %v", len(versions), err)
		}
		captures, err := c.Captures(t.Context(), id("17"))
		if err != nil || (len(captures) == 0) != hidden {
			t.Errorf("%d captures, error %v", len(captures), err)
		}
		events, _, err := c.Events(t.Context(), -1, onrecord.EventFilter{}, 10)
		if err != nil || (events[0].Content == nil) != hidden || (events[0].Version == "") != hidden {
			t.Errorf("events %+v, error %v", events, err)
		}
		for _, q := range []string{"secret", "", "-nothing"} {
			if n := total(t, c, q); (n == 0) != hidden {
				t.Errorf("search %q finds %d", q, n)
			}
		}
	}
	check(true)
	apply(t, c, l.visit(noon, "archive", happened(onrecord.StatementUnwithheld, "17", noon.Add(2*time.Hour)))...)
	check(false)
	gone := happened(onrecord.StatementErased, "17", noon.Add(3*time.Hour))
	gone.Erasure = &onrecord.Erasure{Also: []onrecord.StatementID{id("alias of 17")}}
	apply(t, c, l.visit(noon, "archive", gone)...)
	check(true)
	known, err := c.Known(t.Context(), "mastodon", "7", []onrecord.StatementID{id("alias of 17")})
	if k := known[id("17")]; err != nil || !k.Erased || len(k.Also) != 1 {
		t.Errorf("known by its alias: %+v, error %v", known, err)
	}
}

func total(t testing.TB, c *catalog.Catalog, q string) int64 {
	t.Helper()
	parsed, err := search.Parse(q, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Search(context.Background(), search.Request{Query: parsed})
	if err != nil {
		t.Fatal(err)
	}
	return res.Total
}

func TestKnown(t *testing.T) {
	c, l := temporary(t), &ledger{}
	var first []onrecord.Event
	for i := range 30 {
		first = append(first, said(onrecord.StatementCreated, strconv.Itoa(5*i), "Number "+strconv.Itoa(i), noon))
	}
	first[3].Aliases = []string{"alias of 15"}
	entries := l.visit(noon, "masto", first...)
	absent := happened(onrecord.StatementLooked, "20", noon.Add(time.Hour))
	absent.Look = onrecord.LookAbsent
	entries = append(entries, l.visit(noon, "masto", absent)...)
	run := onrecord.Event{Type: onrecord.SourceLooked, At: noon.Add(3 * time.Hour), Source: "masto", Figure: "jane-example", Prev: -1, Account: jane, Run: &onrecord.Run{
		Door: "api", Parser: "1", From: noon.Add(2 * time.Hour), Until: noon.Add(3 * time.Hour), Visits: 4, Base: 30,
		Range: onrecord.Range{From: "5", To: "100", FromIn: true}, Except: []onrecord.StatementID{id("20")},
	}}
	entries = append(entries, l.visit(noon.Add(4*time.Hour), "masto", run)...)
	for _, e := range entries {
		apply(t, c, e)
	}
	atOnce := temporary(t)
	apply(t, atOnce, entries...)
	if diff := cmp.Diff(dump(t, c), dump(t, atOnce)); diff != "" {
		t.Errorf("one by one and in one batch:\n%s", diff)
	}

	known, err := c.Known(t.Context(), "mastodon", "100", []onrecord.StatementID{id("0"), id("alias of 15"), id("15"), id("nobody")})
	if err != nil || len(known) != 2 || known[id("15")].NativeID != "15" {
		t.Errorf("Known: %+v, error %v", known, err)
	}
	if !known[id("0")].LastSeen.Equal(noon) || !known[id("15")].LastSeen.Equal(noon.Add(3*time.Hour)) {
		t.Errorf("last seen: outside of the run's range %v, within %v", known[id("0")].LastSeen, known[id("15")].LastSeen)
	}
	if known, err := c.Known(t.Context(), "mastodon", "another", []onrecord.StatementID{id("0")}); err != nil || known[id("0")].Account != "100" {
		t.Errorf("Known to another account: %+v, error %v", known, err)
	}
	list, err := c.KnownRange(t.Context(), "mastodon", "100", onrecord.Range{From: "90", To: "110", ToIn: true})
	var got []string
	for _, k := range list {
		got = append(got, k.NativeID)
	}
	if want := []string{"95", "100", "105", "110"}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("KnownRange: %v, error %v, want %v", got, err, want)
	}
	suspects, err := c.Suspects(t.Context(), "mastodon", "100")
	if err != nil || len(suspects) != 1 || suspects[0].NativeID != "20" || suspects[0].State != onrecord.StateUnconfirmed {
		t.Errorf("Suspects: %+v, error %v", suspects, err)
	}
	s, err := c.KnownSource(t.Context(), "masto")
	if err != nil || len(s.Runs) != 1 || !s.LastGood.Equal(noon.Add(4*time.Hour+time.Second)) {
		t.Errorf("KnownSource: %+v, error %v", s, err)
	}
	if a, err := c.KnownAccount(t.Context(), "mastodon", "nobody"); err != nil || a.State != onrecord.AccountUnknown {
		t.Errorf("KnownAccount of nobody: %+v, error %v", a, err)
	}
	cov, err := c.Coverage(t.Context(), onrecord.CoverageFilter{Source: "masto", Since: noon.Add(2 * time.Hour), Until: noon.Add(4 * time.Hour)})
	if err != nil || len(cov) != 1 || cov[0].Visits != 4 || !cov[0].Until.Equal(noon.Add(3*time.Hour)) || cov[0].Status != "captured" {
		t.Errorf("Coverage: %+v, error %v", cov, err)
	}
}

// TestEarlyRun: a run that stands before the first event of a statement which
// it names counts for it.
func TestEarlyRun(t *testing.T) {
	c, l := temporary(t), &ledger{}
	later := noon.Add(time.Hour)
	run := onrecord.Event{Type: onrecord.SourceLooked, At: later, Source: "masto", Prev: -1, Account: jane, Run: &onrecord.Run{
		Door: "api", Parser: "1", From: noon, Until: later, Visits: 2, Base: 0, Seen: []onrecord.StatementID{id("17")},
	}}
	apply(t, c, l.visit(later, "masto", run)...)
	apply(t, c, l.visit(later, "masto", said(onrecord.StatementCreated, "17", "Seen", noon))...)
	s, err := c.Statement(t.Context(), id("17"))
	if err != nil || !s.LastSeen.Equal(later) {
		t.Errorf("last seen %v, error %v, want %v", s.LastSeen, err, later)
	}
}

func TestFiguresAndGaps(t *testing.T) {
	c, l := temporary(t), &ledger{}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "17", "One", noon), said(onrecord.StatementCreated, "18", "Two", noon))...)
	ban := onrecord.Event{
		Type: onrecord.AccountWasSuspended, At: noon.Add(time.Hour), After: noon, By: noon.Add(time.Hour), Source: "masto",
		Account: jane, State: onrecord.AccountSuspended, Code: "Account suspended", Prev: -1,
	}
	gap := onrecord.Event{Type: onrecord.SourceGap, At: noon.Add(2 * time.Hour), Source: "masto", Figure: "jane-example", Prev: -1,
		Gap: &onrecord.Gap{Reason: "blocked", Open: true, Since: noon.Add(time.Hour)}}
	apply(t, c, l.visit(noon, "masto", ban, gap)...)
	f, err := c.Figure(t.Context(), "jane-example")
	if err != nil || f.Statements != 2 || len(f.Accounts) != 1 || f.Name != "Jane Example" || !f.LastCapture.Equal(noon.Add(time.Hour)) {
		t.Fatalf("figure %+v, error %v", f, err)
	}
	a := f.Accounts[0]
	if a.State != onrecord.AccountSuspended || a.Code != "Account suspended" || a.Window != ban.Window() || !a.Since.Equal(noon) || a.Handle != "jane" {
		t.Errorf("account %+v", a)
	}
	s, err := c.Statement(t.Context(), id("17"))
	if err != nil || s.State != onrecord.StateGoneWithAccount || s.StateWindow != ban.Window() {
		t.Errorf("statement of a suspended account: %s %v, error %v", s.State, s.StateWindow, err)
	}
	if n := total(t, c, "is:gone"); n != 2 {
		t.Errorf("is:gone finds %d, want 2", n)
	}
	gap.At, gap.Gap = noon.Add(5*time.Hour), &onrecord.Gap{Reason: "blocked", Since: noon.Add(time.Hour)}
	open := func() onrecord.Coverage {
		cov, err := c.Coverage(t.Context(), onrecord.CoverageFilter{Figure: "jane-example"})
		if err != nil || len(cov) != 1 || cov[0].Reason != "blocked" || cov[0].Status != "gap" || !cov[0].From.Equal(noon.Add(time.Hour)) {
			t.Fatalf("coverage %+v, error %v", cov, err)
		}
		return cov[0]
	}
	if g := open(); !g.Until.IsZero() {
		t.Errorf("open gap ends %v", g.Until)
	}
	if k, err := c.KnownSource(t.Context(), "masto"); err != nil || len(k.Gaps) != 1 {
		t.Errorf("open gaps %+v, error %v", k.Gaps, err)
	}
	apply(t, c, l.visit(noon, "masto", gap)...)
	if g := open(); !g.Until.Equal(gap.At) {
		t.Errorf("closed gap ends %v, want %v", g.Until, gap.At)
	}
	if _, err := c.Figure(t.Context(), "nobody"); !errors.Is(err, onrecord.ErrNotFound) {
		t.Errorf("unknown figure: error %v", err)
	}
	changes, err := c.RecentChanges(t.Context(), 5)
	if err != nil || len(changes) != 0 {
		t.Errorf("recent changes %v, error %v", changes, err)
	}
}

func TestEventsFilter(t *testing.T) {
	c, l := temporary(t), &ledger{}
	for i := range 10 {
		at := noon.Add(time.Duration(i) * time.Minute)
		edit := said(onrecord.StatementEdited, strconv.Itoa(i), "Another wording", at.Add(time.Second))
		edit.After = at
		apply(t, c, l.visit(at, "masto", said(onrecord.StatementCreated, strconv.Itoa(i), "A wording", at), edit)...)
	}
	for _, tt := range []struct {
		f    onrecord.EventFilter
		want int
	}{
		{onrecord.EventFilter{}, 20},
		{onrecord.EventFilter{Types: []onrecord.EventType{onrecord.StatementEdited}}, 10},
		{onrecord.EventFilter{Types: []onrecord.EventType{onrecord.StatementCreated}}, 10},
		{onrecord.EventFilter{Types: []onrecord.EventType{onrecord.StatementDeleted}}, 0},
		{onrecord.EventFilter{Figure: "jane-example", Platform: "mastodon", Source: "masto"}, 20},
		{onrecord.EventFilter{Figure: "nobody"}, 0},
		{onrecord.EventFilter{Statement: id("4")}, 2},
	} {
		n, last := 0, int64(-1)
		for after := int64(-1); ; {
			list, next, err := c.Events(t.Context(), after, tt.f, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if e.Index <= last {
					t.Errorf("%+v: event %d after %d", tt.f, e.Index, last)
				}
				last = e.Index
			}
			n += len(list)
			if after = next; next == 0 {
				break
			}
		}
		if n != tt.want {
			t.Errorf("%+v: %d events, want %d", tt.f, n, tt.want)
		}
	}
	changes, err := c.RecentChanges(t.Context(), 3)
	if err != nil || len(changes) != 3 || changes[0].ID != id("9") || changes[2].ID != id("7") {
		t.Errorf("recent changes %v, error %v", changes, err)
	}
}
