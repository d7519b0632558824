// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"slices"
	"time"

	"onrecord"
)

// Due returns when a suspect is to be asked for at its own address again, so
// that looks at least confirm apart can settle it. ok is false for a statement
// that is no suspect, or is deleted by D3 or D4. Looks that settle nothing come
// less and less often, at least once a day.
func Due(s onrecord.Known, confirm time.Duration) (at time.Time, ok bool) {
	if !s.Unsettled() {
		return time.Time{}, false
	}
	base := s.Absent
	at = s.Absent // at once
	if n := len(s.Gone); n > 0 {
		base, at = s.Gone[n-1].At, s.Gone[0].At.Add(confirm)
		if len(s.Deletions) > 0 {
			at = later(s.Gone[0].At.Add(againAfter), base.Add(confirm))
		}
	}
	if wait := s.LastLook.Sub(base); wait > 0 {
		at = later(at, s.LastLook.Add(min(max(wait, confirm), againAfter)))
	}
	return at, true
}

// due returns the looks that the suspects among the known statements need,
// once this visit's events are known too.
func (j *judge) due() []Look {
	if !j.v.Can.OwnAddress || !j.first || j.frozen || j.res.Stopped {
		return nil
	}
	if s := cmp.Or(j.account.State, j.k.Account.State); s != onrecord.AccountLive && s != onrecord.AccountUnknown && s != "" {
		return nil
	}
	events := make(map[onrecord.StatementID][]onrecord.Event)
	for _, e := range j.out {
		if e.Statement != "" {
			events[e.Statement] = append(events[e.Statement], e)
		}
	}
	var out []Look
	confirm := j.v.Config.Confirm(j.v.Platform, j.v.Kind)
	for _, s := range j.k.Statements {
		news := events[s.Statement]
		if len(news) == 0 && !s.Suspect() || j.foreign(s) {
			continue
		}
		s = covered(s, j.runs).Clone()
		for _, e := range news {
			s.Apply(e)
		}
		if at, ok := Due(s, confirm); ok {
			out = append(out, Look{Ref: s.Ref, Statement: s.Statement, At: at})
		}
	}
	slices.SortFunc(out, func(a, b Look) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Statement, b.Statement))
	})
	return slices.CompactFunc(out, func(a, b Look) bool { return a.Statement == b.Statement })
}
