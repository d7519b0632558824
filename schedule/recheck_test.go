// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"onrecord/schedule"
)

func TestPlanNext(t *testing.T) {
	first := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	p := schedule.DefaultPlan()
	day := 24 * time.Hour
	for _, c := range []struct {
		name       string
		last, want time.Duration // after first
	}{
		{"never looked at", -time.Hour, 15 * time.Minute},
		{"as it was found", 0, 15 * time.Minute},
		{"once", 15 * time.Minute, 35 * time.Minute},
		{"late", 20 * time.Minute, 35 * time.Minute},
		{"two points were missed", 3 * time.Hour, day},
		{"a second before a point", day - time.Second, day},
		{"a month was missed", 8 * day, 30 * day},
	} {
		at, sweep := p.Next(first, first.Add(c.last), "0123456789abcdef")
		if !at.Equal(first.Add(c.want)) || sweep {
			t.Errorf("%s: %v after, sweep %t, want %v", c.name, at.Sub(first), sweep, c.want)
		}
	}
	at, sweep := p.Next(first, first.Add(30*day), "0123456789abcdef")
	if wait := at.Sub(first.Add(30 * day)); !sweep || wait <= 15*day-time.Second || wait > 45*day {
		t.Errorf("after the last point: %v later, sweep %t", wait, sweep)
	}
	if at, _ := (schedule.Plan{Points: p.Points}).Next(first, first.Add(31*day), "x"); !at.IsZero() {
		t.Errorf("without a sweep: %v", at)
	}
	if at, sweep := (schedule.Plan{Sweep: day}).Next(first, first, "x"); at.Sub(first) > 36*time.Hour || !sweep {
		t.Errorf("sweep only: %v %t", at, sweep)
	}
	if !(schedule.Plan{}).IsZero() || p.IsZero() || p.Gap() != 15*time.Minute {
		t.Errorf("zero %t, gap %v", p.IsZero(), p.Gap())
	}
}

// A turn of the sweep stays one whole sweep after the last, and the statements
// of one hour are spread over all of it.
func TestSweepIsEven(t *testing.T) {
	p := schedule.Plan{Sweep: 30 * 24 * time.Hour}
	found := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	days := make(map[int]int)
	const n = 30000
	for i := range n {
		name := fmt.Sprint("statement ", i)
		at := p.Turn(found, name)
		if wait := at.Sub(found); wait <= p.Sweep/2-time.Second || wait > p.Sweep*3/2 {
			t.Fatalf("%s waits %v", name, wait)
		}
		days[int(at.Sub(found)/(24*time.Hour))]++
		if again := p.Turn(at.Add(time.Hour), name).Sub(at); again != p.Sweep {
			t.Fatalf("%s comes again after %v, looked at an hour late", name, again)
		}
	}
	for d, c := range days {
		if c > n/30*6/5 {
			t.Errorf("day %d has %d of %d", d, c, n)
		}
	}
	if len(days) < 30 {
		t.Errorf("spread over %d days", len(days))
	}
}

func TestPlanCheck(t *testing.T) {
	if err := schedule.DefaultPlan().Check(); err != nil {
		t.Error(err)
	}
	for _, p := range []schedule.Plan{
		{Points: []time.Duration{30 * time.Second}},
		{Points: []time.Duration{time.Hour, time.Minute}},
		{Points: []time.Duration{time.Hour, time.Hour}},
		{Points: []time.Duration{-time.Hour}},
		{Sweep: time.Second},
		{Sweep: -time.Hour},
	} {
		if err := p.Check(); !errors.Is(err, schedule.ErrPlan) {
			t.Errorf("%v: %v", p, err)
		}
	}
	if a, b := schedule.DefaultPlan().String(), (schedule.Plan{Sweep: time.Hour}).String(); a == b {
		t.Errorf("two plans are written %q", a)
	}
}
