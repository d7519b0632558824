// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"fmt"
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
