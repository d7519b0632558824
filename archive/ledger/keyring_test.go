// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// A keyPair is a log key of the tests.
type keyPair struct {
	public string
	signer note.Signer
}

func newKey(t testing.TB, name string) keyPair {
	t.Helper()
	_, public, signer, err := ledger.GenerateKeys(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{public, signer}
}

func (k keyPair) verifier(t testing.TB) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(k.public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// keyed returns the options of a signer with these keys, the first of which is
// the trusted one.
func keyed(t testing.TB, mark string, keys ...keyPair) ledger.Options {
	o := ledger.Options{Origin: keys[0].signer.Name(), Signer: keys[0].signer, Verifier: keys[0].verifier(t), Mark: mark}
	var more []note.Signer
	for _, k := range keys[1:] {
		more = append(more, k.signer)
	}
	o.Signers = func() ([]note.Signer, error) { return more, nil }
	return o
}

// rotate changes the key at the end of the ledger; its event is the last of
// three leaves.
func rotate(t testing.TB, l *ledger.Ledger, before string, to keyPair) ledger.Head {
	t.Helper()
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := l.Rotation(t.Context(), h, before, to.public, to.signer, ledger.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	h, _, err = l.Append(t.Context(), h, tag, leaves(h.Size, h.Size+3), ledger.Rotation{Index: h.Size + 2, Note: signed})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rotated is a ledger whose key was changed at 20 and at 40; it has 60 leaves.
func rotated(t testing.TB) (b *memory.Bucket, keys []keyPair, proofs [][]byte) {
	b = &memory.Bucket{}
	keys = []keyPair{newKey(t, origin), newKey(t, origin), newKey(t, origin)}
	mark := filepath.Join(t.TempDir(), "mark")
	l := create(t, b, keyed(t, mark, keys...))
	for i, size := range []int64{20, 40, 60} {
		grow(t, l, size, 7)
		p, err := l.Proof(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		proofs = append(proofs, p)
		if i < 2 {
			if err := l.Publish(t.Context(), rotate(t, l, keys[i].public, keys[i+1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b, keys, proofs
}

// TestRotatedKeysAreFollowed reads a ledger with each of its keys, and checks
// old and new proofs with each.
func TestRotatedKeysAreFollowed(t *testing.T) {
	b, keys, proofs := rotated(t)
	for i, k := range keys {
		l := open(t, b, ledger.Options{Origin: origin, Verifier: k.verifier(t)})
		checkLog(t, l, leaves(0, 60))
		if ps := problems(t, l); len(ps) > 0 {
			t.Errorf("key %d: %v", i, ps)
		}
		ring, err := l.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var since []int64
		for _, k := range ring.Keys() {
			since = append(since, k.Since)
		}
		if !slices.Equal(since, []int64{-1, 22, 42}) {
			t.Errorf("key %d: in force since %v", i, since)
		}
		for n, p := range proofs {
			if _, _, err := ring.CheckProof(p, leaf(5)); err != nil {
				t.Errorf("key %d, proof %d: %v", i, n, err)
			}
			_, _, err := ledger.CheckProof(p, leaf(5), origin, k.verifier(t))
			if (err == nil) != (n == i) {
				t.Errorf("key %d alone, proof %d: %v", i, n, err)
			}
		}
	}
	stranger := open(t, b, ledger.Options{Origin: origin, Verifier: newKey(t, origin).verifier(t)})
	if _, err := stranger.Checkpoint(t.Context()); !errors.Is(err, ledger.ErrCheckpoint) || !errors.Is(err, ledger.ErrRotation) {
		t.Errorf("a key that is none of the ledger's: %v", err)
	}
}

// TestOldKeySignsNothingNew has the holder of a key that was given up sign
// checkpoints of his own.
func TestOldKeySignsNothingNew(t *testing.T) {
	b, keys, _ := rotated(t)
	var other memory.Bucket
	create(t, &other, keyed(t, filepath.Join(t.TempDir(), "mark"), keys[0]))
	forge := func(size int64, by keyPair) []byte {
		var own memory.Bucket
		l := create(t, &own, keyed(t, filepath.Join(t.TempDir(), "mark"), by))
		grow(t, l, size, 9)
		c, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c.Note
	}
	for i, trusted := range keys {
		ring, err := open(t, b, ledger.Options{Origin: origin, Verifier: trusted.verifier(t)}).Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			by   int
			size int64
			ok   bool
		}{{0, 20, true}, {0, 23, false}, {0, 60, false}, {1, 20, false}, {1, 23, true}, {1, 40, true}, {1, 43, false}, {2, 40, false}, {2, 43, true}, {2, 1000, true}} {
			if _, err := ring.ParseCheckpoint(forge(c.size, keys[c.by])); (err == nil) != c.ok {
				t.Errorf("trusted %d: size %d signed by key %d: %v", i, c.size, c.by, err)
			}
		}
	}
}

// TestProcessWithTheOldKeyStops has a process that knows nothing of a rotation,
// before and after its checkpoint is out.
func TestProcessWithTheOldKeyStops(t *testing.T) {
	var b memory.Bucket
	mark := filepath.Join(t.TempDir(), "mark")
	first, second := newKey(t, origin), newKey(t, origin)
	both := create(t, &b, keyed(t, mark, first, second))
	old := open(t, &b, keyed(t, mark, first))
	grow(t, old, 10, 10)
	h := rotate(t, both, first.public, second)
	for _, when := range []string{"before its checkpoint", "after its checkpoint"} {
		if err := tryAppend(t, old, leaf(13)); !errors.Is(err, ledger.ErrKeyChanged) {
			t.Errorf("%s: %v, want ErrKeyChanged", when, err)
		}
		if c, err := old.Checkpoint(t.Context()); err != nil || c.Size != 10 && when == "before its checkpoint" {
			t.Errorf("%s: %v, %v", when, c.Size, err)
		}
		if err := both.Publish(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	renewed := open(t, &b, keyed(t, mark, second)) // as the next process begins
	if err := tryAppend(t, renewed, leaf(13)); err != nil {
		t.Fatal(err)
	}
	checkLog(t, old, leaves(0, 14))
}

// TestForgedRotations has rotations that the key before did not sign, or that
// do not follow.
func TestForgedRotations(t *testing.T) {
	b, keys, _ := rotated(t)
	o := keyed(t, filepath.Join(t.TempDir(), "mark"), keys[2])
	o.Trust = true
	l := open(t, b, o)
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fresh := newKey(t, origin)
	sign := func(r ledger.RotationText, old note.Signer) string {
		signed, err := ledger.SignRotation(r, old, fresh.signer)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	good := ledger.RotationText{Number: 3, Old: keys[2].public, New: fresh.public, At: h.Tree}
	again, from, ahead := good, good, good
	again.Number = 2
	from.Old = keys[1].public
	ahead.At.Size += 100
	for name, r := range map[string]ledger.Rotation{
		"unsigned":                   {Index: h.Size, Note: sign(good, nil)},
		"by the key before the last": {Index: h.Size, Note: sign(good, keys[1].signer)},
		"number":                     {Index: h.Size, Note: sign(again, keys[2].signer)},
		"old":                        {Index: h.Size, Note: sign(from, keys[1].signer)},
		"ahead":                      {Index: h.Size, Note: sign(ahead, keys[2].signer)},
		"index before":               {Index: h.Size - 1, Note: sign(good, keys[2].signer)},
		"index behind":               {Index: h.Size + 1, Note: sign(good, keys[2].signer)},
		"another text":               {Index: h.Size, Note: strings.Replace(sign(good, keys[2].signer), "number 3", "number 03", 1)},
		"empty":                      {Index: h.Size},
	} {
		if _, _, err := l.Append(t.Context(), h, tag, leaves(60, 61), r); !errors.Is(err, ledger.ErrRotation) {
			t.Errorf("%s: %v, want ErrRotation", name, err)
		}
	}
	if _, _, err := l.Append(t.Context(), h, tag, leaves(60, 61), ledger.Rotation{Index: h.Size, Note: sign(good, keys[2].signer)}); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

// TestUnsignedRotation has a key that was lost: only who has the new one from
// elsewhere follows.
func TestUnsignedRotation(t *testing.T) {
	first, second := newKey(t, origin), newKey(t, origin)
	signed, err := ledger.SignRotation(ledger.RotationText{Number: 1, Old: first.public, New: second.public, At: ledger.Tree{Size: 5}}, nil, second.signer)
	if err != nil {
		t.Fatal(err)
	}
	links := []ledger.Rotation{{Index: 7, Note: signed}}
	ring, err := ledger.NewKeyring(second.verifier(t), links)
	if err != nil || len(ring.Keys()) != 2 || ring.Cut() != nil {
		t.Errorf("with the new key: %v", err)
	}
	ring, err = ledger.NewKeyring(first.verifier(t), links)
	if err != nil || len(ring.Keys()) != 1 || !errors.Is(ring.Cut(), ledger.ErrRotation) {
		t.Errorf("with the old key: %d keys, %v", len(ring.Keys()), err)
	}
}

// TestVerifyNamesKeyObjects damages each change of the key, with the first and
// with the last key trusted.
func TestVerifyNamesKeyObjects(t *testing.T) {
	b, keys, _ := rotated(t)
	for name, change := range map[string]func([]byte) []byte{
		"flipped": flip(60), "removed": func([]byte) []byte { return nil }, "shortened": func(p []byte) []byte { return p[:len(p)-9] },
	} {
		for _, key := range []string{"log/keys/1", "log/keys/2"} {
			for i, k := range keys {
				b := b.Clone()
				if !b.Damage(key, change) {
					t.Fatalf("no %s", key)
				}
				l := open(t, b, ledger.Options{Origin: origin, Verifier: k.verifier(t)})
				if ps := problems(t, l); len(ps) != 1 || ps[0].Key != key {
					t.Errorf("%s %s, trusted %d: %v", key, name, i, ps)
				}
			}
		}
	}
}

// TestRestart goes on from an older copy under a new origin.
func TestRestart(t *testing.T) {
	var b memory.Bucket
	mark := filepath.Join(t.TempDir(), "mark")
	first, second := newKey(t, origin), newKey(t, "archive.example/log-2")
	l := create(t, &b, keyed(t, mark, first))
	grow(t, l, 300, 100)
	old := b.Clone()
	grow(t, l, 310, 5)
	last, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	both := keyed(t, mark, first, second)
	l = open(t, old, both)
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{305, last.Size} {
		text := ledger.RotationText{Number: 1, Old: first.public, New: second.public, At: h.Tree, Last: ledger.Tree{Size: size, Root: last.Root}}
		signed, err := ledger.SignRotation(text, first.signer, second.signer)
		if err != nil {
			t.Fatal(err)
		}
		next, _, err := l.Append(t.Context(), h, tag, leaves(5000, 5002), ledger.Rotation{Index: 301, Note: signed})
		if size == 305 {
			if !errors.Is(err, ledger.ErrRolledBack) {
				t.Errorf("a restart that does not know of the mark: %v", err)
			}
			continue
		}
		if err == nil {
			err = l.Publish(t.Context(), next)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := slices.Concat(leaves(0, 300), leaves(5000, 5002))
	for i := range 3 {
		if err := tryAppend(t, open(t, old, both), leaf(6000+int64(i))); err != nil {
			t.Fatal(err)
		}
		want = append(want, leaf(6000+int64(i)))
	}
	for _, k := range []keyPair{first, second} {
		l := open(t, old, ledger.Options{Origin: k.signer.Name(), Verifier: k.verifier(t)})
		checkLog(t, l, want)
		if ps := problems(t, l); len(ps) > 0 {
			t.Error(ps)
		}
		c, err := l.Checkpoint(t.Context())
		if err != nil || !strings.HasPrefix(string(c.Note), "archive.example/log-2\n305\n") {
			t.Errorf("checkpoint %s, %v", c.Note, err)
		}
		if err := l.Extends(t.Context(), last.Tree, c.Tree); err == nil {
			t.Error("the restarted ledger passes for an extension of the old one")
		}
	}
	if origin, mark, ok, err := ledger.MarkAt(mark); err != nil || !ok || origin != "archive.example/log-2" || mark.Size != 305 {
		t.Errorf("mark %s %d %v %v", origin, mark.Size, ok, err)
	}
}

// TestCosignaturesAreKept appends signatures of others to the checkpoint.
func TestCosignaturesAreKept(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	grow(t, l, 10, 10)
	c, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	var vs []note.Verifier
	for i := range 3 {
		k := newKey(t, fmt.Sprint("witness.example/w", i))
		signed, err := note.Sign(&note.Note{Text: strings.SplitAfter(string(c.Note), "\n\n")[0][:len(strings.SplitAfter(string(c.Note), "\n\n")[0])-1]}, k.signer)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, []byte(strings.SplitAfter(string(signed), "\n\n")[1]))
		vs = append(vs, k.verifier(t))
	}
	for _, line := range lines {
		for range 2 { // twice is once
			if ok, err := l.AddSignatures(t.Context(), c, line); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
	}
	if c, err = l.Checkpoint(t.Context()); err != nil || len(c.Cosigners(vs...)) != 3 {
		t.Errorf("cosigned by %v, %v", c.Cosigners(vs...), err)
	}
	if ok, err := l.AddSignatures(t.Context(), c, lines[0]); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if now, err := l.Checkpoint(t.Context()); err != nil || !bytes.Equal(now.Note, c.Note) {
		t.Errorf("what was there was added anew: %s, %v", now.Note, err)
	}
	p, err := l.Proof(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, inProof, err := ledger.CheckProof(p, leaf(4), origin, o.Verifier); err != nil || len(inProof.Cosigners(vs...)) != 3 {
		t.Errorf("proof cosigned by %v, %v", inProof.Cosigners(vs...), err)
	}
	grow(t, l, 11, 1)
	if ok, err := l.AddSignatures(t.Context(), c, lines...); ok || err != nil {
		t.Errorf("an older checkpoint was cosigned: %v, %v", ok, err)
	}
	if c, err = l.Checkpoint(t.Context()); err != nil || c.Size != 11 {
		t.Error(c.Size, err)
	}
	for _, junk := range []string{"", "x", "\u2014 ", "\u2014 w", "\u2014 witness.example/w9 !!!\n"} {
		if _, err := l.AddSignatures(t.Context(), c, []byte(junk)); err == nil {
			if now, err := l.Checkpoint(t.Context()); err != nil || string(now.Note) != string(c.Note) {
				t.Errorf("%q was added: %s, %v", junk, now.Note, err)
			}
		}
	}
}
