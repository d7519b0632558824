// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
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

// faulty opens the archive of h over a bucket that fails as before and after say.
func faulty(t *testing.T, w *world, h *house, before func(fault.Call) error, after func(fault.Call, error) error) {
	t.Helper()
	folder, _ := bucketFolder(w.cfg.Storage.URL)
	b, err := disk.Open(folder, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fb := fault.New(b, fault.Options{
		Before: func(_ context.Context, c fault.Call) error { return before(c) },
		After:  func(_ context.Context, c fault.Call, err error) error { return after(c, err) },
	})
	if h.archive, err = archive.Open(t.Context(), fb, archive.Options{Origin: w.cfg.Log.Origin, Now: w.clock.now, StateDir: w.cfg.StateDir, Signer: h.key.signer}); err != nil {
		t.Fatal(err)
	}
}

// beside returns a house of another process over the same archive; it applies
// to the catalog through the first.
func beside(h *house) *house {
	other := h.env.newHouse(h.cfg)
	other.catalog, other.writer, other.key = h.catalog, h.catalog, h.key
	return other
}

func noBefore(fault.Call) error             { return nil }
func noAfter(_ fault.Call, err error) error { return err }

// A feed with six megabytes of text is committed, and visits after it are quiet.
func TestAFeedLargerThanASegment(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	srv, body := serveFeed(t, clock)
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>T</title><link>https://a.example/</link>`)
	for i := range 100 {
		fmt.Fprintf(&b, "<item><title>%d</title><link>https://a.example/%d</link><content:encoded><![CDATA[<p>%s</p>]]></content:encoded></item>", i, i, strings.Repeat("a word ", 9000))
	}
	b.WriteString("</channel></rss>")
	f := []byte(b.String())
	body.Store(&f)
	t.Logf("feed of %d bytes", len(f))
	h := w.open(t, sourceYAML("press", "a.example", srv.URL+"/feed.xml"))
	in, _ := h.ingester()
	for range 5 {
		clock.to(clock.now().Add(time.Hour))
		if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
			t.Errorf("%v", err)
		}
	}
	if n := statements(t, h); n != 100 {
		t.Errorf("%d statements, want 100", n)
	}
}

// The store loses the objects of a pending visit whose spool has them, and a day
// passes: the spool restores them, nothing is abandoned.
func TestSpoolsComeBeforeSweeps(t *testing.T) {
	t.Parallel()
	clock, w, _, _, h, _ := press(t, "one")
	var broken atomic.Bool
	faulty(t, w, h, func(c fault.Call) error {
		if broken.Load() && c.Op == fault.Swap && c.Key == "log/head" {
			return errors.New("gone")
		}
		return nil
	}, noAfter)
	in, _ := h.ingester()
	broken.Store(true)
	_, err := visitOf(in, t.Context(), in.Sources[0])
	t.Log(err)
	_ = h.close()
	list, _ := filepath.Glob(filepath.Join(strings.TrimPrefix(w.cfg.Storage.URL, "file://"), "captures/*/*/*/*"))
	for _, f := range list {
		t.Log("lost by the store:", f)
		_ = os.Remove(f)
	}
	clock.to(clock.now().Add(25 * time.Hour))
	h = w.reopen(t)
	in, _ = h.ingester()
	h.recover(t.Context(), in, mustLocks(t, h))
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == onrecord.VisitAbandoned {
			t.Errorf("abandoned at %d though the spool had its objects", e.Index)
		}
	}
	if _, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/one")); err != nil {
		t.Errorf("and the statement: %v", err)
	}
}

// A commit between two reads of a sweep is no loss of leaves.
func TestSweepBesideACommit(t *testing.T) {
	t.Parallel()
	_, w, _, _, h, _ := press(t, "one")
	var armed atomic.Bool
	var in *ingest.Ingester
	faulty(t, w, h, noBefore, func(c fault.Call, err error) error {
		if c.Op == fault.Load && c.Key == "log/head" && armed.CompareAndSwap(true, false) {
			if _, err := visitOf(in, context.Background(), in.Sources[0]); err != nil {
				t.Error(err)
			}
		}
		return err
	})
	in, _ = h.ingester()
	armed.Store(true)
	if _, err := h.archive.Sweep(t.Context()); err != nil {
		t.Errorf("sweep: %v", err)
	}
}

// A visit that one process left is committed by another, which goes on. The first
// does not wait for it for ever.
func TestAVisitThatAnotherProcessCommitted(t *testing.T) {
	t.Parallel()
	clock, w, _, body, a, _ := press(t, "one")
	var broken atomic.Bool
	faulty(t, w, a, func(c fault.Call) error {
		if broken.Load() && c.Op.Writes() {
			return errors.New("gone")
		}
		return nil
	}, noAfter)
	in, _ := a.ingester()
	broken.Store(true)
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err == nil {
		t.Fatal("no error")
	}
	broken.Store(false)
	b := beside(a)
	faulty(t, w, b, noBefore, noAfter)
	inB, _ := b.ingester()
	reps, err := inB.Recover(t.Context(), everyLock)
	t.Logf("B recovered %d, %v", len(reps), err)
	f2 := rss("two", "one")
	body.Store(&f2)
	clock.to(clock.now().Add(time.Hour))
	if _, err := visitOf(inB, t.Context(), inB.Sources[0]); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		clock.to(clock.now().Add(time.Hour))
		if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
			t.Errorf("A, visit %d: %v", i, err)
		}
	}
}

