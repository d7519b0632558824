// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onrecord"
	"onrecord/ingest"
)

// begin begins runners in a bubble; stop ends them.
func begin(t *testing.T, runners ...*ingest.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, r := range runners {
		wg.Go(func() {
			if err := r.Run(ctx, t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// Visits that a source got, with the minutes at which they began.
func (p *platform) at(source string) []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []time.Duration
	for _, d := range p.visits[source] {
		list = append(list, d.Truncate(time.Minute))
	}
	return list
}

// Two processes share a queue: each tick is served once, by either, and a host
// never has two visitors.
func TestTwoProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPlatform(20*time.Second), newLine()
		var sources []ingest.Source
		for i := range 12 {
			sources = append(sources, source(t, fmt.Sprint(i), fmt.Sprintf("%d.example:443", i%4), "*/10 * * * *"))
		}
		stop := begin(t, runner(p, l, sources...), runner(p, l, sources...))
		time.Sleep(65 * time.Minute)
		stop()
		for host, n := range p.most {
			if n != 1 {
				t.Errorf("%d visits of %s at once", n, host)
			}
		}
		for _, s := range sources {
			if n := len(p.visits[s.ID]); n != 7 {
				t.Errorf("%s was visited %d times in 65 minutes, want 7: %v", s.ID, n, p.visits[s.ID])
			}
		}
	})
}

// The queue is lost and empty, and later out of reach for a while: every due
// visit is found again by the states, and none is made in between.
func TestTheQueueIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPlatform(time.Second), newLine()
		var sources []ingest.Source
		for i := range 20 {
			sources = append(sources, source(t, fmt.Sprint(i), fmt.Sprint(i%5), "*/10 * * * *"))
		}
		stop := begin(t, runner(p, l, sources...))
		time.Sleep(10*time.Minute + 1500*time.Millisecond) // in the middle of a round
		l.lose(nil)
		time.Sleep(5 * time.Minute)
		l.lose(errors.New("no route to host"))
		time.Sleep(25 * time.Minute)
		l.lose(nil)
		time.Sleep(5 * time.Minute)
		stop()
		want := []time.Duration{0, 10 * time.Minute, 40 * time.Minute}
		for _, s := range sources {
			if got := p.at(s.ID); !slices.Equal(got, want) {
				t.Errorf("%s was visited at %v, want %v", s.ID, got, want)
			}
		}
	})
}

// No more hosts are visited at once than there may be.
func TestBoundedConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(10 * time.Second)
		var now, most atomic.Int64
		p.fail = func(string, int) error { now.Add(-1); return nil }
		var sources []ingest.Source
		for i := range 1000 {
			sources = append(sources, source(t, fmt.Sprint(i), fmt.Sprint(i), "@hourly"))
		}
		r := runner(p, newLine(), sources...)
		r.Most = 50
		r.Lock = func(string, string) (func(), bool) {
			n := now.Add(1)
			for {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					return func() {}, true
				}
			}
		}
		stop := begin(t, r)
		time.Sleep(10 * time.Minute)
		stop()
		if most.Load() != 50 {
			t.Errorf("%d visits at once, want 50", most.Load())
		}
		var last time.Duration
		for _, s := range sources {
			if len(p.visits[s.ID]) != 1 {
				t.Fatalf("%s was visited at %v", s.ID, p.visits[s.ID])
			}
			last = max(last, p.visits[s.ID][0])
		}
		if last != 190*time.Second {
			t.Errorf("the last of 1000 visits of 10 s, 50 at once, began after %s, want 3m10s", last)
		}
	})
}

// A thousand sources of one spec: with jitter their visits begin over a tenth of
// the interval, each when it is due.
func TestSpreadVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		var sources []ingest.Source
		for i := range 1000 {
			s := source(t, fmt.Sprint(i), fmt.Sprint(i), "*/10 * * * *")
			s.Schedule = s.Schedule.Spread(s.ID, 0.1)
			p.states[s.ID] = onrecord.SourceState{LastTick: time.Now()}
			sources = append(sources, s)
		}
		start := time.Now()
		stop := begin(t, runner(p, newLine(), sources...))
		time.Sleep(15 * time.Minute)
		stop()
		for _, s := range sources {
			want := s.Schedule.Next(start).Sub(p.begin)
			if got := p.visits[s.ID][0]; got < want || got > want+time.Second {
				t.Fatalf("%s was visited at %s, due at %s", s.ID, got, want)
			}
		}
	})
}

