// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/fault"
	"onrecord/ingest"
	"onrecord/internal/repotest"
)

// rss returns a feed of items, the newest first.
func rss(items ...string) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0"><channel><title>T</title><link>https://a.example/</link>`)
	for _, i := range items {
		fmt.Fprintf(&b, "<item><title>%s</title><link>https://a.example/%s</link><description>text of %s</description></item>", i, i, i)
	}
	b.WriteString("</channel></rss>")
	return []byte(b.String())
}

// start returns a clock at a fixed time.
func start() *movedClock { return &movedClock{t: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)} }

// press returns an archive with one source, a feed of the given items, and what
// visits it.
func press(t *testing.T, items ...string) (clock *movedClock, w *world, srv *httptest.Server, body *atomic.Pointer[[]byte], h *house, in *ingest.Ingester) {
	t.Helper()
	clock = start()
	w = newWorld(t, clock)
	srv, body = serveFeed(t, clock)
	f := rss(items...)
	body.Store(&f)
	h = w.open(t, sourceYAML("press", "a.example", srv.URL+"/feed.xml"))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	return clock, w, srv, body, h, in
}

// shakySite serves a feed of one item, or 503 while it is down.
func shakySite(t *testing.T) (srv *httptest.Server, down *atomic.Bool) {
	t.Helper()
	down = new(atomic.Bool)
	srv = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case down.Load():
			rw.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/robots.txt":
			http.NotFound(rw, r)
		default:
			_, _ = rw.Write(rss("one"))
		}
	}))
	t.Cleanup(srv.Close)
	return srv, down
}

// lastVisit is a record that remembers the visit that was begun last.
type lastVisit struct {
	record
	v *archive.Visit
}

func (l *lastVisit) Begin(ctx context.Context, s ingest.Source, d ingest.Door, memo func(onrecord.SourceState) ([]byte, error)) (ingest.Visit, error) {
	v, err := l.record.Begin(ctx, s, d, memo)
	if err == nil {
		l.v = v.Open.(openVisit).Visit
	}
	return v, err
}

// A visit is killed before it is committed, and another one overtakes it. What it
// captured is read with what it asked, not with the cursor of now.
func TestCapturesOfAKilledVisitAreRead(t *testing.T) {
	t.Parallel()
	clock, w, _, body, h, in := press(t)
	set := func(items ...string) { b := rss(items...); body.Store(&b) }
	visit := func() {
		t.Helper()
		clock.to(clock.now().Add(time.Hour))
		if rep, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || rep.Failed() {
			t.Fatalf("%+v %v", rep, err)
		}
	}
	set("one")
	visit()
	// A process captures "two", and dies before it commits.
	set("two", "one")
	crawl := *in
	rec := &lastVisit{record: record{h.archive}}
	crawl.Record = rec
	crawl.CatchUp = func(context.Context, int64) (int64, error) { return 0, errors.New("killed here") }
	clock.to(clock.now().Add(time.Hour))
	if _, err := visitOf(&crawl, t.Context(), in.Sources[0]); err == nil {
		t.Fatal("not killed")
	}
	_ = rec.v.Close()
	// "two" is taken down; serve goes on.
	set("three", "one")
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	h = w.reopen(t)
	in, _ = h.ingester()
	visit()
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	h = w.reopen(t)
	in, _ = h.ingester()
	reps, err := in.Recover(t.Context(), everyLock)
	t.Logf("recovered: %+v %v", reps, err)
	if _, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/two")); err != nil {
		t.Errorf("a statement that was captured is not in the record: %v", err)
	}
}

