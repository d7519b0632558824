// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
)

// A journal applies events to a catalog, one at a time.
type journal struct {
	c    *catalog.Catalog
	next int64
}

func (j *journal) apply(t *testing.T, list ...onrecord.Event) {
	t.Helper()
	err := j.c.Apply(t.Context(), func(yield func(catalog.Entry, error) bool) {
		for _, e := range list {
			if !yield(catalog.Entry{Index: j.next, Event: e}, nil) {
				return
			}
			j.next++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// openTwice opens a catalog as the process that applies does, and as another
// one, after one statement was said.
func openTwice(t *testing.T) (*journal, *catalog.Catalog, onrecord.Event) {
	t.Helper()
	path := t.TempDir() + "/catalog.db"
	c, err := catalog.Open(t.Context(), path, catalog.Options{MACKey: []byte("key")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	j, said := &journal{c: c}, mediaStory()[0]
	j.apply(t, onrecord.Event{Type: onrecord.VisitLine, Source: "masto"}, said)
	other, err := catalog.Open(t.Context(), path, catalog.Options{MACKey: []byte("key"), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return j, other, said
}

// decision is a decision about the statement of an event.
func decision(kind onrecord.EventType, said onrecord.Event, minutes int, e *onrecord.Erasure) onrecord.Event {
	at := said.At.Add(time.Duration(minutes) * time.Minute)
	return onrecord.Event{Type: kind, At: at, By: at, Figure: said.Figure, Account: said.Account, Statement: said.Statement, Prev: -1, Provenance: onrecord.Captured,
		Takedown: &onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "personal data"}, Erasure: e}
}

// TestFirstTakedownOfAnotherProcess: a process that opened the catalog before
// anything was ever withheld or erased knows of it once it is applied.
func TestFirstTakedownOfAnotherProcess(t *testing.T) {
	for _, kind := range []onrecord.EventType{onrecord.StatementWithheld, onrecord.StatementErased} {
		t.Run(string(kind), func(t *testing.T) {
			j, other, said := openTwice(t)
			span := onrecord.Span{Object: "captures/x.warc.gz", Offset: 5, Length: 7}
			erasure := &onrecord.Erasure{Records: []onrecord.Span{span}}
			if kind == onrecord.StatementErased {
				erasure.Leaves = []int64{1}
			}
			j.apply(t, decision(kind, said, 60, erasure))
			list, _, err := other.Takedowns(t.Context(), 0, 10)
			if err != nil || len(list) != 1 || list[0].Type != kind {
				t.Errorf("takedowns: %+v, %v", list, err)
			}
			spans, _, err := other.Hidden(t.Context(), span.Object)
			if err != nil || len(spans) != 1 || spans[0] != span {
				t.Errorf("hidden: %+v, %v", spans, err)
			}
			holds, err := other.HoldsErased(t.Context())
			if err != nil || holds != (kind == onrecord.StatementErased) {
				t.Errorf("holds what was erased: %t, %v", holds, err)
			}
		})
	}
}

// TestKeptOfAnotherProcess: as above, of the segments that a store keeps.
func TestKeptOfAnotherProcess(t *testing.T) {
	j, other, _ := openTwice(t)
	if spans, _, err := other.Hidden(t.Context(), "journal/x"); err != nil || len(spans) > 0 {
		t.Fatal(spans, err)
	}
	at := time.Date(2026, 8, 7, 10, 0, 0, 0, time.UTC)
	j.apply(t, onrecord.Event{Type: onrecord.ArchiveErasureDone, At: at, By: at, Prev: 2, Provenance: onrecord.Captured,
		Takedown: &onrecord.Takedown{Case: "T-1"}, Erasure: &onrecord.Erasure{Objects: []onrecord.ObjectValue{{Key: "journal/x"}}}})
	if spans, _, err := other.Hidden(t.Context(), "journal/x"); err != nil || len(spans) != 1 || spans[0].Length != -1 {
		t.Error(spans, err)
	}
}

// TestErasedAgain: an erasure of records alone, which follows when the statement
// is seen again, says nothing of the lines that the one before erased.
func TestErasedAgain(t *testing.T) {
	j, _, said := openTwice(t)
	again := &onrecord.Erasure{Records: []onrecord.Span{{Object: "captures/y.warc.gz", Offset: 1, Length: 2}}}
	j.apply(t, decision(onrecord.StatementErased, said, 60, &onrecord.Erasure{Leaves: []int64{0, 1}}), decision(onrecord.StatementErased, said, 90, again))
	if holds, err := j.c.HoldsErased(t.Context()); err != nil || !holds {
		t.Errorf("holds what was erased: %t, %v", holds, err)
	}
	st, err := j.c.Statement(t.Context(), said.Statement)
	if err != nil || st.Decision == nil || st.Decision.Index != 3 || st.Decision.Entry != 0 {
		t.Errorf("%+v, %v; the entry that was erased first is no. 0", st.Decision, err)
	}
}

// TestWithheldInSeveralCases: a statement is shown again when no case about it is
// in force, in whatever order they were decided, and the list tells every decision.
func TestWithheldInSeveralCases(t *testing.T) {
	j, other, said := openTwice(t)
	in := func(number string, ground onrecord.Ground, kind onrecord.EventType, minutes int) onrecord.Event {
		e := decision(kind, said, minutes, nil)
		e.Takedown = &onrecord.Takedown{Case: number, Ground: ground, Reason: "personal data"}
		return e
	}
	for _, step := range []struct {
		event onrecord.Event
		force string // the cases in force, the gravest first
	}{
		{in("A", onrecord.GroundLaw, onrecord.StatementWithheld, 10), "A"},
		{in("B", onrecord.GroundPolicy, onrecord.StatementWithheld, 20), "A B"},
		{in("B", "", onrecord.StatementUnwithheld, 30), "A"},
		{in("C", "", onrecord.StatementUnwithheld, 40), "A"},
		{in("B", onrecord.GroundLaw, onrecord.StatementWithheld, 50), "B A"},
		{in("A", "", onrecord.StatementUnwithheld, 60), "B"},
		{in("B", onrecord.GroundLaw, onrecord.StatementWithheld, 45), "B"}, // recorded late
		{in("B", "", onrecord.StatementUnwithheld, 70), ""},
	} {
		j.apply(t, step.event)
		st, err := other.Statement(t.Context(), said.Statement)
		if err != nil {
			t.Fatal(err)
		}
		var force []string
		if d := st.Decision; d != nil {
			force = append(force, d.Case)
			for _, o := range d.Others {
				force = append(force, o.Case)
			}
		}
		if got := strings.Join(force, " "); got != step.force || (st.State == onrecord.StateWithheld) != (step.force != "") {
			t.Errorf("after %s of %s: state %s, in force %q, want %q", step.event.Type, step.event.Takedown.Case, st.State, got, step.force)
		}
	}
	var told []string
	for before, more := int64(0), true; more; more = before > 0 {
		list, next, err := other.Takedowns(t.Context(), before, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			told = append(told, fmt.Sprintf("%d %s %s %t", d.Index, d.Type, d.Case, d.InForce))
		}
		before = next
	}
	if len(told) != 8 || told[7] != "2 statement.withheld A false" || told[0] != "9 statement.unwithheld B false" {
		t.Errorf("told %q", told)
	}
}

// TestWithheldAfterErasure: records are served again once they are redacted, so
// that strangers can check that they are; not those that a store keeps, and not
// what another statement withholds.
func TestWithheldAfterErasure(t *testing.T) {
	for name, c := range map[string]struct {
		done *onrecord.Erasure // of the event that ends the erasure; nil for none
		also bool              // another statement shows there, and is withheld
		want int
	}{
		"under way":      {nil, false, 1},
		"done":           {&onrecord.Erasure{}, false, 0},
		"kept":           {&onrecord.Erasure{Objects: []onrecord.ObjectValue{{Key: "captures/x.warc.gz"}}}, false, 1},
		"done, withheld": {&onrecord.Erasure{}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			j, _, said := openTwice(t)
			span := onrecord.Span{Object: "captures/x.warc.gz", Offset: 5, Length: 7}
			if c.also {
				other := mediaStory()[1]
				j.apply(t, other, decision(onrecord.StatementWithheld, other, 30, &onrecord.Erasure{Records: []onrecord.Span{span}}))
			}
			index := j.next
			j.apply(t, decision(onrecord.StatementErased, said, 60, &onrecord.Erasure{Leaves: []int64{1}, Records: []onrecord.Span{span}}))
			if c.done != nil {
				at := said.At.Add(2 * time.Hour)
				j.apply(t, onrecord.Event{Type: onrecord.ArchiveErasureDone, At: at, By: at, Prev: index, Provenance: onrecord.Captured, Takedown: &onrecord.Takedown{Case: "T-1"}, Erasure: c.done})
			}
			if spans, _, err := j.c.Withheld(t.Context(), span.Object); err != nil || len(spans) != c.want {
				t.Errorf("withheld: %v, %v", spans, err)
			}
			if spans, _, err := j.c.Hidden(t.Context(), span.Object); err != nil || len(spans) != 1 {
				t.Errorf("hidden: %v, %v", spans, err)
			}
		})
	}
}