// A machine sleeps for a month between two quiet visits: the month was not looked
// at.
func TestSleepIsNoCoverage(t *testing.T) {
	t.Parallel()
	clock, _, _, _, h, in := press(t, "one")
	for _, d := range []time.Duration{0, time.Hour, 30 * 24 * time.Hour} {
		clock.to(clock.now().Add(d))
		if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
			t.Fatal(err)
		}
	}
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r := e.Event.Run; r != nil && r.Until.Sub(r.From) > 24*time.Hour {
			t.Errorf("ledger no. %d: looked from %s until %s, %d visits", e.Index, r.From, r.Until, r.Visits)
		}
		if e.Event.Type == onrecord.SourceGap {
			t.Logf("gap %+v", e.Event.Gap)
		}
	}
}

// One spool folder is damaged: the others are committed all the same.
func TestADamagedSpoolStopsNothingElse(t *testing.T) {
	t.Parallel()
	_, w, _, _, h, in := press(t, "one")
	rec := &lastVisit{record: record{h.archive}}
	in.Record = rec
	ok := in.CatchUp
	in.CatchUp = func(context.Context, int64) (int64, error) { return 0, errors.New("killed here") }
	_, _ = visitOf(in, t.Context(), in.Sources[0])
	_ = rec.v.Close()
	bad := filepath.Join(w.cfg.StateDir, "spool", "01m1e34qm0g4q47d8h675qvy6z")
	_ = os.Mkdir(bad, 0o700)
	h2 := beside(h)
	faulty(t, w, h2, noBefore, noAfter)
	in2, _ := h2.ingester()
	in2.CatchUp = ok
	reps, err := in2.Recover(t.Context(), everyLock)
	if err == nil {
		t.Error("the damaged spool was not told")
	}
	if len(reps) != 1 {
		t.Errorf("%d visits recovered beside a damaged spool, want 1", len(reps))
	}
	if _, err := h2.archive.Sweep(t.Context()); err != nil && !strings.Contains(err.Error(), "damaged") {
		t.Errorf("sweep: %v", err)
	}
}

// an abandoned visit whose spool survives: its gap is told twice.

// The store loses the end of the ledger and what belongs to it: the next start
// puts it back from the spool, before the catalog is compared with it.
func TestALostEndOfTheLedgerIsPutBack(t *testing.T) {
	t.Parallel()
	clock, w, _, body, h, in := press(t, "one")
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	folder, _ := bucketFolder(w.cfg.Storage.URL)
	older := filepath.Join(t.TempDir(), "older")
	if err := os.CopyFS(older, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	f := rss("two", "one")
	body.Store(&f)
	clock.to(clock.now().Add(time.Hour))
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.close(), os.RemoveAll(folder), os.CopyFS(folder, os.DirFS(older))); err != nil {
		t.Fatal(err)
	}
	h = w.reopen(t)
	if n := statements(t, h); n != 2 {
		t.Errorf("%d statements, want 2", n)
	}
	rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
}

// A visit lies in the spool, and its door is not configured any more: its
// captures are kept unread, and the source goes on.
func TestAVisitWhoseDoorIsGone(t *testing.T) {
	t.Parallel()
	clock, w, srv, _, h, in := press(t, "one")
	rec := &lastVisit{record: record{h.archive}}
	killed := *in
	killed.Record = rec
	killed.CatchUp = func(context.Context, int64) (int64, error) { return 0, errors.New("killed here") }
	if _, err := visitOf(&killed, t.Context(), in.Sources[0]); err == nil {
		t.Fatal("not killed")
	}
	if err := errors.Join(rec.v.Close(), h.close()); err != nil {
		t.Fatal(err)
	}
	h = w.open(t, strings.Replace(sourceYAML("press", "a.example", srv.URL+"/feed.xml"), "kind: feed", "kind: feed, id: renamed", 1))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	reps, err := in.Recover(t.Context(), everyLock)
	if err != nil || len(reps) != 1 || len(reps[0].Problems) != 1 || reps[0].Index < 0 {
		t.Fatalf("recovered %+v, %v", reps, err)
	}
	clock.to(clock.now().Add(time.Hour))
	rep, err := visitOf(in, t.Context(), in.Sources[0])
	if err != nil || rep.Created != 1 || rep.Spooled {
		t.Errorf("the next visit: %+v, %v", rep, err)
	}
	found, err := h.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(found.Findings) > 0 || found.Records < 4 {
		t.Errorf("verify: %+v, %v", found, err)
	}
}
