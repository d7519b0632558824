// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"onrecord"
	"onrecord/search"
)

// idMark begins the last part of an account's address that names it by its
// stable id. No platform has handles with a colon in that place.
const idMark = "id:"

// An accountEvent is a row of the timeline.
type accountEvent struct {
	What, When string
	More       []string
	Observed   moment
	Index      int64
	Href       string
}

type handleRow struct {
	Handle      string
	First, Last moment
	Current     bool
}

type accountBody struct {
	Heading    string
	Kick       string
	Label      string
	Figure     string
	FigureHref string
	Place      string
	Handle     string
	Name       string
	ID         string
	URL        string
	URLText    string
	State      string
	Live       bool
	Banners    []string
	Since      moment
	Looked     moment
	Ago        string
	Statements int64
	States     []stateCount
	Handles    []handleRow
	Events     []accountEvent
	Cover      []sourceCoverage
	Cards      []card
	Next, Prev string
	Unknown    []string
	API        string
}

type namesakesBody struct {
	Heading  string
	Accounts []accountRow
}

// accountPage is /a/{platform}/{account}: by handle. A stable id, and a handle
// that the account had before, lead to its page; of a handle that several
// accounts have or had, the page lists them.
func (s *server) accountPage(r *http.Request) (reply, error) {
	platform, name := r.PathValue("platform"), r.PathValue("account")
	l, err := s.readList(r, r.URL.EscapedPath(), nil, "cursor")
	if err != nil {
		return reply{}, err
	}
	if !slug.MatchString(platform) || name == "" || len(name) > 512 {
		return reply{}, onrecord.ErrNotFound
	}
	found, err := s.accountNamed(r.Context(), platform, name)
	if err != nil {
		return reply{}, err
	}
	switch {
	case len(found.list) == 0:
		return reply{}, fmt.Errorf("account %s of %s: %w", name, platform, onrecord.ErrNotFound)
	case len(found.list) > 1:
		return s.namesakes(platform, name, found.list)
	}
	a := found.list[0]
	href, err := s.canonicalAccount(r.Context(), a)
	if err != nil {
		return reply{}, err
	}
	if found.elsewhere && href != r.URL.EscapedPath() {
		return reply{Status: http.StatusFound, Goto: href, Type: htmlType, Cache: cacheSearch}, nil
	}
	return s.oneAccount(r.Context(), l, a, href)
}

// A naming is the accounts that a name stands for. Elsewhere says that it is
// not the name under which the page is: an id, or an earlier handle.
type naming struct {
	list      []onrecord.Account
	elsewhere bool
}

// accountNamed finds accounts: by stable id where the name says so, else by
// present handle, by id, and by earlier handles, whichever comes first.
func (s *server) accountNamed(ctx context.Context, platform, name string) (naming, error) {
	id, byID := strings.CutPrefix(name, idMark)
	all, err := s.Figures.AccountsNamed(ctx, platform, id)
	if err != nil {
		return naming{}, fmt.Errorf("accounts named %s: %w", name, err)
	}
	pick := func(ok func(a onrecord.Account) bool) []onrecord.Account {
		return slices.DeleteFunc(slices.Clone(all), func(a onrecord.Account) bool { return !ok(a) })
	}
	ids := pick(func(a onrecord.Account) bool { return a.ID == id })
	if byID {
		return naming{list: ids, elsewhere: true}, nil
	}
	if now := pick(func(a onrecord.Account) bool { return a.Handle != "" && onrecord.SameHandle(a.Handle, name) }); len(now) > 0 {
		return naming{list: now}, nil
	}
	if len(ids) > 0 {
		return naming{list: ids, elsewhere: true}, nil
	}
	return naming{list: all, elsewhere: true}, nil
}

// canonicalAccount is the one address of an account's page: by its handle,
// where no other account of the platform has that now, else by its id.
func (s *server) canonicalAccount(ctx context.Context, a onrecord.Account) (string, error) {
	others, err := s.Figures.AccountsNamed(ctx, a.Platform, accountName(a.AccountRef))
	if err != nil {
		return "", fmt.Errorf("accounts named %s: %w", a.Handle, err)
	}
	for _, o := range others {
		if o.ID != a.ID && o.Handle != "" && onrecord.SameHandle(o.Handle, accountName(a.AccountRef)) {
			return "/a/" + url.PathEscape(a.Platform) + "/" + url.PathEscape(idMark+a.ID), nil
		}
	}
	return accountHref(a.AccountRef), nil
}

