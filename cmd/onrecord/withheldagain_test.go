// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/ingest"
)

// TestWithheldAgain: a page that is recorded for other news after a statement was
// withheld, and shows it still, is served to nobody: neither as a capture nor as
// a part of its object, and again once the statement is shown again.
func TestWithheldAgain(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	m := s.crawled(t)
	id := secretStatement()
	m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data")
	s.other.Store(true)
	if out := m.run(t, "crawl", "masto"); !strings.Contains(out, "ledger no.") {
		t.Fatalf("the crawl after it: %q", out)
	}
	m.run(t, "verify")
	if n, told := servedParts(t, m); n < 2 || len(told) > 0 {
		t.Errorf("%d objects; these tell: %q", n, told)
	}
	m.run(t, "unwithhold", string(id), "--case", "T-1")
	if _, told := servedParts(t, m); len(told) < 2 {
		t.Errorf("shown again, only %q tell", told)
	}
}

// TestWithheldWithinAnother: an answer that shows a withheld statement only within
// another one, which quotes it, is not served.
func TestWithheldWithinAnother(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	m := s.crawled(t)
	id := secretStatement()
	m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data")
	before, _ := servedParts(t, m)
	s.quoted.Store(true)
	out := m.run(t, "crawl", "masto")
	if n, told := servedParts(t, m); n <= before || len(told) > 0 {
		t.Errorf("%d objects, %d before; these tell: %q; %s", n, before, told, out)
	}
	if out := m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data"); !strings.Contains(out, "already") {
		t.Errorf("said again: %q", out)
	}
}

// TestUnreadIsNotServed: an answer that no door can read, recorded after a
// statement of the account was withheld or erased, is not served where it may
// show it.
func TestUnreadIsNotServed(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"withhold", "erase"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := &erasable{}
			m := s.crawled(t)
			id := secretStatement()
			if how == "erase" {
				m.run(t, "erase", string(id), "--case", "T-1", "--yes-erase", string(id))
			} else {
				m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data")
			}
			before, _ := servedParts(t, m)
			s.changed.Store(true)
			out, err := m.try("crawl", "masto")
			if n, told := servedParts(t, m); n <= before || len(told) > 0 {
				t.Errorf("%d objects, %d before; these tell: %q; %s %v", n, before, told, out, err)
			}
			m.run(t, "verify")
		})
	}
}

// TestWithheldBesideABrokenState: a register that can't be read, which whoever writes
// to the bucket can bring about, does not keep evidence from being withheld; that
// visits under way may still bring some is said.
func TestWithheldBesideABrokenState(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	m := s.crawled(t)
	id := secretStatement()
	state := filepath.Join(filepath.Dir(m.config), "bucket", "state", "masto.json")
	good, err := os.ReadFile(state)
	if err == nil {
		err = os.WriteFile(state, []byte("{}"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data"}
	out, err := m.try(args...)
	if n, told := servedParts(t, m); n == 0 || len(told) > 0 || err == nil || !strings.Contains(out, "say it again") {
		t.Errorf("%d objects; these tell: %q; %q, %v", n, told, out, err)
	}
	if err := os.WriteFile(state, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := m.run(t, args...); !strings.Contains(out, "already") {
		t.Errorf("said again: %q", out)
	}
}

// TestNothingNewOfWithheld: a visit whose captures are not kept, since it brought no
// news, has nothing to be hidden: no event cites what is nowhere.
func TestNothingNewOfWithheld(t *testing.T) {
	t.Parallel()
	down := onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "personal data"}
	for how, decide := range map[string]func(*house, onrecord.Statement) error{
		"withheld": func(h *house, st onrecord.Statement) error {
			_, _, err := h.act(t.Context(), func() (*onrecord.Event, error) {
				return h.ruling(t.Context(), onrecord.StatementWithheld, st, down)
			})
			return err
		},
		"erased": func(h *house, st onrecord.Statement) error { return eraseRequest{down: down}.erase(t.Context(), h, st) },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			clock, _, _, body, h, in := press(t, "one", "two")
			if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
				t.Fatal(err)
			}
			st, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/one"))
			if err == nil {
				err = decide(h, st)
			}
			if err != nil {
				t.Fatal(err)
			}
			runs := 0
			for n := range 4 {
				clock.to(clock.now().Add(time.Hour))
				page := append(rss("one", "two"), fmt.Sprintf("<!-- seen by %d -->", n)...)
				body.Store(&page)
				rep, err := visitOf(in, t.Context(), in.Sources[0])
				if err != nil {
					t.Fatal(err)
				}
				runs += rep.Events
			}
			v, err := h.archive.Verify(t.Context(), archive.VerifyOptions{})
			if err != nil || len(v.Findings) > 0 || runs == 0 {
				t.Errorf("%d events; verify: %v, %v", runs, v.Findings, err)
			}
		})
	}
}

// A meanwhile is a record in which something happens between the judgement of a
// visit and its commit.
type meanwhile struct {
	ingest.Record
	do func()
}

