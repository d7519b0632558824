// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"onrecord"
)

// The rules of RFC 9309, and our bounds where it leaves them open.
const (
	robotsAge       = 24 * time.Hour // how long a robots.txt is believed
	robotsFailedAge = time.Minute    // how long it is believed that there is no answer
	robotsSize      = 512 << 10      // how much of it is read
	robotsRedirects = 5              // how many redirects are followed
)

// A robots is a host's robots.txt, as far as it speaks to us. It is not
// changed once it has been read.
type robots struct {
	rules   rules
	from    string   // where it was read, and how it answered
	refused *refusal // nothing may be fetched, and why
	until   time.Time
}

// robotsOf returns the robots.txt of u's host: the one at hand, or a new one.
func (c *Client) robotsOf(ctx context.Context, t *trip, h *host, u *url.URL) (*robots, error) {
	select {
	case h.robotsTurn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.robotsTurn }()
	if h.robots == nil || !c.now().Before(h.robots.until) {
		r, err := c.fetchRobots(ctx, t, u)
		if err != nil {
			return nil, err
		}
		h.robots = r
	}
	return h.robots, nil
}

// allows returns why u may not be fetched; nil if it may.
func (r *robots) allows(u *url.URL) *refusal {
	if r.refused != nil {
		return r.refused
	}
	if !r.rules.allow(u.RequestURI()) {
		return &refusal{verdict: onrecord.OutcomeBlocked, reason: "robots: disallowed by " + r.from}
	}
	return nil
}

// fetchRobots reads the robots.txt of u's host through the same guard, rates
// and record as everything else.
func (c *Client) fetchRobots(ctx context.Context, t *trip, u *url.URL) (*robots, error) {
	at := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"}
	own := at.String()
	for hop := 0; ; hop++ {
		a, err := c.robotsHop(ctx, t, at, hop)
		if err != nil {
			return nil, err
		}
		if hop == 0 && answers(a) {
			t.answered(u.Host)
		}
		to := redirectTarget(a.x.Status, a.header, at)
		if to == nil || hop == robotsRedirects {
			return readRobots(own, a, c.now()), nil
		}
		if to.Scheme != "http" && to.Scheme != "https" || at.Scheme == "https" && to.Scheme == "http" || to.User != nil {
			return &robots{from: own + " (redirect refused)", until: c.now().Add(robotsAge)}, nil
		}
		at = to
	}
}

// robotsHop makes one request of fetchRobots.
func (c *Client) robotsHop(ctx context.Context, t *trip, at *url.URL, hop int) (*answer, error) {
	n := note{What: noteRobots, Asked: t.scrub.text(at.String()), Hop: hop}
	h := c.hostOf(at, c.now())
	r, err := c.take(ctx, h, -1, 0)
	if err != nil {
		return nil, err
	}
	if r != nil {
		return c.unsent(ctx, t, h, at.String(), n, *r)
	}
	defer h.give()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, plainURL(at), nil)
	if err != nil {
		return nil, fmt.Errorf("robots: %w", err)
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "text/plain, */*;q=0.1")
	req.Header.Set("Accept-Encoding", acceptEncoding)
	l := c.opt.Limits
	l.Wire, l.Decoded = min(l.Wire, robotsSize), min(l.Decoded, robotsSize)
	a, err := c.exchange(ctx, t, h, req, n, l)
	if err == nil && a.x.Status != 0 {
		h.heed(a)
	}
	return a, err
}

// readRobots judges the last answer of a fetch.
func readRobots(own string, a *answer, now time.Time) *robots {
	r := &robots{from: own + " of " + a.x.Done.Format(time.RFC3339), until: now.Add(robotsAge)}
	status := a.x.Status
	switch {
	case status == 0:
		r.refused = &refusal{a.note.Verdict, "robots: " + own + " unreachable: " + a.note.Reason, a.note.RetryAt}
	case status >= 500:
		r.refused = &refusal{onrecord.OutcomeOutage, "robots: " + own + " answered " + strconv.Itoa(status), retryAt(a.header, a.x.Done)}
	case status == http.StatusTooManyRequests:
		// RFC 9309 counts it among 4xx, which allow everything; but the host
		// has just asked for fewer requests.
		r.refused = &refusal{onrecord.OutcomeRateLimited, "robots: " + own + " answered 429", retryAt(a.header, a.x.Done)}
	case status >= 300:
		r.from = own + " (none, " + strconv.Itoa(status) + ")"
	case a.note.Verdict == onrecord.OutcomeTruncated && a.x.Truncated == "length" && len(a.x.Payload) >= robotsSize:
		// The first 512 KiB count (RFC 9309, section 2.5).
		r.rules = parseRules(a.x.Payload[:bytes.LastIndexByte(a.x.Payload, '\n')+1], product)
	case a.note.Verdict != "":
		r.refused = &refusal{onrecord.OutcomeOutage, "robots: " + own + ": " + a.note.Reason, time.Time{}}
	case botCheck(status, a.header, a.body) != "":
		r.refused = &refusal{onrecord.OutcomeBlocked, "robots: " + own + " is a bot check", a.x.Done.Add(maxRetry)}
	default:
		r.rules = parseRules(a.body, product)
	}
	if r.refused != nil {
		r.until = now.Add(robotsFailedAge)
	}
	return r
}

// answered notes that the robots.txt of a host has answered.
func (t *trip) answered(host string) {
	if t.there == nil {
		t.there = make(map[string]bool)
	}
	t.there[host] = true
}

// answers reports whether a host has answered at all, whatever it said: not at
// all, cut, and with 500 and more are none.
func answers(a *answer) bool {
	return a.x.Status > 0 && a.x.Status < http.StatusInternalServerError && a.note.Verdict == ""
}
