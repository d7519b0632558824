// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"

	"onrecord"
	"onrecord/archive/warc"
)

// corpora are payloads of the shapes that a crawl meets: the API's JSON, a
// page, a picture. They are made up, with the entropy of the real ones.
func corpora() []struct {
	name    string
	payload []byte
} {
	r := rand.New(rand.NewPCG(1, 2))
	var json, html bytes.Buffer
	json.WriteString("[")
	for i := range 12 {
		fmt.Fprintf(&json, `{"id":"%d","created_at":"2026-11-%02dT10:%02d:00.000Z","visibility":"public","content":"<p>%s</p>","favourites_count":%d,"account":{"id":"1","username":"jane","url":"https://social.example/@jane"},"media_attachments":[]},`,
			r.Uint64(), i+1, i, prose(r, 30), r.IntN(1000))
	}
	json.WriteString("{}]")
	for range 20 {
		fmt.Fprintf(&html, "<article class=\"post\"><h2><a href=\"/news/%d\">%s</a></h2><div class=\"entry-content\"><p>%s</p></div></article>\n",
			r.Uint32(), prose(r, 6), prose(r, 25))
	}
	picture := make([]byte, 200<<10)
	for i := range picture {
		picture[i] = byte(r.Uint32())
	}
	return []struct {
		name    string
		payload []byte
	}{{"json", json.Bytes()}, {"html", html.Bytes()}, {"picture", picture}}
}

// prose makes n words of a vocabulary of 2,000.
func prose(r *rand.Rand, n int) string {
	var out []byte
	for range n {
		k := r.IntN(2000)
		for k > 0 {
			out = append(out, "etaoinshrdlu"[k%12], "aeiou"[k%5])
			k /= 12
		}
		out = append(out, ' ')
	}
	return string(out)
}

// BenchmarkWriter writes exchanges of request and response.
func BenchmarkWriter(b *testing.B) {
	for _, c := range corpora() {
		b.Run(c.name, func(b *testing.B) {
			x := exchange(func(x *onrecord.Exchange) { x.Payload = c.payload })
			o := options()
			o.Offset = 1
			w := warc.NewWriter(io.Discard, o)
			b.SetBytes(int64(len(c.payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBare is the limit for BenchmarkWriter: the very bytes of the same
// records through bare gzip, a member a record, with one SHA-256 of them and
// one of what came out.
func BenchmarkBare(b *testing.B) {
	for _, c := range corpora() {
		b.Run(c.name, func(b *testing.B) {
			x := exchange(func(x *onrecord.Exchange) { x.Payload = c.payload })
			file, written := write(b, x)
			var blocks [][]byte
			zr, err := gzip.NewReader(bytes.NewReader(file[written[0].Offset:]))
			for err == nil {
				zr.Multistream(false)
				text, rerr := io.ReadAll(zr)
				if rerr != nil {
					b.Fatal(rerr)
				}
				blocks = append(blocks, text)
				if len(blocks) == 2 {
					break
				}
				rest := file[written[0].Offset+written[0].Length:]
				err = zr.Reset(bytes.NewReader(rest))
			}
			var out bytes.Buffer
			zw, err := gzip.NewWriterLevel(&out, 5)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(c.payload)))
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				for _, text := range blocks {
					_ = sha256.Sum256(text)
					zw.Reset(&out)
					if _, err := zw.Write(text); err != nil {
						b.Fatal(err)
					}
					if err := zw.Close(); err != nil {
						b.Fatal(err)
					}
				}
				_ = sha256.Sum256(out.Bytes())
			}
		})
	}
}

// BenchmarkReader reads the exchanges of a file.
func BenchmarkReader(b *testing.B) {
	for _, c := range corpora() {
		b.Run(c.name, func(b *testing.B) {
			var xs []onrecord.Exchange
			for range 20 {
				xs = append(xs, exchange(func(x *onrecord.Exchange) { x.Payload = c.payload }))
			}
			file, _ := write(b, xs...)
			b.SetBytes(int64(20 * len(c.payload)))
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range warc.Captures(bytes.NewReader(file), warc.ReaderOptions{}) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
