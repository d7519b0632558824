// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"

	"onrecord/archive/warc"
)

// restore reads what a process left behind: Meta, the index, and each capture
// that it names, by its digest. What has no whole line in the index is cut.
func (s *Spool) restore() error {
	if err := s.readMeta(); err != nil {
		return err
	}
	if err := s.settleOn(); err != nil {
		return err
	}
	lines, size, err := s.readIndex()
	if err != nil {
		return err
	}
	if err := s.checkWARC(lines); err != nil {
		return err
	}
	s.idxSize = size
	for _, c := range [...]struct {
		name string
		size int64
	}{{s.warcName(), s.warcSize}, {indexFile, s.idxSize}, {payloadsFile, s.paySize}} {
		n, err := s.cutFile(s.path(c.name), c.size)
		if err != nil {
			return err
		}
		s.cut += n
	}
	n, err := s.restoreMedia()
	if err != nil {
		return err
	}
	s.cut += n
	if s.used, err = sizeOf(s.dir); err != nil {
		return err
	}
	return nil
}

func (s *Spool) readMeta() error {
	b, err := os.ReadFile(s.path(metaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil { // which says nothing of what was recorded
		return err
	}
	var m Meta
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, metaFile, err)
	}
	if m.Visit != s.visit {
		return fmt.Errorf("%w: %s is of visit %s", ErrDamaged, metaFile, m.Visit)
	}
	s.meta = m
	return nil
}

