// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"onrecord/archive/warc"
)

// bomb is a gzip member that inflates to head and n bytes more.
func bomb(t *testing.T, head string, n int64) []byte {
	t.Helper()
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	if _, err := io.WriteString(zw, head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(zw, zeros{}, n); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestMemory reads what asks for much: it is refused in words, and memory stays
// small.
func TestMemory(t *testing.T) {
	const large = 96 << 20
	head := "WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: "
	for name, c := range map[string]struct {
		file []byte
		want error // nil: read without error
	}{
		"a block as long as a number can be":    {[]byte(head + "9223372036854775807\r\n\r\nx"), warc.ErrTruncated},
		"a length above any number":             {[]byte(head + "99999999999999999999\r\n\r\nx"), warc.ErrMalformed},
		"a bomb in a header":                    {bomb(t, "WARC/1.1\r\nA: ", large), warc.ErrTooLarge},
		"a bomb in a block":                     {bomb(t, head+"100663296\r\n\r\n", large), warc.ErrTooLarge},
		"a bomb behind a record":                {bomb(t, head+"0\r\n\r\n\r\n\r\n", large), warc.ErrTooLarge},
		"a block that is short of what it says": {bomb(t, head+"100663296\r\n\r\n", 1<<20), warc.ErrTruncated},
		"line breaks without end":               {[]byte(strings.Repeat("\r\n", 8<<20)), nil},
		"magic bytes without end":               {[]byte(strings.Repeat("\x1f\x8b\x08", 1<<18)), warc.ErrGzip},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var got error
			for _, err := range warc.Captures(bytes.NewReader(c.file), warc.ReaderOptions{MaxBlock: 1 << 20}) {
				if e, ok := errors.AsType[*warc.Error](err); ok && got == nil {
					got = e
				} else if err != nil && !ok {
					t.Fatalf("untyped error %v", err)
				}
				runtime.ReadMemStats(&after)
				if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
					t.Fatalf("%d bytes in use", grown)
				}
				if len(c.file) > 1<<19 && got != nil {
					break // one error for each beginning: the first will do
				}
			}
			if !errors.Is(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestFolded reads fields of very many lines, and heads without end: each byte is
// moved a few times, and not once for each line.
func TestFolded(t *testing.T) {
	folds := strings.Repeat("\n b", 20<<10)
	large := strings.Repeat(folds, 16)
	record := "WARC/1.1\r\nWARC-Target-URI: a" + folds + "\r\nWARC-Type: x\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
	var block bytes.Buffer
	block.WriteString("failure: refused\r\n")
	for i := range 1 << 18 {
		block.WriteString(strconv.Itoa(i) + ":\n")
	}
	fields := "WARC/1.1\r\nWARC-Type: metadata\r\nContent-Type: application/warc-fields\r\nContent-Length: " +
		strconv.Itoa(block.Len()) + "\r\n\r\n" + block.String() + "\r\n\r\n"
	for name, c := range map[string]struct {
		most int // bytes, of all that is allocated
		read func() string
		want string
	}{
		"a header": {2 << 20, func() string {
			for rec, err := range warc.Records(strings.NewReader(record), warc.ReaderOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				return rec.URL() + rec.Type()
			}
			return ""
		}, "a" + strings.Repeat(" b", 20<<10) + "x"},
		"a head": {16 << 20, func() string {
			m := warc.ParseHTTP([]byte("HTTP/1.1 200 OK\r\nA: a" + folds + "\r\nB: c\r\n d\r\n\r\nbody"))
			return m.Header.Get("A") + m.Header.Get("B") + string(m.Body)
		}, "a" + strings.Repeat(" b", 20<<10) + "c dbody"},
		"a block that is all head": {64 << 20, func() string {
			m := warc.ParseHTTP([]byte("HTTP/1.1 200 OK\r\nB: c\r\nA: a" + large))
			return m.Header.Get("B") + string(m.Body)
		}, "c"},
		"fields that are a whole block": {16 << 20, func() string {
			for c, err := range warc.Captures(strings.NewReader(fields), warc.ReaderOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				return c.Exchange.Failure
			}
			return ""
		}, "refused"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := c.read()
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; got != c.want || grown > uint64(c.most) {
			t.Errorf("%s: %.40q, %d bytes were allocated", name, got, grown)
		}
	}
}

// TestChunksThatLie asks for chunks that are not there.
func TestChunksThatLie(t *testing.T) {
	for body, want := range map[string]string{
		"7fffffff\r\nhello":                  "hello",
		"5\r\nhello\r\n0\r\n\r\n":            "hello",
		"5\r\nhello":                         "hello",
		"ffffffffffffffff\r\nhello":          "ffffffffffffffff\r\nhello",
		"5\r\nhello\r\nzz\r\nrest":           "hello",
		"nothing of the kind":                "nothing of the kind",
		"5;name=\"value\"\r\nhello\r\n0\r\n": "hello",
	} {
		m := warc.ParseHTTP([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
		if got := string(m.Payload()); got != want {
			t.Errorf("%q is read as %q, want %q", body, got, want)
		}
	}
}
