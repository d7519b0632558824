// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"testing"
	"time"

	"onrecord"
	"onrecord/ingest"
	"onrecord/schedule"
)

func TestRecheck(t *testing.T) {
	const day = 24 * time.Hour
	seen := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	after := func(d time.Duration) time.Time { return seen.Add(d) }
	known := func(change ...func(k *onrecord.Known)) onrecord.Known {
		k := onrecord.Known{Statement: "0123456789abcdef", State: onrecord.StateLive, Provenance: onrecord.Captured, FirstSeen: seen, LastSeen: seen}
		for _, f := range change {
			f(&k)
		}
		return k
	}
	for _, c := range []struct {
		name  string
		k     onrecord.Known
		want  time.Duration // after it was first seen; 0 for never, -1 for a turn of the sweep
		least time.Duration // of a turn
	}{
		{"new", known(), 15 * time.Minute, 0},
		{"checked", known(func(k *onrecord.Known) { k.Checked, k.Tried = after(16*time.Minute), after(16*time.Minute) }), 35 * time.Minute, 0},
		{"seen in a feed only", known(func(k *onrecord.Known) { k.LastSeen = after(20 * time.Minute) }), 15 * time.Minute, 0},
		{"said the same day", known(func(k *onrecord.Known) { k.Published = after(-10 * time.Hour) }), 15 * time.Minute, 0},
		{"said two days before", known(func(k *onrecord.Known) { k.Published = after(-2 * day) }), 5 * day, 0},
		{"said years before", known(func(k *onrecord.Known) { k.Published = after(-2000 * day) }), -1, 15 * day},
		{"said in the future", known(func(k *onrecord.Known) { k.Published = after(2000 * day) }), 15 * time.Minute, 0},
		{"tried in vain", known(func(k *onrecord.Known) { k.Tried = after(20 * time.Minute) }), 40 * time.Minute, 0},
		{"tried in vain for long", known(func(k *onrecord.Known) { k.Checked, k.Tried = after(40*time.Minute), after(40*time.Minute+10*day) }), 20*day + 40*time.Minute, 0},
		{"plan is over", known(func(k *onrecord.Known) { k.Checked, k.Tried = after(31*day), after(31*day) }), -1, 46 * day},
		{"suspect", known(func(k *onrecord.Known) { k.State, k.Absent = onrecord.StateUnconfirmed, after(time.Hour) }), 0, 0},
		{"withheld", known(func(k *onrecord.Known) { k.Withheld = true }), 0, 0},
		{"erased", known(func(k *onrecord.Known) { k.Erased = true }), 0, 0},
		{"deleted, to be looked at again", known(func(k *onrecord.Known) {
			k.State, k.Grade, k.Gone = onrecord.StateDeleted, onrecord.GradeD2, []onrecord.GoneLook{{At: after(time.Hour)}}
		}), 0, 0},
		{"deleted for good", known(func(k *onrecord.Known) {
			k.State, k.Grade, k.Gone, k.LastLook = onrecord.StateDeleted, onrecord.GradeD3, []onrecord.GoneLook{{At: after(time.Hour)}}, after(25*time.Hour)
		}), -1, 16 * day},
		{"imported", known(func(k *onrecord.Known) { k.Provenance, k.LastSeen = onrecord.Imported, time.Time{} }), -1, 15 * day},
	} {
		at, sweep := ingest.Recheck(schedule.DefaultPlan())(c.k)
		switch {
		case c.want == -1:
			if !sweep || at.Before(after(c.least).Add(-time.Second)) || at.After(after(c.least+30*day)) {
				t.Errorf("%s: %v after, sweep %t, want a turn after %v", c.name, at.Sub(seen), sweep, c.least)
			}
		case c.want == 0:
			if !at.IsZero() {
				t.Errorf("%s: %v after, want never", c.name, at.Sub(seen))
			}
		case !at.Equal(after(c.want)) || sweep:
			t.Errorf("%s: %v after, sweep %t, want %v", c.name, at.Sub(seen), sweep, c.want)
		}
	}
	if at, _ := ingest.Recheck(schedule.Plan{})(known()); !at.IsZero() {
		t.Errorf("without a plan: %v", at)
	}
}
