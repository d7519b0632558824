// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// claim forges a visit of the built-in source which says that an erasure was
// carried out.
func claim(t testing.TB, w *world, of archive.Ordered, e *onrecord.Erasure) intruder {
	t.Helper()
	x := intruder{event: onrecord.Event{
		Type: onrecord.ArchiveErasureDone, At: w.now(), By: w.now(), Source: archive.BuiltIn, Platform: archive.BuiltIn, Provenance: onrecord.Captured,
		Prev: of.Index, Index: -1, Takedown: &onrecord.Takedown{Case: of.Takedown.Case}, Erasure: e,
	}}
	var err error
	if x.visit, err = onrecord.NewVisitID(w.now(), seeded(87)); err != nil {
		t.Fatal(err)
	}
	h := archive.VisitHeader{Visit: x.visit, Source: archive.BuiltIn, Started: w.now(), Ended: w.now(), Outcome: onrecord.OutcomeOK}
	if x.segment, x.leaves, err = archive.BuildLeaves(h, []onrecord.Event{x.event}, seeded(88)); err != nil {
		t.Fatal(err)
	}
	return x
}

// TestUnsignedErasureDone: whoever can write to the bucket can't have an erasure
// taken for carried out, nor objects for ones that may keep what was erased.
func TestUnsignedErasureDone(t *testing.T) {
	t.Parallel()
	kept := func(o archive.Ordered) *onrecord.Erasure {
		return &onrecord.Erasure{Objects: o.Erasure.Objects, Note: o.Erasure.Note}
	}
	for name, says := range map[string]func(o archive.Ordered, note string) *onrecord.Erasure{
		"without a note":              func(archive.Ordered, string) *onrecord.Erasure { return nil },
		"that the store keeps it":     func(o archive.Ordered, _ string) *onrecord.Erasure { return kept(o) },
		"with the note of another":    func(_ archive.Ordered, note string) *onrecord.Erasure { return &onrecord.Erasure{Note: note} },
		"with the erasure's own note": func(o archive.Ordered, _ string) *onrecord.Erasure { return &onrecord.Erasure{Note: o.Erasure.Note} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
			a := w.init(t, b, dir)
			publish(t, w, a)
			w.wait(time.Second)
			acts(t, w, a, onrecord.Event{ // a true one, of something else
				Type: onrecord.ArchiveErasureDone, At: w.now(), By: w.now(), Provenance: onrecord.Captured, Index: -1, Prev: 3, Takedown: &onrecord.Takedown{Case: "T-1"},
			})
			var note string
			for _, e := range walk(t, a) {
				if e.Event.Type == onrecord.ArchiveErasureDone {
					note = e.Event.Erasure.Note
				}
			}
			if !strings.HasPrefix(note, "onrecord erasure done v1\n"+origin+"\ncase T-1\nof 3\n") {
				t.Fatalf("the owner's note: %q", note)
			}
			w.wait(time.Second)
			o := order(t, w, a)
			w.wait(time.Second)
			index := claim(t, w, o, says(o, note)).commit(t, w, b)
			for _, a := range []*archive.Archive{a, w.open(t, b, fastDir(t), 44)} {
				red, err := a.Redactions(t.Context())
				if err != nil || len(red.Pending()) != 1 || len(red.Keeps()) != 0 {
					t.Errorf("%d pending, keeps %v, %v", len(red.Pending()), red.Keeps(), err)
				}
				if e := walk(t, a)[index]; e.Event.Type != onrecord.ErasureUnsigned || e.Event.Erasure != nil || e.Event.Takedown != nil {
					t.Errorf("Walk hands out %+v", e.Event)
				}
			}
			if err := a.Erase(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if keys := holding(t, b); len(keys) > 0 {
				t.Errorf("still there: %q", keys)
			}
			acts(t, w, a, onrecord.Event{
				Type: onrecord.ArchiveErasureDone, At: w.now(), By: w.now(), Provenance: onrecord.Captured, Index: -1, Prev: o.Index,
				Takedown: &onrecord.Takedown{Case: "T-1"}, Extra: map[string]any{"replicas": []any{"1 of 1 (folder)"}},
			})
			if red, err := a.Redactions(t.Context()); err != nil || len(red.Pending()) != 0 {
				t.Errorf("after the owner's: %d pending, %v", len(red.Pending()), err)
			}
			report, err := a.Verify(t.Context(), archive.VerifyOptions{})
			if err != nil || len(report.Findings) != 1 || report.Findings[0].Index != index || !strings.Contains(report.Findings[0].Reason, ledger.ErrErasure.Error()) {
				t.Errorf("verify: %v, %v; want the forged line and nothing else", report.Findings, err)
			}
		})
	}
}
