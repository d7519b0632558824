// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// tilePath is the key of a C2SP tile or bundle, written here anew.
func tilePath(level string, n, w int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if w < 256 {
		name += fmt.Sprintf(".p/%d", w)
	}
	return "log/tile/" + level + "/" + name
}

// levelsOf returns the hashes of the levels 0, 8, 16 … of a tree, and its root.
func levelsOf(leaves []ledger.Leaf) (levels [][]tlog.Hash, root tlog.Hash) {
	var edge []tlog.Hash
	for i, leaf := range leaves {
		b := leaf.Bytes()
		h := tlog.RecordHash(b[:])
		for level := 0; ; level++ {
			if level%8 == 0 {
				if level/8 == len(levels) {
					levels = append(levels, nil)
				}
				levels[level/8] = append(levels[level/8], h)
			}
			if i>>level&1 == 0 {
				break
			}
			h, edge = tlog.NodeHash(edge[len(edge)-1], h), edge[:len(edge)-1]
		}
		edge = append(edge, h)
	}
	root = edge[len(edge)-1]
	for _, h := range slices.Backward(edge[:len(edge)-1]) {
		root = tlog.NodeHash(h, root)
	}
	return levels, root
}

// publish writes the tiles of leaves, from the one of the leaf at from on, and
// their checkpoint: as the owner of bucket and key can, past the ledger.
func publish(t *testing.T, b *memory.Bucket, signer note.Signer, leaves []ledger.Leaf, from int) ledger.Tree {
	t.Helper()
	write := func(key string, data []byte) {
		t.Helper()
		if !b.Damage(key, func([]byte) []byte { return data }) {
			if err := b.Create(t.Context(), key, bucket.Bytes(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := from / 256; n*256 < len(leaves); n++ {
		rows := leaves[n*256 : min(n*256+256, len(leaves))]
		data := make([]byte, 0, len(rows)*(2+ledger.LeafSize))
		for _, leaf := range rows {
			l := leaf.Bytes()
			data = append(binary.BigEndian.AppendUint16(data, ledger.LeafSize), l[:]...)
		}
		write(tilePath("entries", n, len(rows)), data)
	}
	levels, root := levelsOf(leaves)
	for level, hashes := range levels {
		for n := from >> (8 * (level + 1)); n*256 < len(hashes); n++ {
			rows := hashes[n*256 : min(n*256+256, len(hashes))]
			var data []byte
			for _, h := range rows {
				data = append(data, h[:]...)
			}
			write(tilePath(fmt.Sprint(level), n, len(rows)), data)
		}
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, len(leaves), base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	write(ledger.CheckpointKey, signed)
	return ledger.Tree{Size: int64(len(leaves)), Root: root}
}

// A fraud is a change of a ledger in b about the leaf at an index.
type fraud struct {
	name   string
	signed bool // by the log's own key, over a whole tree: only an older checkpoint tells
	commit func(t *testing.T, r *rand.Rand, b *memory.Bucket, signer note.Signer, leaves []ledger.Leaf, at int)
}

func altered(b *memory.Bucket, key string, at int) {
	b.Damage(key, func(p []byte) []byte {
		p = slices.Clone(p)
		p[at%len(p)] ^= 1
		return p
	})
}

var frauds = []fraud{
	{"alter an entry", false, func(_ *testing.T, r *rand.Rand, b *memory.Bucket, _ note.Signer, leaves []ledger.Leaf, at int) {
		altered(b, bundleAt(leaves, at), at%256*(2+ledger.LeafSize)+2+r.IntN(ledger.LeafSize))
	}},
	{"alter a hash", false, func(_ *testing.T, r *rand.Rand, b *memory.Bucket, _ note.Signer, leaves []ledger.Leaf, at int) {
		level := r.IntN(2)
		n := at >> (8 * (level + 1))
		altered(b, tilePath(fmt.Sprint(level), n, min(len(leaves)>>(8*level)-n*256, 256)), r.Int())
	}},
	{"lose a bundle", false, func(_ *testing.T, _ *rand.Rand, b *memory.Bucket, _ note.Signer, leaves []ledger.Leaf, at int) {
		b.Damage(bundleAt(leaves, at), func([]byte) []byte { return nil })
	}},
	{"swap two bundles", false, func(_ *testing.T, _ *rand.Rand, b *memory.Bucket, _ note.Signer, leaves []ledger.Leaf, at int) {
		one, other := bundleAt(leaves, at), bundleAt(leaves, (at+256)%(len(leaves)/256*256))
		var x, y []byte
		b.Damage(one, func(p []byte) []byte { x = p; return p })
		b.Damage(other, func(p []byte) []byte { y = p; return x })
		b.Damage(one, func([]byte) []byte { return y })
	}},
	{"replace a leaf, and sign", true, func(t *testing.T, r *rand.Rand, b *memory.Bucket, s note.Signer, leaves []ledger.Leaf, at int) {
		leaves = slices.Clone(leaves)
		leaves[at].Hash[r.IntN(32)] ^= 1
		publish(t, b, s, leaves, at)
	}},
	{"hide a leaf, and sign", true, func(t *testing.T, _ *rand.Rand, b *memory.Bucket, s note.Signer, leaves []ledger.Leaf, at int) {
		publish(t, b, s, slices.Concat(leaves[:at], leaves[at+1:]), at)
	}},
	{"re-order two leaves, and sign", true, func(t *testing.T, r *rand.Rand, b *memory.Bucket, s note.Signer, leaves []ledger.Leaf, at int) {
		leaves = slices.Clone(leaves)
		other := (at + 1 + r.IntN(len(leaves)-1)) % len(leaves)
		leaves[at], leaves[other] = leaves[other], leaves[at]
		publish(t, b, s, leaves, min(at, other))
	}},
	{"truncate the log, and sign", true, func(t *testing.T, _ *rand.Rand, b *memory.Bucket, s note.Signer, leaves []ledger.Leaf, at int) {
		publish(t, b, s, leaves[:at+1], at)
	}},
}

// bundleAt is the key of the bundle that has a leaf.
func bundleAt(leaves []ledger.Leaf, at int) string {
	return tilePath("entries", at/256, min(len(leaves)-at/256*256, 256))
}

// TestEveryFraudIsFound changes a ledger in eight ways and lets a verifier look who
// has the public key and one old checkpoint: of a ledger that is signed anew, the
// proof that it extends the checkpoint; else every tile. 24 changes of 3,000
// leaves here; 1,000 of 1,048,576 with ONRECORD_LONG.
func TestEveryFraudIsFound(t *testing.T) {
	size, each := 3000, 3
	if os.Getenv("ONRECORD_LONG") != "" {
		size, each = 1<<20, 125
	}
	o := options(t)
	signer := o.Signer
	leaves := make([]ledger.Leaf, size)
	for i := range leaves {
		leaves[i] = leaf(int64(i))
	}
	base := &memory.Bucket{}
	seen := publish(t, base, signer, leaves[:size*2/3], 0)
	tree := publish(t, base, signer, leaves, size*2/3)
	o.Signer, o.Mark = nil, ""
	if got, how := examined(t, base, o, seen, true); got {
		t.Fatalf("nobody has lied yet: %s", how)
	}
	seed := time.Now().UnixNano()
	r := rand.New(rand.NewPCG(uint64(seed), 2))
	total, began := 0, time.Now()
	for _, f := range frauds {
		found := 0
		for range each {
			at := r.IntN(int(seen.Size) - 1)
			b := base.Clone()
			f.commit(t, r, b, signer, leaves, at)
			if ok, _ := examined(t, b, o, seen, !f.signed); ok {
				found++
			} else {
				t.Errorf("seed %d: %s at index %d: not found", seed, f.name, at)
			}
		}
		total += found
		t.Logf("%-32s %d of %d, %s", f.name, found, each, time.Since(began).Round(time.Second))
	}
	t.Logf("%d of %d in a ledger of %d leaves, by a checkpoint of size %d", total, each*len(frauds), tree.Size, seen.Size)
}

// examined reports whether a verifier with a checkpoint of before finds anything,
// and what. Where whole is not set it asks only whether the ledger extends it.
func examined(t *testing.T, b *memory.Bucket, o ledger.Options, seen ledger.Tree, whole bool) (bool, string) {
	t.Helper()
	l, err := ledger.New(b, o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Checkpoint(t.Context())
	if err != nil {
		return true, err.Error()
	}
	if err := l.Extends(t.Context(), seen, c.Tree); errors.Is(err, ledger.ErrRolledBack) || errors.Is(err, ledger.ErrTampered) {
		return true, err.Error()
	} else if err != nil && !errors.Is(err, bucket.ErrNotExist) {
		t.Fatal(err)
	}
	if !whole {
		return false, ""
	}
	var what []string
	for p, err := range l.Verify(t.Context(), c.Tree) {
		if err != nil {
			t.Fatal(err)
		}
		what = append(what, p.Key+" "+p.Reason)
	}
	return len(what) > 0, strings.Join(what, "; ")
}
