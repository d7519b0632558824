// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package fscktest lets Tessera's fsck, which shares no code with our writer
// but the note format, check ledgers that package ledger wrote into a folder.
// It is a module of its own so that Tessera's dependencies stay out of ours.
//
// Run it with: cd archive/ledger/fscktest && go test ./...
package fscktest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/ledger"
)

const origin = "archive.example/log"

// write makes a ledger of size in a folder, in batches, and returns the
// folder of its public part and the key.
func write(t *testing.T, size, batch int64) (folder string, v note.Verifier) {
	t.Helper()
	private, public, err := ledger.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	b, err := disk.Open(root, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	o := ledger.Options{Origin: origin, Signer: signer, Verifier: v, Mark: filepath.Join(t.TempDir(), "mark")}
	if err := ledger.Create(t.Context(), b, o); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(b, o)
	if err != nil {
		t.Fatal(err)
	}
	h, tag, err := l.Head(t.Context())
	for err == nil && h.Size < size {
		h, tag, err = l.Append(t.Context(), h, tag, leaves(h.Size, min(h.Size+batch, size)))
		if err == nil {
			err = l.Publish(t.Context(), h)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "log"), v
}

func leaves(from, to int64) []ledger.Leaf {
	var ls []ledger.Leaf
	for i := from; i < to; i++ {
		l := ledger.Leaf{Line: uint32(i % 10), Hash: sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))}
		binary.BigEndian.PutUint64(l.Visit[8:], uint64(i/10))
		ls = append(ls, l)
	}
	return ls
}

// check runs Tessera's fsck over a folder.
func check(ctx context.Context, folder string, v note.Verifier) error {
	return fsck.New(origin, v, client.FileFetcher{Root: folder}, hashes, fsck.Opts{N: 2}).Check(ctx)
}

// hashes returns the leaf hashes of an entry bundle by Tessera's own reading
// of it.
func hashes(data []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	var hs [][]byte
	for _, e := range bundle.Entries {
		if len(e) != ledger.LeafSize {
			return nil, fmt.Errorf("an entry has %d bytes, not %d", len(e), ledger.LeafSize)
		}
		hs = append(hs, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hs, nil
}

func TestFsck(t *testing.T) {
	for _, c := range []struct{ size, batch int64 }{
		{0, 1}, {1, 1}, {255, 100}, {256, 100}, {256, 256}, {257, 1}, {70_000, 4096},
	} {
		t.Run(fmt.Sprintf("%d by %d", c.size, c.batch), func(t *testing.T) {
			folder, v := write(t, c.size, c.batch)
			if err := check(t.Context(), folder, v); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFsckFindsOneByte shows that the check above can fail: one changed bit in
// any tile, bundle or the checkpoint.
func TestFsckFindsOneByte(t *testing.T) {
	folder, v := write(t, 600, 100)
	if err := check(t.Context(), folder, v); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"checkpoint", "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88",
	} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{len(good) - 1, len(good) / 2, 20} {
			bad := append([]byte(nil), good...)
			bad[at] ^= 1
			replace(t, path, bad)
			if err := check(t.Context(), folder, v); err == nil {
				t.Errorf("byte %d of %s is changed and fsck is content", at, name)
			}
		}
		replace(t, path, good)
	}
	if err := check(t.Context(), folder, v); err != nil {
		t.Errorf("after all was put back: %v", err)
	}
}

// replace writes an object that was made to be read only.
func replace(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestClientAgrees compares our proofs with those that Tessera's client makes
// from the same tiles.
func TestClientAgrees(t *testing.T) {
	const size = 1000
	folder, v := write(t, size, 300)
	fetcher := client.FileFetcher{Root: folder}
	builder, err := client.NewProofBuilder(t.Context(), size, fetcher.ReadTile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := disk.Open(filepath.Dir(folder), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	l, err := ledger.New(b, ledger.Options{Origin: origin, Verifier: v})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int64{0, 1, 255, 256, 511, 767, 768, 999} {
		want, err := builder.InclusionProof(t.Context(), uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		text, err := l.Proof(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(text), "\n\n")
		lines := strings.Split(head, "\n")[2:]
		if len(lines) != len(want) {
			t.Fatalf("proof of %d has %d hashes, Tessera's %d", i, len(lines), len(want))
		}
		for k, h := range want {
			if got := lines[k]; got != base64.StdEncoding.EncodeToString(h) {
				t.Errorf("proof of %d, hash %d: %s, Tessera has %s", i, k, got, base64.StdEncoding.EncodeToString(h))
			}
		}
	}
}

// TestFsckOfTwoWriters has two signers, as of two machines with marks of their
// own, append to one folder at once.
func TestFsckOfTwoWriters(t *testing.T) {
	folder, v, signer := keyed(t)
	var wg sync.WaitGroup
	for m := range 2 {
		o := ledger.Options{Origin: origin, Signer: signer, Verifier: v, Mark: filepath.Join(t.TempDir(), "mark"), Trust: true}
		wg.Go(func() {
			b, err := disk.Open(filepath.Dir(folder), disk.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Close()
			l, err := ledger.New(b, o)
			for i := 0; i < 30 && err == nil; {
				var h ledger.Head
				var tag bucket.Tag
				if h, tag, err = l.Head(t.Context()); err != nil {
					break
				}
				at := int64(1000*m + 10*i)
				if h, _, err = l.Append(t.Context(), h, tag, leaves(at, at+10)); err == nil {
					i++
					err = l.Publish(t.Context(), h)
				}
				if errors.Is(err, bucket.ErrConflict) {
					err = nil
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := check(t.Context(), folder, v); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil || !strings.HasPrefix(string(text), origin+"\n600\n") {
		t.Errorf("checkpoint %s, %v", text, err)
	}
}

// keyed makes an empty ledger in a folder.
func keyed(t *testing.T) (folder string, v note.Verifier, signer note.Signer) {
	t.Helper()
	_, public, signer, err := ledger.GenerateKeys(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	b, err := disk.Open(root, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	o := ledger.Options{Origin: origin, Signer: signer, Verifier: v, Mark: filepath.Join(t.TempDir(), "mark")}
	if err := ledger.Create(t.Context(), b, o); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "log"), v, signer
}
