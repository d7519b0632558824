// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/files"
	"onrecord/archive/warc"
)

// The names of the files of media: their index, and a payload on its way.
const (
	mediaIndex = "media.ndjson"
	mediaPart  = "media.part"
)

// A mediaFile is the second WARC of a visit: media, not compressed.
type mediaFile struct {
	warc  files.File // nil until the first RecordMedia
	index files.File
	w     *warc.Writer
	sum   hash.Hash // of the WARC, as far as it is acknowledged
	size  int64     // acknowledged
	idx   int64
	lines []byte // of the index: deferred, so not written yet
}

// A Media is one payload in the WARC of media.
type Media struct {
	Ref onrecord.CaptureRef // of the record
	// At is the payload; the zero Span where the record refers to an earlier one.
	At   onrecord.Span
	Note json.RawMessage // the caller's own
}

// A mediaLine is one line of the index of media.
type mediaLine struct {
	line
	At    onrecord.Span   `json:"at,omitzero"`
	About json.RawMessage `json:"about,omitempty"`
}

// MediaObject returns the key under which the visit's media go into the bucket:
// "media/2026/11/22/<visit>.warc".
func (s *Spool) MediaObject() string {
	return "media/" + s.visit.Time().Format("2006/01/02") + "/" + s.mediaName()
}

func (s *Spool) mediaName() string { return s.visit.String() + ".warc" }

// RecordMedia appends an exchange with the payload f, whole or not at all, with
// memory that does not grow with it; it is on disk when RecordMedia returns,
// unless Defer was called. Where x.Prior has the digest of f the record refers
// to the earlier capture. Note is kept with it. An exchange that can't be
// written, a payload that is not what f says, and one with which the WARC would be
// larger than an object may be, are warc.ErrExchange; the spool is as it was.
func (s *Spool) RecordMedia(_ context.Context, x onrecord.Exchange, f onrecord.File, note json.RawMessage) (Media, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Media{}, s.err
	}
	m := &s.media
	if err := s.openMedia(); err != nil {
		return Media{}, s.die("record media", err)
	}
	before := m.sum
	var err error
	if m.sum, err = cloneHash(m.sum); err != nil {
		return Media{}, s.die("record "+x.URL, err)
	}
	s.newMediaWriter()
	res, p, err := m.w.WriteMedia(x, f)
	if err == nil && res.End > s.d.o.Largest {
		err = fmt.Errorf("%s: with it the visit's media would have %d bytes, and no object of an archive has more than %d: %w: %w", x.URL, res.End, s.d.o.Largest, warc.ErrExchange, bucket.ErrTooLarge)
	}
	if errors.Is(err, warc.ErrExchange) {
		m.sum = before
		if err2 := m.warc.Truncate(m.size); err2 != nil {
			return Media{}, s.die("record "+x.URL, errors.Join(err, err2))
		}
		return Media{}, err
	}
	l := mediaLine{line: line{Begin: res.Begin, End: res.End, Ref: res.Ref(s.MediaObject(), x)}, About: note}
	if p.Offset >= 0 {
		l.At = onrecord.Span{Object: s.MediaObject(), Offset: p.Offset, Length: p.Size}
	}
	if err == nil && !s.deferred {
		err = m.warc.Sync()
	}
	if err == nil {
		err = s.addMediaLine(l)
	}
	if err != nil {
		return Media{}, s.die("record "+x.URL, err)
	}
	s.count(res.End - res.Begin)
	m.size = res.End
	return Media{Ref: l.Ref, At: l.At, Note: note}, nil
}

// openMedia opens the WARC of media and its index for appending.
func (s *Spool) openMedia() error {
	m := &s.media
	if m.warc != nil {
		return nil
	}
	var err error
	if m.index, err = s.open(mediaIndex); err != nil {
		return err
	}
	if m.warc, err = s.open(s.mediaName()); err != nil {
		return err
	}
	if m.sum == nil {
		m.sum = sha256.New()
	}
	return files.SyncFolder(s.d.disk, s.dir)
}

// newMediaWriter begins to write behind what is acknowledged.
func (s *Spool) newMediaWriter() {
	s.media.w = warc.NewWriter(io.MultiWriter(s.media.warc, s.media.sum), warc.WriterOptions{
		Software: s.d.o.Software, Operator: s.d.o.Operator, Robots: "obey",
		Visit: s.visit.String(), Date: s.meta.Started, Rand: s.d.o.Rand, Offset: s.media.size, Plain: true,
	})
}

