// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/files"
	"onrecord/archive/warc"
)

// A Spool is the captures of one visit, and small files beside them. It is
// safe for concurrent use.
type Spool struct {
	d     *Dir
	dir   string
	visit onrecord.VisitID
	cut   int64

	mu       sync.Mutex // guards what follows
	meta     Meta
	lock     *os.File
	err      error      // of the first write that failed, or ErrClosed
	warc     files.File // nil until the first Record
	index    files.File
	payloads files.File // nil until the first revisit
	w        *warc.Writer
	sum      hash.Hash // of the WARC, as far as it is acknowledged
	warcSize int64     // acknowledged
	idxSize  int64
	paySize  int64
	used     int64 // bytes, for the Dir
	deferred bool
	lines    []byte // of the index: deferred, so not written yet
	media    mediaFile
	red      redacted // of the WARC: what goes into the bucket
	redMedia redacted // of the WARC of media
}

// spool returns a Spool that holds lock.
func (d *Dir) spool(m Meta, lock *os.File) *Spool {
	return &Spool{d: d, visit: m.Visit, meta: m, lock: lock, sum: sha256.New()}
}

// Meta returns the spool's Meta.
func (s *Spool) Meta() Meta {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meta
}

// Object returns the key under which the visit's WARC goes into the bucket:
// "captures/2026/11/22/<visit>.warc.gz", by the UTC date of the ULID.
func (s *Spool) Object() string {
	return "captures/" + s.visit.Time().Format("2006/01/02") + "/" + s.warcName()
}

func (s *Spool) warcName() string { return s.visit.String() + ".warc.gz" }

func (s *Spool) path(name string) string { return filepath.Join(s.dir, name) }

// Cut returns how many bytes of a capture that was never acknowledged were cut
// off when the spool was taken over; 0 for none.
func (s *Spool) Cut() int64 { return s.cut }

