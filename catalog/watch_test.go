// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/catalog"
	"onrecord/search"
)

// looked is a run of visits.
func looked(source string, from, until time.Time, visits int) onrecord.Event {
	return onrecord.Event{
		Type: onrecord.SourceLooked, At: until, Figure: "jane-example", Source: source, Door: "api", Account: jane, Prev: -1,
		Run: &onrecord.Run{Door: "api", Parser: "1", From: from, Until: until, Visits: visits},
	}
}

func gap(source, reason string, since, at time.Time, open bool) onrecord.Event {
	return onrecord.Event{
		Type: onrecord.SourceGap, At: at, Figure: "jane-example", Source: source, Account: jane, Prev: -1,
		Gap: &onrecord.Gap{Reason: reason, Since: since, Open: open},
	}
}

// TestDays: a look belongs to the day and the hours in which it was, on both
// sides of midnight, and the hour of its last moment counts.
func TestDays(t *testing.T) {
	c, l := temporary(t), &ledger{}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(d, h, m int) time.Time {
		return day.AddDate(0, 0, d).Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute)
	}
	apply(t, c, l.visit(at(0, 22, 59), "masto",
		looked("masto", at(0, 23, 30), at(1, 0, 30), 13), // over midnight
		looked("masto", at(1, 4, 0), at(1, 5, 0), 3),     // ends with the hour
		looked("masto", at(2, 23, 10), at(3, 0, 0), 2),   // ends with the day
		looked("masto", at(5, 12, 0), at(8, 1, 0), 70),   // over days
		gap("masto", "outage", at(1, 5, 0), at(1, 5, 30), true),
		gap("masto", "outage", at(1, 5, 0), at(2, 23, 10), false),
		gap("masto", "drift", at(8, 1, 0), at(8, 2, 0), true),
	)...)
	hours := func(list ...[2]int) (mask uint32) {
		for _, span := range list {
			for h := span[0]; h <= span[1]; h++ {
				mask |= 1 << h
			}
		}
		return mask
	}
	want := []onrecord.Day{
		{Date: at(0, 0, 0), Hours: hours([2]int{22, 23})}, {Date: at(1, 0, 0), Hours: hours([2]int{0, 0}, [2]int{4, 5})},
		{Date: at(2, 0, 0), Hours: hours([2]int{23, 23})}, {Date: at(3, 0, 0), Hours: hours([2]int{0, 0})},
		{Date: at(5, 0, 0), Hours: hours([2]int{12, 23})}, {Date: at(6, 0, 0), Hours: hours([2]int{0, 23})},
		{Date: at(7, 0, 0), Hours: hours([2]int{0, 23})}, {Date: at(8, 0, 0), Hours: hours([2]int{0, 1})},
	}
	list, err := c.Days(t.Context(), onrecord.DaysFilter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sources, error %v", len(list), err)
	}
	got := list[0]
	if d := cmp.Diff(want, got.Days); d != "" {
		t.Error(d)
	}
	if !got.First.Equal(at(0, 22, 59)) || !got.Last.Equal(at(8, 1, 0)) || got.Account != jane || got.Figure != "jane-example" {
		t.Errorf("first %s, last %s, account %v, figure %s", got.First, got.Last, got.Account, got.Figure)
	}
	if len(got.Gaps) != 2 || got.Gaps[0].Reason != "outage" || !got.Gaps[0].Until.Equal(at(2, 23, 10)) || !got.Gaps[1].Until.IsZero() {
		t.Errorf("gaps %+v", got.Gaps)
	}
	// Bounds are of days and gaps; a gap that ends with the first moment touches it.
	list, err = c.Days(t.Context(), onrecord.DaysFilter{Source: "masto", Since: at(2, 23, 10), Until: at(6, 0, 0)})
	if err != nil || len(list) != 1 || len(list[0].Days) != 3 || len(list[0].Gaps) != 1 {
		t.Errorf("bounded: %+v, error %v", list, err)
	}
	for _, f := range []onrecord.DaysFilter{{Source: "other"}, {Figure: "jean-dupont"}, {Platform: "x"}, {Platform: "mastodon", AccountID: "101"}} {
		if list, err := c.Days(t.Context(), f); err != nil || len(list) != 0 {
			t.Errorf("%+v: %+v, error %v", f, list, err)
		}
	}
}

