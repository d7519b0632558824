// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// TestProofs proves leaves at many sizes, and checks that each proof is of its
// leaf and index only.
func TestProofs(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	random := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int64{1, 2, 3, 7, 255, 256, 257, 600, 1000, 5000} {
		grow(t, l, size, 300)
		for range 20 {
			i := random.Int64N(size)
			proof, err := l.Proof(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			index, c, err := ledger.CheckProof(proof, leaf(i), origin, o.Verifier)
			if err != nil || index != i || c.Size != size || c.Root != root(t, leaves(0, size)) {
				t.Fatalf("leaf %d of %d: index %d, size %d, %v", i, size, index, c.Size, err)
			}
			if _, _, err := ledger.CheckProof(proof, leaf(i+1), origin, o.Verifier); !errors.Is(err, ledger.ErrProof) {
				t.Fatalf("the proof of leaf %d shows leaf %d: %v", i, i+1, err)
			}
			moved := bytes.Replace(proof, fmt.Appendf(nil, "index %d\n", i), fmt.Appendf(nil, "index %d\n", i+1), 1)
			if _, _, err := ledger.CheckProof(moved, leaf(i), origin, o.Verifier); !errors.Is(err, ledger.ErrProof) {
				t.Fatalf("leaf %d is proven at another index: %v", i, err)
			}
		}
		for _, i := range []int64{-1, size, size + 1} {
			if _, err := l.Proof(t.Context(), i); !errors.Is(err, ledger.ErrIndex) {
				t.Errorf("proof of leaf %d of %d: %v, want ErrIndex", i, size, err)
			}
		}
	}
}

// TestProofForm holds a proof to the text of C2SP tlog-proof, and changes
// every byte of it.
func TestProofForm(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	grow(t, l, 3, 3)
	proof, err := l.Proof(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(proof), "\n")
	if len(lines) != 10 || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != "index 2" || lines[3] != "" ||
		lines[4] != origin || lines[5] != "3" || !strings.HasPrefix(lines[8], "— "+origin+" ") {
		t.Errorf("proof is\n%s", proof)
	}
	withExtra := strings.Replace(string(proof), "\nindex", "\nextra b25lIHdvcmQ=\nindex", 1)
	if _, _, err := ledger.CheckProof([]byte(withExtra), leaf(2), origin, o.Verifier); err != nil {
		t.Errorf("proof with an extra line: %v", err)
	}
	for i := range proof {
		if i == len(proof)-3 {
			continue // the last digit of the signature has bits that base64 does not use
		}
		changed := bytes.Clone(proof)
		changed[i] ^= 1
		if _, _, err := ledger.CheckProof(changed, leaf(2), origin, o.Verifier); err == nil {
			t.Errorf("byte %d of the proof means nothing:\n%s", i, changed)
		}
	}
	if _, _, err := ledger.CheckProof(proof, leaf(2), origin, options(t).Verifier); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("proof under another key: %v, want ErrCheckpoint", err)
	}
}

// TestExtends proves every pair of a run of sizes, and no pair of two runs.
func TestExtends(t *testing.T) {
	var b memory.Bucket
	l := create(t, &b, options(t))
	var trees []ledger.Tree
	for _, size := range []int64{0, 1, 2, 100, 255, 256, 257, 300, 512, 700} {
		trees = append(trees, ledger.Tree{Size: size, Root: root(t, leaves(0, size))})
		grow(t, l, size, 100)
	}
	for i, from := range trees {
		for k, to := range trees {
			err := l.Extends(t.Context(), from, to)
			switch {
			case k >= i && err != nil:
				t.Errorf("from %d to %d: %v", from.Size, to.Size, err)
			case k < i && !errors.Is(err, ledger.ErrRolledBack):
				t.Errorf("from %d to %d: %v, want ErrRolledBack", from.Size, to.Size, err)
			}
			from := from
			from.Root[5] ^= 1
			if err := l.Extends(t.Context(), from, to); k >= i && !errors.Is(err, ledger.ErrTampered) {
				t.Errorf("from a forged root at %d to %d: %v, want ErrTampered", from.Size, to.Size, err)
			}
		}
	}
}

// FuzzCheckProof begins with a good proof of leaf 1 of 3: whatever becomes of
// it, nothing else is ever proven.
func FuzzCheckProof(f *testing.F) {
	o := options(f)
	l := create(f, new(memory.Bucket), o)
	h := grow(f, l, 3, 3)
	proof, err := l.Proof(f.Context(), 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(proof)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 1\n\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra eA==\nindex 0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\narchive.example/log\n1\nx\n\n"))
	f.Fuzz(func(t *testing.T, proof []byte) {
		index, c, err := ledger.CheckProof(proof, leaf(1), origin, o.Verifier)
		switch {
		case err == nil && (index != 1 || c.Tree != h.Tree):
			t.Errorf("index %d in %v is proven by %q", index, c.Tree, proof)
		case err != nil && !errors.Is(err, ledger.ErrProof):
			t.Errorf("error is %v, not ErrProof", err)
		}
	})
}

// FuzzHead reads whatever lies in log/head: what is taken for a head is one.
func FuzzHead(f *testing.F) {
	o := options(f)
	for _, size := range []int64{0, 1, 5} {
		var b memory.Bucket
		grow(f, create(f, &b, o), size, 2)
		body, _, err := b.Load(f.Context(), ledger.HeadKey)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body[:bytes.LastIndex(body, []byte(`,"sum":`))])
		o = options(f)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		body = bucket.Seal(append(body, '}')) // any other is refused before it is read
		if len(body) > bucket.MaxRegister {
			return
		}
		var b memory.Bucket
		if _, err := b.Swap(t.Context(), ledger.HeadKey, bucket.Absent(), body); err != nil {
			t.Fatal(err)
		}
		h, _, err := open(t, &b, o).Head(t.Context())
		if err == nil && h.From() == 0 && h.Root != root(t, h.Batch) {
			t.Errorf("head of size %d has another root: %q", h.Size, body)
		}
	})
}
