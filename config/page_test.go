// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"strings"
	"testing"

	"onrecord/config"
)

// A page door begins with a listing or a sitemap; its selectors are checked by
// whoever knows them, each at its own place.
func TestPageDoors(t *testing.T) {
	bad := errors.New("no selector")
	o := config.Options{
		Kinds: []config.Kind{{Name: "page"}},
		Selector: func(s string) error {
			if strings.HasSuffix(s, "[") {
				return bad
			}
			return nil
		},
	}
	for name, tt := range map[string]struct{ door, want string }{
		"listing":             {`start: "https://jane.example/news", item: a`, ""},
		"sitemap":             {`sitemap: "https://jane.example/sitemap.xml", match: "/news/*"`, ""},
		"both":                {`start: "https://jane.example/news", item: a, sitemap: "https://jane.example/sitemap.xml", text: main, remove: [nav]`, ""},
		"neither":             {`match: "/news/*"`, "5:37: figures[0].sources[0].doors[0].start: is required"},
		"listing, no item":    {`start: "https://jane.example/news"`, "doors[0].item: is required"},
		"items of a sitemap":  {`sitemap: "https://jane.example/sitemap.xml", item: a`, "5:101: figures[0].sources[0].doors[0].item: there is no listing to select items in"},
		"sitemap, no address": {`sitemap: sitemap.xml`, `5:59: figures[0].sources[0].doors[0].sitemap: "sitemap.xml" is no http or https URL`},
		"item":                {`start: "https://jane.example/news", item: "a["`, "5:92: figures[0].sources[0].doors[0].item: no selector (such as"},
		"remove":              {`start: "https://jane.example/news", item: a, remove: [nav, "p["]`, "5:109: figures[0].sources[0].doors[0].remove[1]: no selector"},
	} {
		text := "archive: {name: A, url: \"https://a.example\", operator: {name: B, email: c@d.example}}\nstorage: {url: \"file:///a\"}\nlog: {origin: a.example/log}\n" +
			"figures: [{slug: jane, name: Jane, sources: [\n {id: a, platform: website, doors: [{kind: page, " + tt.door + "}]}]}]\n"
		_, err := config.Parse("onrecord.yaml", []byte(text), o)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", name, err, tt.want)
		}
	}
}
