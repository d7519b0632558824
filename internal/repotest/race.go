// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package repotest

// Raced tells whether the tests were built with the race detector.
const Raced = true
