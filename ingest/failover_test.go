// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"onrecord"
	"onrecord/ingest"
)

// oneState is a record that knows the state of one source.
type oneState struct {
	ingest.Record
	state onrecord.SourceState
}

func (r oneState) State(context.Context, string) (onrecord.SourceState, error) { return r.state, nil }

// After a visit that failed the next one goes through a door that did not; a
// door whose back-off has run out gets its turn again once the source is well.
func TestWhichDoorIsNext(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	ok, broken, waits := onrecord.DoorState{}, onrecord.DoorState{Fails: 1, RetryAt: now.Add(-time.Second)}, onrecord.DoorState{Fails: 1, RetryAt: now.Add(time.Hour)}
	s := ingest.Source{ID: "press", Doors: []ingest.Door{{ID: "feed"}, {ID: "page"}, {ID: "page-2"}}}
	for name, tt := range map[string]struct {
		outcome          onrecord.Outcome
		feed, page, last onrecord.DoorState
		want             string
	}{
		"never visited":                  {"", ok, ok, ok, "feed"},
		"well":                           {onrecord.OutcomeOK, ok, ok, ok, "feed"},
		"the feed failed":                {onrecord.OutcomeOutage, broken, ok, ok, "page"},
		"the feed waits":                 {onrecord.OutcomeDrift, waits, ok, ok, "page"},
		"another was well, the feed may": {onrecord.OutcomeOK, broken, ok, ok, "feed"},
		"another was well, it may not":   {onrecord.OutcomeOK, waits, ok, ok, "page"},
		"both failed":                    {onrecord.OutcomeBlocked, broken, broken, ok, "page-2"},
		"all failed, one may":            {onrecord.OutcomeBlocked, waits, broken, waits, "page"},
		"all failed, all may":            {onrecord.OutcomeBlocked, broken, broken, broken, "feed"},
		"none may":                       {onrecord.OutcomeBlocked, waits, waits, waits, ""},
	} {
		in := ingest.Ingester{
			Record: oneState{state: onrecord.SourceState{Outcome: tt.outcome, Doors: map[string]onrecord.DoorState{"feed": tt.feed, "page": tt.page, "page-2": tt.last}}},
			Now:    func() time.Time { return now },
		}
		d, err := in.Door(t.Context(), s)
		if d.ID != tt.want || errors.Is(err, ingest.ErrNoDoor) != (tt.want == "") {
			t.Errorf("%s: %q, %v; want %q", name, d.ID, err, tt.want)
		}
	}
}