func (r *meanwhile) Begin(ctx context.Context, s ingest.Source, d ingest.Door, memo func(onrecord.SourceState) ([]byte, error)) (ingest.Visit, error) {
	v, err := r.Record.Begin(ctx, s, d, memo)
	if err == nil {
		v.Open = judged{v.Open, r.do}
	}
	return v, err
}

type judged struct {
	ingest.Open
	do func()
}

func (v judged) Commit(ctx context.Context, d ingest.Draft) (onrecord.Done, error) {
	v.do()
	return v.Open.Commit(ctx, d)
}

// TestWithheldDuringAVisit: a visit that was judged before a statement was
// withheld, and is committed after it, is served no more than one that began later.
func TestWithheldDuringAVisit(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	m := s.crawled(t)
	before, _ := servedParts(t, m)
	id := secretStatement()
	h := openAt(t, m, writing)
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	applying(t, h)
	in.Record = &meanwhile{in.Record, sync.OnceFunc(func() {
		m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data")
	})}
	s.other.Store(true)
	if rep, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || rep.Events == 0 || !rep.Late {
		t.Fatalf("the visit: %+v, %v", rep, err)
	}
	if n, told := servedParts(t, m); n <= before || len(told) > 0 {
		t.Errorf("%d objects, %d before; these tell: %q", n, before, told)
	}
	if out := m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data"); !strings.Contains(out, "already") {
		t.Errorf("said again: %q", out)
	}
}

// TestWithheldAfterAWrongClock: what was lifted while the clock was ahead can be
// withheld again in the same case once it is right; and is in the public list once
// for each decision.
func TestWithheldAfterAWrongClock(t *testing.T) {
	t.Parallel()
	l := newLossy(t)
	id := onrecord.NewStatementID("website", "https://a.example/1")
	decide := func(kind onrecord.EventType) {
		t.Helper()
		st, err := l.h.catalog.Statement(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		down := onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "personal data"}
		_, _, err = l.h.act(t.Context(), func() (*onrecord.Event, error) { return l.h.ruling(t.Context(), kind, st, down) })
		if err == nil {
			err = l.h.inEffect(t.Context(), st, kind, "T-1")
		}
		if err == nil && kind == onrecord.StatementWithheld {
			_, _, _, err = l.h.withholdEvidence(t.Context(), st, "T-1")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	now := l.clock.now()
	decide(onrecord.StatementWithheld)
	l.shows(t, map[int]int{0: 200, 1: 451})
	l.clock.to(now.Add(24 * time.Hour))
	decide(onrecord.StatementUnwithheld)
	l.shows(t, map[int]int{1: 200})
	l.clock.to(now.Add(time.Hour))
	decide(onrecord.StatementWithheld)
	l.shows(t, map[int]int{0: 200, 1: 451})
	list, _, err := l.h.catalog.Takedowns(t.Context(), 0, 100)
	if err != nil || len(list) != 3 || !list[0].InForce || list[1].InForce || list[2].InForce {
		t.Errorf("the list is %+v, %v", list, err)
	}
}

// servedParts asks for every capture object under /record/, as far as it is served,
// and says how many there are and which tell the secret.
func servedParts(t *testing.T, m machine) (objects int, told []string) {
	t.Helper()
	h := openAt(t, m, reading)
	defer h.close()
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, span string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
		if span != "" {
			r.Header.Set("Range", span)
		}
		site.ServeHTTP(w, r)
		return w
	}
	for e, err := range h.archive.WalkPast(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type != onrecord.VisitLine {
			continue
		}
		for _, o := range e.Visit.Objects {
			objects++
			hidden, _, err := h.catalog.Withheld(t.Context(), o.Key)
			if err != nil {
				t.Fatal(err)
			}
			at := int64(0)
			for _, s := range append(hidden, onrecord.Span{Offset: o.Length}) {
				if s.Length > 0 {
					if w := get("/record/"+o.Key, fmt.Sprintf("bytes=%d-%d", s.Offset, s.Offset+s.Length-1)); w.Code == http.StatusPartialContent {
						t.Errorf("%s at %d is served", o.Key, s.Offset)
					}
				}
				if s.Offset > at {
					w := get("/record/"+o.Key, fmt.Sprintf("bytes=%d-%d", at, s.Offset-1))
					if w.Code == http.StatusPartialContent && tellsSecret(t, w.Body.Bytes()) {
						told = append(told, fmt.Sprintf("%s at %d", o.Key, at))
					}
				}
				at = max(at, s.Offset+s.Length)
			}
		}
	}
	return objects, told
}

// tellsSecret reports whether gzip members tell the secret.
func tellsSecret(t *testing.T, b []byte) bool {
	t.Helper()
	plain := b
	if bytes.HasPrefix(b, []byte("\x1f\x8b")) { // or media, which are not compressed
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err == nil {
			plain, err = io.ReadAll(z)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Contains(plain, []byte(secretWords)) || bytes.Contains(plain, []byte(secretID))
}
