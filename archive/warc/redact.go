// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/klauspost/compress/flate"
)

// fieldRedacted names the case in which a record's content was erased.
const fieldRedacted = "Onrecord-Redacted"

// RedactedURI is the target of a redacted record: tools that list records by
// their address need one, and the address goes with the content.
const RedactedURI = "urn:onrecord:redacted"

// A Redaction is what is left of a record whose content was erased: its place,
// its length and its name. It stands where the record stood, so that the
// offsets of all others hold.
type Redaction struct {
	ID         string    // WARC-Record-ID, without brackets
	Date       time.Time // WARC-Date
	Length     int64     // bytes in the file, of the gzip member where it is Compressed
	Compressed bool
	Case       string
}

// Redacted returns the case in which r's content was erased, "" for a record
// that is whole.
func (r *Record) Redacted() string { return r.Get(fieldRedacted) }

// RedactionOf returns how the record that r begins with, of length bytes, is
// redacted. It reads no more than it must: the record's header.
func RedactionOf(r io.Reader, length int64, number string) (Redaction, error) {
	red := Redaction{Length: length, Case: number}
	rec, compressed, err := headOf(r, length)
	red.Compressed = compressed
	if err != nil {
		return red, err
	}
	if red.ID, red.Date = rec.ID(), rec.Date(); red.ID == "" || red.Date.IsZero() {
		return red, &Error{Err: ErrMalformed, Detail: "a record without name or date can't be redacted"}
	}
	return red, nil
}

// IsRedacted reports whether the content of the record that r begins with, of
// length bytes, was erased, by its header.
func IsRedacted(r io.Reader, length int64) (bool, error) {
	rec, _, err := headOf(r, length)
	return err == nil && rec.Redacted() != "", err
}

// headOf reads the header of the record that r begins with, of length bytes.
func headOf(r io.Reader, length int64) (rec *Record, compressed bool, err error) {
	br := bufio.NewReader(io.LimitReader(r, length))
	p, _ := br.Peek(len(gzipMagic))
	compressed = bytes.Equal(p, gzipMagic)
	text := br
	if compressed {
		s := newScanner(br, ReaderOptions{})
		if err := s.openMember(); err != nil {
			return nil, true, typed(0, gzipError(err))
		}
		text = s.zbr
	}
	if rec, _, err = readHeader(text); err != nil {
		return nil, compressed, typed(0, gzipError(err))
	}
	return rec, compressed, nil
}

// WriteTo writes the redacted record: r.Length bytes. Compressed, it is a gzip
// member of stored blocks (RFC 1951, 3.2.4), padded with spaces; a member too
// short for that is deflated, and its header padded. ErrTooLarge says that it
// does not fit even so.
func (r Redaction) WriteTo(w io.Writer) (int64, error) {
	c := &tally{w: w, sum: crc32.NewIEEE()}
	var err error
	if r.Compressed {
		err = r.member(c)
	} else {
		err = r.text(c, r.Length)
	}
	if err == nil && c.n != r.Length {
		err = fmt.Errorf("warc: redacted record of %d bytes in place of %d", c.n, r.Length)
	}
	return c.n, err
}

const (
	gzipFrame   = 10 + 8 // header and trailer of a member
	storedBlock = 1<<16 - 1
	storedHead  = 5
)

// gzipHeader is the header of a member: deflate, no flags, no time, of an
// unknown system.
var gzipHeader = [10]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// member writes r as a gzip member.
func (r Redaction) member(w io.Writer) error {
	left := r.Length - gzipFrame
	blocks := (left + storedBlock + storedHead - 1) / (storedBlock + storedHead)
	size := left - blocks*storedHead // of the text
	if size < r.least() {
		return r.deflated(w)
	}
	if _, err := w.Write(gzipHeader[:]); err != nil {
		return err
	}
	s := &stored{w: w, left: size, blocks: blocks, sum: crc32.NewIEEE()}
	if err := r.text(s, size); err != nil {
		return err
	}
	_, err := w.Write(trailer(s.sum.Sum32(), size))
	return err
}

