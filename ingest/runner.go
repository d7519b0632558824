// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"onrecord"
)

// sweepEvery is how often pending visits of all sources are finished
// (record.md 1.5), and idleAtMost how long a worker sleeps at most before it
// looks at the sources' states again: another process may have visited them.
const (
	sweepEvery = time.Hour
	idleAtMost = time.Minute
	waitAtMost = time.Hour        // between two attempts at a source that can't be visited
	spoolDelay = 10 * time.Second // before what was left in the spool is tried again
)

// A Runner makes the visits that are due, one worker a host, so that a host
// meets one request of ours at a time.
type Runner struct {
	Visitor Visitor
	States  States
	Sources []Source
	Now     func() time.Time
	Log     *slog.Logger
	// Lock takes the locks of a source and, where it is named, of a host
	// between processes; the returned function gives them back. ok is false
	// where somebody else has them: the visit is theirs.
	Lock func(source, host string) (unlock func(), ok bool)

	mu    sync.Mutex
	wait  map[string]patience // by source; guarded by mu
	spool chan struct{}       // wakes the worker that commits what is in the spool
}

// A Visitor makes visits and commits what others left in the spool: an
// Ingester.
type Visitor interface {
	Door(ctx context.Context, s Source) (Door, error)
	Visit(ctx context.Context, s Source, d Door) (Report, error)
	Recover(ctx context.Context, lock func(source string) (unlock func(), ok bool)) ([]Report, error)
}

// States are the states of the sources in the bucket: a part of Record.
type States interface {
	State(ctx context.Context, source string) (onrecord.SourceState, error)
	Sweep(ctx context.Context) (int, error)
}

// A patience keeps a source whose visits can't be made, recorded or committed
// from being asked over and over: its state, by which it is due, does not move.
type patience struct {
	since, until time.Time // by the clock on the wall: a machine that sleeps counts
	fails        int
}

// Run visits due sources until ctx ends; visits under way then are finished,
// unless hard ends too. What an earlier process left in the spool is committed
// first. Being stopped is no error.
func (r *Runner) Run(ctx, hard context.Context) error {
	r.wait, r.spool = make(map[string]patience), make(chan struct{}, 1)
	hosts := make(map[string][]Source)
	for _, s := range r.Sources {
		if len(s.Doors) > 0 && !s.Schedule.IsZero() {
			hosts[s.Doors[0].Host] = append(hosts[s.Doors[0].Host], s)
		}
	}
	r.settle(hard)
	var wg sync.WaitGroup
	for _, sources := range hosts {
		wg.Go(func() { r.work(ctx, hard, sources) })
	}
	wg.Go(func() { r.sweep(ctx, hard) })
	wg.Wait()
	return nil
}

// work visits the sources of one host as they become due.
func (r *Runner) work(ctx, hard context.Context, sources []Source) {
	for ctx.Err() == nil {
		wake := r.Now().Add(idleAtMost)
		for _, s := range sources {
			at, ok := r.due(hard, s)
			if !ok {
				continue
			}
			if now := r.Now(); at.After(now) {
				if at.Before(wake) {
					wake = at
				}
				continue
			}
			if ctx.Err() != nil {
				return
			}
			if next := r.visit(hard, s); next.Before(wake) {
				wake = next
			}
		}
		sleep(ctx, wake.Sub(r.Now()), nil)
	}
}

// due returns when s is to be visited next, by its state in the bucket.
func (r *Runner) due(ctx context.Context, s Source) (time.Time, bool) {
	now := r.Now()
	r.mu.Lock()
	p := r.wait[s.ID]
	r.mu.Unlock()
	if p.until.After(now) && !now.Before(p.since) { // else the clock was set back
		return p.until, true
	}
	st, err := r.States.State(ctx, s.ID)
	if err != nil {
		r.failed(s, err)
		return time.Time{}, false
	}
	at, alarm := s.Schedule.Due(st.LastTick, now)
	if alarm {
		r.Log.Warn("the last visit lies in the future: the clock was wrong then or is now; visiting", "source", s.ID, "last_tick", st.LastTick)
	}
	if retry := RetryAt(st, s, now); retry.After(at) {
		at = retry
	}
	return at, true
}

// visit makes one visit of s and returns when s may be looked at again.
func (r *Runner) visit(hard context.Context, s Source) (again time.Time) {
	d, err := r.Visitor.Door(hard, s)
	if err != nil {
		return r.failed(s, err)
	}
	unlock, ok := r.Lock(s.ID, d.Host)
	if !ok {
		return r.Now().Add(time.Second)
	}
	defer unlock()
	rep, err := r.Visitor.Visit(hard, s, d)
	if err != nil || rep.Spooled {
		defer r.wakeSpool()
	}
	if err != nil {
		return r.failed(s, err)
	}
	rep.log(r.Log)
	next := s.Schedule.Next(r.Now())
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.wait, s.ID); rep.Spooled {
		r.wait[s.ID] = patience{since: r.Now().Round(0), until: next.Round(0)} // its state could not move
	}
	return next
}

// failed notes that s could not be visited, and returns when it is tried again:
// after a minute, then two, four … up to an hour.
func (r *Runner) failed(s Source, err error) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.wait[s.ID]
	p.since = r.Now().Round(0)
	p.until = p.since.Add(min(idleAtMost<<min(p.fails, 6), waitAtMost))
	p.fails++
	r.wait[s.ID] = p
	r.Log.Error("visit", "source", s.ID, "err", err, "again", p.until)
	return p.until
}

// sweep commits what is in the spool when somebody left something there, and
// at least every hour, and finishes pending visits of all sources.
func (r *Runner) sweep(ctx, hard context.Context) {
	for sleep(ctx, sweepEvery, r.spool); ctx.Err() == nil; sleep(ctx, sweepEvery, r.spool) {
		if sleep(ctx, spoolDelay, nil); ctx.Err() == nil {
			r.settle(hard)
		}
	}
}

// wakeSpool tells sweep that something was left in the spool.
func (r *Runner) wakeSpool() {
	select {
	case r.spool <- struct{}{}:
	default:
	}
}

// settle commits what is in the spool, then finishes what is pending: in this
// order, since a spool may have what a pending visit lacks (record.md 1.6).
func (r *Runner) settle(hard context.Context) {
	reports, err := r.Visitor.Recover(hard, func(source string) (func(), bool) { return r.Lock(source, "") })
	for _, rep := range reports {
		if rep.Index < 0 {
			continue
		}
		r.Log.Info("a visit that was in the spool is committed", "source", rep.Source, "index", rep.Index, "events", rep.Events)
	}
	if err != nil {
		r.Log.Error("recover", "err", err)
	}
	if n, err := r.States.Sweep(hard); err != nil {
		r.Log.Error("sweep", "err", err)
	} else if n > 0 {
		r.Log.Info("finished pending visits", "visits", n)
	}
}

// sleep waits for d, until ctx ends or something comes from wake.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}
