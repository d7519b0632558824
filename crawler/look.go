// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import "onrecord"

// MaxRetry is the longest back-off that a door's state can name, whatever a
// host asks for. A RetryAt further ahead was noted by a clock that was wrong.
const MaxRetry = maxRetry

// IsLook reports whether a recorded exchange was part of a look at a suspect or
// a canary: doors name such requests so.
func IsLook(x onrecord.Exchange) bool {
	n, err := parseNote(x.Note)
	return err == nil && n.What == noteVisit && n.Request.Kind == "look"
}