// The bucket refuses writes for a while. Once it takes them again, visits are
// committed without a restart, and nothing that was captured is lost.
func TestAFullDiskStopsNothingForGood(t *testing.T) {
	t.Parallel()
	clock, w, _, body, h, _ := press(t)
	folder, _ := bucketFolder(w.cfg.Storage.URL)
	b, err := disk.Open(folder, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var broken atomic.Bool
	fb := fault.New(b, fault.Options{Before: func(_ context.Context, c fault.Call) error {
		if broken.Load() && c.Op.Writes() {
			return errors.New("no space left on device")
		}
		return nil
	}})
	if h.archive, err = archive.Open(t.Context(), fb, archive.Options{Origin: w.cfg.Log.Origin, Now: clock.now, StateDir: w.cfg.StateDir, Signer: h.key.signer}); err != nil {
		t.Fatal(err)
	}
	in, _ := h.ingester()
	visit := func(items ...string) (ingest.Report, error) {
		f := rss(items...)
		body.Store(&f)
		clock.to(clock.now().Add(time.Hour))
		return visitOf(in, t.Context(), in.Sources[0])
	}
	if _, err := visit("one"); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if _, err := visit("two", "one"); err == nil {
		t.Fatal("committed to a full disk")
	}
	broken.Store(false)
	for i := range 3 {
		rep, err := visit(fmt.Sprint("later", i), "one")
		st, _ := h.archive.State(t.Context(), "press")
		t.Logf("visit %d after the disk is well again: new %d, last tick %s, now %s, %v", i, rep.Created, st.LastTick.Format("15:04"), clock.now().Format("15:04"), err)
		if err != nil {
			t.Errorf("visit %d is not committed", i)
		}
	}
	if _, err := h.archive.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if rep, err := visit("last"); err != nil {
		t.Errorf("not even after the hourly sweep: %+v", rep)
	}
	list, _ := os.ReadDir(filepath.Join(w.cfg.StateDir, "spool"))
	t.Logf("%d spools", len(list))
	// a restart
	_ = h.close()
	h = w.reopen(t)
	in, _ = h.ingester()
	reps, err := in.Recover(t.Context(), everyLock)
	t.Logf("restart: %d recovered, %v", len(reps), err)
	for _, r := range reps {
		t.Logf("  %+v", r)
	}
	for _, s := range []string{"two", "later0", "later1", "later2", "last"} {
		if _, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/"+s)); err != nil {
			t.Errorf("captured, and not in the record after a restart: %s", s)
		}
	}
	list, _ = os.ReadDir(filepath.Join(w.cfg.StateDir, "spool"))
	t.Logf("%d spools left", len(list))
	n := 0
	_ = filepath.Walk(folder+"/captures", func(p string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			n++
		}
		return nil
	})
	t.Logf("%d WARCs in the bucket", n)
}

// A feed of six pages has more items than a visit holds lines: what does not fit
// is left for the next visits, until all is there.
func TestMoreItemsThanAVisitHolds(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(rw, r)
			return
		}
		asked.Add(1)
		page := 0
		fmt.Sscanf(r.URL.Query().Get("page"), "%d", &page)
		rw.Header().Set("Content-Type", "application/feed+json")
		fmt.Fprintf(rw, `{"version":"https://jsonfeed.org/version/1.1","title":"T"`)
		if page < 5 {
			fmt.Fprintf(rw, `,"next_url":"http://%s/feed.json?page=%d"`, r.Host, page+1)
		}
		fmt.Fprint(rw, `,"items":[`)
		for i := range 900 {
			if i > 0 {
				fmt.Fprint(rw, ",")
			}
			k := page*900 + i
			fmt.Fprintf(rw, `{"id":"%d","url":"https://a.example/%d","content_text":"statement %d"}`, k, k, k)
		}
		fmt.Fprint(rw, `]}`)
	}))
	defer srv.Close()
	h := w.open(t, sourceYAML("press", "a.example", srv.URL+"/feed.json"))
	in, _ := h.ingester()
	for range 3 {
		clock.to(clock.now().Add(time.Hour))
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		st, _ := h.archive.State(t.Context(), "press")
		t.Logf("%d new, asked %d, last tick %v, err %v", rep.Created, asked.Load(), st.LastTick, err)
		if err != nil {
			t.Errorf("visit not committed: %v", err)
		}
	}
	if n := statements(t, h); n != 5400 {
		t.Errorf("%d statements, want 5400", n)
	}
}

