// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"onrecord"
)

// maxCodings is how many content codings may lie on top of each other. Two are
// seen in the wild, by mistake; more are an attack.
const maxCodings = 2

// ratioFrom is how many decoded bytes are let through before their ratio to
// the bytes on the wire is looked at.
const ratioFrom = 1 << 20

// These are the reasons for which a payload is not decoded to its end.
var (
	errDecoded = errors.New("decoded size over the limit")
	errRatio   = errors.New("decoded to wire ratio over the limit")
	errCoding  = errors.New("unknown content coding")
)

// A body is what was received of a payload.
type body struct {
	wire    []byte // as sent, after transfer coding
	decoded []byte // content codings removed; wire itself where there are none

	cut     string // WARC-Truncated; empty if the payload is whole
	verdict onrecord.Outcome
	reason  string // of cut or verdict
}

// readBody reads a payload of length bytes (-1 if unknown) with the given
// Content-Encoding, within l. It never holds more than the limits and their
// buffers: decoding is done while receiving, and a payload that decodes to
// more than is allowed is received no further. Errors of r other than the end
// are returned beside what came before them.
func readBody(r io.Reader, length int64, encoding string, l Limits) (body, error) {
	w := &wire{r: r, max: l.Wire}
	if length > 0 {
		w.buf = make([]byte, 0, min(length, l.Wire)+1)
	}
	var b body
	codings := codingsOf(encoding)
	if len(codings) == 0 {
		w.drain()
		b.decoded = w.buf
	} else {
		out, err := decode(w, codings, l)
		b.decoded = out
		switch {
		case errors.Is(err, errDecoded), errors.Is(err, errRatio):
			b.cut, b.verdict, b.reason = "length", onrecord.OutcomeTruncated, err.Error()
		case errors.Is(err, errCoding):
			b.verdict, b.reason = onrecord.OutcomeDrift, err.Error()
		case err != nil:
			b.verdict, b.reason = onrecord.OutcomeTruncated, err.Error()
		}
		if b.cut == "" {
			w.drain() // what follows the coded data is evidence too
		}
	}
	b.wire = w.buf
	if w.over {
		b.cut, b.verdict = "length", onrecord.OutcomeTruncated
		b.reason = fmt.Sprintf("payload over %d bytes", l.Wire)
	}
	if b.verdict != "" {
		b.decoded = nil
	}
	return b, w.err
}

// codingsOf splits a Content-Encoding, in the order in which they were applied.
func codingsOf(encoding string) []string {
	var list []string
	for f := range strings.SplitSeq(encoding, ",") {
		switch f = strings.ToLower(strings.TrimSpace(f)); f {
		case "", "identity":
		default:
			list = append(list, f)
		}
	}
	return list
}

// decode removes codings, last applied first, from w.
func decode(w *wire, codings []string, l Limits) ([]byte, error) {
	if len(codings) > maxCodings {
		return nil, fmt.Errorf("%w: %d codings on top of each other", errCoding, len(codings))
	}
	var r io.Reader = w
	for i := len(codings) - 1; i >= 0; i-- {
		d, closeDecoder, err := decoder(codings[i], r)
		if errors.Is(err, io.EOF) && len(w.buf) == 0 {
			return nil, nil // an empty payload, as of a HEAD-like 204 or 404
		}
		if err != nil {
			return nil, fmt.Errorf("content coding %s: %w", codings[i], err)
		}
		defer closeDecoder()
		r = &capped{r: d, w: w, l: l}
	}
	out, err := readAll(r)
	if err != nil && !errors.Is(err, errDecoded) && !errors.Is(err, errRatio) {
		err = fmt.Errorf("content coding %s: %w", strings.Join(codings, ", "), err)
	}
	return out, err
}

// decoder returns a reader that removes one coding, and what frees it.
func decoder(coding string, r io.Reader) (io.Reader, func(), error) {
	none := func() {}
	switch coding {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, none, err
		}
		return z, func() { _ = z.Close() }, nil
	case "deflate":
		return deflate(r)
	case "br":
		return brotli.NewReader(r), none, nil
	case "zstd":
		// 8 MiB is the largest window of a web server (RFC 9659).
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, none, err
		}
		return z, z.Close, nil
	}
	return nil, none, fmt.Errorf("%w %q", errCoding, coding)
}

// deflate means zlib data by the book (RFC 9110, section 8.4.1.2) and raw
// DEFLATE data by some servers; the first two bytes tell which.
func deflate(r io.Reader) (io.Reader, func(), error) {
	br := bufio.NewReader(r)
	head, err := br.Peek(2)
	if err != nil {
		return nil, func() {}, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		z, err := zlib.NewReader(br)
		if err != nil {
			return nil, func() {}, err
		}
		return z, func() { _ = z.Close() }, nil
	}
	z := flate.NewReader(br)
	return z, func() { _ = z.Close() }, nil
}

// A wire keeps what it reads from r, up to max bytes.
type wire struct {
	r    io.Reader
	max  int64
	buf  []byte
	over bool  // there was more than max
	err  error // error of r other than io.EOF
	done bool
}

// Read implements io.Reader. It ends where r ends, breaks, or exceeds max.
func (w *wire) Read(p []byte) (int, error) {
	if w.done {
		if w.err != nil {
			return 0, w.err
		}
		return 0, io.EOF
	}
	left := w.max - int64(len(w.buf))
	if int64(len(p)) > left+1 {
		p = p[:left+1]
	}
	n, err := w.r.Read(p)
	if int64(n) > left {
		n, w.over, w.done = int(left), true, true
	}
	w.buf = append(w.buf, p[:n]...)
	w.end(err)
	if n == 0 && w.done {
		return 0, orEOF(w.err)
	}
	return n, nil
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

func (w *wire) end(err error) {
	if err == nil || w.done {
		return
	}
	w.done = true
	if !errors.Is(err, io.EOF) {
		w.err = err
	}
}

// drain reads r to its end, its error, or max.
func (w *wire) drain() {
	for !w.done {
		if len(w.buf) == cap(w.buf) {
			w.buf = slices.Grow(w.buf, 16<<10)
		}
		free := w.buf[len(w.buf):cap(w.buf)]
		left := w.max - int64(len(w.buf))
		if int64(len(free)) > left+1 {
			free = free[:left+1]
		}
		n, err := w.r.Read(free)
		if int64(n) > left {
			n, w.over, w.done = int(left), true, true
		}
		w.buf = w.buf[:len(w.buf)+n]
		w.end(err)
	}
}

// A capped passes on what a decoder makes, within limits.
type capped struct {
	r io.Reader
	w *wire
	l Limits
	n int64
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.n > c.l.Decoded {
		return 0, fmt.Errorf("%w: more than %d bytes", errDecoded, c.l.Decoded)
	}
	if c.n > ratioFrom && c.n > c.l.Ratio*int64(len(c.w.buf)) {
		return 0, fmt.Errorf("%w: %d bytes from %d", errRatio, c.n, len(c.w.buf))
	}
	return n, err
}

// readAll reads r to its end into one slice.
func readAll(r io.Reader) ([]byte, error) {
	b := make([]byte, 0, 8<<10)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
