// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// keptLine is more than the line of an event of an attachment takes.
const keptLine = 2 << 10

// enclosed keeps the files that lie within a batch, of the statements that
// events create, and adds an event for each behind that. What is kept already,
// under whatever address, is referred to.
func (w *importWriter) enclosed(ctx context.Context, b crawler.Batch, events []onrecord.Event) ([]onrecord.Event, error) {
	m := w.r.i.Media
	if !w.r.o.Pictures || m == nil {
		return events, nil
	}
	for _, e := range events {
		if e.Type != onrecord.StatementCreated {
			continue
		}
		for _, f := range b.Enclosed {
			if f.NativeID != e.NativeID || int64(len(f.Bytes)) > m.Most(f.Media.Kind) {
				continue
			}
			kept, err := w.keep(ctx, f)
			if err != nil {
				return nil, err
			}
			kept.Type, kept.Figure, kept.Source, kept.Door, kept.Parser = onrecord.MediaKept, e.Figure, e.Source, e.Door, e.Parser
			kept.Account, kept.Statement, kept.NativeID = onrecord.AccountRef{Platform: e.Account.Platform, ID: e.Account.ID}, e.Statement, e.NativeID
			kept.Prev, kept.Index, kept.Provenance = e.Prev, -1, e.Provenance
			events = append(events, kept)
			w.bytes += keptLine
		}
	}
	return events, nil
}

// enclosedBytes returns the size of the files within a batch that belong to items,
// at most what is kept of them.
func (w *importWriter) enclosedBytes(b crawler.Batch, items []onrecord.Observation) (n int64) {
	m := w.r.i.Media
	if !w.r.o.Pictures || m == nil {
		return 0
	}
	for _, f := range b.Enclosed {
		size := int64(len(f.Bytes))
		if size <= m.Most(f.Media.Kind) && slices.ContainsFunc(items, func(o onrecord.Observation) bool { return o.NativeID == f.NativeID }) {
			n += size
		}
	}
	return n
}

// keep records one file, and returns what its event says of it.
func (w *importWriter) keep(ctx context.Context, f crawler.Enclosed) (onrecord.Event, error) {
	m, sum := w.r.i.Media, sha256.Sum256(f.Bytes)
	file := onrecord.File{Size: int64(len(f.Bytes)), SHA256: sum, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(f.Bytes)), nil
	}}
	mediaType, _ := crawler.Sniff(f.Bytes)
	digest := hex.EncodeToString(sum[:])
	k := onrecord.KeptMedia{ID: f.Media.ID, URL: "urn:sha256:" + digest, SHA256: digest, Type: mediaType, Size: file.Size}
	x := onrecord.Exchange{URL: k.URL, Type: mediaType, At: w.r.i.Now().UTC().Truncate(time.Microsecond)}
	prior, err := w.stored(ctx, digest)
	if err != nil {
		return onrecord.Event{}, err
	}
	if prior.SHA256 == digest {
		k.At, k.Width, k.Height = prior.At, prior.Width, prior.Height
		x.Prior = &onrecord.Prior{URL: prior.URL, At: prior.Captured, Digest: digest}
	} else if m.Picture != nil {
		var keep func()
		k.Width, k.Height, keep, err = m.Picture(ctx, file)
		if ctx.Err() != nil {
			return onrecord.Event{}, ctx.Err()
		} else if err != nil && !errors.Is(err, ErrNoPicture) {
			return onrecord.Event{}, fmt.Errorf("look at the picture %s: %w", f.Media.ID, err)
		}
		if err == nil { // else it is kept all the same
			w.small = append(w.small, keep)
		}
	}
	e, err := w.v.Media.RecordMedia(ctx, x, file, nil)
	if err != nil {
		return onrecord.Event{}, err
	}
	if e.At != (onrecord.Span{}) {
		k.At = e.At
		w.media += k.Size
	}
	w.pictures[digest] = onrecord.StoredMedia{KeptMedia: k, Captured: e.Ref.At}
	return onrecord.Event{At: e.Ref.At, Media: &k, Captures: []onrecord.CaptureRef{e.Ref}}, nil
}

// stored returns the copy that there is of a payload; the zero value for none.
func (w *importWriter) stored(ctx context.Context, digest string) (onrecord.StoredMedia, error) {
	if m, ok := w.pictures[digest]; ok {
		return m, nil
	}
	m, err := w.r.i.Media.View.StoredMedia(ctx, digest)
	if errors.Is(err, onrecord.ErrNotFound) {
		return onrecord.StoredMedia{}, nil
	}
	return m, err
}
