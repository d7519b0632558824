// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// FetchMedia makes a media visit of s: it asks the host for the attachments that
// are due there, all hosts for an empty one, and commits what came of it. It moves
// neither what the doors of s go on from nor when it is due. Where nothing is due,
// nothing is asked and the report is empty. More says in the report that others
// are left.
func (i *Ingester) FetchMedia(ctx context.Context, s Source, host string) (Report, error) {
	rep := Report{Source: s.ID, Door: MediaDoor, Outcome: onrecord.OutcomeOK, Index: -1}
	if i.Media == nil {
		return rep, nil
	}
	wanted, err := i.wanted(ctx, s)
	if err != nil {
		return rep, err
	}
	now := i.Now()
	wanted = slices.DeleteFunc(wanted, func(w onrecord.Wanted) bool {
		return host != "" && mediaHost(w.Media.URL) != host || i.Media.dueAt(w, now).After(now)
	})
	if len(wanted) == 0 {
		return rep, nil
	}
	b, err := json.Marshal(memo{Media: true})
	if err != nil {
		return rep, err
	}
	v, err := i.Media.Begin(ctx, s, b)
	if err != nil {
		return rep, fmt.Errorf("media of %s: %w", s.ID, err)
	}
	if v.Offline { // it could not be committed, and would fill the spool
		rep.Spooled, rep.Why = true, v.Why
		return rep, v.Drop(ctx)
	}
	f := &mediaVisit{i: i, s: s, v: v, rep: rep, kept: map[string]onrecord.StoredMedia{}, small: map[string]func(){}}
	if err := f.all(ctx, wanted); err != nil {
		return f.rep, errors.Join(fmt.Errorf("media of %s: %w", s.ID, err), v.Close())
	}
	return f.end(ctx)
}

// A mediaVisit is a media visit under way.
type mediaVisit struct {
	i      *Ingester
	s      Source
	v      Visit
	rep    Report
	events []onrecord.Event // kept and missed, without what is known at commit only
	missed bool             // one of them cites a capture
	kept   map[string]onrecord.StoredMedia
	small  map[string]func() // keep the small copies of pictures, by their digests
}

// A mediaNote is what an entry is kept with: all that its event says.
type mediaNote struct {
	Statement onrecord.StatementID `json:"statement"`
	Media     onrecord.KeptMedia   `json:"media"`
}

// all fetches what there is time and room for.
func (f *mediaVisit) all(ctx context.Context, wanted []onrecord.Wanted) error {
	began := f.i.Now()
	for n, w := range wanted {
		if n == mediaVisitItems || f.rep.Bytes >= mediaVisitBytes || f.i.Now().Sub(began) > mediaVisitTime {
			f.rep.More = true
			break
		}
		if err := f.one(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// one fetches one attachment.
func (f *mediaVisit) one(ctx context.Context, w onrecord.Wanted) (err error) {
	part, err := f.v.Media.Part()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, part.Close()) }()
	f.rep.Requests++
	got, err := f.i.Client.Fetch(ctx, f.v, crawler.MediaRequest{URL: w.Media.URL, Kind: w.Media.Kind, Most: f.i.Media.Most}, part)
	if err != nil {
		return err
	}
	f.rep.Bytes += part.File().Size
	if got.Missing != "" {
		f.miss(w, got)
		return nil
	}
	return f.keep(ctx, w, got, part.File())
}

// keep keeps an attachment that was received.
func (f *mediaVisit) keep(ctx context.Context, w onrecord.Wanted, got crawler.Fetched, file onrecord.File) error {
	m := onrecord.KeptMedia{ID: w.Media.ID, URL: w.Media.URL, SHA256: hex.EncodeToString(file.SHA256[:]), Type: got.Type, Size: file.Size}
	prior, err := f.stored(ctx, m.SHA256)
	if err != nil {
		return err
	}
	x := got.Exchange
	if prior.SHA256 == m.SHA256 {
		m.At, m.Width, m.Height = prior.At, prior.Width, prior.Height
		x.Prior = &onrecord.Prior{URL: prior.URL, At: prior.Captured, Digest: m.SHA256}
	} else if raster(got.Type) && f.i.Media.Picture != nil {
		var err error
		m.Width, m.Height, f.small[m.SHA256], err = f.i.Media.Picture(ctx, file)
		switch {
		case ctx.Err() != nil: // asked for again: the size would be lost for good
			return ctx.Err()
		case err != nil && !errors.Is(err, ErrNoPicture) && f.again(w):
			f.rep.Problems = append(f.rep.Problems, fmt.Sprintf("%s: its picture could not be looked at, it is asked for again: %v", w.Media.URL, err))
			return nil
		case err != nil: // kept all the same
			f.rep.Problems = append(f.rep.Problems, fmt.Sprintf("%s: kept without a small picture: %v", w.Media.URL, err))
		}
	}
	note, err := json.Marshal(mediaNote{w.Statement, m})
	if err != nil {
		return err
	}
	e, err := f.v.Media.RecordMedia(ctx, x, file, note)
	if err != nil {
		return err
	}
	if e.At != (onrecord.Span{}) {
		m.At = e.At
	}
	f.kept[m.SHA256] = onrecord.StoredMedia{KeptMedia: m, Captured: e.Ref.At}
	f.events = append(f.events, onrecord.Event{Type: onrecord.MediaKept, At: e.Ref.At, Statement: w.Statement, Media: &m, Captures: []onrecord.CaptureRef{e.Ref}})
	f.i.Media.forget(w)
	return nil
}

// again reports whether an attachment whose picture this machine could not look at
// is to be asked for once more, rather than kept without its size for good: twice,
// and while its address holds. Having it goes before showing it.
func (f *mediaVisit) again(w onrecord.Wanted) bool {
	now := f.i.Now()
	fails := f.i.Media.failed(w, time.Time{}, now)
	next, ends := f.i.Media.dueAt(w, now), w.Media.Expires
	return fails < pictureTries && (ends.IsZero() || next.Before(ends))
}

// raster reports whether files of a sniffed media type are pictures of which a
// small one can be made.
func raster(mediaType string) bool {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return true
	}
	return false
}