// A paused source is not visited, whatever is due; once resumed it is visited
// once for what was missed, within seconds.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		var paused atomic.Bool
		r := runner(p, newLine(), source(t, "a", "one.example:443", "*/10 * * * *"), source(t, "b", "one.example:443", "*/10 * * * *"))
		r.Paused = func(_ context.Context, id string) (bool, error) { return id == "a" && paused.Load(), nil }
		stop := begin(t, r)
		time.Sleep(15 * time.Minute)
		paused.Store(true)
		time.Sleep(40 * time.Minute)
		paused.Store(false)
		time.Sleep(15 * time.Second)
		stop()
		want := []time.Duration{0, 10 * time.Minute, 55 * time.Minute}
		if got := p.at("a"); !slices.Equal(got, want) {
			t.Errorf("visits of a paused source at %v, want %v", got, want)
		}
		if got := p.at("b"); len(got) != 6 {
			t.Errorf("visits of the other at %v", got)
		}
	})
}

// The clock is set: forward, what lay between is due once; back by eight hours,
// no source waits for eight hours.
func TestTheClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		var shift atomic.Int64
		r := runner(p, newLine(), source(t, "a", "one.example:443", "*/10 * * * *"))
		r.Now = func() time.Time { return time.Now().Round(0).Add(time.Duration(shift.Load())) }
		p.clock = r.Now
		stop := begin(t, r)
		for _, step := range []time.Duration{0, 8 * time.Hour, -8 * time.Hour, -10 * 365 * 24 * time.Hour} {
			p.mu.Lock()
			before := len(p.visits["a"])
			p.mu.Unlock()
			shift.Add(int64(step))
			time.Sleep(30*time.Minute + 30*time.Second)
			p.mu.Lock()
			if n := len(p.visits["a"]) - before; n < 3 || n > 5 {
				t.Errorf("%d visits in the half hour after a step of %s, on a schedule of ten minutes", n, step)
			}
			p.mu.Unlock()
		}
		stop()
	})
}

// Where another process of this machine has the source or the host, its visit is
// waited for; other hosts are not.
func TestHeldLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		var held atomic.Bool
		held.Store(true)
		r := runner(p, newLine(), source(t, "a", "one.example:443", "@hourly"), source(t, "b", "one.example:443", "@hourly"), source(t, "c", "two.example:443", "@hourly"))
		r.Lock = func(s, _ string) (func(), bool) { return func() {}, s != "a" || !held.Load() }
		stop := begin(t, r)
		time.Sleep(3 * time.Minute)
		held.Store(false)
		time.Sleep(5 * time.Second)
		stop()
		if got := p.at("a"); !slices.Equal(got, []time.Duration{3 * time.Minute}) {
			t.Errorf("a was visited at %v, want after its lock was given back", got)
		}
		if len(p.visits["b"]) != 1 || len(p.visits["c"]) != 1 {
			t.Errorf("the others were visited at %v and %v", p.visits["b"], p.visits["c"])
		}
	})
}

// The first door has to wait: the visit is announced for the host of the second.
func TestHostOfTheHealthyDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPlatform(time.Second), newLine()
		s := source(t, "a", "one.example:443", "*/10 * * * *")
		s.Doors = append(s.Doors, ingest.Door{ID: "page", Host: "two.example:443"})
		p.states["a"] = onrecord.SourceState{Doors: map[string]onrecord.DoorState{"feed": {RetryAt: time.Now().Add(time.Hour)}}}
		var hosts []string
		r := runner(p, l, s)
		r.Lock = func(_, host string) (func(), bool) { hosts = append(hosts, host); return func() {}, true }
		stop := begin(t, r)
		time.Sleep(time.Minute)
		stop()
		if !slices.Equal(hosts, []string{"two.example:443"}) {
			t.Errorf("visited at %v, want two.example:443", hosts)
		}
	})
}

// Being stopped between the turn and the visit gives the visit to somebody else.
func TestStopGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPlatform(time.Second), newLine()
		ctx, cancel := context.WithCancel(t.Context())
		r := runner(p, stopping{l, cancel}, source(t, "a", "one.example:443", "@hourly"))
		if err := r.Run(ctx, t.Context()); err != nil {
			t.Error(err)
		}
		if len(p.visits["a"]) != 0 || l.back != 1 {
			t.Errorf("visits %v, %d turns given back, want none and 1", p.visits["a"], l.back)
		}
	})
}

// stopping is a queue that stops its runner once it has given a turn.
type stopping struct {
	*line
	stop func()
}

func (s stopping) Take(ctx context.Context, host string) (ingest.Turn, bool, error) {
	defer s.stop()
	return s.line.Take(ctx, host)
}
