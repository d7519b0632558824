// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"onrecord"
)

// maxRetry bounds what a host may ask of us, and our own back-off. Nobody can
// stop a source for longer by a header.
const maxRetry = 24 * time.Hour

// retryAt returns the time before which the answer with header h, complete at
// done, asks us not to send again: the latest of Retry-After and the rate
// limit headers. It is zero, or within (done, done+24h]. Limits that are not
// used up ask for nothing.
func retryAt(h http.Header, done time.Time) time.Time {
	at := retryAfter(h.Get("Retry-After"), done)
	for _, f := range rateHeaders {
		if strings.TrimSpace(h.Get(f.remaining)) != "0" {
			continue
		}
		at = later(at, resetTime(h.Get(f.reset), done))
	}
	return later(at, rateLimitField(h.Values("RateLimit"), done))
}

// rateHeaders are the spellings of "so many requests are left until then":
// GitHub's and Mastodon's, X's, the IETF drafts up to 07, Reddit's.
var rateHeaders = []struct{ remaining, reset string }{
	{"X-RateLimit-Remaining", "X-RateLimit-Reset"},
	{"X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"},
	{"RateLimit-Remaining", "RateLimit-Reset"},
	{"X-App-Limit-24hour-Remaining", "X-App-Limit-24hour-Reset"},
}

// retryAfter reads a Retry-After (RFC 9110, section 10.2.3): seconds from now,
// or an HTTP date. Anything else, and the past, is zero.
func retryAfter(v string, done time.Time) time.Time {
	v = strings.TrimSpace(v)
	if v == "" {
		return time.Time{}
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return clampRetry(inSeconds(done, s), done)
	}
	if at, err := http.ParseTime(v); err == nil {
		return clampRetry(at, done)
	}
	return time.Time{}
}

// resetTime reads the reset of a rate limit, for which three notations are in
// use: unix seconds (or milliseconds), seconds from now, ISO 8601 time. A
// number is an instant if it is one of this century's, else a span.
func resetTime(v string, done time.Time) time.Time {
	v = strings.TrimSpace(v)
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		const y2001, y2286 = 1e9, 1e10
		switch {
		case n >= y2001 && n < y2286:
			return clampRetry(time.Unix(int64(n), 0), done)
		case n >= y2001*1000 && n < y2286*1000:
			return clampRetry(time.UnixMilli(int64(n)), done)
		}
		return clampRetry(inSeconds(done, n), done)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST"} {
		if at, err := time.Parse(layout, v); err == nil {
			return clampRetry(at, done)
		}
	}
	if at, err := http.ParseTime(v); err == nil {
		return clampRetry(at, done)
	}
	return time.Time{}
}

// rateLimitField reads the one-line fields of the later IETF drafts:
// `limit=100, remaining=0, reset=50` and `"default";r=0;t=50`.
func rateLimitField(values []string, done time.Time) time.Time {
	var at time.Time
	for _, v := range values {
		remaining, reset := "", ""
		for p := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' }) {
			key, val, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.HasPrefix(key, `"`) { // the next policy
				remaining, reset = "", ""
			}
			switch strings.ToLower(key) {
			case "remaining", "r":
				remaining = val
			case "reset", "t":
				reset = val
			}
			if remaining == "0" && reset != "" {
				at = later(at, resetTime(reset, done))
				remaining, reset = "", ""
			}
		}
	}
	return at
}

// inSeconds returns done and s seconds, without overflow.
func inSeconds(done time.Time, s float64) time.Time {
	if math.IsNaN(s) || s <= 0 {
		return time.Time{}
	}
	s = min(s, 2*maxRetry.Seconds())
	return done.Add(time.Duration(s * float64(time.Second)))
}

// clampRetry returns at, in UTC and microseconds, if it lies in (done,
// done+24h]; the end of that span if it lies beyond; else zero.
func clampRetry(at, done time.Time) time.Time {
	switch {
	case at.IsZero() || !at.After(done):
		return time.Time{}
	case at.After(done.Add(maxRetry)):
		return done.Add(maxRetry)
	}
	return at.UTC().Truncate(time.Microsecond)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// backoff returns how long a door is left alone after its fails-th failure in
// a row: full jitter, that is anything between nothing and twice as much each
// time, up to an hour where the platform is merely broken and up to a day
// where it does not want us. The jitter comes from seed, so that a visit that
// is replayed gives the same state.
func backoff(o onrecord.Outcome, fails int, seed ...string) time.Duration {
	limit := time.Hour
	switch o {
	case onrecord.OutcomeRateLimited, onrecord.OutcomeBlocked, onrecord.OutcomeUnauthorised, onrecord.OutcomeGone:
		limit = maxRetry
	}
	span := min(time.Minute<<min(fails, 12), limit)
	h := fnv.New64a()
	for _, s := range seed {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		_, _ = h.Write([]byte(s))
	}
	// FNV's high bits are weak in short inputs; a multiplication mixes them.
	x := h.Sum64() * 0x9e3779b97f4a7c15
	return time.Duration(float64(span) * (float64(x>>11) / (1 << 53))).Truncate(time.Microsecond)
}
