// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"testing"
	"time"

	"onrecord"
	"onrecord/change"
)

// erasedVisit is a visit that shows the statements with these order keys whole.
func erasedVisit(names ...string) change.Visit {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	s := onrecord.Seen{
		At: at, Kind: "page", Outcome: onrecord.OutcomeOK, Account: onrecord.AccountObservation{ID: "7", State: onrecord.AccountLive},
		Capture: onrecord.CaptureRef{Object: "captures/1", Length: 1},
		Range:   onrecord.Range{From: names[0], FromIn: true, To: names[len(names)-1], ToIn: true},
	}
	for _, n := range names {
		s.Items = append(s.Items, onrecord.Observation{
			Ref: onrecord.Ref{NativeID: n, ID: n, URL: "https://social.example/" + n}, Order: n, State: onrecord.ItemLive,
			Content: onrecord.Content{Type: "post", Text: "statement " + n},
		})
	}
	return change.Visit{
		Source: "masto", Platform: "mastodon", AccountID: "7", Door: "api", Kind: "api", Parser: "api/1", Started: at, Ended: at,
		Can: onrecord.Capabilities{CompleteRanges: true, EditSignal: true}, Outcome: onrecord.OutcomeOK, Seen: []onrecord.Seen{s},
		Provenance: onrecord.Captured,
	}
}

// erasedAs is what is known of a statement that was erased, of which an alias is
// left as an id.
func erasedAs(native, alias string) onrecord.Known {
	k := onrecord.NewKnown(onrecord.NewStatementID("mastodon", native))
	k.Account, k.Erased, k.FirstIndex = "7", true, 1
	k.Also = []onrecord.StatementID{onrecord.NewStatementID("mastodon", alias)}
	return k
}

func knownErased(list ...onrecord.Known) change.Known {
	k := change.Known{
		Account: onrecord.KnownAccount{Platform: "mastodon", ID: "7", State: onrecord.AccountLive, Identified: true}, Base: 10,
		Source: onrecord.KnownSource{Source: "masto"}, Statements: map[onrecord.StatementID]onrecord.Known{},
	}
	for _, s := range list {
		k.Statements[s.Statement] = s
	}
	return k
}

// TestRunsDoNotNameTheErased: the key of an erased statement bounds no run; the
// range ends at the next statement within, and there is none without one.
func TestRunsDoNotNameTheErased(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		shown, erased []string
		want          onrecord.Range
	}{
		{[]string{"11", "12", "13"}, []string{"13"}, onrecord.Range{From: "11", FromIn: true, To: "12", ToIn: true}},
		{[]string{"11", "12", "13"}, []string{"11"}, onrecord.Range{From: "12", FromIn: true, To: "13", ToIn: true}},
		{[]string{"11", "12", "13"}, []string{"11", "13"}, onrecord.Range{From: "12", FromIn: true, To: "12", ToIn: true}},
		{[]string{"11", "12", "13"}, []string{"12"}, onrecord.Range{From: "11", FromIn: true, To: "13", ToIn: true}},
		{[]string{"11"}, []string{"11"}, onrecord.Range{}},
	} {
		var list []onrecord.Known
		for _, n := range tc.erased {
			list = append(list, erasedAs(n, "alias of "+n))
		}
		res := change.Between(knownErased(list...), erasedVisit(tc.shown...))
		if res.Run == nil || res.Run.Range != tc.want {
			t.Errorf("%v without %v: run %+v, want the range %+v", tc.shown, tc.erased, res.Run, tc.want)
		}
	}
}

// TestErasedByAlias: what is observed under an alias of an erased statement is
// that statement, though nothing but the alias's id is left.
func TestErasedByAlias(t *testing.T) {
	t.Parallel()
	gone := erasedAs("https://old.example/13", "13")
	res := change.Between(knownErased(gone), erasedVisit("11", "12", "13"))
	for _, e := range res.Events {
		if e.Statement == onrecord.NewStatementID("mastodon", "13") {
			t.Errorf("a statement of its own: %s", e.Type)
		}
		if e.Statement == gone.Statement && e.Content != nil {
			t.Errorf("%s with its content", e.Type)
		}
	}
}
