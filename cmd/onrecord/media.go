// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"onrecord"
	"onrecord/archive"
	"onrecord/ingest"
	"onrecord/thumbnail"
)

// thumbLimit is how many bytes of small pictures a machine keeps.
const thumbLimit = 512 << 20

// mediaKeeper is an open visit of the archive as ingest.MediaKeeper.
type mediaKeeper struct{ v *archive.Visit }

func (k mediaKeeper) Part() (ingest.MediaPart, error) { return k.v.Part() }

func (k mediaKeeper) RecordMedia(ctx context.Context, x onrecord.Exchange, f onrecord.File, note []byte) (ingest.MediaEntry, error) {
	m, err := k.v.RecordMedia(ctx, x, f, note)
	return ingest.MediaEntry{Ref: m.Ref, At: m.At, Note: m.Note}, err
}

func (k mediaKeeper) Media(ctx context.Context) iter.Seq2[ingest.MediaEntry, error] {
	return func(yield func(ingest.MediaEntry, error) bool) {
		for m, err := range k.v.Media(ctx) {
			if !yield(ingest.MediaEntry{Ref: m.Ref, At: m.At, Note: m.Note}, err) || err != nil {
				return
			}
		}
	}
}

// beginMedia begins a media visit.
func (r record) beginMedia(ctx context.Context, s ingest.Source, memo []byte) (ingest.Visit, error) {
	v, err := r.a.BeginMedia(ctx, archive.Source{Source: s.ID, Platform: s.Platform, AccountID: s.AccountID, Figure: s.Figure}, ingest.MediaDoor, memo)
	if err != nil {
		return ingest.Visit{}, err
	}
	return asVisit(v), nil
}

// media is how attachments are fetched, by the configuration; nil where none
// are kept.
func (h *house) media() *ingest.Media {
	c := h.cfg.Media
	if len(c.Types) == 0 {
		return nil
	}
	m := &ingest.Media{Begin: record{h.archive}.beginMedia, View: h.catalog, Most: c.Most, Imports: c.Imports}
	if maker, err := h.thumbnails(); err != nil {
		h.log.Error("pictures are kept without their size: no helper", "err", err)
	} else if maker != nil {
		m.Picture = func(ctx context.Context, f onrecord.File) (width, height int, keep func(), err error) {
			r, err := f.Open()
			if err != nil {
				return 0, 0, nil, err
			}
			defer r.Close()
			p, err := maker.Make(ctx, r)
			if errors.Is(err, thumbnail.ErrNone) {
				err = fmt.Errorf("%w%s", ingest.ErrNoPicture, strings.TrimPrefix(err.Error(), thumbnail.ErrNone.Error()))
			}
			return p.Width, p.Height, func() { maker.Keep(hex.EncodeToString(f.SHA256[:]), p) }, err
		}
	}
	return m
}

// newThumbnails returns what makes small pictures; nil where there is no program
// to make them.
func (h *house) newThumbnails() (*thumbnail.Maker, error) {
	if len(h.env.helper) == 0 {
		return nil, nil
	}
	return thumbnail.New(thumbnail.Options{Command: h.env.helper, Dir: h.thumbDir(), Limit: thumbLimit, Now: h.env.now})
}

// thumbDir is where this machine keeps small pictures.
func (h *house) thumbDir() string { return filepath.Join(h.cfg.StateDir, "thumbs") }

// helperCommand is the command that makes small pictures, in a process of its
// own. Nobody calls it but this program.
const helperCommand = "thumbnail-helper"

func newHelper(e *env) *cobra.Command {
	return &cobra.Command{
		Use: helperCommand, Short: "Read a picture from stdin and write its size and a small one to stdout",
		Long: "Decodes one picture in a process of its own, within limits. The program calls it; nobody else needs to.", Hidden: true, Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return thumbnail.Child(e.io.in, e.io.out) },
	}
}

// mediaStore serves attachments to the website.
type mediaStore struct {
	h     *house
	maker *thumbnail.Maker // nil: no small pictures
}

func (m mediaStore) StoredMedia(ctx context.Context, sha256 string) (onrecord.StoredMedia, error) {
	return m.h.catalog.StoredMedia(ctx, sha256)
}

func (m mediaStore) OpenMedia(ctx context.Context, k onrecord.KeptMedia, off, n int64) (io.ReadCloser, error) {
	r, err := m.h.archive.OpenMedia(ctx, k.At, k.SHA256, off, n)
	return r, forNow(err)
}

func (m mediaStore) Thumb(ctx context.Context, k onrecord.KeptMedia) ([]byte, error) {
	if m.maker == nil {
		return nil, fmt.Errorf("no helper: %w", onrecord.ErrNotFound)
	}
	b, err := m.maker.Thumb(ctx, k.SHA256, func(ctx context.Context) (io.ReadCloser, error) {
		return m.h.archive.OpenMedia(ctx, k.At, k.SHA256, 0, k.At.Length)
	})
	switch {
	case errors.Is(err, thumbnail.ErrNone):
		err = fmt.Errorf("%w: %w", onrecord.ErrNotFound, err)
	case errors.Is(err, thumbnail.ErrBusy):
		err = fmt.Errorf("%w: %w", onrecord.ErrBusy, err)
	}
	return b, err
}

// mediaStore returns what serves attachments to the website.
func (h *house) mediaStore() (mediaStore, error) {
	maker, err := h.thumbnails()
	return mediaStore{h, maker}, err
}

// fetchMedia fetches what the sources have named and is due now, and prints what
// came of it: what "crawl" does after its visits.
func (h *house) fetchMedia(ctx context.Context, in *ingest.Ingester, l *locks, s ingest.Source) error {
	turns, err := in.MediaTurns(ctx, s)
	if err != nil {
		return err
	}
	for _, t := range turns {
		for t.At.Sub(h.env.now()) <= 0 && ctx.Err() == nil && !h.env.stop.interrupted() {
			unlock, err := l.wait(h.env.stop.soft, s.ID, t.Host, func(msg string) { h.env.say("%s", msg) })
			if err != nil {
				return err
			}
			rep, err := in.FetchMedia(ctx, s, t.Host)
			unlock()
			if err != nil {
				return err
			}
			if rep.Requests > 0 {
				h.printMedia(rep)
			}
			if !rep.More {
				break
			}
		}
	}
	return nil
}

// printMedia prints a line of what a media visit did, and its problems.
func (h *house) printMedia(r ingest.Report) {
	kept, missed := 0, 0
	for _, t := range r.Other {
		if t == string(onrecord.MediaKept) {
			kept++
		} else {
			missed++
		}
	}
	if h.env.json {
		_ = h.env.print(r, "")
		return
	}
	line := fmt.Sprintf("%s  %s asked for  %d kept", r.Source, count(r.Requests, "attachment", "attachments"), kept)
	if missed > 0 {
		line += fmt.Sprintf("  %d missing", missed)
	}
	if later := r.Requests - kept - missed; later > 0 {
		line += fmt.Sprintf("  %d asked for again later", later)
	}
	if r.Index >= 0 {
		line += fmt.Sprintf("  ledger no. %d", r.Index)
	}
	fmt.Fprintf(h.env.io.out, "%s  %.1f KB\n", line, float64(r.Bytes)/1000)
	for _, p := range r.Problems {
		h.env.say("  %s: %s", r.Source, plain(p))
	}
}
