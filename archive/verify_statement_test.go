// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"testing"

	"onrecord/archive"
)

// TestStatementAndItsAttachments damages an attachment that a line of a statement
// cites: verifying that statement alone names it.
func TestStatementAndItsAttachments(t *testing.T) {
	l := live(t, 8)
	var kept archive.Entry
	for _, e := range walk(t, l.w.open(t, l.b, fastDir(t), 50)) {
		if e.Event.Media != nil {
			kept = e
		}
	}
	look := func(damage string, at int64) archive.Report {
		b := l.b.Clone()
		if damage != "" && !b.Damage(damage, func(p []byte) []byte { return flipped(p, int(at)) }) {
			t.Fatal("no", damage)
		}
		r, err := l.w.open(t, b, fastDir(t), 51).VerifyStatement(t.Context(), kept.Event.Statement, []int64{kept.Index})
		if err != nil || r.Lines != 1 {
			t.Fatalf("%d lines, %v", r.Lines, err)
		}
		return r
	}
	if r := look("", 0); len(r.Findings) > 0 {
		t.Error(r.Findings)
	}
	m := kept.Event.Media.At
	if r := look(m.Object, m.Offset+m.Length/2); len(r.Findings) != 1 || r.Findings[0].Object != m.Object || r.Findings[0].Kind != archive.KindMedia {
		t.Errorf("an attachment is damaged: %v", r.Findings)
	}
}
