// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"onrecord"
)

// A Permit is what a host's robots.txt says of one address, asked without a
// visit and not recorded.
type Permit struct {
	Allowed bool
	Outcome onrecord.Outcome // why not: blocked by its rules, or that it could not be asked; empty if allowed
	Why     string           // what that rests on

	// Skew is our clock minus the host's, in whole seconds, from the Date of
	// the answer; it is known only where there was one.
	Skew      time.Duration
	SkewKnown bool
}

// Permit asks the robots.txt of an address' host whether a visit may ask for
// it: through the same guard and at the same rate as a visit. An error means
// that the address is none, or that ctx ended.
func (c *Client) Permit(ctx context.Context, address string) (Permit, error) {
	u, err := url.Parse(address)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = errors.New("not an http address")
	}
	if err != nil {
		return Permit{}, fmt.Errorf("permit %.200q: %w", address, err)
	}
	seen := &dates{}
	r, err := c.robotsOf(ctx, &trip{rec: seen}, c.hostOf(u, c.now()), u)
	if err != nil {
		return Permit{}, fmt.Errorf("permit %s: %w", u.Host, err)
	}
	p := Permit{Allowed: true, Why: r.from, Skew: seen.skew, SkewKnown: seen.known}
	if no := r.allows(u); no != nil {
		p.Allowed, p.Outcome, p.Why = false, no.verdict, no.reason
	}
	return p, nil
}

// A dates is a recorder that keeps only how the clocks differ.
type dates struct {
	skew  time.Duration
	known bool
}

// Record reads the Date of an answer.
func (d *dates) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	if x.Status == 0 {
		return onrecord.CaptureRef{}, nil
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(x.Response)), nil)
	if err != nil {
		return onrecord.CaptureRef{}, nil // whose Date can't be read
	}
	defer resp.Body.Close()
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil && resp.Header.Get("Age") == "" {
		d.skew, d.known = x.Done.Sub(at).Truncate(time.Second), true
	}
	return onrecord.CaptureRef{}, nil
}
