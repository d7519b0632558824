// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
)

// A segment that can't be read may be that of an erasure. It is never noted as
// none: neither in the process that has met it, nor in its file, from which the
// next one begins.
func TestDamagedActIsNoErasure(t *testing.T) {
	t.Parallel()
	w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	publish(t, w, a)
	w.wait(1e9)
	o := order(t, w, a)
	var act onrecord.VisitID
	for _, e := range walk(t, a) {
		if e.Index == o.Index {
			act = e.Leaf.Visit
		}
	}
	w.wait(1e9)
	more(t, w, a, 0, 3)
	key := archive.JournalKey(act)
	good := contents(t, b)
	segment := good[key]
	source := bytes.Index(segment, []byte(`"`+archive.BuiltIn+`"`))
	if source < 0 {
		t.Fatal("the act's visit line does not name its source")
	}
	for name, hurt := range map[string][]byte{
		"lost":                    nil,
		"another source":          flipped(segment, source+1),
		"another segment":         otherSegment(good, key),
		"a line of it is damaged": flipped(segment, len(segment)-9),
	} {
		t.Run(name, func(t *testing.T) {
			sick := without(t, b, key)
			if hurt != nil {
				put(t, sick, key, hurt)
			}
			options := w.options("", 3)
			options.Redactions = filepath.Join(t.TempDir(), "redactions.json")
			first, err := archive.Open(t.Context(), sick, options)
			if err != nil {
				t.Fatal(err)
			}
			if red, err := first.Redactions(t.Context()); err != nil || !red.Empty() {
				t.Fatalf("while the act is damaged: %v, %v", red.Erasures(), err)
			}
			// It is put right: this process finds it, and the next one.
			whole := bucketOf(t, good)
			next, err := archive.Open(t.Context(), whole, options)
			if err != nil {
				t.Fatal(err)
			}
			red, err := next.Redactions(t.Context())
			if err != nil || len(red.Erasures()) != 1 || red.Erasures()[0].Index != o.Index {
				t.Errorf("the next process finds %v, %v", red.Erasures(), err)
			}
			if hurt == nil {
				put(t, sick, key, segment)
				if red, err = first.Redactions(t.Context()); err != nil || len(red.Pending()) != 1 {
					t.Errorf("the same process finds %v, %v", red.Erasures(), err)
				}
			}
		})
	}
}

// otherSegment returns a segment that is not the one under key.
func otherSegment(objects map[string][]byte, key string) []byte {
	for other, body := range objects {
		if strings.HasPrefix(other, "journal/") && other != key {
			return body
		}
	}
	return nil
}
