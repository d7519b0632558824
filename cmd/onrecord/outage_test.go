// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"onrecord"
)

// A feed answers 500 for days while another host answers. The platform is
// offline where nothing of its host answers, robots.txt included, and since the
// first request had failed; a feed that is broken alone is no outage.
func TestBrokenFeedIsNoOutage(t *testing.T) {
	t.Parallel()
	body := rss("x")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	t.Cleanup(other.Close)
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprintf("host is down %t", down), func(t *testing.T) {
			bad, failed := false, time.Time{}
			var s *goneSite
			s = newGoneSite(t, func(url string) string {
				return sourceYAML("press", "a.example", url+"/feed.xml") + sourceYAML("other", "b.example", other.URL+"/feed.xml")
			}, func(w http.ResponseWriter, r *http.Request) {
				switch robots := r.URL.Path == "/robots.txt"; {
				case bad && (down || !robots):
					if failed.IsZero() {
						failed = s.clock.now()
					}
					w.WriteHeader(http.StatusInternalServerError)
				case robots:
					fmt.Fprint(w, "User-agent: *\nAllow: /\n")
				default:
					_, _ = w.Write(rss("one"))
				}
			})
			for n := range 5 {
				bad = n > 0
				s.clock.to(s.clock.now().Add(25 * time.Hour))
				if _, err := visitOf(s.in, t.Context(), s.in.Sources[1]); err != nil {
					t.Fatal(err)
				}
				s.visits(t, 1, time.Minute)
			}
			offline := 0
			for e, err := range s.h.archive.Walk(t.Context(), 0) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Event.Type != onrecord.PlatformOffline {
					continue
				}
				offline++
				if e.Event.By.Before(failed) {
					t.Errorf("offline by %v, and the first request failed at %v", e.Event.By, failed)
				}
			}
			if want := map[bool]int{false: 0, true: 1}[down]; offline != want {
				t.Errorf("called offline %d times, want %d", offline, want)
			}
		})
	}
}
