// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
)

// A cable is a bucket that can be cut off.
type cable struct {
	*fault.Bucket
	mu  sync.Mutex
	cut bool // guarded by mu
}

func newCable(b bucket.Bucket) *cable {
	c := &cable{}
	c.Bucket = fault.New(b, fault.Options{Before: func(context.Context, fault.Call) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.cut {
			return errors.New("no route to host")
		}
		return nil
	}})
	return c
}

func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
}

// spoolOffline makes a visit of press that has to wait for Recover.
func spoolOffline(t *testing.T, w *world, a *archive.Archive, text string) {
	t.Helper()
	w.wait(time.Minute)
	v, err := read(t.Context(), w, a, "press", text)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Offline() || !v.State().LastTick.Equal(day) {
		t.Errorf("%s: offline %t, state %+v", text, v.Offline(), v.State())
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestVisitsWhileTheBucketIsOutOfReach(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	line := newCable(b)
	a := w.init(t, line, t.TempDir())
	if _, err := visit(ctx, w, a, "press", "before"); err != nil {
		t.Fatal(err)
	}
	online, err := read(ctx, w, a, "press", "cut off at commit")
	if err != nil {
		t.Fatal(err)
	}
	line.set(true)
	if _, err := a.Begin(ctx, press("toots"), "api", "api/1", nil); !errors.Is(err, archive.ErrUnreachable) {
		t.Errorf("a source that was never read: %v", err)
	}
	if _, err := commit(ctx, w, online); !errors.Is(err, archive.ErrUnreachable) {
		t.Fatalf("commit while cut off: %v", err)
	}
	for _, text := range []string{"offline 1", "offline 2", "offline 3"} {
		spoolOffline(t, w, a, text)
	}
	for _, err := range a.Recover(ctx) {
		if !errors.Is(err, archive.ErrUnreachable) {
			t.Errorf("recover while cut off: %v", err)
		}
	}
	line.set(false)
	spoolOffline(t, w, a, "behind the others")
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	want := []string{"before", "cut off at commit", "offline 1", "offline 2", "offline 3", "behind the others"}
	var got []string
	for _, e := range walk(t, a) {
		if e.Event.Content != nil {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(e.Event.Content.Text, "<feed>"), "</feed>"))
			if !e.Visit.LateOf.IsZero() {
				t.Errorf("%s is late", e.Event.Content.Text)
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
	v, err := read(ctx, w, a, "press", "after")
	if err != nil || v.Offline() {
		t.Errorf("a visit after all were committed: %v", err)
	}
	verified(t, a)
}

func TestOfflineVisitRightAfterACommit(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	line := newCable(&memory.Bucket{})
	a := w.init(t, line, t.TempDir())
	if _, err := visit(ctx, w, a, "press", "before"); err != nil {
		t.Fatal(err)
	}
	line.set(true)
	spoolOffline(t, w, a, "offline")
	line.set(false)
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	entries := walk(t, a)
	if last := entries[len(entries)-1]; last.Event.Content.Text != "<feed>offline</feed>" || !last.Visit.LateOf.IsZero() {
		t.Errorf("last entry %s, late of %s", last.Line, last.Visit.LateOf)
	}
	chained(t, entries)
}

func TestOfflineVisitsBehindAnotherMachineAreLate(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	line := newCable(b)
	a := w.init(t, line, t.TempDir())
	if _, err := visit(ctx, w, a, "press", "before"); err != nil {
		t.Fatal(err)
	}
	line.set(true)
	for _, text := range []string{"offline 1", "offline 2"} {
		spoolOffline(t, w, a, text)
	}
	if _, err := visit(ctx, w, w.open(t, b, t.TempDir(), 3), "press", "elsewhere"); err != nil {
		t.Fatal(err)
	}
	line.set(false)
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	late := 0
	for _, e := range walk(t, a) {
		if e.Leaf.Line == 0 && !e.Visit.LateOf.IsZero() {
			late++
		}
	}
	if n := texts(walk(t, a)); late != 2 || n["<feed>offline 1</feed>"] != 1 || n["<feed>offline 2</feed>"] != 1 {
		t.Errorf("%d late visits, record %v", late, n)
	}
	verified(t, a)
}

func TestPendingVisitWithoutObjectsIsAbandonedAfterADay(t *testing.T) {
	ctx := t.Context()
	s := &stage{w: newWorld(t), b: &memory.Bucket{}, dir: t.TempDir(), empty: func() bucket.Bucket { return &memory.Bucket{} }}
	prepareLost(t, s) // a day and an hour ago
	a := s.w.open(t, s.b, s.dir, 6)
	s.w.wait(-2 * time.Hour)
	if _, err := a.Sweep(ctx); !errors.Is(err, archive.ErrPending) {
		t.Errorf("sweep after 23 hours: %v", err)
	}
	if _, err := a.Begin(ctx, archive.Source{Source: "press", Platform: "website", AccountID: "joe.example"}, "feed", "feed/1", nil); !errors.Is(err, archive.ErrSource) {
		t.Errorf("next visit after 23 hours, of another account: %v", err)
	}
	before, err := a.State(ctx, "press")
	if err != nil {
		t.Fatal(err)
	}
	s.w.wait(2 * time.Hour)
	if n, err := a.Sweep(ctx); n != 1 || err != nil {
		t.Fatalf("sweep after 25 hours: %d, %v", n, err)
	}
	entries := walk(t, a)
	last := entries[len(entries)-1]
	if last.Event.Type != onrecord.VisitAbandoned || last.Line != nil || !last.Event.At.Equal(last.Leaf.Visit.Time()) || last.Event.Index != last.Index {
		t.Errorf("last entry %+v", last)
	}
	after, err := a.State(ctx, "press")
	if err != nil || after.Done != before.Done || len(after.Gaps) != 1 || after.Gaps[0].Reason != "abandoned" {
		t.Errorf("state %+v, %v", after, err)
	}
	if _, err := visit(ctx, s.w, a, "press", "goes on"); err != nil {
		t.Error(err)
	}
	verified(t, a)
}

func TestOwnerOfAnAbandonedVisitIsLate(t *testing.T) {
	ctx := t.Context()
	s := &stage{w: newWorld(t), b: &memory.Bucket{}, dir: t.TempDir()}
	owner := t.TempDir()
	founded(t, s)
	pend(t, s, owner)
	s.w.wait(25 * time.Hour)
	blind := fault.New(s.b, fault.Options{Rules: []fault.Rule{{Op: fault.Open, Key: "captures/*", Err: bucket.ErrNotExist}}})
	if _, err := s.w.open(t, blind, t.TempDir(), 7).Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	a := s.w.open(t, s.b, owner, 8)
	if err := restart(ctx, s.w, a); err != nil {
		t.Fatal(err)
	}
	entries := walk(t, a)
	var abandoned, late onrecord.VisitID
	for _, e := range entries {
		if e.Event.Type == onrecord.VisitAbandoned {
			abandoned = e.Leaf.Visit
		}
		if e.Leaf.Line == 0 && !e.Visit.LateOf.IsZero() {
			late = e.Visit.LateOf
		}
	}
	if abandoned.IsZero() || late != abandoned || texts(entries)["<feed>pending</feed>"] != 1 {
		t.Errorf("abandoned %s, late of %s, record %v", abandoned, late, texts(entries))
	}
	verified(t, a)
}

func TestObjectsThatTheStoreLostArePutAgain(t *testing.T) {
	ctx := t.Context()
	s := &stage{w: newWorld(t), b: &memory.Bucket{}, dir: t.TempDir()}
	a := s.w.init(t, s.b, s.dir)
	if _, err := visit(ctx, s.w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	lost := &memory.Bucket{}
	for info, err := range s.b.List(ctx, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(info.Key, "captures/") {
			carry(t, lost, s.b, info.Key)
		}
	}
	s.w.wait(11 * time.Minute)
	a = s.w.open(t, lost, s.dir, 6)
	if _, err := a.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := archive.Spooled(ctx, a); n != 1 {
		t.Errorf("%d spools after the object was put again, want 1 until it is confirmed", n)
	}
	if _, err := a.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := archive.Spooled(ctx, a); n != 0 {
		t.Errorf("%d spools after the object was confirmed", n)
	}
	verified(t, a)
}

func TestSpoolRestoresTheObjectsOfItsPendingVisit(t *testing.T) {
	ctx := t.Context()
	b := &memory.Bucket{}
	s := &stage{w: newWorld(t), b: b, dir: t.TempDir()}
	founded(t, s)
	whole := b.Clone()
	pend(t, s, s.dir)
	lost := &memory.Bucket{}
	for info, err := range s.b.List(ctx, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		object := strings.HasPrefix(info.Key, "captures/") || strings.HasPrefix(info.Key, "journal/")
		if !object || has(t, whole, info.Key) {
			carry(t, lost, s.b, info.Key)
		}
	}
	other := s.w.open(t, lost, t.TempDir(), 5)
	if _, err := other.Sweep(ctx); !errors.Is(err, archive.ErrPending) {
		t.Fatalf("another machine's sweep: %v", err)
	}
	a := s.w.open(t, lost, s.dir, 6)
	for v, err := range a.Recover(ctx) {
		t.Errorf("recover yields %v, %v", v, err)
	}
	if n := texts(walk(t, a)); n["<feed>pending</feed>"] != 1 {
		t.Errorf("record %v", n)
	}
	verified(t, a)
}

func TestStateHasALimit(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	a := w.init(t, &memory.Bucket{}, t.TempDir())
	v, err := read(ctx, w, a, "press", "one")
	if err != nil {
		t.Fatal(err)
	}
	d, err := judge(ctx, w, v)
	if err != nil {
		t.Fatal(err)
	}
	d.Next.AccountID = strings.Repeat("x", archive.MaxState)
	if _, err := v.Commit(ctx, d); !errors.Is(err, archive.ErrTooLarge) {
		t.Errorf("commit: %v", err)
	}
	if err := v.Quiet(ctx, d.Next); !errors.Is(err, archive.ErrTooLarge) {
		t.Errorf("quiet: %v", err)
	}
	if _, err := commit(ctx, w, v); err != nil {
		t.Errorf("the visit did not go on: %v", err)
	}
}

func TestLeavesThatTheStoreLostArePutBackInOrder(t *testing.T) {
	ctx := t.Context()
	w, b, dir := newWorld(t), &memory.Bucket{}, t.TempDir()
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	yesterday := b.Clone()
	for _, s := range []struct{ source, text string }{{"press", "two"}, {"toots", "three"}, {"press", "four"}} {
		if _, err := visit(ctx, w, a, s.source, s.text); err != nil {
			t.Fatal(err)
		}
	}
	want := walk(t, a)
	a = w.open(t, yesterday, dir, 5)
	if n := len(walk(t, a)); n != 4 {
		t.Fatalf("%d entries after the roll-back", n)
	}
	if _, err := visit(ctx, w, a, "press", "five"); err == nil {
		t.Error("something was appended to a ledger that had been rolled back")
	}
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	got := walk(t, a)
	if len(got) != len(want)+2 || texts(got)["<feed>five</feed>"] != 1 {
		t.Fatalf("%d entries after the restart, want %d and those of the visit that was refused", len(got), len(want))
	}
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("put back otherwise:\n%s", diff)
	}
	verified(t, a)
}
