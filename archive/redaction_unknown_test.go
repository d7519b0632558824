// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// What an act may have erased that can't be read is not known, and is not taken
// for nothing: of what lies before it no snapshot is put and no lost object is put
// back from the spool, until it is put right.
func TestUnknownErasure(t *testing.T) {
	t.Parallel()
	w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	publish(t, w, a) // its spool waits for the read-back
	var said onrecord.CaptureRef
	for _, e := range walk(t, a) {
		if e.Event.Statement == secretID {
			said = e.Event.Captures[0]
		}
	}
	w.wait(time.Second)
	o := order(t, w, w.open(t, b, fastDir(t), 6)) // on another machine, so that no spool here has the act
	key := archive.JournalKey(walk(t, a)[o.Index].Leaf.Visit)
	w.wait(time.Second)
	more(t, w, a, 0, 2)
	w.wait(time.Hour)

	sick := without(t, without(t, b, key), said.Object) // the store has lost the act, and the capture
	at := w.open(t, sick, dir, 5)
	red, err := at.Redactions(t.Context())
	if err != nil || !red.Empty() {
		t.Fatalf("%v, %v", red.Erasures(), err)
	}
	for below, known := range map[int64]bool{0: false, o.Index - 1: false, o.Index: true, o.Index + 4: true} {
		if err := red.Known(below); known != (err == nil) || !known && !errors.Is(err, archive.ErrUnknown) {
			t.Errorf("below %d: %v", below, err)
		}
	}
	_, _ = at.Sweep(t.Context())
	if _, ok := contents(t, sick)[said.Object]; ok {
		t.Error("the spool has put back what may be erased")
	}
	path := filepath.Join(t.TempDir(), "catalog.db")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := at.PutSnapshot(t.Context(), path, ledger.Tree{Size: o.Index - 1, Root: [32]byte{1}}, "s"); !errors.Is(err, archive.ErrUnknown) {
		t.Errorf("a snapshot from before it: %v", err)
	}
	if keys := holding(t, sick); len(keys) != 1 { // the segment, as it was
		t.Errorf("the secret is in %q", keys)
	}

	put(t, sick, key, contents(t, b)[key])
	if red, err = at.Redactions(t.Context()); err != nil || red.Known(0) != nil || len(red.Pending()) != 1 {
		t.Errorf("put right: %v, %v, %d pending", err, red.Known(0), len(red.Pending()))
	}
}
