// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package schedule says when a source is to be visited: it reads cron specs,
// computes due times from the last visit, and keeps many sources in the order
// in which they are due. It starts nothing and asks no clock; robfig/cron is
// used as a parser only, since its runner skips what a sleeping machine missed.
// All times are UTC: a schedule has no summer time.
//
// # Ticks and jitter
//
// A schedule is a fixed sequence of ticks. Those of "@every 5m" lie on a grid:
// the multiples of five minutes since 1970-01-01 00:00 UTC, so that visits that
// begin late do not shift the later ones. [Schedule.Spread] moves the ticks of a
// source by a fraction of the interval that is always the same for that source,
// so that sources with the same spec do not all begin in the same second, each
// keeps its rate, and every process computes the same instants.
package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// ErrSpec reports a spec that is none, or one without any tick.
var ErrSpec = errors.New("not a schedule")

// leastEvery is the shortest interval of "@every": a schedule is for visits,
// and no platform wants to be visited more often.
const leastEvery = time.Second

// MaxJitter bounds by how much Spread moves a tick, however long the interval:
// who asks for a visit at six wants it at six, nearly.
const MaxJitter = 5 * time.Minute

// MaxFraction is the largest fraction of an interval that Spread takes.
const MaxFraction = 0.5

// A Schedule is a sequence of instants, in UTC.
type Schedule struct {
	spec  string
	cron  cron.Schedule
	every time.Duration // of @every; else 0
	shift float64       // in [0, MaxFraction): of the interval after a tick
}

// Parse reads a spec: five cron fields (minute, hour, day of the month, month,
// day of the week), or "@every 5m" (at least 1s), "@hourly", "@daily",
// "@weekly", "@monthly", "@yearly". A spec cannot name a time zone. Errors wrap
// ErrSpec.
func Parse(spec string) (Schedule, error) {
	s := strings.TrimSpace(spec)
	if strings.HasPrefix(s, "TZ=") || strings.HasPrefix(s, "CRON_TZ=") {
		return Schedule{}, fmt.Errorf("%w: %q names a time zone; schedules are in UTC", ErrSpec, spec)
	}
	var every time.Duration
	if word, ok := strings.CutPrefix(s, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(word))
		if every = d.Truncate(time.Second); err != nil || every < leastEvery {
			return Schedule{}, fmt.Errorf("%w: %q: @every takes a duration of at least %s, such as 5m or 1h30m", ErrSpec, spec, leastEvery)
		}
	}
	c, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor).Parse(s)
	if err != nil {
		return Schedule{}, fmt.Errorf("%w: %q: %w", ErrSpec, spec, err)
	}
	if c.Next(time.Unix(0, 0).UTC()).IsZero() {
		return Schedule{}, fmt.Errorf("%w: %q has no tick: that day is in no month", ErrSpec, spec)
	}
	return Schedule{spec: s, cron: c, every: every}, nil
}

// Spread returns s with its ticks moved for a source: each by the same share of
// the interval that follows it, which is less than fraction of that interval and
// less than MaxJitter, and follows from the source's id alone. A fraction
// outside of [0, MaxFraction] counts as the nearer bound.
func (s Schedule) Spread(source string, fraction float64) Schedule {
	sum := sha256.Sum256([]byte(source))
	share := float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53) // in [0, 1)
	s.shift = share * min(max(fraction, 0), MaxFraction)
	return s
}

// IsZero reports whether s is no schedule: such a source is visited by hand.
func (s Schedule) IsZero() bool { return s.cron == nil }

// String returns the spec that s was parsed from.
func (s Schedule) String() string { return s.spec }

// Next returns the first tick after t, or the zero time if s is the zero
// Schedule or has none within five years.
func (s Schedule) Next(t time.Time) time.Time {
	if s.cron == nil {
		return time.Time{}
	}
	t = t.UTC()
	if s.shift == 0 {
		return s.after(t)
	}
	// A tick before t may be moved past it. The moved ticks keep their order,
	// since each is moved by less than the interval that follows.
	for tick := s.after(t.Add(-s.reach())); !tick.IsZero(); tick = s.after(tick) {
		if at := tick.Add(s.offset(tick)); at.After(t) {
			return at
		}
	}
	return time.Time{}
}

// reach returns how far a tick is moved at most, and a little more.
func (s Schedule) reach() time.Duration {
	if s.every > 0 {
		return min(s.every, MaxJitter) + time.Second
	}
	return MaxJitter + time.Second
}

// offset returns by how much tick is moved.
func (s Schedule) offset(tick time.Time) time.Duration {
	next := s.after(tick)
	if next.IsZero() {
		return 0
	}
	d := time.Duration(s.shift * float64(next.Sub(tick)))
	if most := time.Duration(s.shift / MaxFraction * float64(MaxJitter)); d > most {
		d = most
	}
	return d.Truncate(time.Millisecond)
}

// after returns the first tick after t as the spec has it.
func (s Schedule) after(t time.Time) time.Time {
	if s.every == 0 {
		return s.cron.Next(t)
	}
	every := int64(s.every / time.Second)
	n := t.Unix() / every
	if t.Unix() < 0 && t.Unix()%every != 0 {
		n-- // towards the past
	}
	return time.Unix((n+1)*every, 0).UTC()
}

// Due returns when a source is due whose last visit served lastTick: at the
// next tick after it, however long ago that was, so that what a crash, a sleep
// or a lost queue left out is due once, now. A source that was never visited is
// due now. A lastTick after now counts as due now, and alarm says so: a clock
// was or is wrong (record.md 3). The zero Schedule is never due: the zero time.
func (s Schedule) Due(lastTick, now time.Time) (at time.Time, alarm bool) {
	switch {
	case s.cron == nil:
		return time.Time{}, false
	case lastTick.IsZero():
		return now.UTC(), false
	case lastTick.After(now):
		return now.UTC(), true
	}
	return s.Next(lastTick), false
}
