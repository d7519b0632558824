// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/catalog"
)

// lost makes lost lines of entries.
func lost(list []catalog.Entry, t onrecord.EventType, v onrecord.VisitID) []catalog.Entry {
	out := make([]catalog.Entry, len(list))
	for i, e := range list {
		out[i] = catalog.Entry{Index: e.Index, Event: onrecord.Event{Type: t, At: noon, Visit: v, Index: e.Index, Prev: -1}}
	}
	return out
}

// ran is a run that was judged with all known up to base and saw the range.
func ran(base int64, until time.Time, from, to string) onrecord.Event {
	return onrecord.Event{
		Type: onrecord.SourceLooked, At: until, By: until, Figure: "jane-example", Source: "masto", Account: jane, Prev: -1,
		Run: &onrecord.Run{Door: "api", Parser: "1", From: until, Until: until, Visits: 1, Base: base, Range: onrecord.Range{From: from, To: to}},
	}
}

// gaveUp is the operator's act that gives lines up.
func gaveUp(t *testing.T, lines ...onrecord.Lines) onrecord.Event {
	t.Helper()
	extra, _ := onrecord.GiveUp(lines)
	return onrecord.Event{Type: onrecord.ArchiveGaveUp, At: noon, By: noon, Source: "archive", Prev: -1, Extra: extra}
}

// A run says that all was seen which its judge knew of. What rests on lost lines
// moves nothing, until they are given up: from then on the judge knows no more.
func TestRunsThatRestOnLostLines(t *testing.T) {
	t.Parallel()
	c, l := temporary(t), &ledger{}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "17", "words", noon))...) // 0, 1
	gone := l.visit(noon, "masto", happened(onrecord.StatementDeleted, "17", noon.Add(time.Hour)), happened(onrecord.StatementDeleted, "18", noon.Add(time.Hour)))
	apply(t, c, lost(gone, onrecord.LineLost, onrecord.VisitID{7})...) // 2, 3, 4
	seen := func() time.Time {
		t.Helper()
		s, err := c.Statement(t.Context(), id("17"))
		if err != nil {
			t.Fatal(err)
		}
		return s.LastSeen
	}
	apply(t, c, l.visit(noon, "masto", ran(1, noon.Add(30*time.Minute), "16", "18"))...) // judged before
	if !seen().Equal(noon.Add(30 * time.Minute)) {
		t.Errorf("last seen %s: a run that knew nothing of them counts", seen())
	}
	apply(t, c, l.visit(noon, "masto", ran(4, noon.Add(2*time.Hour), "16", "18"))...)
	if !seen().Equal(noon.Add(30 * time.Minute)) {
		t.Errorf("last seen %s: a run counts that knew what is lost", seen())
	}
	k, err := c.KnownSource(t.Context(), "masto")
	if err != nil || !k.Complete.Until.Equal(noon.Add(30*time.Minute)) {
		t.Errorf("the last complete look was at %s, %v", k.Complete.Until, err)
	}
	want := onrecord.LostLines{From: 2, To: 5, Visit: onrecord.VisitID{7}, GivenUp: -1}
	if got, err := c.Lost(t.Context()); err != nil || !cmp.Equal(got, []onrecord.LostLines{want}) {
		t.Errorf("lost: %+v, %v", got, err)
	}
	act := l.visit(noon, "archive", gaveUp(t, onrecord.Lines{From: 2, To: 4}, onrecord.Lines{From: 4, To: 5}))
	apply(t, c, act...)
	want.GivenUp = act[1].Index
	if got, err := c.Lost(t.Context()); err != nil || !cmp.Equal(got, []onrecord.LostLines{want}) {
		t.Errorf("given up: %+v, %v", got, err)
	}
	apply(t, c, l.visit(noon, "masto", ran(act[1].Index, noon.Add(3*time.Hour), "16", "18"))...)
	if !seen().Equal(noon.Add(3 * time.Hour)) {
		t.Errorf("last seen %s: nothing counts any more", seen())
	}
}

// Lines that were given up and have come back: who judged meanwhile did not know
// of the statements in them, and did not say that they were seen.
func TestLinesThatCameBack(t *testing.T) {
	t.Parallel()
	c, l := temporary(t), &ledger{}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "17", "words", noon))...)
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "18", "other words", noon))...) // 2, 3: had been lost
	act := l.visit(noon, "archive", gaveUp(t, onrecord.Lines{From: 2, To: 4}))
	apply(t, c, act...)
	apply(t, c, l.visit(noon, "masto", ran(act[1].Index, noon.Add(time.Hour), "16", "19"))...)
	for native, want := range map[string]time.Time{"17": noon.Add(time.Hour), "18": noon} {
		if s, err := c.Statement(t.Context(), id(native)); err != nil || !s.LastSeen.Equal(want) {
			t.Errorf("%s last seen %s, want %s: %v", native, s.LastSeen, want, err)
		}
	}
}

