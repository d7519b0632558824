// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/catalog"
)

// every is a plan for tests: due so long after the last check, the sweep from
// two days on.
func every(d time.Duration) func(onrecord.Known) (time.Time, bool) {
	return func(k onrecord.Known) (time.Time, bool) {
		if k.Unsettled() {
			return time.Time{}, false
		}
		last := k.FirstSeen
		if k.Checked.After(last) {
			last = k.Checked
		}
		return last.Add(d), last.Sub(k.FirstSeen) >= 48*time.Hour
	}
}

// planned opens a catalog by a plan.
func planned(t testing.TB, path, name string, due func(onrecord.Known) (time.Time, bool)) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(context.Background(), path, catalog.Options{MACKey: key, Due: due, Plan: name})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dueAt(t testing.TB, c *catalog.Catalog, account string, now time.Time, most int) (names []string) {
	t.Helper()
	err := c.KnownDue(t.Context(), "website", account, now, func(k onrecord.Known) bool {
		names = append(names, k.NativeID)
		return len(names) < most
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// post is the event that begins a statement.
func post(name, account string, at time.Time) onrecord.Event {
	content := onrecord.Content{Type: "article", Text: "text of " + name}
	return onrecord.Event{
		Type: onrecord.StatementCreated, At: at, By: at, Source: account, Door: "feed", Parser: "feed/1", Figure: "jane-example",
		Account:   onrecord.AccountRef{Platform: "website", ID: account},
		Statement: onrecord.NewStatementID("website", name), NativeID: name, Version: content.Version(), Content: &content,
		Provenance: onrecord.Captured, Prev: -1,
	}
}

func run(account string, at time.Time, r onrecord.Run) onrecord.Event {
	r.Door, r.Parser, r.From, r.Until, r.Visits = "feed", "feed/1", at, at, 1
	return onrecord.Event{Type: onrecord.SourceLooked, At: at, Source: account, Account: onrecord.AccountRef{Platform: "website", ID: account}, Run: &r, Prev: -1}
}

func TestKnownDue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	c, l := planned(t, path, "daily", every(24*time.Hour)), &ledger{}
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(h int) time.Time { return start.Add(time.Duration(h) * time.Hour) }
	id := func(names ...string) (ids []onrecord.StatementID) {
		for _, n := range names {
			ids = append(ids, onrecord.NewStatementID("website", n))
		}
		slices.Sort(ids)
		return ids
	}
	for i, name := range []string{"a", "b", "c", "d"} {
		apply(t, c, l.visit(at(i), "jane.example", post(name, "jane.example", at(i)))...)
	}
	apply(t, c, l.visit(at(0), "other.example", post("x", "other.example", at(0)))...)
	want := func(h, most int, names ...string) {
		t.Helper()
		if d := cmp.Diff(names, dueAt(t, c, "jane.example", at(h), most)); d != "" {
			t.Errorf("due at %d h (-want +got):\n%s", h, d)
		}
	}
	want(23, 10)
	want(24, 10, "a")
	want(30, 10, "a", "b", "c", "d")
	want(30, 2, "a", "b")
	// Seen in a feed is no check; asked for at its own address is, live or gone; in vain is not.
	apply(t, c, l.visit(at(25), "jane.example", run("jane.example", at(25), onrecord.Run{Seen: id("a", "b", "c", "d"),
		Asked: []onrecord.Asked{{At: at(25), Read: id("b"), Gone: id("c"), Unclear: id("d")}}}))...)
	want(30, 10, "a", "d")
	want(48, 10, "a", "d")
	want(49, 10, "a", "d", "b", "c")
	// What is beyond its own plan comes last, however long it is due.
	apply(t, c, l.visit(at(60), "jane.example", run("jane.example", at(60), onrecord.Run{Asked: []onrecord.Asked{{At: at(60), Live: id("a")}}}))...)
	want(90, 10, "d", "b", "c", "a")
	// Another plan changes what is due; a reader takes what is there.
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = planned(t, path, "weekly", every(7*24*time.Hour))
	want(90, 10)
	want(240, 10, "d", "b", "c", "a")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = planned(t, path, "", nil)
	defer c.Close()
	want(1000, 10)
}

// BenchmarkKnownDue finds twenty due statements of an account of 100,000.
func BenchmarkKnownDue(b *testing.B) {
	c, l := planned(b, filepath.Join(b.TempDir(), "catalog.db"), "daily", every(24*time.Hour)), &ledger{}
	defer c.Close()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for v := range 100 {
		var events []onrecord.Event
		for i := range 1000 {
			events = append(events, post(fmt.Sprint(v, "/", i), "jane.example", start.Add(time.Duration(v*1000+i)*time.Second)))
		}
		apply(b, c, l.visit(start, "jane.example", events...)...)
	}
	for name, now := range map[string]time.Time{"None": start, "All": start.Add(999 * time.Hour)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n := 0
				if err := c.KnownDue(b.Context(), "website", "jane.example", now, func(onrecord.Known) bool { n++; return n < 20 }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
