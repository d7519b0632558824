// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/ingest"
	"onrecord/schedule"
)

// TestDoctorSource: what is wrong with a source is told once, with the command
// that helps.
func TestDoctorSource(t *testing.T) {
	every, err := schedule.Parse("@every 10m")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	well := onrecord.SourceStatus{Source: "press", Outcome: onrecord.OutcomeOK, LastVisit: now.Add(-5 * time.Minute), LastGood: now.Add(-5 * time.Minute)}
	for name, row := range map[string]struct {
		change func(*onrecord.SourceStatus)
		want   string // beginning of "level: what → do"; empty for nothing
	}{
		"well":              {func(*onrecord.SourceStatus) {}, ""},
		"not modified":      {func(s *onrecord.SourceStatus) { s.Outcome = onrecord.OutcomeNotModified }, ""},
		"never visited":     {func(s *onrecord.SourceStatus) { *s = onrecord.SourceStatus{} }, "warn: not visited yet → onrecord crawl press"},
		"failed once":       {func(s *onrecord.SourceStatus) { s.Outcome = onrecord.OutcomeOutage }, "warn: the last visit failed: outage → onrecord source test press"},
		"never good":        {func(s *onrecord.SourceStatus) { s.Outcome, s.LastGood = onrecord.OutcomeDrift, time.Time{} }, "fail: no visit has succeeded yet; the last: drift"},
		"silent":            {func(s *onrecord.SourceStatus) { s.LastGood = now.Add(-31 * time.Minute) }, "fail: no success for 3 intervals, since 2026-03-01T11:29:00Z"},
		"not quite silent":  {func(s *onrecord.SourceStatus) { s.LastGood = now.Add(-29 * time.Minute) }, ""},
		"paused and silent": {func(s *onrecord.SourceStatus) { s.Paused, s.LastGood = now.Add(-time.Hour), now.Add(-time.Hour) }, "warn: paused since 2026-03-01T11:00:00Z → onrecord source resume press"},
		"frozen":            {func(s *onrecord.SourceStatus) { s.Frozen, s.FrozenAt = "9 of 20 missing", now.Add(-time.Hour) }, "warn: absences are not counted since 2026-03-01T11:00:00Z: 9 of 20 missing → look at the account, then onrecord source thaw press"},
		"another account":   {func(s *onrecord.SourceStatus) { s.IdentityChanged = true }, "fail: another account stands behind the handle: nothing is attributed → look whose it is, then onrecord source identify press"},
		"backing off": {func(s *onrecord.SourceStatus) {
			s.Doors = []onrecord.DoorStatus{{ID: "feed", Outcome: onrecord.OutcomeBlocked, Fails: 4, RetryAt: now.Add(time.Hour)}}
		}, "warn: door feed failed 4 times in a row (blocked) and waits until 2026-03-01T13:00:00Z → onrecord source test press"},
	} {
		d := &doctor{}
		one := well
		row.change(&one)
		d.source(ingest.Source{ID: "press", Schedule: every, Doors: []ingest.Door{{ID: "feed"}}}, one, now)
		got := ""
		for _, s := range d.found {
			got += s.Level + ": " + s.What + " → " + s.Do
		}
		if (got == "") != (row.want == "") || !strings.HasPrefix(got, row.want) || len(d.found) > 1 {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// TestDoctorClock: clocks elsewhere can be wrong as well; the nearest counts.
func TestDoctorClock(t *testing.T) {
	for _, row := range []struct {
		skews map[string]time.Duration
		level string
	}{
		{map[string]time.Duration{"a": time.Second}, "ok"},
		{map[string]time.Duration{"a": -2 * time.Hour, "b": 3 * time.Second}, "ok"},
		{map[string]time.Duration{"a": -6 * time.Second, "b": 40 * time.Second}, "warn"},
		{map[string]time.Duration{"a": -2 * time.Hour}, "fail"},
	} {
		d := &doctor{}
		d.skew("clock", "as told", row.skews)
		if len(d.found) != 1 || d.found[0].Level != row.level {
			t.Errorf("%v: %+v, want %s", row.skews, d.found, row.level)
		}
	}
}

func TestBytesOf(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 KB", 271_000_000_000: "271 GB", 41_200_000_000: "41.2 GB"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
