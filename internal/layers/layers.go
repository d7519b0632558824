// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package layers is the import table of the module as data: imports point one
// way, from higher levels to lower ones, and a foreign module is imported only
// by the package that owns it. Its test holds the table with `go list`.
package layers

import (
	"fmt"
	"slices"
	"strings"
)

// A Rule is one row: a package (or, ending in "/*", the packages directly
// below), what it may import of ours, and which foreign modules it owns.
type Rule struct {
	Package string
	Ours    []string // exact import paths, or prefixes ending in "/*"; "..." means all
	Foreign []string // module path prefixes
	Testing bool     // a package for tests: may import testing, only tests import it
}

// rules returns the table, most specific rows first.
func rules() []Rule {
	return []Rule{
		// Level 0.
		{Package: "onrecord"},
		// Level 1.
		{Package: "onrecord/change", Ours: []string{"onrecord"}},
		{Package: "onrecord/archive/files"},
		{Package: "onrecord/archive/files/filestest", Ours: []string{"onrecord/archive/files"}, Testing: true},
		{Package: "onrecord/archive/bucket", Ours: []string{"onrecord"}},
		{Package: "onrecord/internal/flight"},
		{Package: "onrecord/thumbnail", Ours: []string{"onrecord/internal/flight"}, Foreign: []string{"golang.org/x/image", "golang.org/x/sys"}},
		{Package: "onrecord/archive/warc", Ours: []string{"onrecord"}, Foreign: []string{"github.com/klauspost/compress"}},
		{Package: "onrecord/schedule", Ours: []string{"onrecord"}, Foreign: []string{"github.com/robfig/cron"}},
		{Package: "onrecord/config", Ours: []string{"onrecord"}, Foreign: []string{"github.com/goccy/go-yaml"}},
		{Package: "onrecord/search", Ours: []string{"onrecord"}, Foreign: []string{"golang.org/x/text"}},
		{Package: "onrecord/search/searchtest", Ours: []string{"onrecord", "onrecord/search"}, Testing: true},
		{Package: "onrecord/crawler", Ours: []string{"onrecord"}, Foreign: []string{
			"github.com/gocolly/colly", "code.dny.dev/ssrf",
			"github.com/klauspost/compress", "github.com/andybalholm/brotli",
		}},
		// Level 2.
		{Package: "onrecord/archive/bucket/buckettest", Ours: []string{"onrecord", "onrecord/archive/bucket"}, Testing: true},
		{Package: "onrecord/archive/bucket/disk", Ours: []string{"onrecord", "onrecord/archive/bucket", "onrecord/archive/files"}},
		{Package: "onrecord/archive/bucket/s3", Ours: []string{"onrecord", "onrecord/archive/bucket"}, Foreign: []string{"github.com/minio/minio-go"}},
		{Package: "onrecord/archive/bucket/*", Ours: []string{"onrecord", "onrecord/archive/bucket"}},
		{Package: "onrecord/archive/ledger", Ours: []string{"onrecord", "onrecord/archive/bucket", "onrecord/archive/files"}, Foreign: []string{"golang.org/x/mod"}},
		{Package: "onrecord/archive/witness", Ours: []string{"onrecord", "onrecord/archive/bucket", "onrecord/archive/ledger"}, Foreign: []string{"golang.org/x/mod"}},
		{Package: "onrecord/archive/wacz", Ours: []string{"onrecord", "onrecord/archive/warc"}, Foreign: []string{"github.com/klauspost/compress"}},
		{Package: "onrecord/archive/spool", Ours: []string{"onrecord", "onrecord/archive/bucket", "onrecord/archive/warc", "onrecord/archive/files"}},
		{Package: "onrecord/crawler/crawlertest", Ours: []string{"onrecord", "onrecord/crawler"}, Foreign: []string{"github.com/google/go-cmp", "golang.org/x/text", "github.com/klauspost/compress"}, Testing: true},
		{Package: "onrecord/crawler/fake", Ours: []string{"onrecord", "onrecord/crawler"}, Foreign: []string{"golang.org/x/tools"}},
		{Package: "onrecord/crawler/feed", Ours: []string{"onrecord", "onrecord/crawler"}, Foreign: []string{"github.com/mmcdole/gofeed", "golang.org/x/text", "golang.org/x/net"}},
		{Package: "onrecord/crawler/website", Ours: []string{"onrecord", "onrecord/crawler"}, Foreign: []string{"github.com/PuerkitoBio/goquery", "github.com/andybalholm/cascadia", "golang.org/x/text", "golang.org/x/net"}},
		{Package: "onrecord/crawler/telegram", Ours: []string{"onrecord", "onrecord/crawler"}, Foreign: []string{"golang.org/x/net"}},
		{Package: "onrecord/crawler/mastodon", Ours: []string{"onrecord", "onrecord/crawler"}},
		{Package: "onrecord/crawler/x", Ours: []string{"onrecord", "onrecord/crawler"}, Foreign: []string{"github.com/klauspost/compress"}},
		{Package: "onrecord/crawler/mailbox", Ours: []string{"onrecord", "onrecord/crawler"}, Foreign: []string{"github.com/jhillyerd/enmime", "golang.org/x/net", "golang.org/x/text"}},
		{Package: "onrecord/dispatch", Ours: []string{"onrecord", "onrecord/schedule"}, Foreign: []string{"github.com/nats-io/nats-server", "github.com/nats-io/nats.go"}},
		{Package: "onrecord/catalog", Ours: []string{"onrecord", "onrecord/search"}, Foreign: []string{"modernc.org/sqlite", "golang.org/x/sys"}},
		// Level 3.
		{Package: "onrecord/archive", Ours: []string{
			"onrecord", "onrecord/archive/bucket", "onrecord/archive/warc", "onrecord/archive/ledger", "onrecord/archive/spool",
			"onrecord/archive/files",
		}, Foreign: []string{"github.com/klauspost/compress", "golang.org/x/mod", "golang.org/x/sync"}},
		{Package: "onrecord/web", Ours: []string{"onrecord", "onrecord/search"}, Foreign: []string{"github.com/danielgtaylor/huma"}},
		// Level 4.
		{Package: "onrecord/ingest", Ours: []string{"onrecord", "onrecord/change", "onrecord/crawler", "onrecord/schedule"}},
		// Level 5.
		{Package: "onrecord/cmd/onrecord", Ours: []string{"..."}, Foreign: []string{
			"github.com/spf13/cobra", "github.com/schollz/progressbar", "golang.org/x/term", "golang.org/x/mod",
		}},
		{Package: "onrecord/internal/layers"},
		{Package: "onrecord/internal/repotest", Testing: true},
		{Package: "onrecord/internal/testservers", Testing: true},
	}
}

