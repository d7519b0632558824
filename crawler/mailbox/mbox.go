// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine is how much of a line is held at once; a longer line is read in
// pieces.
const maxLine = 64 << 10

// A rawMessage is one message as it stands in a file.
type rawMessage struct {
	body []byte
	line int64 // where it begins, from 1
	long bool  // longer than maxMessage: body is its beginning
}

// A splitter parts a file into messages. A file that begins with "From " is an
// mbox (RFC 4155, "mboxrd"): a message begins with such a line after an empty
// one, and ">From " in it had one ">" less. Any other file is one message. Empty
// lines before either are nothing.
type splitter struct {
	r     *bufio.Reader
	line  int64 // lines begun so far
	begun bool
	mbox  bool
	over  bool
}

func newSplitter(r io.Reader) *splitter { return &splitter{r: bufio.NewReaderSize(r, maxLine)} }

// next returns the next message; at the end io.EOF.
func (s *splitter) next() (rawMessage, error) {
	if !s.begun {
		if err := s.begin(); err != nil {
			return rawMessage{}, err
		}
	}
	if s.over {
		return rawMessage{}, io.EOF
	}
	m := rawMessage{line: s.line + 1}
	empty := false // the line before was
	for whole := true; ; {
		piece, err := s.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
			return m, err
		}
		starts := whole // piece begins a line
		whole = !errors.Is(err, bufio.ErrBufferFull)
		if starts && len(piece) > 0 {
			s.line++
			if s.mbox && empty && bytes.HasPrefix(piece, []byte("From ")) {
				return m, s.skip(whole)
			}
			piece = s.unquoted(piece)
		}
		empty = starts && len(bytes.TrimRight(piece, "\r\n")) == 0
		m.add(piece)
		if errors.Is(err, io.EOF) {
			s.over = true
			return m, nil
		}
	}
}

// begin looks what kind of file it is, and reads the first line of an mbox.
func (s *splitter) begin() error {
	s.begun = true
	for {
		c, err := s.r.Peek(1)
		if len(c) == 0 {
			return err
		}
		if c[0] != '\n' && c[0] != '\r' {
			break
		}
		if _, err := s.r.Discard(1); err != nil {
			return err
		}
		if c[0] == '\n' {
			s.line++
		}
	}
	head, err := s.r.Peek(5)
	if len(head) == 0 {
		return err
	}
	if s.mbox = string(head) == "From "; s.mbox {
		s.line++
		return s.skip(false)
	}
	return nil
}

// skip reads to the end of a line, unless it was read whole already.
func (s *splitter) skip(whole bool) error {
	for !whole {
		_, err := s.r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			s.over = true
			return nil
		default:
			return err
		}
	}
	return nil
}

// unquoted returns a line of an mbox without the ">" that was put before a
// "From ".
func (s *splitter) unquoted(line []byte) []byte {
	if s.mbox && line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
		return line[1:]
	}
	return line
}

// add adds to the message as much as it may hold.
func (m *rawMessage) add(piece []byte) {
	if room := maxMessage - len(m.body); len(piece) > room {
		piece, m.long = piece[:room], true
	}
	m.body = append(m.body, piece...)
}
