// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package layers_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestDependenciesAreDocumented holds docs/dependencies.md against go.mod: a
// module that we import has a line, and a line has a module. The nested module
// of the ledger's outside judge is the one exception.
func TestDependenciesAreDocumented(t *testing.T) {
	const nested = "github.com/transparency-dev/tessera"
	b, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse("go.mod", b, nil)
	if err != nil {
		t.Fatal(err)
	}
	direct := []string{nested, "honnef.co/go/tools"} // the latter as a tool
	for _, r := range f.Require {
		if !r.Indirect {
			direct = append(direct, r.Mod.Path)
		}
	}
	doc, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z0-9.]+\.[a-z]+/\S+) \|`).FindAllStringSubmatch(string(doc), -1) {
		listed = append(listed, m[1])
	}
	for _, m := range direct {
		if !slices.Contains(listed, m) {
			t.Errorf("docs/dependencies.md has no line for %s", m)
		}
	}
	for _, m := range listed {
		if !slices.Contains(direct, m) {
			t.Errorf("docs/dependencies.md has a line for %s, which go.mod does not require directly", m)
		}
	}
}
