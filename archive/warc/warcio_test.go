// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
)

// TestWarcioReads has warcio, which was not written here, check the digests of
// what the Writer writes and list its records. ONRECORD_WARCIO names the
// program; where ONRECORD_REQUIRE names "warcio", its absence is a failure.
func TestWarcioReads(t *testing.T) {
	program := os.Getenv("ONRECORD_WARCIO")
	if program == "" {
		if slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), "warcio") {
			t.Fatal("warcio is required: ONRECORD_WARCIO does not name it")
		}
		t.Skip("ONRECORD_WARCIO does not name warcio")
	}
	payload := exchange(nil).Payload
	list := []onrecord.Exchange{
		exchange(func(x *onrecord.Exchange) {
			x.Prior = &onrecord.Prior{URL: x.URL, At: day.Add(-time.Hour), Digest: sum(payload)}
		}),
		exchange(func(x *onrecord.Exchange) {
			x.Status, x.Response, x.Payload = 304, []byte("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"), nil
			x.Prior = &onrecord.Prior{URL: x.URL, At: day.Add(-time.Hour), Digest: sum(payload)}
		}),
	}
	for _, name := range slices.Sorted(maps.Keys(exchanges)) {
		list = append(list, exchanges[name])
	}
	file, written := write(t, list...)
	path := filepath.Join(t.TempDir(), "visit.warc.gz")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "check", "-v", path).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("digest pass")) || bytes.Contains(out, []byte("fail")) {
		t.Errorf("warcio check: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), program, "index", "-f", "offset,warc-type,warc-target-uri", path).Output()
	if err != nil {
		t.Fatalf("warcio index: %v", err)
	}
	kinds, at := make(map[string]int), make(map[string]bool)
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var row struct {
			Offset string `json:"offset"`
			Type   string `json:"warc-type"`
		}
		if err := json.Unmarshal(s.Bytes(), &row); err != nil {
			t.Fatalf("warcio index: %q: %v", s.Text(), err)
		}
		kinds[row.Type]++
		at[row.Offset] = true
	}
	if kinds["warcinfo"] != 1 || kinds["revisit"] != 2 || kinds["response"] < 10 || kinds["request"] < 10 || kinds["resource"] != 1 || kinds["metadata"] < 2 {
		t.Errorf("warcio lists %v", kinds)
	}
	for n, w := range written {
		if !at[strconv.FormatInt(w.Offset, 10)] {
			t.Errorf("exchange %d: warcio finds no record at its offset %d", n, w.Offset)
		}
	}
}
