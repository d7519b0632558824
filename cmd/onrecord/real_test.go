// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/archive"
	"onrecord/config"
	"onrecord/ingest"
	"onrecord/internal/repotest"
)

// A poll is what a feed served at a time.
type poll struct {
	at   time.Time
	body []byte
}

// readPolls reads the files "polls/PATH/YYYYMMDDTHHMMSSZ_COMMIT.xml" of a
// tar.zst, oldest first.
func readPolls(t *testing.T, file string) []poll {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var polls []poll
	for tr := tar.NewReader(z); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		stamp, _, ok := strings.Cut(path.Base(h.Name), "_")
		at, err := time.Parse("20060102T150405Z", stamp)
		if h.Typeflag != tar.TypeReg || !ok || err != nil {
			continue
		}
		body, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		polls = append(polls, poll{at, body})
	}
	slices.SortFunc(polls, func(a, b poll) int { return a.at.Compare(b.at) })
	return polls
}

// A listed item is what a poll says of one item, read without the door.
type listed struct {
	Link  string   `xml:"link"`
	Title string   `xml:"title"`
	Date  string   `xml:"pubDate"`
	Cats  []string `xml:"category"`
}

// key is what must be a new version when it changes.
func (l listed) key() string {
	return strings.Join(append([]string{l.Title, l.Date}, l.Cats...), "\x00")
}

func readListed(t *testing.T, p poll) []listed {
	t.Helper()
	var doc struct {
		Items []listed `xml:"channel>item"`
	}
	if err := xml.Unmarshal(p.body, &doc); err != nil {
		t.Fatalf("poll of %s: %v", p.at, err)
	}
	return doc.Items
}

// A step is one change of an item between two polls that listed it.
type step struct {
	link      string
	after, by time.Time
}

// TestRealFeedPolls plays four months of polls of a real feed through a local
// server, the real door and a clock that is moved from poll to poll. The server
// stands for the feed's whole site: what has left the feed is at its own page.
func TestRealFeedPolls(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	polls := readPolls(t, filepath.Join(repotest.Data(t, "feeds/whitehouse-rss-polls-1"), "files.tar.zst"))
	if len(polls) < 200 {
		t.Fatalf("only %d polls", len(polls))
	}
	clock := &movedClock{t: polls[0].at.Add(-time.Hour)}
	w := newWorld(t, clock)
	var now atomic.Pointer[poll]
	var asked atomic.Int64 // pages of statements
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", clock.now().UTC().Format(http.TimeFormat))
		switch r.URL.Path {
		case "/robots.txt":
			http.NotFound(rw, r)
			return
		case "/feed.xml":
		default:
			asked.Add(1)
			rw.Header().Set("Content-Type", "text/html")
			_, _ = rw.Write([]byte("<html><head><title>A statement</title></head><body><article><h1>A statement</h1><p>What it says.</p></article></body></html>"))
			return
		}
		http.ServeContent(rw, r, "", now.Load().at, bytes.NewReader(now.Load().body))
	}))
	defer srv.Close()
	site, err := url.Parse(readListed(t, polls[0])[0].Link)
	if err != nil {
		t.Fatal(err)
	}
	h := w.open(t, fmt.Sprintf("      - {id: briefings, platform: website, account_id: newsroom.example, schedule: \"@every 1h\", doors: [{kind: feed, url: %q, base_url: %q}]}\n",
		site.Scheme+"://"+site.Host+"/feed.xml", srv.URL))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}

	ever := make(map[string]bool)
	last := make(map[string]listed)
	lastAt := make(map[string]time.Time)
	var steps []step
	for _, p := range polls {
		clock.to(p.at)
		now.Store(&p)
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		if err != nil {
			t.Fatalf("poll of %s: %v", p.at, err)
		}
		if rep.Failed() || rep.Deleted > 0 || len(rep.Problems) > 0 {
			t.Errorf("poll of %s: %+v", p.at, rep)
		}
		for _, it := range readListed(t, p) {
			link, err := onrecord.CanonicalURL(it.Link)
			if err != nil {
				t.Fatal(err)
			}
			if old, ok := last[link]; ok && old.key() != it.key() {
				steps = append(steps, step{link, lastAt[link], p.at})
			}
			ever[link], last[link], lastAt[link] = true, it, p.at
		}
	}
	checkFeedArchive(t, h, ever, steps)
	if asked.Load() == 0 {
		t.Error("no page of a statement was asked for")
	}
	t.Logf("%d polls, %d items ever listed, %d changes of title, date or category", len(polls), len(ever), len(steps))
	checkRebuild(t, w, h, ever)
}

