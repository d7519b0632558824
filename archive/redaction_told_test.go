// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket/memory"
)

// TestUnreadVisitsAreToldOf: where thousands of segments are lost an operator reads
// of some, and of how many.
func TestUnreadVisitsAreToldOf(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	for range 30 {
		if _, err := visit(t.Context(), w, a, "press", "words"); err != nil {
			t.Fatal(err)
		}
	}
	sick := b
	for _, e := range walk(t, a) {
		if e.Leaf.Line == 0 && e.Index > 3 {
			sick = without(t, sick, archive.JournalKey(e.Leaf.Visit))
		}
	}
	var log bytes.Buffer
	o := w.options(fastDir(t), 7)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	at, err := archive.Open(t.Context(), sick, o)
	if err != nil {
		t.Fatal(err)
	}
	red, err := at.Redactions(t.Context())
	if err != nil || red.Known(0) == nil {
		t.Fatalf("%v, %v", err, red.Known(0))
	}
	told := strings.Count(log.String(), "can't be read")
	if told < 2 || told > 10 || !strings.Contains(log.String(), "others=") {
		t.Errorf("%d lines:\n%s", told, log.String())
	}
}
