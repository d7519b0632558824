// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// TestVisitsGoOnWhileNothingMayBeAppended: what is seen meanwhile waits in the spool,
// in its order, and is judged when the operator has seen to it.
func TestVisitsGoOnWhileNothingMayBeAppended(t *testing.T) {
	ctx, w, dir := t.Context(), newWorld(t), t.TempDir()
	b := &memory.Bucket{}
	w.init(t, b, dir)
	var refuses atomic.Bool
	o := w.options(dir, 2)
	o.Known = func(context.Context) ([]ledger.Sighting, error) {
		if refuses.Load() {
			return []ledger.Sighting{{By: "witness w", Refused: "it has seen another history"}}, nil
		}
		return nil, nil
	}
	a := opened(t, b, o)
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	refuses.Store(true)
	w.wait(time.Minute)
	if _, err := visit(ctx, w, a, "press", "two"); !errors.Is(err, ledger.ErrSeenMore) {
		t.Fatalf("a visit that can't be appended: %v", err)
	}
	for _, text := range []string{"three", "four"} {
		w.wait(time.Minute)
		v, err := read(ctx, w, a, "press", text)
		if err != nil || !v.Offline() || !errors.Is(v.Why(), ledger.ErrSeenMore) {
			t.Fatalf("a visit behind it: %v", err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := drained(t, w, a); n != 0 || !errors.Is(err, ledger.ErrSeenMore) {
		t.Errorf("%d visits, error %v", n, err)
	}
	refuses.Store(false)
	if n, err := drained(t, w, a); n != 2 || err != nil {
		t.Errorf("%d visits, error %v", n, err)
	}
	if got, want := saidInOrder(t, a), []string{"one", "two", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
	verified(t, a)
}

// TestAnActIsBegunAfterOneThatFailed in the same process.
func TestAnActIsBegunAfterOneThatFailed(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	line := newCable(&memory.Bucket{})
	a := w.init(t, line, t.TempDir())
	act := func() (*archive.Visit, error) {
		return a.Begin(ctx, archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	}
	carry := func(v *archive.Visit) error {
		now := w.now()
		next := v.State()
		next.Source, next.Platform = archive.BuiltIn, archive.BuiltIn
		_, err := v.Commit(ctx, archive.Draft{
			Base: v.Size() - 1, Outcome: onrecord.OutcomeOK, Started: now, Ended: now, Next: next,
			Events: []onrecord.Event{{Type: onrecord.SourceGap, Gap: &onrecord.Gap{Reason: "paused", Open: true, Since: now}, At: now, By: now, Source: "press", Prev: -1, Index: -1}},
		})
		return err
	}
	v, err := act()
	if err != nil {
		t.Fatal(err)
	}
	line.set(true)
	if err := carry(v); !errors.Is(err, archive.ErrUnreachable) {
		t.Fatalf("an act while cut off: %v", err)
	}
	line.set(false)
	size := v.Size()
	v, err = act()
	if err != nil || v.Offline() || v.Size() <= size {
		t.Fatalf("the next act: offline %t, %v", v != nil && v.Offline(), err)
	}
	if err := carry(v); err != nil {
		t.Error(err)
	}
	verified(t, a)
}
