// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package feed is the door to websites through their feeds: RSS 0.9 to 2.0,
// Atom 0.3 and 1.0, JSON Feed 1 and 1.1 (docs/platforms/feed.md).
//
// A feed shows the newest items and no more: falling off its end is no
// deletion, so no page has a range. An item is gone when its own address says
// so (404, 410), or when the publisher signs off on it with a tombstone of RFC
// 6721. What a door of this package can and can't see is told in
// docs/platforms/feed.md.
package feed

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// Platform is the platform of the statements that feeds show: a website.
const Platform = "website"

// Parser names what Read makes of bytes. It moves with every change of
// results, the parser library's among them.
const Parser = "feed/2"

// The kinds of the requests of this door.
const (
	kindPage  = "page"  // the feed itself
	kindOlder = "older" // an older part of it (RFC 5005, next_url)
	kindLook  = "look"  // an item's own page
)

// MaxItems is how many items of one document are read; feeds list the newest
// first.
const MaxItems = 4000

// Options of a door. The zero value serves.
type Options struct {
	// Zone is where dates without zone are at home; nil means UTC.
	Zone *time.Location
}

// A Door reads feeds. It is safe for concurrent use.
type Door struct{ zone *time.Location }

// New returns a door.
func New(o Options) *Door {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Door{zone: o.Zone}
}

// Info returns what the door is and what it can see.
func (d *Door) Info() crawler.Info {
	return crawler.Info{
		Kind: "feed", Parser: Parser, Platform: Platform,
		Can: onrecord.Capabilities{EditSignal: true, DeletionSignal: true, OwnAddress: true},
	}
}

// accept is what a feed's address is asked for.
const accept = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"

// First returns the request for the feed at the configured address.
func (d *Door) First(t crawler.Target) ([]crawler.Request, error) {
	if hostOf(t.URL) == "" {
		return nil, fmt.Errorf("feed: url %.200q is no web address", t.URL)
	}
	return []crawler.Request{pageRequest(t.URL, kindPage, t.Cursor)}, nil
}

func pageRequest(address, kind, cursor string) crawler.Request {
	return crawler.Request{
		URL: address, Header: map[string]string{"Accept": accept}, Kind: kind, State: cursor, Conditional: true,
	}
}

// Look returns the request for an item's own page. ok is false for an item
// without one: without address, or with that of the home page or of the source
// itself, which stand whatever becomes of the item.
func (d *Door) Look(t crawler.Target, s onrecord.Ref) (r crawler.Request, ok bool) {
	address := s.URL
	if hostOf(address) == "" {
		address = s.NativeID
	}
	if hostOf(address) == "" || crawler.SharedPage(t, address) {
		return crawler.Request{}, false
	}
	return crawler.Request{URL: address, Header: map[string]string{"Accept": "text/html, */*;q=0.5"}, Kind: kindLook, About: s}, true
}

// hostOf returns the host of a web address in lower case, without port; else
// nothing.
func hostOf(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https") {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// Read says what an answer shows.
func (d *Door) Read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	if c.Request.Kind == kindLook {
		return readLook(t, c), nil
	}
	page, err := d.readFeed(t, c)
	if err != nil {
		return crawler.Page{}, fmt.Errorf("feed %s: %w", c.URL, err)
	}
	return page, nil
}

func (d *Door) readFeed(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	switch {
	case c.Status >= 200 && c.Status < 300:
	case c.Status == http.StatusNotFound || c.Status == http.StatusGone:
		return crawler.Page{Outcome: onrecord.OutcomeGone}, nil
	case c.Status == http.StatusUnauthorized:
		return crawler.Page{Outcome: onrecord.OutcomeUnauthorised}, nil
	case c.Status == http.StatusForbidden || c.Status == http.StatusUnavailableForLegalReasons:
		return crawler.Page{Outcome: onrecord.OutcomeBlocked}, nil
	case c.Status == http.StatusTooManyRequests:
		return crawler.Page{Outcome: onrecord.OutcomeRateLimited}, nil
	case c.Status >= 500:
		return crawler.Page{Outcome: onrecord.OutcomeOutage}, nil
	default:
		return crawler.Page{}, fmt.Errorf("status %d: %w", c.Status, crawler.ErrDrift)
	}
	doc, err := parse(c.Body, c.Header.Get("Content-Type"))
	if err != nil {
		return crawler.Page{}, err
	}
	r := reading{door: d, target: t, capture: c, doc: doc}
	return r.page(), nil
}

// readLook judges the answer of an item's own address. What a live page says is
// another door's business: Partial content is compared with nothing.
func readLook(t crawler.Target, c crawler.Capture) crawler.Page {
	o := onrecord.Observation{Ref: c.Request.About}
	o.State, o.Code = crawler.ItemPage(cmp.Or(hostOf(t.URL), t.AccountID), c)
	o.Partial = o.State == onrecord.ItemLive
	return crawler.Page{Items: []onrecord.Observation{o}}
}