// TestGapsPaged walks the gaps page by page, two of which began together.
func TestGapsPaged(t *testing.T) {
	c, l := temporary(t), &ledger{}
	var events []onrecord.Event
	for i := range 7 {
		since := noon.Add(time.Duration(i/2) * time.Hour)
		events = append(events, gap([]string{"a", "b"}[i%3/2], []string{"outage", "drift"}[i%2], since, since.Add(time.Minute), false))
	}
	apply(t, c, l.visit(noon, "a", events...)...)
	var seen []string
	cursor := ""
	for {
		list, next, err := c.CoveragePage(t.Context(), onrecord.CoverageFilter{Gaps: true}, true, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range list {
			seen = append(seen, fmt.Sprint(g.From.Unix(), g.Source, g.Reason))
		}
		if cursor = next; cursor == "" {
			break
		}
		if _, _, err := c.CoveragePage(t.Context(), onrecord.CoverageFilter{}, false, cursor, 2); !errors.Is(err, search.ErrCursor) {
			t.Errorf("a cursor of the other order: error %v, want ErrCursor", err)
		}
	}
	if _, _, err := c.CoveragePage(t.Context(), onrecord.CoverageFilter{}, false, "bm8", 2); !errors.Is(err, search.ErrCursor) {
		t.Errorf("a cursor of nobody: error %v, want ErrCursor", err)
	}
	all, next, err := c.CoveragePage(t.Context(), onrecord.CoverageFilter{}, false, "", 100)
	if err != nil || next != "" || len(all) != len(events)+1 {
		t.Errorf("%d spans and gaps, next %q, error %v, want %d", len(all), next, err, len(events)+1)
	}
	if len(seen) != len(events) || !slices.IsSortedFunc(seen, func(a, b string) int { return -cmpString(a, b) }) {
		t.Errorf("%d gaps on the way, want %d: %q", len(seen), len(events), seen)
	}
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// TestEventsFiltered holds every filter, in both directions and by small pages,
// to a plain walk over everything.
func TestEventsFiltered(t *testing.T) {
	c, l := temporary(t), &ledger{}
	r := rand.New(rand.NewPCG(4, 4))
	var all []onrecord.Event
	kinds := []onrecord.EventType{onrecord.StatementCreated, onrecord.StatementLooked, onrecord.StatementDeleted, onrecord.AccountRenamed, onrecord.SourceFrozen}
	for v := range 60 {
		var events []onrecord.Event
		for range 1 + r.IntN(4) {
			e := happened(kinds[r.IntN(len(kinds))], strconv.Itoa(r.IntN(9)), noon.Add(time.Duration(v)*time.Minute))
			e.Source, e.Figure = []string{"a", "b", "c"}[r.IntN(3)], []string{"jane-example", "jean-dupont"}[r.IntN(2)]
			e.Account.Platform = []string{"mastodon", "x"}[r.IntN(2)]
			if r.IntN(9) == 0 {
				e.Platform, e.Account, e.Statement, e.Type = "gab", onrecord.AccountRef{}, "", onrecord.PlatformOffline
			}
			events = append(events, e)
		}
		for _, en := range l.visit(noon, "a", events...) {
			apply(t, c, en)
			if en.Event.Type != onrecord.VisitLine {
				en.Event.Index = en.Index
				all = append(all, en.Event)
			}
		}
	}
	for _, f := range []onrecord.EventFilter{
		{}, {Figure: "jane-example"}, {Platform: "x"}, {Platform: "gab"}, {Source: "b"}, {Source: "b", Figure: "jean-dupont", Platform: "x"},
		{Types: []onrecord.EventType{onrecord.StatementCreated}}, {Types: []onrecord.EventType{onrecord.StatementDeleted, onrecord.SourceFrozen}, Figure: "jane-example"},
		{Types: []onrecord.EventType{"statement.unheard"}}, {Source: "nobody"}, {Statement: id("3")}, {Statement: id("3"), Types: []onrecord.EventType{onrecord.StatementDeleted}},
	} {
		var want []int64
		for _, e := range all {
			platform := e.Account.Platform
			if platform == "" {
				platform = e.Platform
			}
			if (len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) && (f.Figure == "" || f.Figure == e.Figure) && (f.Source == "" || f.Source == e.Source) &&
				(f.Platform == "" || f.Platform == platform) && (f.Statement == "" || f.Statement == e.Statement) {
				want = append(want, e.Index)
			}
		}
		for _, limit := range []int{1, 7, 1000} {
			if d := cmp.Diff(want, indexes(t, c, f, limit, false)); d != "" {
				t.Errorf("%+v, %d a page:\n%s", f, limit, d)
			}
			back := slices.Clone(want)
			slices.Reverse(back)
			if d := cmp.Diff(back, indexes(t, c, f, limit, true)); d != "" {
				t.Errorf("%+v, %d a page, newest first:\n%s", f, limit, d)
			}
		}
	}
}

// indexes walks all pages of a filter.
func indexes(t *testing.T, c *catalog.Catalog, f onrecord.EventFilter, limit int, back bool) (all []int64) {
	t.Helper()
	at := int64(0)
	for {
		list, next, err := c.Events(t.Context(), at, f, limit)
		if back {
			list, next, err = c.EventsBefore(t.Context(), at, f, limit)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > limit || next != 0 && len(list) < limit {
			t.Fatalf("%+v: %d events on a page of %d, next %d", f, len(list), limit, next)
		}
		for _, e := range list {
			all = append(all, e.Index)
		}
		if at = next; at == 0 {
			return all
		}
	}
}

// TestChanges: what is deleted, reported and edited stands in its own list, by
// when it was found; what is back, withheld or gone with its account does not.
func TestChanges(t *testing.T) {
	c, l := temporary(t), &ledger{}
	deleted := func(native string, hours int) onrecord.Event {
		e := happened(onrecord.StatementDeleted, native, noon.Add(time.Duration(hours)*time.Hour))
		e.After, e.Grade, e.Look = e.By.Add(-10*time.Minute), onrecord.GradeD2, onrecord.LookGone
		return e
	}
	var all []onrecord.Event
	for i := range 8 {
		all = append(all, said(onrecord.StatementCreated, strconv.Itoa(i), "Words no. "+strconv.Itoa(i), noon))
	}
	for i := range 5 {
		all = append(all, deleted(strconv.Itoa(i), 9-i)) // 0 was found last
	}
	back := happened(onrecord.StatementRestored, "4", noon.Add(20*time.Hour))
	hidden := happened(onrecord.StatementWithheld, "3", noon.Add(21*time.Hour))
	edited := said(onrecord.StatementEdited, "6", "Other words", noon.Add(3*time.Hour))
	edited.After = noon.Add(2 * time.Hour)
	x := onrecord.AccountRef{Platform: "x", ID: "7", Handle: "jean"}
	dump := said(onrecord.StatementCreated, "x1", "An old post", noon.Add(-1000*time.Hour))
	dump.Account, dump.Figure, dump.Source, dump.Provenance, dump.Statement = x, "jean-dupont", "old", onrecord.Imported, onrecord.NewStatementID("x", "x1")
	report := happened(onrecord.StatementDeleted, "x1", noon.Add(time.Hour))
	report.Account, report.Figure, report.Source, report.Provenance, report.Statement, report.Grade = x, "jean-dupont", "old", onrecord.Imported, dump.Statement, onrecord.GradeD0
	apply(t, c, l.visit(noon, "masto", append(all, back, hidden, edited, dump, report)...)...)

	want := []onrecord.StatementID{id("0"), id("1"), id("2")}
	page, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(page.List); !slices.Equal(got, want) || page.Total != 3 || page.Next != "" || page.Prev != "" {
		t.Errorf("deleted %v, total %d, want %v", got, page.Total, want)
	}
	// Published an hour before noon, found gone 7, 8 and 9 hours after it, within ten minutes.
	if page.Timed != 3 || page.Least != 9*time.Hour-10*time.Minute || page.Most != 9*time.Hour {
		t.Errorf("median of %d: %s to %s", page.Timed, page.Least, page.Most)
	}
	if d := cmp.Diff([]onrecord.Facet{{Value: "jane-example", Name: "Jane Example", Count: 3}}, page.Figures); d != "" {
		t.Error(d)
	}
	for kind, want := range map[onrecord.ChangeKind]onrecord.StatementID{onrecord.ChangeReported: dump.Statement, onrecord.ChangeEdited: id("6")} {
		page, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: kind, Limit: 10})
		if got := ids(page.List); err != nil || !slices.Equal(got, []onrecord.StatementID{want}) || page.Timed != 0 {
			t.Errorf("%s: %v, error %v, want %s", kind, got, err, want)
		}
	}
	// Narrowed by another group, a facet's counts follow it; by its own they don't.
	page, err = c.Changes(t.Context(), onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Platforms: []string{"x"}, Limit: 10})
	if err != nil || page.Total != 0 || len(page.Figures) != 0 || len(page.Platforms) != 1 || page.Platforms[0].Count != 3 {
		t.Errorf("on x: %+v, error %v", page, err)
	}

	// A suspension takes the rest with it, and is no deletion.
	suspended := happened(onrecord.AccountWasSuspended, "", noon.Add(30*time.Hour))
	suspended.Statement, suspended.State, suspended.Captures = "", onrecord.AccountSuspended, nil
	apply(t, c, l.visit(noon, "masto", suspended)...)
	page, err = c.Changes(t.Context(), onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Limit: 10})
	if err != nil || page.Total != 3 {
		t.Errorf("after the suspension: %d deleted, error %v", page.Total, err)
	}
	for _, s := range page.List {
		if s.State != onrecord.StateDeleted {
			t.Errorf("%s is %s and listed as deleted", s.ID, s.State)
		}
	}
	changesCursors(t, c, want)
}

