// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
)

// Known statements that nobody suspects are asked for after everything else. A
// canary is asked for only where one is gone and nothing else vouches for the
// door.
func TestChecks(t *testing.T) {
	pages := map[string]any{
		"/page":  listing{Account: "42", IDs: []string{"9"}, Next: []string{"/older"}},
		"/older": listing{IDs: []string{"8"}},
		"/s/3":   listing{IDs: []string{"3"}}, "/s/4": listing{IDs: []string{"4"}}, "/s/9": listing{IDs: []string{"9"}},
	}
	refs := func(ids ...string) (list []onrecord.Ref) {
		for _, id := range ids {
			list = append(list, onrecord.Ref{NativeID: id})
		}
		return list
	}
	for _, c := range []struct {
		name          string
		looks, checks []onrecord.Ref
		want          []string
	}{
		{"all live", nil, refs("3", "4"), []string{"page ", "page ", "look 3", "look 4"}},
		{"one gone", nil, refs("3", "1"), []string{"page ", "page ", "look 3", "look 1"}},
		{"only gone", nil, refs("1"), []string{"page ", "page ", "look 1", "canary 9"}},
		{"a suspect too", refs("2"), refs("1"), []string{"page ", "look 2", "canary 9", "page ", "look 1"}},
		{"asked for already", refs("3"), refs("3", "4"), []string{"page ", "look 3", "canary 9", "page ", "look 4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, pages)
			r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"},
				Looks: c.looks, Checks: c.checks, Canary: onrecord.Ref{NativeID: "9"}})
			var got []string
			for _, s := range r.Seen {
				got = append(got, s.Kind+" "+s.About.NativeID)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("seen (-want +got):\n%s", d)
			}
			if r.LeftBacklog {
				t.Error("a look that was not made is no gap")
			}
		})
	}
}

// Checks take what the listing leaves of the budget, and no more of the host's
// time than they are given; a host that refuses is left alone.
func TestChecksAreBounded(t *testing.T) {
	pages := map[string]any{"/page": listing{Account: "42", IDs: []string{"9"}}, "/refuses": 429}
	var checks []onrecord.Ref
	for i := range 30 {
		id := fmt.Sprint(i)
		pages["/s/"+id] = listing{IDs: []string{id}}
		checks = append(checks, onrecord.Ref{NativeID: id})
	}
	s := newSite(t, pages)
	count := func(j crawler.Job, interval time.Duration) int {
		j.Door, j.Target, j.Checks = jsonDoor{base: s.URL}, crawler.Target{AccountID: "42"}, checks
		r, _ := visit(t, newClient(t, newClock(), func(o *crawler.Options) { o.MinInterval = interval }), j)
		return len(r.Seen) - 1
	}
	if n := count(crawler.Job{Budget: crawler.Budget{Requests: 11}}, time.Millisecond); n != 10 {
		t.Errorf("%d checks with a budget of 11 requests", n)
	}
	if n := count(crawler.Job{Budget: crawler.Budget{Checks: time.Minute}}, 10*time.Second); n < 4 || n > 6 {
		t.Errorf("%d checks of 10s each within a minute", n)
	}
	s.handler["/s/3"] = s.handler["/refuses"]
	if n := count(crawler.Job{}, time.Millisecond); n != 4 {
		t.Errorf("%d checks, of which the fourth was answered 429", n)
	}
}

// A visit of checks only asks for no page, moves nothing of the door's state but
// when it may be tried again, and is as good as its answers.
func TestChecksOnly(t *testing.T) {
	state := onrecord.DoorState{Cursor: "9", Parser: "old", Fails: 3, Backlog: []onrecord.Backlog{{URL: "https://social.example/older"}}}
	for _, c := range []struct {
		name    string
		pages   map[string]any
		want    []string
		outcome onrecord.Outcome
		waits   bool
	}{
		{"all live", map[string]any{"/s/3": listing{IDs: []string{"3"}}, "/s/4": listing{IDs: []string{"4"}}}, []string{"look 3", "look 4"}, onrecord.OutcomeOK, false},
		{"one down", map[string]any{"/s/3": 503, "/s/4": listing{IDs: []string{"4"}}}, []string{"look 3", "look 4"}, onrecord.OutcomeOK, false},
		{"all down", map[string]any{"/s/3": 503, "/s/4": 503}, []string{"look 3", "look 4"}, onrecord.OutcomeOutage, true},
		{"unreadable", map[string]any{"/s/3": "neither", "/s/4": "nor"}, []string{"look 3", "look 4"}, onrecord.OutcomeOK, false},
		{"refused", map[string]any{"/s/3": 429, "/s/4": listing{IDs: []string{"4"}}}, []string{"look 3"}, onrecord.OutcomeRateLimited, true},
		{"only gone", map[string]any{"/s/9": listing{IDs: []string{"9"}}}, []string{"look 3", "look 4", "canary 9"}, onrecord.OutcomeOK, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.pages)
			r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, State: state,
				ChecksOnly: true, Checks: []onrecord.Ref{{NativeID: "3"}, {NativeID: "4"}}, Canary: onrecord.Ref{NativeID: "9"}})
			var got []string
			for _, s := range r.Seen {
				got = append(got, s.Kind+" "+s.About.NativeID)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("seen (-want +got):\n%s", d)
			}
			if r.Outcome != c.outcome || r.LeftBacklog || r.State.RetryAt.IsZero() == c.waits {
				t.Errorf("outcome %s, backlog left %t, retry at %v", r.Outcome, r.LeftBacklog, r.State.RetryAt)
			}
			r.State.RetryAt = time.Time{}
			if d := cmp.Diff(state, r.State); d != "" {
				t.Errorf("state (-want +got):\n%s", d)
			}
		})
	}
}

