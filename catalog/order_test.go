// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/catalog"
	"onrecord/search"
)

func dump(t testing.TB, c *catalog.Catalog) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Dump(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// histories makes visits about a handful of statements: every kind of event,
// first-hand and not. No two are of the same time, since then the ledger
// decides.
func histories(r *rand.Rand) [][]onrecord.Event {
	kinds := []onrecord.EventType{
		onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementSeen, onrecord.StatementLooked, onrecord.StatementDeleted,
		onrecord.StatementRestored, onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased, onrecord.MediaKept, onrecord.MediaMissed,
		onrecord.AccountWasSuspended, onrecord.AccountRestored, onrecord.AccountRenamed, onrecord.PlatformOffline, onrecord.PlatformOnline,
		onrecord.SourceGap, onrecord.SourceFrozen, onrecord.SourceThawed, onrecord.SourceLooked,
	}
	var visits [][]onrecord.Event
	at := noon
	for range 12 + r.IntN(12) {
		var events []onrecord.Event
		for range 1 + r.IntN(4) {
			at = at.Add(time.Duration(1+r.IntN(3600)) * time.Second)
			events = append(events, anything(r, kinds[r.IntN(len(kinds))], at))
		}
		visits = append(visits, events)
	}
	return visits
}

func anything(r *rand.Rand, kind onrecord.EventType, at time.Time) onrecord.Event {
	native := strconv.Itoa(100 + r.IntN(5))
	e := onrecord.Event{Type: kind, At: at, By: at, After: at.Add(-time.Minute), Figure: "jane-example", Source: "masto", Door: "api", Parser: "1", Account: jane, Prev: -1}
	switch kind {
	case onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementSeen:
		text := []string{"one wording", "another wording", "a third one, of taxes", "taxes"}[r.IntN(4)]
		e = said(kind, native, text, at)
		if r.IntN(4) == 0 {
			e.Aliases = []string{"alias " + strconv.Itoa(r.IntN(3)) + " of " + native}
		}
		if r.IntN(3) == 0 {
			e.PublishedAt = time.Time{}
		}
	case onrecord.StatementLooked, onrecord.StatementDeleted, onrecord.StatementRestored, onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased, onrecord.MediaKept, onrecord.MediaMissed:
		e = happened(kind, native, at)
		e.Look = []onrecord.LookResult{onrecord.LookAbsent, onrecord.LookGone, onrecord.LookLive, onrecord.LookUnclear}[r.IntN(4)]
		e.Grade = []onrecord.Grade{onrecord.GradeD2, onrecord.GradeD3}[r.IntN(2)]
		e.After = at.Add(-time.Minute)
		if kind == onrecord.MediaKept || kind == onrecord.MediaMissed {
			e.Media = &onrecord.KeptMedia{ID: []string{"m1", "m2"}[r.IntN(2)], SHA256: strings.Repeat("ab", 31) + strconv.Itoa(10+r.IntN(3)), Missing: strconv.Itoa(r.IntN(3))}
		}
		if kind == onrecord.StatementErased {
			e.Takedown = &onrecord.Takedown{Case: []string{"T-1", "T-2"}[r.IntN(2)]}
		}
		if kind == onrecord.StatementWithheld || kind == onrecord.StatementUnwithheld {
			e.Takedown = &onrecord.Takedown{Case: []string{"T-1", "T-2"}[r.IntN(2)]}
		}
	case onrecord.AccountWasSuspended:
		e.State = onrecord.AccountSuspended
	case onrecord.AccountRestored:
		e.State = onrecord.AccountLive
	case onrecord.AccountRenamed:
		e.State, e.Account.Handle = onrecord.AccountLive, "jane"+strconv.Itoa(r.IntN(9))
	case onrecord.SourceGap:
		e.Gap = &onrecord.Gap{Reason: "blocked", Open: r.IntN(2) == 0, Since: noon.Add(time.Duration(r.IntN(3)) * time.Hour)}
	case onrecord.SourceLooked:
		e.Run = &onrecord.Run{Door: "api", Parser: "1", From: at.Add(-time.Hour), Until: at, Visits: 3, Seen: []onrecord.StatementID{id(native)}}
	}
	if r.IntN(4) == 0 && kind != onrecord.SourceLooked {
		e.Provenance, e.Source = onrecord.Imported, "old"
	}
	return e
}

// TestAnyOrder is the property of record.md 3: any order of commit of the same
// events gives the same tables.
func TestAnyOrder(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	seed := uint64(time.Now().UnixNano())
	for round := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		visits := histories(r)
		want := ""
		for order := range 4 {
			c, l := temporary(t), &ledger{}
			var all []catalog.Entry
			for _, v := range visits {
				all = append(all, l.visit(noon, "other", v...)...)
			}
			if order == 3 { // visit by visit, not in one batch
				for i := range all {
					apply(t, c, all[i])
				}
			} else {
				apply(t, c, all...)
			}
			got := dump(t, c)
			if want == "" {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, round %d, order %d:\n%s", seed, round, order, diff)
			}
			r.Shuffle(len(visits), func(i, j int) { visits[i], visits[j] = visits[j], visits[i] })
		}
	}
}

