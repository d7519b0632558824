// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// headOf is log/head of a ledger that nobody has seen: its parts agree.
func headOf(t *testing.T, size int64) []byte {
	t.Helper()
	edge := make([][]byte, bits.OnesCount64(uint64(size)))
	var root tlog.Hash
	for i := range edge {
		edge[i] = make([]byte, tlog.HashSize)
	}
	for range len(edge) - 1 {
		root = tlog.NodeHash(tlog.Hash{}, root)
	}
	body, err := json.Marshal(map[string]any{"v": 1, "n": 1 << 40, "nonce": "00", "size": size, "root": root[:], "edge": edge, "base": edge, "batch": []byte{}})
	if err != nil {
		t.Fatal(err)
	}
	return bucket.Seal(body)
}

// TestHeadOfNothing: whoever writes to the bucket can put a head there that is far
// beyond the checkpoint. Verify names it, and checks what is signed.
func TestHeadOfNothing(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	more(t, w, a, 0, 3)
	if !b.Damage(ledger.HeadKey, func([]byte) []byte { return headOf(t, 1<<39) }) {
		t.Fatal("no head")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := w.open(t, b, fastDir(t), 9).Verify(ctx, archive.VerifyOptions{})
	if err != nil || len(r.Findings) != 1 || r.Findings[0].Object != ledger.HeadKey || r.Lines == 0 {
		t.Errorf("%d lines, %d findings, %v, the first ones %v", r.Lines, len(r.Findings), err, r.Findings[:min(3, len(r.Findings))])
	}
}

// TestSizeOfNothing: who has the key can sign a ledger of any size. Verify does
// not look for all of it.
func TestSizeOfNothing(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	more(t, w, a, 0, 3)
	text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", origin, 1<<39)}, w.signer)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Damage(ledger.CheckpointKey, func([]byte) []byte { return text }) {
		t.Fatal("no checkpoint")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := verifyMost(ctx, t, w, b, 100)
	if err != nil || len(r.Findings) < 100 || len(r.Findings) > 110 || r.Findings[len(r.Findings)-1].Object != ledger.CheckpointKey {
		t.Errorf("%d findings, %v, the last ones %v", len(r.Findings), err, r.Findings[max(0, len(r.Findings)-3):])
	}
}

func verifyMost(ctx context.Context, t *testing.T, w *world, b bucket.Bucket, most int) (archive.Report, error) {
	t.Helper()
	outside, err := archive.OpenOutside(ctx, b, archive.Options{Verifier: w.verifier(t), Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	return outside.Verify(ctx, archive.VerifyOptions{Outside: true, Most: most})
}

// A turncoat is a mirror that shows another history from the second time on that
// onrecord.json is read.
type turncoat struct {
	bucket.Bucket
	other bucket.Bucket
	reads *int
}

func (m turncoat) now() bucket.Bucket {
	if *m.reads > 1 {
		return m.other
	}
	return m.Bucket
}

func (m turncoat) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if key == "onrecord.json" {
		*m.reads++
	}
	return m.now().Open(ctx, key, off, n)
}

func (m turncoat) Load(ctx context.Context, key string) ([]byte, bucket.Tag, error) {
	return m.now().Load(ctx, key)
}

// TestMirrorThatChangesItsMind: a site that shows two histories to one who
// verifies, each of them right by itself, is found; one that has grown is not.
func TestMirrorThatChangesItsMind(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	more(t, w, w.init(t, b, fastDir(t)), 0, 3)
	other := b.Clone()
	more(t, w, w.open(t, b, fastDir(t), 60), 3, 4)
	grown := b.Clone()
	more(t, w, w.open(t, grown, fastDir(t), 61), 4, 5)
	more(t, w, w.open(t, other, fastDir(t), 62), 5, 7)
	for name, c := range map[string]struct {
		then bucket.Bucket
		want int
	}{"the same": {b, 0}, "one that has grown": {grown, 0}, "another history": {other, 1}} {
		r, err := verifyMost(t.Context(), t, w, turncoat{b, c.then, new(int)}, 0)
		if err != nil || len(r.Findings) != c.want {
			t.Errorf("%s: %v, %v", name, r.Findings, err)
		}
	}
}
