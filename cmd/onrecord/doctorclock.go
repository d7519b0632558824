// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strconv"
	"time"

	"onrecord"
)

// Bounds of what is said of clocks.
const (
	skewWarn   = 5 * time.Second // windows are widened by it
	skewFail   = 5 * time.Minute // times here mean little
	skewVisits = 2000            // entries of the ledger among which the last visits are looked for
)

// clock compares our clock with that of the platforms, as the last visits
// measured it, and with the record itself.
func (d *doctor) clock(ctx context.Context, h *house) {
	size, err := h.archive.Size(ctx)
	if err != nil {
		return // told elsewhere
	}
	now := h.env.now()
	last := map[string]time.Duration{}
	newest := time.Time{}
	for e, err := range h.archive.WalkPast(ctx, max(0, size-skewVisits)) {
		if err != nil {
			d.fail("ledger", "onrecord verify", "the journal can't be read: %v", err)
			return
		}
		if v := e.Visit; v.Source != "" && v.Source != builtIn && v.Provenance == "" {
			if metAClock(v.Outcome) {
				last[v.Source] = time.Duration(v.SkewMS) * time.Millisecond
			}
			if v.Ended.After(newest) {
				newest = v.Ended
			}
		}
	}
	if ahead := newest.Sub(now); ahead > skewWarn {
		d.fail("clock", "set the clock of this machine (timedatectl set-ntp true)", "the last visit was recorded %s in the future", ahead.Truncate(time.Second))
		return
	}
	if len(last) == 0 {
		d.ok("clock", "not compared: no visit that was answered is recorded yet")
		return
	}
	d.skew("clock", "as the last visits measured it, at the nearest of "+count(len(last), "source", "sources"), last)
}

// metAClock reports whether a visit with an outcome met a clock to compare ours
// with: of one without an answer the difference is unknown, and written as none.
func metAClock(o onrecord.Outcome) bool {
	return o == onrecord.OutcomeOK || o == onrecord.OutcomeNotModified
}

// builtIn is the source of the operator's acts.
const builtIn = "archive"

// skew judges differences to several clocks: they can be wrong as well as ours,
// so the least counts.
func (d *doctor) skew(area, how string, all map[string]time.Duration) {
	least, first := time.Duration(0), true
	for _, s := range all {
		if first || s.Abs() < least.Abs() {
			least, first = s, false
		}
	}
	words := strconv.FormatFloat(least.Seconds(), 'f', -1, 64) + " s"
	switch {
	case least.Abs() >= skewFail:
		d.fail(area, "set the clock of this machine (timedatectl set-ntp true)", "off by %s, %s", words, how)
	case least.Abs() >= skewWarn:
		d.warn(area, "set the clock of this machine (timedatectl set-ntp true); windows are widened by it", "off by %s, %s", words, how)
	default:
		d.ok(area, "off by %s, %s", words, how)
	}
}
