// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

// update writes the golden files of this package anew: testdata/*.golden and
// testdata/broken/judged.golden.
var update = flag.Bool("update", false, "write the golden files anew")

var largeTests = regexp.MustCompile(`(?m)^LARGE = (\S+)$`)

// large marks a test of an archive of a real one's size. Under the race detector
// a catalog takes ten times as long: there the test is skipped, and make test
// runs it a second time without. Any name that the Makefile lacks would be run
// nowhere, which fails.
func large(t *testing.T) {
	t.Helper()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	m := largeTests.FindSubmatch(makefile)
	if m == nil || !strings.Contains("|"+string(m[1])+"|", "|"+t.Name()+"|") {
		t.Fatalf("%s is not in LARGE of the Makefile", t.Name())
	}
	if raced && os.Getenv("ONRECORD_RACE_LARGE") == "" {
		t.Skip("too large for the race detector; make test runs it without")
	}
}
