// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"
	"time"

	"onrecord"
)

// TestLastSeenOfWordings: the visits without news that saw a wording count, for
// the current one by the runs, for earlier ones by the windows of the edits.
func TestLastSeenOfWordings(t *testing.T) {
	c, l := temporary(t), &ledger{}
	looked := func(until time.Time, base int64) onrecord.Event {
		return onrecord.Event{Type: onrecord.SourceLooked, At: until, Source: "masto", Prev: -1, Account: jane, Run: &onrecord.Run{
			Door: "api", Parser: "1", From: until.Add(-time.Hour), Until: until, Visits: 4, Base: base, Seen: []onrecord.StatementID{id("17")},
		}}
	}
	const day = 24 * time.Hour
	one := said(onrecord.StatementCreated, "17", "First wording", noon)
	two := said(onrecord.StatementEdited, "17", "Second wording", noon.Add(10*day))
	two.After = noon.Add(9 * day)
	again := said(onrecord.StatementEdited, "17", "First wording", noon.Add(20*day))
	again.After = noon.Add(19 * day)
	page := said(onrecord.StatementSeen, "17", "As a page has it", noon.Add(21*day))
	page.Door = "page"
	apply(t, c, l.visit(noon, "masto", one)...)
	apply(t, c, l.visit(noon.Add(9*day), "masto", looked(noon.Add(9*day), 1))...)
	seen := func(want ...time.Duration) {
		t.Helper()
		versions, err := c.Versions(t.Context(), id("17"))
		if err != nil || len(versions) != len(want) {
			t.Fatalf("%d versions, error %v, want %d", len(versions), err, len(want))
		}
		for i, v := range versions {
			if !v.LastSeen.Equal(noon.Add(want[i])) {
				t.Errorf("%q last seen %v, want %v", v.Content.Text, v.LastSeen, noon.Add(want[i]))
			}
		}
	}
	seen(9 * day)
	apply(t, c, l.visit(noon.Add(10*day), "masto", two)...)
	seen(9*day, 10*day)
	apply(t, c, l.visit(noon.Add(19*day), "masto", looked(noon.Add(19*day), 5))...)
	seen(9*day, 19*day)
	apply(t, c, l.visit(noon.Add(20*day), "masto", again)...)
	apply(t, c, l.visit(noon.Add(21*day), "masto", page)...)
	apply(t, c, l.visit(noon.Add(30*day), "masto", looked(noon.Add(30*day), 11))...)
	seen(30*day, 19*day, 21*day)
}

// TestTwoAccounts: what another account shows too stays the statement of the
// first, whose id sorts behind the other's.
func TestTwoAccounts(t *testing.T) {
	c, l := temporary(t), &ledger{}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "17", "As first told", noon))...)
	also := said(onrecord.StatementSeen, "17", "As told by another", noon.Add(time.Hour))
	also.Source, also.Figure, also.Account = "other", "jean-dupont", onrecord.AccountRef{Platform: "mastodon", ID: "099", Handle: "jean"}
	run := onrecord.Event{Type: onrecord.SourceLooked, At: noon.Add(3 * time.Hour), Source: "other", Prev: -1, Account: also.Account, Run: &onrecord.Run{
		Door: "api", Parser: "1", From: noon.Add(2 * time.Hour), Until: noon.Add(3 * time.Hour), Visits: 2, Base: 2, Range: onrecord.Range{From: "1", ToIn: true},
	}}
	apply(t, c, l.visit(noon.Add(time.Hour), "other", also)...)
	apply(t, c, l.visit(noon.Add(3*time.Hour), "other", run)...)
	s, err := c.Statement(t.Context(), id("17"))
	if err != nil || s.Account.ID != "100" || s.Figure.Slug != "jane-example" || s.Content.Text != "As first told" || s.Versions != 2 || !s.LastSeen.Equal(also.At) {
		t.Errorf("statement %+v, error %v", s, err)
	}
	for account, want := range map[string]int{"100": 1, "099": 0} {
		list, err := c.KnownRange(t.Context(), "mastodon", account, onrecord.Range{From: "1", ToIn: true})
		if err != nil || len(list) != want {
			t.Errorf("account %s has %d statements, error %v, want %d", account, len(list), err, want)
		}
	}
}
