// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive/bucket/fault"
)

// A visit that loses its fence because a state was changed after an act of the
// operator is judged again by all of the ledger up to that act, though the state
// names none of its lines: the act may be of another machine, and an erasure.
func TestAVisitIsJudgedByTheActThatTookItsFence(t *testing.T) {
	t.Parallel()
	clock, w, _, body, h, _ := press(t, "one")
	var armed atomic.Bool
	var acted, asked atomic.Int64
	faulty(t, w, h, func(c fault.Call) error {
		if c.Op == fault.Swap && c.Key == "state/press.json" && armed.CompareAndSwap(true, false) {
			if _, _, err := h.act(context.Background(), func() (*onrecord.Event, error) {
				now := clock.now().UTC()
				return &onrecord.Event{Type: onrecord.SourceGap, At: now, By: now, Source: "other", Gap: &onrecord.Gap{Reason: "paused", Open: true, Since: now}, Index: -1, Prev: -1}, nil
			}); err != nil {
				t.Error(err)
			}
			if err := h.archive.Forget(context.Background(), "press", func(*onrecord.SourceState) {}); err != nil {
				t.Error(err)
			}
			size, err := h.archive.Size(context.Background())
			if err != nil {
				t.Error(err)
			}
			acted.Store(size)
		}
		return nil
	}, noAfter)
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	catchUp := in.CatchUp
	in.CatchUp = func(ctx context.Context, size int64) (int64, error) {
		if acted.Load() > 0 && asked.Load() == 0 { // the first time since
			asked.Store(size)
		}
		return catchUp(ctx, size)
	}
	more := rss("two", "one")
	body.Store(&more)
	clock.to(clock.now().Add(time.Hour))
	armed.Store(true)
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	if acted.Load() == 0 || asked.Load() < acted.Load() {
		t.Errorf("judged again with the ledger up to %d, the act is before %d", asked.Load(), acted.Load())
	}
}