// namesakes lists the accounts that have or had a name.
func (s *server) namesakes(platform, name string, list []onrecord.Account) (reply, error) {
	w := s.words(nil)
	body := namesakesBody{Heading: w.f("heading.namesakes", "handle", plain(name), "platform", w.platform(platform))}
	for _, a := range list {
		row := w.accountRow(a)
		row.Href = "/a/" + url.PathEscape(a.Platform) + "/" + url.PathEscape(idMark+a.ID)
		body.Accounts = append(body.Accounts, row)
	}
	return s.render("namesakes", frame{Title: body.Heading, NoIndex: true, Section: "figures", Body: body})
}

// oneAccount is the page of one account.
func (s *server) oneAccount(ctx context.Context, l listing, a onrecord.Account, href string) (reply, error) {
	w := s.words(nil)
	names, _, err := s.names(ctx)
	if err != nil {
		return reply{}, err
	}
	figure := cmp.Or(names[a.Figure], plain(a.Figure))
	row := w.accountRow(a)
	body := accountBody{
		Kick: w.f("heading.account_kick"), Label: w.f("label", "archive", s.Archive.Name, "figure", figure), Figure: figure, Place: row.Platform, Handle: row.Handle, Name: row.Name, ID: plain(a.ID),
		URL: row.URL, URLText: row.URLText, State: row.State, Live: row.Live, Since: row.Since, Looked: row.Looked, Ago: row.Ago, Statements: a.Statements,
		Unknown: l.unknown, API: "/api/v1/accounts/" + url.PathEscape(a.Platform) + "/" + url.PathEscape(idMark+a.ID),
	}
	body.Heading = w.f("heading.account", "figure", figure, "handle", row.Handle, "platform", row.Platform)
	if row.Handle == row.Platform {
		body.Heading = w.f("heading.site", "figure", figure, "platform", row.Platform)
	}
	if a.Figure != "" {
		body.FigureHref = "/f/" + a.Figure
	}
	for i := len(a.Handles) - 1; i >= 0; i-- {
		h := a.Handles[i]
		body.Handles = append(body.Handles, handleRow{Handle: plain(h.Handle), First: w.moment(h.First), Last: w.moment(h.Last), Current: h.Handle == a.Handle && !a.Taken})
	}
	if err := s.accountStatements(ctx, w, l, a, &body); err != nil {
		return reply{}, err
	}
	if err := s.accountHistory(ctx, w, a, row, &body); err != nil {
		return reply{}, err
	}
	if err := s.accountCoverage(ctx, w, a, names, &body); err != nil {
		return reply{}, err
	}
	return s.render("account", frame{
		Title: body.Heading, Canonical: s.base + href, NoIndex: l.get("cursor") != "", Section: "figures", Body: body,
		Head: []headLink{{Rel: "alternate", Href: body.API, Type: "application/json"}},
	})
}

// accountStatements fills the list, and the counts by state.
func (s *server) accountStatements(ctx context.Context, w wording, l listing, a onrecord.Account, body *accountBody) error {
	own := []string{a.Platform + "/" + a.ID}
	cards, found, err := s.find(ctx, w, search.Request{Accounts: own, Limit: latestOnHome, Cursor: l.get("cursor")})
	if err != nil {
		return err
	}
	body.Cards = cards
	if found.Next != "" {
		body.Next = l.with("cursor", found.Next).address()
	}
	if found.Prev != "" {
		body.Prev = l.with("cursor", found.Prev).address()
	}
	heard, err := s.Figures.AccountHearsay(ctx, a.Platform, a.ID)
	if err != nil {
		return fmt.Errorf("what is only said of account %s: %w", a.ID, err)
	}
	body.States, err = s.countStates(ctx, w, search.Request{Accounts: own}, query{}, heard)
	return err
}

// countStates counts what req finds by state, but for withheld ones; what nobody
// here saw is counted apart. Q gives the addresses; the zero query gives none.
func (s *server) countStates(ctx context.Context, w wording, req search.Request, q query, heard onrecord.Hearsay) ([]stateCount, error) {
	var list []stateCount
	for _, state := range states {
		if state == onrecord.StateWithheld {
			continue
		}
		req.States, req.Limit = []onrecord.State{state}, 1
		one, err := s.Searcher.Search(ctx, req)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", state, err)
		}
		list = append(list, w.countedApart(state, one.Total, q, heard)...)
	}
	return list, nil
}

