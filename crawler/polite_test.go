// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
)

func TestRefusals(t *testing.T) {
	answer := func(status int, header ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		}
	}
	check := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<!DOCTYPE html><html><head><title>Just a moment...</title>"))
	}
	for name, tc := range map[string]struct {
		page any
		want onrecord.Outcome
		wait time.Duration // least
		most time.Duration
	}{
		"429 with seconds":   {answer(429, "Retry-After", "300"), onrecord.OutcomeRateLimited, 300 * time.Second, 300 * time.Second},
		"429 for ten years":  {answer(429, "Retry-After", "315360000"), onrecord.OutcomeRateLimited, 24 * time.Hour, 24 * time.Hour},
		"429 bare":           {429, onrecord.OutcomeRateLimited, 0, 2 * time.Minute},
		"503 with seconds":   {answer(503, "Retry-After", "300"), onrecord.OutcomeOutage, 300 * time.Second, 300 * time.Second},
		"500":                {500, onrecord.OutcomeOutage, 0, 2 * time.Minute},
		"a bot check":        {check, onrecord.OutcomeBlocked, 24 * time.Hour, 24 * time.Hour},
		"304 out of nothing": {304, onrecord.OutcomeDrift, 0, 2 * time.Minute},
		"used up but fine": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", "600")
			_, _ = w.Write([]byte(`{"account":"42","ids":["1"]}`))
		}, onrecord.OutcomeOK, 600 * time.Second, 600 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]any{"/page": tc.page})
			c := newClient(t, newClock())
			reads := 0
			j := crawler.Job{Door: jsonDoor{base: s.URL, reads: &reads}, Target: crawler.Target{AccountID: "42"},
				State: onrecord.DoorState{Cursor: "c", Backlog: []onrecord.Backlog{{URL: s.URL + "/b", Kind: "page"}}}, Looks: []onrecord.Ref{{NativeID: "1"}}}
			if tc.want == onrecord.OutcomeOK {
				j.State.Backlog, j.Looks = nil, nil
			}
			r, rec := visit(t, c, j)
			wait := r.State.RetryAt.Sub(r.Ended)
			if r.Outcome != tc.want || wait < tc.wait || wait > tc.most {
				t.Errorf("outcome %s, wait %s, %v", r.Outcome, wait, r.Problems)
			}
			if good := tc.want == onrecord.OutcomeOK; good != (reads > 0) || good != (r.State.Fails == 0) {
				t.Errorf("%d reads, %d fails", reads, r.State.Fails)
			}
			if tc.want != onrecord.OutcomeOK && (len(rec.urls()) != 1 || len(r.State.Backlog) != 1 || !r.LeftBacklog) {
				t.Errorf("requests %v, backlog %v", rec.urls(), r.State.Backlog)
			}
			// The host is left alone whoever asks: another source, another door.
			if tc.wait < 5*time.Minute {
				return
			}
			hits := s.count("/page")
			again, _ := visit(t, c, crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
			if s.count("/page") != hits || again.Outcome == onrecord.OutcomeOK || again.State.RetryAt.Before(r.State.RetryAt.Add(-time.Second)) {
				t.Errorf("asked again: %d, %s until %s", s.count("/page")-hits, again.Outcome, again.State.RetryAt)
			}
		})
	}
}

