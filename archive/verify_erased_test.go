// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"strings"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
)

// TestVerifyErasedOfALostVisit: the segment of a visit is lost whose capture an
// erasure has replaced. That is one mismatch: nobody can say any more what the
// capture was, but what it must be since stands in the erasure.
func TestVerifyErasedOfALostVisit(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]struct {
		damage func([]byte) []byte // of the capture
		want   int
	}{
		"as erased":   {func(b []byte) []byte { return b }, 1},
		"other bytes": {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, 2},
		"gone":        {func([]byte) []byte { return nil }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
			a := w.init(t, b, dir)
			publish(t, w, a)
			o := order(t, w, a)
			if err := a.Erase(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			acts(t, w, a, onrecord.Event{
				Type: onrecord.ArchiveErasureDone, At: w.now(), By: w.now(), Provenance: onrecord.Captured, Index: -1, Prev: o.Index,
				Takedown: &onrecord.Takedown{Case: "T-1"},
			})
			verified(t, a)
			capture := o.Erasure.Records[0].Object
			segment := strings.NewReplacer("captures/", "journal/", ".warc.gz", ".ndjson.zst").Replace(capture)
			if !b.Damage(segment, func([]byte) []byte { return nil }) || !b.Damage(capture, play.damage) {
				t.Fatalf("no %s, or no %s", segment, capture)
			}
			r, err := a.Verify(t.Context(), archive.VerifyOptions{Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Findings) != play.want || r.Findings[0].Object != segment {
				t.Errorf("%v", r.Findings)
			}
			for _, f := range r.Findings[1:] {
				if f.Object != capture {
					t.Errorf("%v", f)
				}
			}
		})
	}
}
