// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
)

// A numberDoor asks for pages by a number that only a look-up tells, and keeps
// it in its cursor.
type numberDoor struct{ jsonDoor }

func (d numberDoor) First(t crawler.Target) ([]crawler.Request, error) {
	r := []crawler.Request{{URL: d.base + "/lookup", Kind: "lookup"}}
	if t.Cursor != "" {
		r = append(r, crawler.Request{URL: d.base + "/" + t.Cursor, Kind: "page"})
	}
	return r, nil
}

// TestLookupHandsItsCursorOn: the page that a look-up makes possible begins the
// visit as any first page does, also where the account's id is configured; what
// becomes of it is the visit's outcome, and its cursor the door's.
func TestLookupHandsItsCursorOn(t *testing.T) {
	for _, id := range []string{"", "42"} {
		s := newSite(t, map[string]any{
			"/lookup": listing{Account: "42", State: "live", Cursor: "n17"},
			"/n17":    listing{Account: "42", IDs: []string{"9"}, Cursor: "n17b"},
		})
		j := crawler.Job{Door: numberDoor{jsonDoor{base: s.URL}}, Target: crawler.Target{Handle: "jane", AccountID: id}}
		r, rec := visit(t, newClient(t, newClock()), j)
		if d := cmp.Diff([]string{"200 /lookup", "200 /n17"}, rec.urls()); d != "" || r.State.Cursor != "n17b" || r.Outcome != onrecord.OutcomeOK {
			t.Errorf("id %q: cursor %q, outcome %s, requests (-want +got):\n%s", id, r.State.Cursor, r.Outcome, d)
		}
	}
	down := newSite(t, map[string]any{"/lookup": listing{Account: "42", State: "live", Cursor: "n17"}, "/n17": 503})
	r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: numberDoor{jsonDoor{base: down.URL}}, Target: crawler.Target{Handle: "jane"}})
	if r.Outcome != onrecord.OutcomeOutage || r.State.Cursor != "" {
		t.Errorf("the first page is down: outcome %s, cursor %q", r.Outcome, r.State.Cursor)
	}
}

// TestDetailsThatNothingNamesAgain: of details that failed, those that are asked
// for whatever is known go to the backlog, and are details there; so do the
// others, which their page may not name again.
func TestDetailsThatNothingNamesAgain(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42", IDs: []string{"9"}}, "/history": 502, "/article": 502})
	door := followDoor{jsonDoor{base: s.URL}, []crawler.Request{
		{URL: s.URL + "/history", Kind: "history", About: onrecord.Ref{NativeID: "9"}},
		{URL: s.URL + "/article", Kind: "item", About: onrecord.Ref{NativeID: "8"}, IfNew: true},
	}}
	j := crawler.Job{Door: door, Target: crawler.Target{AccountID: "42"}}
	r, _ := visit(t, newClient(t, newClock()), j)
	if b := r.State.Backlog; len(b) != 2 || b[0].Kind != "history" || b[1].Kind != "item" || !b[1].IfNew {
		t.Fatalf("backlog %+v", r.State.Backlog)
	}
	// A detail whose structure the door does not know is not asked for for ever.
	s2 := newSite(t, map[string]any{"/page": listing{Account: "42"}, "/history": "no JSON"})
	j = crawler.Job{Door: jsonDoor{base: s2.URL}, Target: crawler.Target{AccountID: "42"}, State: onrecord.DoorState{
		Backlog: []onrecord.Backlog{{URL: s2.URL + "/history", Kind: "history", About: onrecord.Ref{NativeID: "9"}}}}}
	r, rec := visit(t, newClient(t, newClock()), j)
	if !slices.Contains(rec.urls(), "200 /history") || len(r.State.Backlog) != 0 {
		t.Errorf("requests %v, backlog %+v", rec.urls(), r.State.Backlog)
	}
}

// A followDoor asks for the same details with every page.
type followDoor struct {
	jsonDoor
	follow []crawler.Request
}

func (d followDoor) Read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	p, err := d.jsonDoor.Read(t, c)
	if c.Request.Kind == "page" {
		p.Follow = d.follow
	}
	return p, err
}