// readIndex returns the whole lines of the index and their size in bytes. Only
// the end of the file can be torn; a bad line before a good one is damage.
func (s *Spool) readIndex() (lines []line, size int64, err error) {
	b, err := os.ReadFile(s.path(indexFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	return wholeLines[line](b, indexFile)
}

// wholeLines returns the whole lines of an index and their size in bytes. A bad
// line before a good one is damage.
func wholeLines[L interface{ whole() bool }](b []byte, name string) (lines []L, size int64, err error) {
	torn := false
	for text := range bytes.Lines(b) {
		l, ok := parseLine[L](text)
		switch {
		case !ok:
			torn = true
		case torn:
			return nil, 0, fmt.Errorf("%w: %s, line %d", ErrDamaged, name, len(lines)+1)
		default:
			lines = append(lines, l)
			size += int64(len(text))
		}
	}
	return lines, size, nil
}

// parseLine reads one line of an index; it is whole only with its newline.
func parseLine[L interface{ whole() bool }](text []byte) (l L, ok bool) {
	if !bytes.HasSuffix(text, []byte("\n")) || json.Unmarshal(text, &l) != nil {
		return l, false
	}
	return l, l.whole()
}

// whole reports whether l can be a line.
func (l line) whole() bool {
	return l.Begin >= 0 && l.Begin <= l.Ref.Offset && l.Ref.Length > 0 && l.Ref.Offset <= l.End-l.Ref.Length
}

// checkWARC reads the WARC once: the digest of each capture, and of the whole.
// It sets the sizes that the lines acknowledge.
func (s *Spool) checkWARC(lines []line) error {
	size, err := checkRecords(s.path(s.warcName()), indexFile, lines, s.sum)
	if err != nil {
		return err
	}
	s.warcSize = size
	for _, l := range lines {
		if l.Payload != nil {
			s.paySize = l.Payload.Offset + l.Payload.Length
		}
	}
	return nil
}

// checkRecords reads a WARC once: the digest of each record that the lines of an
// index name, and into sum that of the whole. It returns the size that they
// acknowledge.
func checkRecords(path, index string, lines []line, sum hash.Hash) (size int64, err error) {
	if len(lines) == 0 {
		return 0, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	br := bufio.NewReaderSize(f, 1<<16)
	for i, l := range lines {
		if l.Begin != size {
			return 0, fmt.Errorf("%w: %s, line %d: begins at %d, want %d", ErrDamaged, index, i+1, l.Begin, size)
		}
		one := sha256.New()
		_, err := io.CopyN(sum, br, l.Ref.Offset-l.Begin)
		if err == nil {
			_, err = io.CopyN(io.MultiWriter(sum, one), br, l.Ref.Length)
		}
		if err == nil {
			_, err = io.CopyN(sum, br, l.End-l.Ref.Offset-l.Ref.Length)
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
		if err == io.EOF || hex.EncodeToString(one.Sum(nil)) != l.Ref.SHA256 {
			return 0, fmt.Errorf("%w: %s, line %d: the record of %s is not what was recorded", ErrDamaged, index, i+1, l.Ref.URL)
		}
		size = l.End
	}
	return size, nil
}

// cutFile cuts a file to size and returns how much was cut. A shorter file is
// damage.
func (s *Spool) cutFile(path string, size int64) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && size == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n := info.Size() - size
	if n < 0 {
		return 0, fmt.Errorf("%w: %s has %d bytes, want %d", ErrDamaged, path, info.Size(), size)
	}
	if n == 0 {
		return 0, nil
	}
	f, err := s.d.disk.Open(path, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	return n, errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// Entries yields the captures in the order in which they were recorded, as they
// are when the sequence begins, each checked against its SHA-256. An error
// comes alone and ends the sequence.
func (s *Spool) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := s.entries(ctx, yield); err != nil {
			yield(Entry{}, fmt.Errorf("spool %s: %w", s.visit, err))
		}
	}
}

func (s *Spool) entries(ctx context.Context, yield func(Entry, error) bool) error {
	s.mu.Lock()
	n, closed := s.idxSize, s.lock == nil
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if n == 0 {
		return nil
	}
	index, err := os.Open(s.path(indexFile))
	if err != nil {
		return err
	}
	defer index.Close()
	f, err := os.Open(s.path(s.warcName()))
	if err != nil {
		return err
	}
	defer f.Close()
	for br := bufio.NewReader(io.LimitReader(index, n)); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := br.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		l, ok := parseLine[line](text)
		if !ok {
			return fmt.Errorf("%w: %s: %.80q", ErrDamaged, indexFile, text)
		}
		if l.Redacted != "" {
			continue
		}
		e, err := s.entry(f, l)
		if err != nil {
			return err
		}
		if !yield(e, nil) {
			return nil
		}
	}
}

// entry reads one capture.
func (s *Spool) entry(f *os.File, l line) (Entry, error) {
	// The evidence by its reference, with its digest; then all that belongs to it.
	if _, err := warc.ReadAt(f, l.Ref, limits()); err != nil {
		return Entry{}, fmt.Errorf("%w: %s: %w", ErrDamaged, l.Ref.URL, err)
	}
	e := Entry{Ref: l.Ref, End: l.End}
	found := false
	for c, err := range warc.Captures(io.NewSectionReader(f, l.Begin, l.End-l.Begin), limits()) {
		if err != nil {
			return Entry{}, fmt.Errorf("%w: %s: %w", ErrDamaged, l.Ref.URL, err)
		}
		e.Exchange, found = c.Exchange, true
	}
	if !found {
		return Entry{}, fmt.Errorf("%w: no capture at %d", ErrDamaged, l.Begin)
	}
	if e.Exchange.Prior != nil {
		e.Exchange.Prior.Digest = l.Digest
	}
	if l.Payload != nil {
		b, err := s.payload(*l.Payload)
		if err != nil {
			return Entry{}, err
		}
		e.Exchange.Payload = b
	}
	return e, nil
}

// limits lets through what this package has written itself.
func limits() warc.ReaderOptions { return warc.ReaderOptions{MaxBlock: math.MaxInt32} }

// payload reads a payload that the WARC only refers to.
func (s *Spool) payload(at span) ([]byte, error) {
	f, err := os.Open(s.path(payloadsFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, at.Offset, at.Length))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != at.SHA256 {
		return nil, fmt.Errorf("%w: %s at %d is not what was recorded", ErrDamaged, payloadsFile, at.Offset)
	}
	return b, nil
}