func ids(list []onrecord.Statement) (out []onrecord.StatementID) {
	for _, s := range list {
		out = append(out, s.ID)
	}
	return out
}

// changesCursors walks the list one by one, and back.
func changesCursors(t *testing.T, c *catalog.Catalog, want []onrecord.StatementID) {
	t.Helper()
	f := onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Limit: 1}
	var got, back []onrecord.StatementID
	for range want {
		page, err := c.Changes(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(page.List)...)
		if f.Cursor = page.Next; f.Cursor == "" {
			f.Cursor = page.Prev
			break
		}
	}
	for f.Cursor != "" {
		page, err := c.Changes(t.Context(), f)
		if err != nil || page.Next == "" {
			t.Fatalf("back: next %q, error %v", page.Next, err)
		}
		back = append(back, ids(page.List)...)
		f.Cursor = page.Prev
	}
	if !slices.Equal(got, want) || !slices.Equal(back, []onrecord.StatementID{want[1], want[0]}) {
		t.Errorf("forth %v, back %v, want %v", got, back, want)
	}
	res, err := c.Search(t.Context(), search.Request{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	deletions, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Limit: 1})
	if err != nil || deletions.Next == "" {
		t.Fatalf("next %q, error %v", deletions.Next, err)
	}
	for _, kind := range []onrecord.ChangeKind{onrecord.ChangeEdited, onrecord.ChangeReported} { // a place in another list
		if _, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: kind, Cursor: deletions.Next}); !errors.Is(err, search.ErrCursor) {
			t.Errorf("a cursor of deletions for %s: error %v, want ErrCursor", kind, err)
		}
	}
	for _, bad := range []string{"x", res.Next} {
		if _, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Cursor: bad}); !errors.Is(err, search.ErrCursor) {
			t.Errorf("cursor %q: error %v, want ErrCursor", bad, err)
		}
	}
	if _, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: "found"}); err == nil {
		t.Error("a list that there is not")
	}
}

