// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
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
	"os"

	"onrecord"
	"onrecord/archive/files"
	"onrecord/archive/warc"
)

// The names of the redacted copies, and of the file that says that they are
// being put into their places.
const (
	redactedPrefix     = "redacted."
	redactedWARC       = "redacted.warc.gz"
	redactedIndex      = "redacted.ndjson"
	redactedPayloads   = "redacted.payloads"
	redactedMedia      = "redacted.warc"
	redactedMediaIndex = "redacted.media.ndjson"
	settlingFile       = "redacted.settling"
)

// A Place is where the evidence of a capture begins, in one of the visit's
// objects.
type Place struct {
	Object string
	Offset int64
}

// A redacted is the copy of a WARC in which captures are redacted.
type redacted struct {
	size int64
	sum  hash.Hash // nil: there is no copy
}

// Redact makes copies of the visit's WARCs in which captures, with the records
// beside them, are what an erasure leaves of them (record.md 5): cases has the
// number of the case by capture. They are on disk when it returns, WARC and
// Media are they from then on, and what was recorded is still there, for
// Entries, until Settle. It returns the captures as the copies have them. Called
// again, it begins anew; without cases there are no copies any more.
func (s *Spool) Redact(ctx context.Context, cases map[Place]string) (map[Place]onrecord.CaptureRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	err := s.dropCopies()
	if err != nil || len(cases) == 0 {
		return nil, err
	}
	if err = s.flush(); err == nil {
		err = s.flushMedia()
	}
	if err != nil {
		return nil, err
	}
	refs := make(map[Place]onrecord.CaptureRef, len(cases))
	err = s.redactCaptures(ctx, cases, refs)
	if err == nil {
		err = s.redactMedia(ctx, cases, refs)
	}
	if err == nil {
		err = files.SyncFolder(s.d.disk, s.dir)
	}
	if err == nil && len(refs) < len(cases) {
		err = fmt.Errorf("%d of %d captures are not of this visit", len(cases)-len(refs), len(cases))
	}
	if err != nil {
		s.red, s.redMedia = redacted{}, redacted{}
		return nil, fmt.Errorf("spool %s: redact: %w", s.visit, err)
	}
	return refs, nil
}

// dropCopies removes the copies that there are.
func (s *Spool) dropCopies() error {
	s.red, s.redMedia = redacted{}, redacted{}
	for _, name := range [...]string{redactedWARC, redactedIndex, redactedPayloads, redactedMedia, redactedMediaIndex} {
		n := fileSize(s.path(name))
		err := s.d.disk.Remove(s.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("spool %s: %w", s.visit, err)
		}
		s.count(-n)
	}
	return nil
}

// redactCaptures makes the copies of the captures, of their index, and of the
// payloads beside them.
func (s *Spool) redactCaptures(ctx context.Context, cases map[Place]string, refs map[Place]onrecord.CaptureRef) error {
	lines, _, err := s.readIndex()
	if err != nil {
		return err
	}
	c, err := s.beginCopy(redactedWARC, s.warcName())
	if err != nil {
		return err
	}
	defer c.close()
	var index bytes.Buffer
	var gone []span
	for _, l := range lines {
		if err := ctx.Err(); err != nil {
			return err
		}
		payload := l.Payload
		if err := c.line(&l, cases, refs); err != nil {
			return err
		}
		if l.Redacted != "" && payload != nil {
			l.Payload, gone = nil, append(gone, *payload)
		}
		if err := json.NewEncoder(&index).Encode(l); err != nil {
			return err
		}
	}
	if s.red, err = c.end(); err != nil {
		return err
	}
	if err := s.blankPayloads(gone); err != nil {
		return err
	}
	return s.replace(redactedIndex, index.Bytes())
}

// redactMedia makes the copies of the media and of their index.
func (s *Spool) redactMedia(ctx context.Context, cases map[Place]string, refs map[Place]onrecord.CaptureRef) error {
	lines, _, err := s.readMediaIndex(s.media.idx)
	if err != nil || len(lines) == 0 {
		return err
	}
	c, err := s.beginCopy(redactedMedia, s.mediaName())
	if err != nil {
		return err
	}
	defer c.close()
	var index bytes.Buffer
	for _, l := range lines {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.line(&l.line, cases, refs); err != nil {
			return err
		}
		if l.Redacted != "" {
			l.At, l.About = onrecord.Span{}, nil
		}
		if err := json.NewEncoder(&index).Encode(l); err != nil {
			return err
		}
	}
	if s.redMedia, err = c.end(); err != nil {
		return err
	}
	return s.replace(redactedMediaIndex, index.Bytes())
}

