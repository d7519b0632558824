// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"fmt"
	"time"
)

// A Window bounds the moment of an event that no one saw happen: it happened
// after After and no later than By. A zero After means that nothing earlier is
// known, so the event may be of any age before By.
type Window struct {
	After, By time.Time
	// Disputed marks a window whose bounds came out in the wrong order, even
	// widened by the measured skew of the clocks, and were swapped; or whose
	// event our clock places before what it followed.
	Disputed bool
}

// NewWindow returns the window (after, by], widened on both sides by skew, the
// measured difference between the clocks that gave the bounds. Bounds that are
// still in the wrong order are swapped and the window is marked as disputed.
func NewWindow(after, by time.Time, skew time.Duration) Window {
	w := Window{After: after, By: by.Add(skew.Abs())}
	if after.IsZero() {
		return w
	}
	w.After = after.Add(-skew.Abs())
	if !w.After.Before(w.By) {
		w.After, w.By, w.Disputed = w.By, w.After, true
	}
	return w
}

// Contains reports whether t lies within w: after After and not after By.
func (w Window) Contains(t time.Time) bool {
	return t.After(w.After) && !t.After(w.By)
}

// Width returns how uncertain w is, or 0 if it has no lower bound.
func (w Window) Width() time.Duration {
	if w.After.IsZero() {
		return 0
	}
	return w.By.Sub(w.After)
}

// String words w for people, in UTC.
func (w Window) String() string {
	by := w.By.UTC().Format(time.RFC3339)
	if w.After.IsZero() {
		return "by " + by
	}
	return fmt.Sprintf("between %s and %s", w.After.UTC().Format(time.RFC3339), by)
}