// A chain of older pages that leads nowhere is given up: the cursor stays, the
// pages are read again in full, and once a visit reads as far as the cursor
// nothing is missing any more. Without a cursor nothing is.
func TestGivenUp(t *testing.T) {
	pages := map[string]any{
		"/page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			_, _ = w.Write([]byte(`{"account":"42","ids":["9"],"cursor":"9","next":["/a"]}`))
		},
		"/a": listing{IDs: []string{"9"}, Next: []string{"/b"}}, "/b": listing{IDs: []string{"9"}, Next: []string{"/c"}}, "/c": listing{IDs: []string{"9"}, Next: []string{"/d"}},
	}
	s := newSite(t, pages)
	c := newClient(t, newClock())
	door := jsonDoor{base: s.URL, first: []crawler.Request{{URL: s.URL + "/page", Kind: "page", Conditional: true}}} // reads on whatever the cursor
	j := crawler.Job{Door: door, Target: crawler.Target{AccountID: "42"}}
	if r, _ := visit(t, c, j); r.State.Short != nil || r.State.Cursor != "9" {
		t.Errorf("without a cursor: %+v", r.State)
	}
	j.State = onrecord.DoorState{Cursor: "5"}
	r, _ := visit(t, c, j)
	if r.State.Short == nil || !r.State.Short.Kept || r.State.Cursor != "5" || r.State.Validators[s.URL+"/page"].ETag != "" {
		t.Fatalf("%+v, problems %v", r.State, r.Problems)
	}
	j.State = r.State
	s.handler["/b"] = newSite(t, map[string]any{"/b": listing{IDs: []string{"7"}}}).handler["/b"]
	if r, _ = visit(t, c, j); r.State.Short != nil || r.State.Cursor != "9" || r.LeftBacklog {
		t.Errorf("read as far as the cursor, %+v", r.State)
	}
}

// What does not fit into the backlog and is named by nothing again is given up
// for good; the cursor of a first visit moves.
func TestDroppedIsGivenUp(t *testing.T) {
	var next []string
	pages := map[string]any{}
	for i := range 40 {
		next = append(next, fmt.Sprintf("/p%d", i))
		pages[next[i]] = listing{IDs: []string{fmt.Sprint(100 + i)}}
	}
	pages["/page"] = listing{Account: "42", IDs: []string{"9"}, Cursor: "9", Next: next}
	s := newSite(t, pages)
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, Budget: crawler.Budget{Requests: 10}}
	r, _ := visit(t, newClient(t, newClock()), j)
	if r.Dropped != 15 || len(r.State.Backlog) != 16 || r.State.Short == nil || r.State.Short.Kept || r.State.Cursor != "9" {
		t.Fatalf("%d dropped, %+v", r.Dropped, r.State)
	}
	pages["/page"] = listing{Account: "42", IDs: []string{"9"}, Cursor: "9"}
	s = newSite(t, pages)
	j.State, j.Door, j.Budget = r.State, jsonDoor{base: s.URL}, crawler.Budget{}
	for n := range j.State.Backlog {
		j.State.Backlog[n].URL = s.URL + j.State.Backlog[n].URL[strings.LastIndexByte(j.State.Backlog[n].URL, '/'):]
	}
	if r, _ = visit(t, newClient(t, newClock()), j); r.LeftBacklog || r.State.Short == nil {
		t.Errorf("the rest is read, but what was dropped is not: %+v", r.State)
	}
}