// stored returns the copy that there is of a payload; the zero value for none.
func (f *mediaVisit) stored(ctx context.Context, sum string) (onrecord.StoredMedia, error) {
	if m, ok := f.kept[sum]; ok {
		return m, nil
	}
	m, err := f.i.Media.View.StoredMedia(ctx, sum)
	if errors.Is(err, onrecord.ErrNotFound) {
		return onrecord.StoredMedia{}, nil
	}
	return m, err
}

// miss notes that an attachment was not to be had. Whether that is the last word
// follows from the answer, and from how long it has been wanted: an attachment
// that is asked for again at the next start, too, is given up by its age.
func (f *mediaVisit) miss(w onrecord.Wanted, got crawler.Fetched) {
	now := f.i.Now()
	fails := f.i.Media.failed(w, got.RetryAt, now)
	if !got.Final && !givenUp(w, got.Missing, fails, now) {
		return
	}
	f.i.Media.forget(w)
	f.missed = true
	f.rep.Problems = append(f.rep.Problems, fmt.Sprintf("%s is not kept: %s", w.Media.URL, got.Why))
	f.events = append(f.events, onrecord.Event{
		Type: onrecord.MediaMissed, At: now, Statement: w.Statement, Captures: []onrecord.CaptureRef{got.Capture},
		Media: &onrecord.KeptMedia{ID: w.Media.ID, URL: w.Media.URL, Type: got.Type, Size: got.Most, Missing: got.Missing},
	})
}

// end commits the visit, under whatever name; one without events is dropped:
// what could not be fetched is wanted still.
func (f *mediaVisit) end(ctx context.Context) (Report, error) {
	for {
		if len(f.events) == 0 {
			return f.rep, f.v.Drop(ctx)
		}
		done, err := f.commit(ctx)
		if late, ok := errors.AsType[*LateError](err); ok {
			f.v = late.Visit
			continue
		}
		if err != nil {
			return f.rep, errors.Join(fmt.Errorf("media of %s: %w", f.s.ID, err), f.v.Close())
		}
		if f.rep.Events == 0 { // all that it was about was erased meanwhile
			return f.rep, nil
		}
		if _, err := f.i.CatchUp(ctx, done.Index+1+int64(f.rep.Events)); err != nil {
			return f.rep, fmt.Errorf("media of %s: committed at %d, but the view is behind: %w", f.s.ID, done.Index, err)
		}
		return f.rep, nil
	}
}