// Exact returns the packages that the table names one by one.
func Exact() []string {
	var names []string
	for _, r := range rules() {
		if !strings.HasSuffix(r.Package, "/*") {
			names = append(names, r.Package)
		}
	}
	return names
}

// RuleFor returns the row of a package.
func RuleFor(path string) (Rule, bool) {
	for _, r := range rules() {
		if matches(r.Package, path) {
			return r, true
		}
	}
	return Rule{}, false
}

// TestOnly returns the row of path if it is one of our packages for tests.
func TestOnly(path string) (Rule, bool) {
	r, ok := RuleFor(path)
	return r, ok && r.Testing
}

// Check returns what is wrong with the import of imp by production code of the
// package path, whose row is r; nothing if all is well.
func Check(r Rule, path, imp string) []string {
	switch {
	case imp == "testing" || strings.HasPrefix(imp, "testing/"):
		if !r.Testing {
			return []string{fmt.Sprintf("%s imports %s in production code", path, imp)}
		}
	case imp == "onrecord" || strings.HasPrefix(imp, "onrecord/"):
		if _, ok := TestOnly(imp); ok && !r.Testing {
			return []string{fmt.Sprintf("%s imports %s, which is for tests", path, imp)}
		}
		if !slices.ContainsFunc(r.Ours, func(p string) bool { return p == "..." || matches(p, imp) }) {
			return []string{fmt.Sprintf("%s may not import %s: imports point one way, see docs/architecture.md", path, imp)}
		}
	case isForeign(imp):
		if !slices.ContainsFunc(r.Foreign, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") }) {
			return []string{fmt.Sprintf("%s imports %s, a foreign module that it does not own", path, imp)}
		}
	}
	return nil
}

// isForeign reports whether imp is neither ours nor of the standard library:
// its first element has a dot.
func isForeign(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return strings.Contains(first, ".")
}

// matches reports whether a row's pattern covers path: the same path, or, for
// a pattern ending in "/*", a path directly below.
func matches(pattern, path string) bool {
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, below := strings.CutPrefix(path, base+"/")
		return below && !strings.Contains(rest, "/")
	}
	return pattern == path
}
