// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive/warc"
)

// FuzzRecords reads anything: no panic, no endless loop, only typed errors,
// and each record that can be pointed at reads the same through its reference.
func FuzzRecords(f *testing.F) {
	file, _ := write(f, exchange(nil), exchanges["note"], exchanges["unreachable"])
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add([]byte("WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 3\r\n\r\nabc\r\n\r\nWARC/1.0\r\n"))
	f.Add([]byte(zipped("WARC/1.0\r\nContent-Length: 1\r\n\r\na", "x") + "\x1f\x8b\x08"))
	for _, seed := range nasty() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o := warc.ReaderOptions{MaxBlock: 1 << 16}
		skim(t, b)
		for rec, err := range warc.Records(bytes.NewReader(b), o) {
			if err != nil {
				if _, ok := errors.AsType[*warc.Error](err); !ok || rec != nil {
					t.Fatalf("record %v with untyped error %v", rec, err)
				}
				continue
			}
			_, _ = rec.Verify()
			_ = warc.ParseHTTP(rec.Block).Payload()
			if rec.Length == 0 {
				continue
			}
			ref := onrecord.CaptureRef{Offset: rec.Offset, Length: rec.Length, SHA256: sum(b[rec.Offset : rec.Offset+rec.Length])}
			again, err := warc.ReadAt(bytes.NewReader(b), ref, o)
			if err != nil {
				t.Fatalf("record at %d+%d does not read by its reference: %v", rec.Offset, rec.Length, err)
			}
			if diff := cmp.Diff(rec, again); diff != "" {
				t.Fatal(diff)
			}
		}
		for range warc.Captures(bytes.NewReader(b), o) {
			continue
		}
	})
}

// nasty are inputs of the kinds that readers of WARC have stumbled over.
func nasty() [][]byte {
	record := func(head, block string) string {
		return "WARC/1.1\r\n" + head + "\r\n\r\n" + block + "\r\n\r\n"
	}
	const http = "Content-Type: application/http;msgtype=response\r\n"
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	var list [][]byte
	for _, s := range []string{
		// Lengths that lie.
		record("Content-Length: 9223372036854775807", "x"), record("Content-Length: 18446744073709551616", "x"),
		record("Content-Length: -1", "x"), record("Content-Length: 0x10", "x"), record("Content-Length: 1\r\nContent-Length: 2", "xy"),
		record("WARC-Type: response", "x"), record("Content-Length: 3\r\n Content-Length: 1", "xyz"),
		zipped(record("Content-Length: 65537", strings.Repeat("x", 65537))), zipped(record("Content-Length: 99999999", "short")),
		// Headers that are none.
		"WARC/", "WARC/\r\n\r\n", "WARC/1.1\r\n: x\r\n\r\n", "WARC/1.1\r\nno colon\r\n\r\n", "WARC/1.1\n\n", "warc/1.1\r\nContent-Length: 0\r\n\r\n",
		"WARC/1.1\r\nA: " + strings.Repeat("a", 70000), "WARC/1.1\r\n" + strings.Repeat("A: b\r\n", 12000), "WARC/1.1\r\n\x00: \xff\r\nContent-Length: 0\r\n\r\n",
		// Members that are none, are empty, hold several records or half of one.
		"\x1f\x8b", "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\xff\xff", zipped(""), zipped("", "", record("Content-Length: 0", "")),
		zipped(record("Content-Length: 1", "a") + record("Content-Length: 1", "b")), zipped("WARC/1.1\r\nContent-", "Length: 1\r\n\r\na"),
		damaged(zipped(record("Content-Length: 5", "hello")), -5), damaged(zipped(record("Content-Length: 5", "hello")), 12),
		zipped(record("Content-Length: 1", "a")) + record("Content-Length: 1", "b") + zipped(record("Content-Length: 1", "c")),
		// Chunks that lie.
		record(http+"Content-Length: 66", chunked+"5\r\nhello\r\n0\r\n\r\n"), record(http+"Content-Length: 63", chunked+"ffffffff\r\nhello"),
		record(http+"Content-Length: 62", chunked+"-5;x=y\r\nhello"), record(http+"Content-Length: 70", chunked+strings.Repeat("0", 18)+"\n"),
		// Revisits without what they refer to, and groups that refer to themselves.
		record("WARC-Type: revisit\r\nWARC-Record-ID: <urn:a>\r\nWARC-Concurrent-To: <urn:a>\r\nContent-Length: 0", ""),
		record("WARC-Type: revisit\r\nWARC-Profile: http://x\r\nWARC-Refers-To-Date: yesterday\r\n"+http+"Content-Length: 19", "HTTP/1.1 304 Not\r\n\r\n"),
		record("WARC-Type: revisit\r\nWARC-Payload-Digest: sha256:zz\r\nWARC-Block-Digest: sha1:\r\nContent-Length: 1", "x"),
		strings.Repeat(record("WARC-Type: request\r\nWARC-Record-ID: <urn:a>\r\nWARC-Concurrent-To: <urn:a>\r\nContent-Length: 0", ""), 40),
	} {
		list = append(list, []byte(s))
	}
	return list
}

// skim reads b with small memory for blocks: the same records are found, and
// what was read through has the length that it claims.
func skim(t *testing.T, b []byte) {
	t.Helper()
	for rec, err := range warc.Records(bytes.NewReader(b), warc.ReaderOptions{MaxBlock: 16, Skim: true}) {
		if err != nil {
			if _, ok := errors.AsType[*warc.Error](err); !ok {
				t.Fatalf("untyped error %v", err)
			}
			continue
		}
		if len(rec.Block) > 16 || rec.Skimmed > 0 && (rec.Block != nil || int64(len(rec.SkimmedHead)) != min(rec.Skimmed, 64<<10)) {
			t.Fatalf("%d bytes in memory, %d at the beginning of %d skimmed", len(rec.Block), len(rec.SkimmedHead), rec.Skimmed)
		}
		_, _ = rec.Verify()
	}
}

// FuzzExchange writes any exchange: it is refused, or comes back to the byte.
func FuzzExchange(f *testing.F) {
	for _, x := range exchanges {
		f.Add(x.URL, x.Status, x.Request, x.Response, x.Payload, x.Failure, x.Note)
	}
	f.Fuzz(func(t *testing.T, url string, status int, request, response, payload []byte, failure string, note []byte) {
		x := onrecord.Exchange{
			URL: url, At: day, Status: status, Request: request, Response: response,
			Payload: payload, Failure: failure, Note: note,
		}
		var out bytes.Buffer
		if _, err := warc.NewWriter(&out, options()).Write(x); err != nil {
			if !errors.Is(err, warc.ErrExchange) || out.Len() > 0 {
				t.Fatalf("%d bytes, %v", out.Len(), err)
			}
			return
		}
		got := captures(t, out.Bytes())
		if len(got) != 1 {
			t.Fatalf("%d captures", len(got))
		}
		y := got[0].Exchange
		if y.URL != url || !bytes.Equal(y.Request, request) || !bytes.Equal(y.Response, response) ||
			!bytes.Equal(y.Payload, payload) || !bytes.Equal(y.Note, note) {
			t.Fatalf("-written +read:\n%s", cmp.Diff(x, y))
		}
	})
}