// checkFeedArchive holds the archive against what the polls listed.
func checkFeedArchive(t *testing.T, h *house, ever map[string]bool, steps []step) {
	t.Helper()
	ctx := t.Context()
	seen := make(map[string]int)
	edits := make(map[string][]onrecord.Event)
	for e, err := range h.archive.Walk(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Event.Type {
		case onrecord.StatementCreated:
			seen[e.Event.NativeID]++
		case onrecord.StatementEdited:
			edits[e.Event.NativeID] = append(edits[e.Event.NativeID], e.Event)
		case onrecord.StatementDeleted, onrecord.StatementLooked, onrecord.AccountWasSuspended, onrecord.PlatformOffline:
			t.Errorf("ledger no. %d: %s of %s, though nothing was taken down", e.Index, e.Event.Type, e.Event.NativeID)
		}
	}
	for link := range ever {
		if seen[link] != 1 {
			t.Errorf("%s was created %d times, want once", link, seen[link])
		}
		st, err := h.catalog.Statement(ctx, onrecord.NewStatementID("website", link))
		if err != nil {
			t.Errorf("%s: %v", link, err)
		} else if st.State != onrecord.StateLive {
			t.Errorf("%s is %s, want live", link, st.State)
		}
	}
	if len(seen) != len(ever) {
		t.Errorf("%d statements, want %d", len(seen), len(ever))
	}
	for _, s := range steps {
		if !slices.ContainsFunc(edits[s.link], func(e onrecord.Event) bool {
			return near(e.After, s.after) && near(e.By, s.by)
		}) {
			t.Errorf("no edit of %s between %s and %s; there are %v", s.link, s.after, s.by, windows(edits[s.link]))
		}
	}
}

// near reports whether two times are the same but for what the requests of a
// visit took on the moved clock and the skew by which windows are widened.
func near(a, b time.Time) bool { return a.Sub(b).Abs() <= 3*time.Second }

func windows(events []onrecord.Event) (list []string) {
	for _, e := range events {
		list = append(list, e.Window().String())
	}
	return list
}

// checkRebuild asks a list of addresses of the website and the API, loses the
// catalog, makes it again from the bucket alone, and wants the same bytes.
func checkRebuild(t *testing.T, w *world, h *house, ever map[string]bool) {
	t.Helper()
	before := answersOf(t, h, ever)
	size, _, err := h.catalog.Applied(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(h.catalogPath() + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalog to lose: %v", err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	again := w.reopen(t)
	if now, _, err := again.catalog.Applied(t.Context()); err != nil || now != size {
		t.Fatalf("rebuilt up to %d, %v, want %d", now, err, size)
	}
	after := answersOf(t, again, ever)
	if len(before) != len(after) {
		t.Fatalf("%d answers before, %d after", len(before), len(after))
	}
	for u, b := range before {
		if !bytes.Equal(after[u], b) {
			t.Errorf("%s answers otherwise after a rebuild:\n before %.600s\n after  %.600s", u, b, after[u])
		}
	}
	rep, err := again.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
	t.Logf("%d addresses answer the same after a rebuild of %d lines; verify read %d records", len(before), size, rep.Records)
}

// answersOf returns the answers of a list of addresses, the walk through all
// pages of a search among them.
func answersOf(t *testing.T, h *house, ever map[string]bool) map[string][]byte {
	t.Helper()
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	answers := make(map[string][]byte)
	get := func(u string) (status int, body []byte, next string) {
		rec := httptest.NewRecorder()
		site.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, u, nil))
		answers[u] = append([]byte(fmt.Sprintf("%d %v\n", rec.Code, rec.Header())), rec.Body.Bytes()...)
		return rec.Code, rec.Body.Bytes(), rec.Header().Get("Link")
	}
	urls := []string{
		"/", "/search?q=", "/search?q=message&sort=relevance", "/search?q=president+-the", "/status", "/f/jane-example",
		"/api/v1/", "/api/v1/figures", "/api/v1/coverage", "/api/v1/events?limit=200", "/api/v1/events?type=statement.edited",
		"/api/v1/statements?q=message&limit=5", "/api/v1/statements?q=is:edited&limit=100", "/api/v1/statements?q=%22of+the%22&sort=oldest",
		"/api/v1/statements?q=since:2026-01+until:2026-02&limit=200", "/api/v1/statements?q=presiden*+figure:jane-example&sort=relevance",
	}
	links := slices.Sorted(func(yield func(string) bool) {
		for l := range ever {
			if !yield(l) {
				return
			}
		}
	})
	for i := 0; i < len(links); i += 20 {
		id := string(onrecord.NewStatementID("website", links[i]))
		urls = append(urls, "/s/"+id, "/api/v1/statements/"+id, "/api/v1/statements/"+id+"/versions", "/api/v1/statements/"+id+"/captures", "/api/v1/statements/"+id+"/proof")
	}
	for _, u := range urls {
		if code, body, _ := get(u); code != http.StatusOK {
			t.Errorf("%s: status %d: %.300s", u, code, body)
		}
	}
	for u := "/api/v1/statements?limit=50"; u != ""; {
		_, _, link := get(u)
		u = nextOf(link)
	}
	return answers
}

