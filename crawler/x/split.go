// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRecord is how long one record may be: a whole GraphQL answer is one.
const maxRecord = 32 << 20

// A splitter takes a JSON text of any length apart into its records: the
// elements of an array, or values one after the other, in lines or not. What
// JavaScript files of account archives have around their array is passed over.
// It holds one record at a time.
type splitter struct {
	r          io.Reader
	buf        []byte
	start, end int // what is read and not yet taken
	line       int64
	eof        bool

	inArray bool
	first   bool // no element of the array has been read
	lines   bool // each record is one line
}

func newSplitter(r io.Reader) *splitter {
	return &splitter{r: r, buf: make([]byte, 64<<10), line: 1}
}

// A cutError reports a text that ends, or stops being JSON, within a record.
type cutError struct {
	line int64
	what string
}

func (e *cutError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.what) }

// errLong is a line that is longer than maxRecord, which was passed over.
var errLong = errors.New("record too long")

// next returns the next record and the line on which it begins. It is valid
// until the next call. The end is io.EOF.
func (s *splitter) next() (record []byte, line int64, err error) {
	for {
		c, err := s.peek()
		if err != nil {
			if errors.Is(err, io.EOF) && s.inArray {
				return nil, s.line, &cutError{s.line, "cut: the array has no end"}
			}
			return nil, s.line, err
		}
		if s.inArray {
			if record, line, err = s.element(c); record != nil || err != nil {
				return record, line, err
			}
			continue
		}
		switch {
		case c == ';' || c == 0x1e || c == ',': // ends of JavaScript statements, RFC 7464, sloppy joins
			s.take(1)
		case s.lines:
			return s.wholeLine()
		case c == '[':
			s.take(1)
			s.inArray, s.first = true, true
		case isLetter(c):
			if err := s.assignment(); err != nil {
				return nil, s.line, err
			}
		default:
			return s.value()
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// element returns the next element of the array; nothing at its end.
func (s *splitter) element(c byte) ([]byte, int64, error) {
	switch {
	case c == ']':
		s.take(1)
		s.inArray = false
		return nil, 0, nil
	case s.first:
		s.first = false
	case c != ',':
		return nil, s.line, &cutError{s.line, "no comma between two records"}
	default:
		s.take(1)
		c, err := s.peek()
		if err != nil || c == ']' {
			return nil, s.line, ignoreEOF(err) // next says what is missing
		}
	}
	return s.value()
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// value returns the value that begins here.
func (s *splitter) value() ([]byte, int64, error) {
	line, n := s.line, 0
	var m measure
	for {
		done, ok := m.feed(s.buf[s.start:s.end])
		n = m.pos
		if !ok {
			return nil, line, &cutError{line, "not JSON: a bracket too many"}
		}
		if done {
			break
		}
		if s.end-s.start > maxRecord {
			return nil, line, &cutError{line, fmt.Sprintf("the record is longer than %d MiB", maxRecord>>20)}
		}
		if err := s.fill(); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, line, err
			}
			if m.primitive && !s.inArray {
				break
			}
			return nil, line, &cutError{line, "cut: the record has no end"}
		}
	}
	record := s.buf[s.start : s.start+n]
	if !s.inArray && !s.lines {
		s.lines = bytes.IndexByte(record, '\n') < 0 && s.lineEnds(n)
	}
	s.take(n)
	return record, line, nil
}

// lineEnds reports whether nothing but a line end follows the first n bytes.
func (s *splitter) lineEnds(n int) bool {
	rest := bytes.TrimLeft(s.buf[s.start+n:s.end], " \t\r")
	return len(rest) > 0 && rest[0] == '\n'
}

// wholeLine returns the line that begins here. The last one, where it has no
// end, must be whole by itself.
func (s *splitter) wholeLine() ([]byte, int64, error) {
	line, from, long := s.line, 0, false
	for {
		if i := bytes.IndexByte(s.buf[s.start+from:s.end], '\n'); i >= 0 {
			record := s.buf[s.start : s.start+from+i]
			s.take(from + i)
			if long {
				return nil, line, errLong
			}
			return record, line, nil
		}
		if from = s.end - s.start; from > maxRecord {
			long = true
			s.take(from)
			from = 0
		}
		if err := s.fill(); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, line, err
			}
			record := s.buf[s.start:s.end]
			s.take(len(record))
			var m measure
			if done, ok := m.feed(record); !done || !ok {
				return nil, line, &cutError{line, "cut: the line has no end"}
			}
			return record, line, nil
		}
	}
}

