// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// TestAbandoningLeaf: the leaf that abandons a visit commits to nothing; one
// that has a hash is named.
func TestAbandoningLeaf(t *testing.T) {
	for _, c := range []struct {
		hash [32]byte
		want int
	}{{[32]byte{}, 0}, {[32]byte{1}, 1}} {
		w, b := newWorld(t), &memory.Bucket{}
		a := w.init(t, b, fastDir(t))
		id, err := onrecord.NewVisitID(w.now(), seeded(7))
		if err != nil {
			t.Fatal(err)
		}
		l, err := ledger.New(b, ledger.Options{
			Origin: origin, Verifier: w.verifier(t), Signer: w.signer, Trust: true, Mark: filepath.Join(t.TempDir(), "mark"), Rand: seeded(8),
		})
		if err != nil {
			t.Fatal(err)
		}
		h, tag, err := l.Head(t.Context())
		if err == nil {
			h, _, err = l.Append(t.Context(), h, tag, []ledger.Leaf{{Visit: id, Line: ledger.AbandonedLine, Hash: c.hash}})
		}
		if err := errors.Join(err, l.Publish(t.Context(), h)); err != nil {
			t.Fatal(err)
		}
		rep, err := a.Verify(t.Context(), archive.VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(rep.Findings) != c.want || c.want > 0 && !strings.Contains(rep.Findings[0].Reason, "has a hash") {
			t.Errorf("hash %x: findings %v, want %d", c.hash[:1], rep.Findings, c.want)
		}
	}
}
