// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/website"
)

func TestDiscover(t *testing.T) {
	var items, menu strings.Builder
	for i := range 6 {
		fmt.Fprintf(&items, `<li class="teaser"><h3><a href="/news/%d">A statement on the harbour, number %d</a></h3><a class="more" href="/news/%d">Read more</a></li>`, i, i, i)
		fmt.Fprintf(&menu, `<li><a href="/section/%d">A rather long name of a section %d of the site</a></li>`, i, i)
	}
	head := `<html><head><title>
 Newsroom of Jane</title><link rel="alternate" type="application/rss+xml" title="News" href="/feed.xml">
<link rel="alternate" type="application/rss+xml" title="Comments Feed" href="/comments/feed">
<link rel="alternate" hreflang="fr" href="/fr/"><link rel="alternate" type="application/atom+xml; charset=utf-8" href="https://feeds.example/jane.atom"></head><body>`
	for _, tt := range []struct {
		name, html string
		want       website.Found
	}{
		{"a newsroom", head + "<nav><ul>" + menu.String() + `</ul></nav><main><ul class="list">` + items.String() + "</ul></main></body></html>", website.Found{
			Title: "Newsroom of Jane", Feeds: []string{"https://jane.example/feed.xml", "https://feeds.example/jane.atom"}, Items: "li.teaser > h3 > a",
		}},
		{"a menu only", "<body><nav><ul>" + menu.String() + "</ul></nav><p>Welcome</p>", website.Found{}},
		{"links elsewhere", "<body><ul>" + strings.ReplaceAll(items.String(), `href="`, `href="https://other.example`) + "</ul>", website.Found{}},
		{"no classes", "<body><main><div>" + strings.ReplaceAll(strings.ReplaceAll(items.String(), ` class="teaser"`, ""), ` class="more"`, "") + "</div></main>", website.Found{Items: "main > div > li > h3 > a"}},
	} {
		got, err := website.Discover(crawlertest.Capture("page", "https://jane.example/news", 200, "text/html", []byte(tt.html)))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
	if _, err := website.Discover(crawlertest.Capture("page", "https://jane.example/", 200, "application/json", []byte(`{"a":1}`))); !errors.Is(err, crawler.ErrDrift) {
		t.Errorf("JSON: %v", err)
	}
}
