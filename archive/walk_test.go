// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// many commits a visit of n events.
func many(t *testing.T, w *world, a *archive.Archive, source string, n int) onrecord.Done {
	t.Helper()
	v, err := read(t.Context(), w, a, source, "many")
	if err != nil {
		t.Fatal(err)
	}
	d, err := judge(t.Context(), w, v)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n - 1 {
		d.Events = append(d.Events, said(source, fmt.Sprint(source, i), fmt.Sprint("statement ", i)))
	}
	done, err := v.Commit(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestWalkFromAnywhere(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	counted := fault.New(b, fault.Options{})
	a := w.init(t, b, t.TempDir())
	for _, source := range []string{"press", "toots", "press"} {
		many(t, w, a, source, 200)
	}
	all := walk(t, a)
	if len(all) != 2+3*201 {
		t.Fatalf("%d entries", len(all))
	}
	for from := 0; from <= len(all); from += 67 {
		var got []archive.Entry
		for e, err := range a.Walk(ctx, int64(from)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		if diff := cmp.Diff(len(all[from:]), len(got)); diff != "" || len(got) > 0 && got[0].Index != int64(from) {
			t.Errorf("from %d: %s", from, diff)
		}
	}
	for _, from := range []int64{-1, int64(len(all)) + 1} {
		for _, err := range a.Walk(ctx, from) {
			if !errors.Is(err, ledger.ErrIndex) {
				t.Errorf("from %d: %v", from, err)
			}
		}
	}
	walk(t, w.open(t, counted, t.TempDir(), 2))
	journals := map[string]int{}
	for _, c := range counted.Calls() {
		if len(c.Key) > 8 && c.Key[:8] == "journal/" {
			journals[c.Key]++
		}
	}
	for key, n := range journals {
		if n != 1 {
			t.Errorf("%s was read %d times", key, n)
		}
	}
	if len(journals) != 4 {
		t.Errorf("%d segments were read, want 4", len(journals))
	}
	verified(t, a)
}

func TestWalkReadsWhatIsNotPublishedYet(t *testing.T) {
	w := newWorld(t)
	b := &memory.Bucket{}
	dir := t.TempDir()
	w.init(t, b, dir)
	unpublished := fault.New(b, fault.Options{Rules: []fault.Rule{{Op: fault.Swap, Key: "log/checkpoint"}}})
	a := w.open(t, unpublished, dir, 3)
	done := many(t, w, a, "press", 300) // acknowledged: it is in the ledger
	all := walk(t, a)
	if len(all) != 303 || done.Index != 2 {
		t.Errorf("%d entries, the visit is at %d", len(all), done.Index)
	}
	st, err := a.State(t.Context(), "press")
	if err != nil || st.Done.Index != -1 {
		t.Errorf("state %+v, %v: want the one before, until a sweep has settled it", st, err)
	}
	if _, err := w.open(t, b, dir, 4).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, err = a.State(t.Context(), "press"); err != nil || st.Done != done {
		t.Errorf("state %+v after the sweep, %v", st, err)
	}
	verified(t, a)
}

func TestWalkStopsAtAChangedLine(t *testing.T) {
	w := newWorld(t)
	b := &memory.Bucket{}
	a := w.init(t, b, t.TempDir())
	done := many(t, w, a, "press", 3)
	forged := &memory.Bucket{}
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if info.Key != archive.JournalKey(done.Visit) {
			carry(t, forged, b, info.Key)
		}
	}
	body := build(t, done.Visit, said("press", "a", "what was never said"))
	if err := forged.Create(t.Context(), archive.JournalKey(done.Visit), bucket.Bytes(body)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for e, err := range w.open(t, forged, t.TempDir(), 4).Walk(t.Context(), 0) {
		if err == nil {
			n++
			if e.Index >= done.Index {
				t.Errorf("entry %d of a forged segment", e.Index)
			}
			continue
		}
		if !errors.Is(err, archive.ErrMismatch) {
			t.Errorf("walk: %v", err)
		}
	}
	if n != 2 {
		t.Errorf("%d entries before the forged segment", n)
	}
}
