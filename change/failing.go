// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"time"

	"onrecord"
)

// failed says what follows from a visit that was not good: a gap, once, and
// after a long run of visits that reached nothing, that the platform is
// offline.
func (j *judge) failed() {
	if j.v.Late || j.v.Checks || j.v.Provenance == onrecord.Imported {
		return
	}
	j.openGap(string(j.v.Outcome))
	if j.unreachable() {
		j.offline()
		return
	}
	if j.first && j.v.Outcome != onrecord.OutcomeOutage && !j.v.AllFailed {
		j.online() // a block page is an answer
	}
}

// unreachable reports whether the platform could not be reached while another
// host could. A 4xx, a block page and drift are answers.
func (j *judge) unreachable() bool {
	return j.v.Outcome == onrecord.OutcomeOutage && j.v.AllFailed && j.v.OtherAnswered
}

// failing returns the run of failing visits that this visit begins or extends.
// A run is of one outcome and of one kind of reach.
func (j *judge) failing() *onrecord.Failing {
	f := onrecord.Failing{Since: j.firstFailure(), Outcome: j.v.Outcome, Unreachable: j.unreachable()}
	if old := j.k.Failing; old != nil && old.Outcome == f.Outcome && old.Unreachable == f.Unreachable &&
		!old.Last.After(j.v.Ended) { // else the clock was ahead, and none of its times is good for anything
		f = *old
	}
	f.Visits++
	f.Last = j.v.Ended
	if f.Kept.IsZero() || j.v.Ended.Sub(f.Kept) >= keepEvery {
		f.Kept = j.v.Ended
	}
	return &f
}

// firstFailure returns when the first request that failed had done so: before
// that nothing was known to be wrong.
func (j *judge) firstFailure() time.Time {
	for _, s := range j.v.Seen {
		if s.Outcome == onrecord.OutcomeOutage {
			return s.At
		}
	}
	return j.v.Ended
}

func (j *judge) offline() {
	f := j.failing()
	if j.k.Source.Offline || f.Visits < offlineVisits || j.v.Ended.Sub(f.Since) < j.v.Config.offline() || !j.first {
		return
	}
	e := j.event(onrecord.PlatformOffline, j.v.Ended, time.Time{})
	e.Platform = j.v.Platform
	j.within(&e, j.lastAnswer(), f.Since)
	j.source(e, "offline")
}

// lastAnswer returns the start of the last good visit to the platform itself.
func (j *judge) lastAnswer() time.Time {
	var t time.Time
	for _, r := range j.k.Source.Runs {
		if r.Provenance == "" || r.Provenance == onrecord.Captured {
			t = later(t, r.Until)
		}
	}
	return t
}

func (j *judge) online() {
	if !j.k.Source.Offline {
		return
	}
	var last time.Time
	if j.k.Failing != nil {
		last = j.k.Failing.Last
	}
	e := j.event(onrecord.PlatformOnline, j.v.Ended, last)
	e.Platform = j.v.Platform
	j.source(e, "offline")
}
