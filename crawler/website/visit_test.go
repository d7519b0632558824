// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/fake"
	"onrecord/crawler/website"
)

// A site is a fake website with a client that visits it, and what is known of it.
type site struct {
	*fake.Platform
	url    string
	client *crawler.Client
	job    crawler.Job
	known  map[string]bool
}

// tape keeps nothing: what the tests look at is the result.
type tape struct{ n int64 }

func (r *tape) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	r.n++
	return onrecord.CaptureRef{Object: "captures/x.warc.gz", Offset: r.n, Length: 1, URL: x.URL, At: x.At, Status: x.Status}, nil
}

// clock is a clock that sleeping moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return nil
}

func serve(t testing.TB, script []byte, d crawler.Door, start string) *site {
	t.Helper()
	p, err := fake.New(script)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	c := &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	client, err := crawler.NewClient(crawler.Options{
		Version: "1.0", ArchiveURL: "https://archive.example", Contact: "desk@archive.example", Now: c.now, Sleep: c.sleep,
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MinInterval: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s := &site{Platform: p, url: srv.URL, client: client, known: map[string]bool{}}
	s.job = crawler.Job{
		Source: "press", DoorID: "page", Door: d, Recorder: &tape{},
		Target: crawler.Target{Platform: "website", URL: srv.URL + start},
		Known:  func(r onrecord.Ref) bool { return s.known[r.NativeID] },
	}
	return s
}

// visit makes one visit and goes on from its state; it returns the articles read.
func (s *site) visit(t testing.TB) (crawler.Result, map[string]onrecord.Observation) {
	t.Helper()
	res, err := s.client.Visit(t.Context(), s.job)
	if err != nil {
		t.Fatal(err)
	}
	s.job.State = res.State
	read := map[string]onrecord.Observation{}
	for _, seen := range res.Seen {
		for _, o := range seen.Items {
			if o.State == onrecord.ItemLive && !o.Partial {
				read[strings.TrimPrefix(o.NativeID, s.url)] = o
				s.known[o.NativeID] = true
			}
		}
	}
	return res, read
}

// answer appends a page to a script.
func answer(b *bytes.Buffer, path, body string) {
	fmt.Fprintf(b, "-- GET %s --\nContent-Type: text/html; charset=utf-8\n\n%s\n", path, body)
}

func article(name string) string {
	return "<html lang=en><head><title>" + name + "</title></head><body><article><h1>" + name + "</h1><div class='entry-content'><p>This is what was said about " + name + ".</p></div></article></body></html>"
}

// TestBackFillWithinTheBudget: a new source is read to its end over many visits,
// each within its budget, and nothing is lost between them: neither what did not
// fit into the backlog nor what failed on an older page.
func TestBackFillWithinTheBudget(t *testing.T) {
	var script bytes.Buffer
	const pages, each = 5, 25
	for p := range pages {
		var b strings.Builder
		for i := range each {
			name := fmt.Sprintf("/news/%d-%d/", p, i)
			fmt.Fprintf(&b, "<article><a href='%s'>%s</a></article>", name, name)
			if name == "/news/3-7/" {
				fmt.Fprintf(&script, "-- GET %s --\nstatus 503\n\n", name)
			}
			answer(&script, name, article(name))
		}
		path := "/news/"
		if p > 0 {
			path = fmt.Sprintf("/news/page/%d/", p+1)
		}
		if p < pages-1 {
			fmt.Fprintf(&b, "<a rel=next href='/news/page/%d/'>Older</a>", p+2)
		} else {
			b.WriteString("<a rel=next href='/news/page/2/'>Older</a>") // a ring
		}
		answer(&script, path, b.String())
	}
	s := serve(t, script.Bytes(), door(t), "/news/")
	s.job.Budget = crawler.Budget{Requests: 12}
	read, visits := map[string]bool{}, 0
	for {
		if visits++; visits > 40 {
			t.Fatalf("%d visits, and %d of %d articles read", visits, len(read), pages*each)
		}
		res, got := s.visit(t)
		if res.Outcome != onrecord.OutcomeOK || res.Requests > 12 {
			t.Fatalf("visit %d: %s, %d requests", visits, res.Outcome, res.Requests)
		}
		for id := range got {
			if read[id] {
				t.Errorf("%s was read twice", id)
			}
			read[id] = true
		}
		if !res.LeftBacklog {
			break
		}
	}
	if len(read) != pages*each {
		t.Errorf("%d articles read in %d visits, want %d", len(read), visits, pages*each)
	}
	for p := range pages {
		for i := range each {
			name, want := fmt.Sprintf("/news/%d-%d/", p, i), 1
			if name == "/news/3-7/" {
				want = 2
			}
			if n := s.Count("GET " + name); n != want {
				t.Errorf("%s was asked for %d times", name, n)
			}
		}
	}
	t.Logf("%d articles in %d visits, %d requests", len(read), visits, s.Total())
	if res, got := s.visit(t); res.Requests != 1 || len(got) != 0 {
		t.Errorf("a visit without news: %d requests, %d articles", res.Requests, len(got))
	}
}

// TestTraps: calendars without end, addresses that never repeat and pagers in a
// ring end within the budget; what a page asks of other hosts or inside networks
// is the client's business.
func TestTraps(t *testing.T) {
	var script bytes.Buffer
	answer(&script, "/news/", "<article><a href='/news/one/'>One</a></article><article><a href='http://10.0.0.1/admin/'>Inside</a></article><a rel=next href='/news/2026/02/'>February</a>")
	answer(&script, "/news/2*", "<article><a href='/news/one/?session={{host}}'>One</a></article><a rel=next href='?month=next'>Next</a>")
	answer(&script, "/news/one/", article("one"))
	s := serve(t, script.Bytes(), door(t), "/news/")
	res, got := s.visit(t)
	if res.Outcome != onrecord.OutcomeOK || len(got) != 2 || s.Total() > 12 {
		t.Errorf("%s, %d articles, %d requests: %v", res.Outcome, len(got), s.Total(), res.Problems)
	}
	found := false
	for _, p := range res.Problems {
		found = found || strings.Contains(p.Error(), "10.0.0.1")
	}
	if !found {
		t.Errorf("problems %v, want one about 10.0.0.1", res.Problems)
	}
}

// TestMisbehaviour: what a site answers in place of an article is no article, and
// no deletion; the visit goes on.
func TestMisbehaviour(t *testing.T) {
	script := `-- GET /news/ --
Content-Type: text/html

<article><a href="/news/good/">Good</a></article><article><a href="/news/cut/">Cut</a></article><article><a href="/news/reset/">Reset</a></article>
<article><a href="/news/home/">Home</a></article><article><a href="/news/members/">Members</a></article><article><a href="/news/soft/">Soft</a></article>
<article><a href="/news/empty/">Empty</a></article><article><a href="/news/gone/">Gone</a></article><article><a href="/news/moved/">Moved</a></article><article><a href="/news/loop/">Loop</a></article>
<article><a href="/news/video/">Video</a></article><article><a href="/news/bot/">Bot</a></article>
-- GET / --
Content-Type: text/html

` + article("home") + `
-- GET /news/good/ --
Content-Type: text/html

` + article("good") + `
-- GET /news/cut/ --
Content-Type: text/html
cut 120

` + article("cut") + `
-- GET /news/reset/ --
reset
-- GET /news/home/ --
status 302
Location: /
-- GET /news/members/ --
status 302
Location: /login?next=members
-- GET /login --
Content-Type: text/html

<html><title>Log in</title><body><form><input type="password"></form></body></html>
-- GET /news/soft/ --
Content-Type: text/html

<html><title>Page not found</title><body><article><h1>Oops</h1><p>` + strings.Repeat("Nothing here. ", 20) + `</p></article></body></html>
-- GET /news/empty/ --
Content-Type: text/html

-- GET /news/gone/ --
status 410

-- GET /news/moved/ --
status 301
Location: /archive/moved/
-- GET /archive/moved/ --
Content-Type: text/html

` + article("moved") + `
-- GET /news/loop/ --
status 302
Location: /news/loop/
-- GET /news/video/ --
Content-Type: text/html

<html><title>Video</title><body><video src="/v.mp4"></video></body></html>
-- GET /news/bot/ --
status 403
Content-Type: text/html

<html><title>Blocked</title><body>px-captcha</body></html>
`
	s := serve(t, []byte(script), door(t), "/news/")
	res, got := s.visit(t)
	if res.Outcome != onrecord.OutcomeOK {
		t.Errorf("outcome %s", res.Outcome)
	}
	if len(got) != 2 || got["/news/good/"].Content.Title != "good" || len(got["/news/moved/"].Aliases) != 1 {
		t.Errorf("articles %v", got)
	}
	states := map[string]string{}
	for _, seen := range res.Seen {
		if seen.Kind != "item" {
			continue
		}
		state := string(seen.Outcome)
		for _, o := range seen.Items {
			state = string(o.State) + " " + o.Code
		}
		states[strings.TrimPrefix(seen.About.NativeID, s.url)] = state
	}
	for id, want := range map[string]string{
		"/news/cut/": "truncated", "/news/reset/": "outage", "/news/home/": "unclear home page", "/news/members/": "unclear log-in page", "/news/soft/": "unclear soft 404",
		"/news/empty/": "unclear empty", "/news/gone/": "gone 410", "/news/bot/": "blocked", "/news/loop/": "drift", "/news/video/": "drift",
	} {
		if states[id] != want {
			t.Errorf("%s: %q, want %q", id, states[id], want)
		}
	}
}

// TestSitemapAlone: a visit that begins with an index of sitemaps.
func TestSitemapAlone(t *testing.T) {
	script := `-- GET /sitemap_index.xml --
Content-Type: application/xml
conditional

<sitemapindex><sitemap><loc>{{base}}/sitemap-1.xml</loc></sitemap></sitemapindex>
-- GET /sitemap-1.xml --
Content-Type: application/xml

<urlset><url><loc>{{base}}/news/a/</loc><lastmod>2026-02-01T10:00:00Z</lastmod></url><url><loc>{{base}}/about/</loc></url></urlset>
-- GET /sitemap-1.xml --
Content-Type: application/xml

<urlset><url><loc>{{base}}/news/a/</loc><lastmod>2026-03-01T11:59:00Z</lastmod></url><url><loc>{{base}}/news/b/</loc><lastmod>2026-03-01T11:58:00Z</lastmod></url></urlset>
-- GET /news/a/ --
Content-Type: text/html

` + article("a") + `
-- GET /news/a/ --
Content-Type: text/html

` + article("a, corrected") + `
-- GET /news/b/ --
Content-Type: text/html

` + article("b") + "\n"
	d, err := website.New(website.Options{Match: "/news/*"})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, []byte(script), d, "/sitemap_index.xml")
	if res, got := s.visit(t); res.Outcome != onrecord.OutcomeOK || len(got) != 1 || got["/news/a/"].Content.Title != "a" {
		t.Errorf("first visit: %s, %v, %v", res.Outcome, got, res.Problems)
	}
	// The index has not changed, its sitemap has.
	if res, got := s.visit(t); res.Outcome != onrecord.OutcomeOK || len(got) != 2 || got["/news/a/"].Content.Title != "a, corrected" || got["/news/b/"].Content.Title != "b" {
		t.Errorf("second visit: %s, %v, %v", res.Outcome, got, res.Problems)
	}
}