func TestBotChecks(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	page := func(title, rest string) string {
		return "<!DOCTYPE html><html><head><meta charset=utf-8><title>" + title + "</title></head><body>" + rest
	}
	for _, tc := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   string
	}{
		{"Cloudflare", 403, html, page("Just a moment...", ""), "Cloudflare"},
		{"Cloudflare with 200", 200, html, page("Just a moment...", ""), "Cloudflare"},
		{"Cloudflare by header", 403, http.Header{"Cf-Mitigated": {"challenge"}}, "", "Cloudflare"},
		{"Cloudflare block", 403, html, page("Attention Required! | Cloudflare", ""), "Cloudflare"},
		{"AWS", 202, http.Header{"X-Amzn-Waf-Action": {"challenge"}}, "", "AWS WAF"},
		{"Anubis", 200, html, page("Making sure you&#39;re not a bot!", ""), "Anubis"},
		{"a captcha behind a refusal", 403, html, page("Hello", `<div class="g-recaptcha">`), "reCAPTCHA"},
		{"DataDome", 403, html, page("figure.example", `<script src="https://ct.captcha-delivery.com/c.js">`), "DataDome"},

		{"a page behind Cloudflare", 200, html, page("News", `<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js">`), ""},
		{"a form with a captcha", 200, html, page("Contact", `<div class="g-recaptcha"><script src="https://www.google.com/recaptcha/api.js">`), ""},
		{"an article on captchas", 200, html, page("Verify you are human: the end of the captcha", "Are you a robot?"), ""},
		{"a statement that quotes one", 200, http.Header{"Content-Type": {"application/json"}}, `{"content":"<title>Just a moment...</title>"}`, ""},
		{"a plain 403", 403, html, page("Forbidden", "<h1>Forbidden</h1>"), ""},
		{"a plain 404", 404, html, page("Not found", ""), ""},
		{"nothing", 200, nil, "", ""},
	} {
		if got := crawler.BotCheck(tc.status, tc.header, []byte(tc.body)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func FuzzBotCheck(f *testing.F) {
	f.Add(403, "text/html", []byte("<title>Just a moment...</title>"))
	f.Add(200, "", []byte("<title"))
	f.Add(503, "text/html", []byte("<TITLE>x<title>"))
	f.Fuzz(func(t *testing.T, status int, ct string, body []byte) {
		got := crawler.BotCheck(status, http.Header{"Content-Type": {ct}}, body)
		if strings.Contains(ct, "json") && !strings.Contains(strings.ToLower(ct), "html") && got != "" {
			t.Errorf("%q in %q", got, ct)
		}
	})
}

// Two visits to a host wait for each other and for the interval; a visit to
// another host does not wait for them.
func TestRates(t *testing.T) {
	for name, tc := range map[string]struct {
		option func(*crawler.Options)
		floor  time.Duration
		robots string
		want   time.Duration // between two requests
	}{
		"default":            {func(o *crawler.Options) { o.MinInterval = 0 }, 0, "", time.Second},
		"configured":         {func(o *crawler.Options) { o.MinInterval = 3 * time.Second }, 0, "", 3 * time.Second},
		"floor at loopback":  {func(*crawler.Options) {}, 5 * time.Second, "", time.Second},
		"delay":              {func(*crawler.Options) {}, 0, "User-agent: *\nCrawl-delay: 7\n", 7 * time.Second},
		"configured is more": {func(o *crawler.Options) { o.MinInterval = 9 * time.Second }, 0, "User-agent: *\nCrawl-delay: 7\n", 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			k := newClock()
			s := newSite(t, map[string]any{"/robots.txt": tc.robots, "/page": listing{Account: "42", IDs: []string{"1"}, Next: []string{"/2"}},
				"/2": listing{IDs: []string{"2"}, Next: []string{"/3"}}, "/3": listing{IDs: []string{"3"}}})
			_, rec := visit(t, newClient(t, k, tc.option), crawler.Job{Door: jsonDoor{base: s.URL, floor: tc.floor}, Target: crawler.Target{AccountID: "42"}})
			if len(rec.entries) != 4 {
				t.Fatalf("requests %v", rec.urls())
			}
			for i := 2; i < len(rec.entries); i++ {
				if d := rec.entries[i].Exchange.At.Sub(rec.entries[i-1].Exchange.At); d < tc.want || d > tc.want+200*time.Millisecond {
					t.Errorf("request %d came %s after the one before", i, d)
				}
			}
		})
	}
}

func TestHourlyCapRefusesToSend(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42"}})
	k := newClock()
	c := newClient(t, k, func(o *crawler.Options) { o.Hourly = 3 })
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}}
	var last crawler.Result
	for range 5 {
		last, _ = visit(t, c, j)
	}
	if n := s.count("/page") + s.count("/robots.txt"); n != 3 || last.Outcome != onrecord.OutcomeRateLimited || !last.State.RetryAt.After(last.Ended.Add(50*time.Minute)) {
		t.Errorf("%d requests, %s until %s", n, last.Outcome, last.State.RetryAt)
	}
	k.t = k.t.Add(time.Hour)
	if r, _ := visit(t, c, j); r.Outcome != onrecord.OutcomeOK {
		t.Errorf("an hour later: %s", r.Outcome)
	}
}

