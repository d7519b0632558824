// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/website"
)

var update = flag.Bool("update", false, "write the goldens anew")

var target = crawler.Target{Platform: "website", URL: "https://jane.example/news/"}

// door returns a door to a listing of articles; the site is in Paris.
func door(t testing.TB, change ...func(*website.Options)) *website.Door {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	o := website.Options{Item: "article a", Zone: zone}
	for _, c := range change {
		c(&o)
	}
	d, err := website.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// capture returns an answer of the given kind.
func capture(kind, address string, body []byte) crawler.Capture {
	contentType := "text/html"
	if strings.HasPrefix(kind, "sitemap") {
		contentType = "application/xml"
	}
	c := crawlertest.Capture(kind, address, 200, contentType, body)
	if kind == "item" || kind == "look" {
		id, err := onrecord.CanonicalURL(address)
		if err == nil {
			c.Request.About = onrecord.Ref{NativeID: id, URL: address}
		}
	}
	return c
}

// captures are the fixtures with the requests that they answer.
func captures(t testing.TB) map[string]crawler.Capture {
	list := map[string]crawler.Capture{
		"listing.html": capture("page", target.URL, fixture(t, "listing.html")),
		"older.html":   capture("older", "https://jane.example/news/page/2/", fixture(t, "older.html")),
		"jsonld.html":  capture("item", "https://jane.example/news/2026/plan/?id=7", fixture(t, "jsonld.html")),
	}
	for _, name := range []string{"microdata", "arabic", "frame", "windows1252", "wrong-charset"} {
		list[name+".html"] = capture("item", "https://jane.example/news/2026/"+name, fixture(t, name+".html"))
	}
	list["sitemap.xml"] = capture("sitemap", "https://jane.example/sitemap.xml", fixture(t, "sitemap.xml"))
	list["sitemap-index.xml"] = capture("sitemap", "https://jane.example/sitemap.xml", fixture(t, "sitemap-index.xml"))
	return list
}

func TestDoor(t *testing.T) {
	// The door of feeds gives the same ids for the same links: testdata/ids.txt
	// of the module holds them to one form.
	ids := map[string][]string{
		"listing.html": {"https://jane.example/news/2026/plan/?id=7", "https://jane.example/news/2026/bridge/", "https://jane.example/news/2026/caf%C3%A9%20opening/",
			"https://elsewhere.example/interview", "https://jane.example/documents/budget.pdf"},
		"older.html":  {"https://jane.example/archive/2025/old/", "https://jane.example/news/2026/bridge/"},
		"jsonld.html": {"https://jane.example/news/2026/plan/?id=7"},
	}
	s := crawlertest.Suite{Door: door(t), Target: target, WellFormed: func(b []byte) bool { return false }}
	for name, c := range captures(t) {
		s.Fixtures = append(s.Fixtures, crawlertest.Fixture{Name: name, Capture: c, IDs: ids[name]})
	}
	look := capture("look", "https://jane.example/news/2026/plan/?id=7", fixture(t, "jsonld.html"))
	s.Fixtures = append(s.Fixtures, crawlertest.Fixture{Name: "look", Capture: look, IDs: ids["jsonld.html"]})
	for name, body := range map[string]string{
		"no items":     "<html><body><h1>News</h1></body></html>",
		"a feed":       "<?xml version='1.0'?><rss><channel><title>x</title></channel></rss>",
		"deep":         strings.Repeat("<div>", 100_000),
		"no text":      "",
		"a login page": "<html><title>Log in</title><body><form><input type=password></form></body></html>",
	} {
		s.Fixtures = append(s.Fixtures, crawlertest.Fixture{Name: name, Capture: capture("page", target.URL, []byte(body)), Drift: true})
	}
	crawlertest.Run(t, s)
}

// TestPages compares what each fixture shows with its golden.
func TestPages(t *testing.T) {
	for name, c := range captures(t) {
		t.Run(name, func(t *testing.T) {
			if name == "sitemap.xml" || name == "sitemap-index.xml" {
				c.Request.State = "1772362800" // 1 March 2026, 11:00 UTC
			}
			d := door(t, func(o *website.Options) {
				if strings.HasPrefix(name, "sitemap") {
					o.Match = "/news/*"
				}
			})
			p, err := d.Read(target, c)
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
			golden(t, "testdata/"+name+".golden", b.Bytes())
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
	for _, kind := range []string{"page", "older", "sitemap"} {
		for status, want := range map[int]onrecord.Outcome{
			404: onrecord.OutcomeGone, 410: onrecord.OutcomeGone, 401: onrecord.OutcomeUnauthorised, 403: onrecord.OutcomeBlocked,
			451: onrecord.OutcomeBlocked, 429: onrecord.OutcomeRateLimited, 500: onrecord.OutcomeOutage, 503: onrecord.OutcomeOutage,
		} {
			c := capture(kind, target.URL, fixture(t, "listing.html"))
			c.Status = status
			p, err := door(t).Read(target, c)
			if d := cmp.Diff(crawler.Page{Outcome: want}, p); d != "" || err != nil {
				t.Errorf("%s, status %d: %v (-want +got):\n%s", kind, status, err, d)
			}
		}
		c := capture(kind, target.URL, fixture(t, "listing.html"))
		c.Status = 418
		if _, err := door(t).Read(target, c); !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s, status 418: %v, want ErrDrift", kind, err)
		}
	}
}

func TestOptionsThatAreNone(t *testing.T) {
	for name, o := range map[string]website.Options{
		"item": {Item: "article a["}, "title": {Item: "a", Title: ">"}, "text": {Item: "a", Text: "div::before::after("},
		"date": {Item: "a", Date: "@datetime"}, "remove[1]": {Item: "a", Remove: []string{"p", ":has("}},
	} {
		if _, err := website.New(o); err == nil || !strings.Contains(err.Error(), "website: "+name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := website.CheckSelector("time@datetime"); err != nil {
		t.Error(err)
	}
	if err := website.CheckSelector(`a[href*="@x"]`); err != nil {
		t.Error(err)
	}
	for _, u := range []string{"", "/news", "ftp://jane.example/", "https:///news"} {
		if r, err := door(t).First(crawler.Target{URL: u}); err == nil {
			t.Errorf("First(%q) = %+v", u, r)
		}
	}
}

// TestItemPages: what the pages of items show beside their text. What says
// nothing of an item is never gone.
func TestItemPages(t *testing.T) {
	const asked = "https://jane.example/news/2026/plan"
	article := string(fixture(t, "jsonld.html"))
	for _, tt := range []struct {
		name, final, body, contentType string
		status                         int
		state                          onrecord.ItemState
		code                           string
		aliases                        []string
	}{
		{"live", asked, article, "", 200, onrecord.ItemLive, "", []string{"https://www.jane.example/news/2026/plan/"}},
		{"moved within the site", "https://jane.example/archive/plan", article, "", 200, onrecord.ItemLive, "", []string{"https://jane.example/archive/plan", "https://www.jane.example/news/2026/plan/"}},
		{"not found", asked, "", "", 404, onrecord.ItemGone, "404", nil},
		{"gone", asked, article, "", 410, onrecord.ItemGone, "410", nil},
		{"not found elsewhere", "https://parking.example/x", "", "", 404, onrecord.ItemUnclear, "another site", nil},
		{"forbidden", asked, article, "", 403, onrecord.ItemUnclear, "403", nil},
		{"legal", asked, article, "", 451, onrecord.ItemUnclear, "451", nil},
		{"empty", asked, " \n", "", 200, onrecord.ItemUnclear, "empty", nil},
		{"home page", "https://jane.example/", article, "", 200, onrecord.ItemUnclear, "home page", nil},
		{"home page with www", "https://www.jane.example", article, "", 200, onrecord.ItemUnclear, "home page", nil},
		{"listing", "https://jane.example/news/", article, "", 200, onrecord.ItemUnclear, "listing", nil},
		{"folder above", "https://jane.example/news/2026", article, "", 200, onrecord.ItemUnclear, "listing", nil},
		{"parked", "https://parking.example/news/2026/plan", article, "", 200, onrecord.ItemUnclear, "another site", nil},
		{"log-in page", "https://jane.example/login?next=plan", "<html><title>Welcome</title><form></form></html>", "", 200, onrecord.ItemUnclear, "log-in page", nil},
		{"log-in page in place", asked, "<html><title>Log in | Members</title><form><input type=password></form></html>", "", 200, onrecord.ItemUnclear, "log-in page", nil},
		{"cookie wall", "https://consent.jane.example/?to=plan", "<html><title>Before you continue</title></html>", "", 200, onrecord.ItemUnclear, "consent page", nil},
		{"soft 404 by title", asked, "<TITLE>Page Not Found | Ministry</TITLE><main><h1>Sorry</h1></main>", "", 200, onrecord.ItemUnclear, "soft 404", nil},
		{"soft 404 by heading", asked, "<title>Ministry of Examples</title><main><h1>Oops! That page can’t be found.</h1><p>It looks like nothing was found at this location. Maybe try one of the links below or a search? We are sorry.</p></main>", "", 200, onrecord.ItemUnclear, "soft 404", nil},
		{"a PDF", asked, "%PDF-1.7 …", "application/pdf", 200, onrecord.ItemLive, "", nil},
	} {
		c := capture("look", asked, []byte(tt.body))
		c.URL, c.Status = tt.final, tt.status
		if tt.contentType != "" {
			c.Header = http.Header{"Content-Type": {tt.contentType}}
		}
		p, err := door(t).Read(target, c)
		if err != nil || len(p.Items) != 1 {
			t.Errorf("%s: %d items, %v", tt.name, len(p.Items), err)
			continue
		}
		o := p.Items[0]
		if o.State != tt.state || o.Code != tt.code || o.NativeID != asked {
			t.Errorf("%s: %s %q of %s, want %s %q", tt.name, o.State, o.Code, o.NativeID, tt.state, tt.code)
		}
		if d := cmp.Diff(tt.aliases, o.Aliases); d != "" {
			t.Errorf("%s: aliases (-want +got):\n%s", tt.name, d)
		}
	}
}

// TestCanonicalLinksThatJoinNothing: a page may call many things its canonical
// address. What would make one statement of several is no alias.
func TestCanonicalLinksThatJoinNothing(t *testing.T) {
	for name, href := range map[string]string{
		"home": "https://jane.example/", "home, relative": "/", "listing": "https://jane.example/news/", "above": "https://jane.example/news/2026/",
		"itself": "https://jane.example/news/2026/plan#x", "elsewhere": "https://party.example/news/2026/plan", "nothing": "", "mail": "mailto:x@y.example",
	} {
		body := strings.Replace(string(fixture(t, "jsonld.html")), "https://www.jane.example/news/2026/plan/\">", href+"\">", 1)
		p, err := door(t).Read(target, capture("item", "https://jane.example/news/2026/plan", []byte(body)))
		if err != nil || len(p.Items) != 1 || len(p.Items[0].Aliases) != 0 {
			t.Errorf("%s: %v, %+v", name, err, p.Items)
		}
	}
}

// TestConfiguredSelectors go before the defaults, and say so where they fail.
func TestConfiguredSelectors(t *testing.T) {
	read := func(change func(*website.Options)) (onrecord.Observation, error) {
		p, err := door(t, change).Read(target, capture("item", "https://jane.example/news/2026/plan", fixture(t, "jsonld.html")))
		if err != nil {
			return onrecord.Observation{}, err
		}
		return p.Items[0], nil
	}
	o, err := read(func(o *website.Options) {
		o.Title, o.Text, o.Date, o.Remove = `meta[property="og:title"]@content`, ".entry-content p, .entry-content li", "article time", []string{".sharedaddy"}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "We will build a bridge, said Jane Example.\n\nOne\nTwo\n\nIt is at https://plan.example/long/address."
	if o.Content.Title != "The plan | Ministry" || o.Content.Text != want || o.Content.Published != "28 February 2026" || o.Precision != onrecord.PrecisionDay ||
		!o.Published.Equal(time.Date(2026, 2, 27, 23, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", o)
	}
	for _, change := range []func(*website.Options){
		func(o *website.Options) { o.Title = "h1.headline" },
		func(o *website.Options) { o.Text = ".body" },
	} {
		if _, err := read(change); !errors.Is(err, crawler.ErrDrift) || !strings.Contains(err.Error(), "selects nothing") {
			t.Errorf("%v, want ErrDrift", err)
		}
	}
}

// TestDrift says what was looked for.
func TestDrift(t *testing.T) {
	_, err := door(t).Read(target, capture("item", "https://jane.example/a/b", []byte("<html><title>Video</title><body><div>Play</div></body></html>")))
	if !errors.Is(err, crawler.ErrDrift) || !strings.Contains(err.Error(), "no text: tried [itemprop=articleBody], a class such as .entry-content, article, main, #content") {
		t.Errorf("%v", err)
	}
	_, err = door(t, func(o *website.Options) { o.Match = "/press/*" }).Read(target, capture("page", target.URL, fixture(t, "listing.html")))
	if !errors.Is(err, crawler.ErrDrift) || !strings.Contains(err.Error(), `no items: item selector "article a" selects 11 elements, none of them with a link to an item that matches "/press/*"`) {
		t.Errorf("%v", err)
	}
}

// TestFileInPlaceOfAPage: a PDF is there, under the title of the listing.
func TestFileInPlaceOfAPage(t *testing.T) {
	d := door(t)
	p, err := d.Read(target, capture("page", target.URL, fixture(t, "listing.html")))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.Follow, func(r crawler.Request) bool { return strings.HasSuffix(r.URL, ".pdf") })
	c := crawlertest.Capture("item", p.Follow[i].URL, 200, "application/pdf", []byte("%PDF-1.7"))
	c.Request = p.Follow[i]
	if p, err = d.Read(target, c); err != nil || len(p.Items) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	want := onrecord.Content{Type: "article", Title: "The budget (PDF)", Media: []onrecord.Media{{ID: "https://jane.example/documents/budget.pdf", URL: "https://jane.example/documents/budget.pdf", Kind: "document"}}}
	if d := cmp.Diff(want, p.Items[0].Content); d != "" || p.Items[0].Partial {
		t.Errorf("partial %t (-want +got):\n%s", p.Items[0].Partial, d)
	}
}

// TestPaging follows older pages until one shows where the last visit stopped.
func TestPaging(t *testing.T) {
	list := func(next string, names ...string) []byte {
		var b strings.Builder
		for _, n := range names {
			b.WriteString("<article><a href='/news/" + n + "'>" + n + "</a></article>")
		}
		if next != "" {
			b.WriteString("<a rel=next href='" + next + "'>Older</a>")
		}
		return []byte(b.String())
	}
	d := door(t)
	read := func(r crawler.Request, body []byte) crawler.Page {
		t.Helper()
		c := crawlertest.Capture(r.Kind, r.URL, 200, "text/html", body)
		c.Request = r
		p, err := d.Read(target, c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := func(cursor string) crawler.Request {
		t.Helper()
		later := target
		later.Cursor = cursor
		r, err := d.First(later)
		if err != nil || len(r) != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		return r[0]
	}
	one := read(first(""), list("/news/page/2", "pinned", "9", "8", "7"))
	if len(one.Next) != 1 || one.Next[0].URL != "https://jane.example/news/page/2" || one.Cursor == "" {
		t.Fatalf("first visit: next %+v, cursor %q", one.Next, one.Cursor)
	}
	if p := read(one.Next[0], list("/news/page/3", "6", "5")); len(p.Next) != 1 || p.Cursor != "" {
		t.Errorf("second page: next %+v, cursor %q", p.Next, p.Cursor)
	}
	if p := read(one.Next[0], list("/news/", "6", "5")); len(p.Next) != 0 {
		t.Errorf("a pager that leads back to the first page: next %+v", p.Next)
	}
	again := first(one.Cursor)
	for name, tt := range map[string]struct {
		items []string
		next  int
	}{
		"nothing new":               {[]string{"pinned", "9", "8", "7"}, 0},
		"one new":                   {[]string{"pinned", "10", "9", "8"}, 0},
		"one new above the pinned":  {[]string{"10", "pinned", "9", "8"}, 0},
		"all new":                   {[]string{"13", "12", "11", "10"}, 1},
		"all new but the pinned":    {[]string{"pinned", "12", "11", "10"}, 1},
		"new, and two were deleted": {[]string{"11", "10", "9", "7"}, 0},
	} {
		if p := read(again, list("/news/page/2", tt.items...)); len(p.Next) != tt.next {
			t.Errorf("%s: next %+v", name, p.Next)
		}
	}
}

// TestSitemapBesideListing: the listing's answer asks for the sitemap, which
// re-reads what was changed since the last visit.
func TestSitemapBesideListing(t *testing.T) {
	d := door(t, func(o *website.Options) { o.Sitemap, o.Match = "/sitemap.xml", "/news/*" })
	first, err := d.First(target)
	if err != nil || first[0].Conditional {
		t.Fatalf("%+v, %v", first, err)
	}
	c := capture("page", target.URL, fixture(t, "listing.html"))
	c.Request.State = "1772362800"
	p, err := d.Read(target, c)
	if err != nil {
		t.Fatal(err)
	}
	last := p.Follow[len(p.Follow)-1]
	if last.URL != "https://jane.example/sitemap.xml" || last.Kind != "sitemap" || last.State != c.Request.State {
		t.Errorf("%+v", last)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(fixture(t, "sitemap.xml"))
	_ = w.Close()
	c = crawlertest.Capture("sitemap", last.URL, 200, "application/gzip", z.Bytes())
	c.Request = last
	if p, err = d.Read(target, c); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range p.Follow {
		got = append(got, r.About.NativeID+map[bool]string{true: " if new", false: " again"}[r.IfNew])
	}
	want := []string{"https://jane.example/news/2026/breaking/ again", "https://jane.example/news/2026/touched/ again", "https://jane.example/news/2026/old/?a=1&b=2 if new"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestSitemapsThatAreNone are drift, bombs too.
func TestSitemapsThatAreNone(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	for range 60 {
		_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	_ = w.Close()
	d := door(t, func(o *website.Options) { o.Item = "" })
	for name, body := range map[string]string{
		"empty": "", "html": "<!DOCTYPE html><html><body>404</body></html>", "a feed": "<rss><channel><item><link>https://jane.example/1</link></item></channel></rss>",
		"no addresses": "<urlset></urlset>", "cut": "<urlset><url><loc>https://jane.example/1</loc></url>", "others": "<urlset><url><loc>https://evil.example/1</loc></url></urlset>X",
		"bomb": bomb.String(), "broken gzip": "\x1f\x8b\x08\x00", "deep": "<urlset>" + strings.Repeat("<a>", 100_000), "laughs": `<!DOCTYPE u [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>https://evil.example/&b;</loc></url></urlset>`,
	} {
		p, err := d.Read(target, capture("sitemap", "https://jane.example/sitemap.xml", []byte(body)))
		if name == "laughs" || name == "others" { // entities of a document's own are not expanded
			if err != nil || len(p.Follow) != 0 {
				t.Errorf("%s: %+v, %v", name, p.Follow, err)
			}
			continue
		}
		if !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s: %v, want ErrDrift", name, err)
		}
	}
	c := capture("sitemap/3", "https://jane.example/sitemap.xml", fixture(t, "sitemap-index.xml"))
	if _, err := d.Read(target, c); !errors.Is(err, crawler.ErrDrift) {
		t.Errorf("an index within an index within an index: %v, want ErrDrift", err)
	}
}

// TestHostilePages cost little time and memory (T4).
func TestHostilePages(t *testing.T) {
	for name, body := range map[string]string{
		"attribute":  "<html><title>x</title><div class='entry-content' data-x='" + strings.Repeat("x", 10<<20) + "'><p>A text that is long enough to be one.</p></div>",
		"attributes": "<html><title>x</title><div class='entry-content' " + strings.Repeat("a=1 b=2 ", 1<<18) + "><p>A text that is long enough to be one.</p></div>",
		"deep JSON":  "<html><script type='application/ld+json'>" + strings.Repeat("[", 400_000) + "</script><article><p>" + strings.Repeat("A text. ", 50) + "</p></article>",
	} {
		began := time.Now()
		p, err := door(t).Read(target, capture("item", "https://jane.example/a", []byte(body)))
		if err != nil || len(p.Items) != 1 || len(p.Items[0].Content.HTML) > 1<<20 {
			t.Errorf("%s: %d items, %v", name, len(p.Items), err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s: %v", name, took)
		}
	}
	for name, body := range map[string]string{
		"many tags": strings.Repeat("<p>", 2_000_000),
		"reopened":  "<p>" + strings.Repeat("<b><font size=1>", 200) + strings.Repeat("<p>x", 50_000),
		"scopes":    "<p>" + strings.Repeat("<b><object></b></object>", 400) + strings.Repeat("<p>x", 50_000),
		"too long":  "<html>" + strings.Repeat("x", 17<<20),
	} {
		began := time.Now()
		if _, err := door(t).Read(target, capture("page", target.URL, []byte(body))); !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s: %v, want ErrDrift", name, err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s: %v", name, took)
		}
	}
}

// FuzzRead: no input makes Read panic; what it gives has valid ids; what it
// refuses is ErrDrift.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*ml")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	kinds := []string{"page", "item", "sitemap", "look", "older"}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for i := range kinds {
			f.Add(b, "text/html; charset=utf-8", uint8(i), "https://jane.example/x/y")
		}
	}
	d := door(f)
	f.Fuzz(func(t *testing.T, body []byte, contentType string, kind uint8, final string) {
		c := capture(kinds[int(kind)%len(kinds)], "https://jane.example/news/1", body)
		c.URL, c.Header = final, http.Header{"Content-Type": {contentType}}
		p, err := d.Read(target, c)
		if err != nil && !errors.Is(err, crawler.ErrDrift) {
			t.Fatal(err)
		}
		for _, o := range p.Items {
			for _, id := range append([]string{o.NativeID}, o.Aliases...) {
				if err := onrecord.CheckNativeID(id); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, r := range append(p.Follow, p.Next...) {
			if len(r.State) > 1<<10 || len(p.Cursor) > 1<<10 {
				t.Fatalf("state of %d bytes, cursor of %d", len(r.State), len(p.Cursor))
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var list strings.Builder
	list.WriteString("<!DOCTYPE html><html><head><title>News</title></head><body><main>")
	for i := range 40 {
		n := string(rune('a'+i%26)) + strings.Repeat("x", i)
		list.WriteString("<article class='teaser'><h2><a href='/news/2026/" + n + "/'>Statement " + n + "</a></h2><p>" + strings.Repeat("An excerpt. ", 20) + "</p><a href='/news/2026/" + n + "/#more'>More</a></article>")
	}
	list.WriteString("</main></body></html>")
	article := strings.Replace(string(fixture(b, "jsonld.html")), "<ul>", strings.Repeat("<p>The Ministry of Examples said <a href='https://jane.example/x'>so</a>, and more.</p>", 60)+"<ul>", 1)
	d := door(b)
	for name, c := range map[string]crawler.Capture{
		"listing40": capture("page", target.URL, []byte(list.String())),
		"article":   capture("item", "https://jane.example/news/2026/plan", []byte(article)),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Read(target, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
