// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"strings"
	"time"
)

// A MediaVisitor makes media visits: an Ingester.
type MediaVisitor interface {
	MediaTurns(ctx context.Context, s Source) ([]MediaTurn, error)
	FetchMedia(ctx context.Context, s Source, host string) (Report, error)
}

// mediaOf stands between a source and a host in the name under which attachments
// wait for their turn at that host; no source's name has it.
const mediaOf = "#media@"

// mediaPatience is how long a media visit that could not be made, recorded or
// committed is left alone.
const mediaPatience = time.Minute

// mediaEvery is how often it is looked for attachments of all sources.
const mediaEvery = time.Hour

// planMedia notes on the agenda where attachments of a source are due: they
// follow from the view, and from nothing that could be lost. They wait for the
// turn of their own host, right behind the visit that named them.
func (r *Runner) planMedia(ctx context.Context, s Source) {
	if r.Media == nil {
		return
	}
	turns, err := r.Media.MediaTurns(ctx, s)
	if err != nil {
		if ctx.Err() == nil {
			r.Log.Error("media", "source", s.ID, "err", err)
		}
		return
	}
	for _, t := range turns {
		r.note(s.ID+mediaOf+t.Host, t.At, sourcePlan{door: Door{Host: t.Host}})
	}
}

// planAllMedia is planMedia of all sources, those without doors among them, now
// and every hour: attachments that an import has named, or another process, or
// whose turn was given up, have no visit of this process before them.
func (r *Runner) planAllMedia(ctx context.Context) {
	for r.Media != nil && ctx.Err() == nil {
		for _, s := range r.Sources {
			if ctx.Err() == nil {
				r.planMedia(ctx, s)
			}
		}
		sleep(ctx, mediaEvery, nil)
	}
}

// isMediaTask reports whether t is a media visit.
func isMediaTask(t Task) bool { return strings.Contains(t.Source, mediaOf) }

// serveMedia makes a media visit whose turn it is.
func (r *Runner) serveMedia(held context.Context, t Task) {
	id, _, _ := strings.Cut(t.Source, mediaOf)
	r.begun(t.Source)
	s, ok := r.configured(id)
	if !ok || r.Media == nil {
		return
	}
	if paused, err := r.paused(held, s); err != nil || paused {
		return // it is noted again when the source is visited
	}
	unlock, ok := r.Lock(s.ID, t.Host)
	if !ok {
		r.again(t, heldDelay)
		return
	}
	rep, err := r.Media.FetchMedia(held, s, t.Host)
	unlock()
	if err != nil {
		defer nudge(r.spool)
		if held.Err() != nil {
			r.Log.Warn("a media visit was broken off; what it has kept is in the spool", "source", s.ID, "why", context.Cause(held))
		} else {
			r.Log.Error("media", "source", s.ID, "host", t.Host, "err", err)
		}
		r.again(t, mediaPatience)
		return
	}
	if rep.Spooled { // it waits until the record takes visits of the source again
		r.again(t, mediaPatience)
		return
	}
	if rep.Events > 0 || len(rep.Problems) > 0 {
		rep.log(r.Log)
	}
	r.planMedia(held, s)
}

// configured returns the source with the given id, with doors or without.
func (r *Runner) configured(id string) (Source, bool) {
	for _, s := range r.Sources {
		if s.ID == id {
			return s, true
		}
	}
	return Source{}, false
}
