// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"os"
	"testing"
)

// large skips a test that the race detector would make several times as long:
// make test runs it without.
func large(t *testing.T) {
	t.Helper()
	if raceEnabled && os.Getenv("ONRECORD_RACE_LARGE") == "" {
		t.Skip("large: runs without the race detector, or with ONRECORD_RACE_LARGE=1")
	}
}
