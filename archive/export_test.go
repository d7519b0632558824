// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"io"

	"onrecord"
	"onrecord/archive/ledger"
)

// BuildSegment and ParseSegment show the codec of journal segments to tests.
func BuildSegment(h VisitHeader, events []onrecord.Event, rand io.Reader) ([]byte, error) {
	c, err := newCoder()
	if err != nil {
		return nil, err
	}
	s, err := c.build(h, events, rand)
	if err != nil {
		return nil, err
	}
	return s.bytes, nil
}

// A Parser parses segments.
type Parser struct{ c *coder }

func NewParser() (Parser, error) {
	c, err := newCoder()
	return Parser{c}, err
}

// Parse returns the lines of a segment.
func (p Parser) Parse(v onrecord.VisitID, b []byte) (VisitHeader, [][]byte, error) {
	s, err := p.c.parse(v, b)
	var lines [][]byte
	for _, l := range s.lines {
		lines = append(lines, l.text)
	}
	return s.header, lines, err
}

// CheckRegister parses the body of a state register.
func CheckRegister(source string, b []byte) error {
	_, err := parseRegister(source, b)
	return err
}

// JournalKey is the key of a visit's segment.
func JournalKey(v onrecord.VisitID) string { return journalKey(v) }

// Spooled counts the spools that nobody holds.
func Spooled(ctx context.Context, a *Archive) int {
	n := 0
	for s, err := range a.spool.Take(ctx, nil) {
		if err == nil {
			n++
			err = s.Close()
		}
		if err != nil {
			return -1
		}
	}
	return n
}

// Waiting counts the visits that wait for the head.
func Waiting(a *Archive) int {
	a.queue.mu.Lock()
	defer a.queue.mu.Unlock()
	return len(a.queue.waiting)
}

// Frames returns where the frames of a segment begin.
func Frames(b []byte) (offsets []int64) {
	_, rest, err := cutRawFrame(b)
	for offsets = append(offsets, 0); err == nil && len(rest) > 0; {
		offsets = append(offsets, int64(len(b)-len(rest)))
		var n int
		if n, _, err = frameLength(rest); err == nil {
			rest = rest[n:]
		}
	}
	return offsets
}

// BuildLeaves builds the segment of a visit, and returns its leaves, too.
func BuildLeaves(h VisitHeader, events []onrecord.Event, rand io.Reader) ([]byte, []ledger.Leaf, error) {
	c, err := newCoder()
	if err != nil {
		return nil, nil, err
	}
	s, err := c.build(h, events, rand)
	if err != nil {
		return nil, nil, err
	}
	return s.bytes, s.leaves(), nil
}
