// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
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
