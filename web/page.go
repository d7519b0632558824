// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
)

const htmlType = "text/html; charset=utf-8"

// A handler answers a request, or says why not.
type handler func(r *http.Request) (reply, error)

// A frame is what every page has around its own part.
type frame struct {
	Title     string
	Canonical string // absolute; empty for none
	NoIndex   bool
	Section   string // of the navigation
	Class     string // for the style sheet
	Query     string // in the search box above
	Archive   Archive
	Banner    string
	Demo      bool   // this is a demonstration
	Again     string // where a demonstration is played again; empty for nowhere
	Told      bool   // the demonstration has a page that tells its story
	CSS, Icon string
	Head      []headLink
	Body      any
}

// A headLink is a link in the head of a page.
type headLink struct{ Rel, Href, Type string }

// page makes an http.Handler of h. It is the only place of the site that knows
// which error is which status, and the only one that logs one.
func (s *server) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := h(r)
		if err == nil {
			a.Cache = s.fresh(a)
			a.send(w, r)
			return
		}
		if r.Context().Err() != nil {
			return // the reader has left
		}
		p, ok := s.asProblem(err)
		if !ok {
			s.broken(w, r, err)
			return
		}
		a, err = s.problemReply(r, p)
		if err != nil {
			s.broken(w, r, err)
			return
		}
		if p.Status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", "GET, HEAD")
		}
		a.Cache = s.fresh(a)
		a.send(w, r)
	})
}

// fresh is how long others may keep a: in a demonstration, whose story goes on
// and may be played again, nothing but styles without asking.
func (s *server) fresh(a reply) string {
	if s.Demo == nil || a.Cache == cacheNever || a.Cache == cacheForever && a.Type != htmlType {
		return a.Cache
	}
	return cacheAsk
}

// layouts are the pages that use the whole width; the others are one column.
var layouts = map[string]string{"home": "home wide", "statement": "wide", "figure": "wide", "status": "wide", "coverage": "wide", "account": "wide", "changes": "wide"}

// render makes the answer of a page.
func (s *server) render(name string, f frame) (reply, error) {
	tmpl, ok := s.pages[name]
	if !ok {
		return reply{}, fmt.Errorf("no page %q", name)
	}
	f.Archive = s.Archive
	f.CSS, f.Icon = s.assets.css.path(), s.assets.icon.path()
	f.Class = layouts[name]
	if f.Class == "" {
		f.Class = "narrow"
	}
	if s.Options.Banner != nil {
		f.Banner = s.Options.Banner()
	}
	a := reply{Type: htmlType, Cache: cacheStatement}
	if s.Demo != nil {
		f.Demo, f.Again, f.Told = true, s.Demo.again(), s.Demo.told()
		f.NoIndex, a.Cache = true, cacheAsk
	}
	if f.Title == "" {
		f.Title = s.texts.f("title.home", "archive", s.Archive.Name)
	} else {
		f.Title = s.texts.f("title.page", "page", plain(f.Title), "archive", s.Archive.Name)
	}
	var buf bytes.Buffer
	if err := tmpl.ExecuteTemplate(&buf, "layout", f); err != nil {
		return reply{}, fmt.Errorf("page %s: %w", name, err)
	}
	a.Hidden, a.Body = f.NoIndex, buf.Bytes()
	return a, nil
}

// broken answers 500 with a page that depends on nothing, and logs err under
// an id that the reader can quote.
func (s *server) broken(w http.ResponseWriter, r *http.Request, err error) {
	id := rand.Text()[:12]
	s.Log.ErrorContext(r.Context(), "request failed", "id", id, "method", r.Method, "route", r.Pattern, "err", err)
	body := bytes.ReplaceAll(s.static500, []byte(requestMark), []byte(id))
	reply{Status: http.StatusInternalServerError, Type: htmlType, Cache: cacheNever, Hidden: true, Body: body}.send(w, r)
}

// requestMark stands for the request's id in the page for 500.
const requestMark = "REQUEST-ID"

func (s *server) brokenPage() ([]byte, error) {
	a, err := s.render("broken", frame{Title: s.texts.f("problem.internal"), NoIndex: true, Body: requestMark})
	return a.Body, err
}

// recovered keeps a panic of one request from being more than that.
func (s *server) recovered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.broken(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}()
		h.ServeHTTP(w, r)
	})
}

// problemReply makes a page of a problem.
func (s *server) problemReply(r *http.Request, p *problem) (reply, error) {
	body := struct {
		*problem
		Before, Fault, After string // of the query, where its syntax is at fault
		RepairHref           string
		Search               string
	}{problem: p}
	f := frame{Title: p.Title, NoIndex: true, Body: &body}
	if p.Position != nil {
		q := r.URL.Query().Get("q")
		f.Query = q
		start := min(max(*p.Position, 0), len(q))
		end := min(max(start+*p.Length, start), len(q))
		body.Before, body.Fault, body.After = strings.ToValidUTF8(q[:start], "�"), strings.ToValidUTF8(q[start:end], "�"), strings.ToValidUTF8(q[end:], "�")
		if p.Repaired != "" {
			v := r.URL.Query()
			v.Set("q", p.Repaired)
			body.RepairHref = "/search?" + v.Encode()
		}
	}
	a, err := s.render("problem", f)
	a.Status, a.Cache, a.Link = p.Status, cacheSearch, s.link(p)
	switch p.Status {
	case http.StatusGone, http.StatusUnavailableForLegalReasons:
		a.Cache = cacheAsk
	case http.StatusServiceUnavailable:
		a.Cache = cacheNever
	}
	return a, err
}

// nothing answers what no route knows.
func (s *server) nothing(r *http.Request) (reply, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return reply{}, s.problem("method-not-allowed", s.texts.f("detail.method", "method", plain(r.Method)))
	}
	return reply{}, s.problem("not-found", s.texts.f("detail.notfound"))
}
