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
	"iter"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// The door and parser of a media visit, as its visit line names them.
const (
	MediaDoor   = "media"
	mediaParser = "media/1"
)

// The limits of one media visit: its WARC is one object, which a store takes in
// one put (docs/decisions/0010-media.md).
const (
	mediaVisitItems = 64
	mediaVisitBytes = 256 << 20
	mediaVisitTime  = 30 * time.Minute
	mediaLook       = 2000 // wanted attachments of a source that are looked at
)

// Media is how attachments are fetched. It is safe for concurrent use, by one
// visit of a source at a time.
type Media struct {
	// Begin begins a media visit; memo is kept with it.
	Begin func(ctx context.Context, s Source, memo []byte) (Visit, error)
	View  MediaView
	// Most returns the most bytes that are kept of a kind of attachments; 0: none.
	Most func(kind string) int64
	// Imports: those that only an import has named are wanted, too.
	Imports bool
	// Measure returns the size of a picture in pixels. It may be nil.
	Measure func(ctx context.Context, f onrecord.File) (width, height int, err error)

	mu    sync.Mutex
	tries map[mediaKey]try // that failed, in this process; guarded by mu
}

// A MediaView answers what attachments there are, as of what it has applied.
type MediaView interface {
	// MediaWanted returns at most n that a source has named and that are neither
	// kept nor missing, the most urgent first.
	MediaWanted(ctx context.Context, source string, imports bool, n int) ([]onrecord.Wanted, error)
	// StoredMedia returns what is kept under a digest; else onrecord.ErrNotFound.
	StoredMedia(ctx context.Context, sha256 string) (onrecord.StoredMedia, error)
}

// A MediaKeeper keeps the attachments of a visit.
type MediaKeeper interface {
	// Part begins a payload that is on its way, on disk.
	Part() (MediaPart, error)
	// RecordMedia keeps an exchange with its payload; where x.Prior has its
	// digest, as a reference. Note is kept with it.
	RecordMedia(ctx context.Context, x onrecord.Exchange, f onrecord.File, note []byte) (MediaEntry, error)
	// Media yields what was kept, in order.
	Media(ctx context.Context) iter.Seq2[MediaEntry, error]
}

// A MediaPart is a payload on its way.
type MediaPart interface {
	crawler.Sink
	File() onrecord.File
	Close() error
}

// A MediaEntry is an attachment that a visit has kept.
type MediaEntry struct {
	Ref  onrecord.CaptureRef
	At   onrecord.Span // zero where an earlier copy is referred to
	Note []byte
}

type mediaKey struct {
	statement onrecord.StatementID
	id        string
}

// A try is how an attachment fares that could not be fetched.
type try struct {
	fails int
	until time.Time
}

// A mediaNote is what an entry is kept with: all that its event says.
type mediaNote struct {
	Statement onrecord.StatementID `json:"statement"`
	Media     onrecord.KeptMedia   `json:"media"`
}

// A MediaTurn is a host at which attachments of a source are due.
type MediaTurn struct {
	Host string // host and port
	At   time.Time
}

// MediaTurns returns where, and from when on, attachments of s are due.
func (i *Ingester) MediaTurns(ctx context.Context, s Source) ([]MediaTurn, error) {
	if i.Media == nil {
		return nil, nil
	}
	wanted, err := i.wanted(ctx, s)
	if err != nil {
		return nil, err
	}
	var turns []MediaTurn
	for _, w := range wanted {
		host, at := mediaHost(w.Media.URL), i.Media.dueAt(w, i.Now())
		n := slices.IndexFunc(turns, func(t MediaTurn) bool { return t.Host == host })
		if n < 0 {
			turns = append(turns, MediaTurn{host, at})
		} else if at.Before(turns[n].At) {
			turns[n].At = at
		}
	}
	return turns, nil
}

