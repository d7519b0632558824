// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package crawlertest has the conformance suites of doors (Run) and of
// importers (RunImport). Every door runs its suite over its fixtures:
//
//	func TestDoor(t *testing.T) {
//		crawlertest.Run(t, crawlertest.Suite{
//			Door:   feed.New(feed.Options{}),
//			Target: crawler.Target{Platform: "website", URL: "https://jane.example/feed.xml"},
//			Fixtures: []crawlertest.Fixture{{
//				Name:    "rss",
//				Capture: crawlertest.Capture("page", "https://jane.example/feed.xml", 200, "application/rss+xml", body),
//				IDs:     []string{"https://jane.example/news/1"},
//			}},
//		})
//	}
//
// What it holds a door to: Read is a pure function that never writes to what
// it is given; native ids have the form they must have, and are the same
// whichever door of the platform reads the statement (Fixture.IDs); a cut or
// broken answer is never an empty page and never a deletion; and a door shows
// no more than its capabilities say.
package crawlertest

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"onrecord"
	"onrecord/crawler"
)

// A Suite is a door with answers for it to read.
type Suite struct {
	Door     crawler.Door
	Target   crawler.Target
	Fixtures []Fixture // at least one

	// WellFormed reports whether the beginning of a body is itself a complete
	// answer, such as a page of a line format; then it may be empty. Nil means
	// that no proper beginning is.
	WellFormed func(body []byte) bool
}

// A Fixture is an answer as the visit loop would hand it to the door.
type Fixture struct {
	Name    string
	Capture crawler.Capture
	// IDs are the native ids of the items that the page shows, in order. The
	// fixtures of every door of a platform give the same ones for the same
	// statements. Nil means that any will do.
	IDs []string
	// Drift: the answer is one that the door must refuse with ErrDrift.
	Drift bool
}

// Capture returns a capture of an answer to a request of that kind, complete
// at noon of 1 March 2026, UTC.
func Capture(kind, address string, status int, contentType string, body []byte) crawler.Capture {
	return crawler.Capture{
		Request: crawler.Request{URL: address, Kind: kind},
		URL:     address,
		Status:  status,
		Header:  http.Header{"Content-Type": {contentType}},
		Body:    body,
		At:      time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if len(s.Fixtures) == 0 {
		t.Fatal("no fixtures")
	}
	t.Run("info", s.info)
	t.Run("wording", s.wording)
	t.Run("first", s.first)
	for _, f := range s.Fixtures {
		t.Run("read/"+f.Name, func(t *testing.T) { s.read(t, f) })
		t.Run("pure/"+f.Name, func(t *testing.T) { s.pure(t, f) })
		t.Run("cut/"+f.Name, func(t *testing.T) { s.cut(t, f) })
	}
	t.Run("broken", s.broken)
}

func (s Suite) info(t *testing.T) {
	i := s.Door.Info()
	if i.Kind == "" || i.Parser == "" {
		t.Errorf("Info() = %+v: kind and parser must be named", i)
	}
	if d := cmp.Diff(i, s.Door.Info()); d != "" {
		t.Errorf("Info changes from call to call:\n%s", d)
	}
	if i.MinInterval < 0 {
		t.Errorf("MinInterval %v", i.MinInterval)
	}
}

// wording checks that the door reads the wording at own addresses if, and only
// if, it says so: a statement's edit is looked for where it can be seen.
func (s Suite) wording(t *testing.T) {
	live, whole := 0, 0
	for _, f := range s.Fixtures {
		if f.Capture.Request.Kind != "look" || f.Drift {
			continue
		}
		page, err := s.Door.Read(s.Target, clone(f.Capture))
		if err != nil {
			continue // read reports it
		}
		for _, o := range page.Items {
			if o.State == onrecord.ItemLive || o.State == "" {
				live++
				if !o.Partial && o.Content.Type != "" {
					whole++
				}
			}
		}
	}
	switch can := s.Door.Info().Can; {
	case can.OwnWording && !can.OwnAddress:
		t.Error("own wording without own addresses")
	case can.OwnWording && whole == 0:
		t.Errorf("own wording, but of %d statements live at their own addresses none is read whole", live)
	case !can.OwnWording && whole > 0:
		t.Errorf("%d statements are read whole at their own addresses by a door without own wording", whole)
	}
}

func (s Suite) first(t *testing.T) {
	requests, err := s.Door.First(s.Target)
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) == 0 {
		t.Error("First returns no request")
	}
	s.requests(t, "First", requests)
	for _, r := range requests {
		if r.IfNew || r.About != (onrecord.Ref{}) {
			t.Errorf("First asks for one statement: %+v", r)
		}
	}
}

