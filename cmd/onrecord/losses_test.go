// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/catalog"
	"onrecord/config"
	"onrecord/ingest"
)

// A lossy is an archive of which a segment of the journal is lost: the one of the
// visit that brought item 2.
type lossy struct {
	clock   *movedClock
	w       *world
	body    *atomic.Pointer[[]byte]
	sources string
	items   []string
	h       *house
	in      *ingest.Ingester
	index   int64            // of the visit
	lost    onrecord.VisitID // the visit
	segment string           // its key
}

// newLossy makes the archive, still whole: five visits, an item each.
func newLossy(t *testing.T) *lossy {
	t.Helper()
	clock := start()
	l := &lossy{clock: clock, w: newWorldIn(t, clock, t.TempDir())}
	srv, body := serveFeed(t, clock)
	l.body, l.sources = body, sourceYAML("press", "a.example", srv.URL+"/feed.xml")
	l.h = l.w.open(t, l.sources)
	l.ingest(t)
	for n := range 5 {
		rep := l.say(t, n)
		if n == 2 {
			l.index = rep.Index
		}
	}
	_, leaf, err := l.h.archive.Line(t.Context(), l.index)
	if err != nil {
		t.Fatal(err)
	}
	l.lost, l.segment = leaf.Visit, "journal/"+leaf.Visit.Time().UTC().Format("2006/01/02/")+leaf.Visit.String()+".ndjson.zst"
	return l
}

func (l *lossy) ingest(t *testing.T) {
	t.Helper()
	in, err := l.h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	l.in = in
}

// say visits an hour later, when the site has one item more.
func (l *lossy) say(t *testing.T, n int) ingest.Report {
	t.Helper()
	rep, err := l.visit(t, n)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func (l *lossy) visit(t *testing.T, n int) (ingest.Report, error) {
	t.Helper()
	l.items = append(l.items, item(n, fmt.Sprintf("words of statement %d", n)))
	f := nightFeed(l.items...)
	l.body.Store(&f)
	l.clock.to(l.clock.now().Add(time.Hour))
	return visitOf(l.in, t.Context(), l.in.Sources[0])
}

// gone moves the segment away, and returns how it is put back.
func (l *lossy) gone(t *testing.T, bucket string) (back func()) {
	t.Helper()
	path := filepath.Join(bucket, filepath.FromSlash(l.segment))
	aside := filepath.Join(t.TempDir(), "segment")
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.Rename(aside, path); err != nil {
			t.Fatal(err)
		}
	}
}

// shows demands what the site answers: everything but what is lost.
func (l *lossy) shows(t *testing.T, status map[int]int) {
	t.Helper()
	for n, want := range status {
		id := onrecord.NewStatementID("website", fmt.Sprintf("https://a.example/%d", n))
		for _, a := range []string{"/s/" + string(id), "/api/v1/statements/" + string(id)} {
			if got := look(t, l.h, l.in, []string{a})[a].status; got != want {
				t.Errorf("%s (item %d) answers %d, want %d", a, n, got, want)
			}
		}
	}
}

