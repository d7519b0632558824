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
	"testing/synctest"

	"onrecord/archive"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

func TestVisitsThatWaitForTheHeadShareOneSwap(t *testing.T) {
	synctest.Test(t, shareOneSwap)
}

func shareOneSwap(t *testing.T) {
	const n = 24
	ctx, w := t.Context(), newWorld(t)
	gate := make(chan struct{})
	var once sync.Once
	b := &memory.Bucket{}
	counted := fault.New(b, fault.Options{Before: func(_ context.Context, c fault.Call) error {
		if c.Op == fault.Swap && c.Key == "log/head" {
			once.Do(func() { <-gate }) // the first swap waits until all others stand behind it
		}
		return nil
	}})
	w.init(t, b, t.TempDir())
	a := w.open(t, counted, t.TempDir(), 2)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := visit(ctx, w, a, fmt.Sprint("source-", i), fmt.Sprint("text ", i)); err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait()
	if got := archive.Waiting(a); got != n-1 {
		t.Errorf("%d visits wait behind the first, want %d", got, n-1)
	}
	close(gate)
	wg.Wait()
	swaps := 0
	for _, c := range counted.Calls() {
		if c.Op == fault.Swap && c.Key == "log/head" {
			swaps++
		}
	}
	if swaps != 2 {
		t.Errorf("%d swaps of the head for %d visits, want 2", swaps, n)
	}
	if got := texts(walk(t, a)); len(got) != n {
		t.Errorf("%d of %d visits are in the record", len(got), n)
	}
	verified(t, a)
}

func TestContextOfOneVisitDoesNotEndOthers(t *testing.T) {
	synctest.Test(t, oneIsHurried)
}

func oneIsHurried(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	hurried, cancel := context.WithCancel(ctx)
	b := &memory.Bucket{}
	var once sync.Once
	cut := fault.New(b, fault.Options{Before: func(ctx context.Context, c fault.Call) error {
		if c.Op == fault.Swap && c.Key == "log/head" {
			once.Do(func() { <-ctx.Done() })
		}
		return ctx.Err()
	}})
	w.init(t, b, t.TempDir())
	a := w.open(t, cut, t.TempDir(), 2)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := visit(hurried, w, a, "toots", "hurried"); err == nil {
			t.Error("committed after its context ended")
		}
	})
	synctest.Wait()
	wg.Go(func() {
		if _, err := visit(ctx, w, a, "press", "patient"); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	if got := archive.Waiting(a); got != 1 {
		t.Errorf("%d visits wait behind the hurried one", got)
	}
	cancel()
	wg.Wait()
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	if n := texts(walk(t, a)); n["<feed>patient</feed>"] != 1 || n["<feed>hurried</feed>"] != 1 {
		t.Errorf("record %v", n)
	}
	verified(t, a)
}

// TestAVisitFromBeyondTheLedgerHoldsNoOthers: behind a ledger that was restarted at a
// smaller size a pending visit may have been begun at a size that it has yet to reach.
// Visits that wait for the head with it do not fail with it.
func TestAVisitFromBeyondTheLedgerHoldsNoOthers(t *testing.T) {
	synctest.Test(t, beyondTheLedger)
}

func beyondTheLedger(t *testing.T) {
	ctx := t.Context()
	now := &memory.Bucket{}
	s := &stage{w: newWorld(t), b: now, dir: t.TempDir()}
	founded(t, s)
	early := now.Clone()
	for n := range 3 {
		if _, err := visit(ctx, s.w, s.w.open(t, now, t.TempDir(), byte(10+n)), "toots", "lost"); err != nil {
			t.Fatal(err)
		}
	}
	pend(t, s, t.TempDir())
	b := &memory.Bucket{}
	for info, err := range now.List(ctx, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case info.Key == "state/toots.json":
		case !strings.HasPrefix(info.Key, "log/"):
			carry(t, b, now, info.Key)
		case has(t, early, info.Key):
			carry(t, b, early, info.Key)
		}
	}
	gate := make(chan struct{})
	var once sync.Once
	a := s.w.open(t, fault.New(b, fault.Options{Before: func(_ context.Context, c fault.Call) error {
		if c.Op == fault.Swap && c.Key == "log/head" {
			once.Do(func() { <-gate })
		}
		return nil
	}}), t.TempDir(), 5)
	var wg sync.WaitGroup
	for _, source := range []string{"first", "second"} {
		if source == "second" {
			wg.Go(func() {
				v, err := read(ctx, s.w, a, "press", "behind it")
				if err != nil || !errors.Is(v.Why(), ledger.ErrIndex) {
					t.Errorf("a visit behind it: %v", err)
				} else if err := v.Close(); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Go(func() {
			if _, err := visit(ctx, s.w, a, source, source); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
	}
	if got := archive.Waiting(a); got != 2 {
		t.Errorf("%d wait behind the first", got)
	}
	close(gate)
	wg.Wait()
	if _, err := visit(ctx, s.w, a, "third", "third"); err != nil {
		t.Fatal(err)
	}
	if n, err := recovered(ctx, s.w, a); n != 1 || err != nil {
		t.Errorf("recovered %d, %v", n, err)
	}
	if n := texts(walk(t, a)); len(n) != 6 || n["<feed>pending</feed>"] != 1 {
		t.Errorf("record %v", n)
	}
}