func TestLongWaitsEndTheVisit(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42", IDs: []string{"1"}, Next: []string{"/2"}}})
	c := newClient(t, newClock(), func(o *crawler.Options) { o.MinInterval = 30 * time.Minute })
	r, _ := visit(t, c, crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
	// robots.txt was the request of this half hour.
	if r.Outcome != onrecord.OutcomeRateLimited || s.count("/page") != 0 || r.State.RetryAt.Sub(r.Ended) < 29*time.Minute {
		t.Errorf("%s until %s, %d requests", r.Outcome, r.State.RetryAt, s.count("/page"))
	}
}

// There is one exchange with a host and port at a time, however many sources
// are visited there.
func TestOneConnectionAHost(t *testing.T) {
	var now, most atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		_, _ = w.Write([]byte(`{"account":"42"}`))
	}))
	defer s.Close()
	c := newClient(t, newClock())
	var visits sync.WaitGroup
	for range 20 {
		visits.Go(func() {
			_, err := c.Visit(t.Context(), crawler.Job{Recorder: &tape{}, Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	visits.Wait()
	if most.Load() != 1 {
		t.Errorf("%d requests at a time", most.Load())
	}
}

// A visit that is called off while it waits for its turn ends at once.
func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, end := stalling(t, func(net.Conn) { time.Sleep(time.Hour) })
		defer end()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		for range 3 {
			_, err := c.Visit(ctx, crawler.Job{Recorder: &tape{}, Door: jsonDoor{base: "http://h.example"}, Target: crawler.Target{AccountID: "42"}})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("took %s", d)
		}
	})
}

func TestHealthy(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	states := map[string]onrecord.DoorState{
		"api":  {Fails: 2, RetryAt: now.Add(time.Second)},
		"page": {Fails: 1, RetryAt: now},
		"feed": {},
		"day":  {RetryAt: now.Add(24*time.Hour + time.Minute)},
		"far":  {RetryAt: now.Add(24*time.Hour + time.Minute + time.Second)}, // noted by a clock that was ahead
	}
	for _, tc := range []struct {
		order []string
		want  string
	}{
		{[]string{"api", "page", "feed"}, "page"},
		{[]string{"api", "feed"}, "feed"},
		{[]string{"new", "feed"}, "new"},
		{[]string{"api"}, ""},
		{[]string{"day"}, ""},
		{[]string{"day", "far"}, "far"},
		{nil, ""},
	} {
		if got, ok := crawler.Healthy(states, tc.order, now); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%v: %q, %t", tc.order, got, ok)
		}
	}
}

// A door's floor lies between two pages of a public host, and not between
// robots.txt and the first of them.
func TestDoorsFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const page = `{"account":"42","ids":["%d"],"next":["/p%d"]}`
		n := 0
		c, end := stalling(t, func(c net.Conn) {
			n++
			body := fmt.Sprintf(page, n, n)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
		})
		defer end()
		_, rec := visit(t, c, crawler.Job{Door: jsonDoor{base: "http://h.example", floor: 5 * time.Second}, Target: crawler.Target{AccountID: "42"},
			Budget: crawler.Budget{Requests: 4}})
		var gaps []time.Duration
		for i := 1; i < len(rec.entries); i++ {
			gaps = append(gaps, rec.entries[i].Exchange.At.Sub(rec.entries[i-1].Exchange.At))
		}
		want := []time.Duration{time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second}
		if d := cmp.Diff(want, gaps); d != "" {
			t.Errorf("between requests (-want +got):\n%s", d)
		}
		// The next visit keeps to it too, and one whose floor is half an hour
		// is not made at all.
		r, _ := visit(t, c, crawler.Job{Door: jsonDoor{base: "http://h.example", floor: 30 * time.Minute}, Target: crawler.Target{AccountID: "42"}})
		if r.Outcome != onrecord.OutcomeRateLimited || n != 4 || r.State.RetryAt.Sub(rec.entries[4].Exchange.At) != 30*time.Minute {
			t.Errorf("%s until %s after %d requests", r.Outcome, r.State.RetryAt, n)
		}
	})
}

// Articles on a third host that is down, or wants no more of us, do not end a
// visit to a platform that answers.
func TestThirdHostsDoNotEndAVisit(t *testing.T) {
	busy := newSite(t, map[string]any{"/x": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusTooManyRequests)
	}})
	to := func(target string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
	}
	s := newSite(t, map[string]any{
		"/page": listing{Account: "42", IDs: []string{"1"}, Follow: []string{"/a", "/b", "/c", "/d", "/e"}, Next: []string{"/older"}},
		"/a":    to(busy.URL + "/x"), "/b": to("http://127.0.0.1:1/"), "/c": to("http://127.0.0.1:1/"), "/d": to("http://127.0.0.1:1/"), "/e": listing{IDs: []string{"e"}},
		"/older": listing{IDs: []string{"old"}},
	})
	r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
	if d := cmp.Diff([]string{"1", "e", "old"}, ids(r)); d != "" || r.Outcome != onrecord.OutcomeOK || !r.State.RetryAt.IsZero() || r.LeftBacklog {
		t.Errorf("%s until %s; items (-want +got):\n%s", r.Outcome, r.State.RetryAt, d)
	}
}

// Three outages of the platform's own in a row do.
func TestOutagesEndAVisit(t *testing.T) {
	s := newSite(t, map[string]any{
		"/page": listing{Account: "42", IDs: []string{"1"}, Follow: []string{"/a", "/b", "/c", "/d"}, Next: []string{"/older"}},
		"/a":    500, "/b": 502, "/c": 503, "/d": 500, "/older": listing{IDs: []string{"old"}},
	})
	r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
	if len(rec.urls()) != 4 || r.Outcome != onrecord.OutcomeOK || !r.LeftBacklog || len(r.State.Backlog) != 5 || !strings.HasSuffix(r.State.Backlog[0].URL, "/older") {
		t.Errorf("%v, %s, backlog %v", rec.urls(), r.Outcome, r.State.Backlog)
	}
}
