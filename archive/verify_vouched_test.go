// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// TestUnsignedExcusesNothing erases a statement, and takes back the checkpoint
// that has the erasure in it: what only the head says, which nobody signs, is
// no reason for lines and records to differ.
func TestUnsignedExcusesNothing(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	publish(t, w, a)
	before, err := a.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ordered := order(t, w, a)
	if err := a.Erase(t.Context(), ordered); err != nil {
		t.Fatal(err)
	}
	head, err := a.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	whole := verified(t, a)
	if whole.Erased == 0 || whole.Size != head.Size || whole.Unsigned != 0 {
		t.Fatalf("with its checkpoint: %+v", whole)
	}
	b.Damage(ledger.CheckpointKey, func([]byte) []byte { return before.Note })
	for _, o := range []archive.VerifyOptions{{}, {Part: 1, Parts: 1}, {Outside: true}} {
		reader, err := archive.Open(t.Context(), b, archive.Options{Verifier: w.verifier(t), Now: w.now})
		if err != nil {
			t.Fatal(err)
		}
		want := head.Size - before.Size
		if o.Outside {
			if reader, err = archive.OpenOutside(t.Context(), b, archive.Options{Verifier: w.verifier(t), Now: w.now}); err != nil {
				t.Fatal(err)
			}
			want = 0
		}
		r, err := reader.Verify(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Findings) == 0 || r.Erased != 0 || r.Size != before.Size || r.Unsigned != want {
			t.Errorf("%+v: size %d, %d unsigned, %d erased, findings %v", o, r.Size, r.Unsigned, r.Erased, r.Findings)
		}
	}
}

// TestOutsideTakesNothingFromTheHead has a head that is none.
func TestOutsideTakesNothingFromTheHead(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	w.init(t, b, fastDir(t))
	b.Damage(ledger.HeadKey, func([]byte) []byte { return []byte("nothing") })
	a, err := archive.OpenOutside(t.Context(), b, archive.Options{Verifier: w.verifier(t), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	if r := verifiedOutside(t, a); r.Size == 0 || r.Root == "" {
		t.Errorf("%+v", r)
	}
}