// TestAccounts: an account is found by its handle, by its stable id, and by
// handles that it had; what happened to it is told in order.
func TestAccounts(t *testing.T) {
	c, l := temporary(t), &ledger{}
	account := func(kind onrecord.EventType, hours int, a onrecord.AccountRef, state onrecord.AccountState) onrecord.Event {
		at := noon.Add(time.Duration(hours) * time.Hour)
		return onrecord.Event{Type: kind, At: at, By: at, Figure: "jane-example", Source: "masto", Door: "api", Account: a, State: state, Observed: &onrecord.AccountObservation{State: state}, Prev: -1}
	}
	first := onrecord.AccountRef{Platform: "mastodon", ID: "100", Handle: "jane@social.example"}
	renamed := first
	renamed.Handle = "janeexample@social.example"
	other := onrecord.AccountRef{Platform: "mastodon", ID: "200", Handle: "jane@social.example"}
	moved := account(onrecord.AccountWasMoved, 4, renamed, onrecord.AccountMoved)
	moved.Observed.MovedTo = "https://other.example/@jane"
	offline := onrecord.Event{Type: onrecord.PlatformOffline, At: noon.Add(5 * time.Hour), After: noon.Add(4 * time.Hour), By: noon.Add(5 * time.Hour), Figure: "jane-example", Source: "masto", Platform: "mastodon", Prev: -1}
	imported := said(onrecord.StatementCreated, "1", "An old post", noon)
	imported.Account, imported.Source, imported.Provenance = onrecord.AccountRef{Platform: "mastodon", ID: "300", Handle: "old@social.example"}, "old", onrecord.Imported
	stranger := account(onrecord.AccountIdentified, 3, other, onrecord.AccountLive)
	stranger.Source = "masto-2"
	apply(t, c, l.visit(noon, "masto",
		account(onrecord.AccountIdentified, 1, first, onrecord.AccountLive), account(onrecord.AccountRenamed, 2, renamed, onrecord.AccountLive), stranger, moved, offline, imported)...)

	for name, want := range map[string][]string{
		"JANE@social.example": {"100", "200"}, "@janeexample@social.example": {"100"}, "200": {"200"}, "old@social.example": {"300"}, "jane": nil, "": nil,
	} {
		list, err := c.AccountsNamed(t.Context(), "mastodon", name)
		var got []string
		for _, a := range list {
			got = append(got, a.ID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, error %v, want %v", name, got, err, want)
		}
	}
	list, err := c.AccountsNamed(t.Context(), "mastodon", "100")
	if err != nil || len(list) != 1 {
		t.Fatalf("%d accounts, error %v", len(list), err)
	}
	a := list[0]
	if a.URL != "https://social.example/@janeexample" || a.MovedTo != "https://other.example/@jane" || !a.IsOffline || a.Offline != offline.Window() || !slices.Equal(a.Sources, []string{"masto"}) {
		t.Errorf("%+v", a)
	}
	if list, err := c.AccountsNamed(t.Context(), "mastodon", "300"); err != nil || len(list) != 1 || list[0].Handle != "old@social.example" || list[0].URL != "https://social.example/@old" {
		t.Errorf("of an import: %+v, error %v", list, err)
	}
	want := []onrecord.Handle{{Handle: first.Handle, First: noon.Add(time.Hour), Last: noon.Add(time.Hour)}, {Handle: renamed.Handle, First: noon.Add(2 * time.Hour), Last: noon.Add(4 * time.Hour)}}
	if d := cmp.Diff(want, a.Handles); d != "" {
		t.Error(d)
	}
	events, err := c.AccountEvents(t.Context(), "mastodon", "100")
	var kinds []onrecord.EventType
	for _, e := range events {
		kinds = append(kinds, e.Type)
	}
	if err != nil || !slices.Equal(kinds, []onrecord.EventType{onrecord.AccountIdentified, onrecord.AccountRenamed, onrecord.AccountWasMoved, onrecord.PlatformOffline}) {
		t.Errorf("%v, error %v", kinds, err)
	}
	if events, err := c.AccountEvents(t.Context(), "mastodon", "nobody"); err != nil || len(events) != 0 {
		t.Errorf("of nobody: %v, error %v", events, err)
	}
}

// TestDaysPaged: sources come by name, some at a time, whatever the filter.
func TestDaysPaged(t *testing.T) {
	c, l := temporary(t), &ledger{}
	for _, source := range []string{"a", "b", "c", "d"} {
		figure := "jane-example"
		if source == "b" {
			figure = "jean-dupont"
		}
		e := looked(source, noon, noon.Add(time.Minute), 2)
		e.Figure = figure
		apply(t, c, l.visit(noon, source, e)...)
	}
	for _, one := range []struct {
		f    onrecord.DaysFilter
		want []string
	}{
		{onrecord.DaysFilter{Limit: 2}, []string{"a", "b"}},
		{onrecord.DaysFilter{Limit: 2, After: "b"}, []string{"c", "d"}},
		{onrecord.DaysFilter{Limit: 2, Figure: "jane-example"}, []string{"a", "c"}},
		{onrecord.DaysFilter{Limit: 2, Figure: "jane-example", After: "c"}, []string{"d"}},
		{onrecord.DaysFilter{Source: "c", After: "b"}, []string{"c"}},
		{onrecord.DaysFilter{Source: "c", After: "c"}, nil},
		{onrecord.DaysFilter{After: "d"}, nil},
	} {
		list, err := c.Days(t.Context(), one.f)
		var got []string
		for _, s := range list {
			got = append(got, s.Source)
		}
		if err != nil || !slices.Equal(got, one.want) {
			t.Errorf("%+v: %v, error %v, want %v", one.f, got, err, one.want)
		}
	}
}

// TestGapsByDay: of gaps that touch the same days one is told of each reason.
func TestGapsByDay(t *testing.T) {
	c, l := temporary(t), &ledger{}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(hours float64) time.Time { return day.Add(time.Duration(hours * float64(time.Hour))) }
	apply(t, c, l.visit(at(0), "masto",
		gap("masto", "outage", at(1), at(2), false), gap("masto", "outage", at(3), at(4), false), gap("masto", "outage", at(23), at(24), false), // all of the first day
		gap("masto", "drift", at(2), at(3), false),
		gap("masto", "outage", at(23.5), at(25), false),                                            // two days
		gap("masto", "outage", at(30), at(31), true), gap("masto", "outage", at(31), at(32), true), // open
	)...)
	list, err := c.Days(t.Context(), onrecord.DaysFilter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sources, error %v", len(list), err)
	}
	var got []string
	for _, g := range list[0].Gaps {
		until := "open"
		if !g.Until.IsZero() {
			until = g.Until.Sub(day).String()
		}
		got = append(got, fmt.Sprint(g.Reason, " ", g.From.Sub(day), " ", until))
	}
	want := []string{"outage 1h0m0s 24h0m0s", "drift 2h0m0s 3h0m0s", "outage 23h30m0s 25h0m0s", "outage 30h0m0s open"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestStrangerIsNoLook: a visit that met another account behind the handle
// looked at nothing of ours, and until that is settled there is a gap.
func TestStrangerIsNoLook(t *testing.T) {
	c, l := temporary(t), &ledger{}
	at := func(hour, minute int) time.Time {
		return time.Date(2026, 3, 1, hour, minute, 0, 0, time.UTC)
	}
	event := func(kind onrecord.EventType, when time.Time) onrecord.Event {
		return onrecord.Event{
			Type: kind, At: when, By: when, Figure: "jane-example", Source: "masto", Door: "api", Account: jane, Prev: -1,
			Observed: &onrecord.AccountObservation{ID: "666"},
		}
	}
	apply(t, c, l.visit(at(8, 10), "masto")...)
	apply(t, c, l.visit(at(9, 50), "masto")...)
	apply(t, c, l.visit(at(9, 55), "masto", event(onrecord.AccountIdentityChanged, at(9, 55)))...) // in an hour with a look
	apply(t, c, l.visit(at(12, 0), "masto")...)                                                    // the stranger is still there
	apply(t, c, l.visit(at(14, 0), "archive", event(onrecord.AccountIdentified, at(14, 0)))...)
	apply(t, c, l.visit(at(16, 0), "masto")...)
	apply(t, c, l.visit(at(18, 0), "masto", event(onrecord.AccountIdentityChanged, at(18, 0)))...)
	list, err := c.Days(t.Context(), onrecord.DaysFilter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sources, error %v", len(list), err)
	}
	if d := cmp.Diff([]onrecord.Day{{Date: at(0, 0), Hours: 1<<8 | 1<<9 | 1<<16}}, list[0].Days); d != "" {
		t.Error(d)
	}
	spans, err := c.Coverage(t.Context(), onrecord.CoverageFilter{Source: "masto"})
	var got []string
	for _, s := range spans {
		until := "open"
		if !s.Until.IsZero() {
			until = s.Until.Format("15:04")
		}
		got = append(got, fmt.Sprint(s.Status, " ", s.Reason, " ", s.From.Format("15:04"), " ", until))
	}
	want := []string{"captured  08:10 08:10", "captured  09:50 09:50", "gap identity 09:55 14:00", "captured  16:00 16:00", "gap identity 18:00 open"}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("error %v\n%s", err, d)
	}
}

// TestReportedThenSeen: a report stands for a deletion only as long as nobody
// saw one.
func TestReportedThenSeen(t *testing.T) {
	c, l := temporary(t), &ledger{}
	dumped := said(onrecord.StatementCreated, "1", "Words", noon.Add(-10*time.Hour))
	report := happened(onrecord.StatementDeleted, "1", noon.Add(-10*time.Hour))
	report.Grade = onrecord.GradeD0
	for _, e := range []*onrecord.Event{&dumped, &report} {
		e.Source, e.Provenance = "dump", onrecord.Imported
	}
	deleted := happened(onrecord.StatementDeleted, "1", noon.Add(5*time.Hour))
	deleted.After, deleted.Grade, deleted.Look = deleted.By.Add(-10*time.Minute), onrecord.GradeD2, onrecord.LookGone
	for _, step := range []struct {
		entries []catalog.Entry
		want    string
		lists   [2]int64 // deleted, reported
	}{
		{l.visit(noon, "dump", dumped, report), "deleted D0 dump", [2]int64{0, 1}},
		{l.visit(noon, "masto", said(onrecord.StatementSeen, "1", "Words", noon)), "live  ", [2]int64{}},
		{l.visit(noon.Add(5*time.Hour), "masto", deleted), "deleted D2 ", [2]int64{1, 0}},
	} {
		apply(t, c, step.entries...)
		s, err := c.Statement(t.Context(), id("1"))
		if got := fmt.Sprint(s.State, " ", s.Grade, " ", s.Reported); err != nil || got != step.want {
			t.Errorf("%q, error %v, want %q", got, err, step.want)
		}
		for i, kind := range []onrecord.ChangeKind{onrecord.ChangeDeleted, onrecord.ChangeReported} {
			if page, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: kind, Limit: 1}); err != nil || page.Total != step.lists[i] {
				t.Errorf("%s: %d %s, error %v", step.want, page.Total, kind, err)
			}
		}
	}
}