// A later visit tells whose the lost one before it was, and an act what lies
// between it and the act before it.
func TestWhatComesAfterTellsWhoseItWas(t *testing.T) {
	t.Parallel()
	c, l := temporary(t), &ledger{}
	follow := func(list []catalog.Entry, index int64) []catalog.Entry {
		list[0].Visit.Follows = &index
		return list
	}
	apply(t, c, l.visit(noon, "archive", happened(onrecord.ArchiveLabelChanged, "", noon))...)                                           // 0, 1
	apply(t, c, lost(l.visit(noon, "masto", happened(onrecord.StatementDeleted, "17", noon)), onrecord.ActLost, onrecord.VisitID{1})...) // 2, 3
	apply(t, c, lost(l.visit(noon, "masto", happened(onrecord.StatementDeleted, "17", noon)), onrecord.ActLost, onrecord.VisitID{2})...) // 4, 5
	apply(t, c, lost(l.visit(noon, "masto", happened(onrecord.StatementDeleted, "17", noon)), onrecord.ActLost, onrecord.VisitID{3})...) // 6, 7
	told := func() (list []string) {
		t.Helper()
		got, err := c.Lost(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range got {
			words := one.Source
			if one.Unsettled() {
				words += "?"
			}
			list = append(list, words)
		}
		return list
	}
	if diff := cmp.Diff([]string{"?", "?", "?"}, told()); diff != "" {
		t.Error(diff)
	}
	apply(t, c, follow(l.visit(noon, "masto", said(onrecord.StatementCreated, "19", "words", noon)), 2)...)
	if diff := cmp.Diff([]string{"masto", "?", "?"}, told()); diff != "" {
		t.Error(diff)
	}
	apply(t, c, follow(l.visit(noon, "archive", happened(onrecord.ArchiveLabelChanged, "", noon)), 4)...)
	if diff := cmp.Diff([]string{"masto", "archive?", ""}, told()); diff != "" {
		t.Error(diff)
	}
}

// An act that was made from a register that had been put back names an earlier act
// than the last one that can be read; one whose register was not there names none.
// Neither tells what lies between.
func TestAnActOfAPutBackRegisterTellsNothing(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int64{"put back": 0, "not there": -1} {
		c, l := temporary(t), &ledger{}
		apply(t, c, l.visit(noon, "archive", happened(onrecord.ArchiveLabelChanged, "", noon))...) // 0, 1
		apply(t, c, l.visit(noon, "archive", happened(onrecord.ArchiveLabelChanged, "", noon))...) // 2, 3
		apply(t, c, lost(l.visit(noon, "archive", happened(onrecord.StatementWithheld, "17", noon)), onrecord.ActLost, onrecord.VisitID{1})...)
		act := l.visit(noon, "archive", happened(onrecord.ArchiveLabelChanged, "", noon))
		act[0].Visit.Follows = &before
		apply(t, c, act...)
		if got, err := c.Lost(t.Context()); err != nil || len(got) != 1 || !got[0].Unsettled() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Only an act of the operator gives lines up.
func TestOnlyTheOperatorGivesUp(t *testing.T) {
	t.Parallel()
	c, l := temporary(t), &ledger{}
	apply(t, c, lost(l.visit(noon, "masto", happened(onrecord.StatementDeleted, "17", noon)), onrecord.ActLost, onrecord.VisitID{7})...) // 0, 1
	claim := gaveUp(t, onrecord.Lines{From: 0, To: 2})
	claim.Source = ""
	apply(t, c, l.visit(noon, "masto", claim)...)
	if got, err := c.Lost(t.Context()); err != nil || len(got) != 1 || got[0].GivenUp >= 0 {
		t.Errorf("another source: %+v, %v", got, err)
	}
	// Piece by piece, and some of it twice: it is given up by the act with the last piece.
	apply(t, c, l.visit(noon, "archive", gaveUp(t, onrecord.Lines{From: 1, To: 2}))...)
	if got, err := c.Lost(t.Context()); err != nil || len(got) != 1 || got[0].GivenUp >= 0 {
		t.Errorf("a part: %+v, %v", got, err)
	}
	act := l.visit(noon, "archive", gaveUp(t, onrecord.Lines{From: 0, To: 3}))
	apply(t, c, act...)
	apply(t, c, l.visit(noon, "archive", gaveUp(t, onrecord.Lines{From: 0, To: 2}))...)
	if got, err := c.Lost(t.Context()); err != nil || len(got) != 1 || got[0].GivenUp != act[1].Index {
		t.Errorf("all: %+v, %v; want by %d", got, err, act[1].Index)
	}
}
