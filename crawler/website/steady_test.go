// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/website"
)

// TestWhatMovesByItself: what a page shows beside its words, and how it is
// rendered, makes no new wording.
func TestWhatMovesByItself(t *testing.T) {
	d, err := website.New(website.Options{Item: "article a"})
	if err != nil {
		t.Fatal(err)
	}
	read := func(tail string) onrecord.Content {
		t.Helper()
		body := `<!DOCTYPE html><html lang="en"><head><title>One</title></head><body><main><article><h1>One</h1><p>The first paragraph, which is long enough to be one.</p>` +
			`<p>The second paragraph says some more about the same thing, at length.</p>` + tail + `</article></main></body></html>`
		p, err := d.Read(crawler.Target{URL: "https://jane.example/news/"}, crawler.Capture{
			Request: crawler.Request{URL: "https://jane.example/news/1", Kind: "item", About: onrecord.Ref{NativeID: "https://jane.example/news/1", URL: "https://jane.example/news/1"}},
			URL:     "https://jane.example/news/1", Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(body),
		})
		if err != nil || len(p.Items) != 1 || p.Items[0].State != onrecord.ItemLive {
			t.Fatalf("%+v, %v", p.Items, err)
		}
		return p.Items[0].Content
	}
	mail := func(code string) string {
		return fmt.Sprintf(`<p>Write to <a href="/cdn-cgi/l/email-protection#%[1]s"><span class="__cf_email__" data-cfemail="%[1]s">[email&#160;protected]</span></a>`+
			` or <a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="%[1]s">[email&#160;protected]</a>.</p>`, code)
	}
	for _, c := range []struct{ name, a, b string }{
		{"hidden e-mail", mail("2a4b6a4804494547"), mail("016041632f626e6c")},
		{"hidden e-mail that can't be read", mail("1a2b3c"), mail("ffee01")},
		{"session", `<p>See <a href="/doc;jsessionid=AAA?id=1">the document</a>.</p>`, `<p>See <a href="/doc;jsessionid=BBB?id=1">the document</a>.</p>`},
		{"counter", `<p class="views">1,204 views</p>`, `<p class="views">1,311 views</p>`},
		{"read more", `<section class="read-more"><h2>Read more</h2><a href="/news/7">Seven</a></section>`, `<section class="read-more"><h2>Read more</h2><a href="/news/8">Eight</a></section>`},
		{"rendition of Drupal", `<p><img src="/sites/default/files/styles/w800/public/a.jpg"></p>`, `<p><img src="/sites/default/files/styles/w1200/public/a.jpg"></p>`},
		{"size of WordPress", `<p><img src="/files/a-800x600.jpg" srcset="/files/a-300x200.jpg 300w"></p>`, `<p><img src="/files/a-scaled.jpg"></p>`},
	} {
		a, b := read(c.a), read(c.b)
		if a.Version() != b.Version() {
			t.Errorf("%s:\n%s\n%s", c.name, a.Record(), b.Record())
		}
	}
	if c := read(mail("2a4b6a4804494547")); !strings.Contains(c.Text, "Write to a@b.com or a@b.com.") || len(c.Links) > 0 {
		t.Errorf("a hidden e-mail reads %q, links %q", c.Text, c.Links)
	}
	filed := read(`<p class="tags">Tags: <a rel="tag" href="/t/a">Bridges</a>, <a rel="tag" href="/t/b">Harbours</a></p><p>What the Ministry says today is in plain contradiction to <a rel="tag" href="/t/c">all that we said of tolls on bridges</a>.</p>`)
	if strings.Contains(filed.Text, "Harbours") || !strings.Contains(filed.Text, "contradiction to all that we said") || len(filed.Categories) != 3 {
		t.Errorf("topics: text %q, categories %q", filed.Text, filed.Categories)
	}
}

// TestLongSitemap: what a sitemap names beyond what is asked for is a gap.
func TestLongSitemap(t *testing.T) {
	d, err := website.New(website.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{1000: "", 1001: "a sitemap of 1001 addresses: only the 1000 items changed last are asked for"} {
		var b strings.Builder
		b.WriteString(`<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">`)
		for i := range n {
			fmt.Fprintf(&b, "<url><loc>https://jane.example/news/%d</loc></url>", i)
		}
		b.WriteString("</urlset>")
		at := "https://jane.example/sitemap.xml"
		p, err := d.Read(crawler.Target{URL: at}, crawler.Capture{Request: crawler.Request{URL: at, Kind: "sitemap"}, URL: at, Status: http.StatusOK, Body: []byte(b.String())})
		if err != nil || len(p.Follow) != 1000 || p.Short != want {
			t.Errorf("%d: %d asked for, %q, %v", n, len(p.Follow), p.Short, err)
		}
	}
}
