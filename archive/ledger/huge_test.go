// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// hugeHead is log/head of a size that nobody has reached, as anybody who writes to
// the bucket can put it there: its parts agree with each other.
func hugeHead(t *testing.T, size int64) []byte {
	t.Helper()
	edge := make([][]byte, bits.OnesCount64(uint64(size)))
	var root tlog.Hash
	for i := range edge {
		edge[i] = make([]byte, tlog.HashSize)
	}
	for range len(edge) - 1 {
		root = tlog.NodeHash(tlog.Hash{}, root)
	}
	body, err := json.Marshal(map[string]any{
		"v": 1, "n": 7, "nonce": "00", "size": size, "root": root[:], "edge": edge, "base": edge, "batch": []byte{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bucket.Seal(body)
}

// TestHugeSizes: arithmetic on sizes near 2^63 ends never, or in a panic, and sizes
// are read where anybody may have written them.
func TestHugeSizes(t *testing.T) {
	o := options(t)
	for _, size := range []int64{1<<48 + 1, 1<<62 + 5, math.MaxInt64} {
		var b memory.Bucket
		l := create(t, &b, o)
		if !b.Damage(ledger.HeadKey, func([]byte) []byte { return hugeHead(t, size) }) {
			t.Fatal("no head")
		}
		if _, _, err := l.Head(t.Context()); !errors.Is(err, ledger.ErrTampered) {
			t.Errorf("head of size %d: %v", size, err)
		}
		text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", origin, size)}, o.Signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.ParseCheckpoint(text, origin, o.Verifier); !errors.Is(err, ledger.ErrCheckpoint) {
			t.Errorf("checkpoint of size %d: %v", size, err)
		}
		proof := append([]byte("c2sp.org/tlog-proof@v1\nindex 1\n\n"), text...)
		if _, _, err := ledger.CheckProof(proof, ledger.Leaf{}, origin, o.Verifier); !errors.Is(err, ledger.ErrCheckpoint) {
			t.Errorf("proof in a tree of size %d: %v", size, err)
		}
	}
}