// wanted returns the attachments that s is to fetch, now or later.
func (i *Ingester) wanted(ctx context.Context, s Source) ([]onrecord.Wanted, error) {
	list, err := i.Media.View.MediaWanted(ctx, s.ID, i.Media.Imports, mediaLook)
	if err != nil {
		return nil, fmt.Errorf("wanted media of %s: %w", s.ID, err)
	}
	for n := range list {
		for _, d := range s.Doors {
			target := crawler.Target{Platform: s.Platform, AccountID: s.AccountID, Handle: s.Handle, URL: d.URL}
			list[n].Media.URL = crawler.Moved(d.Door, target, list[n].Media.URL)
		}
	}
	return slices.DeleteFunc(list, func(w onrecord.Wanted) bool {
		return mediaHost(w.Media.URL) == "" || !i.Media.keepsAny(w.Media.Kind)
	}), nil
}

// keepsAny reports whether anything is kept that can be called kind.
func (m *Media) keepsAny(kind string) bool {
	kinds := []string{onrecord.MediaImage, onrecord.MediaVideo, onrecord.MediaAudio, onrecord.MediaDocument}
	if kind == onrecord.MediaDocument {
		kinds = kinds[3:]
	} else if kind != "" {
		kinds = []string{kind}
	}
	return slices.ContainsFunc(kinds, func(k string) bool { return m.Most(k) > 0 })
}

// mediaHost returns the host and port of an address; empty where it has none.
func mediaHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	if port == "" {
		return ""
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// dueAt returns when w may be asked for.
func (m *Media) dueAt(w onrecord.Wanted, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tries[mediaKey{w.Statement, w.Media.ID}]; t.until.After(now) {
		return t.until
	}
	return now
}

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
		return rep, v.Drop(ctx)
	}
	f := &mediaVisit{i: i, s: s, v: v, rep: rep, kept: make(map[string]onrecord.StoredMedia)}
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
	} else if strings.HasPrefix(got.Type, "image/") && f.i.Media.Measure != nil {
		var err error
		if m.Width, m.Height, err = f.i.Media.Measure(ctx, file); err != nil { // kept all the same
			f.rep.Problems = append(f.rep.Problems, fmt.Sprintf("%s: its size is not known: %v", w.Media.URL, err))
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

// givenUp reports whether w is asked for no more after so many failures.
func givenUp(w onrecord.Wanted, missing string, fails int, now time.Time) bool {
	age := now.Sub(w.Since)
	if !w.Media.Expires.IsZero() && now.After(w.Media.Expires) && fails > 1 {
		return true
	}
	switch missing {
	case onrecord.MissingGone:
		return age > time.Hour
	case onrecord.MissingRefused, onrecord.MissingType:
		return age > 24*time.Hour
	}
	return age > 72*time.Hour
}

// mediaWaits are how long an attachment is left alone after its first, second …
// failure.
var mediaWaits = []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// failed notes a failure and returns how many there were.
func (m *Media) failed(w onrecord.Wanted, retryAt, now time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tries == nil {
		m.tries = make(map[mediaKey]try)
	}
	key := mediaKey{w.Statement, w.Media.ID}
	t := m.tries[key]
	t.until = now.Add(mediaWaits[min(t.fails, len(mediaWaits)-1)])
	if retryAt.After(t.until) && retryAt.Sub(now) <= crawler.MaxRetry {
		t.until = retryAt
	}
	t.fails++
	m.tries[key] = t
	return t.fails
}

// forget notes that an attachment is settled.
func (m *Media) forget(w onrecord.Wanted) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tries, mediaKey{w.Statement, w.Media.ID})
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
	base, err := f.i.CatchUp(ctx, f.v.State.Done.Index+1)
	if err != nil {
		return onrecord.Done{}, err
	}
	ids := make([]onrecord.StatementID, len(f.events))
	for n, e := range f.events {
		ids[n] = e.Statement
	}
	account := accountOf(f.s, f.v.State)
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
