// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/schedule"
)

func parse(t testing.TB, spec string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The ticks of a source are moved by a share of the interval that stays the
// same, within bounds, and never overtake one another.
func TestSpreadKeepsTheRate(t *testing.T) {
	for _, tt := range []struct {
		spec     string
		fraction float64
		interval time.Duration // between two ticks; 0 where they differ
		most     time.Duration // by which a tick is moved
	}{
		{"*/10 * * * *", 0.1, 10 * time.Minute, time.Minute},
		{"@every 2m", 0.1, 2 * time.Minute, 12 * time.Second},
		{"@every 1s", 0.1, time.Second, 100 * time.Millisecond},
		{"@every 7m", 0.5, 7 * time.Minute, 210 * time.Second},
		{"@hourly", 0.1, time.Hour, schedule.MaxJitter},
		{"@daily", 0.5, 24 * time.Hour, schedule.MaxJitter},
		{"0 6-22 * * 1-5", 0.1, 0, schedule.MaxJitter},
		{"@hourly", 9, time.Hour, schedule.MaxJitter},
		{"@hourly", -1, time.Hour, 0},
		{"*/10 * * * *", 0, 10 * time.Minute, 0},
	} {
		plain := parse(t, tt.spec)
		for _, source := range []string{"press", "masto", "a", "b", "c"} {
			s := plain.Spread(source, tt.fraction)
			base := at("2026-11-22T10:00:00Z")
			got := s.Next(base)
			if got.Before(plain.Next(base)) {
				base = base.Add(-time.Second) // the tick at 10:00 itself was moved past it
			}
			for n := range 200 {
				base = plain.Next(base)
				if moved := got.Sub(base); moved < 0 || moved > tt.most {
					t.Fatalf("%s of %s: tick %d, %v, is moved by %s, at most %s", tt.spec, source, n, base, moved, tt.most)
				}
				next := s.Next(got)
				if tt.interval > 0 && next.Sub(got) != tt.interval {
					t.Fatalf("%s of %s: %s between two ticks, want %s", tt.spec, source, next.Sub(got), tt.interval)
				}
				got = next
			}
		}
	}
}

// A thousand sources of one spec are spread evenly over a tenth of the interval,
// and every process spreads them alike.
func TestThousandSourcesOfOneMinute(t *testing.T) {
	s := parse(t, "*/10 * * * *")
	now := at("2026-11-22T10:05:00Z")
	perTenth := make([]int, 10)
	for i := range 1000 {
		id := fmt.Sprintf("source-%d", i)
		next := s.Spread(id, 0.1).Next(now)
		if again := parse(t, "*/10 * * * *").Spread(id, 0.1).Next(now.Add(time.Minute)); !again.Equal(next) {
			t.Fatalf("%s is due at %v and at %v", id, next, again)
		}
		d := next.Sub(at("2026-11-22T10:10:00Z"))
		if d < 0 || d >= time.Minute {
			t.Fatalf("%s is moved by %s", id, d)
		}
		perTenth[d/(6*time.Second)]++
	}
	for i, n := range perTenth {
		if n < 60 || n > 140 {
			t.Errorf("%d sources in tenth %d of the minute: %v", n, i, perTenth)
		}
	}
}

// From any instant, the next tick is the first after it: nothing is left out and
// nothing comes twice.
func TestNextLeavesNothingOut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, spec := range []string{"*/7 * * * *", "@every 90s", "15 3 * * 0", "0 0 1 * *", "@hourly", "0 0 29 2 *"} {
		s := parse(t, spec).Spread(fmt.Sprint(r.Uint64()), 0.3)
		var ticks []time.Time
		for tick := at("2026-01-01T00:00:00Z"); len(ticks) < 50; {
			if tick = s.Next(tick); tick.IsZero() {
				break
			}
			ticks = append(ticks, tick)
		}
		for range 500 {
			i := 1 + r.IntN(len(ticks)-1)
			from := ticks[i-1].Add(time.Duration(r.Int64N(int64(ticks[i].Sub(ticks[i-1])))))
			if got := s.Next(from); !got.Equal(ticks[i]) {
				t.Fatalf("%s: after %v comes %v, want %v", spec, from, got, ticks[i])
			}
		}
	}
}

