// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package archive_test

// raceEnabled reports whether the race detector watches, which makes tests
// several times as long.
const raceEnabled = true
