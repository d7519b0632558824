// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"testing"

	"onrecord"
	"onrecord/crawler"
)

// What stands in place of an article with status 200 is neither gone nor live.
// An article is live, whatever it is about.
func TestWalls(t *testing.T) {
	page := func(title, body string) string {
		return "<!DOCTYPE html><html><head><title>" + title + "</title></head><body>" + body + "</body></html>"
	}
	for _, c := range []struct{ name, body, want string }{
		{"consent", page("We value your privacy", `<div><h2>We value your privacy</h2></div>`), "consent page"},
		{"consent of a site", page("Cookie settings | Ministry of Examples", `<p>Choose.</p>`), "consent page"},
		{"consent by its heading", page("ministry.example", `<h1> Votre vie privée <b>nous importe</b></h1>`), "consent page"},
		{"partners", page("Wir und unsere 842 Partner", ""), "consent page"},
		{"block", page("Blocked", "<h1>Your organisation's policy blocks this page</h1>"), "block page"},
		{"block in another language", page("Zugriff verweigert", ""), "block page"},
		{"log in without a password yet", page("Sign in", "<form><input name=email></form>"), "log-in page"},
		{"maintenance", page("Maintenance", "<h1>We'll be back soon</h1>"), "maintenance page"},
		{"nothing but a script", page("", `<div id="root"></div><script src="/app.js"></script>`), "no title"},
		{"an article about cookies", page("We value your privacy: what the new law says", "<h1>What the new law says</h1><p>Text.</p>"), ""},
		{"an article of that name", page("Blocked", `<article><h1>Blocked</h1><p>The road is.</p></article>`), ""},
		{"an article of that name, by its data", page("Forbidden – Jane Example", `<h1>Forbidden</h1><p>How.</p><script type="application/ld+json">{"datePublished":"2026-03-01"}</script>`), ""},
		{"a title in a heading only", page("", "<h1>The harbour bridge</h1>"), ""},
		{"a text without title", page("", "<p>The harbour bridge is open.</p>"), ""},
		{"a document", "%PDF-1.7", ""},
	} {
		state, code := crawler.ItemPage("ministry.example", crawler.Capture{
			Request: crawler.Request{URL: "https://ministry.example/news/1"}, URL: "https://ministry.example/news/1", Status: 200, Body: []byte(c.body),
		})
		want := onrecord.ItemUnclear
		if c.want == "" {
			want = onrecord.ItemLive
		}
		if state != want || code != c.want {
			t.Errorf("%s: %s %q, want %s %q", c.name, state, code, want, c.want)
		}
	}
}
