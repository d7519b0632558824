// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"onrecord"
	"onrecord/archive/warc"
)

var day = time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// seeded is randomness that is the same in every run.
func seeded() io.Reader { return rand.NewChaCha8([32]byte{1}) }

func options() warc.WriterOptions {
	return warc.WriterOptions{
		Software: "onrecord/test", Operator: "Example e.V. <desk@archive.example>",
		Visit: "01kaexample", Robots: "obey", Date: day, Rand: seeded(),
	}
}

// exchange is an ordinary answer; cases vary it.
func exchange(edit func(*onrecord.Exchange)) onrecord.Exchange {
	x := onrecord.Exchange{
		URL: "https://jane.example/feed.xml", At: day, Done: day.Add(75 * time.Millisecond),
		Method: "GET", Status: 200, IP: "192.0.2.7",
		Request:  []byte("GET /feed.xml HTTP/1.1\r\nHost: jane.example\r\nUser-Agent: onrecord/test\r\n\r\n"),
		Response: []byte("HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n"),
		Payload:  []byte("<rss><channel><title>Jane Example</title></channel></rss>\n"),
	}
	if edit != nil {
		edit(&x)
	}
	return x
}

var exchanges = map[string]onrecord.Exchange{
	"plain": exchange(nil),
	"note":  exchange(func(x *onrecord.Exchange) { x.Note = []byte(`{"kind":"page","state":"a"}`) }),
	"chunked": exchange(func(x *onrecord.Exchange) {
		x.Response = []byte("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nVary: Accept\r\nTransfer-Encoding: gzip\r\n\r\n")
	}),
	"chunked and hidden by the server": exchange(func(x *onrecord.Exchange) {
		x.Response = []byte("HTTP/1.1 200 OK\r\nX-Archive-Orig-Transfer-Encoding: chunked\r\n\r\n")
	}),
	"payload that looks chunked": exchange(func(x *onrecord.Exchange) {
		x.Response = []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		x.Payload = []byte("5\r\nhello\r\n0\r\n\r\n")
	}),
	"bare line feeds": exchange(func(x *onrecord.Exchange) { x.Response = []byte("HTTP/1.0 200 OK\nServer: old\n\n") }),
	"no payload":      exchange(func(x *onrecord.Exchange) { x.Payload = nil }),
	"no request": exchange(func(x *onrecord.Exchange) {
		x.Request, x.Method = nil, ""
	}),
	"cut": exchange(func(x *onrecord.Exchange) {
		x.Truncated, x.Failure = "disconnect", "read: connection reset"
		x.Prior = nil
	}),
	"binary":        exchange(func(x *onrecord.Exchange) { x.Payload = []byte("\x1f\x8b\x08\x00WARC/1.1\r\n\r\n\x00\xff") }),
	"status only":   exchange(func(x *onrecord.Exchange) { x.Status, x.Response = 404, []byte("HTTP/1.1 404\r\n\r\n") }),
	"IPv6":          exchange(func(x *onrecord.Exchange) { x.IP = "2001:db8::1" }),
	"raw query":     exchange(func(x *onrecord.Exchange) { x.URL = "https://jane.example/?q=<a b>" }),
	"international": exchange(func(x *onrecord.Exchange) { x.URL = "https://jane.example/žena" }),
	"unreachable": exchange(func(x *onrecord.Exchange) {
		x.Status, x.Response, x.Payload, x.IP = 0, nil, nil, ""
		x.Failure = "dns: lookup jane.example: no such host"
		x.Note = []byte(`{"kind":"page"}`)
	}),
	"file": {URL: "file:///import/tweets.json", At: day, Payload: []byte(`[{"id":1}]`)},
}

func TestRoundTrip(t *testing.T) {
	for name, x := range exchanges {
		t.Run(name, func(t *testing.T) {
			file, written := write(t, x)
			got := captures(t, file)
			if len(got) != 1 {
				t.Fatalf("got %d captures, want 1", len(got))
			}
			if diff := cmp.Diff(x, got[0].Exchange, emptyIsNil); diff != "" {
				t.Errorf("exchange (-written +read):\n%s", diff)
			}
			c := got[0]
			if c.Offset != written[0].Offset || c.Length != written[0].Length || c.ID != written[0].ID || c.Profile != "" {
				t.Errorf("read at %d+%d, id %s; written %+v", c.Offset, c.Length, c.ID, written[0])
			}
		})
	}
}