// page returns what the site answers at an address.
func (l *lossy) page(t *testing.T, address string) string {
	t.Helper()
	site, err := l.h.website(l.in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	site.ServeHTTP(rec, httptest.NewRequest("GET", address, nil))
	return rec.Body.String()
}

// rebuilt demands that the catalog is what a rebuild makes, and lacks nothing.
func (l *lossy) rebuilt(t *testing.T) {
	t.Helper()
	dump := func() string {
		t.Helper()
		var b bytes.Buffer
		if err := l.h.catalog.Dump(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if list, err := l.h.catalog.Lost(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("still lost: %+v, %v", list, err)
	}
	was := dump()
	_, err := l.h.rebuild(t.Context(), l.h.catalogOptions(), nil)
	for errors.Is(err, catalog.ErrLocked) { // a program that another test is starting holds the lock until it runs
		_, err = l.h.rebuild(t.Context(), l.h.catalogOptions(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if now := dump(); now != was {
		t.Error("the catalog is not what a rebuild makes")
	}
}

// A replica that lacks one segment is adopted: the site shows everything else and
// says what is missing, visits go on, and once the segment is back the view is
// that of the whole record.
func TestAdoptWithALostSegment(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	replica, empty := t.TempDir(), t.TempDir()
	if _, err := l.h.newReplica(config.Store{URL: "file://" + replica}, 1).replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := l.h.close(); err != nil {
		t.Fatal(err)
	}
	back := l.gone(t, replica)
	store := config.Store{URL: "file://" + replica}
	if _, err := adoptWith(t, l.w.env, l.w.cfg, store, empty, l.sources); !errors.Is(err, archive.ErrIncomplete) {
		t.Fatalf("adopted as it is: %v", err)
	}
	if err := runAdopt(t.Context(), l.w.env, adoptFlags{reason: "the host has switched us off", incomplete: true}, store.URL, empty); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(filepath.Join(empty, "onrecord.yaml"), configOptions())
	if err != nil {
		t.Fatal(err)
	}
	if l.h, err = l.w.env.openWith(t.Context(), cfg, writing); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.h.close() })
	l.ingest(t)
	l.shows(t, map[int]int{0: 200, 1: 200, 2: 404, 3: 200, 4: 200})
	list, err := l.h.catalog.Lost(t.Context())
	if err != nil || len(list) != 1 || list[0].Visit != l.lost || list[0].From != l.index || list[0].Source != "press" || list[0].GivenUp < 0 {
		t.Fatalf("lost: %+v, %v", list, err)
	}
	if page := l.page(t, "/status"); strings.Contains(page, "missing from the record") || !strings.Contains(page, "of press: ledger no.") || !strings.Contains(page, "; given up") {
		t.Error("the status page does not say what is missing, or alarms of what was given up")
	}
	var status struct {
		Machine struct{ Missing []map[string]any }
	}
	if err := json.Unmarshal([]byte(l.page(t, "/api/v1/status")), &status); err != nil || len(status.Machine.Missing) != 1 || status.Machine.Missing[0]["visit"] != l.lost.String() {
		t.Errorf("the API says %+v, %v", status, err)
	}
	rep, err := l.h.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) == 0 || rep.Findings[0].Object != l.segment {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
	// The operator has given it up, so visits go on: what is lost is met again.
	if rep := l.say(t, 5); rep.Created != 2 {
		t.Errorf("%d new statements, want the next one and the lost one", rep.Created)
	}
	l.shows(t, map[int]int{2: 200, 5: 200})
	back()
	if err := l.h.regain(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.rebuilt(t)
	id := onrecord.NewStatementID("website", "https://a.example/2")
	st, err := l.h.catalog.Statement(t.Context(), id)
	if err != nil || st.LogIndex < l.index || st.LogIndex >= list[0].To || st.State != onrecord.StateLive {
		t.Errorf("statement 2 begins at ledger no. %d in state %s, want one of %+v: %v", st.LogIndex, st.State, list[0], err)
	}
}

// An archive whose disk has lost a segment: a catalog that has it is left alone;
// without one, visits wait in the spool until the segment is back.
func TestALostSegmentHoldsJudgement(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	back := l.gone(t, l.w.at.bucket)
	check, err := l.h.keeps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.h.rebuildIf(t.Context(), l.h.catalogOptions(), nil, check); !errors.Is(err, errLosesMore) {
		t.Errorf("rebuild: %v, want that the catalog has more", err)
	}
	l.shows(t, map[int]int{1: 200, 2: 200, 4: 200})
	l.reopen(t, true)
	l.shows(t, map[int]int{1: 200, 2: 404, 4: 200})
	if page := l.page(t, "/"); !strings.Contains(page, "1 visit is missing") {
		t.Error("no banner says that something is missing")
	}
	if _, err := l.h.snapshot(t.Context()); err == nil {
		t.Error("a snapshot was made of a catalog that lacks lines")
	}
	_, err = l.visit(t, 5)
	if code, hint := status(err); code != exitMismatch || !strings.Contains(hint, "onrecord missing") {
		t.Errorf("a visit: exit status %d, %v", code, err)
	}
	if waiting, _, err := spoolOf(l.h.cfg.StateDir); err != nil || len(waiting) != 1 {
		t.Fatalf("%d visits wait in the spool, %v", len(waiting), err)
	}
	back()
	if err := l.h.regain(t.Context()); err != nil {
		t.Fatal(err)
	}
	reports, err := l.in.Recover(t.Context(), func(string) (func(), bool) { return func() {}, true })
	if err != nil || len(reports) != 1 || reports[0].Created != 1 {
		t.Errorf("the visit that waited: %+v, %v", reports, err)
	}
	l.shows(t, map[int]int{2: 200, 5: 200})
	l.rebuilt(t)
	if rep, err := l.h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
}

// reopen closes the archive and opens it again, without its catalog or with.
func (l *lossy) reopen(t *testing.T, without bool) {
	t.Helper()
	if err := l.h.close(); err != nil {
		t.Fatal(err)
	}
	if without {
		files, err := filepath.Glob(filepath.Join(l.h.cfg.StateDir, "catalog.db*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.h = l.w.open(t, l.sources)
	l.ingest(t)
}

// A lost visit that may have withheld a statement hides all of them, until the
// operator says what it was.
func TestALostDecisionHidesAll(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	id := onrecord.NewStatementID("website", "https://a.example/1")
	now := l.clock.now().UTC()
	_, done, err := l.h.act(t.Context(), func() (*onrecord.Event, error) {
		return &onrecord.Event{
			Type: onrecord.StatementWithheld, At: now, By: now, Statement: id, Figure: "jane-example", Account: onrecord.AccountRef{Platform: "website", ID: "a.example"},
			Takedown: &onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "personal data"}, Provenance: onrecord.Captured, Index: -1, Prev: -1,
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l.shows(t, map[int]int{0: 200, 1: 451})
	l.segment = "journal/" + done.Visit.Time().UTC().Format("2006/01/02/") + done.Visit.String() + ".ndjson.zst"
	back := l.gone(t, l.w.at.bucket)
	l.reopen(t, true)
	l.shows(t, map[int]int{0: 503, 1: 503, 4: 503})
	if page := l.page(t, "/status"); !strings.Contains(page, "perhaps a decision not to show a statement") {
		t.Error("the status page does not say why")
	}
	if err := l.h.giveUp(t.Context(), missingFlags{reason: "a disk failed"}); err == nil {
		t.Error("a decision was given up without a word")
	}
	l.shows(t, map[int]int{0: 503, 1: 503})
	if err := l.h.giveUp(t.Context(), missingFlags{noActs: true, reason: "a disk failed"}); err != nil {
		t.Fatal(err)
	}
	l.shows(t, map[int]int{0: 200, 1: 200}) // by the operator's word
	l.say(t, 5)
	back()
	if err := l.h.regain(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.shows(t, map[int]int{0: 200, 1: 451, 5: 200})
	l.rebuilt(t)
}

// An erasure beside lost lines waits until they are given up, and then finds what
// the captures of the lost visit show.
func TestEraseBesideLostLines(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	m := s.crawled(t)
	s.edited.Store(true)
	m.run(t, "crawl", "masto")
	h := openAt(t, m, reading)
	bucket := strings.TrimPrefix(h.cfg.Storage.URL, "file://")
	st, err := h.archive.State(t.Context(), "masto")
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"wording": "behind the third pillar", "edited wording": "behind the fourth pillar"}
	id := secretStatement()
	catalogs := h.catalogPath() + "*"
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	v := st.Done.Visit
	if err := os.Remove(filepath.Join(bucket, "journal", v.Time().UTC().Format("2006/01/02"), v.String()+".ndjson.zst")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(catalogs)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if out := m.run(t, "missing"); !strings.Contains(out, v.String()) || !strings.Contains(out, "masto") {
		t.Errorf("missing says %q", out)
	}
	if out, err := m.try("erase", string(id), "--case", "T-1", "--yes-erase", string(id)); err == nil {
		t.Errorf("erased beside lines that may be about it: %s", out)
	}
	m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-0", "--reason", "personal data")
	if _, told := servedParts(t, m); len(told) > 0 {
		t.Errorf("withheld beside lost lines, and these tell: %q", told)
	}
	if out := m.run(t, "missing", "--give-up", "--reason", "a disk failed"); !strings.Contains(out, "given up") {
		t.Errorf("missing --give-up says %q", out)
	}
	if hits := seek(t, bucket, secrets); len(hits) < 2 {
		t.Fatalf("the search finds %q before", hits)
	}
	m.run(t, "erase", string(id), "--case", "T-1", "--yes-erase", string(id))
	if hits := seek(t, bucket, secrets); len(hits) > 0 {
		t.Errorf("the bucket still tells:\n%s", strings.Join(hits, "\n"))
	}
}

// A line that comes back while others are lost since does not cost those: the catalog
// has them, and stays.
func TestRegainTakesNoWorseCatalog(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	back := l.gone(t, l.w.at.bucket)
	l.reopen(t, true)
	l.shows(t, map[int]int{2: 404, 3: 200})
	st, err := l.h.archive.State(t.Context(), "press")
	if err != nil {
		t.Fatal(err)
	}
	back()
	v := st.Done.Visit // the last one, that of item 4
	l.segment = "journal/" + v.Time().UTC().Format("2006/01/02/") + v.String() + ".ndjson.zst"
	again := l.gone(t, l.w.at.bucket)
	if err := l.h.regain(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.shows(t, map[int]int{2: 404, 3: 200, 4: 200})
	again()
	if err := l.h.regain(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.rebuilt(t)
}