// requests checks what a door wants to ask for.
func (s Suite) requests(t *testing.T, where string, requests []crawler.Request) {
	t.Helper()
	for _, r := range requests {
		u, err := url.Parse(r.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			t.Errorf("%s: request for %q, which is no web address", where, r.URL)
		}
		if r.Kind == "" {
			t.Errorf("%s: request for %s without kind", where, r.URL)
		}
		if len(r.State) > 1<<10 {
			t.Errorf("%s: request for %s has a state of %d bytes, at most 1 KiB", where, r.URL, len(r.State))
		}
		for name := range r.Header {
			switch http.CanonicalHeaderKey(name) {
			case "Authorization", "Cookie", "If-None-Match", "If-Modified-Since", "User-Agent", "Accept-Encoding", "Range":
				t.Errorf("%s: request for %s sets %s, which is the loop's", where, r.URL, name)
			}
		}
	}
}

func (s Suite) read(t *testing.T, f Fixture) {
	page, err := s.Door.Read(s.Target, clone(f.Capture))
	if f.Drift {
		if !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("Read: %v, want ErrDrift", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, o := range page.Items {
		ids = append(ids, o.NativeID)
		item(t, s.Door.Info().Can, o)
		s.look(t, o)
	}
	if d := cmp.Diff(f.IDs, ids); f.IDs != nil && d != "" {
		t.Errorf("native ids (-want +got):\n%s", d)
	}
	s.page(t, page)
}

// page checks a page against what the door says it can see.
func (s Suite) page(t *testing.T, p crawler.Page) {
	t.Helper()
	can := s.Door.Info().Can
	if !p.Range.IsZero() && !can.CompleteRanges {
		t.Errorf("range %+v from a door without complete ranges", p.Range)
	}
	switch p.Account.State {
	case "", onrecord.AccountLive, onrecord.AccountUnknown:
	default:
		if !can.AccountStates {
			t.Errorf("account state %q from a door that can't tell", p.Account.State)
		}
	}
	if len(p.Cursor) > 1<<10 {
		t.Errorf("cursor of %d bytes, at most 1 KiB", len(p.Cursor))
	}
	s.requests(t, "Follow", p.Follow)
	s.requests(t, "Next", p.Next)
}

// item checks an observation by one who can see as much as can says.
func item(t *testing.T, can onrecord.Capabilities, o onrecord.Observation) {
	t.Helper()
	for _, id := range append([]string{o.NativeID}, o.Aliases...) {
		if err := onrecord.CheckNativeID(id); err != nil {
			t.Error(err)
		}
		if !norm.NFC.IsNormalString(id) {
			t.Errorf("native id %q is not in normal form C", id)
		}
	}
	if slices.Contains(o.Aliases, o.NativeID) {
		t.Errorf("%s: its own alias", o.NativeID)
	}
	types := []string{"post", "reply", "repost", "quote", "article", "email", "broadcast", "transcript", "profile"}
	switch o.State {
	case onrecord.ItemLive:
		if !o.Partial && !slices.Contains(types, o.Content.Type) {
			t.Errorf("%s: live with content of type %q", o.NativeID, o.Content.Type)
		}
	case onrecord.ItemGone, onrecord.ItemWithheld:
		if o.Code == "" {
			t.Errorf("%s: %s without the platform's code", o.NativeID, o.State)
		}
	case onrecord.ItemUnclear:
	default:
		t.Errorf("%s: state %q", o.NativeID, o.State)
	}
	if o.Signed && (o.State != onrecord.ItemGone || !can.DeletionSignal) {
		t.Errorf("%s: signed %s from a door with deletion signal: %t", o.NativeID, o.State, can.DeletionSignal)
	}
	if !o.Changed.IsZero() && !o.Signed && !can.EditSignal {
		t.Errorf("%s: changed %v from a door without edit signal", o.NativeID, o.Changed)
	}
	times(t, o)
}

func times(t *testing.T, o onrecord.Observation) {
	t.Helper()
	for name, at := range map[string]time.Time{"published": o.Published, "changed": o.Changed} {
		if !at.IsZero() && (at.Location() != time.UTC || at != at.Truncate(time.Microsecond)) {
			t.Errorf("%s: %s %v is not UTC in microseconds", o.NativeID, name, at)
		}
	}
	if o.Published.IsZero() != (o.Precision == "") {
		t.Errorf("%s: published %v with precision %q", o.NativeID, o.Published, o.Precision)
	}
	if strings.ContainsAny(o.Content.Text, "\r\x00") {
		t.Errorf("%s: text with carriage returns or NUL: %q", o.NativeID, o.Content.Text)
	}
}

// look checks the request for a statement at its own address.
func (s Suite) look(t *testing.T, o onrecord.Observation) {
	t.Helper()
	r, ok := s.Door.Look(s.Target, o.Ref)
	if !ok {
		return
	}
	if !s.Door.Info().Can.OwnAddress {
		t.Errorf("%s: a look from a door without own addresses", o.NativeID)
	}
	if r.About != o.Ref {
		t.Errorf("look at %+v is about %+v", o.Ref, r.About)
	}
	if r.Conditional {
		t.Errorf("%s: a conditional look would answer nothing", o.NativeID)
	}
	s.requests(t, "Look", []crawler.Request{r})
}

// pure checks that Read gives the same again, also at the same time, and
// leaves alone what it was given.
func (s Suite) pure(t *testing.T, f Fixture) {
	given := clone(f.Capture)
	target := s.Target
	want, wantErr := s.Door.Read(target, given)
	if d := cmp.Diff(f.Capture, given); d != "" {
		t.Errorf("Read changed the capture:\n%s", d)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			got, err := s.Door.Read(target, given)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("Read again (-first +again):\n%s", d)
			}
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Errorf("Read again: %v, at first %v", err, wantErr)
			}
		})
	}
	wg.Wait()
}

