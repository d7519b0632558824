// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/ingest"
	"onrecord/internal/repotest"
)

// A goneSite is a newsroom or a server of posts by a clock that tests move. Its
// answers are those of the handler, dated by that clock.
type goneSite struct {
	clock *movedClock
	h     *house
	in    *ingest.Ingester
}

// newGoneSite opens an archive whose first source is made from the URL at which
// the handler answers.
func newGoneSite(t *testing.T, source func(url string) string, answer http.HandlerFunc) *goneSite {
	t.Helper()
	s := &goneSite{clock: start()}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.clock.now().UTC().Format(http.TimeFormat))
		answer(w, r)
	}))
	t.Cleanup(srv.Close)
	s.h = newWorldIn(t, s.clock, fastDir(t)).open(t, source(srv.URL))
	var err error
	if s.in, err = s.h.ingester(); err != nil {
		t.Fatal(err)
	}
	return s
}

// visits makes n visits of the first source, each that long after the one
// before, and returns what they did together.
func (s *goneSite) visits(t *testing.T, n int, after time.Duration) (sum ingest.Report) {
	t.Helper()
	for range n {
		s.clock.to(s.clock.now().Add(after))
		rep, err := visitOf(s.in, t.Context(), s.in.Sources[0])
		if err != nil {
			t.Fatal(err)
		}
		sum = sum.With(rep)
	}
	return sum
}