// What a wrong clock does to due times, with jitter: a step forward makes what
// lay between due once, a step back makes the source due now, with an alarm, and
// afterwards the schedule goes on.
func TestClockIsSet(t *testing.T) {
	s := parse(t, "*/10 * * * *").Spread("press", 0.1)
	last := s.Next(at("2026-11-22T10:00:00Z"))
	for _, step := range []time.Duration{time.Second, 8 * time.Hour, 10 * 365 * 24 * time.Hour} {
		now := last.Add(step)
		due, alarm := s.Due(last, now)
		if alarm || !due.Equal(s.Next(last)) {
			t.Errorf("%s forward: due at %v, alarm %t", step, due, alarm)
		}
		if after, _ := s.Due(now, now); !after.After(now) {
			t.Errorf("%s forward: due again at %v, right after a visit at %v", step, after, now)
		}
		now = last.Add(-step)
		if due, alarm = s.Due(last, now); !alarm || !due.Equal(now) {
			t.Errorf("%s back: due at %v, alarm %t, want now", step, due, alarm)
		}
		if after, alarm := s.Due(now, now); alarm || !after.After(now) || after.Sub(now) > 11*time.Minute {
			t.Errorf("%s back: after a visit at %v due at %v, alarm %t", step, now, after, alarm)
		}
	}
}

// Visits that begin late do not shift the later ones, and a source with jitter is
// visited as often as one without.
func TestLateVisitsKeepTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := parse(t, "@every 5m").Spread("press", 0.1)
		begin, r := time.Now(), rand.New(rand.NewPCG(3, 4))
		last, visits := begin, 0
		for {
			due, _ := s.Due(last, time.Now())
			if due.Sub(begin) > 24*time.Hour {
				break
			}
			time.Sleep(time.Until(due) + time.Duration(r.Int64N(int64(20*time.Second)))) // the host was busy
			last, visits = time.Now(), visits+1
		}
		if visits != 288 {
			t.Errorf("%d visits in a day of 288 ticks", visits)
		}
	})
}

func TestAgenda(t *testing.T) {
	var a schedule.Agenda
	if _, ok := a.Next(); ok || a.Len() != 0 || len(a.List(3)) != 0 {
		t.Error("the zero Agenda is not empty")
	}
	r, want := rand.New(rand.NewPCG(5, 6)), map[string]time.Time{}
	now := at("2026-11-22T10:00:00Z")
	for range 20000 {
		id := fmt.Sprint(r.IntN(1000))
		switch r.IntN(4) {
		case 0:
			a.Set(id, time.Time{})
			delete(want, id)
		default:
			when := now.Add(time.Duration(r.Int64N(int64(time.Hour)))).Truncate(time.Second)
			a.Set(id, when)
			want[id] = when
		}
	}
	if a.Len() != len(want) {
		t.Fatalf("%d on the agenda, want %d", a.Len(), len(want))
	}
	all := a.List(len(want) + 1)
	until := now.Add(30 * time.Minute)
	n := 0
	for last := now; ; n++ {
		e, ok := a.Take(until)
		if !ok {
			break
		}
		if e != all[n] || !e.At.Equal(want[e.Source]) || e.At.Before(last) || e.At.After(until) {
			t.Fatalf("entry %d is %v, listed as %v, set to %v", n, e, all[n], want[e.Source])
		}
		last = e.At
		delete(want, e.Source)
	}
	for id, when := range want {
		if !when.After(until) {
			t.Errorf("%s, due at %v, was not taken", id, when)
		}
	}
	if e, ok := a.Next(); !ok || e != all[n] {
		t.Errorf("next is %v, want %v", e, all[n])
	}
}

func BenchmarkNext(b *testing.B) {
	for _, spec := range []string{"*/10 * * * *", "@every 5m", "@daily"} {
		s := parse(b, spec).Spread("press", 0.1)
		now := at("2026-11-22T10:05:00Z")
		b.Run(spec, func(b *testing.B) {
			for b.Loop() {
				s.Next(now)
			}
		})
	}
}