// A copying is a redacted copy under way.
type copying struct {
	s    *Spool
	from *os.File
	to   files.File
	out  io.Writer
	sum  hash.Hash
	size int64
}

// beginCopy begins a copy of the file from.
func (s *Spool) beginCopy(name, from string) (*copying, error) {
	f, err := os.Open(s.path(from))
	if errors.Is(err, fs.ErrNotExist) { // nothing was recorded
		f, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	to, err := s.d.disk.Open(s.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return nil, err
	}
	c := &copying{s: s, from: f, to: to, sum: sha256.New()}
	c.out = io.MultiWriter(to, c.sum)
	return c, nil
}

// line copies the records that a line of the index stands for, redacted where
// cases says so, and changes the line accordingly.
func (c *copying) line(l *line, cases map[Place]string, refs map[Place]onrecord.CaptureRef) error {
	at := Place{l.Ref.Object, l.Ref.Offset}
	number, ok := cases[at]
	if !ok {
		_, err := io.Copy(c.out, io.NewSectionReader(c.from, l.Begin, l.End-l.Begin))
		c.size = l.End
		return err
	}
	begin := l.Begin
	for rec, err := range warc.Records(io.NewSectionReader(c.from, l.Begin, l.End-l.Begin), warc.ReaderOptions{Skim: true}) {
		if err != nil {
			return fmt.Errorf("%s: %w", l.Ref.URL, err)
		}
		records := io.NewSectionReader(c.from, l.Begin+rec.Offset, rec.Length)
		if rec.Type() == "warcinfo" { // of the visit, not of this capture
			_, err = io.Copy(c.out, records)
		} else {
			err = c.redact(records, rec.Length, number, begin+rec.Offset == l.Ref.Offset, l)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", l.Ref.URL, err)
		}
		c.size = l.Begin + rec.Offset + rec.Length
	}
	if c.size != l.End {
		return fmt.Errorf("%w: %s: records end at %d, want %d", ErrDamaged, l.Ref.URL, c.size, l.End)
	}
	l.Redacted, l.Digest, l.Ref.URL = number, "", warc.RedactedURI
	refs[at] = l.Ref
	return nil
}

// redact writes what is left of one record; the evidence gives the line its
// digest.
func (c *copying) redact(r io.Reader, n int64, number string, evidence bool, l *line) error {
	red, err := warc.RedactionOf(r, n, number)
	if err != nil {
		return err
	}
	one := sha256.New()
	if _, err := red.WriteTo(io.MultiWriter(c.out, one)); err != nil {
		return err
	}
	if evidence {
		l.Ref.SHA256 = hex.EncodeToString(one.Sum(nil))
	}
	return nil
}

// end makes the copy durable.
func (c *copying) end() (redacted, error) {
	err := c.to.Sync()
	if err == nil {
		err = c.close()
	}
	if err != nil {
		return redacted{}, err
	}
	c.s.count(c.size)
	return redacted{c.size, c.sum}, nil
}

func (c *copying) close() error {
	var errs []error
	if c.to != nil {
		errs = append(errs, c.to.Close())
	}
	if c.from != nil {
		errs = append(errs, c.from.Close())
	}
	c.to, c.from = nil, nil
	return errors.Join(errs...)
}

// blankPayloads makes a copy of the payloads beside the WARC in which spans are
// blank.
func (s *Spool) blankPayloads(gone []span) error {
	if len(gone) == 0 {
		return nil
	}
	b, err := os.ReadFile(s.path(payloadsFile))
	if err != nil {
		return err
	}
	for _, p := range gone {
		if p.Offset < 0 || p.Length < 0 || p.Offset+p.Length > int64(len(b)) {
			return fmt.Errorf("%w: %s", ErrDamaged, payloadsFile)
		}
		clear(b[p.Offset : p.Offset+p.Length])
	}
	return s.replace(redactedPayloads, b)
}
