// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive/warc"
)

// TestRedactEveryLength: whatever the length, the redacted record has it, is
// one record of the same name, and nothing but that.
func TestRedactEveryLength(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 123456000, time.UTC)
	lengths := []int64{65535 - 3, 65535, 65536, 65553, 65554, 65558, 65559, 131093, 131094, 131098, 131103, 1 << 20, 3<<20 + 7}
	for n := int64(200); n < 1400; n++ {
		lengths = append(lengths, n)
	}
	short := map[bool]int64{}
	for _, compressed := range []bool{false, true} {
		for _, n := range lengths {
			r := warc.Redaction{ID: "urn:uuid:123e4567-e89b-42d3-a456-426614174000", Date: at, Length: n, Compressed: compressed, Case: "T-2026-014"}
			var b bytes.Buffer
			written, err := r.WriteTo(&b)
			if errors.Is(err, warc.ErrTooLarge) && n < 300 {
				short[compressed] = max(short[compressed], n)
				continue
			}
			if err != nil || written != n || int64(b.Len()) != n {
				t.Fatalf("%d bytes, compressed %t: wrote %d, %v", n, compressed, written, err)
			}
			var got []*warc.Record
			for rec, err := range warc.Records(bytes.NewReader(b.Bytes()), warc.ReaderOptions{}) {
				if err != nil {
					t.Fatalf("%d bytes, compressed %t: %v", n, compressed, err)
				}
				got = append(got, rec)
			}
			if len(got) != 1 || got[0].ID() != r.ID || !got[0].Date().Equal(at) || got[0].Redacted() != "T-2026-014" || len(bytes.Trim(got[0].Block, " ")) > 0 || got[0].Length != n {
				t.Fatalf("%d bytes, compressed %t: %d records, %+v", n, compressed, len(got), got)
			}
			if compressed { // another gzip reads it, too
				z, err := stdgzip.NewReader(&b)
				if err == nil {
					_, err = io.Copy(io.Discard, z)
				}
				if err != nil {
					t.Fatalf("%d bytes: compress/gzip: %v", n, err)
				}
			}
		}
	}
	if short[true] > 260 || short[false] > 280 {
		t.Errorf("too short to be redacted: up to %v bytes", short)
	}
}

// redactAll redacts all evidence in a file, and returns it.
func redactAll(t *testing.T, file []byte, written []warc.Written) []byte {
	t.Helper()
	out := bytes.Clone(file)
	for _, w := range written {
		r, err := warc.RedactionOf(bytes.NewReader(file[w.Offset:]), w.Length, "T-2026-014")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := r.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		copy(out[w.Offset:], b.Bytes())
	}
	return out
}

// TestRedactFile: the records between stay, byte for byte, and of the redacted
// ones the names.
func TestRedactFile(t *testing.T) {
	var list []onrecord.Exchange
	for _, name := range []string{"page", "failure", "truncated"} {
		if x, ok := exchanges[name]; ok {
			list = append(list, x)
		}
	}
	list = append(list, exchange(nil), exchange(func(x *onrecord.Exchange) { x.Payload = bytes.Repeat([]byte("The secret. "), 20000) }), exchange(nil))
	file, written := write(t, list...)
	out := redactAll(t, file, written[len(written)-2:len(written)-1])
	secret := written[len(written)-2]
	n := 0
	for rec, err := range warc.Records(bytes.NewReader(out), warc.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(rec.Block, []byte("secret")) {
			t.Errorf("record at %d still tells the secret", rec.Offset)
		}
		if rec.Redacted() != "" {
			n++
			if rec.ID() != secret.ID || rec.Offset != secret.Offset || rec.Length != secret.Length || strings.Contains(rec.URL(), "http") {
				t.Errorf("redacted record %s at %d+%d to %s, want %+v", rec.ID(), rec.Offset, rec.Length, rec.URL(), secret)
			}
		}
	}
	if n != 1 || !bytes.Equal(out[:secret.Offset], file[:secret.Offset]) || !bytes.Equal(out[secret.Offset+secret.Length:], file[secret.Offset+secret.Length:]) {
		t.Errorf("%d records redacted, or other bytes changed", n)
	}
}

// TestRedactionOfRefuses: what is no record, or has no name, is left alone.
func TestRedactionOfRefuses(t *testing.T) {
	for _, s := range []string{"", "x", "WARC/1.1\r\n", "\x1f\x8b", "WARC/1.1\r\nContent-Length: 0\r\n\r\n\r\n\r\n"} {
		if r, err := warc.RedactionOf(strings.NewReader(s), int64(len(s)), "T-1"); err == nil {
			t.Errorf("%q: %+v", s, r)
		}
	}
}

// TestWarcioReadsRedacted: a tool that was not written here reads a file all of
// whose evidence is redacted.
func TestWarcioReadsRedacted(t *testing.T) {
	program := os.Getenv("ONRECORD_WARCIO")
	if program == "" {
		if strings.Contains(os.Getenv("ONRECORD_REQUIRE"), "warcio") {
			t.Fatal("warcio is required: ONRECORD_WARCIO does not name it")
		}
		t.Skip("ONRECORD_WARCIO does not name warcio")
	}
	file, written := write(t, exchange(nil), exchange(func(x *onrecord.Exchange) { x.Payload = bytes.Repeat([]byte("The secret. "), 20000) }))
	path := filepath.Join(t.TempDir(), "visit.warc.gz")
	if err := os.WriteFile(path, redactAll(t, file, written), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "check", "-v", path).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("fail")) {
		t.Errorf("warcio check: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), program, "index", "-f", "offset,warc-type,warc-target-uri", path).CombinedOutput()
	if err != nil || strings.Count(string(out), "urn:onrecord:redacted") != 2 {
		t.Errorf("warcio index: %v\n%s", err, out)
	}
}