// TestMany writes all in one file and points at each.
func TestMany(t *testing.T) {
	var all []onrecord.Exchange
	for _, name := range slices.Sorted(maps.Keys(exchanges)) {
		all = append(all, exchanges[name])
	}
	file, written := write(t, all...)
	got := captures(t, file)
	if len(got) != len(all) {
		t.Fatalf("got %d captures, want %d", len(got), len(all))
	}
	end := int64(0)
	for i, w := range written {
		if diff := cmp.Diff(all[i], got[i].Exchange, emptyIsNil); diff != "" {
			t.Errorf("exchange %d:\n%s", i, diff)
		}
		if w.Begin != end {
			t.Errorf("exchange %d begins at %d, want %d", i, w.Begin, end)
		}
		end = w.End
		ref := w.Ref("captures/x", all[i])
		rec, err := warc.ReadAt(bytes.NewReader(file), ref, warc.ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if rec.ID() != w.ID || rec.URL() != all[i].URL || !rec.Date().Equal(all[i].At) {
			t.Errorf("ref %d leads to %s of %s at %v", i, rec.ID(), rec.URL(), rec.Date())
		}
	}
	if end != int64(len(file)) {
		t.Errorf("last exchange ends at %d, file at %d", end, len(file))
	}
}

func TestEveryRecordVerifies(t *testing.T) {
	file, _ := write(t, exchange(nil), exchanges["note"], exchanges["unreachable"], exchanges["payload that looks chunked"], exchanges["file"])
	types := map[string]int{}
	for rec, err := range warc.Records(bytes.NewReader(file), warc.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		types[rec.Type()]++
		want := 1
		if kind := rec.Type(); kind == "response" || kind == "resource" {
			want = 2
		}
		if n, err := rec.Verify(); err != nil || n != want {
			t.Errorf("%s: verified %d digests, want %d: %v", rec.Type(), n, want, err)
		}
		rec.Block = append(rec.Block, 'x')
		if _, err := rec.Verify(); !errors.Is(err, warc.ErrDigest) {
			t.Errorf("%s: a changed block verifies: %v", rec.Type(), err)
		}
	}
	want := map[string]int{"warcinfo": 1, "response": 3, "request": 4, "metadata": 3, "resource": 1}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Error(diff)
	}
}

func TestRevisit(t *testing.T) {
	payload := exchange(nil).Payload
	prior := &onrecord.Prior{URL: "https://jane.example/feed.xml", At: day.Add(-time.Hour), Digest: sum(payload)}
	tests := map[string]struct {
		edit    func(*onrecord.Exchange)
		profile string
		payload bool // kept in the file
	}{
		"same payload":  {func(x *onrecord.Exchange) {}, warc.ProfileIdentical, false},
		"other payload": {func(x *onrecord.Exchange) { x.Payload = []byte("other") }, "", true},
		"cut payload":   {func(x *onrecord.Exchange) { x.Truncated = "length" }, "", true},
		"not modified": {func(x *onrecord.Exchange) {
			x.Status, x.Response, x.Payload = 304, []byte("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"), nil
		}, warc.ProfileNotModified, false},
		"no payload": {func(x *onrecord.Exchange) { x.Payload, x.Prior.Digest = nil, sum(nil) }, "", true},
		"no prior":   {func(x *onrecord.Exchange) { x.Prior = nil }, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := *prior
			x := exchange(func(x *onrecord.Exchange) { x.Prior = &p; tt.edit(x) })
			file, written := write(t, x)
			got := captures(t, file)[0]
			if got.Profile != tt.profile || written[0].Revisit != (tt.profile != "") {
				t.Errorf("profile %q, revisit %v; want %q", got.Profile, written[0].Revisit, tt.profile)
			}
			if kept := bytes.Equal(got.Exchange.Payload, x.Payload); kept != (tt.payload || len(x.Payload) == 0) {
				t.Errorf("payload kept: %v", kept)
			}
			if tt.profile == "" {
				return
			}
			want := *prior
			if tt.profile == warc.ProfileNotModified {
				want.Digest = ""
			}
			if diff := cmp.Diff(&want, got.Exchange.Prior); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	tests := map[string]func(*onrecord.Exchange){
		"URL with a line break":      func(x *onrecord.Exchange) { x.URL = "https://jane.example/\r\nWARC-Type: warcinfo" },
		"URL with space around":      func(x *onrecord.Exchange) { x.URL = "https://jane.example/ " },
		"URL in brackets":            func(x *onrecord.Exchange) { x.URL = "<https://jane.example/>" },
		"no URL":                     func(x *onrecord.Exchange) { x.URL = "" },
		"no time":                    func(x *onrecord.Exchange) { x.At = time.Time{} },
		"head without an end":        func(x *onrecord.Exchange) { x.Response = []byte("HTTP/1.1 200 OK\r\n") },
		"head with a body":           func(x *onrecord.Exchange) { x.Response = append(x.Response, "text\r\n\r\n"...) },
		"truncated by a made-up way": func(x *onrecord.Exchange) { x.Truncated = "a\r\nb" },
		"address with a zone break":  func(x *onrecord.Exchange) { x.IP = "::1\r\n" },
		"neither answer nor failure": func(x *onrecord.Exchange) { x.Response, x.Payload = nil, nil },
		"failure with a payload":     func(x *onrecord.Exchange) { x.Response, x.Failure = nil, "dns" },
		"prior URL with a break":     func(x *onrecord.Exchange) { x.Prior = &onrecord.Prior{URL: "a\nb"} },
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := warc.NewWriter(&out, options())
			if _, err := w.Write(exchange(edit)); !errors.Is(err, warc.ErrExchange) {
				t.Errorf("err = %v, want ErrExchange", err)
			}
			if out.Len() > 0 {
				t.Errorf("%d bytes written", out.Len())
			}
			if _, err := w.Write(exchange(nil)); err != nil {
				t.Errorf("the next exchange: %v", err)
			}
		})
	}
}

