// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// A segment is a journal segment in memory: its bytes as stored, and its lines
// without their newlines.
type segment struct {
	header VisitHeader
	bytes  []byte
	lines  []segmentLine
	// whole says that all of it was read; only that its bytes are those of "rest"
	// is left open.
	whole bool
}

// A segmentLine is one line and where its frame lies in the segment.
type segmentLine struct {
	text   []byte // nil where the frame can't be read
	offset int64
	length int64
	hidden bool // it was not read: a mirror withholds it
}

// A segmentError says where in a segment something is wrong. Line is -1 where
// it is no line's.
type segmentError struct {
	Line   int
	Offset int64
	Err    error
}

func (e *segmentError) Error() string {
	if e.Line < 0 {
		return fmt.Sprintf("offset %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("line %d at offset %d: %v", e.Line, e.Offset, e.Err)
}

func (e *segmentError) Unwrap() error { return e.Err }

// dated returns the key of a visit's object: the date is the UTC date of the
// ULID (record.md 2), so that a leaf is enough to compute it.
func dated(folder string, v onrecord.VisitID, ext string) string {
	return folder + "/" + v.Time().UTC().Format("2006/01/02") + "/" + v.String() + ext
}

// journalKey returns the key of the segment of v.
func journalKey(v onrecord.VisitID) string { return dated("journal", v, ".ndjson.zst") }

// A coder compresses and decompresses the frames of segments. It is safe for
// concurrent use.
type coder struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCoder() (*coder, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithZeroFrames(true), zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxSegment+1))
	if err != nil {
		return nil, err
	}
	return &coder{enc: enc, dec: dec}, nil
}

