// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"time"

	"onrecord"
)

// Healthy returns the first door in order whose last outcome was ok or whose
// back-off has run out at now. ok is false if there is none.
func Healthy(states map[string]onrecord.DoorState, order []string, now time.Time) (id string, ok bool) {
	for _, id := range order {
		if !now.Before(states[id].RetryAt) {
			return id, true
		}
	}
	return "", false
}
