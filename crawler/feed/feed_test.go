// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/feed"
)

var update = flag.Bool("update", false, "write the goldens anew")

var target = crawler.Target{Platform: "website", URL: "https://jane.example/feed.xml"}

func door(t testing.TB) *feed.Door {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return feed.New(feed.Options{Zone: zone})
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func page(name string, body []byte) crawler.Capture {
	contentType := "application/xml"
	if strings.HasSuffix(name, ".json") {
		contentType = "application/feed+json"
	}
	return crawlertest.Capture("page", target.URL, 200, contentType, body)
}

func TestDoor(t *testing.T) {
	ids := map[string][]string{
		"rss20.xml": {"https://jane.example/news/plan?id=7", "https://jane.example/news/no-zone", "jane.example/#café 9",
			"jane.example/#sha256:2df6054448bb032b3b2f5747952fe6a0122a769358812b94e2945c53e495e6ae", "https://jane.example/news/future"},
		"rss10.xml":         {"https://ministry.example/1"},
		"rss091.xml":        {"http://old.example/un"},
		"atom.xml":          {"https://jean.example/blog/quatre", "https://jean.example/blog/trois", "https://jean.example/blog/un", "jane.example/#tag:jean.example,2026:2"},
		"jsonfeed.json":     {"https://jane.example/notes/1", "https://jane.example/notes/2", "jane.example/#https://jane.example/notes/3"},
		"empty.xml":         nil,
		"liveblog.xml":      {"https://jane.example/live", "jane.example/#a", "jane.example/#h1", "jane.example/#h2"},
		"windows1252.xml":   {"https://jean.example/%C3%A9t%C3%A9"},
		"wrong-charset.xml": {"https://jean.example/1"},
		"utf16-bom.xml":     {"https://jean.example/1"},
		"bom.xml":           {"https://jean.example/1"},
	}
	s := crawlertest.Suite{Door: door(t), Target: target}
	for name, want := range ids {
		s.Fixtures = append(s.Fixtures, crawlertest.Fixture{Name: name, Capture: page(name, fixture(t, name)), IDs: want})
	}
	look := crawlertest.Capture("look", "https://jane.example/news/1", 200, "text/html", []byte("<html><title>News</title><p>Text</p></html>"))
	look.Request.About = onrecord.Ref{NativeID: "https://jane.example/news/1"}
	s.Fixtures = append(s.Fixtures, crawlertest.Fixture{Name: "look", Capture: look, IDs: []string{"https://jane.example/news/1"}})
	crawlertest.Run(t, s)
}

// TestPages compares what each fixture shows with its golden.
func TestPages(t *testing.T) {
	names, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(names) < 9 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	for _, path := range append(names, "testdata/jsonfeed.json") {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			p, err := door(t).Read(target, page(name, fixture(t, name)))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(p); err != nil {
				t.Fatal(err)
			}
			golden(t, path+".golden", b.Bytes())
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

func TestStatus(t *testing.T) {
	body := fixture(t, "rss20.xml")
	for status, want := range map[int]onrecord.Outcome{
		404: onrecord.OutcomeGone, 410: onrecord.OutcomeGone, 401: onrecord.OutcomeUnauthorised, 403: onrecord.OutcomeBlocked,
		451: onrecord.OutcomeBlocked, 429: onrecord.OutcomeRateLimited, 500: onrecord.OutcomeOutage, 503: onrecord.OutcomeOutage,
	} {
		c := page("", body)
		c.Status = status
		p, err := door(t).Read(target, c)
		if d := cmp.Diff(crawler.Page{Outcome: want}, p); d != "" || err != nil {
			t.Errorf("status %d: %v (-want +got):\n%s", status, err, d)
		}
	}
	for _, status := range []int{0, 100, 301, 304, 400, 405, 418} {
		c := page("", body)
		c.Status = status
		if _, err := door(t).Read(target, c); !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("status %d: %v, want ErrDrift", status, err)
		}
	}
}

func TestDrift(t *testing.T) {
	whole := string(fixture(t, "rss20.xml"))
	for name, body := range map[string]string{
		"empty": "", "spaces": " \r\n\t", "html": "<!DOCTYPE html><html><body><p>feed</p></body></html>", "html without doctype": "<html><title>x</title></html>",
		"opml": "<opml version=\"1.0\"><head><title>x</title></head><body/></opml>", "sitemap": "<urlset><url><loc>https://jane.example/</loc></url></urlset>",
		"text": "feed", "json": "{}", "json list": "[]", "json error": `{"error":"x","items":[]}`, "json without items": `{"version":"https://jsonfeed.org/version/1"}`,
		"cut": whole[:len(whole)-20], "cut in item": whole[:len(whole)/2], "rss without channel": `<rss version="2.0"><item><title>x</title></item></rss>`,
		"empty channel": `<rss version="2.0"><channel></channel></rss>`, "empty feed": `<feed xmlns="http://www.w3.org/2005/Atom"/>`, "rss alone": "<rss/>",
		"deep":       "<rss><channel><title/>" + strings.Repeat("<a>", 2000) + strings.Repeat("</a>", 2000) + "</channel></rss>",
		"namespaces": "<rss><channel><title/>" + strings.Repeat(`<a xmlns:b="c">`, 200) + strings.Repeat("</a>", 200) + "</channel></rss>",
		"children":   "<rss><channel><title/><item><x:a>" + strings.Repeat("t<x:b/>", 2000) + "</x:a></item></channel></rss>",
		"gzip":       "\x1f\x8b\x08\x00\x00\x00\x00\x00",
		"too long":   "<rss><channel><title>" + strings.Repeat("x", 17<<20) + "</title></channel></rss>",
	} {
		p, err := door(t).Read(target, page("", []byte(body)))
		if !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s: %d items, %v; want ErrDrift", name, len(p.Items), err)
		}
	}
}

func TestLook(t *testing.T) {
	ref := onrecord.Ref{NativeID: "https://jane.example/news/1", URL: "https://jane.example/news/1?from=rss"}
	r, ok := door(t).Look(target, ref)
	if !ok || r.URL != ref.URL || r.Kind != "look" || r.Conditional || r.About != ref {
		t.Fatalf("Look = %+v, %t", r, ok)
	}
	if r, ok := door(t).Look(target, onrecord.Ref{NativeID: ref.NativeID}); !ok || r.URL != ref.NativeID {
		t.Errorf("Look without URL = %+v, %t", r, ok)
	}
	if r, ok := door(t).Look(target, onrecord.Ref{NativeID: "jane.example/#9"}); ok {
		t.Errorf("Look at an item without page = %+v", r)
	}
	const ok200 = "<html><head><title>News</title></head><body>Text</body></html>"
	for _, tt := range []struct {
		name, final, body string
		status            int
		state             onrecord.ItemState
		code              string
	}{
		{"live", ref.URL, ok200, 200, onrecord.ItemLive, ""},
		{"moved", "https://jane.example/new/1", ok200, 200, onrecord.ItemLive, ""},
		{"not found", ref.URL, "", 404, onrecord.ItemGone, "404"},
		{"gone", ref.URL, ok200, 410, onrecord.ItemGone, "410"},
		{"forbidden", ref.URL, ok200, 403, onrecord.ItemUnclear, "403"},
		{"legal", ref.URL, ok200, 451, onrecord.ItemUnclear, "451"},
		{"odd", ref.URL, ok200, 400, onrecord.ItemUnclear, "400"},
		{"empty", ref.URL, " \n", 200, onrecord.ItemUnclear, "empty"},
		{"home page", "https://jane.example/", ok200, 200, onrecord.ItemUnclear, "home page"},
		{"soft 404", ref.URL, "<HTML><TITLE class=x>Page Not Found | Jane</TITLE>", 200, onrecord.ItemUnclear, "soft 404"},
		{"soft 404 in French", ref.URL, "<title>Page introuvable</title>", 200, onrecord.ItemUnclear, "soft 404"},
		{"bot check", ref.URL, "<title>Just a moment...</title>", 200, onrecord.ItemUnclear, "soft 404"},
	} {
		c := crawler.Capture{Request: r, URL: tt.final, Status: tt.status, Body: []byte(tt.body)}
		p, err := door(t).Read(target, c)
		want := crawler.Page{Items: []onrecord.Observation{{Ref: ref, State: tt.state, Code: tt.code, Partial: tt.state == onrecord.ItemLive}}}
		if d := cmp.Diff(want, p); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, d)
		}
	}
}