// TestRebuild: a rebuilt catalog answers with the same bytes, cursors
// included, and takes the place of the old one under readers and applier.
func TestRebuild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [strange] folder?#%")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "catalog.db")
	c, l := open(t, path), &ledger{}
	r := rand.New(rand.NewPCG(1, 2))
	var all []catalog.Entry
	for range 8 {
		for _, v := range histories(r) {
			all = append(all, l.visit(noon, "masto", v...)...)
		}
	}
	for some := range slices.Chunk(all, 37) {
		apply(t, c, some...)
	}
	reader, err := catalog.Open(t.Context(), path, catalog.Options{MACKey: key, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	before, pages := dump(t, c), walk(t, c)

	for round := range 3 {
		if !replace(t, path, all, l.next, round) {
			continue
		}
		for name, c := range map[string]*catalog.Catalog{"applier": c, "reader": reader} {
			if _, root, err := c.Applied(t.Context()); root[0] != byte(round) || err != nil {
				t.Errorf("round %d: the %s reads the old file: root %x, error %v", round, name, root[:1], err)
			}
			if diff := cmp.Diff(before, dump(t, c)); diff != "" {
				t.Errorf("round %d: the %s reads:\n%s", round, name, diff)
			}
			if diff := cmp.Diff(pages, walk(t, c)); diff != "" {
				t.Errorf("round %d: the %s answers:\n%s", round, name, diff)
			}
		}
	}
	apply(t, c, l.visit(noon, "masto", said(onrecord.StatementCreated, "999", "After the rebuild", noon))...)
	if n := total(t, reader, "rebuild"); n != 1 {
		t.Errorf("the reader finds %d of what was applied after the rebuild", n)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4 { // the file, its pointer and two locks
		t.Errorf("left behind: %v, error %v", files, err)
	}
	if n := total(t, open(t, path), "rebuild"); n != 1 {
		t.Errorf("opened again: %d found", n)
	}
}

// replace rebuilds the catalog at path, whose root is then the round. The
// second rebuild is given up.
func replace(t *testing.T, path string, all []catalog.Entry, size int64, round int) bool {
	t.Helper()
	rb, err := catalog.Rebuild(t.Context(), path, catalog.Options{MACKey: key})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.Rebuild(t.Context(), path, catalog.Options{MACKey: key}); !errors.Is(err, catalog.ErrLocked) {
		t.Errorf("two rebuilds at once: error %v, want ErrLocked", err)
	}
	if err := rb.ApplyTo(t.Context(), sequence(all), size, [32]byte{byte(round)}); err != nil {
		t.Fatal(err)
	}
	if round == 1 {
		if err := rb.Discard(); err != nil {
			t.Fatal(err)
		}
		return false
	}
	if err := rb.Replace(); err != nil {
		t.Fatal(err)
	}
	return true
}

// walk prints all pages of a few requests.
func walk(t testing.TB, c *catalog.Catalog) string {
	t.Helper()
	var b bytes.Buffer
	for _, q := range []string{"", "wording", "-taxes", "wording is:edited"} {
		parsed, err := search.Parse(q, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, sort := range []search.Sort{search.Newest, search.Oldest, search.Relevance} {
			r := search.Request{Query: parsed, Sort: sort, Limit: 2}
			for {
				res, err := c.Search(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "%s %s %+v\n", q, sort, res)
				if r.Cursor = res.Next; r.Cursor == "" {
					break
				}
			}
		}
	}
	return b.String()
}
