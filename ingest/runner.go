// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// sweepEvery is how often pending visits of all sources are finished
// (record.md 1.5), and idleAtMost how long a worker sleeps at most before it
// looks at the sources' states again: another process may have visited them.
const (
	sweepEvery = time.Hour
	idleAtMost = time.Minute
)

// A Runner makes the visits that are due, one worker a host, so that a host
// meets one request of ours at a time.
type Runner struct {
	Ingester *Ingester
	Sources  []Source
	Now      func() time.Time
	Log      *slog.Logger
	// Lock takes the locks of a source and of its host between processes; the
	// returned function gives them back. ok is false where somebody else has
	// them: the visit is theirs.
	Lock func(ctx context.Context, source, host string) (unlock func(), ok bool)
}

// Run visits due sources until ctx ends; visits under way then are finished,
// unless hard ends too. Being stopped is no error.
func (r *Runner) Run(ctx, hard context.Context) error {
	hosts := make(map[string][]Source)
	for _, s := range r.Sources {
		if len(s.Doors) > 0 && !s.Schedule.IsZero() {
			hosts[s.Doors[0].Host] = append(hosts[s.Doors[0].Host], s)
		}
	}
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
		sleep(ctx, wake.Sub(r.Now()))
	}
}

// due returns when s is to be visited next, by its state in the bucket.
func (r *Runner) due(ctx context.Context, s Source) (time.Time, bool) {
	st, err := r.Ingester.Record.State(ctx, s.ID)
	if err != nil {
		r.Log.Error("state of the source can't be read", "source", s.ID, "err", err)
		return time.Time{}, false
	}
	at, alarm := s.Schedule.Due(st.LastTick, r.Now())
	if alarm {
		r.Log.Warn("the last visit lies in the future: the clock was wrong then or is now; visiting", "source", s.ID, "last_tick", st.LastTick)
	}
	if retry := retryAt(st, s); retry.After(at) {
		at = retry
	}
	return at, true
}

// visit makes one visit of s and returns when s may be looked at again.
func (r *Runner) visit(hard context.Context, s Source) (again time.Time) {
	host := s.Doors[0].Host
	unlock, ok := r.Lock(hard, s.ID, host)
	if !ok {
		return r.Now().Add(time.Second)
	}
	defer unlock()
	rep, err := r.Ingester.Visit(hard, s)
	if err != nil {
		r.Log.Error("visit", "source", s.ID, "err", err)
		return r.Now().Add(idleAtMost)
	}
	rep.log(r.Log)
	return s.Schedule.Next(r.Now())
}

// sweep finishes pending visits at once and then every hour.
func (r *Runner) sweep(ctx, hard context.Context) {
	for ctx.Err() == nil {
		if n, err := r.Ingester.Record.Sweep(hard); err != nil {
			r.Log.Error("sweep", "err", err)
		} else if n > 0 {
			r.Log.Info("finished pending visits", "visits", n)
		}
		sleep(ctx, sweepEvery)
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
