// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"onrecord"
	"onrecord/search"
)

// A problem is an answer that says why there is no other (RFC 9457). The API
// sends it as it is; the site makes a page of it. Absent members are left out.
type problem struct {
	Type       string `json:"type" format:"uri" doc:"Address of a page that explains this type" example:"https://archive.example/problems/not-found"`
	Title      string `json:"title" doc:"The type in words" example:"Not found"`
	Status     int    `json:"status" doc:"HTTP status" example:"404"`
	Detail     string `json:"detail" doc:"What happened this time"`
	Instance   string `json:"instance,omitempty" doc:"Names this occurrence, where it was logged"`
	Parameter  string `json:"parameter,omitempty" doc:"The parameter at fault"`
	DidYouMean string `json:"did_you_mean,omitempty" doc:"The nearest parameter that exists"`
	Position   *int   `json:"position,omitempty" doc:"Of query-syntax: where the fault begins, in bytes of q"`
	Length     *int   `json:"length,omitempty" doc:"Of query-syntax: how long it is, in bytes"`
	Code       string `json:"code,omitempty" doc:"Of query-syntax: which fault"`
	Suggestion string `json:"suggestion,omitempty" doc:"Of query-syntax: what could stand in its place"`
	Repaired   string `json:"repaired,omitempty" doc:"Of query-syntax: the whole query, so repaired"`
	Docs       string `json:"docs,omitempty" doc:"Where to read on"`

	Case     string     `json:"case,omitempty" doc:"Of withheld-policy and withheld-legal: number of the case"`
	Category string     `json:"category,omitempty" doc:"Of the same: why, in words"`
	Decided  *time.Time `json:"decided,omitempty" doc:"Of the same: when"`

	name string
}

// Error returns the detail.
func (p *problem) Error() string { return p.Detail }

// GetStatus makes a problem an answer of the API.
func (p *problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *problem) ContentType(string) string { return problemJSON }

const problemJSON = "application/problem+json"

// The problem types: each has an address under /problems, and there a page.
var problemStatus = map[string]int{
	"unknown-parameter":  http.StatusBadRequest,
	"invalid-parameter":  http.StatusBadRequest,
	"query-syntax":       http.StatusBadRequest,
	"invalid-cursor":     http.StatusBadRequest,
	"not-found":          http.StatusNotFound,
	"ambiguous":          http.StatusConflict,
	"method-not-allowed": http.StatusMethodNotAllowed,
	"not-acceptable":     http.StatusNotAcceptable,
	"withheld-policy":    http.StatusGone,
	"withheld-legal":     http.StatusUnavailableForLegalReasons,
	"behind":             http.StatusServiceUnavailable,
	"unsettled":          http.StatusServiceUnavailable,
	"unavailable":        http.StatusServiceUnavailable,
	"busy":               http.StatusServiceUnavailable,
	"internal":           http.StatusInternalServerError,
}

// problem returns a problem of the named type.
func (s *server) problem(name, detail string) *problem {
	return &problem{
		Type:   s.base + "/problems/" + name,
		Title:  s.texts.f("problem." + name),
		Status: problemStatus[name],
		Detail: detail,
		Docs:   s.base + "/problems/" + name,
		name:   name,
	}
}

func (s *server) unknownParameter(name string, known []string) *problem {
	p := s.problem("unknown-parameter", s.texts.f("detail.unknown", "name", name))
	p.Parameter = name
	if near := nearest(name, known); near != "" {
		p.DidYouMean = near
		p.Detail = s.texts.f("detail.unknown_near", "name", name, "near", near)
	}
	return p
}

func (s *server) invalidParameter(name, detail string) *problem {
	p := s.problem("invalid-parameter", detail)
	p.Parameter = name
	return p
}

// syntax makes a problem of what the parser of q found.
func (s *server) syntax(q string, e *search.SyntaxError) *problem {
	p := s.problem("query-syntax", s.texts.f("detail.syntax", "message", e.Message))
	p.Parameter, p.Code = "q", e.Code
	p.Position, p.Length = &e.Pos, &e.Len
	if repaired, ok := e.Repair(q); ok {
		p.Suggestion, p.Repaired = e.Suggestion, repaired
	}
	return p
}

// asProblem says what an error means for the one who asked. ok is false where
// it means nothing to them: then it is ours.
func (s *server) asProblem(err error) (*problem, bool) {
	if p, ok := errors.AsType[*problem](err); ok {
		return p, true
	}
	switch {
	case errors.Is(err, onrecord.ErrNotFound):
		return s.problem("not-found", s.texts.f("detail.notfound")), true
	case errors.Is(err, onrecord.ErrUnavailable):
		return s.problem("unavailable", s.texts.f("detail.unavailable")), true
	case errors.Is(err, onrecord.ErrBusy):
		return s.problem("busy", s.texts.f("detail.busy")), true
	case errors.Is(err, search.ErrCursor):
		p := s.problem("invalid-cursor", s.texts.f("detail.cursor"))
		p.Parameter = "cursor"
		return p, true
	}
	return nil, false
}

// usual are names that other archives give to parameters of ours.
var usual = map[string]string{
	"query": "q", "search": "q", "searchterm": "q", "search_term": "q", "term": "q", "text": "q", "keyword": "q",
	"from": "figure", "author": "figure", "user": "figure", "account": "figure", "person": "figure",
	"start": "since", "start_date": "since", "startdate": "since", "date_from": "since",
	"end": "until", "end_date": "until", "enddate": "until", "date_to": "until", "before": "until",
	"order": "sort", "sort_by": "sort", "orderby": "sort", "page": "cursor", "offset": "cursor",
	"per_page": "limit", "page_size": "limit", "count": "limit", "size": "limit", "n": "limit",
	"status": "state", "kind": "type", "timezone": "tz", "zone": "tz", "site": "platform", "network": "platform",
}

// nearest returns the known name that was most likely meant, or nothing.
func nearest(name string, known []string) string {
	if meant := usual[name]; slices.Contains(known, meant) {
		return meant
	}
	best, least := "", 3
	for _, k := range known {
		if d := distance(name, k, least); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of letters to change, add, drop or swap with their
// neighbour to make b of a; limit stands for more than that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return min(prev[len(b)], limit)
}
