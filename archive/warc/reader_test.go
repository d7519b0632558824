// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"onrecord/archive/warc"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// read tells what a reader makes of b: a word a record or error.
func read(r io.Reader, o warc.ReaderOptions) string {
	kinds := map[error]string{
		warc.ErrMalformed: "malformed", warc.ErrTruncated: "truncated", warc.ErrGzip: "gzip",
		warc.ErrTooLarge: "large", warc.ErrDigest: "digest",
	}
	var out []string
	for rec, err := range warc.Records(r, o) {
		if err == nil {
			out = append(out, fmt.Sprintf("%s:%d", cmp.Or(rec.Type(), "record"), len(rec.Block)))
			continue
		}
		word := "other"
		for kind, name := range kinds {
			if errors.Is(err, kind) {
				word = name
			}
		}
		if e, ok := errors.AsType[*warc.Error](err); ok {
			word = fmt.Sprintf("%s@%d", word, e.Offset)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func zipped(members ...string) string {
	var out bytes.Buffer
	for _, m := range members {
		zw := gzip.NewWriter(&out)
		_, _ = io.WriteString(zw, m)
		_ = zw.Close()
	}
	return out.String()
}

// damaged flips bits of the byte at i, from the end if negative.
func damaged(s string, i int) string {
	b := []byte(s)
	b[(i+len(b))%len(b)] ^= 0x55
	return string(b)
}

func TestRecords(t *testing.T) {
	const (
		a    = "WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n"
		b    = "WARC/1.0\r\nwarc-type:metadata\r\ncontent-length:2\r\n\r\nhi\r\n\r\n"
		lf   = "WARC/0.18\nWARC-Type: dns\nX: a\n  b\nContent-Length: 1\n\nz\n\n"
		bad  = "WARC/1.0\r\nno colon\r\nContent-Length: 1\r\n\r\nz\r\n\r\n"
		none = "WARC/1.0\r\nWARC-Type: resource\r\n\r\nz\r\n\r\n"
		long = "WARC/1.0\r\nWARC-Type: long\r\nContent-Length: 20\r\n\r\n01234567890123456789\r\n\r\n"
	)
	tests := map[string]struct{ in, want string }{
		"empty":                {"", ""},
		"only line breaks":     {"\r\n\r\n\n", ""},
		"plain":                {a + b + lf, "resource:3 metadata:2 dns:1"},
		"no line breaks after": {strings.TrimSpace(a), "resource:3"},
		"by record":            {zipped(a, b, lf), "resource:3 metadata:2 dns:1"},
		"as a whole":           {zipped(a + b + lf), "resource:3 metadata:2 dns:1"},
		"mixed":                {zipped(a) + b + zipped(lf), "resource:3 metadata:2 dns:1"},
		"empty members":        {zipped("", a, ""), "resource:3"},
		"rubbish":              {"hello", "malformed@0"},
		"ARC":                  {"filedesc://x.arc 0.0.0.0 20261122 text/plain 3\nabc\n", "malformed@0"},
		"rubbish first":        {"hello\n" + a, "malformed@0 resource:3"},
		"rubbish between":      {a + "oops\r\n" + b, fmt.Sprintf("resource:3 malformed@%d metadata:2", len(a))},
		"length too small":     {strings.Replace(a, ": 3", ": 1", 1) + b, fmt.Sprintf("resource:1 malformed@%d metadata:2", len(a)-6)},
		"no colon":             {bad + a, "malformed@0 resource:3"},
		"no colon, zipped":     {zipped(bad, a), "malformed@0 resource:3"},
		"no length":            {none + a, "malformed@0 resource:3"},
		"negative length":      {strings.Replace(a, ": 3", ": -3", 1), "malformed@0"},
		"length beyond int64":  {strings.Replace(a, ": 3", ": 99999999999999999999", 1), "malformed@0"},
		"cut in the header":    {a[:20], "truncated@0"},
		"cut in the block":     {a[:len(a)-5], "truncated@0"},
		"block above limit":    {long + a, "large@0 resource:3"},
		"the same, zipped":     {zipped(long, a), "large@0 resource:3"},
		"huge claim":           {strings.Replace(a, ": 3", ": 9000000000000", 1), "truncated@0"},
		"header above limit":   {"WARC/1.0\r\nX: " + strings.Repeat("x", 70<<10) + "\r\n" + a, "large@0 resource:3"},
		"many header lines":    {"WARC/1.0\r\n" + strings.Repeat("X: y\r\n", 20<<10) + "\r\n" + a, "large@0 resource:3"},
		"not deflate":          {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff" + zipped(a), "gzip@0 resource:3"},
		"gzip header cut":      {"\x1f\x8b", "truncated@0"},
		"one byte of gzip":     {"\x1f", "truncated@0"},
		"CRC of gzip":          {damaged(zipped(a), -8) + zipped(b), "gzip@0 metadata:2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := warc.ReaderOptions{MaxBlock: 10}
			if got := read(strings.NewReader(tt.in), o); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if got := read(iotest.OneByteReader(strings.NewReader(tt.in)), o); got != tt.want {
				t.Errorf("byte by byte: %s", got)
			}
		})
	}
}

// TestCutAnywhere cuts a file after each byte: what is whole before the cut is
// read, the rest is one truncated record.
func TestCutAnywhere(t *testing.T) {
	file, written := write(t, exchange(nil), exchanges["note"])
	ends := memberEnds(t, file)
	if ends[len(ends)-1] != written[1].End {
		t.Fatalf("members end at %v, writer at %d", ends, written[1].End)
	}
	for n := range file {
		var records, faults int
		for _, err := range warc.Records(bytes.NewReader(file[:n]), warc.ReaderOptions{}) {
			switch {
			case err == nil:
				records++
			case errors.Is(err, warc.ErrTruncated):
				faults++
			default:
				t.Fatalf("cut at %d: %v", n, err)
			}
		}
		whole, partial := 0, 1
		for _, end := range ends {
			if int64(n) >= end {
				whole++
			}
			if int64(n) == end || n == 0 {
				partial = 0
			}
		}
		if records != whole || faults != partial {
			t.Fatalf("cut at %d of %d: %d records and %d faults, want %d and %d", n, len(file), records, faults, whole, partial)
		}
	}
}

func memberEnds(t *testing.T, file []byte) []int64 {
	t.Helper()
	var ends []int64
	for rec, err := range warc.Records(bytes.NewReader(file), warc.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, rec.Offset+rec.Length)
	}
	return ends
}

// TestFlipAnywhere damages each byte in turn: the damaged member is never read
// as if it were whole, unless the byte carries nothing.
func TestFlipAnywhere(t *testing.T) {
	file, written := write(t, exchange(nil), exchanges["note"])
	ref := written[1].Ref("captures/x", exchange(nil))
	good := read(bytes.NewReader(file), warc.ReaderOptions{})
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x55
		got := read(bytes.NewReader(bad), warc.ReaderOptions{})
		// The gzip header's time, flags and system are not covered by its CRC.
		if got == good && !inGzipHeader(t, file, int64(i)) {
			t.Errorf("flip at %d goes unnoticed: %s", i, got)
		}
		_, err := warc.ReadAt(bytes.NewReader(bad), ref, warc.ReaderOptions{})
		inside := int64(i) >= ref.Offset && int64(i) < ref.Offset+ref.Length
		if inside != errors.Is(err, warc.ErrDigest) {
			t.Errorf("flip at %d, inside the reference %v: %v", i, inside, err)
		}
	}
}

func inGzipHeader(t *testing.T, file []byte, i int64) bool {
	begin := int64(0)
	for _, end := range memberEnds(t, file) {
		if i >= begin && i < begin+10 {
			return true
		}
		begin = end
	}
	return false
}

func TestReadAt(t *testing.T) {
	file, written := write(t, exchange(nil), exchanges["note"])
	good := written[0].Ref("captures/x", exchange(nil))
	tests := map[string]struct {
		ref  func() (off, length int64, digest string)
		want error
	}{
		"good":              {func() (int64, int64, string) { return good.Offset, good.Length, good.SHA256 }, nil},
		"another digest":    {func() (int64, int64, string) { return good.Offset, good.Length, sum(nil) }, warc.ErrDigest},
		"beyond the end":    {func() (int64, int64, string) { return int64(len(file)) - 3, 10, good.SHA256 }, warc.ErrTruncated},
		"nothing":           {func() (int64, int64, string) { return good.Offset, 0, sum(nil) }, warc.ErrMalformed},
		"less than one":     {part(file, good.Offset, good.Length-9), warc.ErrTruncated},
		"more than one":     {part(file, good.Offset, int64(len(file))-good.Offset), warc.ErrMalformed},
		"not a record":      {part(file, good.Offset+1, good.Length-1), warc.ErrMalformed},
		"block above limit": {func() (int64, int64, string) { return good.Offset, good.Length, good.SHA256 }, warc.ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ref := good
			ref.Offset, ref.Length, ref.SHA256 = tt.ref()
			o := warc.ReaderOptions{}
			if tt.want == warc.ErrTooLarge {
				o.MaxBlock = 10
			}
			rec, err := warc.ReadAt(bytes.NewReader(file), ref, o)
			if !errors.Is(err, tt.want) || (err == nil) != (rec != nil) {
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			if e, ok := errors.AsType[*warc.Error](err); ok && e.Offset < ref.Offset {
				t.Errorf("offset %d of the error is before the reference", e.Offset)
			}
		})
	}
}

func part(file []byte, off, n int64) func() (int64, int64, string) {
	return func() (int64, int64, string) { return off, n, sum(file[off : off+n]) }
}

func TestReaderFault(t *testing.T) {
	file, _ := write(t, exchange(nil), exchange(nil))
	broken := errors.New("disk on fire")
	for n := range int64(len(file)) {
		var last error
		r := io.MultiReader(io.LimitReader(bytes.NewReader(file), n), iotest.ErrReader(broken))
		for _, err := range warc.Records(r, warc.ReaderOptions{}) {
			if last != nil {
				t.Fatalf("goes on behind %v", last)
			}
			last = err
		}
		if !errors.Is(last, broken) {
			t.Fatalf("after %d bytes: %v", n, last)
		}
	}
}

// TestStop leaves the sequence after each record and error.
func TestStop(t *testing.T) {
	in := "x\n" + "WARC/1.0\r\nContent-Length: 0\r\n\r\n\r\n\r\n" + zipped("WARC/1.0\r\nContent-Length: 0\r\n\r\n", "bad", "") + "y"
	for stop := range 6 {
		n := 0
		for range warc.Records(strings.NewReader(in), warc.ReaderOptions{}) {
			if n++; n > stop {
				break
			}
		}
		for range warc.Captures(strings.NewReader(in), warc.ReaderOptions{}) {
			break
		}
	}
}

func TestParseHTTP(t *testing.T) {
	tests := map[string]struct {
		in      string
		status  int
		method  string
		payload string
	}{
		"response":            {"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", 200, "", "body"},
		"no text":             {"HTTP/1.1 204\r\n\r\n", 204, "", ""},
		"HTTP/2":              {"HTTP/2 404 \r\n\r\nx", 404, "", "x"},
		"request":             {"POST /a HTTP/1.1\r\nHost: a\r\n\r\nq=1", 0, "POST", "q=1"},
		"no empty line":       {"HTTP/1.1 200 OK\r\nA: b\r\n", 200, "", ""},
		"absurd status":       {"HTTP/1.1 99999 OK\r\n\r\nx", 0, "", "x"},
		"chunked":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n", 200, "", "abcde"},
		"chunked, cut":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nab", 200, "", "ab"},
		"chunked, it says":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n<html>", 200, "", "<html>"},
		"chunk of 16 EiB":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab", 200, "", "ffffffffffffffff\r\nab"},
		"folded and nameless": {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nrubbish\r\n: d\r\n\r\nx", 200, "", "x"},
		"nothing":             {"", 0, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := warc.ParseHTTP([]byte(tt.in))
			if m.Status != tt.status || m.Method != tt.method || string(m.Payload()) != tt.payload {
				t.Errorf("got %d %q %q", m.Status, m.Method, m.Payload())
			}
			if string(m.Head)+string(m.Body) != tt.in {
				t.Errorf("head and body are not the block: %q %q", m.Head, m.Body)
			}
		})
	}
	m := warc.ParseHTTP([]byte("HTTP/1.1 200 OK\r\na: b\r\n c\r\nA: d\r\n\r\n"))
	if diff := gocmp.Diff([]string{"b c", "d"}, m.Header["A"]); diff != "" {
		t.Error(diff)
	}
}
