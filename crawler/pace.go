// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"onrecord"
)

// A host is what the client knows of one scheme, host and port. There is one
// exchange with it at a time: whoever holds turn.
type host struct {
	turn chan struct{} // holds one token while the host is in use

	// The fields below belong to the holder of turn.
	last     time.Time // start of the last request
	lastPage time.Time // start of the last one that was not for robots.txt
	window   time.Time // start of the hour that sent counts
	sent     int
	notUntil time.Time // the host asked for it
	why      refusal   // why
	local    bool      // its address lies in Options.Allow

	robotsTurn chan struct{} // holds one token while robots is looked at or fetched
	robots     *robots       // belongs to the holder of robotsTurn

	used     time.Time // guarded by Client.mu
	answered time.Time // last answer below 500; guarded by Client.mu
}

// A refusal is the client's decision not to send a request.
type refusal struct {
	verdict onrecord.Outcome
	reason  string
	retryAt time.Time
}

// maxHosts is how many hosts are remembered; those that were used longest ago
// are forgotten first, with their robots.txt.
const maxHosts = 4096

// hostOf returns what is known of u's host.
func (c *Client) hostOf(u *url.URL, now time.Time) *host {
	key := authority(u)
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[key]
	if h == nil {
		if len(c.hosts) >= maxHosts {
			c.forget(now)
		}
		h = &host{turn: make(chan struct{}, 1), robotsTurn: make(chan struct{}, 1)}
		c.hosts[key] = h
	}
	h.used = now
	return h
}

// forget drops the hosts that were not used for a day, else for an hour. What
// they asked for is kept as long as it may bind.
func (c *Client) forget(now time.Time) {
	for _, age := range []time.Duration{maxRetry, time.Hour} {
		for key, h := range c.hosts {
			if now.Sub(h.used) > age {
				delete(c.hosts, key)
			}
		}
		if len(c.hosts) < maxHosts {
			return
		}
	}
}

// authority returns scheme, host and port of u.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + u.Hostname() + ":" + port
}

// take waits for the host's turn and for the time at which the next request
// may be sent. It returns a refusal where that is too far away. Who gets
// neither refusal nor error calls give when the exchange is over.
//
// floor is the door's, and negative for a request for robots.txt, to and from
// which no floor counts; delay is that of robots.txt.
func (c *Client) take(ctx context.Context, h *host, floor, delay time.Duration) (*refusal, error) {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := c.wait(ctx, h, floor, delay)
	if r != nil || err != nil {
		h.give()
	}
	return r, err
}

func (h *host) give() { <-h.turn }

// wait is take for the holder of the host's turn.
func (c *Client) wait(ctx context.Context, h *host, floor, delay time.Duration) (*refusal, error) {
	now := c.now()
	if h.notUntil.Sub(now) > c.opt.MaxWait || h.why.verdict == onrecord.OutcomeBlocked && h.notUntil.After(now) {
		r := h.why
		r.retryAt = h.notUntil
		return &r, nil
	}
	at := h.next(max(c.opt.MinInterval, delay), floor)
	if at.Sub(now) > c.opt.MaxWait {
		return &refusal{onrecord.OutcomeRateLimited, "rate: the next request may be sent at " + at.Format(time.RFC3339), at}, nil
	}
	at = later(at, h.notUntil)
	if at.After(now) {
		if err := c.opt.Sleep(ctx, at.Sub(now)); err != nil {
			return nil, err
		}
		now = c.now()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if now.Sub(h.window) >= time.Hour {
		h.window, h.sent = now, 0
	}
	if limit := c.hourly(h); limit > 0 && h.sent >= limit {
		return &refusal{onrecord.OutcomeRateLimited, fmt.Sprintf("rate: %d requests in an hour", limit), h.window.Add(time.Hour)}, nil
	}
	h.sent++
	h.last = now
	if floor >= 0 {
		h.lastPage = now
	}
	return nil, nil
}

// next returns the time at which the next request to h may be sent; zero if
// there was none before. At hosts within Options.Allow no floor counts.
func (h *host) next(interval, floor time.Duration) time.Time {
	var at time.Time
	if !h.last.IsZero() {
		at = h.last.Add(interval)
	}
	if !h.lastPage.IsZero() && floor > 0 && !h.local {
		at = later(at, h.lastPage.Add(floor))
	}
	return at
}

func (c *Client) hourly(h *host) int {
	if c.opt.Hourly != 0 || h.local {
		return c.opt.Hourly
	}
	return 1200
}

// heard notes that h answered, and returns whether another host has within
// the quarter of an hour before now.
func (c *Client) heard(h *host, answered bool, now time.Time) (other bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered {
		h.answered = now
		return false
	}
	for _, o := range c.hosts {
		if o != h && !o.answered.IsZero() && now.Sub(o.answered) <= 15*time.Minute {
			return true
		}
	}
	return false
}

// heed takes from a what the host asks of all who visit it. The caller holds
// the host's turn.
func (h *host) heed(a *answer) {
	v := judge(a)
	if v.bot == "" && v.retryAt.IsZero() {
		return
	}
	h.notUntil = later(h.notUntil, v.retryAt)
	h.why = refusal{verdict: onrecord.OutcomeRateLimited, reason: "rate: " + a.x.URL + " asked to wait"}
	if v.bot != "" {
		h.why = refusal{verdict: onrecord.OutcomeBlocked, reason: "bot check (" + v.bot + ") at " + a.x.URL}
	}
}
