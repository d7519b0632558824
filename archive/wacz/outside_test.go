// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package wacz_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord/archive/wacz"
)

func sumOf(b []byte) [32]byte { return sha256.Sum256(b) }

// tool returns the program that an environment variable names. Where
// ONRECORD_REQUIRE has the word, its absence is a failure.
func tool(t *testing.T, env, word string) string {
	t.Helper()
	program := os.Getenv(env)
	if program == "" {
		if slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), word) {
			t.Fatalf("%s is required: %s does not name it", word, env)
		}
		t.Skipf("%s does not name %s", env, word)
	}
	return program
}

// TestPyWacz has py-wacz, which was not written here, validate a package, and
// refuse one that was changed.
func TestPyWacz(t *testing.T) {
	program := tool(t, "ONRECORD_WACZ", "pywacz")
	b := pack(t, visits(t, 2))
	path := filepath.Join(t.TempDir(), "statement.wacz")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "validate", "-f", path).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Version detected as 1.1.1")) || bytes.Contains(out, []byte("invalid")) {
		t.Errorf("wacz validate: %v\n%s", err, out)
	}
	i := bytes.Index(b, []byte("archive/01k0.warc.gz")) + 400
	b[i] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "validate", "-f", path).CombinedOutput(); err == nil {
		t.Errorf("wacz validate takes a changed record:\n%s", out)
	}
}

// TestCDXJIndexer has cdxj-indexer, which was not written here, index the WARCs
// of a package: it finds what our index says, keys, times, offsets, lengths and
// digests.
func TestCDXJIndexer(t *testing.T) {
	program := tool(t, "ONRECORD_CDXJ", "cdxj")
	b := pack(t, visits(t, 2))
	dir := t.TempDir()
	ours, names := unpack(t, b, dir)
	args := []string{"--sort", "--fields", "referrer", "--digest-records", "--records", "response,revisit,resource"}
	out, err := exec.CommandContext(t.Context(), program, append(args, names...)...).Output()
	if err != nil {
		t.Fatalf("cdxj-indexer: %v", err)
	}
	theirs := rowsOf(t, string(out))
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("index (-cdxj-indexer +ours):\n%s", diff)
	}
}

// unpack writes the WARCs of a package into dir, and returns the rows of its
// index.
func unpack(t *testing.T, b []byte, dir string) (rows map[string]wacz.Row, names []string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := strings.CutPrefix(f.Name, "archive/"); ok {
			names = append(names, filepath.Join(dir, name))
			if err := os.WriteFile(names[len(names)-1], body, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if f.Name == "indexes/index.cdx.gz" {
			zr, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(zr)
			if err != nil {
				t.Fatal(err)
			}
			rows = rowsOf(t, string(text))
		}
	}
	return rows, names
}

// rowsOf reads an index, by key, time and place.
func rowsOf(t *testing.T, text string) map[string]wacz.Row {
	t.Helper()
	rows := map[string]wacz.Row{}
	for line := range strings.Lines(text) {
		key, body, _ := strings.Cut(strings.TrimSpace(line), " {")
		var row wacz.Row
		if err := json.Unmarshal([]byte("{"+body), &row); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		rows[key+" "+row.Filename+" "+row.Offset] = row
	}
	return rows
}