// TestRefTime holds that a reference bears the time that the record bears.
func TestRefTime(t *testing.T) {
	x := exchange(func(x *onrecord.Exchange) { x.At = day.Add(789).In(time.FixedZone("", 3600)) })
	file, written := write(t, x)
	ref := written[0].Ref("captures/x", x)
	if got := captures(t, file)[0].Exchange.At; ref.At != got || !got.Equal(day) {
		t.Errorf("reference at %v, record at %v, want %v", ref.At, got, day)
	}
}

// failing fails its nth write.
type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriterStaysDead(t *testing.T) {
	f := &failing{n: 1}
	w := warc.NewWriter(f, options())
	if _, err := w.Write(exchange(nil)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.Write(exchange(nil)); !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("err = %v", err)
		}
		f.n = 10
	}
}

// TestResume appends to what is there, without a second warcinfo.
func TestResume(t *testing.T) {
	file, written := write(t, exchange(nil))
	o := options()
	o.Offset = int64(len(file))
	var rest bytes.Buffer
	second, err := warc.NewWriter(&rest, o).Write(exchange(nil))
	if err != nil {
		t.Fatal(err)
	}
	if second.Begin != written[0].End || second.Offset != second.Begin {
		t.Errorf("second exchange at %+v, first %+v", second, written[0])
	}
	if got := captures(t, append(file, rest.Bytes()...)); len(got) != 2 || got[1].Offset != second.Offset {
		t.Errorf("got %d captures", len(got))
	}
}

// TestText holds the form of the records, as text.
func TestText(t *testing.T) {
	file, _ := write(t, exchanges["note"])
	zr, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "note.warc", text)
}

func write(t testing.TB, xs ...onrecord.Exchange) ([]byte, []warc.Written) {
	t.Helper()
	var out bytes.Buffer
	var written []warc.Written
	w := warc.NewWriter(&out, options())
	for _, x := range xs {
		res, err := w.Write(x)
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, res)
	}
	return out.Bytes(), written
}

func captures(t testing.TB, file []byte) []warc.Capture {
	t.Helper()
	var out []warc.Capture
	for c, err := range warc.Captures(bytes.NewReader(file), warc.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// emptyIsNil compares byte slices by what is in them.
var emptyIsNil = cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) })

func TestErrorText(t *testing.T) {
	var got []string
	for _, err := range warc.Records(strings.NewReader("WARC/1.1\r\nContent-Length: 9\r\n\r\nabc"), warc.ReaderOptions{}) {
		got = append(got, err.Error())
	}
	want := []string{"warc: offset 0: truncated record: 3 of 9 bytes of the block"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
