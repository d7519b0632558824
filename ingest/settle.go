// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"time"
)

const (
	// drainsFor is for how long after a visit has left the spool others are
	// expected to follow.
	drainsFor = time.Minute
	// behindAtMost is how long a visit waits at most for those in the spool.
	behindAtMost = 5 * time.Minute
	// troubleTold is how often trouble is told that lasts.
	troubleTold = 10 * time.Minute
)

// sweep commits what is in the spool when somebody left something there, soon
// again while something is left, and at least every hour; then it finishes
// pending visits of all sources.
func (r *Runner) sweep(ctx, hard context.Context, left bool) {
	for ctx.Err() == nil {
		pause := sweepEvery
		if left || r.full() {
			pause = spoolEvery
		}
		sleep(ctx, pause, r.spool)
		sleep(ctx, spoolDelay, nil)
		if ctx.Err() == nil {
			left = r.settle(ctx, hard)
		}
	}
}

// settle commits what is in the spool, then finishes what is pending: in this
// order, since a spool may have what a pending visit lacks (record.md 1.6). It
// reports whether visits stay in the spool.
func (r *Runner) settle(ctx, hard context.Context) (left bool) {
	began := r.wall()
	for moved := true; moved && ctx.Err() == nil && r.wall().Sub(began) < sweepEvery; {
		moved, left = r.drain(ctx, hard)
	}
	now := r.wall()
	if passed := now.Sub(r.swept); left && !r.full() && passed >= 0 && passed < sweepEvery {
		return left // it asks for the state of every source: too much for each look at the spool
	}
	r.swept = now
	n, err := r.States.Sweep(hard)
	r.trouble("pending visits could not be finished", err)
	if n > 0 {
		r.Log.Info("finished pending visits", "visits", n)
	}
	return left
}

// full reports whether visits are held back: what fills a spool may be what is
// recorded, and is to be read back.
func (r *Runner) full() bool { return r.Hold != nil && r.Hold() != nil }

// drain commits what is in the spool until ctx ends, and reports whether a visit
// has left it, and whether any stay there.
func (r *Runner) drain(ctx, hard context.Context) (moved, left bool) {
	err := r.Visitor.Drain(hard, func(source string) (func(), bool) { return r.Lock(source, "") }, func(rep Report) bool {
		moved = true
		r.mu.Lock()
		r.drained = r.wall()
		r.mu.Unlock()
		r.Log.Info("a visit that was in the spool is committed", "source", rep.Source, "index", rep.Index, "events", rep.Events)
		return ctx.Err() == nil
	})
	r.trouble("visits stay in the spool for now", err)
	return moved, err != nil
}

// trouble tells of an error that lasts: when it begins, and every ten minutes.
// Nil ends it.
func (r *Runner) trouble(what string, err error) {
	now := r.wall()
	told, known := r.troubles[what]
	switch {
	case err == nil:
		delete(r.troubles, what)
	case !known || now.Sub(told) >= troubleTold || now.Before(told):
		r.troubles[what] = now
		r.Log.Error(what, "err", err)
	}
}

// waits reports whether a due visit of source is to wait: earlier ones of it lie
// in the spool, visits are leaving that, and the new one would only join them.
// So no backlog grows as fast as it is committed. While none leaves the spool, as
// when the bucket is away, visits go on; and none waits for ever.
func (r *Runner) waits(source string) bool {
	behind := r.Waits != nil && r.Waits(source)
	now := r.wall()
	r.mu.Lock()
	defer r.mu.Unlock()
	since, waited := r.behind[source]
	passed := now.Sub(r.drained)
	if !behind || passed < 0 || passed > drainsFor || waited && now.Sub(since) >= behindAtMost {
		delete(r.behind, source)
		return false
	}
	if !waited {
		r.behind[source] = now
	}
	return true
}
