// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"time"
)

// A Demo makes every page, and what the API says of each answer, tell that
// this is a demonstration in which nobody said anything. Pages of it are not
// for search engines and are asked for again each time.
type Demo struct {
	// Again is asked for every page: the address under which the story can be
	// played again, or empty while there is none. It may be nil.
	Again func() string
	// Story is what /demo tells. Nil: there is no such page.
	Story func() Story
	// Play begins the story anew and returns at once; it is called by a POST to
	// /demo/again. It may be nil.
	Play func()
}

// A Story is what a demonstration plays, step by step.
type Story struct {
	Playing bool
	Now     time.Time // by the story's clock, UTC
	Steps   []Step    // in the order in which they happen
}

// A Step is one thing that happens in a Story.
type Step struct {
	At          time.Time // by the story's clock, UTC
	Title, Text string
	Done        bool
	Pages       []Link // where the site shows it
}

// A Link leads to a page of the site.
type Link struct{ Href, Text string }

func (d *Demo) again() string {
	if d == nil || d.Again == nil {
		return ""
	}
	return d.Again()
}

// told reports whether the demonstration has a page of its own.
func (d *Demo) told() bool { return d != nil && d.Story != nil }

// demoPages routes what only a demonstration has.
func (s *server) demoPages(mux *http.ServeMux) {
	if !s.Demo.told() {
		return
	}
	mux.Handle("GET /demo", s.page(s.demoPage))
	// A page of somebody else's site must not play it.
	mux.Handle("POST /demo/again", http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Demo.Play != nil {
			s.Demo.Play()
		}
		w.Header().Set("Cache-Control", cacheNever)
		http.Redirect(w, r, "/demo", http.StatusSeeOther)
	})))
}

type demoStep struct {
	Step
	At moment
}

type demoBody struct {
	Playing bool
	Again   bool
	Now     moment
	Steps   []demoStep
}

// demoPage is /demo: the story as far as it has been played.
func (s *server) demoPage(*http.Request) (reply, error) {
	w, story := s.words(nil), s.Demo.Story()
	body := demoBody{Playing: story.Playing, Again: !story.Playing && s.Demo.Play != nil, Now: w.moment(story.Now)}
	for _, st := range story.Steps {
		body.Steps = append(body.Steps, demoStep{Step: st, At: w.moment(st.At)})
	}
	a, err := s.render("demo", frame{Title: w.f("title.demo"), Canonical: s.base + "/demo", Section: "demo", Body: body})
	a.Cache = cacheNever
	return a, err
}
