// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/spool"
)

func TestOneDamagedSpoolDoesNotStopTheOthers(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b, dir := &memory.Bucket{}, t.TempDir()
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	pend(t, &stage{w: w, b: b}, t.TempDir()) // for the sweep to finish
	if err := os.Mkdir(filepath.Join(dir, "spool", "00000000000000000000000001"), 0o700); err != nil {
		t.Fatal(err)
	}
	v, err := a.Begin(ctx, press("toots"), "feed", "feed/1", nil)
	if err == nil {
		_, err = v.Record(ctx, exchange(w, "two"))
		err = errors.Join(err, v.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := recovered(ctx, w, w.open(t, b, dir, 2))
	if n != 1 || !errors.Is(err, spool.ErrDamaged) {
		t.Errorf("recovered %d beside a damaged spool, %v", n, err)
	}
	if n, err := a.Sweep(ctx); n != 1 || err != nil { // Recover has told of it
		t.Errorf("the sweep finished %d beside a damaged spool, %v", n, err)
	}
	if got, want := saidInOrder(t, a), []string{"one", "two", "pending"}; !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
}

// TestACommitDuringRestoreIsNoLoss commits a visit at each call that a sweep
// makes.
func TestACommitDuringRestoreIsNoLoss(t *testing.T) {
	for nth := int64(1); ; nth++ {
		ctx, w := t.Context(), newWorld(t)
		var calls atomic.Int64
		var a *archive.Archive
		b := fault.New(&memory.Bucket{}, fault.Options{After: func(_ context.Context, c fault.Call, err error) error {
			if a != nil && calls.Add(1) == nth {
				if _, err := visit(ctx, w, a, "press", "meanwhile"); err != nil {
					t.Errorf("call %d: %v", nth, err)
				}
			}
			return err
		}})
		dir := t.TempDir()
		w.init(t, b, dir)
		a = w.open(t, b, dir, 2)
		calls.Store(0)
		if _, err := a.Sweep(ctx); err != nil {
			t.Errorf("a commit after call %d: %v", nth, err)
		}
		if calls.Load() < nth {
			if nth == 1 {
				t.Error("the sweep made no call")
			}
			return
		}
	}
}

// TestTwoRestoreAtOnce lets another process put back the same leaves first.
func TestTwoRestoreAtOnce(t *testing.T) {
	for _, lose := range []bool{false, true} {
		ctx, w := t.Context(), newWorld(t)
		b, dir := &memory.Bucket{}, t.TempDir()
		a := w.init(t, b, dir)
		if _, err := visit(ctx, w, a, "press", "one"); err != nil {
			t.Fatal(err)
		}
		yesterday := b.Clone()
		if _, err := visit(ctx, w, a, "press", "two"); err != nil {
			t.Fatal(err)
		}
		want := len(walk(t, a))
		other := w.open(t, yesterday, dir, 5)
		var struck atomic.Bool
		strike := func(c fault.Call) bool {
			first := c.Op == fault.Swap && c.Key == "log/head" && !struck.Swap(true)
			return first
		}
		o := fault.Options{Before: func(_ context.Context, c fault.Call) error {
			if strike(c) {
				if _, err := other.Sweep(ctx); err != nil {
					t.Error(err)
				}
			}
			return nil
		}}
		if lose {
			o = fault.Options{Rules: []fault.Rule{{Op: fault.Swap, Key: "log/head", Nth: 1, Do: fault.LoseReply}}}
		}
		a = w.open(t, fault.New(yesterday, o), dir, 6)
		if _, err := a.Sweep(ctx); err != nil {
			t.Errorf("reply lost %t: %v", lose, err)
		}
		if got := len(walk(t, a)); got != want {
			t.Errorf("reply lost %t: %d entries, want %d", lose, got, want)
		}
		if st, err := a.State(ctx, "press"); err != nil || st.Done.Index != 4 {
			t.Errorf("reply lost %t: state is done at %d, want 4 (%v)", lose, st.Done.Index, err)
		}
		verified(t, a)
	}
}