// countedApart are the rows of one state: what was seen here, and what others
// say.
func (w wording) countedApart(state onrecord.State, total int64, q query, heard onrecord.Hearsay) (rows []stateCount) {
	add := func(name string, n int64, address func() string) {
		if n <= 0 {
			return
		}
		row := stateCount{Name: name, Count: n, state: state}
		if len(q.Figures) > 0 {
			row.Href = address()
		}
		rows = append(rows, row)
	}
	found := func(text string) func() string {
		return func() string {
			only := q
			only.States, only.Q = []string{string(state)}, text
			return only.address("/search")
		}
	}
	listed := func(kind string) func() string {
		return func() string {
			l := listing{path: "/deletions", known: []string{"kind", "figure"}}
			return l.with("figure", q.Figures...).with("kind", kind).address()
		}
	}
	switch {
	case state == onrecord.StateDeleted && heard.Reported > 0:
		add(w.state(state), total-heard.Reported, listed(""))
		add(w.f("state.reported"), heard.Reported, listed("reported"))
	case state == onrecord.StateLive && heard.Imported+heard.Mirrored > 0:
		add(w.state(state), total-heard.Imported-heard.Mirrored, found("-is:imported"))
		add(w.f("state.imported"), heard.Imported, found("is:imported"))
		add(w.f("state.mirrored"), heard.Mirrored, found("-is:imported"))
	default:
		add(w.state(state), total, found(""))
	}
	return rows
}

// accountHistory fills the timeline, and the banners that follow from it.
func (s *server) accountHistory(ctx context.Context, w wording, a onrecord.Account, row accountRow, body *accountBody) error {
	events, err := s.Figures.AccountEvents(ctx, a.Platform, a.ID)
	if err != nil {
		return fmt.Errorf("events of account %s: %w", a.ID, err)
	}
	strangers := map[string]onrecord.Event{} // by source: who answers to the handle now
	for _, e := range events {
		switch e.Type {
		case onrecord.AccountIdentityChanged:
			strangers[e.Source] = e
		case onrecord.AccountIdentified:
			delete(strangers, e.Source)
		}
		in := w.logRow(e, nil)
		out := accountEvent{What: in.What, When: in.When, More: in.More, Observed: in.Observed, Index: e.Index, Href: in.Href}
		if e.Type == onrecord.AccountRenamed || e.Type == onrecord.AccountIdentified {
			if h := plain(strings.TrimPrefix(e.Account.Handle, "@")); h != "" {
				out.More = append([]string{w.f("line.as", "handle", h)}, out.More...)
			}
		}
		body.Events = append(body.Events, out)
	}
	slices.Reverse(body.Events)
	if row.Said != "" {
		lost, err := s.Figures.AccountLost(ctx, a.Platform, a.ID)
		if err != nil {
			return fmt.Errorf("what went with account %s: %w", a.ID, err)
		}
		body.Banners = append(body.Banners, row.Said+w.together(lost))
	}
	if a.MovedTo != "" {
		body.Banners = append(body.Banners, w.f("line.account.now", "address", plain(a.MovedTo)))
	}
	if a.IsOffline {
		body.Banners = append(body.Banners, capital(w.f("line.account.offline", "platform", w.subject(a), "between", w.between(a.Offline))))
	}
	for _, source := range slices.Sorted(maps.Keys(strangers)) {
		e := strangers[source]
		id := ""
		if e.Observed != nil {
			id = plain(e.Observed.ID)
		}
		body.Banners = append(body.Banners, w.f("line.account.stranger", "between", w.between(e.Window()), "handle", row.Handle, "id", id, "source", plain(source)))
	}
	return nil
}

// together says how many statements an account's end took along, and how many
// had been deleted singly before.
func (w wording) together(lost onrecord.Lost) string {
	words := ""
	for _, one := range []struct {
		key string
		n   int64
	}{{"line.account.together", lost.Together}, {"line.account.unknown", lost.Unknown}, {"line.account.singly", lost.Deleted}} {
		if one.n > 0 {
			words += " " + w.n(one.key, one.n)
		}
	}
	return words
}

// accountCoverage fills the strips of the account's sources, of the last year.
func (s *server) accountCoverage(ctx context.Context, w wording, a onrecord.Account, names map[string]string, body *accountBody) error {
	until := midnight(w.now).Add(oneDay)
	from := until.Add(-usualDays * oneDay)
	for i, source := range a.Sources {
		if i == sourcesOnAccount {
			break
		}
		list, err := s.History.Days(ctx, onrecord.DaysFilter{Source: source, Since: from, Until: until})
		if err != nil {
			return fmt.Errorf("days of %s: %w", source, err)
		}
		for _, d := range list {
			if d.First.IsZero() {
				continue
			}
			row := w.sourceCoverage(d, from, until, names)
			row.Href = "/coverage?source=" + url.QueryEscape(source)
			body.Cover = append(body.Cover, row)
		}
	}
	return nil
}

// sourcesOnAccount bounds the strips on an account's page.
const sourcesOnAccount = 5
