// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/ingest"
	"onrecord/schedule"
)

// A platform is what a runner works on: the states in the bucket, and visits
// that take a while.
type platform struct {
	mu      sync.Mutex
	begin   time.Time
	took    time.Duration
	states  map[string]onrecord.SourceState
	visits  map[string][]time.Duration // when each began, since begin
	running map[string]int             // by host
	most    map[string]int             // by host: how many at once
	fail    func(source string, n int) error
	spooled func(source string, n int) bool
	hold    func() error // nil: nothing holds
	store   *slowStore   // nil: nothing lies in the spool
	settled int
	checks  []time.Duration  // when each visit of checks only began, since begin
	checked *ingest.Door     // that the checks of source a are to go through
	clock   func() time.Time // by which visits are dated; nil: that of the bubble
}

func newPlatform(took time.Duration) *platform {
	return &platform{
		begin: time.Now(), took: took, states: map[string]onrecord.SourceState{}, visits: map[string][]time.Duration{},
		running: map[string]int{}, most: map[string]int{},
	}
}

func (p *platform) State(_ context.Context, source string) (onrecord.SourceState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.states[source], nil
}

func (p *platform) Sweep(context.Context) (int, error) { return 0, nil }

func (p *platform) Drain(ctx, _ context.Context, _ func(string) (func(), bool), each func(ingest.Report)) (left bool, err error) {
	p.mu.Lock()
	p.settled++
	p.mu.Unlock()
	if p.store == nil {
		return false, nil
	}
	err = p.store.drain(ctx, each)
	return err != nil, err
}

func (p *platform) Check(_ context.Context, _ ingest.Source, d ingest.Door) (ingest.Report, error) {
	p.mu.Lock()
	p.checks = append(p.checks, time.Since(p.begin))
	p.running[d.Host]++
	p.most[d.Host] = max(p.most[d.Host], p.running[d.Host])
	p.mu.Unlock()
	time.Sleep(p.took)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[d.Host]--
	return ingest.Report{Outcome: onrecord.OutcomeOK, Index: -1}, nil
}

func (p *platform) Visit(_ context.Context, s ingest.Source, _ ingest.Door) (ingest.Report, error) {
	host := s.Doors[0].Host
	p.mu.Lock()
	p.visits[s.ID] = append(p.visits[s.ID], time.Since(p.begin))
	n := len(p.visits[s.ID])
	p.running[host]++
	p.most[host] = max(p.most[host], p.running[host])
	p.mu.Unlock()
	start := time.Now()
	if p.clock != nil {
		start = p.clock()
	}
	time.Sleep(p.took)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[host]--
	rep := ingest.Report{Source: s.ID, Outcome: onrecord.OutcomeOK}
	if p.fail != nil {
		if err := p.fail(s.ID, n); err != nil {
			return rep, err
		}
	}
	if p.spooled != nil && p.spooled(s.ID, n) {
		rep.Spooled = true
		return rep, nil
	}
	if s.ID == "a" {
		rep.Checks = p.checked
	}
	p.states[s.ID] = onrecord.SourceState{LastTick: start}
	return rep, nil
}

func source(t *testing.T, id, host, spec string) ingest.Source {
	t.Helper()
	s, err := schedule.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Source{ID: id, Schedule: s, Spec: spec, Doors: []ingest.Door{{ID: "feed", Host: host}}}
}

func runner(p *platform, l ingest.Queue, sources ...ingest.Source) *ingest.Runner {
	return &ingest.Runner{
		Visitor: p, States: p, Queue: l, Sources: sources, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Lock: func(string, string) (func(), bool) { return func() {}, true }, Hold: p.hold,
	}
}

// run runs a runner for a while in a bubble.
func run(t *testing.T, p *platform, d time.Duration, sources ...ingest.Source) {
	t.Helper()
	runWith(t, p, d, func(*ingest.Runner) {}, sources...)
}

// runWith is run of a runner with more options.
func runWith(t *testing.T, p *platform, d time.Duration, more func(*ingest.Runner), sources ...ingest.Source) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := runner(p, newLine(), sources...)
	more(r)
	done := make(chan error)
	go func() { done <- r.Run(ctx, t.Context()) }()
	time.Sleep(d)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Two sources of one host and one of another, each every ten minutes, visits of
// three minutes: a host meets one visit of ours at a time.
func TestOneVisitAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(3 * time.Minute)
		run(t, p, 65*time.Minute,
			source(t, "a", "one.example:443", "*/10 * * * *"), source(t, "b", "one.example:443", "*/10 * * * *"), source(t, "c", "two.example:443", "*/10 * * * *"))
		if p.most["one.example:443"] != 1 || p.most["two.example:443"] != 1 {
			t.Errorf("visits at once: %v, want 1 a host", p.most)
		}
		for id, v := range p.visits {
			if len(v) != 7 {
				t.Errorf("%s was visited at %v, want 7 times in 65 minutes", id, v)
			}
		}
	})
}

// able is a door that reads what it looks at.
type able struct{ crawler.Door }

func (able) Info() crawler.Info {
	return crawler.Info{Can: onrecord.Capabilities{OwnAddress: true, OwnWording: true}}
}

// Checks at another host than the visits' have turns of their own there: that
// host too meets one visit at a time, and the visits come no later for it.
func TestChecksAtAnotherHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(3 * time.Minute)
		a, b := source(t, "a", "one.example:443", "*/10 * * * *"), source(t, "b", "two.example:443", "*/10 * * * *")
		a.Doors[0].Door, b.Doors[0].Door = able{}, able{}
		a.Doors = append(a.Doors, ingest.Door{ID: "page", Door: able{}, Host: "two.example:443"})
		p.checked = &a.Doors[1]
		run(t, p, 65*time.Minute, a, b)
		if p.most["one.example:443"] != 1 || p.most["two.example:443"] != 1 {
			t.Errorf("visits at once: %v, want 1 a host", p.most)
		}
		if len(p.visits["a"]) != 7 || len(p.visits["b"]) != 7 || len(p.checks) != 7 {
			t.Errorf("visits %v, checks %v, want 7 each", p.visits, p.checks)
		}
	})
}