// TestAccountLost: with a suspended account goes what was there until then; of
// what nobody saw there, or was missed before, that is not known; deletions
// count if we found them, and before.
func TestAccountLost(t *testing.T) {
	c, l := temporary(t), &ledger{}
	at := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
	imported := func(e onrecord.Event) onrecord.Event {
		e.Source, e.Provenance = "dump", onrecord.Imported
		return e
	}
	report := imported(happened(onrecord.StatementDeleted, "i2", at(-9)))
	report.Grade = onrecord.GradeD0
	missing := func(native string, hours int) onrecord.Event {
		e := happened(onrecord.StatementLooked, native, at(hours))
		e.Look, e.Code = onrecord.LookGone, "404"
		return e
	}
	deleted := happened(onrecord.StatementDeleted, "4", at(5))
	deleted.After, deleted.Grade, deleted.Look = at(4), onrecord.GradeD2, onrecord.LookGone
	suspended := happened(onrecord.AccountWasSuspended, "", at(30))
	suspended.Statement, suspended.State, suspended.Captures, suspended.After = "", onrecord.AccountSuspended, nil, at(20)
	other := said(onrecord.StatementCreated, "9", "Another account", noon)
	other.Account.ID = "200"
	apply(t, c, l.visit(noon, "dump", imported(said(onrecord.StatementCreated, "i1", "A dump", at(-10))), imported(said(onrecord.StatementCreated, "i2", "A dump too", at(-10))), report)...)
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "1", "One", noon), said(onrecord.StatementCreated, "2", "Two", noon), said(onrecord.StatementCreated, "3", "Three", noon),
		said(onrecord.StatementCreated, "4", "Four", noon), other, missing("2", 1), missing("3", 25), deleted)...)
	heard := onrecord.Hearsay{Imported: 1, Reported: 1}
	if got, err := c.AccountHearsay(t.Context(), "mastodon", "100"); err != nil || got != heard {
		t.Errorf("of the account nobody saw %+v, error %v; want %+v", got, err, heard)
	}
	if got, err := c.Hearsay(t.Context(), "jane-example"); err != nil || got != heard {
		t.Errorf("of the figure nobody saw %+v, error %v; want %+v", got, err, heard)
	}
	if got, err := c.AccountHearsay(t.Context(), "mastodon", "nobody"); err != nil || got != (onrecord.Hearsay{}) {
		t.Errorf("of nobody %+v, error %v", got, err)
	}
	if lost, err := c.AccountLost(t.Context(), "mastodon", "100"); err != nil || lost != (onrecord.Lost{}) {
		t.Errorf("while it is there: %+v, error %v", lost, err)
	}
	apply(t, c, l.visit(at(30), "masto", suspended)...)
	// 1 was there, 3 was missed after the account was last seen; 2 was missed before, i1 never seen.
	want := onrecord.Lost{Together: 2, Unknown: 2, Deleted: 1}
	if lost, err := c.AccountLost(t.Context(), "mastodon", "100"); err != nil || lost != want {
		t.Errorf("%+v, error %v, want %+v", lost, err, want)
	}
	for native, want := range map[string]bool{"1": true, "2": false, "3": true, "i1": false} {
		if s, err := c.Statement(t.Context(), id(native)); err != nil || s.State != onrecord.StateGoneWithAccount || s.WasThere() != want {
			t.Errorf("%s is %s, was there: %t, error %v", native, s.State, s.WasThere(), err)
		}
	}
	if lost, err := c.AccountLost(t.Context(), "mastodon", "nobody"); err != nil || lost != (onrecord.Lost{}) {
		t.Errorf("of nobody: %+v, error %v", lost, err)
	}
}