// commit completes the events by what is known now, and commits.
func (f *mediaVisit) commit(ctx context.Context) (onrecord.Done, error) {
	base, err := f.i.CatchUp(ctx, max(f.v.State.Done.Index+1, f.v.Size))
	if err != nil {
		return onrecord.Done{}, err
	}
	ids := make([]onrecord.StatementID, len(f.events))
	for n, e := range f.events {
		ids[n] = e.Statement
	}
	account := accountOf(f.s, f.v.State)
	if err := f.i.whole(ctx, f.s, account); err != nil {
		return onrecord.Done{}, err
	}
	known, err := f.i.View.Known(ctx, f.s.Platform, account, ids)
	if err != nil {
		return onrecord.Done{}, fmt.Errorf("what is known: %w", err)
	}
	var events, erased []onrecord.Event
	for _, e := range f.events {
		k, ok := known[e.Statement]
		if k.Erased {
			erased = append(erased, e)
			continue
		}
		if !ok {
			k.Prev = -1
		}
		e.Figure, e.Source, e.Door, e.Parser = f.s.Figure, f.s.ID, MediaDoor, mediaParser
		e.Account = onrecord.AccountRef{Platform: f.s.Platform, ID: cmp.Or(k.Account, account)}
		e.NativeID, e.Prev, e.Index, e.Provenance = k.NativeID, k.Prev, -1, onrecord.Captured
		events = append(events, e)
	}
	// What was put under another name, before an erasure, is put again without it.
	if len(events) == 0 && !(f.v.Late && len(erased) > 0) {
		return onrecord.Done{Index: -1}, f.v.Drop(ctx)
	}
	next := f.v.State
	next.Source, next.Platform = f.s.ID, f.s.Platform
	done, err := f.v.Commit(ctx, Draft{
		Base: base - 1, Outcome: onrecord.OutcomeOK, Started: f.v.Started, Ended: f.i.Now(), Events: events, Next: next, KeepWARC: f.missed, Redact: redactable(events, erased),
	})
	if err != nil {
		return done, err
	}
	f.rep.Index, f.rep.Events = done.Index, len(events)
	for _, e := range events {
		f.rep.Other = append(f.rep.Other, string(e.Type))
		if keep := f.small[e.Media.SHA256]; keep != nil {
			keep()
		}
	}
	return done, f.i.eraseAgain(ctx, redactable(events, erased))
}

// redactable returns the captures of attachments whose statement was erased while
// the visit ran, but for those that hold bytes that another statement has, too.
func redactable(events, erased []onrecord.Event) map[onrecord.StatementID][]onrecord.CaptureRef {
	out := make(map[onrecord.StatementID][]onrecord.CaptureRef)
	for _, e := range erased {
		for _, c := range e.Captures {
			shared := func(o onrecord.Event) bool {
				at := o.Media.At
				return at.Object == c.Object && at.Offset >= c.Offset && at.Offset < c.Offset+c.Length
			}
			if c.Object != "" && !slices.ContainsFunc(events, shared) {
				out[e.Statement] = append(out[e.Statement], c)
			}
		}
	}
	return out
}

// isMedia reports whether v fetches attachments.
func isMedia(v Visit) bool {
	var m memo
	return json.Unmarshal(v.Memo, &m) == nil && m.Media
}

// againMedia commits the attachments that an interrupted media visit has kept:
// their addresses may have ended since. What it found missing is asked for again.
func (i *Ingester) againMedia(ctx context.Context, s Source, v Visit) (Report, error) {
	f := &mediaVisit{i: i, s: s, v: v, rep: Report{Source: s.ID, Door: MediaDoor, Outcome: onrecord.OutcomeOK, Index: -1}}
	for e, err := range v.Media.Media(ctx) {
		if err != nil {
			return f.rep, err
		}
		var n mediaNote
		if err := json.Unmarshal(e.Note, &n); err != nil {
			return f.rep, fmt.Errorf("note of %s: %w", e.Ref.URL, err)
		}
		if e.At != (onrecord.Span{}) {
			n.Media.At = e.At
		}
		f.events = append(f.events, onrecord.Event{Type: onrecord.MediaKept, At: e.Ref.At, Statement: n.Statement, Media: &n.Media, Captures: []onrecord.CaptureRef{e.Ref}})
	}
	return f.end(ctx)
}
