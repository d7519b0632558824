// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler/fake"
	"onrecord/schedule"
)

// oldNews is a site whose oldest article leaves the feed and the listing in
// scene 1, is worded anew in scene 2, is taken down in scene 3 and is back in
// scene 4.
const oldNews = `A newsroom.
-- GET /feed.xml --
Content-Type: application/rss+xml

<rss version="2.0"><channel><title>T</title><link>https://jane.example/</link><item><title>Old</title><link>https://jane.example/old</link><description>The old statement.</description></item></channel></rss>
-- GET /feed.xml --
scene 1
Content-Type: application/rss+xml

<rss version="2.0"><channel><title>T</title><link>https://jane.example/</link><item><title>New</title><link>https://jane.example/new</link><description>The new statement.</description></item></channel></rss>
-- GET /news/ --
Content-Type: text/html

<html><body><article><a href="/old">Old</a></article></body></html>
-- GET /news/ --
scene 1
Content-Type: text/html

<html><body><article><a href="/new">New</a></article></body></html>
-- GET /new --
Content-Type: text/html

<html><head><title>New</title></head><body><article><h1>New</h1><div class="entry-content"><p>The new statement, whole.</p></div></article></body></html>
-- GET /old --
Content-Type: text/html

<html><head><title>Old</title></head><body><article><h1>Old</h1><div class="entry-content"><p>The old statement, whole.</p></div></article></body></html>
-- GET /old --
scene 2
Content-Type: text/html

<html><head><title>Old</title></head><body><article><h1>Old</h1><div class="entry-content"><p>The old statement was another one.</p></div></article></body></html>
-- GET /old --
scene 3
status 410
Content-Type: text/html

<html><head><title>Gone</title></head><body>Gone.</body></html>
-- GET /old --
scene 4
Content-Type: text/html

<html><head><title>Old</title></head><body><article><h1>Old</h1><div class="entry-content"><p>The old statement was another one.</p></div></article></body></html>
`

// The doors of the site.
const (
	ofFeed  = `{kind: feed, url: "https://jane.example/feed.xml", base_url: "BASE"}`
	ofPages = `{kind: page, start: "https://jane.example/news/", item: "article a", base_url: "BASE"}`
)

// A newsroomLife is what really happened, and what the archive says of it.
type newsroomLife struct {
	events  []onrecord.Event
	edited  time.Time
	removed time.Time
	back    time.Time
	asked   []time.Time // when the old article's page was asked for
	others  []onrecord.Event
	listed  int                           // how often the listing was asked for
	doors   map[string]onrecord.DoorState // in the end
}

// liveNewsroom visits the site through its doors for eighty days: once an hour on the
// first two and around the end of each month, else twice a day.
func liveNewsroom(t *testing.T, doors string) (l newsroomLife) {
	t.Helper()
	site, err := fake.New([]byte(oldNews))
	if err != nil {
		t.Fatal(err)
	}
	clock := start()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock.now().UTC().Format(http.TimeFormat))
		if r.URL.Path == "/old" {
			l.asked = append(l.asked, clock.now())
		}
		site.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h := newWorldIn(t, clock, fastDir(t)).open(t, fmt.Sprintf("      - {id: press, platform: website, account_id: jane.example, schedule: \"@every 1h\", doors: [%s]}\n", strings.ReplaceAll(doors, "BASE", srv.URL)))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	began := clock.now()
	day := 24 * time.Hour
	l.edited, l.removed, l.back = began.Add(3*day+time.Minute), began.Add(9*day+time.Minute), began.Add(33*day+time.Minute)
	for clock.now().Before(began.Add(80 * day)) {
		now := clock.now()
		switch {
		case now.After(l.back):
			site.SetScene(4)
		case now.After(l.removed):
			site.SetScene(3)
		case now.After(l.edited):
			site.SetScene(2)
		case now.After(began.Add(time.Minute)):
			site.SetScene(1)
		}
		if rep, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || rep.Failed() {
			t.Fatalf("%+v %v", rep, err)
		}
		pause := 12 * time.Hour
		if d := now.Sub(began) % (30 * day); d < 2*day {
			pause = time.Hour
		}
		clock.to(now.Add(pause))
	}
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Event.NativeID {
		case "https://jane.example/old":
			l.events = append(l.events, e.Event)
		case "https://jane.example/new":
			l.others = append(l.others, e.Event)
		}
	}
	st, err := h.archive.State(t.Context(), "press")
	if err != nil {
		t.Fatal(err)
	}
	l.listed, l.doors = site.Count("GET /news/"), st.Doors
	return l
}

