// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"context"
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
	pictureTries    = 3    // of an attachment that came, and this machine could not measure
	mediaLook       = 2000 // wanted attachments of a source that are looked at
)

// ErrNoPicture reports a file of which no small copy can be made.
var ErrNoPicture = errors.New("none can be made of this file")

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
	// Picture reads a picture that is being kept. It returns its size in pixels, 0
	// where nobody could show it, and what keeps a small copy for those who will ask
	// for it, to be called once it is in the record. ErrNoPicture says that there is
	// no small copy; any other error says nothing of the file. It may be nil.
	Picture func(ctx context.Context, f onrecord.File) (width, height int, keep func(), err error)

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
