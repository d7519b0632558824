// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package testonly is imported by tests of the released module, which nobody
// runs here; without it the go command does not tidy this one.
package testonly
