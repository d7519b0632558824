// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http"

	"onrecord"
	"onrecord/search"
)

type accountRow struct {
	Kind                   string // of place: Mastodon, Website …
	Platform, Handle, Name string // Platform names the place in a sentence: that of a website by its host
	Href                   string // its page here
	URL, URLText           string
	State                  string
	Live                   bool
	Said                   string // what is known of a state that is not live
	Statements             int64
	Since, Looked          moment
	Ago                    string
}

type stateCount struct {
	Name, Href string
	Count      int64
	state      onrecord.State
}

type figureBody struct {
	Name       string
	Label      string
	Statements int64
	Last       moment
	Accounts   []accountRow
	Banned     []string // a sentence for each account that is not live
	States     []stateCount
	Cards      []card
	All        string
	Slug       string
}

// figurePage is /f/{figure}.
func (s *server) figurePage(r *http.Request) (reply, error) {
	ctx, w := r.Context(), s.words(nil)
	name := r.PathValue("figure")
	if !slug.MatchString(name) {
		return reply{}, onrecord.ErrNotFound
	}
	f, err := s.Figures.Figure(ctx, name)
	if err != nil {
		return reply{}, fmt.Errorf("figure %s: %w", name, err)
	}
	cards, found, err := s.find(ctx, w, search.Request{Figures: []string{f.Slug}, Limit: latestOnHome})
	if err != nil {
		return reply{}, err
	}
	q := query{Figures: []string{f.Slug}}
	body := figureBody{
		Name: plain(f.Name), Slug: f.Slug, Statements: found.Total, Last: w.moment(f.LastCapture), Cards: cards,
		Label: w.f("label", "archive", s.Archive.Name, "figure", plain(f.Name)), All: q.address("/search"),
	}
	for _, a := range f.Accounts {
		row := w.accountRow(a)
		body.Accounts = append(body.Accounts, row)
		if row.Said != "" {
			body.Banned = append(body.Banned, row.Said)
		}
	}
	heard, err := s.Figures.Hearsay(ctx, f.Slug)
	if err != nil {
		return reply{}, fmt.Errorf("what is only said of figure %s: %w", f.Slug, err)
	}
	if body.States, err = s.countStates(ctx, w, search.Request{Figures: []string{f.Slug}}, q, heard); err != nil {
		return reply{}, err
	}
	return s.render("figure", frame{Title: w.f("title.figure", "figure", plain(f.Name)), Canonical: s.base + "/f/" + f.Slug, Section: "figures", Body: body})
}

// accountState words what is known of an account: that its platform is gone, or
// its handle another's, stands before that it was live when it was last seen.
func (w wording) accountState(a onrecord.Account) string {
	switch {
	case a.State != onrecord.AccountLive && a.State != onrecord.AccountUnknown && a.State != "":
		return w.account(a.State)
	case a.IsOffline:
		return w.f("word.account.offline")
	case a.Taken:
		return w.f("word.account.taken")
	}
	return w.account(a.State)
}

// subject names where an account is so that a sentence may begin with it, whose
// first letter is made a capital: no host is spelt so.
func (w wording) subject(a onrecord.Account) string {
	if place := w.where(a.AccountRef); a.Platform == "website" && place != w.platform(a.Platform) {
		return w.f("word.host", "host", place)
	}
	return w.where(a.AccountRef)
}

func (w wording) accountRow(a onrecord.Account) accountRow {
	row := accountRow{
		Kind: w.platform(a.Platform), Platform: w.where(a.AccountRef), Href: accountHref(a.AccountRef), Handle: plain(a.Handle), Name: plain(a.Name), URL: w.outward(a.URL), URLText: shortURL(a.URL),
		State: w.accountState(a), Live: (a.State == onrecord.AccountLive || a.State == "") && !a.IsOffline && !a.Taken,
		Statements: a.Statements, Since: w.moment(a.Since), Looked: w.moment(a.LastLooked), Ago: w.ago(a.LastLooked),
	}
	if row.Handle == "" {
		row.Handle = plain(a.ID)
	}
	if a.Platform == "website" {
		row.Kind = w.f("word.website")
	}
	switch a.State {
	case onrecord.AccountSuspended, onrecord.AccountClosed, onrecord.AccountPrivate, onrecord.AccountMoved:
		said := ""
		if a.Code != "" {
			said = w.f("line.code", "code", plain(a.Code))
		}
		row.Said = capital(w.f("line.account."+string(a.State), "between", w.between(a.Window), "platform", w.subject(a), "handle", row.Handle, "code", said))
	}
	return row
}
