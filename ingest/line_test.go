// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onrecord"
	"onrecord/ingest"
)

// A pace is a platform whose hosts are quick or slow.
type pace struct {
	*platform
	slow time.Duration // of the sources whose names begin with "slow"
}

func (p pace) Visit(ctx context.Context, s ingest.Source, d ingest.Door) (ingest.Report, error) {
	if strings.HasPrefix(s.ID, "slow") {
		select {
		case <-time.After(p.slow):
		case <-ctx.Done():
			return ingest.Report{Source: s.ID}, ctx.Err()
		}
	}
	return p.platform.Visit(ctx, s, d)
}

// Two hundred hosts need ten minutes a visit, far more than the workers manage.
// A host that is known to be quick is visited when it is due, the slow ones in
// turn, and the operator is told of those.
func TestSlowHostsHoldNobodyBack(t *testing.T) {
	for _, tt := range []struct {
		name       string
		slow, well func(now time.Time) onrecord.SourceState // at the start
		want       int
	}{
		{"from the states", lasted(10 * time.Minute), lasted(time.Second), 72},
		{"seen", lasted(-1), lasted(-1), 56}, // in the first round, of 80 minutes, all are alike
	} {
		t.Run(tt.name, func(t *testing.T) { slowHosts(t, tt.slow, tt.well, tt.want) })
	}
}

// lasted makes the state of a source whose last visit, half an hour ago, lasted
// so long; less than nothing: nobody knows.
func lasted(d time.Duration) func(time.Time) onrecord.SourceState {
	return func(now time.Time) onrecord.SourceState {
		begun := now.Add(-30 * time.Minute)
		return onrecord.SourceState{LastTick: begun, LastVisit: begun.Add(d)}
	}
}

func slowHosts(t *testing.T, slow, well func(time.Time) onrecord.SourceState, want int) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		var log bytes.Buffer
		r := runner(p, newLine())
		r.Visitor = pace{p, 10 * time.Minute}
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		for i := range 200 {
			s := source(t, fmt.Sprint("slow", i), fmt.Sprint("slow", i), "*/5 * * * *")
			p.states[s.ID] = slow(time.Now())
			r.Sources = append(r.Sources, s)
		}
		r.Sources = append(r.Sources, source(t, "well", "well", "*/5 * * * *"))
		p.states["well"] = well(time.Now())
		stop := begin(t, r)
		time.Sleep(6*time.Hour + time.Minute)
		stop()
		if got := p.at("well"); len(got) < want {
			t.Errorf("the host that answers was visited %d times in six hours, want %d or more: %v", len(got), want, got)
		}
		for i := range 200 {
			if n := len(p.visits[fmt.Sprint("slow", i)]); n < 3 || n > 6 {
				t.Errorf("slow host %d was visited %d times, want as often as the others", i, n)
			}
		}
		lines := strings.Split(log.String(), "\n")
		late := 0
		for _, l := range lines {
			if strings.Contains(l, "visits are late by more than an interval") {
				late++
			}
		}
		if late < 300 || late > 361 || !strings.Contains(log.String(), " longest=1h") || !strings.Contains(log.String(), "slow_hosts=200") {
			t.Errorf("it was told %d times that visits are late, want once a minute:\n%s", late, lines[0])
		}
	})
}

// Visits that come on time are not called late.
func TestNothingIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(50 * time.Second)
		var log bytes.Buffer
		r := runner(p, newLine(), source(t, "a", "one", "*/5 * * * *"), source(t, "b", "one", "*/5 * * * *"), source(t, "c", "two", "@every 1m"))
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		stop := begin(t, r)
		time.Sleep(2 * time.Hour)
		stop()
		if log.Len() > 0 {
			t.Error(log.String())
		}
	})
}

// A turn is lost in the middle of a visit: the visit is broken off, what it has
// captured is looked for in the spool, and the source is visited again once the
// host is free, without the patience that failures call for.
func TestLostTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := newPlatform(time.Second), newLine()
		r := runner(p, l, source(t, "slow", "one.example:443", "@hourly"))
		r.Visitor = pace{p, 10 * time.Minute}
		var log bytes.Buffer
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		stop := begin(t, r)
		time.Sleep(5 * time.Minute)
		p.mu.Lock()
		settled := p.settled
		p.mu.Unlock()
		l.pass("one.example:443")
		time.Sleep(5 * time.Minute)
		p.mu.Lock()
		if p.settled == settled {
			t.Error("nobody looked into the spool")
		}
		p.mu.Unlock()
		l.lose(nil) // the other has left
		time.Sleep(11 * time.Minute)
		stop()
		if got := log.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "broken off") || !strings.Contains(got, errLost.Error()) || strings.Contains(got, "level=ERROR") {
			t.Errorf("log:\n%s", got)
		}
		if got := p.at("slow"); len(got) != 1 || got[0] != 20*time.Minute {
			t.Errorf("visits ended at %v, want one at 20m", got)
		}
	})
}
