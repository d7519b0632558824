// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"errors"
	"fmt"
	"hash"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/warc"
)

// Defer makes captures durable when WARC is called and not one by one: for a
// visit that can be made again from what it reads, such as an import. What a
// process that dies before that has recorded is cut.
func (s *Spool) Defer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deferred = true
}

// flush makes durable what Defer has put off. First the captures: a line that
// is whole vouches for its capture.
func (s *Spool) flush() error {
	if len(s.lines) == 0 {
		return nil
	}
	err := s.warc.Sync()
	if err == nil {
		err = s.writeLines(s.lines)
	}
	if err != nil {
		return s.die("flush", err)
	}
	s.lines = nil
	return nil
}

// RecordFile appends a file that no exchange brought, whole or not at all, with
// memory that does not grow with it. Of x it takes address, times and media
// type. A file that is not what f says, and one with which the WARC would be larger
// than an object may be, is warc.ErrExchange; the spool is as it was.
func (s *Spool) RecordFile(ctx context.Context, x onrecord.Exchange, f onrecord.File) (onrecord.CaptureRef, error) {
	if err := ctx.Err(); err != nil {
		return onrecord.CaptureRef{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return onrecord.CaptureRef{}, s.err
	}
	if err := s.openFiles(); err != nil {
		return onrecord.CaptureRef{}, s.die("record", err)
	}
	before := s.sum
	var err error
	if s.sum, err = cloneHash(s.sum); err != nil {
		return onrecord.CaptureRef{}, s.die("record "+x.URL, err)
	}
	s.newWriter()
	res, err := s.w.WriteFile(x, f)
	if err == nil && res.End > s.d.o.Largest {
		err = fmt.Errorf("%s: with it the visit's WARC would have %d bytes, and no object of an archive has more than %d; split the file: %w: %w", x.URL, res.End, s.d.o.Largest, warc.ErrExchange, bucket.ErrTooLarge)
	}
	if errors.Is(err, warc.ErrExchange) {
		s.sum = before
		if err2 := s.warc.Truncate(s.warcSize); err2 != nil {
			return onrecord.CaptureRef{}, s.die("record "+x.URL, errors.Join(err, err2))
		}
		s.newWriter()
		return onrecord.CaptureRef{}, err
	}
	l := line{Begin: res.Begin, End: res.End, Ref: res.Ref(s.Object(), onrecord.Exchange{URL: x.URL, At: x.At})}
	if err == nil && !s.deferred {
		err = s.warc.Sync()
	}
	if err == nil {
		err = s.addLine(l)
	}
	if err != nil {
		return onrecord.CaptureRef{}, s.die("record "+x.URL, err)
	}
	s.count(res.End - res.Begin)
	s.warcSize = res.End
	return l.Ref, nil
}

// cloneHash returns a SHA-256 that goes on from h, which stays as it is.
func cloneHash(h hash.Hash) (hash.Hash, error) {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil, fmt.Errorf("%T can't be cloned", h)
	}
	n, err := c.Clone()
	return n, err
}
