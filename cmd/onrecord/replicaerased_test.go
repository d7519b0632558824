// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onrecord"
)

// A replica is away while a statement is erased. The erasure is not said to be
// done before it is back and has followed; then the ledger says by number which
// replicas have, and not where they are.
func TestErasureWaitsForReplica(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	c.rest(t)
	replica := filepath.Join(t.TempDir(), "replica")
	if err := os.Mkdir(replica, 0o700); err != nil {
		t.Fatal(err)
	}
	withReplica(t, c.m, replica)
	c.m.run(t, "replicate")
	secrets := map[string]string{"words": laterWords}
	if len(seek(t, replica, secrets)) == 0 {
		t.Fatal("the replica does not have the words even before")
	}
	if err := os.Rename(replica, replica+".away"); err != nil {
		t.Fatal(err)
	}
	out, err := c.m.try("erase", string(c.id), "--case", "T-7", "--yes-erase", string(c.id))
	if err != nil || !strings.Contains(out, "is erased") || !strings.Contains(out, "has not carried out the erasure of case T-7 yet") {
		t.Fatalf("%v\n%s", err, out)
	}
	h := openAt(t, c.m, writing)
	if left, err := h.finishErasures(t.Context()); err != nil || len(left) != 1 {
		t.Errorf("while it is away: %v, %v", left, err)
	}
	if done := doneErasures(t, h); len(done) != 0 {
		t.Errorf("done before the replica was back: %+v", done)
	}
	if err := os.Rename(replica+".away", replica); err != nil {
		t.Fatal(err)
	}
	if left, err := h.finishErasures(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("after it is back: %v, %v", left, err)
	}
	if hits := seek(t, replica, secrets); len(hits) > 0 {
		t.Errorf("the replica still tells: %v", hits)
	}
	done := doneErasures(t, h)
	if len(done) == 0 {
		t.Fatal("it is not said to be done")
	}
	for _, e := range done {
		names, _ := e.Extra["replicas"].([]any)
		if len(names) != 1 || names[0] != "1 of 1 (folder)" {
			t.Errorf("the ledger names %v", e.Extra["replicas"])
		}
	}
}

// doneErasures returns the events that end erasures.
func doneErasures(t *testing.T, h *house) (list []onrecord.Event) {
	t.Helper()
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == onrecord.ArchiveErasureDone {
			list = append(list, e.Event)
		}
	}
	return list
}
