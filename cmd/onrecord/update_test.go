// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import "flag"

// update writes the golden files of this package anew: testdata/*.golden and
// testdata/broken/judged.golden.
var update = flag.Bool("update", false, "write the golden files anew")
