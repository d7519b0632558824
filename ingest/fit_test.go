// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"fmt"
	"strings"
	"testing"

	"onrecord"
)

// A draft in which one statement alone is above the limits, in many wordings,
// and the small ones beside it are above them together: rounds of fitting keep
// whole statements, end, and leave out for good only the one that never fits.
func TestFitEnds(t *testing.T) {
	event := func(id string, n int) onrecord.Event {
		return onrecord.Event{
			Type: onrecord.StatementCreated, Statement: onrecord.NewStatementID("website", id), NativeID: id, Index: -1, Prev: -1,
			Content: &onrecord.Content{Type: "article", Text: strings.Repeat("x", n)},
		}
	}
	var events []onrecord.Event
	for range 9 {
		events = append(events, event("giant", 1<<20))
	}
	for n := range 6000 {
		events = append(events, event(fmt.Sprint(n), 100))
	}
	events = append(events, onrecord.Event{Type: onrecord.SourceGap, Gap: &onrecord.Gap{Reason: "outage"}, Index: -1, Prev: -1})
	door := Door{ID: "feed"}
	v := Visit{State: onrecord.SourceState{Doors: map[string]onrecord.DoorState{"feed": {Cursor: "old", Parser: "p", Backlog: []onrecord.Backlog{{URL: "https://a.example/2"}}}}}}
	kept := make(map[onrecord.StatementID]int)
	for round := 0; len(events) > 0; round++ {
		if round > 3 {
			t.Fatalf("after %d rounds %d events are left", round, len(events))
		}
		d := Draft{Events: events, Quiet: true, Next: onrecord.SourceState{Doors: map[string]onrecord.DoorState{"feed": {Cursor: "new", Parser: "q"}}}}
		out, left, err := fit(d, door, v)
		if err != nil || out.Quiet || !out.KeepWARC || len(out.Events)+left != len(events) {
			t.Fatalf("round %d: %d kept, %d left of %d, %v", round, len(out.Events), left, len(events), err)
		}
		closed := false
		for _, e := range out.Events {
			kept[e.Statement]++
			closed = closed || e.Gap != nil
		}
		again := out.Next.Doors["feed"]
		if more := left > 9+1; more && (closed || again.Cursor != "old" || again.Parser != "p" || len(again.Backlog) != 1) {
			t.Errorf("round %d leaves statements out, yet closes the gap (%t) or moves on: %+v", round, closed, again)
		} else if !more && (!closed || again.Cursor != "new") {
			t.Errorf("round %d leaves nothing for later, yet closed is %t: %+v", round, closed, again)
		}
		var rest []onrecord.Event
		for _, e := range events {
			if kept[e.Statement] == 0 && e.NativeID != "giant" {
				rest = append(rest, e)
			}
		}
		events = rest
	}
	if kept[onrecord.NewStatementID("website", "giant")] != 0 || len(kept) != 6001 {
		t.Errorf("%d statements kept, of the giant %d events", len(kept)-1, kept[onrecord.NewStatementID("website", "giant")])
	}
}

// A state with more than its register can hold loses validators first, then the
// oldest runs, and nothing else.
func TestBounded(t *testing.T) {
	st := onrecord.SourceState{Source: "a", Doors: map[string]onrecord.DoorState{"feed": {Cursor: "c", Validators: map[string]onrecord.Validator{}}}}
	for n := range 24 {
		st.Doors["feed"].Validators[fmt.Sprintf("https://a.example/%d/%s", n, strings.Repeat("x", 700))] = onrecord.Validator{ETag: "e"}
	}
	id := onrecord.NewStatementID("website", "x")
	for range 5 {
		r := onrecord.Run{Door: "feed"}
		for range 400 {
			r.Seen = append(r.Seen, id)
		}
		st.Runs = append(st.Runs, r)
	}
	got := bounded(st)
	if len(got.Doors["feed"].Validators) != 0 || len(got.Runs) != 3 || got.Doors["feed"].Cursor != "c" {
		t.Errorf("%d validators, %d runs, cursor %q", len(got.Doors["feed"].Validators), len(got.Runs), got.Doors["feed"].Cursor)
	}
	if len(st.Doors["feed"].Validators) != 24 || len(st.Runs) != 5 {
		t.Error("the state that was given has changed")
	}
}

// What a backlog has no room for, and what a state has no room for once
// validators and runs are gone, is given up, and the state says so.
func TestBacklogIsGivenUp(t *testing.T) {
	entry := func(n, size int) onrecord.Backlog {
		return onrecord.Backlog{URL: fmt.Sprintf("https://a.example/%d", n), State: strings.Repeat("x", size)}
	}
	var d onrecord.DoorState
	var more []onrecord.Backlog
	for n := range 20 {
		more = append(more, entry(n, 10))
	}
	if d = withBacklog(d, more[:16]); len(d.Backlog) != 16 || d.Short != nil {
		t.Errorf("%d entries, given up %+v", len(d.Backlog), d.Short)
	}
	if d = withBacklog(d, more); len(d.Backlog) != 16 || d.Short == nil || !strings.HasPrefix(d.Short.Why, "4 requests") {
		t.Errorf("%d entries, given up %+v", len(d.Backlog), d.Short)
	}
	st := onrecord.SourceState{Doors: map[string]onrecord.DoorState{"feed": {Cursor: "c"}}}
	feed := st.Doors["feed"]
	for n := range 16 {
		feed.Backlog = append(feed.Backlog, entry(n, 3000))
	}
	st.Doors["feed"] = feed
	got := bounded(st).Doors["feed"]
	if n := len(got.Backlog); n < 8 || n > 10 || got.Short == nil || got.Cursor != "c" {
		t.Errorf("%d entries, given up %+v", n, got.Short)
	}
	if len(st.Doors["feed"].Backlog) != 16 {
		t.Error("the state that was given has changed")
	}
	if s := (Source{Doors: []Door{{ID: "feed"}}}); short(s, st) != "" || short(s, bounded(st)) == "" {
		t.Error("the gap does not follow")
	}
}

// What says which records must not be served is kept, however much is left out:
// the captures are.
func TestFitKeepsWhatHides(t *testing.T) {
	w := onrecord.NewStatementID("website", "withheld")
	var events []onrecord.Event
	for n := range 6000 {
		name := fmt.Sprint(n)
		events = append(events, onrecord.Event{Type: onrecord.StatementCreated, Statement: onrecord.NewStatementID("website", name), NativeID: name, Index: -1, Prev: -1, Content: &onrecord.Content{Type: "article", Text: "x"}})
	}
	for range fitLines { // so many that it is left out
		events = append(events, onrecord.Event{Type: onrecord.StatementEdited, Statement: w, NativeID: "withheld", Index: -1, Prev: -1, Content: &onrecord.Content{Type: "article", Text: "x"}})
	}
	events = append(events, onrecord.Event{
		Type: onrecord.StatementLooked, Look: onrecord.LookUnclear, Statement: w, Index: -1, Prev: -1,
		Erasure: &onrecord.Erasure{Records: []onrecord.Span{{Object: "captures/a", Length: 9}}},
	})
	d, left, err := fit(Draft{Events: events, Next: onrecord.SourceState{Doors: map[string]onrecord.DoorState{}}}, Door{ID: "feed"}, Visit{})
	if err != nil || left == 0 || len(d.Events) > fitLines {
		t.Fatalf("%d kept, %d left, %v", len(d.Events), left, err)
	}
	if last := d.Events[len(d.Events)-1]; last.Erasure == nil || last.Statement != w {
		t.Errorf("the last event is %+v", last)
	}
}