// A machine sleeps for a day: each source is visited once for all that it
// missed, at once, and by its schedule again afterwards.
func TestCatchUpAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		p.states["a"] = onrecord.SourceState{LastTick: time.Now().Add(-24 * time.Hour)}
		run(t, p, 25*time.Minute, source(t, "a", "one.example:443", "*/10 * * * *"))
		want := []time.Duration{0, 10 * time.Minute, 20 * time.Minute}
		if got := p.visits["a"]; !slices.Equal(got, want) {
			t.Errorf("visits at %v, want %v", got, want)
		}
	})
}

// What can't be committed does not move the source's state; it is tried again
// with growing patience, not every minute, and the spool is looked at.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(0)
		p.fail = func(string, int) error { return errors.New("no space left on device") }
		run(t, p, 8*time.Hour, source(t, "a", "one.example:443", "@daily"))
		got := p.visits["a"]
		if len(got) > 14 || len(got) < 8 {
			t.Errorf("%d attempts in 8 hours at %v, want about a dozen", len(got), got)
		}
		if gap := got[len(got)-1] - got[len(got)-2]; gap < 59*time.Minute {
			t.Errorf("after %d failures it was tried again within %s", len(got)-1, gap)
		}
		if p.settled < len(got) {
			t.Errorf("the spool was looked at %d times after %d failures", p.settled, len(got))
		}
	})
}

// While something holds this machine, no visit is begun; once that is over, they
// go on within seconds, also those that had failed often by then.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(0)
		p.hold = func() error {
			if since := time.Since(p.begin); since > 2*time.Hour+time.Minute && since < 4*time.Hour+time.Minute {
				return errors.New("the disk is full")
			}
			return nil
		}
		p.fail = func(string, int) error {
			if since := time.Since(p.begin); since > time.Hour && since < 4*time.Hour {
				return errors.New("no space left on device")
			}
			return nil
		}
		run(t, p, 6*time.Hour, source(t, "a", "one.example:443", "@every 30m"))
		var during, after []time.Duration
		for _, at := range p.visits["a"] {
			switch {
			case at > 2*time.Hour+time.Minute+holdTakes && at < 4*time.Hour+time.Minute:
				during = append(during, at)
			case at >= 4*time.Hour+time.Minute:
				after = append(after, at)
			}
		}
		if len(during) > 0 {
			t.Errorf("visits at %v, while the disk was full", during)
		}
		if len(after) < 4 || after[0] > 4*time.Hour+2*time.Minute {
			t.Errorf("visits at %v, want one within a minute of 4h1m, and every half hour", after)
		}
	})
}

// holdTakes is how long what holds may stay unseen.
const holdTakes = time.Minute

// While the bucket is away, visits go on by the schedule, though the state by
// which they are due can't move.
func TestVisitsGoOnWithoutABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(0)
		p.states["a"] = onrecord.SourceState{LastTick: time.Now()}
		p.spooled = func(_ string, n int) bool { return n <= 3 }
		run(t, p, 45*time.Minute, source(t, "a", "one.example:443", "*/10 * * * *"))
		want := []time.Duration{10 * time.Minute, 20 * time.Minute, 30 * time.Minute, 40 * time.Minute}
		if got := p.visits["a"]; !slices.Equal(got, want) {
			t.Errorf("visits at %v, want %v", got, want)
		}
		if p.settled < 3 {
			t.Errorf("the spool was looked at %d times", p.settled)
		}
	})
}

// A daily source whose visits stay in the spool is visited daily.
func TestSpooledVisitsKeepTheirSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(0)
		p.spooled = func(string, int) bool { return true }
		run(t, p, 50*time.Hour, source(t, "a", "one.example:443", "@daily"))
		want := []time.Duration{0, 24 * time.Hour, 48 * time.Hour}
		if got := p.visits["a"]; !slices.Equal(got, want) {
			t.Errorf("%d visits, at %v; want %v", len(got), got[:min(len(got), 5)], want)
		}
	})
}

// A visit under way is finished when the runner is stopped; none is begun.
func TestStopFinishesTheVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(10 * time.Minute)
		run(t, p, 5*time.Minute, source(t, "a", "one.example:443", "@every 1m"), source(t, "b", "one.example:443", "@every 1m"))
		if len(p.visits["a"])+len(p.visits["b"]) != 1 || p.states["a"].LastTick.IsZero() == p.states["b"].LastTick.IsZero() {
			t.Errorf("visits %v, states %v", p.visits, p.states)
		}
	})
}

// A back-off further ahead than any can be was noted by a wrong clock.
func TestRetryAt(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	s := ingest.Source{Doors: []ingest.Door{{ID: "feed"}, {ID: "page"}}}
	for _, tt := range []struct {
		name       string
		feed, page time.Duration
		want       time.Time
	}{
		{"the first that may be tried", 2 * time.Hour, time.Hour, now.Add(time.Hour)},
		{"one may be tried now", 2 * time.Hour, -time.Hour, now.Add(-time.Hour)},
		{"a wrong clock", 30 * 24 * time.Hour, 2 * time.Hour, time.Time{}},
	} {
		st := onrecord.SourceState{Doors: map[string]onrecord.DoorState{"feed": {RetryAt: now.Add(tt.feed)}, "page": {RetryAt: now.Add(tt.page)}}}
		if got := ingest.RetryAt(st, s, now); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
