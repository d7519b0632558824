// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive/warc"
)

func mediaFile(b []byte) onrecord.File {
	return onrecord.File{Size: int64(len(b)), SHA256: sha256.Sum256(b), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

func mediaExchange(url string) onrecord.Exchange {
	at := time.Date(2026, 8, 6, 10, 0, 0, 0, time.UTC)
	return onrecord.Exchange{URL: url, At: at, Done: at.Add(time.Second), Method: "GET", Status: 200, IP: "192.0.2.7",
		Request:  []byte("GET /1.jpg HTTP/1.1\r\nHost: cdn.example\r\n\r\n"),
		Response: []byte("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"), Note: []byte(`{"v":1}`)}
}

// TestMediaRecords: a payload is a byte range of the file, what was seen before
// is referred to, and a file without a head is a resource; all of it reads back.
func TestMediaRecords(t *testing.T) {
	var out bytes.Buffer
	w := warc.NewWriter(&out, warc.WriterOptions{Software: "onrecord/test", Date: time.Now(), Plain: true})
	one, two := []byte(strings.Repeat("picture ", 1000)), []byte("PDF of a mail")
	digest := sha256.Sum256(one)
	again := mediaExchange("https://cdn.example/again.jpg")
	again.Prior = &onrecord.Prior{URL: "https://cdn.example/1.jpg", At: again.At.Add(-time.Hour), Digest: hex.EncodeToString(digest[:])}
	none := onrecord.Exchange{URL: "mid:1@jane.example/report.pdf", At: again.At, Type: "application/pdf"}
	tests := []struct {
		x    onrecord.Exchange
		b    []byte
		kind string
	}{{mediaExchange("https://cdn.example/1.jpg"), one, "response"}, {again, one, "revisit"}, {none, two, "resource"}}
	for _, test := range tests {
		res, p, err := w.WriteMedia(test.x, mediaFile(test.b))
		if err != nil {
			t.Fatal(err)
		}
		file := out.Bytes()
		if res.End != int64(len(file)) {
			t.Fatalf("%s ends at %d of %d", test.kind, res.End, len(file))
		}
		if test.kind == "revisit" != res.Revisit || res.Revisit != (p.Offset < 0) {
			t.Errorf("%s: revisit %v at %d", test.kind, res.Revisit, p.Offset)
		}
		if !res.Revisit && !bytes.Equal(file[p.Offset:p.Offset+p.Size], test.b) {
			t.Errorf("%s: other bytes at the payload's offset", test.kind)
		}
		rec, err := warc.ReadAt(bytes.NewReader(file), res.Ref("media/x.warc", test.x), warc.ReaderOptions{})
		if err != nil || rec.Type() != test.kind || rec.URL() != test.x.URL {
			t.Fatalf("%s: record %v, %v", test.kind, rec, err)
		}
		if _, err := rec.Verify(); err != nil {
			t.Errorf("%s: %v", test.kind, err)
		}
	}
	n := 0
	for c, err := range warc.Captures(bytes.NewReader(out.Bytes()), warc.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n < 2 && string(c.Exchange.Note) != `{"v":1}` {
			t.Errorf("note %q", c.Exchange.Note)
		}
		n++
	}
	if n != len(tests) {
		t.Errorf("%d captures", n)
	}
}

// TestMediaRefused: what is not whole, or not what it was, is not written.
func TestMediaRefused(t *testing.T) {
	good := mediaFile([]byte("x"))
	cut := mediaExchange("https://cdn.example/1.jpg")
	cut.Truncated = "length"
	failed := onrecord.Exchange{URL: "https://cdn.example/1.jpg", At: cut.At, Failure: "dns: none"}
	for _, x := range []onrecord.Exchange{cut, failed} {
		w := warc.NewWriter(io.Discard, warc.WriterOptions{Plain: true})
		if _, _, err := w.WriteMedia(x, good); !errors.Is(err, warc.ErrExchange) {
			t.Errorf("%+v: %v", x, err)
		}
	}
	for _, n := range []int64{0, 2} {
		other := good
		other.Size = n
		w := warc.NewWriter(io.Discard, warc.WriterOptions{Plain: true})
		if _, _, err := w.WriteMedia(mediaExchange("https://cdn.example/1.jpg"), other); !errors.Is(err, warc.ErrExchange) {
			t.Errorf("a file of %d bytes: %v", n, err)
		}
	}
	if _, _, err := warc.NewWriter(io.Discard, warc.WriterOptions{}).WriteMedia(mediaExchange("https://cdn.example/1.jpg"), good); err == nil {
		t.Error("media in a compressed file")
	}
}
