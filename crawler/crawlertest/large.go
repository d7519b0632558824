// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawlertest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var largeTests = regexp.MustCompile(`(?m)^LARGE = (\S+)$`)

// Large marks a test of an archive of a real one's size, or of thousands of real
// captures. Under the race detector these take ten times as long: there the test
// is skipped, and make test runs it a second time without. A test whose name the
// Makefile lacks would run nowhere, which fails.
func Large(t testing.TB) {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(moduleFolder(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	m := largeTests.FindSubmatch(makefile)
	if m == nil || !slices.Contains(strings.Split(string(m[1]), "|"), t.Name()) {
		t.Fatalf("%s is not in LARGE of the Makefile", t.Name())
	}
	if Raced && os.Getenv("ONRECORD_RACE_LARGE") == "" {
		t.Skip("too large for the race detector; make test runs it without")
	}
}
