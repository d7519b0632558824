// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/catalog"
)

// eventful makes a ledger in which everything happens that can happen to a
// statement and to the record: what TestAnyOrder has, what is decided about
// statements, and lines that are lost, given up or erased.
func eventful(t *testing.T, seed uint64) []catalog.Entry {
	k := &takedowns{r: rand.New(rand.NewPCG(seed, 1)), at: noon}
	var all []catalog.Entry
	for n := range 40 {
		source, before := []string{"masto", "old", "archive"}[k.r.IntN(3)], k.l.next
		var list []catalog.Entry
		switch k.r.IntN(6) {
		case 0, 1:
			list = k.visit()
		case 2, 3, 4:
			visits := histories(k.r)
			list = k.l.visit(k.at, source, visits[k.r.IntN(len(visits))]...)
			for i := range list {
				if r := list[i].Event.Run; r != nil {
					r.Base, r.Range = k.r.Int64N(before+1), onrecord.Range{From: "100", To: strconv.Itoa(100 + k.r.IntN(6))}
				}
			}
		case 5:
			from := k.r.Int64N(before + 1)
			list = k.l.visit(k.at, source, gaveUp(t, onrecord.Lines{From: from, To: from + 1 + k.r.Int64N(before-from+1)}))
		}
		switch k.r.IntN(8) {
		case 0:
			list = lost(list, []onrecord.EventType{onrecord.LineLost, onrecord.ActLost}[k.r.IntN(2)], onrecord.VisitID{byte(n)})
		case 1:
			last := list[len(list)-1]
			list[len(list)-1] = catalog.Entry{Index: last.Index, Event: onrecord.Event{Type: onrecord.TombstoneLine, At: noon, Prev: -1}, Visit: last.Visit}
		case 2:
			follows := k.r.Int64N(before + 1)
			list[0].Visit.Follows = &follows
		}
		all = append(all, list...)
	}
	return all
}

// answers are what a catalog tells beside its tables: with ledger indexes.
func answers(t *testing.T, c *catalog.Catalog) []string {
	t.Helper()
	lines, err := c.Lost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	takedowns, _, err := c.Takedowns(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	list := append(unserved(t, c), fmt.Sprintf("%+v", lines), fmt.Sprintf("%+v", takedowns))
	for n := range 6 {
		known, err := c.Known(t.Context(), "mastodon", "100", []onrecord.StatementID{id(strconv.Itoa(100 + n))})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%+v", known))
	}
	return list
}

// TestFollowedIsRebuilt: a catalog that followed the ledger, a line or a few at a
// time, and opened again now and then, is what is made of the whole ledger at once.
func TestFollowedIsRebuilt(t *testing.T) {
	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	now := uint64(time.Now().UnixNano())
	for round := range rounds {
		seed := now + uint64(round)
		r, all := rand.New(rand.NewPCG(seed, 2)), eventful(t, seed)
		whole := temporary(t)
		apply(t, whole, all...)
		path := filepath.Join(t.TempDir(), "catalog.db")
		c := open(t, path)
		for rest := all; len(rest) > 0; {
			n := min(1+r.IntN(1+r.IntN(80)), len(rest))
			apply(t, c, rest[:n]...)
			if rest = rest[n:]; r.IntN(8) == 0 {
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				c = open(t, path)
			}
		}
		if diff := cmp.Diff(dump(t, whole), dump(t, c)); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
		if diff := cmp.Diff(answers(t, whole), answers(t, c)); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
	}
}