// frozen returns why the source is frozen, and since when.
func (s *goneSite) frozen(t *testing.T) onrecord.KnownSource {
	t.Helper()
	k, err := s.h.catalog.KnownSource(t.Context(), s.in.Sources[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// states counts the statements with the given native ids by their state.
func (s *goneSite) states(t *testing.T, natives ...string) map[onrecord.State]int {
	t.Helper()
	count := make(map[onrecord.State]int)
	for _, n := range natives {
		c, err := s.h.catalog.Statement(t.Context(), onrecord.NewStatementID(s.in.Sources[0].Platform, n))
		if err != nil {
			t.Fatal(err)
		}
		count[c.State]++
	}
	return count
}

// thaw is what an operator does who has looked.
func (s *goneSite) thaw(t *testing.T) {
	t.Helper()
	src, since := s.in.Sources[0], s.frozen(t).FrozenAt
	if _, _, err := s.h.act(t.Context(), func() (*onrecord.Event, error) {
		now := s.clock.now().UTC().Truncate(time.Microsecond)
		return &onrecord.Event{
			Type: onrecord.SourceThawed, At: now, After: since, By: now, Figure: src.Figure, Source: src.ID,
			Account:    onrecord.AccountRef{Platform: src.Platform, ID: src.AccountID},
			Provenance: onrecord.Captured, Reason: "the operator has looked", Index: -1, Prev: -1,
		}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// pressRoom is the configuration of a newsroom that is read from its pages.
func pressRoom(url string) string {
	return fmt.Sprintf("      - {id: press, platform: website, account_id: jane.example, schedule: \"@every 1h\", doors: [{kind: page, start: \"https://jane.example/news/\", item: \"article a\", base_url: %q}]}\n", url)
}

func pressIDs(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf("https://jane.example/news/%d", i))
	}
	return list
}

// pressAnswer answers for a newsroom of n articles of which up says which are
// there, and page, where it is not nil, what stands at their addresses.
func pressAnswer(n int, up func(i int) bool, page func(i int) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		i, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/news/"))
		switch {
		case r.URL.Path == "/news/":
			fmt.Fprint(w, `<html><body>`)
			for i := range n {
				if up(i) {
					fmt.Fprintf(w, `<article><a href="/news/%d">News %[1]d</a></article>`, i)
				}
			}
		case err == nil && up(i):
			fmt.Fprint(w, page(i))
		default:
			http.Error(w, "not here", http.StatusNotFound)
		}
	}
}

// pressPage is an article; the larger its number, the newer it says it is.
func pressPage(i int) string {
	return fmt.Sprintf(`<html><head><title>News %d</title></head><body><article><h1>News %[1]d</h1><time datetime="2026-08-%02[1]dT00:00:00Z">then</time>`+
		`<div class="entry-content"><p>The statement of number %[1]d, whole and long enough.</p></div></article></body></html>`, i%28+1)
}

// The newest half of what a newsroom says is taken down, and the rest stays:
// what is listed vouches for the site, not what was said last. So many at once
// are for the operator to look at; once that is done they are recorded.
func TestNewestAreTakenDown(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	down := false
	s := newGoneSite(t, pressRoom, pressAnswer(20, func(i int) bool { return i < 10 || !down }, pressPage))
	s.visits(t, 5, 12*time.Hour)
	down = true
	s.visits(t, 120, 12*time.Hour)
	if k := s.frozen(t); k.Frozen == "" {
		t.Errorf("half of all articles are gone for two months, and nobody is told: %v", s.states(t, pressIDs(10, 20)...))
	}
	s.thaw(t)
	s.visits(t, 200, 12*time.Hour)
	if got := s.states(t, pressIDs(10, 20)...); got[onrecord.StateDeleted] != 10 || s.frozen(t).Frozen != "" {
		t.Errorf("a hundred days after the operator looked: %v, frozen %q", got, s.frozen(t).Frozen)
	}
	if got := s.states(t, pressIDs(0, 10)...); got[onrecord.StateLive] != 10 {
		t.Errorf("what is there: %v", got)
	}
}

// An author deletes everything: the list is empty and every address says gone.
// Nothing vouches for the server, so that nothing is called deleted; but the
// operator is told, and when all is back the source thaws by itself.
func TestEverythingIsTakenDown(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	wiped := false
	account := map[string]any{"id": "7", "username": "jane", "acct": "jane", "url": "https://social.example/@jane", "uri": "https://social.example/users/jane", "display_name": "Jane Example"}
	var ids []string
	for i := range 10 {
		ids = append(ids, fmt.Sprintf("https://social.example/users/jane/statuses/%d", 1001+i))
	}
	s := newGoneSite(t, func(url string) string {
		return fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@every 1h\", doors: [{kind: api, base_url: %q}]}\n", url)
	}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		list := []any{}
		for i := len(ids) - 1; i >= 0 && !wiped; i-- {
			list = append(list, map[string]any{"id": strconv.Itoa(1001 + i), "uri": ids[i], "url": fmt.Sprintf("https://social.example/@jane/%d", 1001+i),
				"created_at": "2026-08-01T10:00:00.000Z", "visibility": "public", "content": fmt.Sprintf("<p>Post %d</p>", i), "account": account, "media_attachments": []any{}})
		}
		switch {
		case r.URL.Path == "/api/v1/accounts/lookup":
			_ = json.NewEncoder(w).Encode(account)
		case strings.HasSuffix(r.URL.Path, "/statuses"):
			_ = json.NewEncoder(w).Encode(list)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error":"Record not found"}`)
		}
	})
	s.visits(t, 1, time.Hour)
	wiped = true
	s.visits(t, 24*40, time.Hour) // each post has had its turn
	if s.frozen(t).Frozen == "" {
		t.Fatal("forty days after everything was deleted nothing is said to be wrong")
	}
	if got := s.states(t, ids...); got[onrecord.StateDeleted] > 0 {
		t.Errorf("%v, though nothing vouches for the server", got)
	}
	wiped = false
	s.visits(t, 48, time.Hour)
	if again := s.frozen(t); again.Frozen != "" {
		t.Errorf("everything is back, and the source is frozen since %v: %s", again.FrozenAt, again.Frozen)
	}
}

// A newsroom moves to other addresses, and the old ones answer 404. Checks meet
// a few of them in a visit; nothing is wrong but the addresses, and before a
// fifth of all is called deleted the operator is asked.
func TestSiteMovesItsPages(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	const count = 40
	moved := false
	s := newGoneSite(t, pressRoom, func(w http.ResponseWriter, r *http.Request) {
		if !moved {
			pressAnswer(count, func(int) bool { return true }, pressPage)(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		switch {
		case r.URL.Path == "/news/":
			fmt.Fprint(w, `<html><body><article><a href="/article/a">A</a></article><article><a href="/article/b">B</a></article>`)
		case strings.HasPrefix(r.URL.Path, "/article/"):
			fmt.Fprint(w, pressPage(int(r.URL.Path[len(r.URL.Path)-1]-'a')))
		default:
			http.Error(w, "not here", http.StatusNotFound)
		}
	})
	s.visits(t, 60, 12*time.Hour)
	moved = true
	s.visits(t, 240, 6*time.Hour)
	if k, got := s.frozen(t), s.states(t, pressIDs(0, count)...); k.Frozen == "" || got[onrecord.StateDeleted] > count/5 {
		t.Errorf("where the site has moved: %v, frozen %q", got, k.Frozen)
	}
}

// What figures delete in the course of time is no mass: four of forty in a month
// are found and recorded.
func TestFewDeletionsDoNotFreeze(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	const count = 40
	s := (*goneSite)(nil)
	began := time.Time{}
	up := func(i int) bool {
		return i%10 != 0 || began.IsZero() || s.clock.now().Before(began.Add(time.Duration(i)*15*time.Hour))
	}
	s = newGoneSite(t, pressRoom, pressAnswer(count, up, pressPage))
	s.visits(t, 60, 12*time.Hour)
	began = s.clock.now()
	s.visits(t, 240, 6*time.Hour)
	got := s.states(t, pressIDs(0, count)...)
	if k := s.frozen(t); k.Frozen != "" || got[onrecord.StateDeleted] != 4 || got[onrecord.StateLive] != count-4 {
		t.Errorf("%v, frozen %q", got, k.Frozen)
	}
}

// One page with status 200 stands at the addresses of all articles for a day: six
// articles that read the same have not been edited.
func TestOnePageInPlaceOfAll(t *testing.T) {
	t.Parallel()
	const wall = `<html><head><title>Welcome</title></head><body><main><h1>Welcome</h1><p>Find out what the office does for you, whom to ask ` +
		`and when it is open. Our team is there for you on all working days from nine to five.</p></main></body></html>`
	walled := false
	s := newGoneSite(t, pressRoom, pressAnswer(6, func(int) bool { return true }, func(i int) string {
		if walled {
			return wall
		}
		return strings.Replace(pressPage(i), `<time datetime=`, `<time title=`, 1) // undated, so that checks begin at once
	}))
	s.visits(t, 1, time.Hour)
	walled = true
	sum := s.visits(t, 24, time.Hour)
	walled = false
	sum = sum.With(s.visits(t, 5, 24*time.Hour))
	if got := s.states(t, pressIDs(0, 6)...); sum.Edited > 0 || sum.Deleted > 0 || got[onrecord.StateLive] != 6 {
		t.Errorf("%d edited, %d deleted: %v", sum.Edited, sum.Deleted, got)
	}
}
