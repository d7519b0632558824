// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package layers_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"onrecord/internal/layers"
)

// A pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
}

// list returns all packages of the module.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "onrecord/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// TestImports holds the table against what the packages really import.
func TestImports(t *testing.T) {
	packages := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, p := range packages {
		rule, ok := layers.RuleFor(p.ImportPath)
		if !ok {
			t.Errorf("%s is not in the table of internal/layers: add it on purpose, with its level", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			for _, msg := range layers.Check(rule, p.ImportPath, imp) {
				t.Error(msg)
			}
		}
	}
}

// TestRulesAreUsed fails on a row for a package that does not exist.
func TestRulesAreUsed(t *testing.T) {
	var paths []string
	for _, p := range list(t) {
		paths = append(paths, p.ImportPath)
	}
	for _, name := range layers.Exact() {
		if !slices.Contains(paths, name) {
			t.Errorf("the table names %s, which does not exist", name)
		}
	}
}

// TestCheckRefuses shows that the table can fail at all.
func TestCheckRefuses(t *testing.T) {
	for _, tt := range []struct{ from, imp string }{
		{"onrecord", "golang.org/x/text/unicode/norm"},
		{"onrecord", "onrecord/change"},
		{"onrecord/change", "onrecord/crawler"},
		{"onrecord/web", "onrecord/catalog"},
		{"onrecord/web", "onrecord/archive"},
		{"onrecord/ingest", "onrecord/archive"},
		{"onrecord/crawler/feed", "onrecord/archive/warc"},
		{"onrecord/archive", "modernc.org/sqlite"},
		{"onrecord/catalog", "testing"},
		{"onrecord/archive", "onrecord/archive/bucket/disk"},
		{"onrecord/config", "github.com/robfig/cron/v3"},
		{"onrecord/crawler/feed", "onrecord/crawler/fake"},
		{"onrecord/archive", "onrecord/archive/bucket/buckettest"},
	} {
		rule, ok := layers.RuleFor(tt.from)
		if !ok {
			t.Errorf("no rule for %s", tt.from)
		} else if len(layers.Check(rule, tt.from, tt.imp)) == 0 {
			t.Errorf("%s may import %s, want a refusal", tt.from, tt.imp)
		}
	}
}
