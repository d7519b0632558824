// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"errors"
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
	f.Fuzz(func(t *testing.T, b []byte) {
		o := warc.ReaderOptions{MaxBlock: 1 << 16}
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
