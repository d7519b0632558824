// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// A server holds what every handler needs. But for the cache it is not changed
// once New has returned it.
type server struct {
	Options
	base   string // Archive.URL without its last slash
	texts  texts
	pages  pages
	assets assets
	cache  pageCache
	fares  fares

	static500, openapi []byte
}

// New returns the site and the API of an archive. It fails where an option is
// missing, a template does not parse, or texts and templates don't match. The
// handler answers GET, HEAD and, under /api, OPTIONS; it writes nothing.
func New(o Options) (http.Handler, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	mux := http.NewServeMux()
	s.sitePages(mux)
	s.recordRoutes(mux)
	if err := s.api(mux); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return s.recovered(guarded(s.current(mux), strings.HasPrefix(s.base, "https:"))), nil
}

func newServer(o Options) (*server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{Options: o, base: strings.TrimRight(o.Archive.URL, "/")}
	var err error
	if s.texts, err = parseTexts(english); err != nil {
		return nil, err
	}
	if o.Label != "" {
		s.texts["label"] = o.Label
	}
	if err := s.texts.checkLabel(); err != nil {
		return nil, err
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(s.texts); err != nil {
		return nil, err
	}
	s.static500, err = s.brokenPage()
	return s, err
}

// checkLabel reports a label that leaves out who it must name.
func (t texts) checkLabel() error {
	label := t["label"]
	rest := strings.ToLower(placeholder.ReplaceAllString(label, ""))
	if !strings.Contains(label, "{archive}") || !strings.Contains(label, "{figure}") || !strings.Contains(rest, t["label.word"]) {
		return fmt.Errorf("the label %q must contain {archive}, {figure} and the word %q: statements must never pass for the person's own page", label, t["label.word"])
	}
	return nil
}

// sitePages routes the website.
func (s *server) sitePages(mux *http.ServeMux) {
	s.demoPages(mux)
	s.packagePages(mux)
	s.mediaRoutes(mux)
	for pattern, h := range map[string]handler{
		"GET /{$}":                    s.cached(s.home),
		"GET /search":                 s.cached(s.searchPage),
		"GET /s/{id}/v/{version}":     s.cached(s.versionPage),
		"GET /s/{id}/diff":            s.cached(s.diffPage),
		"GET /f/{figure}":             s.cached(s.figurePage),
		"GET /a/{platform}/{account}": s.cached(s.accountPage),
		"GET /status":                 s.cached(s.statusPage),
		"GET /coverage":               s.cached(s.coveragePage),
		"GET /events":                 s.cached(s.eventsPage),
		"GET /deletions":              s.cached(s.deletionsPage),
		"GET /edits":                  s.cached(s.editsPage),
		"GET /problems/{name}":        s.problemPage,
		"GET /robots.txt":             s.robots,
		"GET /favicon.ico":            s.favicon,
		"GET /static/{hash}/{name}":   s.asset,
		"GET /help/search":            s.helpPage,
		"GET /about":                  s.aboutPage,
		"GET /about/takedowns":        s.cached(s.takedownsPage),
		"/":                           s.nothing,
	} {
		mux.Handle(pattern, s.page(h))
	}
}

// words returns the wording for one answer.
func (s *server) words(zone *time.Location) wording {
	if zone == nil {
		zone = time.UTC
	}
	return wording{texts: s.texts, now: s.Now(), zone: zone, demo: s.Demo != nil}
}
