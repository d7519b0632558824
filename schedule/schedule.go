// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package schedule says when a source is to be visited: it reads cron specs and
// computes due times from the last visit. It keeps nothing and starts nothing;
// robfig/cron is used as a parser only, since its runner skips what a sleeping
// machine missed. All times are UTC: a schedule has no summer time.
package schedule

import (
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

// A Schedule is a sequence of instants, in UTC.
type Schedule struct {
	spec string
	cron cron.Schedule
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
	if every, ok := strings.CutPrefix(s, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(every))
		if err != nil || d < leastEvery {
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
	return Schedule{spec: s, cron: c}, nil
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
	return s.cron.Next(t.UTC())
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
