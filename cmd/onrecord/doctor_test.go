// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive/ledger"
	"onrecord/ingest"
	"onrecord/schedule"
)

// TestDoctorSource: what is wrong with a source is told once, with the command
// that helps.
func TestDoctorSource(t *testing.T) {
	every, err := schedule.Parse("@every 10m")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	well := onrecord.SourceStatus{Source: "press", Outcome: onrecord.OutcomeOK, LastVisit: now.Add(-5 * time.Minute), LastGood: now.Add(-5 * time.Minute)}
	for name, row := range map[string]struct {
		change func(*onrecord.SourceStatus)
		want   string // beginning of "level: what → do"; empty for nothing
	}{
		"well":              {func(*onrecord.SourceStatus) {}, ""},
		"not modified":      {func(s *onrecord.SourceStatus) { s.Outcome = onrecord.OutcomeNotModified }, ""},
		"never visited":     {func(s *onrecord.SourceStatus) { *s = onrecord.SourceStatus{} }, "warn: not visited yet → onrecord crawl press"},
		"failed once":       {func(s *onrecord.SourceStatus) { s.Outcome = onrecord.OutcomeOutage }, "warn: the last visit failed: outage → onrecord source test press"},
		"never good":        {func(s *onrecord.SourceStatus) { s.Outcome, s.LastGood = onrecord.OutcomeDrift, time.Time{} }, "fail: no visit has succeeded yet; the last: drift"},
		"silent":            {func(s *onrecord.SourceStatus) { s.LastGood = now.Add(-31 * time.Minute) }, "fail: no success for 3 intervals, since 2026-03-01T11:29:00Z"},
		"not quite silent":  {func(s *onrecord.SourceStatus) { s.LastGood = now.Add(-29 * time.Minute) }, ""},
		"paused and silent": {func(s *onrecord.SourceStatus) { s.Paused, s.LastGood = now.Add(-time.Hour), now.Add(-time.Hour) }, "warn: paused since 2026-03-01T11:00:00Z → onrecord source resume press"},
		"frozen":            {func(s *onrecord.SourceStatus) { s.Frozen, s.FrozenAt = "9 of 20 missing", now.Add(-time.Hour) }, "warn: absences are not counted since 2026-03-01T11:00:00Z: 9 of 20 missing → look at the account, then onrecord source thaw press"},
		"another account":   {func(s *onrecord.SourceStatus) { s.IdentityChanged = true }, "fail: another account stands behind the handle: nothing is attributed → look whose it is, then onrecord source identify press"},
		"backing off": {func(s *onrecord.SourceStatus) {
			s.Doors = []onrecord.DoorStatus{{ID: "feed", Outcome: onrecord.OutcomeBlocked, Fails: 4, RetryAt: now.Add(time.Hour)}}
		}, "warn: door feed failed 4 times in a row (blocked) and waits until 2026-03-01T13:00:00Z → onrecord source test press"},
	} {
		d := &doctor{}
		one := well
		row.change(&one)
		d.source(ingest.Source{ID: "press", Schedule: every, Doors: []ingest.Door{{ID: "feed"}}}, one, now)
		got := ""
		for _, s := range d.found {
			got += s.Level + ": " + s.What + " → " + s.Do
		}
		if (got == "") != (row.want == "") || !strings.HasPrefix(got, row.want) || len(d.found) > 1 {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// TestDoctorNamesEach: damage of the archive is told once, and of each replica,
// source and door that it is not well, also where the words are the same.
func TestDoctorNamesEach(t *testing.T) {
	refused, damaged := errors.New("connection refused"), fmt.Errorf("log/tile/0/000: %w", ledger.ErrTampered)
	d := &doctor{copies: true}
	d.fail("ledger", "onrecord verify", "head: %v", damaged)
	d.fail("catalog", "onrecord rebuild", "%v", damaged)
	d.fail("replica", "look at it", "the first replica: %v", damaged)
	for _, n := range []string{"second", "third"} {
		d.fail("replica", "", "the %s replica does not answer: %v", n, refused)
		d.fail("robots", "", "source %s, door feed: %v", n, refused)
		d.fail("source "+n, "", "%v", refused)
	}
	var got []string
	for _, s := range d.found {
		got = append(got, s.Area+": "+s.What+" → "+s.Do)
	}
	tampered := told(damaged)
	want := []string{
		"ledger: head: " + tampered + " → " + repairHint, "replica: the first replica: " + tampered + " → look at it",
		"replica: the second replica does not answer: connection refused → ", "robots: source second, door feed: connection refused → ", "source second: connection refused → ",
		"replica: the third replica does not answer: connection refused → ", "robots: source third, door feed: connection refused → ", "source third: connection refused → ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDoctorClock: clocks elsewhere can be wrong as well; the nearest counts.
func TestDoctorClock(t *testing.T) {
	for _, row := range []struct {
		skews map[string]time.Duration
		level string
	}{
		{map[string]time.Duration{"a": time.Second}, "ok"},
		{map[string]time.Duration{"a": -2 * time.Hour, "b": 3 * time.Second}, "ok"},
		{map[string]time.Duration{"a": -6 * time.Second, "b": 40 * time.Second}, "warn"},
		{map[string]time.Duration{"a": -2 * time.Hour}, "fail"},
	} {
		d := &doctor{}
		d.skew("clock", "as told", row.skews)
		if len(d.found) != 1 || d.found[0].Level != row.level {
			t.Errorf("%v: %+v, want %s", row.skews, d.found, row.level)
		}
	}
}

// TestDoctorClockUnknown: of a visit without an answer nothing is known of the
// clocks, so it does not hide that ours is wrong.
func TestDoctorClockUnknown(t *testing.T) {
	for outcome, want := range map[onrecord.Outcome]bool{
		onrecord.OutcomeOK: true, onrecord.OutcomeNotModified: true, onrecord.OutcomeOutage: false, onrecord.OutcomeBlocked: false, onrecord.OutcomeInterrupted: false, "": false,
	} {
		if metAClock(outcome) != want {
			t.Errorf("%q: met a clock: %t", outcome, !want)
		}
	}
	clock := start()
	w := newWorld(t, clock)
	answers := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", clock.now().Add(2*time.Hour).UTC().Format(http.TimeFormat))
		if r.URL.Path == "/robots.txt" {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/rss+xml")
		_, _ = rw.Write(rss("1"))
	}))
	defer answers.Close()
	silent := httptest.NewServer(nil)
	silent.Close()
	h := w.open(t, sourceYAML("press", "a.example", answers.URL+"/feed.xml")+sourceYAML("dead", "b.example", silent.URL+"/feed.xml"))
	in, _ := h.ingester()
	for _, s := range in.Sources {
		_, _ = visitOf(in, t.Context(), s) // of one the outcome is an outage
	}
	d := &doctor{env: w.env}
	d.clock(t.Context(), h)
	if len(d.found) != 1 || d.found[0].Level != "fail" || !strings.Contains(d.found[0].What, "of 1 source") {
		t.Errorf("%+v", d.found)
	}
}

// TestDoctorReadOnlyStore: a store that can be read and not written is told
// before a visit fails on it.
func TestDoctorReadOnlyStore(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	folder := t.TempDir()
	journal := filepath.Join(folder, "journal")
	if err := os.Mkdir(journal, 0o755); err != nil {
		t.Fatal(err)
	}
	found := func() []symptom {
		d := &doctor{}
		d.writable(folder)
		return d.found
	}
	if list := found(); len(list) != 0 {
		t.Errorf("of a good one: %+v", list)
	}
	for _, dir := range []string{journal, folder} {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		list := found()
		if len(list) != 1 || list[0].Level != "warn" || !strings.Contains(list[0].What, dir) {
			t.Errorf("%s: %+v", dir, list)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStatusOfTheUnreadable: one register that can't be read hides one source,
// and a storage that is away hides all, not the page.
func TestStatusOfTheUnreadable(t *testing.T) {
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/rss+xml")
		_, _ = rw.Write(rss("1"))
	}))
	defer srv.Close()
	h := w.open(t, sourceYAML("press", "a.example", srv.URL+"/a.xml")+sourceYAML("other", "b.example", srv.URL+"/b.xml"))
	in, _ := h.ingester()
	for _, s := range in.Sources {
		if _, err := visitOf(in, t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	status := func() (out []string) {
		t.Helper()
		rows, err := h.status(t.Context(), in.Sources)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			out = append(out, fmt.Sprintf("%s readable=%t visited=%t overdue=%t", r.Source, r.Unreadable == "", !r.LastVisit.IsZero(), r.Overdue))
		}
		return out
	}
	is := func(when string, want ...string) {
		t.Helper()
		if got := status(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	is("all well", "press readable=true visited=true overdue=false", "other readable=true visited=true overdue=false")
	clock.to(clock.now().Add(90 * 24 * time.Hour))
	is("90 days later", "press readable=true visited=true overdue=true", "other readable=true visited=true overdue=true")
	bucket := strings.TrimPrefix(w.cfg.Storage.URL, "file://")
	register := filepath.Join(bucket, "state", "press.json")
	good, err := os.ReadFile(register)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(register, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	is("a broken register", "press readable=false visited=false overdue=false", "other readable=true visited=true overdue=true")
	away := t.TempDir()
	if err := errors.Join(os.WriteFile(register, good, 0o644), moveAll(bucket, away)); err != nil {
		t.Fatal(err)
	}
	is("the storage away", "press readable=false visited=false overdue=false", "other readable=false visited=false overdue=false")
	if err := errors.Join(os.RemoveAll(filepath.Join(bucket, "+locks")), moveAll(away, bucket)); err != nil {
		t.Fatal(err)
	}
	is("and back", "press readable=true visited=true overdue=true", "other readable=true visited=true overdue=true")
}

// moveAll leaves an empty folder, as a disk does that is not mounted.
func moveAll(from, to string) error {
	list, err := os.ReadDir(from)
	for _, e := range list {
		err = errors.Join(err, os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
	}
	return err
}

func TestBytesOf(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 KB", 271_000_000_000: "271 GB", 41_200_000_000: "41.2 GB"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
