// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord/archive"
)

var update = flag.Bool("update", false, "write the golden files anew; released ones never change")

// TestReleasedSegments reads segments as every released version wrote them.
func TestReleasedSegments(t *testing.T) {
	const stored, text = "testdata/segment-1.ndjson.zst", "testdata/segment-1.txt"
	id := visitAt(t, day, 1)
	p, err := archive.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		b := build(t, id, said("press", "https://jane.example/1", "One & two."), said("press", "https://jane.example/2", "Zwei – двa"))
		_, lines, err := p.Parse(id, b)
		if err != nil {
			t.Fatal(err)
		}
		for path, content := range map[string][]byte{stored: b, text: append(bytes.Join(lines, []byte("\n")), '\n')} {
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, err := os.ReadFile(stored)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	_, lines, err := p.Parse(id, b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(bytes.Join(lines, []byte("\n")))+"\n"); diff != "" {
		t.Error(diff)
	}
}
