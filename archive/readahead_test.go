// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
)

// manyVisits commits n visits of two lines each into a bucket in memory.
func manyVisits(t *testing.T, w *world, n int) *memory.Bucket {
	t.Helper()
	b := &memory.Bucket{}
	a := w.init(t, b, t.TempDir())
	for range n {
		if _, err := visit(t.Context(), w, a, "press", "hello"); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// A bucket that answers after 50 ms does not make a walk of many small visits
// take that for each: segments are read ahead, in order, at most sixteen at once.
func TestWalkReadsAhead(t *testing.T) {
	w := newWorld(t)
	b := manyVisits(t, w, 100)
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		far := fault.New(b, fault.Options{
			Before: func(_ context.Context, c fault.Call) error {
				if strings.HasPrefix(c.Key, "journal/") {
					n := now.Add(1)
					for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
					}
				}
				time.Sleep(50 * time.Millisecond)
				if strings.HasPrefix(c.Key, "journal/") {
					now.Add(-1)
				}
				return nil
			},
		})
		a, err := archive.Open(t.Context(), far, w.options("", 1))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		entries := walk(t, a)
		for i, e := range entries {
			if e.Index != int64(i) {
				t.Fatalf("entry %d has index %d", i, e.Index)
			}
		}
		if took := time.Since(began); took > 1500*time.Millisecond || len(entries) < 200 {
			t.Errorf("%d entries of 101 visits took %s, one after another 5 s", len(entries), took)
		}
		if n := most.Load(); n < 8 || n > 16 {
			t.Errorf("%d segments were read at once, want about 16 and no more", n)
		}
		// Whoever stops early leaves nothing behind: the bubble would not end.
		for range a.Walk(t.Context(), 0) {
			break
		}
		if n := now.Load(); n != 0 {
			t.Errorf("%d reads go on after the walk", n)
		}
	})
}

// A segment that can't be read ends a walk where it stands in the order, whatever
// was read ahead; and so does the end of the context.
func TestWalkFailsInOrder(t *testing.T) {
	w := newWorld(t)
	b := manyVisits(t, w, 40)
	entries := walk(t, w.open(t, b, t.TempDir(), 2))
	bad := entries[len(entries)/2]
	gone := errors.New("gone")
	broken := fault.New(b, fault.Options{Before: func(_ context.Context, c fault.Call) error {
		if c.Key == archive.JournalKey(bad.Leaf.Visit) {
			return gone
		}
		return nil
	}})
	a := w.open(t, broken, t.TempDir(), 3)
	n := int64(0)
	for e, err := range a.Walk(t.Context(), 0) {
		if err != nil {
			if !errors.Is(err, gone) || !errors.Is(err, archive.ErrUnreachable) {
				t.Errorf("at %d: %v", n, err)
			}
			break
		}
		if n = e.Index + 1; e.Leaf.Visit == bad.Leaf.Visit {
			t.Fatal("an entry of a segment that can't be read")
		}
	}
	if want := bad.Index - int64(bad.Leaf.Line); n != want {
		t.Errorf("%d entries came before the error, want %d", n, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for e, err := range w.open(t, b, t.TempDir(), 4).Walk(ctx, 0) {
		if last = err; err == nil && e.Index == 5 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a walk whose context has ended: %v", last)
	}
}