// An article that the feeds of two accounts list is created once.
func TestOneArticleInTwoAccounts(t *testing.T) {
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	srv, body := serveFeed(t, clock)
	f := rss("one", "two")
	body.Store(&f)
	h := w.open(t, sourceYAML("a", "a.example", srv.URL+"/feed.xml?a")+sourceYAML("b", "b.example", srv.URL+"/feed.xml?b"))
	in, _ := h.ingester()
	for i := range 4 {
		for _, s := range in.Sources {
			clock.to(clock.now().Add(2 * time.Hour))
			rep, err := visitOf(in, t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 && rep.Created > 0 {
				t.Errorf("visit %d of %s: %d created again", i, s.ID, rep.Created)
			}
		}
	}
}

// A visit fails while the clock is a month ahead: the source is not left alone for
// a month once the clock is right.
func TestAClockThatWasAheadSilencesNothing(t *testing.T) {
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	srv, down := shakySite(t)
	h := w.open(t, sourceYAML("press", "a.example", srv.URL+"/feed.xml"))
	in, _ := h.ingester()
	visit := func() (ingest.Report, error) { return visitOf(in, t.Context(), in.Sources[0]) }
	if _, err := visit(); err != nil {
		t.Fatal(err)
	}
	real := clock.now()
	clock.t = real.Add(30 * 24 * time.Hour)
	down.Store(true)
	if _, err := visit(); err != nil {
		t.Fatal(err)
	}
	down.Store(false)
	clock.t = real.Add(time.Hour)
	if _, err := visit(); err != nil {
		t.Errorf("an hour later by the right clock: %v", err)
	}
}

// A gap that a fast clock opened is closed once, not by every good visit.
func TestAGapUnderAFastClockIsClosedOnce(t *testing.T) {
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	srv, down := shakySite(t)
	h := w.open(t, sourceYAML("press", "a.example", srv.URL+"/feed.xml"))
	in, _ := h.ingester()
	visit := func() ingest.Report {
		t.Helper()
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	visit()
	real := clock.now()
	clock.t = real.Add(30 * time.Minute)
	down.Store(true)
	visit()
	down.Store(false)
	clock.t = real.Add(10 * time.Minute)
	in, _ = h.ingester()
	in.Sources[0].Doors[0].ID = "feed-2" // another door: the first waits for its back-off
	for i := range 3 {
		clock.t = clock.t.Add(time.Minute)
		rep := visit()
		t.Logf("good visit %d: %v", i, rep.Other)
		if i > 0 && len(rep.Other) > 0 {
			t.Errorf("visit %d: %v again", i, rep.Other)
		}
	}
}

// The process that applies to the catalog ends while another one visits: that one
// takes its place, and does not wait for ever.
func TestCrawlTakesOverFromAServerThatEnds(t *testing.T) {
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	srv, body := serveFeed(t, clock)
	f := rss("one")
	body.Store(&f)
	serve := w.open(t, sourceYAML("press", "a.example", srv.URL+"/feed.xml"))
	crawl := w.reopen(t)
	if crawl.writer != nil {
		t.Fatal("holder")
	}
	_ = serve.close()
	in, _ := crawl.ingester()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := visitOf(in, ctx, in.Sources[0]); err != nil {
		t.Errorf("hangs until it is killed: %v", err)
	}
}

// Another account id under the same source id is exit status 12 (record.md 1.12).
func TestAnotherAccountIsAConfigurationError(t *testing.T) {
	t.Parallel()
	_, w, srv, _, h, in := press(t, "one")
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	_ = h.close()
	text := fmt.Sprintf("archive:\n  name: Archive Example\n  operator: {name: Example e.V., email: desk@archive.example}\n  url: https://archive.example\nstorage: {url: \"file://%s\"}\nstate_dir: %q\nlog: {origin: %s}\ncrawl: {contact: desk@archive.example, min_interval: 1ms, allow_addresses: [127.0.0.0/8]}\nfigures:\n  - slug: jane-example\n    name: Jane Example\n    sources:\n%s", w.at.bucket, w.at.state, w.at.origin, sourceYAML("press", "b.example", srv.URL+"/feed.xml"))
	_ = os.WriteFile(w.at.config, []byte(text), 0o644)
	e := *w.env
	e.configPath = w.at.config
	code, _ := status(runCrawl(t.Context(), &e, nil))
	if code != exitConfig {
		t.Errorf("exit status %d, want %d", code, exitConfig)
	}
}
