// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package x reads dumps of posts on X, as others made them: nothing of X is
// asked for.
package x