// Record appends one exchange; it is on disk when Record returns. The
// reference is to the response record, or, where there was no answer, to the
// metadata record that says why. The end of ctx does not keep back what was
// received. An exchange that can't be written, and one with which the WARC might be
// larger than an object may be, is warc.ErrExchange and leaves the spool as it was.
func (s *Spool) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return onrecord.CaptureRef{}, s.err
	}
	if most := s.warcSize + mostOf(x); most > s.d.o.Largest {
		return onrecord.CaptureRef{}, fmt.Errorf("%s: with it the visit's WARC might have %d bytes, and no object of an archive has more than %d: %w: %w", x.URL, most, s.d.o.Largest, warc.ErrExchange, bucket.ErrTooLarge)
	}
	if err := s.openFiles(); err != nil {
		return onrecord.CaptureRef{}, s.die("record", err)
	}
	res, err := s.w.Write(x)
	if errors.Is(err, warc.ErrExchange) {
		return onrecord.CaptureRef{}, err
	}
	l := line{Begin: res.Begin, End: res.End, Ref: res.Ref(s.Object(), x)}
	if err == nil && !s.deferred {
		err = s.warc.Sync()
	}
	if err == nil && res.Revisit {
		l.Digest = x.Prior.Digest
		err = s.keepPayload(&l, x.Payload)
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

// mostOf returns more bytes than the records of x take: what gzip can't make smaller
// it makes a little larger.
func mostOf(x onrecord.Exchange) int64 {
	n := int64(len(x.Request) + len(x.Response) + len(x.Payload) + len(x.Note) + len(x.Failure) + 4*len(x.URL))
	return n + n/1000 + 16<<10
}

// die makes err the answer to every later write: after a write or a sync that
// failed, the system's idea of the file and the disk's may differ for ever.
func (s *Spool) die(doing string, err error) error {
	s.err = fmt.Errorf("spool %s: %s: %w", s.visit, doing, err)
	return s.err
}

// count adds to the size of the spool, and of the directory.
func (s *Spool) count(n int64) {
	s.used += n
	s.d.used.Add(n)
}

// openFiles opens the WARC and the index for appending.
func (s *Spool) openFiles() error {
	if s.w != nil {
		return nil
	}
	var err error
	if s.warc, err = s.open(s.warcName()); err != nil {
		return err
	}
	if s.index, err = s.open(indexFile); err != nil {
		return err
	}
	if err := files.SyncFolder(s.d.disk, s.dir); err != nil {
		return err
	}
	s.newWriter()
	return nil
}

// newWriter begins to write behind what is acknowledged.
func (s *Spool) newWriter() {
	s.w = warc.NewWriter(io.MultiWriter(s.warc, s.sum), warc.WriterOptions{
		Software: s.d.o.Software, Operator: s.d.o.Operator, Robots: "obey",
		Visit: s.visit.String(), Date: s.meta.Started, Rand: s.d.o.Rand, Offset: s.warcSize,
	})
}

func (s *Spool) open(name string) (files.File, error) {
	return s.d.disk.Open(s.path(name), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// keepPayload keeps a payload that the WARC only refers to: the visit is read
// again from its spool, where the earlier capture may be out of reach.
func (s *Spool) keepPayload(l *line, payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	if s.payloads == nil {
		f, err := s.open(payloadsFile)
		if err != nil {
			return err
		}
		s.payloads = f
		if err := files.SyncFolder(s.d.disk, s.dir); err != nil {
			return err
		}
	}
	if _, err := s.payloads.Write(payload); err != nil {
		return err
	}
	if err := s.payloads.Sync(); err != nil {
		return err
	}
	sum := sha256.Sum256(payload)
	l.Payload = &span{Offset: s.paySize, Length: int64(len(payload)), SHA256: hex.EncodeToString(sum[:])}
	s.paySize += l.Payload.Length
	s.count(l.Payload.Length)
	return nil
}

// addLine acknowledges a capture.
func (s *Spool) addLine(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if s.deferred {
		s.lines = append(s.lines, b...)
		return nil
	}
	return s.writeLines(b)
}

// writeLines writes whole lines of the index, durably.
func (s *Spool) writeLines(b []byte) error {
	if _, err := s.index.Write(b); err != nil {
		return err
	}
	if err := s.index.Sync(); err != nil {
		return err
	}
	s.idxSize += int64(len(b))
	s.count(int64(len(b)))
	return nil
}

// WARC returns the visit's WARC as it stands, or its redacted copy, whole and on
// disk, to be put under Object. It is false if nothing was recorded. The Body is good until Remove.
func (s *Spool) WARC() (bucket.Body, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return bucket.Body{}, false, s.err
	}
	if s.warcSize == 0 {
		return bucket.Body{}, false, nil
	}
	if err := s.flush(); err != nil {
		return bucket.Body{}, false, err
	}
	if s.red.sum != nil {
		return bodyOf(s.path(redactedWARC), s.red.size, s.red.sum), true, nil
	}
	return bodyOf(s.path(s.warcName()), s.warcSize, s.sum), true, nil
}

// Close frees the lock and keeps the spool for the next Take. Closing again is
// no error.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.close()
}

func (s *Spool) close() error {
	if s.lock == nil {
		return nil
	}
	var errs []error
	for _, f := range []files.File{s.warc, s.index, s.payloads, s.media.warc, s.media.index} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	errs = append(errs, s.lock.Close())
	s.lock, s.err = nil, ErrClosed
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("spool %s: close: %w", s.visit, err)
	}
	return nil
}

// Remove deletes the spool and frees its lock.
func (s *Spool) Remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return ErrClosed
	}
	// First the name, at one stroke: half a spool must never look like one.
	old := filepath.Join(s.d.dir, oldPrefix+s.visit.String())
	err := s.d.disk.Rename(s.dir, old)
	if err == nil {
		err = errors.Join(files.SyncFolder(s.d.disk, s.d.dir), s.d.disk.RemoveAll(old))
		s.count(-s.used)
	}
	if err := errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("spool %s: remove: %w", s.visit, err)
	}
	return nil
}
