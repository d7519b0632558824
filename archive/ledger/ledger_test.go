// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/bucket/retry"
	"onrecord/archive/bucket/s3"
	"onrecord/archive/ledger"
	"onrecord/internal/testservers"
)

const origin = "archive.example/log"

// leaf returns the i-th leaf of the tests: ten leaves a visit.
func leaf(i int64) ledger.Leaf {
	var l ledger.Leaf
	binary.BigEndian.PutUint64(l.Visit[8:], uint64(i/10)+1)
	l.Line = uint32(i % 10)
	l.Hash = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	return l
}

func leaves(from, to int64) []ledger.Leaf {
	var ls []ledger.Leaf
	for i := from; i < to; i++ {
		ls = append(ls, leaf(i))
	}
	return ls
}

// options returns those of a new signer with a mark of its own.
func options(t testing.TB) ledger.Options {
	t.Helper()
	private, public, err := ledger.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Options{Origin: origin, Signer: signer, Verifier: verifier, Mark: filepath.Join(t.TempDir(), "mark")}
}

func open(t testing.TB, b bucket.Bucket, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.New(b, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// create returns an empty ledger in b.
func create(t testing.TB, b bucket.Bucket, o ledger.Options) *ledger.Ledger {
	t.Helper()
	if err := ledger.Create(t.Context(), b, o); err != nil {
		t.Fatal(err)
	}
	return open(t, b, o)
}

// grow appends the leaves of the tests up to size, in batches, and publishes.
func grow(t testing.TB, l *ledger.Ledger, size int64, batch int64) ledger.Head {
	t.Helper()
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for h.Size < size {
		h, tag, err = l.Append(t.Context(), h, tag, leaves(h.Size, min(h.Size+batch, size)))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Publish(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// root returns the root over the leaves of the tests, computed by x/mod alone.
func root(t testing.TB, ls []ledger.Leaf) [32]byte {
	t.Helper()
	var stored []tlog.Hash
	r := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hs []tlog.Hash
		for _, x := range indexes {
			hs = append(hs, stored[x])
		}
		return hs, nil
	})
	for i, l := range ls {
		b := l.Bytes()
		hs, err := tlog.StoredHashes(int64(i), b[:], r)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
	}
	h, err := tlog.TreeHash(int64(len(ls)), r)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// problems returns what Verify finds in the published tree.
func problems(t testing.TB, l *ledger.Ledger) []ledger.Problem {
	t.Helper()
	c, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ps []ledger.Problem
	for p, err := range l.Verify(t.Context(), c.Tree) {
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

// checkLog verifies the whole ledger: it holds want, published and unpublished,
// and every tile of the published part fits.
func checkLog(t testing.TB, l *ledger.Ledger, want []ledger.Leaf) {
	t.Helper()
	h, _, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h.Size != int64(len(want)) || h.Root != root(t, want) {
		t.Fatalf("head has size %d, want %d; root %x", h.Size, len(want), h.Root)
	}
	c, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.Size < h.From() || c.Size > h.Size || c.Root != root(t, want[:c.Size]) {
		t.Fatalf("checkpoint has size %d and root %x; the head's batch begins at %d", c.Size, c.Root, h.From())
	}
	if ps := problems(t, l); len(ps) > 0 {
		t.Fatalf("Verify: %v", ps)
	}
	var got []ledger.Leaf
	for leaf, err := range l.Leaves(t.Context(), 0, h.Size) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, leaf)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the ledger yields %d other leaves than it should", len(got))
	}
}

// TestGrow verifies the whole tree after every step over the first sizes at
// which tiles begin and fill up.
func TestGrow(t *testing.T) {
	for _, batch := range []int64{1, 7, 255, 256, 257, 1500} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) {
			t.Parallel()
			l := create(t, new(memory.Bucket), options(t))
			checkLog(t, l, nil)
			step := max(batch, 130/batch*batch)
			for size := step; size <= min(1500, 520*batch); size += step {
				grow(t, l, size, batch)
				checkLog(t, l, leaves(0, size))
			}
		})
	}
}

// TestSeveralLevels has 70,000 leaves: three levels of tiles.
func TestSeveralLevels(t *testing.T) {
	t.Parallel()
	var b memory.Bucket
	l := create(t, &b, options(t))
	grow(t, l, 70_000, 4096)
	checkLog(t, l, leaves(0, 70_000))
	for _, key := range []string{
		"log/tile/entries/273.p/112", "log/tile/0/273.p/112", "log/tile/1/001.p/17", "log/tile/2/000.p/1", "log/tile/1/000", "log/tile/0/272",
	} {
		if _, err := bucket.ReadAll(t.Context(), &b, key, 1<<20); err != nil {
			t.Errorf("tile: %v", err)
		}
	}
	for info, err := range b.List(t.Context(), "log/tile/0/272.p/", "") {
		t.Errorf("a partial tile was left: %s, %v", info.Key, err)
	}
}

// TestPartialTilesGo checks that only those of full tiles are removed.
func TestPartialTilesGo(t *testing.T) {
	var b memory.Bucket
	l := create(t, &b, options(t))
	partial := func(prefix string) (n int) {
		for _, err := range b.List(t.Context(), prefix, "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	grow(t, l, 255, 51)
	if n := partial("log/tile/0/000.p/") + partial("log/tile/entries/000.p/"); n != 10 {
		t.Errorf("%d partial tiles of five sizes, want 10", n)
	}
	grow(t, l, 257, 1)
	if n := partial("log/tile/0/000.p/") + partial("log/tile/entries/000.p/"); n != 0 {
		t.Errorf("%d partial tiles are left beside the full ones", n)
	}
	if n := partial("log/tile/0/001.p/"); n != 1 {
		t.Errorf("%d partial tiles of the second tile, want 1", n)
	}
	// What a crash left goes with Tidy.
	for _, key := range []string{"log/tile/0/000.p/3", "log/tile/entries/000.p/3"} {
		if err := b.Create(t.Context(), key, bucket.Bytes([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := l.Tidy(t.Context()); n != 2 || err != nil {
		t.Errorf("Tidy removed %d, %v; want 2", n, err)
	}
	checkLog(t, l, leaves(0, 257))
}

// TestWriters appends from four writers at once, each with a mark of its own
// in one case and with a common one in the other.
func TestWriters(t *testing.T) {
	writers(t, 25, func() bucket.Bucket { return &memory.Bucket{} })
}

// TestWritersS3 is TestWriters on a real S3 store.
func TestWritersS3(t *testing.T) {
	store := testservers.AnyS3(t)
	writers(t, 8, func() bucket.Bucket {
		at, err := s3.ParseURL(store.URL())
		if err != nil {
			t.Fatal(err)
		}
		b, err := s3.New(at, s3.Credentials{AccessKey: store.AccessKey, SecretKey: s3.NewSecret(store.SecretKey)}, s3.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return retry.New(b, retry.Options{})
	})
}

func writers(t *testing.T, each int, empty func() bucket.Bucket) {
	const writers = 4
	for _, common := range []bool{true, false} {
		t.Run(fmt.Sprintf("common mark %v", common), func(t *testing.T) {
			b := empty()
			o := options(t)
			all := create(t, b, o)
			at := make([]map[int64]ledger.Leaf, writers)
			var wg sync.WaitGroup
			for w := range writers {
				at[w] = map[int64]ledger.Leaf{}
				mine := o
				if !common {
					mine.Mark = filepath.Join(t.TempDir(), "mark")
					mine.Trust = true
				}
				l := open(t, b, mine)
				wg.Go(func() {
					for i := range int64(each) {
						one := leaf(int64(w)*1000 + i)
						at[w][appendOne(t, l, one)] = one
					}
				})
			}
			wg.Wait()
			want := make([]ledger.Leaf, writers*each)
			for _, m := range at {
				for i, l := range m {
					want[i] = l
				}
			}
			checkLog(t, all, want)
		})
	}
}

// appendOne appends a leaf against other writers and returns its index.
func appendOne(t testing.TB, l *ledger.Ledger, one ledger.Leaf) int64 {
	for {
		h, tag, err := l.Head(t.Context())
		if err != nil {
			t.Error(err)
			return 0
		}
		h, _, err = l.Append(t.Context(), h, tag, []ledger.Leaf{one})
		if errors.Is(err, bucket.ErrConflict) {
			continue
		}
		if err != nil {
			t.Error(err)
			return 0
		}
		if err := l.Publish(t.Context(), h); err != nil {
			t.Error(err)
		}
		return h.From()
	}
}

func TestArguments(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		l      *ledger.Ledger
		tag    bucket.Tag
		leaves []ledger.Leaf
		want   error
	}{
		"no leaves":       {l, tag, nil, ledger.ErrBatch},
		"too many leaves": {l, tag, make([]ledger.Leaf, ledger.MaxBatch+1), ledger.ErrBatch},
		"other tag":       {l, bucket.NewTag("other"), leaves(0, 1), bucket.ErrConflict},
		"zero tag":        {l, bucket.Tag{}, leaves(0, 1), bucket.ErrConflict},
		"no signer":       {open(t, &b, ledger.Options{Origin: origin, Verifier: o.Verifier}), tag, leaves(0, 1), ledger.ErrReadOnly},
	} {
		if _, _, err := c.l.Append(t.Context(), h, c.tag, c.leaves); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	h, _, err = l.Append(t.Context(), h, tag, make([]ledger.Leaf, ledger.MaxBatch))
	if err != nil || h.Size != ledger.MaxBatch {
		t.Errorf("the largest batch: size %d, %v", h.Size, err)
	}
	other := options(t)
	for name, o := range map[string]ledger.Options{
		"no verifier":  {Origin: origin},
		"other origin": {Origin: "elsewhere.example", Verifier: o.Verifier},
		"other signer": {Origin: origin, Verifier: o.Verifier, Signer: other.Signer, Mark: "mark"},
		"no mark":      {Origin: origin, Verifier: o.Verifier, Signer: o.Signer},
	} {
		if _, err := ledger.New(&b, o); err == nil {
			t.Errorf("New with %s succeeds", name)
		}
	}
	if _, _, err := ledger.GenerateKey(nil, "a b"); err == nil {
		t.Error("a key was named \"a b\"")
	}
}

// TestStaleHeadWithNewTag checks that leaves can't be dropped by a caller that
// mixes up what it has loaded.
func TestStaleHeadWithNewTag(t *testing.T) {
	l := create(t, new(memory.Bucket), options(t))
	stale, _, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, 1, 1)
	_, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = l.Append(t.Context(), stale, tag, leaves(0, 2))
	if !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("a stale head with a new tag: %v, want ErrConflict", err)
	}
	checkLog(t, l, leaves(0, 1))
}

func TestCreate(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	create(t, &b, o) // an unused ledger may be created again
	grow(t, l, 1, 1)
	if err := ledger.Create(t.Context(), &b, o); !errors.Is(err, bucket.ErrExists) {
		t.Errorf("Create on a used ledger: %v, want ErrExists", err)
	}
	if err := ledger.Create(t.Context(), new(memory.Bucket), o); !errors.Is(err, ledger.ErrRolledBack) {
		t.Errorf("Create where the mark knows leaves: %v, want ErrRolledBack", err)
	}
}
