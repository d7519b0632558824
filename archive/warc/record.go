// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"onrecord"
)

// A Record is one WARC record.
type Record struct {
	Version string  // "1.1"
	Fields  []Field // in order
	Block   []byte

	// Skimmed is the length of a block above the reader's limit that was read
	// through (ReaderOptions.Skim): Block is nil then, and Verify knows
	// SkimmedSHA256 only.
	Skimmed       int64
	SkimmedSHA256 string // lower-case hex
	SkimmedHead   []byte // its first 64 KiB: the head of an HTTP message

	// Offset and Length are the record's place in the file, in bytes: its gzip
	// member where the file is compressed. Length is 0 where a member holds
	// several records, which nothing can point at.
	Offset, Length int64
}

// A Field is one named field of a record.
type Field struct{ Name, Value string }

// Get returns the value of the first field of this name, "" for none. Case
// does not matter.
func (r *Record) Get(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Type returns WARC-Type: response, request, revisit, metadata …
func (r *Record) Type() string { return r.Get("WARC-Type") }

// ID returns WARC-Record-ID without brackets.
func (r *Record) ID() string { return bare(r.Get("WARC-Record-ID")) }

// URL returns WARC-Target-URI without the brackets that some tools put.
func (r *Record) URL() string { return bare(r.Get("WARC-Target-URI")) }

// Concurrent returns the name of the record that r belongs to
// (WARC-Concurrent-To), without brackets.
func (r *Record) Concurrent() string { return bare(r.Get("WARC-Concurrent-To")) }

// RefersTo returns which capture a revisit record refers to: its URL, and its
// time, zero if it can't be read.
func (r *Record) RefersTo() (url string, at time.Time) {
	return bare(r.Get("WARC-Refers-To-Target-URI")), date(r.Get("WARC-Refers-To-Date"))
}

// Date returns WARC-Date in UTC; zero if it can't be read.
func (r *Record) Date() time.Time { return date(r.Get("WARC-Date")) }

func bare(s string) string {
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		return s[1 : len(s)-1]
	}
	return s
}

func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// ReadRecord reads the one record that ref points at from r, which begins at
// ref.Offset of the object. The bytes must have ref.SHA256 (ErrDigest) and be
// one whole record. Offsets in errors are those of the object.
func ReadRecord(r io.Reader, ref onrecord.CaptureRef, o ReaderOptions) (*Record, error) {
	if ref.Length <= 0 {
		return nil, &Error{Offset: ref.Offset, Err: ErrMalformed, Detail: "reference without length"}
	}
	sum := sha256.New()
	lim := &io.LimitedReader{R: r, N: ref.Length}
	s := newScanner(io.TeeReader(lim, sum), o)
	var rec *Record
	var fault error
	n := 0
	for more := true; more; {
		more = s.next(func(r *Record, err error) bool {
			n++
			rec, fault = r, err
			return false
		})
	}
	_, err := io.Copy(io.Discard, s.br)
	switch {
	case err != nil:
		return nil, &Error{Offset: ref.Offset, Err: err}
	case lim.N > 0:
		return nil, &Error{Offset: ref.Offset, Err: ErrTruncated, Detail: fmt.Sprintf("%d of %d bytes are missing", lim.N, ref.Length)}
	case hex.EncodeToString(sum.Sum(nil)) != ref.SHA256:
		return nil, &Error{Offset: ref.Offset, Err: ErrDigest, Detail: "of the record's bytes"}
	case fault != nil:
		if e, ok := errors.AsType[*Error](fault); ok {
			e.Offset += ref.Offset
		}
		return nil, fault
	case n == 0 || rec.Length != ref.Length:
		return nil, &Error{Offset: ref.Offset, Err: ErrMalformed, Detail: "range is not one record"}
	}
	rec.Offset = ref.Offset
	return rec, nil
}

// ReadAt reads the one record that ref points at from an object.
func ReadAt(r io.ReaderAt, ref onrecord.CaptureRef, o ReaderOptions) (*Record, error) {
	return ReadRecord(io.NewSectionReader(r, ref.Offset, ref.Length), ref, o)
}

// readRecord reads a record and the line breaks behind it. io.EOF means that
// there was not one byte.
func readRecord(br *bufio.Reader, limit int64, skim bool) (*Record, error) {
	rec, size, err := readHeader(br)
	if err != nil {
		return nil, err
	}
	if size > limit && skim {
		if err := rec.readThrough(br, size); err != nil {
			return nil, err
		}
		return rec, nil
	}
	if size > limit {
		n, err := io.CopyN(io.Discard, br, size)
		if err == io.EOF {
			return nil, fmt.Errorf("%w: %d of %d bytes of the block", ErrTruncated, n, size)
		}
		skipEnd(br)
		return nil, fmt.Errorf("%w: block of %d bytes, limit %d", ErrTooLarge, size, limit)
	}
	if rec.Block, err = readBlock(br, size); err != nil {
		return nil, err
	}
	skipEnd(br)
	return rec, nil
}

