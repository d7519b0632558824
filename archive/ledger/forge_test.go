// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// forgeSize gives three levels of tiles: a full tile in the middle, full tiles
// below partial ones, and a right edge at each level.
const forgeSize = 66_000

func forgeLog(t *testing.T) (*memory.Bucket, ledger.Options) {
	t.Helper()
	var b memory.Bucket
	o := options(t)
	grow(t, create(t, &b, o), forgeSize, 4096)
	return &b, o
}

func flip(at int) func([]byte) []byte {
	return func(p []byte) []byte {
		p[at%len(p)] ^= 1 << (at % 7)
		return p
	}
}

// chain returns the keys of what proves leaf i in a tree of forgeSize, from
// the bundle up.
func chain(i int64) []string {
	name := func(level string, n, size int64) string {
		if w := size - n*256; w < 256 {
			return fmt.Sprintf("log/tile/%s/%03d.p/%d", level, n, w)
		}
		return fmt.Sprintf("log/tile/%s/%03d", level, n)
	}
	keys := []string{name("entries", i>>8, forgeSize)}
	for level, size := range []int64{forgeSize, forgeSize >> 8, forgeSize >> 16} {
		if n := i >> (8 * (level + 1)); n*256 < size {
			keys = append(keys, name(fmt.Sprint(level), n, size))
		}
	}
	return keys
}

// TestForgedTiles flips 500 bytes in what proves a leaf, one at a time: the
// leaf can't be read, nor proven where its hash comes from the forged tile.
func TestForgedTiles(t *testing.T) {
	t.Parallel()
	b, o := forgeLog(t)
	l := open(t, b, o)
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		i := random.Int64N(forgeSize)
		if random.IntN(4) == 0 {
			i = forgeSize - 1 - random.Int64N(300) // the right edge
		}
		keys := chain(i)
		key := keys[random.IntN(len(keys))]
		at := random.IntN(1 << 20)
		if !b.Damage(key, flip(at)) {
			t.Fatalf("no %s", key)
		}
		for got, err := range l.Leaves(t.Context(), i, i+1) {
			if !errors.Is(err, ledger.ErrTampered) || !strings.Contains(err.Error(), strings.Split(key, ".p/")[0]) {
				t.Fatalf("%s is forged, leaf %d: %v, %v; want ErrTampered that names it", key, i, got, err)
			}
		}
		if proof, err := l.Proof(t.Context(), i); err == nil {
			if _, _, err := ledger.CheckProof(proof, leaf(i), origin, o.Verifier); err != nil {
				t.Fatalf("%s is forged: Proof gave a wrong proof of leaf %d: %v", key, i, err)
			}
		} else if !errors.Is(err, ledger.ErrTampered) {
			t.Fatalf("%s is forged: proof of leaf %d: %v, want ErrTampered", key, i, err)
		}
		b.Damage(key, flip(at))
	}
	checkLog(t, l, leaves(0, forgeSize))
}

// TestForgedTogether forges a leaf, its bundle and one tile after another
// above it so that each agrees with the one below, but for the last (the shape
// of CVE-2026-56865: a tile that is taken without asking its parent).
func TestForgedTogether(t *testing.T) {
	t.Parallel()
	const victim = 300*10 + 5 // in the middle of a full tile
	b, o := forgeLog(t)
	for height := 1; height <= 3; height++ {
		t.Run(fmt.Sprint(height), func(t *testing.T) {
			b := b.Clone()
			keys := chain(victim)
			hash := forgeBundle(t, b, keys[0], victim)
			for level := range height {
				hash = forgeTile(t, b, keys[1+level], victim>>(8*level)%256, hash)
			}
			l := open(t, b, o)
			for got, err := range l.Leaves(t.Context(), victim, victim+1) {
				if !errors.Is(err, ledger.ErrTampered) {
					t.Errorf("forged up to %s: %v, %v", keys[height], got, err)
				}
			}
			for _, i := range []int64{victim, victim + 1, victim + 300} {
				proof, err := l.Proof(t.Context(), i)
				if err == nil {
					_, _, err = ledger.CheckProof(proof, leaf(i), origin, o.Verifier)
				} else if errors.Is(err, ledger.ErrTampered) {
					err = nil
				}
				if err != nil {
					t.Errorf("forged up to %s: proof of %d: %v", keys[height], i, err)
				}
			}
			if ps := problems(t, l); len(ps) != 1 || ps[0].Key != keys[min(height, 2)] && ps[0].Key != ledger.CheckpointKey {
				t.Errorf("Verify: %v", ps)
			}
		})
	}
}

// forgeBundle changes leaf i in its bundle and returns its new tree hash.
func forgeBundle(t *testing.T, b *memory.Bucket, key string, i int64) (hash tlog.Hash) {
	t.Helper()
	if !b.Damage(key, func(p []byte) []byte {
		row := p[i%256*(2+ledger.LeafSize):][2 : 2+ledger.LeafSize]
		binary.BigEndian.PutUint32(row[16:], 4711)
		hash = tlog.RecordHash(row)
		return p
	}) {
		t.Fatalf("no %s", key)
	}
	return hash
}

