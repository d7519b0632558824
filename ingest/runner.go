// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"onrecord"
	"onrecord/schedule"
)

const (
	// sweepEvery is how often pending visits of all sources are finished
	// (record.md 1.5).
	sweepEvery = time.Hour
	// idleAtMost is how long a Runner sleeps at most before it looks at the
	// clock, which may have been set.
	idleAtMost = time.Minute
	// lookEvery is how often the state of a source is read at least: another
	// process may have visited it. What is due is looked at again before it is
	// visited, so this bounds nothing but surprise.
	lookEvery   = 10 * time.Minute
	pausedEvery = 10 * time.Second // how often a paused source is looked at
	lookAtOnce  = 16               // states that are read at once
	waitAtMost  = time.Hour        // between two attempts at a source that can't be visited
	spoolDelay  = 10 * time.Second // before what was left in the spool is tried again
	spoolEvery  = 20 * time.Second // how often at least, while something is left there or holds
	takenDelay  = 2 * time.Second  // before a host that somebody else visits is asked for again
	queueDelay  = 5 * time.Second  // before a queue that does not answer is asked again
	behindDelay = 2 * time.Second  // before a visit that waits for those in the spool is asked for again
	heldDelay   = time.Second      // before locks that another process has are tried again
	holdDelay   = 5 * time.Second  // before it is asked again whether visits may be begun
	defaultMost = 32
)

// A Runner makes the visits that are due: it finds them by the states of the
// sources, announces them in a queue, and takes turns from it, so that a host
// meets one visit of ours at a time, whoever makes it. The queue is asked who
// does what, never what is to be done: what it loses is found again.
type Runner struct {
	Visitor Visitor
	Media   MediaVisitor // nil: attachments are not fetched
	States  States
	Queue   Queue
	Sources []Source
	Now     func() time.Time
	Log     *slog.Logger
	// Lock takes the locks of a source and, where it is named, of a host
	// between the processes of this machine; the returned function gives them
	// back. ok is false where somebody else has them: the visit is theirs.
	Lock func(source, host string) (unlock func(), ok bool)
	// Paused reports whether the operator has paused a source. Nil: none is.
	Paused func(ctx context.Context, source string) (bool, error)
	// Hold says why no visit may be begun on this machine for now: its disk is
	// full, or its spool. Nothing is begun, and no source loses patience, until it
	// returns nil. It is asked often. Nil: nothing holds.
	Hold func() error
	// Waits reports whether earlier visits of a source wait in the spool for their
	// commit: one begun now waits behind them. Nil: that is not known.
	Waits func(source string) bool
	// Away reports whether an error of Drain says that the store does not answer:
	// the spool is then looked at again soon, however often that was in vain. Nil:
	// that is not known.
	Away func(err error) bool
	Most int // hosts that are visited at once; default 32

	mu       sync.Mutex
	sources  map[string]Source
	agenda   schedule.Agenda       // when to look at which source; guarded by mu
	hosts    map[string]*hostPlan  // by host; guarded by mu
	lines    lines                 // hosts with due visits and no worker; guarded by mu
	late     map[string]time.Time  // by source: since when its visit waits; guarded by mu
	told     time.Time             // when late visits were told last
	plans    map[string]sourcePlan // by source; guarded by mu
	wait     map[string]patience   // by source; guarded by mu
	mute     time.Time             // until when the queue's silence is not told again; guarded by mu
	holds    bool                  // Hold held when it was asked last; of Run's goroutine
	drained  time.Time             // when a visit left the spool last; guarded by mu
	behind   map[string]time.Time  // by source: since when its visit waits for those in the spool; guarded by mu
	swept    time.Time             // when finishing pending visits was begun last; of the goroutine that settles
	sweeping atomic.Bool           // that is under way
	stuck    int                   // drains in a row after which all stayed, though the store answered; of the goroutine that settles
	troubles map[string]time.Time  // when which was told last; guarded by mu

	work  sync.WaitGroup
	looks chan Source   // whose states are to be read
	wake  chan struct{} // wakes Run: something is due, or a worker is free
	spool chan struct{} // wakes the worker that commits what is in the spool
}

// A Visitor makes visits and commits what others left in the spool: an
// Ingester.
type Visitor interface {
	Visit(ctx context.Context, s Source, d Door) (Report, error)
	Check(ctx context.Context, s Source, d Door) (Report, error)
	Drain(ctx, hard context.Context, lock func(source string) (unlock func(), ok bool), each func(Report)) (left bool, err error)
}

// States are the states of the sources in the bucket: a part of Record.
type States interface {
	State(ctx context.Context, source string) (onrecord.SourceState, error)
	Sweep(ctx context.Context) (int, error)
}

// A Task is one visit to be made.
type Task struct {
	Source string
	Host   string    // host and port that its requests go to
	Tick   time.Time // when it was due, UTC
}

// A Queue hands out visits. It keeps one visit a source, and gives out one of a
// host at a time.
type Queue interface {
	// Put announces a visit. That one of the source is there already is no error.
	Put(ctx context.Context, t Task) error
	// Take takes the next visit of a host; ok is false where there is none or
	// somebody else is at the host.
	Take(ctx context.Context, host string) (t Turn, ok bool, err error)
}

