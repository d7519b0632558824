// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

// IDTime is idTime, for tests.
var IDTime = idTime