func clone(c crawler.Capture) crawler.Capture {
	c.Body = bytes.Clone(c.Body)
	c.Header = c.Header.Clone()
	c.Request.Header = maps.Clone(c.Request.Header)
	return c
}

// cut reads the beginnings of an answer, as a broken connection leaves them.
func (s Suite) cut(t *testing.T, f Fixture) {
	whole, err := s.Door.Read(s.Target, clone(f.Capture))
	if err != nil {
		return
	}
	gone := map[string]bool{}
	for _, o := range whole.Items {
		gone[o.NativeID] = o.State == onrecord.ItemGone
	}
	body := f.Capture.Body
	for i := range 50 {
		c := clone(f.Capture)
		c.Body = c.Body[:len(body)*i/50]
		page, err := s.Door.Read(s.Target, c)
		if err != nil {
			continue
		}
		wellFormed := s.WellFormed != nil && s.WellFormed(c.Body)
		if speaks(page.Outcome) && len(page.Items) == 0 && len(whole.Items) > 0 && !wellFormed && len(bytes.TrimSpace(body[len(c.Body):])) > 0 {
			t.Errorf("cut to %d of %d bytes: an empty page, want ErrDrift", len(c.Body), len(body))
		}
		for _, o := range page.Items {
			if o.State == onrecord.ItemGone && !gone[o.NativeID] {
				t.Errorf("cut to %d of %d bytes: %s is gone", len(c.Body), len(body), o.NativeID)
			}
		}
	}
}

// speaks reports whether an outcome says that the platform answered.
func speaks(o onrecord.Outcome) bool { return o == "" || o == onrecord.OutcomeOK }
