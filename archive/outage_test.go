// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/spool"
)

// actOn begins and commits an act of the operator.
func actOn(ctx context.Context, w *world, a *archive.Archive) error {
	v, err := a.Begin(ctx, archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	if err != nil {
		return err
	}
	now, next := w.now(), v.State()
	next.Source, next.Platform = archive.BuiltIn, archive.BuiltIn
	_, err = v.Commit(ctx, archive.Draft{
		Base: v.Size() - 1, Outcome: onrecord.OutcomeOK, Started: now, Ended: now, Next: next,
		Events: []onrecord.Event{{Type: onrecord.SourceGap, Gap: &onrecord.Gap{Reason: "paused", Open: true, Since: now}, At: now, By: now, Source: "press", Prev: -1, Index: -1}},
	})
	return err
}

// TestAFullSpoolHoldsNoActBack: what empties it may be an act, and what must be
// withheld is not to wait.
func TestAFullSpoolHoldsNoActBack(t *testing.T) {
	ctx, w, b := t.Context(), newWorld(t), &memory.Bucket{}
	dir := t.TempDir()
	w.init(t, b, dir)
	o := w.options(dir, 2)
	o.SpoolLimit = 1
	a := opened(t, b, o)
	if _, err := read(ctx, w, a, "press", "one"); !errors.Is(err, spool.ErrFull) {
		t.Fatalf("a visit: %v", err)
	}
	if err := actOn(ctx, w, a); err != nil {
		t.Errorf("an act: %v", err)
	}
	verified(t, a)
}

// TestOutageRightBehindTheCommitPoint: the visit is in the ledger, the store goes
// away before the state says so, and visits of the source go on.
func TestOutageRightBehindTheCommitPoint(t *testing.T) {
	for _, at := range []string{"log/checkpoint", "state/press.json"} {
		t.Run(at, func(t *testing.T) {
			ctx, w, b := t.Context(), newWorld(t), &memory.Bucket{}
			var committed, cut, over atomic.Bool
			line := fault.New(b, fault.Options{Before: func(_ context.Context, c fault.Call) error {
				if c.Op == fault.Swap && c.Key == "log/head" && w.now().After(day.Add(time.Minute)) { // of the second visit
					committed.Store(true)
				}
				if c.Op == fault.Swap && c.Key == at && committed.Load() {
					cut.Store(true)
				}
				if cut.Load() && !over.Load() {
					return errors.New("no route to host")
				}
				return nil
			}})
			a := w.init(t, line, t.TempDir())
			for _, text := range []string{"one", "two"} {
				w.wait(time.Minute)
				if _, err := visit(ctx, w, a, "press", text); err != nil {
					t.Fatal(err)
				}
			}
			for _, text := range []string{"offline 1", "offline 2"} {
				w.wait(time.Minute)
				v, err := read(ctx, w, a, "press", text)
				if err != nil {
					t.Fatal(err)
				}
				if st := v.State(); !errors.Is(v.Why(), archive.ErrUnreachable) || !st.LastTick.Equal(day.Add(2*time.Minute)) {
					t.Errorf("%s: offline %t, state %+v", text, v.Offline(), st)
				}
				if err := v.Close(); err != nil {
					t.Fatal(err)
				}
			}
			over.Store(true)
			if err := restart(ctx, w, a); err != nil {
				t.Fatal(err)
			}
			entries := walk(t, a)
			for _, e := range entries {
				if !e.Visit.LateOf.IsZero() {
					t.Errorf("visit %s is late", e.Leaf.Visit)
				}
			}
			if n := texts(entries); n["<feed>offline 1</feed>"] != 1 || n["<feed>offline 2</feed>"] != 1 {
				t.Errorf("record %v", n)
			}
			chained(t, entries)
			verified(t, a)
		})
	}
}

// TestVisitsGoOnBehindOneWhoseObjectsAreLost: for a day nobody may end that visit,
// and what is seen meanwhile waits in the spool.
func TestVisitsGoOnBehindOneWhoseObjectsAreLost(t *testing.T) {
	ctx := t.Context()
	s := &stage{w: newWorld(t), b: &memory.Bucket{}, dir: t.TempDir(), empty: func() bucket.Bucket { return &memory.Bucket{} }}
	prepareLost(t, s) // a day and an hour ago
	a := s.w.open(t, s.b, s.dir, 6)
	s.w.wait(-3 * time.Hour)
	for _, text := range []string{"behind it", "behind that"} {
		v, err := read(ctx, s.w, a, "press", text)
		if err != nil || !v.Offline() || !errors.Is(v.Why(), archive.ErrPending) {
			t.Fatalf("%s: %v", text, err)
		}
		if st := v.State(); st.AccountID != "jane.example" {
			t.Errorf("%s: begins from %+v", text, st)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := recovered(ctx, s.w, a); n != 0 || !errors.Is(err, archive.ErrPending) {
		t.Errorf("within the day: %d, %v", n, err)
	}
	s.w.wait(4 * time.Hour)
	if n, err := recovered(ctx, s.w, a); n != 2 || err != nil {
		t.Errorf("after it: %d, %v", n, err)
	}
	if n := texts(walk(t, a)); n["<feed>behind it</feed>"] != 1 || n["<feed>behind that</feed>"] != 1 {
		t.Errorf("record %v", n)
	}
	verified(t, a)
}

// TestLeavesOfALostReplyArePutBack: that the reply of the commit point was lost
// makes the spool no worse a copy of what was acknowledged.
func TestLeavesOfALostReplyArePutBack(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, t.TempDir()
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	yesterday := b.Clone()
	unclear := fault.New(b, fault.Options{Rules: []fault.Rule{{Op: fault.Swap, Key: "log/head", Nth: 1, Do: fault.LoseReply}}})
	a = w.open(t, unclear, dir, 2)
	if _, err := visit(ctx, w, a, "press", "two"); err != nil {
		t.Fatal(err)
	}
	want := walk(t, a)
	a = w.open(t, yesterday, dir, 3)
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, walk(t, a)); diff != "" {
		t.Errorf("put back otherwise:\n%s", diff)
	}
	if st, err := a.State(ctx, "press"); err != nil || strings.Compare(st.Done.Visit.String(), want[len(want)-1].Leaf.Visit.String()) != 0 {
		t.Errorf("state %+v, %v", st, err)
	}
	verified(t, a)
}

// TestSpoolOfAClockThatWasAhead is not kept until the day that the clock showed.
func TestSpoolOfAClockThatWasAhead(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	a := w.init(t, &memory.Bucket{}, t.TempDir())
	w.wait(300 * 24 * time.Hour)
	if _, err := visit(ctx, w, a, "press", "ahead"); err != nil {
		t.Fatal(err)
	}
	w.wait(20*time.Minute - 300*24*time.Hour)
	if _, err := a.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := archive.Spooled(ctx, a); n != 0 {
		t.Errorf("%d spools are kept", n)
	}
}
