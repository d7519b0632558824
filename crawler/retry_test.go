// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
)

func TestRetryAt(t *testing.T) {
	done := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	unix := strconv.FormatInt(done.Add(90*time.Second).Unix(), 10)
	day := 24 * time.Hour
	for _, tc := range []struct {
		header string // name: value, separated by |
		want   time.Duration
	}{
		{"", 0},
		{"Retry-After: 120", 2 * time.Minute},
		{"Retry-After:  120 ", 2 * time.Minute},
		{"Retry-After: 0", 0},
		{"Retry-After: -5", 0},
		{"Retry-After: 1.5", 1500 * time.Millisecond},
		{"Retry-After: 315360000", day},
		{"Retry-After: 99999999999999999999999", day},
		{"Retry-After: 1e309", 0},
		{"Retry-After: NaN", 0},
		{"Retry-After: Inf", day},
		{"Retry-After: soon", 0},
		{"Retry-After: Sun, 01 Mar 2026 10:05:00 GMT", 5 * time.Minute},
		{"Retry-After: Sunday, 01-Mar-26 10:05:00 GMT", 5 * time.Minute},
		{"Retry-After: Sun Mar  1 10:05:00 2026", 5 * time.Minute},
		{"Retry-After: Sun, 01 Mar 2026 09:00:00 GMT", 0},
		{"Retry-After: Fri, 01 Mar 2036 10:00:00 GMT", day},
		{"X-RateLimit-Remaining: 0|X-RateLimit-Reset: " + unix, 90 * time.Second},
		{"X-RateLimit-Remaining: 0|X-RateLimit-Reset: " + unix + "000", 90 * time.Second},
		{"X-RateLimit-Remaining: 7|X-RateLimit-Reset: " + unix, 0},
		{"X-RateLimit-Reset: " + unix, 0},
		{"X-RateLimit-Remaining: 0|X-RateLimit-Reset: 90", 90 * time.Second},
		{"X-RateLimit-Remaining: 0|X-RateLimit-Reset: 2026-03-01T10:01:30.000000Z", 90 * time.Second},
		{"X-RateLimit-Remaining: 0|X-RateLimit-Reset: 2026-03-01T11:01:30+01:00", 90 * time.Second},
		{"X-RateLimit-Remaining: 0|X-RateLimit-Reset: 1000000000", 0},
		{"X-RateLimit-Remaining: 0|X-RateLimit-Reset: tomorrow", 0},
		{"x-rate-limit-remaining: 0|x-rate-limit-reset: " + unix, 90 * time.Second},
		{"RateLimit-Remaining: 0|RateLimit-Reset: 90", 90 * time.Second},
		{"RateLimit: limit=100, remaining=0, reset=90", 90 * time.Second},
		{"RateLimit: limit=100, remaining=3, reset=90", 0},
		{`RateLimit: "default";r=0;t=90`, 90 * time.Second},
		{`RateLimit: "default";r=50;t=30, "daily";r=0;t=90`, 90 * time.Second},
		{"Retry-After: 10|RateLimit-Remaining: 0|RateLimit-Reset: 90", 90 * time.Second},
		{"Retry-After: 100|RateLimit-Remaining: 0|RateLimit-Reset: 90", 100 * time.Second},
	} {
		h := http.Header{}
		for f := range strings.SplitSeq(tc.header, "|") {
			if name, value, ok := strings.Cut(f, ":"); ok {
				h.Add(name, value)
			}
		}
		got := crawler.RetryAt(h, done)
		if tc.want == 0 && !got.IsZero() || tc.want != 0 && got.Sub(done) != tc.want {
			t.Errorf("%s: %s, want %s later", tc.header, got, tc.want)
		}
	}
}

func FuzzRetryAt(f *testing.F) {
	f.Add("120", "0", "1772359290", "limit=1, remaining=0, reset=5")
	f.Add("Sun, 01 Mar 2026 10:05:00 GMT", "0", "2026-03-01T10:01:30Z", `"default";r=0;t=9`)
	f.Add("-1e308", "0", "99999999999999", ";;;=,=")
	done := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, remaining, reset, field string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}, "Ratelimit": {field}}
		if at := crawler.RetryAt(h, done); !at.IsZero() && (!at.After(done) || at.After(done.Add(24*time.Hour))) {
			t.Errorf("%s is not within a day of %s", at, done)
		}
	})
}

func TestBackoff(t *testing.T) {
	for _, o := range []onrecord.Outcome{onrecord.OutcomeOutage, onrecord.OutcomeDrift, onrecord.OutcomeBlocked, onrecord.OutcomeRateLimited} {
		limit := time.Hour
		if o == onrecord.OutcomeBlocked || o == onrecord.OutcomeRateLimited {
			limit = 24 * time.Hour
		}
		for fails := 1; fails < 100; fails++ {
			bound := min(time.Minute<<min(fails, 12), limit)
			var sum time.Duration
			for i := range 200 {
				d := crawler.Backoff(o, fails, "source", fmt.Sprint(i))
				if d < 0 || d > bound {
					t.Fatalf("%s, %d fails: %s, bound %s", o, fails, d, bound)
				}
				sum += d
			}
			// Full jitter: the mean is half of the bound.
			if mean := sum / 200; mean < bound*35/100 || mean > bound*65/100 {
				t.Errorf("%s, %d fails: mean %s, bound %s", o, fails, mean, bound)
			}
		}
	}
}
