// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive/warc"
)

// TestMediaAreRead has warcio check, and cdxj-indexer index, a file that is not
// compressed: payloads in full, one that is only referred to, one without an
// exchange.
func TestMediaAreRead(t *testing.T) {
	check, index := os.Getenv("ONRECORD_WARCIO"), os.Getenv("ONRECORD_CDXJ")
	for word, program := range map[string]string{"warcio": check, "cdxj": index} {
		if program == "" && slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), word) {
			t.Fatalf("%s is required", word)
		}
	}
	if check == "" || index == "" {
		t.Skip("ONRECORD_WARCIO and ONRECORD_CDXJ do not name programs")
	}
	var out bytes.Buffer
	w := warc.NewWriter(&out, warc.WriterOptions{Software: "onrecord/test", Date: day, Plain: true})
	body := []byte(strings.Repeat("picture ", 40000))
	again := mediaExchange("https://cdn.example/again.jpg")
	again.Prior = &onrecord.Prior{URL: "https://cdn.example/1.jpg", At: again.At.Add(-time.Hour)}
	file := mediaFile(body)
	again.Prior.Digest = hex.EncodeToString(file.SHA256[:])
	var written []warc.Written
	for _, x := range []onrecord.Exchange{mediaExchange("https://cdn.example/1.jpg"), again, {URL: "https://cdn.example/report.pdf", At: again.At, Type: "application/pdf"}} {
		res, _, err := w.WriteMedia(x, file)
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, res)
	}
	path := filepath.Join(t.TempDir(), "visit.warc")
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	told, err := exec.CommandContext(t.Context(), check, "check", "-v", path).CombinedOutput()
	if err != nil || bytes.Contains(told, []byte("fail")) || bytes.Count(told, []byte("digest pass")) < 3 {
		t.Errorf("warcio check: %v\n%s", err, told)
	}
	told, err = exec.CommandContext(t.Context(), index, "--records", "response,revisit,resource", path).Output()
	if err != nil {
		t.Fatalf("cdxj-indexer: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(told)), "\n")
	if len(lines) != len(written) {
		t.Fatalf("%d records, want %d:\n%s", len(lines), len(written), told)
	}
	for i, line := range lines {
		_, text, _ := strings.Cut(line, " {")
		var row struct{ Offset, Digest string }
		if err := json.Unmarshal([]byte("{"+text), &row); err != nil || row.Offset != strconv.FormatInt(written[i].Offset, 10) || row.Digest != "sha256:"+again.Prior.Digest {
			t.Errorf("record at %d: %s, %v", written[i].Offset, line, err)
		}
	}
}
