// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// nextKey makes the n-th log key of the tests, of an origin.
func nextKey(t testing.TB, name string, n byte) archive.NewKey {
	t.Helper()
	_, public, signer, err := ledger.GenerateKeys(seeded(100+n), name)
	if err != nil {
		t.Fatal(err)
	}
	return archive.NewKey{Public: public, Signer: signer}
}

func verifierOf(t testing.TB, public string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// with returns options of a machine whose log key is key, and that has more.
func (w *world) with(t testing.TB, dir string, seed byte, key archive.NewKey, more ...archive.NewKey) archive.Options {
	o := w.options(dir, seed)
	o.PublicKey, o.Trust = "", false
	o.Signer, o.Verifier = key.Signer, verifierOf(t, key.Public)
	o.Signers = func() ([]note.Signer, error) {
		var list []note.Signer
		for _, k := range more {
			list = append(list, k.Signer)
		}
		return list, nil
	}
	return o
}

func (w *world) firstKey() archive.NewKey { return archive.NewKey{Public: w.public, Signer: w.signer} }

func opened(t testing.TB, b bucket.Bucket, o archive.Options) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// proofOf returns a proof file of the last line.
func proofOf(t testing.TB, a *archive.Archive) []byte {
	t.Helper()
	size, err := a.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Proof(t.Context(), size-1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRotateKey changes the key twice, and reads, checks and opens with each.
func TestRotateKey(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	keys := []archive.NewKey{w.firstKey(), nextKey(t, origin, 1), nextKey(t, origin, 2)}
	var proofs [][]byte
	for i, k := range keys {
		if i > 0 {
			done, err := a.RotateKey(ctx, k)
			if err != nil {
				t.Fatal(err)
			}
			ring, err := a.Keys(ctx)
			if err != nil || ring.InForce().Public != k.Public || ring.InForce().Since != done.Index+1 {
				t.Fatalf("in force: %+v, %v", ring.InForce(), err)
			}
			a = opened(t, b, w.with(t, dir, byte(10+i), k)) // as the next process, with the new log.key
		}
		if _, err := visit(ctx, w, a, "press", fmt.Sprint("text ", i)); err != nil {
			t.Fatal(err)
		}
		proofs = append(proofs, proofOf(t, a))
	}
	for i, k := range keys {
		reader := opened(t, b, archive.Options{Origin: origin, Verifier: verifierOf(t, k.Public), Now: w.now})
		verified(t, reader)
		if n := len(texts(walk(t, reader))); n != 3 {
			t.Errorf("key %d: %d texts", i, n)
		}
		for n, p := range proofs {
			_, _, err := archive.CheckProof(p, origin, verifierOf(t, k.Public))
			// A file made before a key was there says nothing of it.
			if (err == nil) != (i <= n) {
				t.Errorf("key %d, proof %d: %v", i, n, err)
			}
		}
	}
	if _, err := archive.Open(ctx, b, archive.Options{Verifier: verifierOf(t, nextKey(t, origin, 9).Public), Now: w.now}); !errors.Is(err, archive.ErrKey) {
		t.Errorf("with a key that is none of the ledger's: %v", err)
	}
}

// TestOldKeyAfterRotation has a process that began before a rotation: what it
// visits stays in its spool, and is committed by who has the new key.
func TestOldKeyAfterRotation(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	old := w.init(t, b, dir)
	next := nextKey(t, origin, 1)
	if _, err := opened(t, b, w.with(t, dir, 3, w.firstKey(), next)).RotateKey(ctx, next); err != nil {
		t.Fatal(err)
	}
	if _, err := visit(ctx, w, old, "press", "late news"); !errors.Is(err, ledger.ErrKeyChanged) {
		t.Fatalf("with the old key: %v, want ErrKeyChanged", err)
	}
	renewed := opened(t, b, w.with(t, dir, 4, next))
	if err := restart(ctx, w, renewed); err != nil {
		t.Fatal(err)
	}
	if n := texts(walk(t, renewed)); n["<feed>late news</feed>"] != 1 {
		t.Errorf("texts: %v", n)
	}
	verified(t, renewed)
}

// TestRotationIsCutOff lets each access of a rotation fail, or its answer be
// lost, or the process die with it. A start with both keys finishes what is
// begun; asked again, the rotation ends as one.
func TestRotationIsCutOff(t *testing.T) {
	for _, do := range []fault.Failure{fault.Refuse, fault.LoseReply} {
		for _, dies := range []bool{false, true} {
			for n := 1; ; n++ {
				if !cutRotation(t, fault.Rule{Nth: n, Do: do}, dies) {
					if n < 10 {
						t.Fatalf("a rotation has %d accesses only", n)
					}
					break
				}
				if t.Failed() {
					t.Fatalf("access %d, %v, dies %v", n, do, dies)
				}
			}
		}
	}
}

// cutRotation reports whether the rotation came to the access of rule.
func cutRotation(t *testing.T, rule fault.Rule, dies bool) bool {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "before"); err != nil {
		t.Fatal(err)
	}
	next := nextKey(t, origin, 1)
	seen := failOnce(b, rule, dies)
	a, err := archive.Open(ctx, seen, w.with(t, dir, 3, w.firstKey(), next))
	if err == nil {
		_, err = a.RotateKey(ctx, next)
	}
	if !seen.struck {
		if err != nil {
			t.Error(err)
		}
		return false
	}
	a = opened(t, b, w.with(t, dir, 4, w.firstKey(), next)) // log.key is still the old one
	for range 2 {
		if err := restart(ctx, w, a); err != nil {
			t.Error("restart:", err)
		}
		w.wait(11 * time.Minute)
	}
	head, err := a.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(head.Keys) == 0 {
		if _, err := a.RotateKey(ctx, next); err != nil {
			t.Error("again:", err)
		}
	}
	a = opened(t, b, w.with(t, dir, 5, next))
	if _, err := visit(ctx, w, a, "press", "after"); err != nil {
		t.Error(err)
	}
	rotations := 0
	for _, e := range walk(t, a) {
		if e.Event.Type == onrecord.ArchiveKeyRotated {
			rotations++
		}
	}
	if n := texts(walk(t, a)); rotations != 1 || n["<feed>before</feed>"] != 1 || n["<feed>after</feed>"] != 1 {
		t.Errorf("%d rotations, %v", rotations, n)
	}
	verified(t, opened(t, b, archive.Options{Verifier: verifierOf(t, w.public), Now: w.now}))
	return true
}

// TestLostRotationIsPutBack has a store that forgets the batch with a rotation.
func TestLostRotationIsPutBack(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	old := b.Clone()
	next := nextKey(t, origin, 1)
	if _, err := a.RotateKey(ctx, next); err != nil {
		t.Fatal(err)
	}
	if _, err := visit(ctx, w, a, "press", "after"); err != nil {
		t.Fatal(err)
	}
	a = opened(t, old, w.with(t, dir, 4, w.firstKey(), next))
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	head, err := a.Head(ctx)
	if err != nil || len(head.Keys) != 1 {
		t.Fatalf("%d keys, %v", len(head.Keys), err)
	}
	if n := texts(walk(t, a)); n["<feed>after</feed>"] != 1 {
		t.Error(n)
	}
	verified(t, opened(t, old, archive.Options{Verifier: verifierOf(t, w.public), Now: w.now}))
}

// TestRestartUnderANewOrigin loses the end of the ledger for good.
func TestRestartUnderANewOrigin(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "kept"); err != nil {
		t.Fatal(err)
	}
	before := proofOf(t, a)
	old := b.Clone()
	if _, err := visit(ctx, w, a, "press", "lost"); err != nil {
		t.Fatal(err)
	}
	last, err := a.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	gone := fastDir(t) // the spool went with the machine; the mark did not
	moveMark(t, dir, gone)
	next := nextKey(t, origin+"-2", 1)
	a = opened(t, old, w.with(t, gone, 4, w.firstKey(), next))
	if _, err := visit(ctx, w, a, "other", "too early"); !errors.Is(err, ledger.ErrRolledBack) {
		t.Fatalf("before the restart: %v", err)
	}
	next.Last = last.Tree
	done, err := a.RotateKey(ctx, next)
	if err != nil {
		t.Fatal(err)
	}
	a = opened(t, old, w.with(t, gone, 5, next))
	if err := restart(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	entries := walk(t, a)
	if n := texts(entries); n["<feed>kept</feed>"] != 1 || n["<feed>too early</feed>"] != 1 || n["<feed>lost</feed>"] != 0 {
		t.Error(n)
	}
	said := entries[done.Index+1]
	if text, _ := said.Event.Extra["key_rotation"].(string); said.Event.Code != origin+"-2" || !strings.Contains(text, fmt.Sprintf("\nlast %d ", last.Size)) {
		t.Errorf("the first event of the new origin: %s", said.Line)
	}
	for _, k := range []archive.NewKey{w.firstKey(), next} {
		reader := opened(t, old, archive.Options{Origin: k.Signer.Name(), Verifier: verifierOf(t, k.Public), Now: w.now})
		verified(t, reader)
		if _, c, err := archive.CheckProof(proofOf(t, reader), k.Signer.Name(), verifierOf(t, k.Public)); err != nil || !strings.HasPrefix(string(c.Note), origin+"-2\n") {
			t.Errorf("a new proof: %v", err)
		}
	}
	if _, _, err := archive.CheckProof(before, origin, verifierOf(t, w.public)); err != nil {
		t.Errorf("a proof of before: %v", err)
	}
}

// TestSpooledVisitsSurviveARestart loses the end of the ledger, of which the
// spool still has a part: too little to put it back, but nothing of that part
// is lost.
func TestSpooledVisitsSurviveARestart(t *testing.T) {
	ctx, w, b, dir, other := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t), fastDir(t)
	a := w.init(t, b, dir)
	old := b.Clone()
	elsewhere := w.open(t, b, other, 7)
	if _, err := visit(ctx, w, elsewhere, "far", "gone with its machine"); err != nil {
		t.Fatal(err)
	}
	if _, err := visit(ctx, w, a, "press", "spooled"); err != nil {
		t.Fatal(err)
	}
	last, err := a.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	next := nextKey(t, origin+"-2", 1)
	next.Last = last.Tree
	a = opened(t, old, w.with(t, dir, 4, w.firstKey(), next))
	if err := a.Restore(ctx); err == nil {
		t.Fatal("leaves of a machine that is gone were put back")
	}
	if _, err := a.RotateKey(ctx, next); err != nil {
		t.Fatal(err)
	}
	a = opened(t, old, w.with(t, dir, 5, next))
	for range 2 {
		if err := restart(ctx, w, a); err != nil {
			t.Fatal(err)
		}
		w.wait(11 * time.Minute)
	}
	if n := texts(walk(t, a)); n["<feed>spooled</feed>"] != 1 || len(n) != 1 {
		t.Error(n)
	}
	if n := archive.Spooled(ctx, a); n != 0 {
		t.Errorf("%d spools are left", n)
	}
	if err := a.CheckMark(ctx, filepath.Join(dir, "log.mark")); err != nil {
		t.Error(err)
	}
	verified(t, a)
}

// moveMark keeps the high-water mark of a machine and nothing else.
func moveMark(t *testing.T, from, to string) {
	t.Helper()
	origin, tree, ok, err := ledger.MarkAt(filepath.Join(from, "log.mark"))
	if err != nil || !ok {
		t.Fatal(err)
	}
	text := fmt.Sprintf("onrecord high-water mark v1\n%s\n%d\n%s\n", origin, tree.Size, base64Of(tree.Root))
	writeFile(t, filepath.Join(to, "log.mark"), text)
}

func base64Of(root [32]byte) string { return base64.StdEncoding.EncodeToString(root[:]) }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