// assignment passes over "window.YTD.tweets.part0 =" and the like.
func (s *splitter) assignment() error {
	for s.end-s.start < 256 {
		if err := s.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
	}
	head := s.buf[s.start:min(s.end, s.start+256)]
	i := bytes.IndexByte(head, '=')
	if i < 0 || bytes.ContainsAny(head[:i], `{}"<>;`) {
		return &cutError{s.line, "neither JSON nor an assignment of it"}
	}
	s.take(i + 1)
	return nil
}

// peek passes over white space and returns the byte behind it.
func (s *splitter) peek() (byte, error) {
	for {
		for s.start < s.end {
			switch c := s.buf[s.start]; c {
			case '\n':
				s.line++
				fallthrough
			case ' ', '\t', '\r':
				s.start++
			case 0xef:
				if bytes.HasPrefix(s.buf[s.start:s.end], []byte("\ufeff")) {
					s.start += 3
					continue
				}
				return c, nil
			default:
				return c, nil
			}
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// take passes over the first n bytes.
func (s *splitter) take(n int) {
	s.line += int64(bytes.Count(s.buf[s.start:s.start+n], []byte{'\n'}))
	s.start += n
}

// fill reads more; io.EOF where there is none.
func (s *splitter) fill() error {
	if s.eof {
		return io.EOF
	}
	if s.start == s.end {
		s.start, s.end = 0, 0
	}
	if s.end == len(s.buf) {
		if s.start > 0 {
			s.end = copy(s.buf, s.buf[s.start:s.end])
			s.start = 0
		} else {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		switch {
		case errors.Is(err, io.EOF):
			s.eof = true
			if n == 0 {
				return io.EOF
			}
			return nil
		case err != nil:
			return err
		case n > 0:
			return nil
		}
	}
	return io.ErrNoProgress
}

// A measure finds the end of a value that comes in pieces.
type measure struct {
	pos       int // looked at so far; the length of the value in the end
	depth     int
	inString  bool
	escaped   bool // the next byte belongs to an escape
	primitive bool // a number, true, false or null
}

// feed looks at the bytes from pos on and says whether the value is whole; ok
// is false where it is none.
func (m *measure) feed(b []byte) (done, ok bool) {
	for m.pos < len(b) {
		if m.inString {
			if !m.string(b) {
				return false, true
			}
			if m.depth == 0 {
				return true, true
			}
			continue
		}
		switch b[m.pos] {
		case '"':
			m.inString = true
		case '{', '[':
			m.depth++
		case '}', ']':
			if m.primitive {
				return true, true
			}
			if m.depth--; m.depth < 0 {
				return false, false
			}
			if m.depth == 0 {
				m.pos++
				return true, true
			}
		case ',', ' ', '\n', '\r', '\t':
			if m.primitive {
				return true, true
			}
		default:
			m.primitive = m.depth == 0
		}
		m.pos++
	}
	return false, true
}

// string passes over the rest of a string and says whether it ends.
func (m *measure) string(b []byte) bool {
	if m.escaped {
		m.pos++
		m.escaped = false
	}
	i := m.pos
	for i < len(b) {
		switch b[i] {
		case '"':
			m.pos, m.inString = i+1, false
			return true
		case '\\':
			if i+1 == len(b) {
				m.pos, m.escaped = i+1, true
				return false
			}
			i++
		}
		i++
	}
	m.pos = i
	return false
}
