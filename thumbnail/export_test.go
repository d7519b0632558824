// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package thumbnail

// Orientation is orientation, for tests.
var Orientation = orientation
