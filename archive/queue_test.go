// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"onrecord/archive"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
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
