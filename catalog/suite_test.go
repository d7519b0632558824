// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
	"onrecord/search"
	"onrecord/search/searchtest"
)

var key = []byte("a key for tests, 32 bytes long..")

func open(t testing.TB, path string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(context.Background(), path, catalog.Options{MACKey: key, Figures: map[string]string{"jane-example": "Jane Example"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// temporary opens a new catalog.
func temporary(t testing.TB) *catalog.Catalog {
	return open(t, filepath.Join(t.TempDir(), "catalog.db"))
}

// A ledger numbers events as the archive does.
type ledger struct{ next int64 }

// visit makes entries of one visit: its first line, and the events.
func (l *ledger) visit(at time.Time, source string, events ...onrecord.Event) []catalog.Entry {
	v := catalog.Visit{Source: source, Door: "api", Started: at, Ended: at.Add(time.Second), Outcome: onrecord.OutcomeOK}
	list := []catalog.Entry{{Index: l.next, Event: onrecord.Event{Type: onrecord.VisitLine, At: at}, Visit: v}}
	for _, e := range events {
		l.next++
		list = append(list, catalog.Entry{Index: l.next, Event: e, Visit: v})
	}
	l.next++
	return list
}

func sequence(list []catalog.Entry) iter.Seq2[catalog.Entry, error] {
	return func(yield func(catalog.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func apply(t testing.TB, c *catalog.Catalog, list ...catalog.Entry) {
	t.Helper()
	if err := c.Apply(context.Background(), sequence(list)); err != nil {
		t.Fatal(err)
	}
}

// eventsOf tells the history that ends in d.
func eventsOf(d searchtest.Document) []onrecord.Event {
	first := onrecord.Event{
		Type: onrecord.StatementCreated, At: d.FirstSeen, By: d.FirstSeen, Figure: d.Figure, Source: d.Platform + d.AccountID,
		Door: "api", Parser: "1", Account: onrecord.AccountRef{Platform: d.Platform, ID: d.AccountID}, Statement: d.ID,
		NativeID: d.Key, PublishedAt: d.Published, Precision: onrecord.PrecisionSecond, Provenance: onrecord.Captured, Prev: -1,
	}
	if d.Imported {
		first.Provenance = onrecord.Imported
	}
	var list []onrecord.Event
	for i, c := range d.Wordings {
		e := first
		e.Content, e.Version = &c, c.Version()
		if i > 0 {
			e.Type = onrecord.StatementEdited
			e.After, e.At = e.At, e.At.Add(time.Duration(i)*time.Hour)
			e.By = e.At
		}
		list = append(list, e)
	}
	fate := first
	fate.At = fate.At.Add(48 * time.Hour)
	fate.After, fate.By, fate.PublishedAt = first.At, fate.At, time.Time{}
	gone := fate
	gone.Type, gone.Grade, gone.Look = onrecord.StatementDeleted, onrecord.GradeD2, onrecord.LookGone
	switch d.State {
	case onrecord.StateDeleted:
		list = append(list, gone)
	case onrecord.StateRestored:
		back := fate
		back.Type, back.At = onrecord.StatementRestored, fate.At.Add(time.Hour)
		list = append(list, gone, back)
	case onrecord.StateUnconfirmed:
		fate.Type, fate.Look = onrecord.StatementLooked, onrecord.LookAbsent
		list = append(list, fate)
	case onrecord.StateWithheld:
		fate.Type = onrecord.StatementWithheld
		list = append(list, fate)
	}
	return list
}

func TestSearchSuite(t *testing.T) {
	searchtest.Run(t, func(t *testing.T, docs []searchtest.Document) (search.Searcher, func(*testing.T, []searchtest.Document)) {
		c, l := temporary(t), &ledger{}
		end := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
		add := func(t *testing.T, docs []searchtest.Document) {
			for _, d := range docs {
				apply(t, c, l.visit(d.FirstSeen, d.Platform+d.AccountID, eventsOf(d)...)...)
			}
		}
		add(t, docs)
		apply(t, c, l.visit(end, "x200", onrecord.Event{
			Type: onrecord.AccountWasSuspended, At: end, Source: "x200", State: onrecord.AccountSuspended, Code: "Account suspended",
			Account: onrecord.AccountRef{Platform: "x", ID: searchtest.SuspendedAccount}, Prev: -1,
		})...)
		apply(t, c, l.visit(end, "website"+searchtest.OfflineAccount, onrecord.Event{
			Type: onrecord.PlatformOffline, At: end, Source: "website" + searchtest.OfflineAccount, Platform: "website", Prev: -1,
		})...)
		return c, add
	})
}
