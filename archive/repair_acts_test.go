// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// actOf returns the key of the segment in which an erasure stands.
func actOf(t testing.TB, a *archive.Archive, o archive.Ordered) string {
	t.Helper()
	return archive.JournalKey(walk(t, a)[o.Index].Leaf.Visit)
}

func repaired(t testing.TB, a *archive.Archive, copies ...archive.RepairFrom) archive.Repaired {
	t.Helper()
	report, err := a.Verify(t.Context(), archive.VerifyOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	done, err := a.Repair(t.Context(), report.Findings, copies)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// TestRepairWithoutTheAct: while the visit that erased something can't be read,
// nobody knows what was erased, and a replica from before has it all. It does not
// come back; once a copy has the visit, everything is put right.
func TestRepairWithoutTheAct(t *testing.T) {
	t.Parallel()
	w, b, early, a := published(t)
	o := order(t, w, a)
	if err := a.Erase(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	late := &memory.Bucket{}
	if _, err := a.Replica(late).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Second)
	more(t, w, a, 2, 4)
	key := actOf(t, a, o)
	good := contents(t, b)
	first := bytes.IndexByte(good[key], '\n') // the visit line's end
	for name, hurt := range map[string][]byte{
		"lost":           nil,
		"its visit line": flipped(good[key], first/2),
		"its own line":   flipped(good[key], len(good[key])-9),
	} {
		t.Run(name, func(t *testing.T) {
			sick := without(t, b, key)
			if hurt != nil {
				put(t, sick, key, hurt)
			}
			owner := w.open(t, sick, fastDir(t), 50)
			done := repaired(t, owner, archive.RepairFrom{Name: "early", Bucket: early})
			if keys := holding(t, without(t, sick, key)); len(keys) > 0 {
				t.Fatalf("repair has brought back what was erased: %q", keys)
			}
			if !slices.ContainsFunc(done.Left, func(f archive.Finding) bool { return strings.Contains(f.Reason, "nobody knows what was erased") }) {
				t.Errorf("left: %v", done.Left)
			}
			repaired(t, owner, archive.RepairFrom{Name: "early", Bucket: early}, archive.RepairFrom{Name: "late", Bucket: late})
			if keys := holding(t, sick); len(keys) > 0 {
				t.Errorf("repair has brought back what was erased: %q", keys)
			}
			verified(t, w.open(t, sick, fastDir(t), 51))
		})
	}
}

// TestRepairFromAHead: what only the head of a copy has is signed by nobody, and
// is no reason to change anything here.
func TestRepairFromAHead(t *testing.T) {
	t.Parallel()
	w, b, _, a := published(t)
	before := contents(t, b)
	mirror := bucketOf(t, before)
	owner := w.open(t, mirror, fastDir(t), 52)
	o := order(t, w, owner)
	if err := owner.Erase(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	evil := contents(t, mirror)
	evil[ledger.CheckpointKey] = before[ledger.CheckpointKey] // as if it had not been signed yet
	var findings []archive.Finding
	for _, v := range o.Erasure.Objects {
		kind := archive.KindCapture
		if strings.HasPrefix(v.Key, "journal/") {
			kind = archive.KindJournal
		}
		findings = append(findings, archive.Finding{Kind: kind, Object: v.Key, Offset: -1, Index: -1, Reason: "somebody says so"})
	}
	if _, err := a.Repair(t.Context(), findings, []archive.RepairFrom{{Name: "evil", Bucket: bucketOf(t, evil)}}); err != nil {
		t.Fatal(err)
	}
	after := contents(t, b)
	for key, body := range before {
		if !bytes.Equal(after[key], body) {
			t.Errorf("%s is another", key)
		}
	}
}