// TestMedianOfTheReturned: what was gone and came back was not online all the
// time from its publication to its last deletion.
func TestMedianOfTheReturned(t *testing.T) {
	c, l := temporary(t), &ledger{}
	deleted := func(native string, hours int) onrecord.Event {
		e := happened(onrecord.StatementDeleted, native, noon.Add(time.Duration(hours)*time.Hour))
		e.After, e.Grade, e.Look = e.By.Add(-10*time.Minute), onrecord.GradeD2, onrecord.LookGone
		return e
	}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "1", "Once", noon), said(onrecord.StatementCreated, "2", "Twice", noon),
		deleted("1", 3), deleted("2", 1), happened(onrecord.StatementRestored, "2", noon.Add(20*time.Hour)), deleted("2", 30))...)
	page, err := c.Changes(t.Context(), onrecord.ChangeFilter{Kind: onrecord.ChangeDeleted, Limit: 5})
	if err != nil || page.Total != 2 || page.Timed != 1 || page.Most != 4*time.Hour {
		t.Errorf("%d deleted, median of %d up to %s, error %v", page.Total, page.Timed, page.Most, err)
	}
	for native, want := range map[string]bool{"1": false, "2": true} {
		if s, err := c.Statement(t.Context(), id(native)); err != nil || s.State != onrecord.StateDeleted || s.Returned != want {
			t.Errorf("%s is %s, returned %t, error %v", native, s.State, s.Returned, err)
		}
	}
}