// readThrough reads a block of n bytes and keeps its SHA-256 only.
func (r *Record) readThrough(br *bufio.Reader, n int64) error {
	sum := sha256.New()
	head, err := readBlock(br, min(n, maxHeader))
	if err != nil {
		return err
	}
	sum.Write(head)
	m, err := io.CopyN(sum, br, n-int64(len(head)))
	if err == io.EOF {
		return fmt.Errorf("%w: %d of %d bytes of the block", ErrTruncated, m+int64(len(head)), n)
	}
	if err != nil {
		return err
	}
	r.SkimmedHead = head
	r.Skimmed, r.SkimmedSHA256 = n, hex.EncodeToString(sum.Sum(nil))
	skipEnd(br)
	return nil
}

// readBlock reads n bytes. It trusts n with little memory, else a short file
// could ask for much.
func readBlock(br *bufio.Reader, n int64) ([]byte, error) {
	const trusted = 1 << 20
	if n <= trusted {
		b := make([]byte, n)
		m, err := io.ReadFull(br, b)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, fmt.Errorf("%w: %d of %d bytes of the block", ErrTruncated, m, n)
		}
		return b, err
	}
	var b bytes.Buffer
	b.Grow(trusted)
	m, err := io.CopyN(&b, br, n)
	if err == io.EOF {
		return nil, fmt.Errorf("%w: %d of %d bytes of the block", ErrTruncated, m, n)
	}
	return b.Bytes(), err
}

// readHeader reads the version line and the fields. size is Content-Length.
func readHeader(br *bufio.Reader) (rec *Record, size int64, err error) {
	left := maxHeader
	line, err := readLine(br, &left)
	if err != nil {
		return nil, 0, err
	}
	version, ok := strings.CutPrefix(line, "WARC/")
	if !ok || version == "" {
		return nil, 0, fmt.Errorf("%w: no version line: %.24q", ErrMalformed, line)
	}
	rec = &Record{Version: version}
	var folded []byte // the last value, where it has more than one line
	for {
		line, err = readLine(br, &left)
		n := len(rec.Fields)
		switch {
		case err == io.EOF:
			return nil, 0, fmt.Errorf("%w: in the header", ErrTruncated)
		case err != nil:
			return nil, 0, err
		case n > 0 && line != "" && (line[0] == ' ' || line[0] == '\t'):
			if folded == nil {
				folded = []byte(rec.Fields[n-1].Value)
			}
			folded = append(append(folded, ' '), strings.TrimSpace(line)...)
			continue
		case folded != nil:
			rec.Fields[n-1].Value, folded = string(folded), nil
		}
		if line == "" {
			size, err = contentLength(rec)
			return rec, size, err
		}
		if err := rec.addField(line); err != nil {
			return nil, 0, err
		}
	}
}

// addField adds a field of the header.
func (r *Record) addField(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || strings.TrimSpace(name) == "" {
		return fmt.Errorf("%w: header line without a name: %.40q", ErrMalformed, line)
	}
	r.Fields = append(r.Fields, Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	return nil
}

// readLine reads a line of at most *left bytes and counts it off. The line
// break is cut.
func readLine(br *bufio.Reader, left *int) (string, error) {
	p, err := br.ReadSlice('\n')
	*left -= len(p)
	switch {
	case err == bufio.ErrBufferFull || *left < 0:
		return "", fmt.Errorf("%w: header above %d bytes", ErrTooLarge, maxHeader)
	case err == io.EOF && len(p) > 0:
		return "", fmt.Errorf("%w: in the header", ErrTruncated)
	case err != nil:
		return "", err
	}
	return string(bytes.TrimRight(p, "\r\n")), nil
}

func contentLength(r *Record) (int64, error) {
	v := r.Get("Content-Length")
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: Content-Length %.24q", ErrMalformed, v)
	}
	return n, nil
}

// skipEnd skips the two line breaks that end a record, as far as they are there.
func skipEnd(br *bufio.Reader) {
	for range 2 {
		p, _ := br.Peek(2)
		switch {
		case len(p) == 2 && p[0] == '\r' && p[1] == '\n':
			_, _ = br.Discard(2)
		case len(p) > 0 && p[0] == '\n':
			_, _ = br.Discard(1)
		default:
			return
		}
	}
}