// want wants one event of a type and a grade whose window holds the truth and is
// at most so wide, and returns it.
func (l newsroomLife) want(t *testing.T, typ onrecord.EventType, g onrecord.Grade, truth time.Time, width time.Duration) onrecord.Event {
	t.Helper()
	var list []onrecord.Event
	for _, e := range l.events {
		if e.Type == typ && e.Grade == g {
			list = append(list, e)
		}
	}
	if len(list) != 1 {
		t.Fatalf("%d events %s %s, want 1", len(list), typ, g)
	}
	e := list[0]
	if w := e.Window(); !w.Contains(truth) || e.By.Sub(e.After) > width {
		t.Errorf("%s %s: window (%v, %v] does not hold %v, or is wider than %v", typ, g, e.After, e.By, truth, width)
	}
	return e
}

// An article that has left the feed is asked for at its own page by plan. That
// it was taken down there is found, and that it came back; that it was worded
// anew is not, since this door reads no pages.
func TestRecheckThroughAFeed(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	l := liveNewsroom(t, ofFeed)
	d := l.want(t, onrecord.StatementDeleted, onrecord.GradeD2, l.removed, 24*day)
	if after := l.asked[3]; !d.After.Equal(after.Truncate(time.Second)) && d.After.Sub(after).Abs() > time.Minute {
		t.Errorf("the window begins at %v, the last look that found it was at %v", d.After, after)
	}
	l.want(t, onrecord.StatementDeleted, onrecord.GradeD3, l.removed, 24*day)
	l.want(t, onrecord.StatementRestored, "", l.back, 46*day)
	if slices.ContainsFunc(l.events, func(e onrecord.Event) bool { return e.Type == onrecord.StatementEdited }) {
		t.Error("a feed can't tell that a page was edited")
	}
	// Once for the points that an hourly visit makes up for, then by plan.
	began := start().now()
	for i, want := range []time.Duration{time.Hour, 2 * time.Hour, day, 7 * day, 30 * day} {
		if got := l.asked[i].Sub(began); got < want || got > want+13*time.Hour {
			t.Errorf("asked for the %dth time after %v, want %v", i+1, got, want)
		}
	}
	if len(l.asked) > 10 {
		t.Errorf("asked %d times", len(l.asked))
	}
}

// The page door reads what it looks at: a silent edit is found too, between two
// looks.
func TestRecheckThroughPages(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	l := liveNewsroom(t, ofPages)
	e := l.want(t, onrecord.StatementEdited, "", l.edited, 7*day)
	if e.Content.Text != "The old statement was another one." {
		t.Errorf("edited to %q", e.Content.Text)
	}
	l.want(t, onrecord.StatementDeleted, onrecord.GradeD2, l.removed, 24*day)
	l.want(t, onrecord.StatementRestored, "", l.back, 46*day)
}