// addMediaLine acknowledges a payload.
func (s *Spool) addMediaLine(l mediaLine) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	s.media.lines = append(append(s.media.lines, b...), '\n')
	if s.deferred {
		return nil
	}
	return s.writeMediaLines()
}

// writeMediaLines writes the lines that are waiting, durably.
func (s *Spool) writeMediaLines() error {
	m := &s.media
	if _, err := m.index.Write(m.lines); err != nil {
		return err
	}
	if err := m.index.Sync(); err != nil {
		return err
	}
	m.idx += int64(len(m.lines))
	s.count(int64(len(m.lines)))
	m.lines = nil
	return nil
}

// Media returns the WARC of media as it stands, whole and on disk, to be put
// under MediaObject. It is false if there is none. The Body is good until
// Remove.
func (s *Spool) Media() (bucket.Body, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.media
	if s.err != nil || m.size == 0 {
		return bucket.Body{}, false, s.err
	}
	if err := s.flushMedia(); err != nil {
		return bucket.Body{}, false, err
	}
	if s.redMedia.sum != nil {
		return bodyOf(s.path(redactedMedia), s.redMedia.size, s.redMedia.sum), true, nil
	}
	return bodyOf(s.path(s.mediaName()), m.size, m.sum), true, nil
}

// flushMedia makes durable what Defer has put off.
func (s *Spool) flushMedia() error {
	if len(s.media.lines) == 0 {
		return nil
	}
	err := s.media.warc.Sync()
	if err == nil {
		err = s.writeMediaLines()
	}
	if err != nil {
		return s.die("flush media", err)
	}
	return nil
}

// bodyOf returns the first size bytes of a file as a body.
func bodyOf(path string, size int64, sum hash.Hash) bucket.Body {
	return bucket.Body{
		Size: size, SHA256: [32]byte(sum.Sum(nil)),
		Open: func() (io.ReadCloser, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			return struct {
				io.Reader
				io.Closer
			}{io.LimitReader(f, size), f}, nil
		},
	}
}

// MediaEntries yields the media in the order in which they were recorded, as
// they are when the sequence begins. An error comes alone and ends it.
func (s *Spool) MediaEntries(ctx context.Context) iter.Seq2[Media, error] {
	return func(yield func(Media, error) bool) {
		s.mu.Lock()
		n, closed := s.media.idx, s.lock == nil
		s.mu.Unlock()
		err := ctx.Err()
		if closed {
			err = ErrClosed
		}
		var lines []mediaLine
		if err == nil && n > 0 {
			lines, _, err = s.readMediaIndex(n)
		}
		for _, l := range lines {
			if l.Redacted != "" {
				continue
			}
			if !yield(Media{Ref: l.Ref, At: l.At, Note: l.About}, nil) {
				return
			}
		}
		if err != nil {
			yield(Media{}, fmt.Errorf("spool %s: %w", s.visit, err))
		}
	}
}

// restoreMedia reads what a process left behind: each payload that the index
// names, by its digest. What has no whole line is cut.
func (s *Spool) restoreMedia() (cut int64, err error) {
	m := &s.media
	lines, size, err := s.readMediaIndex(-1)
	if err != nil {
		return 0, err
	}
	m.idx, m.sum = size, sha256.New()
	records := make([]line, len(lines))
	for i, l := range lines {
		records[i] = l.line
	}
	if m.size, err = checkRecords(s.path(s.mediaName()), mediaIndex, records, m.sum); err != nil {
		return 0, err
	}
	for name, size := range map[string]int64{s.mediaName(): m.size, mediaIndex: m.idx, mediaPart: 0} {
		n, err := s.cutFile(s.path(name), size)
		if err != nil {
			return cut, err
		}
		if name != mediaPart {
			cut += n
		}
	}
	return cut, nil
}

// readMediaIndex returns the whole lines among the first n bytes of the index,
// of all where n < 0, and their size. A bad line before a good one is damage.
func (s *Spool) readMediaIndex(n int64) (lines []mediaLine, size int64, err error) {
	b, err := os.ReadFile(s.path(mediaIndex))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	if n >= 0 {
		b = b[:min(n, int64(len(b)))]
	}
	return wholeLines[mediaLine](b, mediaIndex)
}
