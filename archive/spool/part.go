// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"onrecord"
	"onrecord/archive/files"
)

// partHead is how much of a payload's beginning a Part keeps at hand, in bytes.
const partHead = 64 << 10

// A Part is a payload on its way: on disk, not in memory, and gone with the
// process. It belongs to one goroutine.
type Part struct {
	s    *Spool
	f    files.File
	sum  hash.Hash
	size int64
	head []byte
}

// Part begins a payload. There is one at a time; it is closed before the spool.
func (s *Spool) Part() (*Part, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	f, err := s.d.disk.Open(s.path(mediaPart), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", s.visit, err)
	}
	return &Part{s: s, f: f, sum: sha256.New()}, nil
}

// Write implements io.Writer.
func (p *Part) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	p.s.tally(int64(n))
	if room := partHead - len(p.head); room > 0 {
		p.head = append(p.head, b[:min(room, n)]...)
	}
	return n, err
}

// Head returns the payload's first bytes, up to 64 KiB.
func (p *Part) Head() []byte { return p.head }

// File returns the payload as far as it was written.
func (p *Part) File() onrecord.File {
	path := p.s.path(mediaPart)
	return onrecord.File{Size: p.size, SHA256: [32]byte(p.sum.Sum(nil)), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// Close throws the payload away.
func (p *Part) Close() error {
	p.s.tally(-p.size)
	err := errors.Join(p.f.Close(), p.s.d.disk.Remove(p.s.path(mediaPart)))
	if err != nil {
		return fmt.Errorf("spool %s: %w", p.s.visit, err)
	}
	return nil
}

// tally is count for one who does not hold mu.
func (s *Spool) tally(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(n)
}
