// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/change"
)

// A visit that finds one statement gone, with its canary there, judges it by what
// the visits of a month have found.
func TestTally(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 31, 10, 0, 0, 0, time.UTC)
	statement := func(native string, seen, gone time.Time) onrecord.Known {
		k := onrecord.NewKnown(onrecord.NewStatementID("website", native))
		k.NativeID, k.Provenance, k.FirstIndex, k.State = native, onrecord.Captured, 1, onrecord.StateLive
		k.FirstSeen, k.LastSeen, k.Checked, k.Account = seen, seen, seen, "jane.example"
		if !gone.IsZero() {
			k.Gone, k.State, k.Checked = []onrecord.GoneLook{{At: gone}}, onrecord.StateUnconfirmed, gone
		}
		return k
	}
	look := func(native string, s onrecord.ItemState) onrecord.Seen {
		ref := onrecord.Ref{NativeID: native}
		return onrecord.Seen{At: now, Kind: "look", About: ref, Outcome: onrecord.OutcomeOK, Items: []onrecord.Observation{{Ref: ref, State: s, Partial: true}}}
	}
	for _, c := range []struct {
		name   string
		before int           // gone before
		ago    time.Duration // when
		looked int           // in the month
		thawed time.Duration // ago; 0 for never
		want   bool          // frozen
	}{
		{"one of many", 0, 0, 100, 0, false},
		{"four of a hundred", 3, 10 * day, 100, 0, false},
		{"four of ten", 3, 10 * day, 10, 0, true},
		{"three of ten", 2, 10 * day, 10, 0, false},
		{"a fifth", 19, 10 * day, 100, 0, true},
		{"less than a fifth", 18, 10 * day, 100, 0, false},
		{"long ago", 19, 31 * day, 100, 0, false},
		{"the operator has looked", 19, 10 * day, 100, 5 * day, false},
		{"many since the operator has looked", 19, 3 * day, 100, 5 * day, true},
	} {
		source := onrecord.KnownSource{Source: "press"}
		if c.thawed > 0 {
			source.Thawed = now.Add(-c.thawed)
		}
		var gone []onrecord.Known
		for i := range c.before {
			at := now.Add(-c.ago)
			gone = append(gone, statement(fmt.Sprintf("https://jane.example/%d", i), at.Add(-time.Hour), at))
		}
		there, lost := statement("https://jane.example/there", now.Add(-time.Hour), time.Time{}), statement("https://jane.example/lost", now.Add(-time.Hour), time.Time{})
		k := change.Known{
			Account: onrecord.KnownAccount{Platform: "website", ID: "jane.example"}, Source: source, Base: 9,
			Statements: map[onrecord.StatementID]onrecord.Known{there.Statement: there, lost.Statement: lost},
			Tally:      change.NewTally(c.looked, gone, source, now),
		}
		r := change.Between(k, change.Visit{
			Source: "press", Platform: "website", AccountID: "jane.example", Door: "page", Kind: "page", Parser: "page/1",
			Can: onrecord.Capabilities{OwnAddress: true}, Started: now.Add(-time.Minute), Ended: now, Checks: true,
			Seen: []onrecord.Seen{look(lost.NativeID, onrecord.ItemGone), look(there.NativeID, onrecord.ItemLive)},
		})
		if got := r.Frozen != nil; got != c.want {
			t.Errorf("%s: frozen %t, want %t", c.name, got, c.want)
		}
		if r.Frozen != nil && !strings.HasSuffix(r.Frozen.Reason, "at their own addresses") {
			t.Errorf("%s: %q", c.name, r.Frozen.Reason)
		}
	}
}
