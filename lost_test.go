// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"testing"

	"onrecord"
)

// One event gives up as many runs as it can, and the others are left for the next.
func TestGiveUpMore(t *testing.T) {
	t.Parallel()
	var list []onrecord.Lines
	for i := range int64(onrecord.MaxGivenUp + 10) {
		list = append(list, onrecord.Lines{From: 2 * i, To: 2*i + 1})
	}
	extra, left := onrecord.GiveUp(list)
	e := onrecord.Event{Type: onrecord.ArchiveGaveUp, Index: 1 << 20, Extra: extra}
	if got := e.GivesUp(); len(got) != onrecord.MaxGivenUp || len(left) != 10 || left[0].From != 2*onrecord.MaxGivenUp {
		t.Errorf("%d given up, left %v", len(got), left)
	}
}
