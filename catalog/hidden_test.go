// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"context"
	"encoding/binary"
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

// A takedowns makes visits in which a few statements are said, withheld, shown
// again and erased, with all that an event can say of what shows them.
type takedowns struct {
	r      *rand.Rand
	l      ledger
	at     time.Time
	erased []int64 // indexes of the erasures
}

var files = []string{"captures/a.warc.gz", "captures/b.warc.gz", "captures/c.warc.gz", "media/d.warc"}

// visitOf names the nth visit: four of each hundred are of one.
func visitOf(n int) (v onrecord.VisitID) {
	binary.BigEndian.PutUint64(v[:], uint64(n%5)<<20|0x0198_0000_0000_0000)
	v[15] = byte(n % 5)
	return v
}

func segment(v onrecord.VisitID) string {
	return "journal/" + v.Time().UTC().Format("2006/01/02") + "/" + v.String() + ".ndjson.zst"
}

func (k *takedowns) visit() []catalog.Entry {
	var events []onrecord.Event
	visit := visitOf(k.r.IntN(5))
	for n := range 1 + k.r.IntN(4) {
		e := k.event(k.l.next + 1 + int64(n))
		e.Visit = visit
		events = append(events, e)
	}
	return k.l.visit(k.at, "masto", events...)
}

func (k *takedowns) event(index int64) onrecord.Event {
	k.at = k.at.Add(time.Minute)
	native := strconv.Itoa(100 + k.r.IntN(6))
	span := func() onrecord.Span {
		return onrecord.Span{Object: files[k.r.IntN(len(files))], Offset: int64(k.r.IntN(3)) * 100, Length: 100}
	}
	e := said(onrecord.StatementSeen, native, "one wording", k.at)
	at := span()
	e.Captures[0].Object, e.Captures[0].Offset, e.Captures[0].Length = at.Object, at.Offset, at.Length
	if k.r.IntN(5) == 0 {
		e.Order = strconv.Itoa(50 + k.r.IntN(6))
	}
	if k.r.IntN(5) == 0 {
		e.Aliases = []string{"alias of " + native}
	}
	kind := []onrecord.EventType{
		onrecord.StatementSeen, onrecord.StatementSeen, onrecord.StatementCreated, onrecord.MediaKept, onrecord.SourceLooked, onrecord.SourceLooked,
		onrecord.StatementWithheld, onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased, onrecord.ArchiveErasureDone,
	}[k.r.IntN(11)]
	switch kind {
	case onrecord.MediaKept:
		e = happened(kind, native, k.at)
		e.Media = &onrecord.KeptMedia{ID: "m", At: span()}
	case onrecord.SourceLooked:
		e = looked("masto", k.at.Add(-time.Hour), k.at, 3)
		e.Account, e.Run.Range = jane, onrecord.Range{From: strconv.Itoa(50 + 50*k.r.IntN(2) + k.r.IntN(6)), To: strconv.Itoa(100 + k.r.IntN(6))}
	case onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased:
		e = decision(kind, e, 0, &onrecord.Erasure{Records: []onrecord.Span{span()}})
		e.Takedown.Case = "T-" + strconv.Itoa(k.r.IntN(2))
		if k.r.IntN(3) > 0 {
			e.Erasure.Leaves = []int64{k.r.Int64N(index), index + k.r.Int64N(6)} // some are still to come
		}
		if kind == onrecord.StatementErased {
			e.Erasure.Objects = []onrecord.ObjectValue{{Key: segment(visitOf(k.r.IntN(5)))}}
			k.erased = append(k.erased, index)
		}
	case onrecord.ArchiveErasureDone:
		e = onrecord.Event{Type: kind, At: k.at, By: k.at, Prev: k.r.Int64N(index + 3), Provenance: onrecord.Captured, Takedown: &onrecord.Takedown{Case: "T-0"}}
		if n := len(k.erased); n > 0 && k.r.IntN(4) > 0 {
			e.Prev = k.erased[k.r.IntN(n)]
		}
		if k.r.IntN(2) == 0 {
			e.Erasure = &onrecord.Erasure{Objects: []onrecord.ObjectValue{{Key: files[k.r.IntN(len(files))]}, {Key: segment(visitOf(k.r.IntN(5)))}}}
		}
	default:
		e.Type = kind
	}
	return e
}

// unserved tells all that a catalog does not serve.
func unserved(t *testing.T, c *catalog.Catalog) []string {
	t.Helper()
	keys := files
	for n := range 5 {
		keys = append(keys, segment(visitOf(n)))
	}
	var list []string
	for _, key := range keys {
		hidden, down, err := c.Hidden(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		withheld, why, err := c.Withheld(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := c.HiddenLines(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprint(key, hidden, down, withheld, why, lines))
	}
	now, err := c.WithheldNow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		evidence, err := c.Captures(t.Context(), id(strconv.Itoa(100+n)))
		if err == nil {
			list = append(list, fmt.Sprint(evidence))
		}
	}
	return append(list, fmt.Sprint(now))
}

// TestHiddenIsKept: what a catalog does not serve, as it is kept from commit to
// commit by the process that applies and by another one, is what one that was just
// opened works out, after every commit, also when readers leave meanwhile.
func TestHiddenIsKept(t *testing.T) {
	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	seed := uint64(time.Now().UnixNano())
	hidden := 0
	for round := range rounds {
		k := &takedowns{r: rand.New(rand.NewPCG(seed, uint64(round))), at: noon}
		path := filepath.Join(t.TempDir(), "catalog.db")
		applies := open(t, path)
		reads := readOnly(t, path)
		for step := range 30 {
			apply(t, applies, k.visit()...)
			if k.r.IntN(3) == 0 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(k.r.IntN(300))*time.Microsecond)
				_, _ = reads.WithheldNow(ctx) // whether it succeeds does not matter
				cancel()
			}
			anew := readOnly(t, path)
			want := unserved(t, anew)
			if err := anew.Close(); err != nil {
				t.Fatal(err)
			}
			for who, c := range map[string]*catalog.Catalog{"the process that applies": applies, "another one": reads} {
				if k.r.IntN(2) == 0 {
					continue // several commits between two questions
				}
				if diff := cmp.Diff(want, unserved(t, c)); diff != "" {
					t.Fatalf("seed %d, round %d, step %d, %s:\n%s", seed, round, step, who, diff)
				}
			}
			now, err := applies.WithheldNow(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			hidden += len(now)
		}
	}
	if hidden == 0 {
		t.Errorf("seed %d: nothing was ever withheld", seed)
	}
}

func readOnly(t *testing.T, path string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), path, catalog.Options{MACKey: key, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
