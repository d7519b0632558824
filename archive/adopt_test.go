// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// heir is the world of the machine that adopts: a key of its own.
func heir(t testing.TB, w *world, seed byte) *world {
	t.Helper()
	private, public, err := ledger.GenerateKey(seeded(seed), origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return &world{public: public, signer: s, time: w.now()}
}

// adopted are the options of an adoption by h.
func adopted(t testing.TB, w, h *world, dir string) archive.AdoptOptions {
	t.Helper()
	return archive.AdoptOptions{
		Verifier: worldKey(t, w), Signer: h.signer, Public: h.public, StateDir: dir, Now: h.now, Reason: "the host has switched us off",
	}
}

// openAs opens an adopted archive with the key of the heir.
func openAs(t testing.TB, h *world, b bucket.Bucket, dir string) *archive.Archive {
	t.Helper()
	o := h.options(dir, 11)
	o.PublicKey, o.Verifier = "", worldKey(t, h)
	a, err := archive.Open(t.Context(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{true, false} {
		name := map[bool]string{true: "with the old key", false: "without the old key"}[old]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, a, _ := filled(t, 30)
			var to memory.Bucket
			if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
				t.Fatal(err)
			}
			proof, err := a.Proof(t.Context(), 21)
			if err != nil {
				t.Fatal(err)
			}
			before, err := a.State(t.Context(), "press-1")
			if err != nil {
				t.Fatal(err)
			}
			w.wait(3600e9)
			h, dir := heir(t, w, 7), fastDir(t)
			o := adopted(t, w, h, dir)
			if old {
				o.Old = w.signer
			}
			got, err := archive.Adopt(t.Context(), &to, o)
			if err != nil {
				t.Fatal(err)
			}
			if got.Index != 63 || got.Before.Size != 62 || len(got.Known) != 3 || got.Old != w.public || got.Again {
				t.Errorf("adopted: %+v", got)
			}
			b := openAs(t, h, &to, dir)
			verified(t, b)
			state, err := b.State(t.Context(), "press-1")
			if err != nil {
				t.Fatal(err)
			}
			if !state.LastTick.Equal(before.LastTick) || state.Done != before.Done || state.AccountID != before.AccountID || state.Platform != before.Platform {
				t.Errorf("state %+v, was %+v", state, before)
			}
			entries := walk(t, b)
			if e := entries[63].Event; e.Type != onrecord.ArchiveAdopted || e.Reason != "the host has switched us off" {
				t.Errorf("event %+v", e)
			}
			more(t, h, b, 30, 34)
			verified(t, b)
			if n := len(texts(walk(t, b))); n != 34 {
				t.Errorf("%d statements, want 34", n)
			}
			// What was proven before is still proven, by the key of then.
			if _, _, err := archive.CheckProof(proof, origin, worldKey(t, w)); err != nil {
				t.Errorf("old proof: %v", err)
			}
			// Who has the old key follows to the new one where the old one signed it;
			// who has the new key checks everything.
			stranger, err := archive.Open(t.Context(), &to, archive.Options{Now: w.now, Verifier: worldKey(t, w)})
			if err == nil {
				_, err = stranger.Checkpoint(t.Context())
			}
			if (err == nil) != old {
				t.Errorf("with the old key: %v", err)
			}
			// The archive that was left behind does not write into it any more.
			if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); !errors.Is(err, archive.ErrReplica) {
				t.Errorf("the old archive replicates: %v, want ErrReplica", err)
			}
			if _, err := archive.Adopt(t.Context(), &to, adopted(t, w, heir(t, w, 8), fastDir(t))); !errors.Is(err, archive.ErrReplica) {
				t.Errorf("adopted twice: %v, want ErrReplica", err)
			}
			// It has replicas of its own.
			var next memory.Bucket
			if _, err := b.Replica(&next).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
				t.Fatal(err)
			}
			wholeReplica(t, h, &next)
		})
	}
}

// An adoption that is cut off at any write is finished by the same command.
func TestAdoptionGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w, _, a, _ := filled(t, 6)
	var filled memory.Bucket
	if _, err := a.Replica(&filled).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	for nth := 1; ; nth++ {
		to := filled.Clone()
		h, dir := heir(t, w, 7), fastDir(t)
		writes, cut := 0, false
		broken := fault.New(to, fault.Options{Before: func(_ context.Context, c fault.Call) error {
			if c.Op.Writes() {
				if writes++; writes >= nth {
					cut = true
					return fault.ErrInjected
				}
			}
			return nil
		}})
		_, err := archive.Adopt(t.Context(), broken, adopted(t, w, h, dir))
		if err != nil && !cut {
			t.Fatalf("cut off at write %d: %v", nth, err)
		}
		if cut {
			if _, err := archive.Adopt(t.Context(), to, adopted(t, w, h, dir)); err != nil {
				t.Fatalf("again after write %d: %v", nth, err)
			}
		}
		b := openAs(t, h, to, dir)
		verified(t, b)
		adoptions := 0
		for _, e := range walk(t, b) {
			if e.Event.Type == onrecord.ArchiveAdopted {
				adoptions++
			}
		}
		if adoptions != 1 {
			t.Errorf("cut off at write %d: adopted %d times", nth, adoptions)
		}
		more(t, h, b, 6, 8)
		verified(t, b)
		if !cut {
			break
		}
	}
}

func TestAdoptRefusesWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 10)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	keys := kinds(contents(t, &to))
	capture, journal := keys["captures"][1], keys["journal"][2]
	hurt := without(t, without(t, &to, capture), journal)
	h := heir(t, w, 7)
	o := adopted(t, w, h, fastDir(t))
	got, err := archive.Adopt(t.Context(), hurt, o)
	if !errors.Is(err, archive.ErrIncomplete) || len(got.Lacking) != 2 || !strings.Contains(err.Error(), capture) && !strings.Contains(err.Error(), journal) {
		t.Errorf("not whole: %+v, %v", got, err)
	}
	if after := contents(t, hurt); len(after) != len(contents(t, &to))-2 {
		t.Error("a refused adoption wrote")
	}
	if _, err := archive.Adopt(t.Context(), b, o); !errors.Is(err, archive.ErrReplica) {
		t.Errorf("an archive is adopted: %v", err)
	}
	if _, err := archive.Adopt(t.Context(), &memory.Bucket{}, o); !errors.Is(err, archive.ErrNoArchive) {
		t.Errorf("an empty bucket is adopted: %v", err)
	}
	o.Partial = true
	if got, err = archive.Adopt(t.Context(), hurt, o); err != nil || len(got.Lacking) != 2 {
		t.Errorf("all the same: %+v, %v", got, err)
	}
	o = adopted(t, w, h, fastDir(t))
	o.Old = heir(t, w, 9).signer
	if _, err := archive.Adopt(t.Context(), without(t, &to, "x"), o); !errors.Is(err, archive.ErrKey) {
		t.Errorf("an old key of another ledger: %v", err)
	}
}
