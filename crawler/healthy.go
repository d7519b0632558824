// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"time"

	"onrecord"
)

// clockSlack is how far two clocks that are right may differ.
const clockSlack = time.Minute

// Healthy returns the first door in order whose last outcome was ok or whose
// back-off has run out at now. ok is false if there is none. A back-off that
// ends later than any can was noted by a clock that was ahead, and counts as
// none (record.md 3).
func Healthy(states map[string]onrecord.DoorState, order []string, now time.Time) (id string, ok bool) {
	for _, id := range order {
		if at := states[id].RetryAt; !now.Before(at) || at.Sub(now) > maxRetry+clockSlack {
			return id, true
		}
	}
	return "", false
}
