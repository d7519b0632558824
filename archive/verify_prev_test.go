// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
)

// says commits one visit whose events name what came before them.
func says(t *testing.T, w *world, a *archive.Archive, events ...onrecord.Event) int64 {
	t.Helper()
	v, err := a.Begin(t.Context(), press("press"), "feed", "feed/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := archive.Draft{Base: max(v.State().Done.Index, 0), Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Next: v.State(), Events: events}
	d.Next.Platform, d.Next.AccountID = "website", "jane.example"
	done, err := v.Commit(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return done.Index
}

// before returns an event of a statement that names an index as the one before.
func before(text string, prev int64) onrecord.Event {
	e := said("press", text, "Wording.")
	e.Prev = prev
	return e
}

// TestVerifyPrev has lines that name what is no event before them: the ledger
// vouches for them, and yet nobody can walk the statement back.
func TestVerifyPrev(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	one := says(t, w, a, before("one", -1), before("two", -1)) // the visit line; its events follow
	right := says(t, w, a, before("one", one+1), before("two", one+2), before("one", one+1))
	account := onrecord.Event{Type: onrecord.SourceGap, At: w.now(), By: w.now(), Source: "press", Gap: &onrecord.Gap{Reason: "outage"}, Prev: -1}
	gap := says(t, w, a, account)
	if r := verifiedAs(t, a, archive.VerifyOptions{}); r.Lines < 9 {
		t.Fatalf("%+v", r)
	}
	var want []int64
	for _, wrong := range []struct {
		prev func(own int64) int64
		says string
	}{
		{func(int64) int64 { return one + 2 }, "which is of another statement"},
		{func(int64) int64 { return right }, "which is of no statement"},
		{func(int64) int64 { return gap + 1 }, "which is of no statement"},
		{func(own int64) int64 { return own }, "its visit begins at"},
		{func(own int64) int64 { return own + 1 }, "its visit begins at"},
		{func(int64) int64 { return 1 << 40 }, "its visit begins at"},
	} {
		own := verifiedSize(t, a) + 1
		says(t, w, a, before("one", wrong.prev(own)), before("one", -1))
		want = append(want, own)
		r, err := a.Verify(t.Context(), archive.VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(r.Findings, func(f archive.Finding) bool { return f.Index == own })
		if len(r.Findings) != len(want) || i < 0 {
			t.Fatalf("index %d names %d: %v", own, wrong.prev(own), r.Findings)
		}
		if f := r.Findings[i]; f.Kind != archive.KindPrev || !strings.HasPrefix(f.Object, "journal/") || f.Offset <= 0 || !strings.Contains(f.Reason, wrong.says) {
			t.Errorf("index %d names %d: %s", own, wrong.prev(own), f)
		}
	}
	// Of a statement: the walk back ends where it can't go on.
	rep, err := a.VerifyStatement(t.Context(), onrecord.NewStatementID("website", "one"), want)
	if err != nil || len(rep.Findings) != len(want) {
		t.Errorf("statement: %v, %v", rep.Findings, err)
	}
	// No copy has them otherwise, and that is said of each.
	all, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done, err := a.Repair(t.Context(), all.Findings, []archive.RepairFrom{{Name: "itself", Bucket: b}})
	if err != nil || len(done.Mended) > 0 || len(done.Left) != len(want) {
		t.Errorf("repaired: %+v, %v", done, err)
	}
	// Where the line before can't be read, that is the finding.
	id := ""
	for e, err := range a.Walk(t.Context(), one) {
		if err != nil {
			t.Fatal(err)
		}
		id = e.Leaf.Visit.String()
		break
	}
	for info, err := range b.List(context.Background(), "journal/", "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(info.Key, id) {
			b.Damage(info.Key, func([]byte) []byte { return nil })
		}
	}
	r, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(r.Findings) != len(want) { // one link is not known to be wrong any more, one segment is lost
		t.Errorf("without the segment of %d: %v, %v", one, r.Findings, err)
	}
}

// TestVerifyPrevInParts: in parts a wrong link is found by the part that has both
// lines, by none where they are of two, and none is invented.
func TestVerifyPrevInParts(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	one := says(t, w, a, before("one", -1), before("two", -1))
	var more []onrecord.Event
	for n := range 256 { // a bundle ends among them
		more = append(more, before(fmt.Sprintf("more %d", n), -1))
	}
	says(t, w, a, more...)
	near := says(t, w, a, before("one", one+1), before("two", one+2)) // the last line of each, and both are right
	says(t, w, a, before("one", one+2))                               // across bundles
	says(t, w, a, before("one", near+2))                              // within one
	for n, want := range map[int]int{1: 2, 3: 2, 5: 1, 30: 1} {       // 3 parts have both bundles in the first
		found := 0
		for k := 1; k <= n; k++ {
			r, err := a.Verify(t.Context(), archive.VerifyOptions{Part: k, Parts: n})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Findings {
				if f.Kind != archive.KindPrev {
					t.Errorf("part %d of %d: %s", k, n, f)
				}
			}
			found += len(r.Findings)
		}
		if found != want {
			t.Errorf("%d parts find %d, not %d", n, found, want)
		}
	}
}

func verifiedSize(t *testing.T, a *archive.Archive) int64 {
	t.Helper()
	size, err := a.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return size
}
