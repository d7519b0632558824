// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

// searchParams are the parameters of a search, in the order of a canonical
// address. Site and API take the same.
var searchParams = []string{"q", "figure", "platform", "state", "type", "since", "until", "sort", "tz", "cursor", "limit"}

var states = []onrecord.State{
	onrecord.StateLive, onrecord.StateDeleted, onrecord.StateGoneWithAccount, onrecord.StatePlatformOffline,
	onrecord.StateRestored, onrecord.StateUnconfirmed, onrecord.StateWithheld,
}

var types = []string{"post", "reply", "repost", "quote", "article", "email", "broadcast", "transcript", "profile"}

var sorts = []search.Sort{search.Newest, search.Oldest, search.Relevance}

// A query is a search as it was asked: what goes to the Searcher, and what
// builds its address again.
type query struct {
	Q                                 string
	Figures, Platforms, States, Types []string
	Since, Until                      string
	Sort                              search.Sort
	Zone                              *time.Location
	TZ, Cursor                        string
	Limit                             int // 0 if not asked

	parsed       search.Query
	since, until time.Time
}

// parseQuery reads the parameters of a search. An error is a *problem.
func (s *server) parseQuery(v url.Values, now time.Time) (query, error) {
	q := query{
		Q: strings.TrimSpace(v.Get("q")), Figures: tidy(v["figure"]), Platforms: tidy(v["platform"]),
		States: tidy(v["state"]), Types: tidy(v["type"]),
		Since: strings.TrimSpace(v.Get("since")), Until: strings.TrimSpace(v.Get("until")),
		TZ: v.Get("tz"), Cursor: v.Get("cursor"), Zone: time.UTC,
	}
	for _, name := range []string{"q", "since", "until", "sort", "tz", "cursor", "limit"} {
		if len(v[name]) > 1 {
			return q, s.invalidParameter(name, s.texts.f("detail.twice", "name", name))
		}
	}
	if err := s.checkLists(q); err != nil {
		return q, err
	}
	if err := s.readScalars(&q, v); err != nil {
		return q, err
	}
	var err error
	q.parsed, err = search.Parse(q.Q, search.ParseOptions{Now: now, Zone: q.Zone})
	if e, ok := errors.AsType[*search.SyntaxError](err); ok {
		return q, s.syntax(q.Q, e)
	}
	return q, err
}

func (s *server) checkLists(q query) error {
	for name, list := range map[string][]string{"figure": q.Figures, "platform": q.Platforms} {
		for _, one := range list {
			if !slug.MatchString(one) {
				return s.invalidParameter(name, s.texts.f("detail.value", "name", name, "value", plain(one)))
			}
		}
		if len(list) > 50 {
			return s.invalidParameter(name, s.texts.f("detail.many", "name", name, "most", 50))
		}
	}
	for _, one := range q.States {
		if !slices.Contains(states, onrecord.State(one)) {
			return s.oneOf("state", one, stringsOf(states))
		}
	}
	for _, one := range q.Types {
		if !slices.Contains(types, one) {
			return s.oneOf("type", one, types)
		}
	}
	return nil
}

func (s *server) readScalars(q *query, v url.Values) error {
	if q.TZ != "" {
		zone, err := time.LoadLocation(q.TZ)
		if err != nil || !zoneName.MatchString(q.TZ) {
			return s.invalidParameter("tz", s.texts.f("detail.tz", "value", plain(q.TZ)))
		}
		q.Zone = zone
	}
	for _, bound := range []struct {
		name, text string
		into       *time.Time
	}{{"since", q.Since, &q.since}, {"until", q.Until, &q.until}} {
		if bound.text == "" {
			continue
		}
		t, ok := search.ParseDate(bound.text, q.Zone)
		if !ok {
			return s.invalidParameter(bound.name, s.texts.f("detail.date", "value", plain(bound.text)))
		}
		*bound.into = t
	}
	if text := v.Get("sort"); text != "" {
		q.Sort = search.Sort(text)
		if !slices.Contains(sorts, q.Sort) {
			return s.oneOf("sort", text, stringsOf(sorts))
		}
	}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return s.invalidParameter("limit", s.texts.f("detail.limit", "value", plain(text), "most", maxLimit))
		}
		q.Limit = n
	}
	return nil
}

// maxLimit is the most that a page may hold.
const maxLimit = 200

var (
	slug     = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)
	zoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)
)

func (s *server) oneOf(name, value string, list []string) *problem {
	detail := s.texts.f("detail.oneof", "name", name, "value", plain(value), "list", strings.Join(list, ", "))
	p := s.invalidParameter(name, detail)
	p.DidYouMean = nearest(value, list)
	return p
}

// tidy sorts the values of a repeatable parameter and drops empty and double
// ones.
func tidy(values []string) []string {
	var out []string
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func stringsOf[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = string(one)
	}
	return out
}

// request is what the Searcher is asked.
func (q query) request(limit int) search.Request {
	if q.Limit != 0 {
		limit = q.Limit
	}
	r := search.Request{
		Query: q.parsed, Figures: q.Figures, Platforms: q.Platforms, Types: q.Types,
		Since: q.since, Until: q.until, Sort: q.Sort, Limit: limit, Cursor: q.Cursor,
	}
	for _, one := range q.States {
		r.States = append(r.States, onrecord.State(one))
	}
	return r
}

// address is path with q's parameters in canonical order. Defaults are left
// out.
func (q query) address(path string) string {
	var b strings.Builder
	add := func(name, value string) {
		if value == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + url.QueryEscape(value))
	}
	add("q", q.Q)
	for _, list := range []struct {
		name   string
		values []string
	}{{"figure", q.Figures}, {"platform", q.Platforms}, {"state", q.States}, {"type", q.Types}} {
		for _, v := range list.values {
			add(list.name, v)
		}
	}
	add("since", q.Since)
	add("until", q.Until)
	if q.Sort != search.Newest {
		add("sort", string(q.Sort))
	}
	add("tz", q.TZ)
	add("cursor", q.Cursor)
	if q.Limit != 0 {
		add("limit", strconv.Itoa(q.Limit))
	}
	if b.Len() == 0 {
		return path
	}
	return path + "?" + b.String()
}

// at is q at another cursor.
func (q query) at(cursor string) query {
	q.Cursor = cursor
	return q
}

// noParams is the problem of a request with any parameter.
func (s *server) noParams(r *http.Request) error {
	unknown, err := s.unknownParams(r)
	if err == nil && len(unknown) > 0 {
		err = s.unknownParameter(unknown[0], nil)
	}
	return err
}

// unknownParams returns the parameters of r that are not in known, sorted.
// Marks that trackers add to links are passed over. A query string that can't
// be read is a problem.
func (s *server) unknownParams(r *http.Request, known ...string) ([]string, error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > 8<<10 {
		return nil, s.problem("invalid-parameter", s.texts.f("detail.querystring"))
	}
	var unknown []string
	for name := range v {
		if !slices.Contains(known, name) && !tracker(name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}
