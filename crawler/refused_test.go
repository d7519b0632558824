// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"onrecord"
	"onrecord/crawler"
)

// A strictDoor says that what is refused is blocked, as doors do for lists, and
// reads the refusal of an item as one that says nothing of it.
type strictDoor struct{ jsonDoor }

func (d strictDoor) Read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	switch {
	case c.Status != http.StatusForbidden:
		return d.jsonDoor.Read(t, c)
	case c.Request.Kind == "item":
		return crawler.Page{Items: []onrecord.Observation{{Ref: c.Request.About, State: onrecord.ItemUnclear, Code: "403"}}}, nil
	}
	return crawler.Page{Outcome: onrecord.OutcomeBlocked}, nil
}

// TestRefusedOnce: an older page that is refused is asked for again, though the
// cursor moves on; so is an item that is listed no more once its page is shown.
func TestRefusedOnce(t *testing.T) {
	refuse := true
	once := func(ids string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			if refuse {
				w.WriteHeader(http.StatusForbidden)
			}
			_, _ = fmt.Fprintf(w, `{"ids":[%q]}`, ids)
		}
	}
	for _, cursor := range []string{"", "5"} {
		refuse = true
		s := newSite(t, map[string]any{
			"/page":  listing{Account: "42", IDs: []string{"9"}, Cursor: "9", Next: []string{"/older"}, Follow: []string{"/item"}},
			"/empty": listing{Account: "42"}, "/older": once("8"), "/item": once("7"),
		})
		first := func(path string) strictDoor {
			return strictDoor{jsonDoor{base: s.URL, first: []crawler.Request{{URL: s.URL + path, Kind: "page"}}}}
		}
		j := crawler.Job{Door: first("/page"), Target: crawler.Target{AccountID: "42"}, State: onrecord.DoorState{Cursor: cursor}}
		c := newClient(t, newClock())
		r, _ := visit(t, c, j)
		if r.Outcome != onrecord.OutcomeOK || !r.LeftBacklog || len(r.State.Backlog) != 2 {
			t.Fatalf("cursor %q: %s, backlog %+v", cursor, r.Outcome, r.State.Backlog)
		}
		refuse = false
		j.State, j.Door = r.State, first("/empty")
		if r, _ = visit(t, c, j); !slices.Equal(ids(r), []string{"8", "7"}) || r.LeftBacklog || r.State.Short != nil {
			t.Errorf("cursor %q: items %v, %+v", cursor, ids(r), r.State)
		}
	}
}

// TestRefusedForGood: what is refused time and again is given up; of an older
// page the gap stays. What a page still names is never given up, and pages of
// other sites are asked for while they are listed only.
func TestRefusedForGood(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42", IDs: []string{"9"}}, "/older": 403, "/item": 403})
	j := crawler.Job{Door: strictDoor{jsonDoor{base: s.URL}}, Target: crawler.Target{AccountID: "42"}, State: onrecord.DoorState{Backlog: []onrecord.Backlog{
		{URL: s.URL + "/older", Kind: "page"}, {URL: s.URL + "/item", Kind: "item", IfNew: true},
	}}}
	c := newClient(t, newClock())
	visits := 0
	for ; len(j.State.Backlog) > 0 && visits < 100; visits++ {
		r, _ := visit(t, c, j)
		if j.State = r.State; len(r.State.Backlog) == 1 {
			t.Fatalf("one is given up before the other: %+v", r.State.Backlog)
		}
	}
	if visits < 10 || visits == 100 || j.State.Short == nil || j.State.Short.Kept {
		t.Errorf("given up after %d visits: %+v", visits, j.State.Short)
	}
	other := newSite(t, map[string]any{"/x": 403})
	s = newSite(t, map[string]any{
		"/page": listing{Account: "42", IDs: []string{"9"}, Follow: []string{"/item", "/away"}}, "/item": 403,
		"/away": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+"/x", http.StatusFound) },
	})
	j.Door, j.State = strictDoor{jsonDoor{base: s.URL}}, onrecord.DoorState{}
	for range 60 {
		r, _ := visit(t, c, j)
		if j.State = r.State; len(r.State.Backlog) != 1 {
			t.Fatalf("backlog %+v", r.State.Backlog)
		}
	}
}

// TestNothingCanBeRead: a door that reads none of what a listing names has
// failed, so that another may take its place; one that reads some has not.
func TestNothingCanBeRead(t *testing.T) {
	pages := map[string]any{"/page": listing{Account: "42", Cursor: "9", Follow: []string{"/a", "/b", "/c"}}, "/a": "<html>", "/b": "<html>", "/c": "<html>"}
	for n, want := range []onrecord.Outcome{onrecord.OutcomeDrift, onrecord.OutcomeOK} {
		if n == 1 {
			pages["/b"] = listing{IDs: []string{"b"}}
		}
		s := newSite(t, pages)
		r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
		last := r.Problems[len(r.Problems)-1]
		if r.Outcome != want || (want == onrecord.OutcomeOK) != (r.State.Cursor == "9") || !errors.Is(last, crawler.ErrDrift) {
			t.Errorf("%s, cursor %q, want %s; %v", r.Outcome, r.State.Cursor, want, last)
		}
	}
}

// TestContradiction: an account that a look-up has just shown is not closed
// because the next answer does not find its list.
func TestContradiction(t *testing.T) {
	s := newSite(t, map[string]any{
		"/lookup": listing{Account: "42", State: "live", Cursor: "n17"}, "/n17": listing{State: "closed"},
	})
	r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: numberDoor{jsonDoor{base: s.URL}}, Target: crawler.Target{Handle: "jane"}})
	if r.Outcome != onrecord.OutcomeDrift || r.Account.State != onrecord.AccountLive || r.Seen[1].Account != (onrecord.AccountObservation{}) {
		t.Errorf("%s, %+v, %+v", r.Outcome, r.Account, r.Seen[1].Account)
	}
}

// shortDoor says that it leaves out some of what a page names.
type shortDoor struct{ jsonDoor }

func (d shortDoor) Read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	p, err := d.jsonDoor.Read(t, c)
	p.Short = "2000 items, 1000 are asked for"
	return p, err
}

// TestPageShort: what a door leaves out for good is a gap that stays, and binds
// no cursor.
func TestPageShort(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42", IDs: []string{"9"}, Cursor: "9"}})
	j := crawler.Job{Door: shortDoor{jsonDoor{base: s.URL}}, Target: crawler.Target{AccountID: "42"}, State: onrecord.DoorState{Cursor: "5"}}
	r, _ := visit(t, newClient(t, newClock()), j)
	if r.State.Short == nil || r.State.Short.Kept || r.State.Short.Why != "2000 items, 1000 are asked for" || r.State.Cursor != "9" {
		t.Errorf("%+v", r.State)
	}
}
