// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bytes"
	"io"
	"iter"
	"strings"

	"onrecord"
)

// A Capture is one exchange as read back from its records.
type Capture struct {
	Exchange onrecord.Exchange
	ID       string // WARC-Record-ID of the evidence
	Offset   int64  // of the evidence, in bytes of the file
	Length   int64  // of its gzip member
	Profile  string // of a revisit record: the payload is that of Exchange.Prior; else empty
}

// maxGroup is the largest number of records that make one capture.
const maxGroup = 16

// Captures yields the exchanges of a file in order. What [Writer.Write] was
// given comes back the same, but for a Prior that was not referred to, the
// Digest of the Prior of a 304, and the payload of a revisit. Records that
// belong to no exchange are passed over. Errors are those of [Records].
//
// Other tools' files are read too, the request before the response or behind
// it; their bodies lose a chunked transfer coding.
func Captures(r io.Reader, o ReaderOptions) iter.Seq2[Capture, error] {
	return func(yield func(Capture, error) bool) {
		var g group
		for rec, err := range Records(r, o) {
			if err != nil {
				if !g.flush(yield) || !yield(Capture{}, err) {
					return
				}
				continue
			}
			if !g.takes(rec) && !g.flush(yield) {
				return
			}
			g.add(rec)
		}
		g.flush(yield)
	}
}

// A group is the records of one exchange.
type group struct {
	ids      map[string]bool
	n        int
	capture  Capture
	evidence bool
}

// takes reports whether rec belongs to the records in g.
func (g *group) takes(rec *Record) bool {
	if g.n == 0 {
		return true
	}
	return g.n < maxGroup && g.ids[rec.Concurrent()]
}

// flush yields what g holds, if it has evidence, and empties it.
func (g *group) flush(yield func(Capture, error) bool) bool {
	c, ok := g.capture, g.evidence
	*g = group{}
	return !ok || yield(c, nil)
}

// add puts rec into g.
func (g *group) add(rec *Record) {
	kind := rec.Type()
	if kind == "warcinfo" {
		return
	}
	if g.n == 0 {
		g.ids = map[string]bool{}
	}
	g.n++
	g.ids[rec.ID()] = true
	failed := kind == "metadata" && !g.evidence && rec.Get("Content-Type") == typeFields
	switch {
	case !g.evidence && (kind == "response" || kind == "revisit" || kind == "resource" || failed):
		g.evidence = g.capture.take(rec, kind)
	case kind == "request":
		x := &g.capture.Exchange
		x.Request = rec.Block
		x.Method = ParseHTTP(rec.Block).Method
	case kind == "metadata" && rec.Get("Content-Type") == typeJSON:
		g.capture.Exchange.Note = rec.Block
	}
}

// take makes rec the evidence of c, and reports whether it is any.
func (c *Capture) take(rec *Record, kind string) bool {
	x := &c.Exchange
	if kind == "metadata" {
		if x.Failure = warcField(rec.Block, "failure"); x.Failure == "" {
			return false
		}
		if x.Method == "" {
			x.Method = warcField(rec.Block, "method")
		}
	}
	c.ID, c.Offset, c.Length = rec.ID(), rec.Offset, rec.Length
	x.URL, x.At, x.Done = rec.URL(), rec.Date(), date(rec.Get(fieldDone))
	x.IP, x.Truncated = rec.Get("WARC-IP-Address"), rec.Get("WARC-Truncated")
	switch {
	case rec.http():
		m := ParseHTTP(rec.Block)
		x.Status, x.Response, x.Payload = m.Status, showTransferEncoding(m.Head), m.Payload()
		x.Failure = rec.Get(fieldFailure)
	case kind == "resource":
		x.Payload = rec.Block
		if mime := rec.Get("Content-Type"); mime != typeOctets {
			x.Type = mime
		}
	}
	if kind == "revisit" {
		c.Profile = rec.Get("WARC-Profile")
		x.Prior = &onrecord.Prior{
			URL: bare(rec.Get("WARC-Refers-To-Target-URI")), At: date(rec.Get("WARC-Refers-To-Date")),
			Digest: strings.TrimPrefix(rec.Get("WARC-Payload-Digest"), "sha256:"),
		}
	}
	return true
}

// warcField returns the value of a field of a block of application/warc-fields, ""
// for none. Case does not matter.
func warcField(block []byte, name string) string {
	for line := range bytes.Lines(block) {
		if n, value, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(bytes.TrimSpace(n)), name) {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
