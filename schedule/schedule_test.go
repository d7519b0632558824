// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/schedule"
)

func at(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParse(t *testing.T) {
	for _, spec := range []string{"*/10 * * * *", "0 6-22 * * 1-5", "@every 5m", "@every 1h30m", "@hourly", "@daily", "@weekly", "@monthly", "@yearly", " @every 2m "} {
		s, err := schedule.Parse(spec)
		if err != nil {
			t.Errorf("Parse(%q): %v", spec, err)
		} else if s.IsZero() || s.String() != strings.TrimSpace(spec) {
			t.Errorf("Parse(%q) = %q, zero %t", spec, s, s.IsZero())
		}
	}
	for _, spec := range []string{"", "every 5m", "@every", "@every 5", "@every -5m", "@every 0s", "@every 10ms", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "TZ=Europe/Paris 0 6 * * *", "CRON_TZ=UTC 0 6 * * *", "@reboot"} {
		if s, err := schedule.Parse(spec); !errors.Is(err, schedule.ErrSpec) || !s.IsZero() {
			t.Errorf("Parse(%q) = %v, %v, want ErrSpec and the zero Schedule", spec, s, err)
		}
	}
}

func TestDue(t *testing.T) {
	const now = "2026-11-22T10:07:30Z"
	for _, tt := range []struct {
		name, spec, last, want string
		alarm                  bool
	}{
		{"never visited is due now", "*/10 * * * *", "", now, false},
		{"the next tick is ahead", "*/10 * * * *", "2026-11-22T10:03:00Z", "2026-11-22T10:10:00Z", false},
		{"a tick was missed by a crash", "*/10 * * * *", "2026-11-22T09:55:00Z", "2026-11-22T10:00:00Z", false},
		{"a machine slept for a week: one visit is due, since a week", "@every 2m", "2026-11-15T10:00:00Z", "2026-11-15T10:02:00Z", false},
		{"a visit in the future is an alarm and due now", "@hourly", "2026-11-22T11:00:00Z", now, true},
		{"a visit this instant is none", "@hourly", now, "2026-11-22T11:00:00Z", false},
		{"another zone is the same instant", "0 12 * * *", "2026-11-22T12:30:00+05:00", "2026-11-22T12:00:00Z", false},
		{"summer time does not exist here", "30 1 * * *", "2026-10-25T00:00:00Z", "2026-10-25T01:30:00Z", false},
	} {
		s, err := schedule.Parse(tt.spec)
		if err != nil {
			t.Fatal(err)
		}
		got, alarm := s.Due(at(tt.last), at(now))
		if !got.Equal(at(tt.want)) || alarm != tt.alarm || got.Location() != time.UTC {
			t.Errorf("%s: Due = %v, %t, want %v, %t", tt.name, got, alarm, tt.want, tt.alarm)
		}
	}
	if got, alarm := (schedule.Schedule{}).Due(time.Time{}, at(now)); !got.IsZero() || alarm {
		t.Errorf("the zero Schedule is due at %v, alarm %t", got, alarm)
	}
}

// A source on a ten-minute schedule runs for an hour; then its machine sleeps
// for a day. It is visited once for all the ticks that it missed, and then by
// the schedule again.
func TestCatchUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s, err := schedule.Parse("*/10 * * * *")
		if err != nil {
			t.Fatal(err)
		}
		var visits []time.Duration
		last := begin
		until := func(end time.Duration) {
			for {
				due, _ := s.Due(last, time.Now())
				if due.Sub(begin) > end {
					return
				}
				time.Sleep(time.Until(due))
				last = time.Now()
				visits = append(visits, last.Sub(begin))
			}
		}
		until(time.Hour)
		time.Sleep(24 * time.Hour)
		n := len(visits)
		until(25*time.Hour + 25*time.Minute)
		if n != 6 {
			t.Errorf("%d visits in the first hour, want 6: %v", n, visits)
		}
		want := []time.Duration{25 * time.Hour, 25*time.Hour + 10*time.Minute, 25*time.Hour + 20*time.Minute}
		if got := visits[n:]; len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("visits after the sleep at %v, want %v", got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"@every 5m", "*/10 * * * *", "0 0 30 2 *", "@hourly", "1-5/2,7 * * JAN MON"} {
		f.Add(s)
	}
	start := at("2026-01-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := schedule.Parse(spec)
		if err != nil {
			return
		}
		if next := s.Next(start); !next.IsZero() && !next.After(start) {
			t.Errorf("Next of %q went from %v to %v", spec, start, next)
		}
		again, err := schedule.Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q is printed as %q, which parses as %v, %v", spec, s, again, err)
		}
	})
}
