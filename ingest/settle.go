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
	// stuckAtMost is between two looks at a spool from which nothing goes: each reads
	// all that lies there.
	stuckAtMost = 10 * time.Minute
	// fullSweepEvery is how often what was committed is read back while nothing is
	// begun because the spool is full.
	fullSweepEvery = 2 * time.Minute
)

// sweep commits what is in the spool when somebody left something there, soon
// again while something is left, and at least every hour; then it finishes
// pending visits of all sources. Where nothing moves though the store answers, it
// looks ever more seldom, whatever else comes to lie there.
func (r *Runner) sweep(ctx, hard context.Context, left bool) {
	for ctx.Err() == nil {
		pause, wake := sweepEvery, r.spool
		if left || r.full() {
			pause = spoolEvery
		}
		if r.stuck > 1 {
			pause, wake = min(spoolEvery<<min(r.stuck-1, 8), stuckAtMost), nil
		}
		sleep(ctx, pause, wake)
		sleep(ctx, spoolDelay, nil)
		if ctx.Err() == nil {
			left = r.settle(ctx, hard)
		}
	}
}

// settle commits what is in the spool, then has finished what is pending: in this
// order, since a spool may have what a pending visit lacks (record.md 1.6). It
// reports whether visits stay in the spool.
func (r *Runner) settle(ctx, hard context.Context) (left bool) {
	began := r.wall()
	for moved := true; moved && ctx.Err() == nil && r.wall().Sub(began) < sweepEvery; {
		moved, left = r.drain(ctx, hard)
	}
	if ctx.Err() != nil {
		return left
	}
	every := time.Duration(0)
	switch full := r.full(); {
	case full:
		every = fullSweepEvery
	case left:
		every = sweepEvery // it asks for the state of every source: too much for each look at the spool
	}
	now := r.wall()
	if passed := now.Sub(r.swept); passed >= 0 && passed < every || !r.sweeping.CompareAndSwap(false, true) {
		return left
	}
	r.swept = now
	r.work.Go(func() { // beside the next drain: it asks for all that was committed, too
		defer r.sweeping.Store(false)
		r.finishPending(ctx)
	})
	return left
}

// finishPending finishes pending visits of all sources, until ctx ends.
func (r *Runner) finishPending(ctx context.Context) {
	n, err := r.States.Sweep(ctx)
	if ctx.Err() == nil {
		r.trouble("pending visits could not be finished", err)
	}
	if n > 0 {
		r.Log.Info("finished pending visits", "visits", n)
	}
}

// full reports whether visits are held back: what fills a spool may be what is
// recorded, and is to be read back.
func (r *Runner) full() bool { return r.Hold != nil && r.Hold() != nil }

// drain commits what is in the spool until ctx ends, and reports whether a visit
// has left it, and whether any stay there.
func (r *Runner) drain(ctx, hard context.Context) (moved, left bool) {
	left, err := r.Visitor.Drain(ctx, hard, func(source string) (func(), bool) { return r.Lock(source, "") }, func(rep Report) {
		moved = true
		r.mu.Lock()
		r.drained = r.wall()
		r.mu.Unlock()
		if rep.Index >= 0 {
			r.Log.Info("a visit that was in the spool is committed", "source", rep.Source, "index", rep.Index, "events", rep.Events)
		}
	})
	if r.stuck++; moved || err == nil || r.Away != nil && r.Away(err) {
		r.stuck = 0
	}
	r.trouble("visits stay in the spool for now", err)
	return moved, left
}

// trouble tells of an error that lasts: when it begins, and every ten minutes.
// Nil ends it.
func (r *Runner) trouble(what string, err error) {
	now := r.wall()
	r.mu.Lock()
	defer r.mu.Unlock()
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
