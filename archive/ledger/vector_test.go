// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// vectorRoot is the root of the example in docs/format.md.
const vectorRoot = "5325d6da8348d38a347a7eefd8b62c81d792dc21799baab5cff6c8428174df88"

// TestVector holds leaf, tree and keys to the text of docs/format.md.
func TestVector(t *testing.T) {
	doc, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), vectorRoot) {
		t.Error("docs/format.md has another root")
	}
	var ls []ledger.Leaf
	for i, line := range []string{"a", "b", "c"} {
		l := ledger.Leaf{Line: uint32(i), Hash: sha256.Sum256([]byte(line))}
		l.Visit[15] = 1
		ls = append(ls, l)
		if b := l.Bytes(); ledger.LeafFrom(b) != l || b[15] != 1 || b[19] != byte(i) {
			t.Errorf("leaf %d is %x", i, b)
		}
	}
	var b memory.Bucket
	l := create(t, &b, options(t))
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h, _, err = l.Append(t.Context(), h, tag, ls); err != nil {
		t.Fatal(err)
	}
	if err := l.Publish(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(h.Root[:]); got != vectorRoot {
		t.Errorf("root is %s, want %s", got, vectorRoot)
	}
	bundle, err := bucket.ReadAll(t.Context(), &b, "log/tile/entries/000.p/3", 1000)
	if err != nil {
		t.Fatal(err)
	}
	second := ls[1].Bytes()
	if want := "\x00\x34" + string(second[:]); len(bundle) != 3*54 || string(bundle[54:108]) != want {
		t.Errorf("entry bundle is %x", bundle)
	}
	tile, err := bucket.ReadAll(t.Context(), &b, "log/tile/0/000.p/3", 1000)
	if err != nil {
		t.Fatal(err)
	}
	first := ls[0].Bytes()
	if want := sha256.Sum256(append([]byte{0}, first[:]...)); len(tile) != 3*32 || string(tile[:32]) != string(want[:]) {
		t.Errorf("tile is %x", tile)
	}
}