// forgeTile puts a hash into a tile and returns the hash of the whole.
func forgeTile(t *testing.T, b *memory.Bucket, key string, at int64, hash tlog.Hash) (root tlog.Hash) {
	t.Helper()
	if !b.Damage(key, func(p []byte) []byte {
		copy(p[at*tlog.HashSize:], hash[:])
		row := slices.Clone(p)
		for ; len(row) > tlog.HashSize; row = row[:len(row)/2] {
			if len(row)%(2*tlog.HashSize) != 0 {
				return p // partial: nothing is above it
			}
			for i := 0; i < len(row); i += 2 * tlog.HashSize {
				h := tlog.NodeHash(tlog.Hash(row[i:]), tlog.Hash(row[i+tlog.HashSize:]))
				copy(row[i/2:], h[:])
			}
		}
		root = tlog.Hash(row)
		return p
	}) {
		t.Fatalf("no %s", key)
	}
	return root
}

// TestVerifyNamesEach damages one or several things and expects each to be
// named, and nothing else.
func TestVerifyNamesEach(t *testing.T) {
	t.Parallel()
	b, o := forgeLog(t)
	remove := func([]byte) []byte { return nil }
	shorten := func(p []byte) []byte { return p[:len(p)-1] }
	lengthen := func(p []byte) []byte { return append(p, 0) }
	all := []string{
		"log/tile/entries/000", "log/tile/entries/256", "log/tile/entries/257.p/208",
		"log/tile/0/000", "log/tile/0/100", "log/tile/0/256", "log/tile/0/257.p/208",
		"log/tile/1/000", "log/tile/1/001.p/1", "log/tile/2/000.p/1",
	}
	kinds := map[string]func([]byte) []byte{
		"first byte": flip(2), "middle": flip(1000), "removed": remove, "shortened": shorten, "lengthened": lengthen,
	}
	check := func(t *testing.T, b *memory.Bucket, damaged ...string) {
		t.Helper()
		var named []string
		for _, p := range problems(t, open(t, b, o)) {
			named = append(named, p.Key)
		}
		slices.Sort(named)
		slices.Sort(damaged)
		if !slices.Equal(named, damaged) {
			t.Errorf("damaged %v, named %v", damaged, named)
		}
	}
	for name, change := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, key := range all {
				b := b.Clone()
				if !b.Damage(key, change) {
					t.Fatalf("no %s", key)
				}
				check(t, b, key)
			}
		})
	}
	t.Run("several", func(t *testing.T) {
		b := b.Clone()
		keys := []string{"log/tile/entries/003", "log/tile/0/009", "log/tile/entries/200", "log/tile/1/001.p/1"}
		for i, key := range keys {
			b.Damage(key, flip(1000*i+3))
		}
		check(t, b, keys...)
	})
	t.Run("bundle and tile", func(t *testing.T) {
		b := b.Clone()
		b.Damage("log/tile/entries/003", remove)
		b.Damage("log/tile/0/003", remove)
		check(t, b, "log/tile/entries/003", "log/tile/0/003")
	})
}

// TestVerifyLeftEarly leaves the findings after each of the first.
func TestVerifyLeftEarly(t *testing.T) {
	var b memory.Bucket
	l := create(t, &b, options(t))
	h := grow(t, l, 2000, 500)
	for i := range 7 {
		b.Damage(fmt.Sprintf("log/tile/entries/%03d", i), flip(9))
		b.Damage(fmt.Sprintf("log/tile/0/%03d", i), flip(9))
	}
	for n := 1; n < 12; n++ {
		seen := 0
		for range l.Verify(t.Context(), h.Tree) {
			if seen++; seen == n {
				break
			}
		}
		if seen != n {
			t.Errorf("left after %d findings, want %d", seen, n)
		}
	}
}

// TestWrongTree asks for a tree that the tiles don't lead to.
func TestWrongTree(t *testing.T) {
	l := create(t, new(memory.Bucket), options(t))
	h := grow(t, l, 600, 100)
	for _, tree := range []ledger.Tree{{Size: 600, Root: [32]byte{1}}, {Size: 500, Root: h.Root}, {Size: 0, Root: h.Root}} {
		var ps []ledger.Problem
		for p, err := range l.Verify(t.Context(), tree) {
			if err != nil {
				t.Fatal(err)
			}
			ps = append(ps, p)
		}
		if len(ps) != 1 || ps[0].Key != ledger.CheckpointKey {
			t.Errorf("size %d: %v", tree.Size, ps)
		}
		if err := l.Extends(t.Context(), tree, h.Tree); !errors.Is(err, ledger.ErrTampered) {
			t.Errorf("Extends from size %d: %v, want ErrTampered", tree.Size, err)
		}
	}
}

// TestPublishFindsForeignTile has another object where a tile belongs. A store
// that can set it aside does; in another one nothing is published.
func TestPublishFindsForeignTile(t *testing.T) {
	for _, key := range []string{"log/tile/0/000.p/11", "log/tile/entries/000.p/11"} {
		for _, can := range []bool{true, false} {
			var b memory.Bucket
			o := options(t)
			grow(t, create(t, &b, o), 10, 10)
			if err := b.Create(t.Context(), key, bucket.Bytes([]byte("foreign"))); err != nil {
				t.Fatal(err)
			}
			var store, want = bucket.Bucket(&b), int64(11)
			if !can {
				store, want = struct{ bucket.Bucket }{&b}, 10
			}
			l, err := ledger.New(store, o)
			if err != nil {
				t.Fatal(err)
			}
			err = tryAppend(t, l, leaf(10))
			if !can && (!errors.Is(err, ledger.ErrTampered) || !strings.Contains(err.Error(), key)) || can && err != nil {
				t.Errorf("%v, want ErrTampered that names %s unless it can be set aside: %t", err, key, can)
			}
			if c, err := l.Checkpoint(t.Context()); err != nil || c.Size != want {
				t.Errorf("checkpoint of size %d, %v", c.Size, err)
			}
		}
	}
}
