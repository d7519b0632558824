// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord/config"
)

// head is the beginning of a configuration, with a comment that must stay.
const head = `archive:   # ours
  name: Archive Example
  operator: {name: Example e.V., email: desk@archive.example}
  url: http://127.0.0.1:8080
storage: {url: "file:///tmp/b"}
log: {origin: archive.example/log}
`

func TestAdd(t *testing.T) {
	const masto = `id: masto
PADplatform: mastodon
PADaccount: "@jane@social.example"
PADschedule: "@every 5m"
PADdoors:
PAD  - kind: api
`
	source := func(by int) string {
		return strings.Repeat(" ", by-2) + "- " + strings.ReplaceAll(masto, "PAD", strings.Repeat(" ", by))
	}
	jane := "  - slug: jane-example\n    name: Jane Example\n"
	for _, tt := range []struct{ name, before, after string }{
		{"the template's empty list", "figures: []  # none yet\n", "figures: # none yet\n" + jane + "    sources:\n" + source(8)},
		{"no list at all", "", "figures:\n" + jane + "    sources:\n" + source(8)},
		{"another figure", "figures:\n  - slug: other\n    name: Other\n# the end\n", "figures:\n  - slug: other\n    name: Other\n" + jane + "    sources:\n" + source(8) + "# the end\n"},
		{
			"the figure has sources, and something follows",
			"figures:\n" + jane + "    sources:\n      - id: press   # the office\n        platform: website\n        account_id: jane.example\n        # nothing yet\n  # the next\n  - slug: other\n    name: Other\n",
			"figures:\n" + jane + "    sources:\n      - id: press   # the office\n        platform: website\n        account_id: jane.example\n        # nothing yet\n" + source(8) + "  # the next\n  - slug: other\n    name: Other\n",
		},
		{
			"lists that are not indented, a source in braces",
			"figures:\n- slug: jane-example\n  name: Jane Example\n  sources:\n  - {id: tweets, platform: x, account_id: \"1\"}\nhttp: {listen: \"127.0.0.1:80\"}\n",
			"figures:\n- slug: jane-example\n  name: Jane Example\n  sources:\n  - {id: tweets, platform: x, account_id: \"1\"}\n" + source(4) + "http: {listen: \"127.0.0.1:80\"}\n",
		},
		{"the figure has an empty list", "figures:\n" + jane + "    sources: []\n", "figures:\n" + jane + "    sources:\n" + source(8)},
		{"the figure has no list", "figures:\n" + jane, "figures:\n" + jane + "    sources:\n" + source(8)},
		{"no line end at the end", "figures:\n" + strings.TrimSuffix(jane, "\n"), "figures:\n" + jane + "    sources:\n" + source(8)},
	} {
		got, err := config.Add("onrecord.yaml", []byte(head+tt.before), config.Figure{Slug: "jane-example", Name: "Jane Example"}, config.Source{
			ID: "masto", Platform: "mastodon", Account: "@jane@social.example", Schedule: "@every 5m", Doors: []config.Door{{Kind: "api"}},
		}, options())
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d := cmp.Diff(head+tt.after, string(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// A file keeps its kind of line ends.
func TestAddToCRLF(t *testing.T) {
	for _, figures := range []string{"figures: []  # none\n", "figures:\n  - slug: jane-example\n    name: Jane Example\n    sources:\n      - {id: tweets, platform: x, account_id: \"1\"}\n"} {
		before := strings.ReplaceAll(head+figures, "\n", "\r\n")
		got, err := config.Add("onrecord.yaml", []byte(before), config.Figure{Slug: "jane-example", Name: "Jane Example"}, config.Source{
			ID: "masto", Platform: "mastodon", Account: "@jane@social.example", Doors: []config.Door{{Kind: "api"}},
		}, options())
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(got), "\n"); n != strings.Count(string(got), "\r\n") {
			t.Errorf("%d line ends, not all of them CRLF:\n%q", n, got)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, before string
		place        bool
		want         string
	}{
		{"lists in brackets", "figures: [{slug: jane-example, name: Jane, sources: [{id: a, platform: x, account_id: \"1\"}]}]\n", true, "- id: masto"},
		{"an id that is there", "figures:\n  - slug: other\n    name: Other\n    sources:\n      - {id: masto, platform: x, account_id: \"1\"}\n", false, "masto"},
		{"a file that is wrong already", "figurs: []\n", false, "figures"},
	} {
		got, err := config.Add("onrecord.yaml", []byte(head+tt.before), config.Figure{Slug: "jane-example", Name: "Jane Example"}, config.Source{
			ID: "masto", Platform: "mastodon", Account: "@jane@social.example", Doors: []config.Door{{Kind: "api"}},
		}, options())
		if err == nil || errors.Is(err, config.ErrPlace) != tt.place || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v\n%s", tt.name, err, got)
		}
	}
}