// deflated writes r as a gzip member whose header has a comment as long as it
// must be.
func (r Redaction) deflated(w io.Writer) error {
	var text, packed bytes.Buffer
	if err := r.text(&text, r.least()); err != nil {
		return err
	}
	z, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	pad := r.Length - gzipFrame - int64(packed.Len())
	if pad < 0 {
		return fmt.Errorf("warc: a record of %d bytes is too short to be redacted: %w", r.Length, ErrTooLarge)
	}
	head := gzipHeader
	var comment []byte
	if pad > 0 {
		head[3] = 1 << 4 // FCOMMENT: ends with a zero (RFC 1952, 2.3.1)
		comment = append(bytes.Repeat([]byte{' '}, int(pad-1)), 0)
	}
	for _, b := range [][]byte{head[:], comment, packed.Bytes(), trailer(crc32.ChecksumIEEE(text.Bytes()), int64(text.Len()))} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// trailer returns the end of a gzip member.
func trailer(sum uint32, size int64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, sum)
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}

// header returns the record's header for a block of n bytes. It has one space
// more where loose: the length of a number jumps with its value.
func (r Redaction) header(n int64, loose bool) []byte {
	space := ""
	if loose {
		space = " "
	}
	return fmt.Appendf(nil, "WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <%s>\r\nWARC-Date: %s\r\nWARC-Target-URI: %s\r\n%s: %s\r\nContent-Type: text/plain\r\nContent-Length: %s%d\r\n\r\n",
		r.ID, r.Date.UTC().Format(dateFormat), RedactedURI, fieldRedacted, oneLine(r.Case), space, n)
}

const blankEnd = "\r\n\r\n"

// least returns the length of the shortest text of r.
func (r Redaction) least() int64 { return int64(len(r.header(0, false)) + len(blankEnd)) }

// text writes the record as size bytes: header, spaces, end.
func (r Redaction) text(w io.Writer, size int64) error {
	fits := func(loose bool) ([]byte, int64, bool) {
		n := size - r.least()
		for range 20 { // digits of n shorten it
			head := r.header(max(n, 0), loose)
			next := size - int64(len(head)+len(blankEnd))
			if next == n {
				return head, n, n >= 0
			}
			n = next
		}
		return nil, 0, false
	}
	head, n, ok := fits(false)
	if !ok {
		head, n, ok = fits(true)
	}
	if !ok {
		return fmt.Errorf("warc: a record of %d bytes is too short to be redacted: %w", size, ErrTooLarge)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	if _, err := io.CopyN(w, spaces{}, n); err != nil {
		return err
	}
	_, err := io.WriteString(w, blankEnd)
	return err
}

// spaces is an endless run of spaces.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// A stored writes text of a known length as so many stored blocks.
type stored struct {
	w      io.Writer
	left   int64 // bytes of text to come
	blocks int64 // to come
	room   int   // bytes of the block in hand to come
	sum    interface {
		io.Writer
		Sum32() uint32
	}
}

func (s *stored) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if s.room == 0 {
			if err := s.begin(); err != nil {
				return n, err
			}
		}
		part := p[:min(len(p), s.room)]
		m, err := s.w.Write(part)
		s.sum.Write(part[:m]) // never fails
		n, s.room, s.left = n+m, s.room-m, s.left-int64(m)
		if err != nil {
			return n, err
		}
		p = p[m:]
	}
	return n, nil
}

// begin writes the header of a block.
func (s *stored) begin() error {
	s.room = int((s.left + s.blocks - 1) / s.blocks)
	last := byte(0)
	if s.blocks--; s.blocks == 0 {
		last = 1
	}
	b := binary.LittleEndian.AppendUint16([]byte{last}, uint16(s.room))
	b = binary.LittleEndian.AppendUint16(b, ^uint16(s.room))
	_, err := s.w.Write(b)
	return err
}
