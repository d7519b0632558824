// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// Parser names what Read makes of bytes. It moves with every change of results.
const Parser = "telegram-preview/2"

// MinInterval is the floor between two requests to t.me. Nobody has published
// its limits; one request a second was borne for 300 requests.
const MinInterval = 2 * time.Second

// The kinds of the requests of this door.
const (
	kindPage  = "page"  // the newest posts
	kindOlder = "older" // posts before one
	kindLook  = "look"  // one post
)

// Options of a door or an importer. The zero value serves.
type Options struct {
	// Zone is where the dates of exports that carry none, those made until 2021,
	// are at home. Nil means that nobody knows: of such a date only the day
	// counts.
	Zone *time.Location
}

// A Door reads the preview of a channel at t.me/s. It is safe for concurrent
// use.
type Door struct{}

// New returns a door.
func New(Options) *Door { return &Door{} }

// Info returns what the door is and what it can see.
func (*Door) Info() crawler.Info {
	return crawler.Info{
		Kind: "preview", Parser: Parser, Platform: Platform, MinInterval: MinInterval,
		Can: onrecord.Capabilities{CompleteRanges: true, OwnAddress: true, OwnWording: true},
	}
}

// header asks for English: marks and errors are read as words.
func header() map[string]string {
	return map[string]string{"Accept": "text/html", "Accept-Language": "en"}
}

// First returns the request for the newest posts. Where the channel has no
// preview, or there is no channel, t.me redirects to the page of the name,
// which says so.
func (*Door) First(t crawler.Target) ([]crawler.Request, error) {
	name, err := Name(t.Handle)
	if err != nil {
		return nil, err
	}
	if err := checkNumber(t.AccountID); err != nil {
		return nil, err
	}
	return []crawler.Request{{
		URL: "https://t.me/s/" + name, Header: header(), Kind: kindPage, State: t.Cursor, Conditional: true,
	}}, nil
}

// older returns the request for the posts below the number before.
func older(name, before, cursor string) crawler.Request {
	return crawler.Request{
		URL: "https://t.me/s/" + name + "?before=" + before, Header: header(), Kind: kindOlder, State: cursor,
	}
}

// Look returns the request for one post as websites embed it. An album is
// shown whole: "single" would ask for one photo of it.
func (*Door) Look(t crawler.Target, s onrecord.Ref) (r crawler.Request, ok bool) {
	name, err := Name(t.Handle)
	_, post, ok := postOf(s)
	if err != nil || !ok {
		return crawler.Request{}, false
	}
	return crawler.Request{URL: postURL(name, post) + "?embed=1&mode=tme", Header: header(), Kind: kindLook, About: s}, true
}

// postOf returns the number of a post's channel and its own: the local id, since
// an album whose first photo is gone goes on under the number of the second.
func postOf(s onrecord.Ref) (channel, post string, ok bool) {
	channel, post, ok = strings.Cut(s.NativeID, "/")
	if numberPattern.MatchString(s.ID) {
		post = s.ID
	}
	return channel, post, ok && numberPattern.MatchString(channel) && numberPattern.MatchString(post)
}

// Read says what an answer shows.
func (*Door) Read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	r := reading{target: t, capture: c}
	if c.Request.Kind == kindLook {
		return r.look(), nil
	}
	page, err := r.page()
	if err != nil {
		return crawler.Page{}, fmt.Errorf("telegram %s: %w", c.URL, err)
	}
	return page, nil
}

// A reading turns one answer into a page.
type reading struct {
	target  crawler.Target
	capture crawler.Capture
}

// page reads the answer to a request for posts.
func (r reading) page() (crawler.Page, error) {
	switch status := r.capture.Status; status {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return crawler.Page{Outcome: onrecord.OutcomeGone}, nil
	case http.StatusUnauthorized:
		return crawler.Page{Outcome: onrecord.OutcomeUnauthorised}, nil
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return crawler.Page{Outcome: onrecord.OutcomeBlocked}, nil
	default:
		return crawler.Page{}, fmt.Errorf("status %d: %w", status, crawler.ErrDrift)
	}
	doc, err := parse(r.capture.Body)
	if err != nil {
		return crawler.Page{}, err
	}
	if history := first(doc, "tgme_channel_history"); history != nil {
		return r.history(doc, history)
	}
	return r.profile(doc)
}

// handle returns the user name that was asked for.
func (r reading) handle() string {
	if name, err := Name(r.target.Handle); err == nil {
		return name
	}
	if u, err := url.Parse(r.capture.Request.URL); err == nil {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(u.Path, "/"), "s/"), "/")
		return name
	}
	return ""
}

// account returns what a page says of the channel that shows it.
func account(doc *html.Node, channel, name string) onrecord.AccountObservation {
	a := onrecord.AccountObservation{State: onrecord.AccountLive, ID: channel, Handle: name}
	for _, class := range []string{"tgme_channel_info_header_title", "tgme_header_title"} {
		if n := first(doc, class); n != nil && a.Name == "" {
			a.Name = clip(line(n))
		}
	}
	return a
}