// A Turn is a visit to be made, and the right to visit its host, until it ends.
type Turn interface {
	Task() Task
	// Context ends when somebody else may be at the host: the turn is lost.
	Context() context.Context
	Done(ctx context.Context) error // made, or not needed
	Back() error                    // not made: for somebody else, now
}

// A hostPlan is what is due at a host.
type hostPlan struct {
	due     []dueTask
	waiting bool // in Runner.lines
	place   int  // there: the lower the sooner
	busy    bool // a worker is at it
}

// A dueTask is a due visit, and whether the queue knows of it.
type dueTask struct {
	Task
	put bool
}

// A sourcePlan is what is next for a source.
type sourcePlan struct {
	door Door // that it is visited through
	look bool // read its state; else visit it
}

// A patience keeps a source whose visits can't be made, recorded or committed
// from being asked over and over: its state, by which it is due, does not move.
type patience struct {
	since, until time.Time // by the clock on the wall: a machine that sleeps counts
	fails        int
}

// Run visits due sources until ctx ends; visits under way then are finished,
// unless hard ends too. A visit whose turn is lost is broken off, for somebody
// else may be at the host; what it has captured is committed from the spool. What
// an earlier process left in the spool is looked at once before the first visit.
// Being stopped is no error.
func (r *Runner) Run(ctx, hard context.Context) error {
	r.wait, r.spool, r.wake = make(map[string]patience), make(chan struct{}, 1), make(chan struct{}, 1)
	r.sources, r.plans, r.hosts = make(map[string]Source), make(map[string]sourcePlan), make(map[string]*hostPlan)
	r.behind, r.troubles = make(map[string]time.Time), make(map[string]time.Time)
	r.late, r.lines = make(map[string]time.Time), lines{took: make(map[string]time.Duration)}
	for _, s := range r.Sources {
		if len(s.Doors) > 0 && !s.Schedule.IsZero() {
			r.sources[s.ID] = s
		}
	}
	if r.Most <= 0 {
		r.Most = defaultMost
	}
	_, left := r.drain(ctx, hard)
	r.work.Go(func() { r.sweep(ctx, hard, r.settle(ctx, hard) || left) })
	r.looks = make(chan Source, len(r.sources))
	for range min(lookAtOnce, len(r.sources)) {
		r.work.Go(func() { r.looker(ctx, hard) })
	}
	r.lookAtAll(ctx)
	r.work.Go(func() { r.planAllMedia(ctx) })
	for last := r.wall(); ctx.Err() == nil; {
		now := r.wall()
		if now.Before(last.Add(-time.Second)) {
			r.Log.Warn("the clock was set back; looking at all sources again", "by", last.Sub(now))
			r.lookAtAll(ctx)
		}
		last = now
		if r.held(ctx) {
			sleep(ctx, holdDelay, nil)
			continue
		}
		pause := r.collect(ctx, now)
		r.start(ctx, hard)
		r.tellLate(now)
		sleep(ctx, pause, r.wake)
	}
	r.work.Wait()
	return nil
}

// held reports whether no visit may be begun now. When that is over, what failed
// meanwhile is forgotten and all sources are looked at again: it was this
// machine's fault.
func (r *Runner) held(ctx context.Context) bool {
	if r.Hold == nil {
		return false
	}
	err := r.Hold()
	if (err != nil) == r.holds {
		return r.holds
	}
	if r.holds = err != nil; r.holds {
		r.Log.Error("no visit is begun until this is over", "why", err)
		return true
	}
	r.Log.Warn("visits go on")
	r.mu.Lock()
	clear(r.wait)
	r.mu.Unlock()
	nudge(r.spool)
	r.lookAtAll(ctx)
	return false
}

// wall returns the time by the clock on the wall: a machine that sleeps, or
// whose clock is set, counts.
func (r *Runner) wall() time.Time { return r.Now().Round(0) }

// looker reads states: many take their time where the bucket is far away, and
// visits do not wait for that.
func (r *Runner) looker(ctx, hard context.Context) {
	for {
		select {
		case s := <-r.looks:
			r.look(hard, s)
		case <-ctx.Done():
			return
		}
	}
}

// lookAt has the state of a source read.
func (r *Runner) lookAt(ctx context.Context, s Source) {
	select {
	case r.looks <- s:
	case <-ctx.Done():
	}
}

// lookAtAll has the states of all sources read.
func (r *Runner) lookAtAll(ctx context.Context) {
	for _, s := range r.Sources {
		if _, ok := r.sources[s.ID]; ok {
			r.lookAt(ctx, s)
		}
	}
}

// collect takes off the agenda what is due, and returns for how long nothing
// else is.
func (r *Runner) collect(ctx context.Context, now time.Time) time.Duration {
	for {
		r.mu.Lock()
		e, ok := r.agenda.Take(now)
		if !ok {
			pause := idleAtMost
			if e, ok := r.agenda.Next(); ok {
				pause = min(pause, e.At.Sub(now))
			}
			r.mu.Unlock()
			return pause
		}
		p := r.plans[e.Source]
		if !p.look {
			r.enqueue(Task{Source: e.Source, Host: p.door.Host, Tick: e.At})
		}
		r.mu.Unlock()
		if p.look {
			r.lookAt(ctx, r.sources[e.Source])
		}
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
