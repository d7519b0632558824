// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/spool"
)

// BeginMedia is Begin of a visit that fetches attachments. spool.ErrFull says that too
// much lies in the spool already: attachments can wait, and must not keep visits
// out that can't.
func (a *Archive) BeginMedia(ctx context.Context, s Source, door string, memo []byte) (*Visit, error) {
	if err := a.writable(); err != nil {
		return nil, err
	}
	if err := a.spool.HalfFull(); err != nil {
		return nil, fmt.Errorf("begin a media visit of source %s: %w", s.Source, err)
	}
	return a.Begin(ctx, s, door, door+"/1", func(onrecord.SourceState) ([]byte, error) { return memo, nil })
}

// A Media is one payload in the visit's WARC of media.
type Media = spool.Media

// Part begins a payload that is on its way, on disk: one at a time.
func (v *Visit) Part() (*spool.Part, error) {
	if _, late := v.Late(); late || v.ended || v.plan != nil {
		return nil, fmt.Errorf("visit %s: record: %w", v.id, ErrEnded)
	}
	return v.s.Part()
}

// RecordMedia keeps an exchange with its payload f, which is not held in
// memory, synced to disk before it returns unless Defer was called. Where
// x.Prior has the digest of f, the record refers to the earlier capture. Note is
// kept with it until the visit has ended. What can't be written is
// warc.ErrExchange, and nothing is kept.
func (v *Visit) RecordMedia(ctx context.Context, x onrecord.Exchange, f onrecord.File, note json.RawMessage) (Media, error) {
	if _, late := v.Late(); late || v.ended || v.plan != nil {
		return Media{}, fmt.Errorf("visit %s: record: %w", v.id, ErrEnded)
	}
	m, err := v.s.RecordMedia(ctx, x, f, note)
	if err != nil {
		return m, fmt.Errorf("visit %s: record %s: %w", v.id, x.URL, err)
	}
	return m, nil
}

// Media yields the media that the visit has recorded, in order.
func (v *Visit) Media(ctx context.Context) iter.Seq2[Media, error] { return v.s.MediaEntries(ctx) }

// bodies returns the objects of the visit in s, but for its journal, as they
// stand.
func bodies(s *spool.Spool, captures bool) ([]ObjectRef, error) {
	var list []ObjectRef
	if captures {
		body, ok, err := s.WARC()
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, ref(s.Object(), body))
		}
	}
	body, ok, err := s.Media()
	if err != nil {
		return nil, err
	}
	if ok {
		list = append(list, ref(s.MediaObject(), body))
	}
	return list, nil
}

// bodyIn returns the object of that key as the spool has it; ErrMismatch where
// it has none.
func bodyIn(s *spool.Spool, key string) (bucket.Body, error) {
	var body bucket.Body
	var ok bool
	var err error
	switch key {
	case s.Object():
		body, ok, err = s.WARC()
	case s.MediaObject():
		body, ok, err = s.Media()
	}
	if err == nil && !ok {
		err = fmt.Errorf("%w: the spool has no %s", ErrMismatch, key)
	}
	return body, err
}

// OpenMedia reads n bytes from offset off of the payload at span, whose digest
// is sum, in lower-case hex. Of the whole payload the last byte is kept back
// until all of it is checked: ErrMismatch says that the bytes are others. A part
// can't be checked. onrecord.ErrNotFound says that the object is not there.
func (a *Archive) OpenMedia(ctx context.Context, at onrecord.Span, sum string, off, n int64) (io.ReadCloser, error) {
	c := onrecord.CaptureRef{Object: at.Object, Offset: at.Offset, Length: at.Length, SHA256: sum}
	if off < 0 || n < 0 || off > at.Length || n > at.Length-off {
		return nil, fmt.Errorf("media at offset %d of %s: %w", at.Offset, at.Object, bucket.ErrRange)
	}
	if off == 0 && n == at.Length {
		return a.OpenCapture(ctx, c)
	}
	if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
		return nil, captureError(c, errors.New("no digest"))
	}
	r, err := a.b.Open(ctx, at.Object, at.Offset+off, n)
	if err != nil {
		return nil, captureError(c, err)
	}
	return r, nil
}