// newSalt returns 32 hex digits from 16 random bytes.
func newSalt(rand io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("random source: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// build makes the segment of a visit. The header's Rest and Salt, and the
// events' Salt, are set here; the events are not changed.
func (c *coder) build(h VisitHeader, events []onrecord.Event, rand io.Reader) (*segment, error) {
	if len(events)+1 > MaxLines {
		return nil, fmt.Errorf("%w: %d lines in one visit, at most %d", ErrTooLarge, len(events)+1, MaxLines)
	}
	s := &segment{lines: make([]segmentLine, 1, len(events)+1)}
	var rest []byte
	total := 0
	for i, e := range events {
		var err error
		if e.Salt, err = newSalt(rand); err != nil {
			return nil, err
		}
		line, err := e.AppendLine(nil)
		if err != nil {
			return nil, fmt.Errorf("event %d (%s): %w", i+1, e.Type, err)
		}
		if total += len(line) + 1; total > MaxSegment {
			return nil, fmt.Errorf("%w: more than %d bytes of journal in one visit", ErrTooLarge, MaxSegment)
		}
		at := len(rest)
		rest = c.enc.EncodeAll(append(line, '\n'), rest)
		s.lines = append(s.lines, segmentLine{text: line, offset: int64(at), length: int64(len(rest) - at)})
	}
	if err := s.head(h, rest, rand); err != nil {
		return nil, err
	}
	if len(s.bytes) > MaxSegment || total+len(s.lines[0].text)+1 > MaxSegment {
		return nil, fmt.Errorf("%w: more than %d bytes of journal in one visit", ErrTooLarge, MaxSegment)
	}
	return s, nil
}

// head puts the visit line before the other frames.
func (s *segment) head(h VisitHeader, rest []byte, rand io.Reader) error {
	var err error
	if h.Salt, err = newSalt(rand); err != nil {
		return err
	}
	sum := sha256.Sum256(rest)
	h.V, h.Type, h.Rest = 1, string(onrecord.VisitLine), hex.EncodeToString(sum[:])
	if h.Objects == nil {
		h.Objects = []ObjectRef{}
	}
	line, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("visit line: %w", err)
	}
	if len(line)+1 > maxRawBlock {
		return fmt.Errorf("%w: visit line of %d bytes, at most %d", ErrTooLarge, len(line), maxRawBlock-1)
	}
	s.header = h
	s.bytes = appendRawFrame(make([]byte, 0, rawHeader+len(line)+1+len(rest)), append(line, '\n'))
	first := int64(len(s.bytes))
	s.lines[0] = segmentLine{text: line, length: first}
	for i := 1; i < len(s.lines); i++ {
		s.lines[i].offset += first
	}
	s.bytes = append(s.bytes, rest...)
	return nil
}

// parse reads a segment as stored under the key of visit v. Every error is a
// *segmentError, the first one. Lines that could be read all the same are in
// the segment, too.
func (c *coder) parse(v onrecord.VisitID, b []byte) (*segment, error) {
	return c.parseAround(v, b, nil)
}

// parseAround is parse of a segment with holes, by offset: frames that are
// withheld.
func (c *coder) parseAround(v onrecord.VisitID, b []byte, holes []bucket.Span) (*segment, error) {
	s := &segment{bytes: b}
	if len(b) > MaxSegment {
		return s, &segmentError{-1, 0, fmt.Errorf("%w: segment of %d bytes", ErrTooLarge, len(b))}
	}
	first, rest, err := cutRawFrame(b)
	if err != nil {
		return s, &segmentError{0, 0, err}
	}
	line, err := oneLine(first)
	if err == nil {
		s.header, err = parseHeader(v, line)
	}
	if err != nil {
		return s, &segmentError{0, 0, err}
	}
	at := int64(len(b) - len(rest))
	s.lines = append(s.lines, segmentLine{text: line, length: at})
	if sum := sha256.Sum256(rest); len(holes) == 0 && hex.EncodeToString(sum[:]) != s.header.Rest {
		err = &segmentError{-1, at, errors.New(`bytes after the visit line are not those of its "rest"`)}
	}
	if err2 := c.parseRest(s, rest, at, holes); err2 != nil {
		return s, err2
	}
	s.whole = true
	return s, err
}

// parseRest reads the frames after the first, which begin at offset at. A frame
// whose content is damaged does not keep those behind it from being read.
func (c *coder) parseRest(s *segment, rest []byte, at int64, holes []bucket.Span) error {
	total := len(s.lines[0].text) + 1
	var first error
	for len(rest) > 0 {
		fail := func(err error) error { return &segmentError{len(s.lines), at, err} }
		if len(s.lines) == MaxLines {
			return cmp.Or(first, fail(fmt.Errorf("%w: more than %d lines", ErrTooLarge, MaxLines)))
		}
		line := segmentLine{offset: at}
		if len(holes) > 0 && holes[0].Offset == at && holes[0].Length > 0 {
			line.length, line.hidden = holes[0].Length, true
			holes = holes[1:]
		} else {
			n, size, err := frameLength(rest)
			if err != nil {
				return cmp.Or(first, fail(err))
			}
			if size > uint64(MaxSegment-total) {
				return cmp.Or(first, fail(fmt.Errorf("%w: more than %d bytes of journal", ErrTooLarge, MaxSegment)))
			}
			total += int(size)
			line.length = int64(n)
			if line.text, err = c.line(rest[:n], int(size)); err != nil && first == nil {
				first = fail(err)
			}
		}
		s.lines = append(s.lines, line)
		rest, at = rest[line.length:], at+line.length
	}
	return first
}

// line returns the line in a frame whose content has size bytes.
func (c *coder) line(frame []byte, size int) ([]byte, error) {
	text, err := c.dec.DecodeAll(frame, make([]byte, 0, size))
	if err != nil {
		return nil, err
	}
	return oneLine(text)
}

// oneLine returns b without its newline; b must be one line.
func oneLine(b []byte) ([]byte, error) {
	if i := bytes.IndexByte(b, '\n'); i < 0 || i != len(b)-1 {
		return nil, errors.New("a frame is not one line")
	}
	return b[:len(b)-1], nil
}

// parseHeader reads a visit line, which must be that of v.
func parseHeader(v onrecord.VisitID, line []byte) (VisitHeader, error) {
	var h VisitHeader
	if err := checkKeys(line); err != nil {
		return h, err
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, fmt.Errorf("visit line: %w", err)
	}
	switch {
	case h.V != 1 || h.Type != string(onrecord.VisitLine):
		return h, fmt.Errorf("visit line: version %d, type %q", h.V, h.Type)
	case h.Visit != v:
		return h, fmt.Errorf("visit line: names visit %s", h.Visit)
	}
	for _, o := range h.Objects {
		if !strings.HasPrefix(o.Key, "captures/") && !strings.HasPrefix(o.Key, "media/") || bucket.CheckKey(o.Key) != nil {
			return h, fmt.Errorf("visit line: object %q", o.Key)
		}
	}
	return h, nil
}

// checkKeys refuses JSON objects with a key twice, at any depth.
func checkKeys(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	type level struct {
		keys map[string]bool // nil in an array
		key  bool            // the next string is a key
	}
	var stack []level
	for {
		t, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(stack) - 1
		if d, ok := t.(json.Delim); ok && (d == '}' || d == ']') {
			stack = stack[:top]
			continue
		}
		if top >= 0 && stack[top].keys != nil {
			if s, ok := t.(string); ok && stack[top].key {
				if stack[top].keys[s] {
					return fmt.Errorf("key %q twice in one object", s)
				}
				stack[top].keys[s], stack[top].key = true, false
				continue
			}
			stack[top].key = true
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{keys: map[string]bool{}, key: true})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}

// leaves returns the leaves of s, one a line.
func (s *segment) leaves() []ledger.Leaf {
	out := make([]ledger.Leaf, len(s.lines))
	for i, l := range s.lines {
		out[i] = ledger.Leaf{Visit: s.header.Visit, Line: uint32(i), Hash: sha256.Sum256(l.text)}
	}
	return out
}