// nextOf returns the path of rel="next" of a Link header.
func nextOf(link string) string {
	for l := range strings.SplitSeq(link, ",") {
		if target, rel, ok := strings.Cut(l, ">;"); ok && strings.Contains(rel, `rel="next"`) {
			target = strings.TrimPrefix(strings.TrimSpace(target), "<")
			if i := strings.Index(target, "/api/"); i >= 0 {
				return target[i:]
			}
		}
	}
	return ""
}

// A world is a new archive in a folder of the test, by a clock that the test
// moves.
type world struct {
	env   *env
	at    place
	cfg   *config.Config
	clock *movedClock
}

func newWorld(t testing.TB, clock *movedClock) *world {
	t.Helper()
	return newWorldIn(t, clock, t.TempDir())
}

func newWorldIn(t testing.TB, clock *movedClock, dir string) *world {
	t.Helper()
	s := newStop(nil, io.Discard)
	t.Cleanup(s.close)
	e := &env{io: stdio{out: io.Discard, err: t.Output()}, stop: s, now: clock.now, sleep: clock.sleep}
	at, err := initArchive(t.Context(), e, initFlags{name: "Archive Example", operator: "Example e.V.", email: "desk@archive.example", url: "https://archive.example"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	return &world{env: e, at: at, clock: clock}
}

// sourceYAML configures one feed.
func sourceYAML(id, account, u string) string {
	return fmt.Sprintf("      - {id: %s, platform: website, account_id: %s, schedule: \"@every 1h\", doors: [{kind: feed, url: %q}]}\n", id, account, u)
}

// open opens the archive with the given sources of one figure.
func (w *world) open(t testing.TB, sources string) *house {
	t.Helper()
	text := fmt.Sprintf(`archive:
  name: Archive Example
  operator: {name: Example e.V., email: desk@archive.example}
  url: https://archive.example
storage: {url: "file://%s"}
state_dir: %q
log: {origin: %s}
crawl: {contact: desk@archive.example, min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
%s`, w.at.bucket, w.at.state, w.at.origin, sources)
	cfg, err := config.Parse(w.at.config, []byte(text), configOptions())
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = cfg
	return w.reopen(t)
}

// reopen opens the archive as it was opened last.
func (w *world) reopen(t testing.TB) *house {
	t.Helper()
	h, err := w.env.openWith(t.Context(), w.cfg, writing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.close() })
	return h
}

// everyLock gives every lock to whoever asks.
func everyLock(string) (unlock func(), ok bool) { return func() {}, true }

func mustLocks(t testing.TB, h *house) *locks {
	t.Helper()
	l, err := newLocks(h.cfg.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// visitOf visits a source through its first healthy door.
func visitOf(in *ingest.Ingester, ctx context.Context, s ingest.Source) (ingest.Report, error) {
	d, err := in.Door(ctx, s)
	if err != nil {
		return ingest.Report{}, err
	}
	return in.Visit(ctx, s, d)
}
