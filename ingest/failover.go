// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"slices"
	"time"

	"onrecord"
)

// maxSpare is how long a door is left alone at most because another one of its
// source is well.
const maxSpare = 6 * time.Hour

// turns returns the ids of the doors of s in the order in which they are tried:
// as configured, but after a visit that failed those first that have not failed
// themselves, so that the next visit goes through another door.
func turns(s Source, st onrecord.SourceState) []string {
	ids := make([]string, len(s.Doors))
	for n, d := range s.Doors {
		ids[n] = d.ID
	}
	if st.Outcome == "" || st.Outcome == onrecord.OutcomeOK || st.Outcome == onrecord.OutcomeNotModified {
		return ids
	}
	slices.SortStableFunc(ids, func(a, b string) int {
		return failed(st.Doors[a]) - failed(st.Doors[b])
	})
	return ids
}

func failed(d onrecord.DoorState) int { return min(d.Fails, 1) }

// spare returns the state next of the door d after a visit that ended at the
// given time. A door that fails again while another one of the source is well is
// left alone for two scheduled visits, then four, and so on: else every other
// visit would fail, and each is a gap in what is known. At most six hours, since
// it is preferred to the others.
func spare(s Source, d Door, doors map[string]onrecord.DoorState, next onrecord.DoorState, ended time.Time) onrecord.DoorState {
	well := slices.ContainsFunc(s.Doors, func(o Door) bool {
		st, tried := doors[o.ID]
		return o.ID != d.ID && tried && st.Fails == 0
	})
	if next.Fails < 2 || !well || s.Schedule.IsZero() {
		return next
	}
	tick := s.Schedule.Next(ended)
	visit := min(s.Schedule.Next(tick).Sub(tick), maxSpare)
	// Half a visit more: visits come a little early or late.
	wait := min(visit<<min(next.Fails-1, 12)+visit/2, maxSpare)
	if until := ended.Add(wait); visit > 0 && until.After(next.RetryAt) {
		next.RetryAt = until.UTC().Truncate(time.Microsecond)
	}
	return next
}
