// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// A busy bucket is that of an archive in which something happens while somebody
// reads it: at the first read of an object whose key begins so.
type busy struct {
	bucket.Bucket
	at   string
	then func()
}

func (b *busy) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if then := b.then; then != nil && strings.HasPrefix(key, b.at) {
		b.then = nil
		then()
	}
	return b.Bucket.Open(ctx, key, off, n)
}

// TestErasedWhileVerified erases a statement after the checkpoint was read that
// everything is compared with: in a large archive that is hours before its bytes
// are. Nothing is wrong with it, from inside, from outside and in parts; and what
// the erasure does not name still is.
func TestErasedWhileVerified(t *testing.T) {
	for name, o := range map[string]archive.VerifyOptions{"inside": {}, "outside": {Outside: true}, "in parts": {Parts: 3}} {
		for _, damage := range []bool{false, true} {
			w, b := newWorld(t), &memory.Bucket{}
			a := w.init(t, b, fastDir(t))
			publish(t, w, a)
			more(t, w, a, 0, 2)
			if damage {
				last := walk(t, a)[len(walk(t, a))-1]
				b.Damage(last.Event.Captures[0].Object, func(p []byte) []byte { return flipped(p, len(p)/2) })
			}
			reads := &busy{Bucket: b, at: "log/tile/entries/"}
			var found []archive.Finding
			for o.Part = min(1, o.Parts); o.Part <= o.Parts; o.Part++ {
				reader, err := archive.Open(t.Context(), reads, w.options(fastDir(t), 70))
				if o.Outside {
					reader, err = archive.OpenOutside(t.Context(), reads, archive.Options{Verifier: w.verifier(t), Now: w.now})
				}
				if err != nil {
					t.Fatal(err)
				}
				if o.Part < 2 {
					reads.then = func() { erase(t, w, a) }
				}
				r, err := reader.Verify(t.Context(), o)
				if err != nil || reads.then != nil {
					t.Fatal(name, err)
				}
				found = append(found, r.Findings...)
			}
			if want := map[bool]int{false: 0, true: 1}[damage]; len(found) != want {
				t.Errorf("%s: %v, want %d", name, found, want)
			}
		}
	}
}

// A tileless bucket can't read one tile, once its head was loaded so often.
type tileless struct {
	bucket.Bucket
	loads  int
	failed bool
}

func (b *tileless) Load(ctx context.Context, key string) ([]byte, bucket.Tag, error) {
	if key == ledger.HeadKey {
		b.loads--
	}
	return b.Bucket.Load(ctx, key)
}

func (b *tileless) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if b.loads <= 0 && !b.failed && strings.HasPrefix(key, ledger.TileFolder) {
		b.failed = true
		return bucket.Object{}, errors.New("connection reset by peer")
	}
	return b.Bucket.Open(ctx, key, off, n)
}

// TestRepairOverABadLine: where it can't be read whether the head extends an older
// checkpoint, the head stays as it is.
func TestRepairOverABadLine(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	more(t, w, a, 0, 3)
	old, _, err := b.Load(t.Context(), ledger.CheckpointKey)
	if err != nil {
		t.Fatal(err)
	}
	more(t, w, a, 3, 9)
	want, _, err := b.Load(t.Context(), ledger.HeadKey)
	if err != nil {
		t.Fatal(err)
	}
	b.Damage(ledger.CheckpointKey, func([]byte) []byte { return old })
	for loads := 1; loads < 12; loads++ {
		bad := &tileless{Bucket: b, loads: 1 << 20}
		sick := w.open(t, bad, fastDir(t), byte(80+loads))
		bad.loads = loads
		_, err := sick.Repair(t.Context(), []archive.Finding{{Kind: archive.KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1}}, nil)
		if got, _, _ := b.Load(t.Context(), ledger.HeadKey); string(got) != string(want) {
			t.Fatalf("after %d reads of the head: it was replaced, %v", loads, err)
		}
	}
}