// With the pages as a second door, the feed is read and the pages are asked for
// what is old: a silent edit of an article that has left the feed is found, in the
// window of two readings of its page. What the page says at first is another
// reading, and the article that nobody touches has no other events.
func TestRecheckThroughTheSecondDoor(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	l := liveNewsroom(t, ofFeed+", "+ofPages)
	e := l.want(t, onrecord.StatementEdited, "", l.edited, 7*day)
	if e.Content.Text != "The old statement was another one." || e.Door != "page" {
		t.Errorf("%s edited to %q", e.Door, e.Content.Text)
	}
	if read := l.asked[2]; e.After.Sub(read).Abs() > time.Minute {
		t.Errorf("the window begins at %v; the page was last read as it was at %v", e.After, read)
	}
	l.want(t, onrecord.StatementDeleted, onrecord.GradeD2, l.removed, 24*day)
	l.want(t, onrecord.StatementRestored, "", l.back, 46*day)
	var first []onrecord.EventType
	for _, e := range l.events[:3] {
		first = append(first, e.Type)
	}
	if want := []onrecord.EventType{onrecord.StatementCreated, onrecord.StatementSeen, onrecord.StatementEdited}; !slices.Equal(first, want) {
		t.Errorf("began with %v, want %v", first, want)
	}
	if base := l.asked[0].Sub(start().now()); base > 2*time.Hour {
		t.Errorf("the page was first read after %v", base)
	}
	if len(l.asked) > 12 {
		t.Errorf("asked %d times", len(l.asked))
	}
	if l.listed > 0 {
		t.Errorf("the listing was asked for %d times", l.listed)
	}
	var others []onrecord.EventType
	for _, e := range l.others {
		others = append(others, e.Type)
	}
	if want := []onrecord.EventType{onrecord.StatementCreated, onrecord.StatementSeen}; !slices.Equal(others, want) {
		t.Errorf("the untouched article has %v, want %v", others, want)
	}
	if l.doors["page"].Cursor != "" || l.doors["feed"].Fails != 0 || l.doors["feed"].Cursor == "" {
		t.Errorf("doors %+v", l.doors)
	}
}

// What config has by default is the plan that schedule tells of.
func TestDefaultPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start())
	h := w.open(t, sourceYAML("press", "a.example", "http://127.0.0.1/feed.xml"))
	if got, want := planOf(h.cfg).String(), schedule.DefaultPlan().String(); got != want {
		t.Errorf("plan %s, want %s", got, want)
	}
}

// A visit that is killed before it is committed is read again with what it
// asked: its checks are in its memo, and count.
func TestChecksAreReadAgain(t *testing.T) {
	t.Parallel()
	site, err := fake.New([]byte(oldNews))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(site)
	t.Cleanup(srv.Close)
	clock := start()
	w := newWorld(t, clock)
	h := w.open(t, fmt.Sprintf("      - {id: press, platform: website, account_id: jane.example, schedule: \"@every 1h\", doors: [{kind: feed, url: \"https://jane.example/feed.xml\", base_url: %q}]}\n", srv.URL))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	site.SetScene(1)
	clock.to(clock.now().Add(time.Hour))
	killed := *in
	rec := &lastVisit{record: record{h.archive}}
	killed.Record = rec
	killed.CatchUp = func(context.Context, int64) (int64, error) { return 0, errors.New("killed here") }
	if _, err := visitOf(&killed, t.Context(), in.Sources[0]); err == nil {
		t.Fatal("not killed")
	}
	_ = rec.v.Close()
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	asked := site.Count("GET /old")
	h = w.reopen(t)
	if in, err = h.ingester(); err != nil {
		t.Fatal(err)
	}
	if reps, err := in.Recover(t.Context(), everyLock); err != nil || len(reps) != 1 {
		t.Fatal(reps, err)
	}
	old := onrecord.NewStatementID("website", "https://jane.example/old")
	k, err := h.catalog.Known(t.Context(), "website", "jane.example", []onrecord.StatementID{old})
	if err != nil || !k[old].Checked.Equal(clock.now().Truncate(time.Microsecond)) && clock.now().Sub(k[old].Checked) > time.Minute {
		t.Errorf("checked at %v, %v", k[old].Checked, err)
	}
	if asked != 1 || site.Count("GET /old") != 1 {
		t.Errorf("asked %d times, then %d", asked, site.Count("GET /old"))
	}
}
