// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"onrecord/archive/bucket"
	"onrecord/archive/warc"
)

// object checks a WARC object in one pass: its digest, each record with its own
// digests, and the captures in it that lines cite.
func (v *verification) object(ctx context.Context, o ObjectRef, cited []citation, index int64) error {
	f := Finding{Kind: kindAt(o.Key), Object: o.Key, Offset: -1, Index: index}
	r, err := v.a.b.Open(ctx, o.Key, 0, -1)
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
		v.withheld(w, index, bucket.Span{})
		return v.citations(ctx, cited) // those that are shown
	}
	if err != nil {
		return v.judge(err, f)
	}
	defer r.Close()
	if r.Size > o.Length { // however much that is, it is other bytes: erasures keep the length
		v.add(func(r *Report) { r.Objects++ })
		f.Reason = fmt.Sprintf("%d bytes, the visit line has %d", r.Size, o.Length)
		v.suspect(suspect{Finding: f})
		return nil
	}
	whole := sha256.New()
	spans := newSpans(cited)
	in := &counter{r: io.TeeReader(r, io.MultiWriter(whole, spans))}
	records, decoded := v.records(in, f)
	if _, err := io.Copy(io.Discard, in); err != nil {
		return outOfReach(fmt.Errorf("%s: %w", o.Key, err))
	}
	v.add(func(r *Report) {
		r.Objects++
		r.Records += records
		r.Bytes += in.n
		r.Decoded += decoded
	})
	if sum := [32]byte(whole.Sum(nil)); in.n != o.Length || fmt.Sprintf("%x", sum) != o.SHA256 {
		f.Reason = fmt.Sprintf("%d bytes with SHA-256 %x, the visit line has %d bytes with %s", in.n, sum, o.Length, o.SHA256)
		v.suspect(suspect{Finding: f, implied: in.n == o.Length, unless: isValue(o.Key, in.n, sum)})
	}
	for _, s := range spans.all {
		if reason := s.wrong(in.n); reason != "" {
			v.suspect(citedWrong(s.citation, reason))
		}
	}
	return nil
}

// records reads every record of a WARC file, and returns how many there are and
// the length of their blocks. Bytes that are lost behind damage can look like
// anything: of faults that follow each other without a record between, the first
// counts.
func (v *verification) records(r io.Reader, f Finding) (n, decoded int64) {
	check := (*warc.Record).Verify
	if strings.HasSuffix(f.Object, ".gz") { // each member has its CRC
		check = (*warc.Record).VerifyPayload
	}
	lost := false
	for rec, err := range warc.Records(r, warc.ReaderOptions{Skim: true}) {
		if err == nil {
			n, lost = n+1, false
			decoded += int64(len(rec.Block)) + rec.Skimmed
			if rec.Redacted() != "" {
				v.add(func(r *Report) { r.Redacted++ })
			}
			if _, err = check(rec); err == nil {
				continue
			}
			f.Offset = rec.Offset
		} else if lost {
			continue
		} else {
			lost = true
		}
		if e, ok := errors.AsType[*warc.Error](err); ok {
			f.Offset = e.Offset
		}
		f.Reason = err.Error()
		v.suspect(suspect{Finding: f, unless: isRecord(f.Object, f.Offset)})
	}
	return n, decoded
}

// A span is a cited part of an object whose bytes are hashed as they pass.
type span struct {
	citation
	sum  hash.Hash
	read int64
}

// wrong says why the citation does not point at its bytes in an object of size
// bytes; nothing if it does.
func (s *span) wrong(size int64) string {
	if s.ref.Offset < 0 || s.ref.Length < 0 || s.read < s.ref.Length {
		return fmt.Sprintf("a capture of %d bytes is cited, the object has %d", s.ref.Length, size)
	}
	if sum := fmt.Sprintf("%x", s.sum.Sum(nil)); sum != s.ref.SHA256 {
		return fmt.Sprintf("SHA-256 of the capture is %s, cited with %s", sum, s.ref.SHA256)
	}
	return ""
}

// spans hashes cited parts of an object that is written to it, each once: there
// is one for all citations that are the same.
type spans struct {
	all  []*span // by offset
	open []*span // those that have begun and not ended
	next int     // in all: the first that has not begun
	at   int64   // bytes written
}

func newSpans(cited []citation) *spans {
	s := &spans{}
	type key struct {
		off, n int64
		sum    string
	}
	seen := map[key]bool{}
	for _, c := range cited {
		k := key{c.ref.Offset, c.ref.Length, c.ref.SHA256}
		if !seen[k] {
			seen[k] = true
			s.all = append(s.all, &span{citation: c, sum: sha256.New()})
		}
	}
	slices.SortStableFunc(s.all, func(a, b *span) int { return cmp.Compare(a.ref.Offset, b.ref.Offset) })
	return s
}

// Write implements io.Writer. It returns no error.
func (s *spans) Write(p []byte) (int, error) {
	end := s.at + int64(len(p))
	for s.next < len(s.all) && s.all[s.next].ref.Offset < end {
		s.open = append(s.open, s.all[s.next])
		s.next++
	}
	s.open = slices.DeleteFunc(s.open, func(o *span) bool {
		from, to := max(o.ref.Offset, s.at), min(o.ref.Offset+o.ref.Length, end)
		if from < to {
			o.sum.Write(p[from-s.at : to-s.at])
			o.read += to - from
		}
		return o.ref.Offset+o.ref.Length <= end
	})
	s.at = end
	return len(p), nil
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// readInto fills b from r, which must have just so many bytes, and closes it.
func readInto(b []byte, r io.ReadCloser) error {
	_, err := io.ReadFull(r, b)
	return errors.Join(err, r.Close())
}
