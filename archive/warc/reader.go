// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"
)

// ReaderOptions bound a reader.
type ReaderOptions struct {
	MaxBlock int64 // largest block that is read into memory, in bytes; 64 MiB if 0
	// Skim: a larger block is no error but read through: see Record.Skimmed.
	Skim bool
}

// Records yields the records of a file in order, whether it is compressed by
// record, as a whole, or not at all. An error comes alone, as an [*Error]; the
// sequence goes on with the next record that can be found behind it, and ends
// with the file or with an error of r itself.
//
// A member that holds one record is yielded only when its CRC has been checked.
// Damage inside a member may take those behind it along, as far as they are
// inflated before it shows; [ReadAt] does not depend on what stands before.
func Records(r io.Reader, o ReaderOptions) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		s := newScanner(r, o)
		for more := true; more; {
			more = s.next(yield)
		}
	}
}

// A counter counts what was read from r, and keeps its error apart from those
// of what is read.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// A scanner walks a file.
type scanner struct {
	max  int64
	skim bool
	in   *counter
	br   *bufio.Reader // over in
	zip  *gzip.Reader  // nil until the first member
	zbr  *bufio.Reader // over zip
	lost bool          // the last bytes were no record: look for the next
}

func newScanner(r io.Reader, o ReaderOptions) *scanner {
	c := &counter{r: r}
	s := &scanner{max: o.MaxBlock, skim: o.Skim, in: c, br: bufio.NewReaderSize(c, maxHeader)}
	if s.max <= 0 {
		s.max = defaultMaxBlock
	}
	return s
}

func (s *scanner) offset() int64 { return s.in.n - int64(s.br.Buffered()) }

var (
	gzipMagic = []byte{0x1f, 0x8b}
	warcMagic = []byte("WARC/")
)

// next reads what stands at the present offset, yields it, and reports whether
// there may be more.
func (s *scanner) next(yield func(*Record, error) bool) bool {
	if s.lost && !s.resync() {
		return s.fault(yield)
	}
	skipNewlines(s.br)
	off := s.offset()
	p, _ := s.br.Peek(len(warcMagic))
	switch {
	case len(p) == 0:
		return s.fault(yield)
	case bytes.HasPrefix(p, gzipMagic):
		return s.member(off, yield)
	case bytes.Equal(p, warcMagic):
		rec, err := readRecord(s.br, s.max, s.skim)
		if rec != nil {
			rec.Offset, rec.Length = off, s.offset()-off
		}
		s.lost = err != nil
		return s.emit(off, rec, err, yield)
	}
	s.lost = true
	if bytes.HasPrefix(gzipMagic, p) || bytes.HasPrefix(warcMagic, p) {
		return s.emit(off, nil, ErrTruncated, yield)
	}
	return s.emit(off, nil, fmt.Errorf("%w: neither a WARC record nor gzip: %.16q", ErrMalformed, p), yield)
}

// fault ends the sequence, with the error of the file if it had one.
func (s *scanner) fault(yield func(*Record, error) bool) bool {
	if s.in.err != nil {
		yield(nil, &Error{Offset: s.offset(), Err: s.in.err})
	}
	return false
}

// emit yields a record or an error.
func (s *scanner) emit(off int64, rec *Record, err error, yield func(*Record, error) bool) bool {
	if s.in.err != nil {
		return s.fault(yield)
	}
	if err != nil {
		return yield(nil, typed(off, err))
	}
	return yield(rec, nil)
}

// member reads one gzip member.
func (s *scanner) member(off int64, yield func(*Record, error) bool) bool {
	if err := s.openMember(); err != nil {
		s.lost = true
		_, _ = s.br.Discard(1) // else a header that lies is found again
		return s.emit(off, nil, gzipError(err), yield)
	}
	for first := true; ; first = false {
		rec, err := readRecord(s.zbr, s.max, s.skim)
		if err != nil {
			return s.leave(off, err, yield)
		}
		skipNewlines(s.zbr)
		_, err = s.zbr.Peek(1)
		if err != nil && err != io.EOF {
			return s.leave(off, err, yield)
		}
		rec.Offset = off
		if first && err == io.EOF {
			rec.Length = s.offset() - off
		}
		if !s.emit(off, rec, nil, yield) {
			return false
		}
		if err == io.EOF {
			return true
		}
	}
}

// openMember begins to inflate the member at the present offset.
func (s *scanner) openMember() error {
	var err error
	if s.zip == nil {
		s.zip, err = gzip.NewReader(s.br)
		s.zbr = bufio.NewReaderSize(nil, maxHeader)
	} else {
		err = s.zip.Reset(s.br)
	}
	if err != nil {
		return err
	}
	s.zip.Multistream(false)
	s.zbr.Reset(s.zip)
	return nil
}

// leave yields the error that ended the reading of a member, if it was one,
// and goes to the member's end where the member allows it.
func (s *scanner) leave(off int64, err error, yield func(*Record, error) bool) bool {
	if err == io.EOF {
		return s.in.err == nil
	}
	if _, drained := io.Copy(io.Discard, s.zbr); drained != nil {
		s.lost = true
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
			err = gzipError(drained)
		}
	}
	return s.emit(off, nil, err, yield)
}

// resync moves to the next byte that may begin a record, and reports whether
// there is one.
func (s *scanner) resync() bool {
	s.lost = false
	for {
		p, err := s.br.Peek(4096)
		for i := range p {
			if couldBegin(p[i:]) {
				_, _ = s.br.Discard(i)
				return true
			}
		}
		if err != nil {
			_, _ = s.br.Discard(len(p))
			return false
		}
		// What begins in the last bytes is looked at again, with its rest.
		_, _ = s.br.Discard(len(p) - len(warcMagic))
	}
}

// couldBegin reports whether p begins as a record or a deflate member does.
func couldBegin(p []byte) bool {
	return len(p) >= len(warcMagic) && (p[0] == 'W' && bytes.HasPrefix(p, warcMagic) ||
		p[0] == gzipMagic[0] && p[1] == gzipMagic[1] && p[2] == 8)
}

// skipNewlines skips line breaks between two records.
func skipNewlines(br *bufio.Reader) {
	for {
		p, _ := br.Peek(1)
		if len(p) == 0 || p[0] != '\r' && p[0] != '\n' {
			return
		}
		_, _ = br.Discard(1)
	}
}

// typed makes err an *Error at off.
func typed(off int64, err error) error {
	for _, kind := range [...]error{ErrMalformed, ErrTruncated, ErrDigest, ErrGzip, ErrTooLarge} {
		if err == kind {
			return &Error{Offset: off, Err: kind}
		}
		if errors.Is(err, kind) {
			return &Error{Offset: off, Err: kind, Detail: detail(err, kind)}
		}
	}
	return &Error{Offset: off, Err: gzipError(err)}
}

// detail returns the text of err behind that of its kind.
func detail(err, kind error) string {
	text := err.Error()
	if prefix := kind.Error() + ": "; len(text) > len(prefix) && text[:len(prefix)] == prefix {
		return text[len(prefix):]
	}
	return text
}

// gzipError makes an error of inflating one of ours.
func gzipError(err error) error {
	switch {
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrTruncated), errors.Is(err, ErrTooLarge), errors.Is(err, ErrGzip):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return ErrTruncated
	}
	return fmt.Errorf("%w: %w", ErrGzip, err)
}
