// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"sync/atomic"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
)

// A meter counts what is read from a bucket, in bytes.
type meter struct {
	bucket.Bucket
	read *atomic.Int64
}

func (m meter) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	o, err := m.Bucket.Open(ctx, key, off, n)
	if err == nil {
		o.ReadCloser = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(o.ReadCloser, tally{m.read}), o.ReadCloser}
	}
	return o, err
}

type tally struct{ n *atomic.Int64 }

func (t tally) Write(p []byte) (int, error) {
	t.n.Add(int64(len(p)))
	return len(p), nil
}

// TestPiecesBesideAFilm: what belongs to a picture is found without reading the film
// that lies behind it.
func TestPiecesBesideAFilm(t *testing.T) {
	w, read := newWorld(t), new(atomic.Int64)
	a := w.init(t, meter{&memory.Bucket{}, read}, fastDir(t))
	v, err := a.Begin(t.Context(), press("press"), "media", "media/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := archive.Draft{Base: -1, Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Next: v.State()}
	d.Next.Source, d.Next.Platform = "press", "website"
	for i, payload := range [][]byte{bytes.Repeat([]byte("picture "), 100), bytes.Repeat([]byte("film "), 4<<20), []byte("sound")} {
		x := exchange(w, "")
		x.Payload = nil
		m, err := v.RecordMedia(t.Context(), x, onrecord.File{Size: int64(len(payload)), SHA256: sha256.Sum256(payload), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(payload)), nil
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := said("press", string(rune('a'+i)), "x")
		e.Captures = []onrecord.CaptureRef{m.Ref}
		d.Events = append(d.Events, e)
	}
	if _, err := v.Commit(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for i, most := range []int64{2 << 20, 24 << 20, 2 << 20} {
		ref := d.Events[i].Captures[0]
		read.Store(0)
		pieces, err := a.Pieces(t.Context(), ref.Object, []onrecord.CaptureRef{ref})
		if err != nil {
			t.Fatal(err)
		}
		if len(pieces) != 3 { // warcinfo, the answer, its request
			t.Errorf("%d pieces of no. %d", len(pieces), i)
		}
		if read.Load() > most {
			t.Errorf("%d bytes were read for no. %d", read.Load(), i)
		}
	}
}