// TestPaging follows a chain of archived parts until it meets the cursor.
func TestPaging(t *testing.T) {
	d := door(t)
	part := func(older string, items ...int) []byte {
		var b strings.Builder
		fmt.Fprintf(&b, `<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><id>x</id>`)
		if older != "" {
			fmt.Fprintf(&b, `<link rel="prev-archive" href="%s"/>`, older)
		}
		for _, i := range items {
			fmt.Fprintf(&b, `<entry><title>%d</title><link href="https://jane.example/%d"/></entry>`, i, i)
		}
		return []byte(b.String() + "</feed>")
	}
	read := func(r crawler.Request, body []byte) crawler.Page {
		t.Helper()
		p, err := d.Read(target, crawler.Capture{Request: r, URL: r.URL, Status: 200, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, err := d.First(target)
	if err != nil {
		t.Fatal(err)
	}
	one := read(first[0], part("/archive/1.xml", 4, 3))
	if len(one.Next) != 1 || one.Next[0].URL != "https://jane.example/archive/1.xml" || one.Next[0].Kind == first[0].Kind || one.Cursor == "" {
		t.Fatalf("first visit: next %+v, cursor %q", one.Next, one.Cursor)
	}
	two := read(one.Next[0], part("", 2, 1))
	if len(two.Next) != 0 || two.Cursor != "" {
		t.Errorf("last part: next %+v, cursor %q", two.Next, two.Cursor)
	}
	later := target
	later.Cursor = one.Cursor
	if first, err = d.First(later); err != nil {
		t.Fatal(err)
	}
	if p := read(first[0], part("/archive/1.xml", 5, 4)); len(p.Next) != 0 {
		t.Errorf("the first page meets the cursor, next %+v", p.Next)
	}
	missed := read(first[0], part("/archive/2.xml", 7, 6))
	if len(missed.Next) != 1 {
		t.Fatalf("the first page does not meet the cursor, next %+v", missed.Next)
	}
	if p := read(missed.Next[0], part("/archive/1.xml", 5, 3)); len(p.Next) != 0 {
		t.Errorf("the second part meets the cursor, next %+v", p.Next)
	}
	if p := read(first[0], part(first[0].URL, 9)); len(p.Next) != 0 {
		t.Errorf("a part that is its own elder, next %+v", p.Next)
	}
}

func TestChangedIsNotTheFeedsOwnClock(t *testing.T) {
	read := func(updated ...string) []bool {
		var b strings.Builder
		b.WriteString(`<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>`)
		for i, u := range updated {
			fmt.Fprintf(&b, `<entry><title>%d</title><link href="https://jane.example/%d"/><updated>%s</updated></entry>`, i, i, u)
		}
		b.WriteString("</feed>")
		p, err := door(t).Read(target, page("", []byte(b.String())))
		if err != nil {
			t.Fatal(err)
		}
		var has []bool
		for _, o := range p.Items {
			has = append(has, !o.Changed.IsZero())
		}
		return has
	}
	for _, tt := range []struct {
		name    string
		updated []string
		want    []bool
	}{
		{"their own", []string{"2026-02-28T10:00:00Z", "2026-02-27T10:00:00Z"}, []bool{true, true}},
		{"all the same", []string{"2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z"}, []bool{false, false}},
		{"one, of the poll", []string{"2026-03-01T11:59:30Z"}, []bool{false}},
		{"in the future", []string{"2027-03-01T11:59:30Z", "2026-02-28T10:00:00Z"}, []bool{false, true}},
		{"a day only", []string{"2026-02-28", "2026-02-27T10:00:00Z"}, []bool{false, true}},
	} {
		if d := cmp.Diff(tt.want, read(tt.updated...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestFirstRefuses(t *testing.T) {
	for _, u := range []string{"", "/feed.xml", "ftp://jane.example/feed.xml", "https:///feed.xml"} {
		if r, err := door(t).First(crawler.Target{URL: u}); err == nil {
			t.Errorf("First(%q) = %+v", u, r)
		}
	}
}

func TestAtMostMaxItems(t *testing.T) {
	var b strings.Builder
	b.WriteString("<rss><channel><title>x</title>")
	for i := range feed.MaxItems + 10 {
		fmt.Fprintf(&b, "<item><link>https://jane.example/%d</link></item>", i)
	}
	b.WriteString("</channel></rss>")
	p, err := door(t).Read(target, page("", []byte(b.String())))
	if err != nil || len(p.Items) != feed.MaxItems || p.Items[0].NativeID != "https://jane.example/0" || p.Outcome != onrecord.OutcomeTruncated {
		t.Errorf("%d items, %v; want the first %d", len(p.Items), err, feed.MaxItems)
	}
}

// FuzzRead: no input makes Read panic; what it gives has valid ids; what it
// refuses is ErrDrift.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.[xj]*[ln]")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "text/xml; charset=utf-8")
	}
	d := door(f)
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		p, err := d.Read(target, crawlertest.Capture("page", target.URL, 200, contentType, body))
		if err != nil && !errors.Is(err, crawler.ErrDrift) {
			t.Fatal(err)
		}
		for _, o := range p.Items {
			if err := onrecord.CheckNativeID(o.NativeID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkRead40(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>x</title><link>https://jane.example/</link>`)
	for i := range 40 {
		fmt.Fprintf(&body, `<item><title>Statement %d</title><link>https://jane.example/news/%d</link><guid isPermaLink="false">%d</guid><pubDate>Sun, 01 Mar 2026 10:00:00 +0000</pubDate><content:encoded><![CDATA[%s]]></content:encoded></item>`,
			i, i, i, strings.Repeat(`<p>The Ministry of Examples said <a href="https://jane.example/x">so</a>.</p>`, 20))
	}
	body.WriteString(`</channel></rss>`)
	c := page("", body.Bytes())
	d := door(b)
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Read(target, c); err != nil {
			b.Fatal(err)
		}
	}
}
