// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// Platform is the platform of the statements that pages show: a website.
const Platform = "website"

// Parser names what Read makes of bytes. It moves with every change of results,
// the default selectors and the parser library's among them.
const Parser = "page/2"

// The kinds of the requests of this door.
const (
	kindPage    = "page"      // the listing that a visit begins with
	kindOlder   = "older"     // an older part of it
	kindItem    = "item"      // an item's own page
	kindLook    = "look"      // the same, asked for to learn whether it is there
	kindMap     = "sitemap"   // a sitemap; those named by an index are one level deeper
	kindMap2    = "sitemap/2" //
	kindMap3    = "sitemap/3" //
	maxRequests = 1000        // items of one document that are asked for; the loop takes no more
)

// Options of a door: where things stand, as selectors (CSS, level 3 and parts
// of 4). One may end in "@attribute": then the attribute counts, not the text.
type Options struct {
	Item    string   // the links to items in a listing, or what holds one link each; empty: a visit begins with a sitemap
	Next    string   // the link to older items in a listing; empty: rel=next and the like
	Sitemap string   // address of a sitemap that is read beside the listing, absolute or relative to it
	Match   string   // addresses that are items, path and query with "*" for anything; empty: all that are listed
	Title   string   // in an item's page, as are the following; each empty one has defaults
	Text    string   //
	Date    string   // of publication
	Remove  []string // what is cut out of the text
	// Zone is where dates without zone are at home; nil means UTC.
	Zone *time.Location
}

// A Door reads one website. It is safe for concurrent use.
type Door struct {
	item, next, title, text, date *picker // nil where none is configured
	remove                        []*picker
	sitemap, match                string
	zone                          *time.Location
}

// New returns a door. A selector that is none is an error that names its option.
func New(o Options) (*Door, error) {
	d := &Door{sitemap: o.Sitemap, match: o.Match, zone: o.Zone}
	if d.zone == nil {
		d.zone = time.UTC
	}
	for _, s := range []struct {
		name, selector string
		into           **picker
	}{{"item", o.Item, &d.item}, {"next", o.Next, &d.next}, {"title", o.Title, &d.title}, {"text", o.Text, &d.text}, {"date", o.Date, &d.date}} {
		if s.selector == "" {
			continue
		}
		p, err := pick(s.selector)
		if err != nil {
			return nil, fmt.Errorf("website: %s: %w", s.name, err)
		}
		*s.into = p
	}
	for i, s := range o.Remove {
		p, err := pick(s)
		if err != nil {
			return nil, fmt.Errorf("website: remove[%d]: %w", i, err)
		}
		d.remove = append(d.remove, p)
	}
	return d, nil
}

// Info returns what the door is and what it can see.
func (d *Door) Info() crawler.Info {
	return crawler.Info{
		Kind: "page", Parser: Parser, Platform: Platform,
		Can: onrecord.Capabilities{OwnAddress: true, OwnWording: true},
	}
}

// First returns the request for the listing, or the sitemap, at the configured
// address.
func (d *Door) First(t crawler.Target) ([]crawler.Request, error) {
	if hostOf(t.URL) == "" {
		return nil, fmt.Errorf("website: %.200q is no web address", t.URL)
	}
	if d.item == nil {
		// An index may stand unchanged though what it names has changed.
		index := slices.Contains(parseCursor(t.Cursor).ids, indexMark)
		return []crawler.Request{mapRequest(t.URL, kindMap, t.Cursor, !index)}, nil
	}
	// A sitemap beside the listing is asked for by the listing's answer: so the
	// listing must be answered in full.
	r := pageRequest(t.URL, kindPage, t.Cursor)
	r.Conditional = d.sitemap == ""
	return []crawler.Request{r}, nil
}

// The Accept headers of requests.
const (
	acceptPage = "text/html, application/xhtml+xml;q=0.9, */*;q=0.5"
	acceptMap  = "application/xml, text/xml;q=0.9, application/gzip;q=0.8, */*;q=0.5"
)

func pageRequest(address, kind, state string) crawler.Request {
	return crawler.Request{URL: address, Header: map[string]string{"Accept": acceptPage}, Kind: kind, State: state}
}

func mapRequest(address, kind, cursor string, conditional bool) crawler.Request {
	return crawler.Request{URL: address, Header: map[string]string{"Accept": acceptMap}, Kind: kind, State: cursor, Conditional: conditional}
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
	r = pageRequest(address, kindLook, "")
	r.About = s
	return r, true
}

// Read says what an answer shows.
func (d *Door) Read(t crawler.Target, c crawler.Capture) (p crawler.Page, err error) {
	r := reading{door: d, target: t, capture: c}
	switch c.Request.Kind {
	case kindItem, kindLook:
		p, err = r.item()
	case kindMap, kindMap2, kindMap3:
		p, err = r.sitemap()
	default:
		p, err = r.listing()
	}
	if err != nil {
		return crawler.Page{}, fmt.Errorf("page %s: %w", c.URL, err)
	}
	return p, nil
}

// A reading turns one answer into a page.
type reading struct {
	door    *Door
	target  crawler.Target
	capture crawler.Capture
}

// host is that of the configured address, in lower case, without port: the
// account, where no id is configured.
func (r reading) host() string { return cmp.Or(hostOf(r.target.URL), r.target.AccountID) }

func (r reading) account() onrecord.AccountObservation {
	id := cmp.Or(r.target.AccountID, hostOf(r.target.URL), hostOf(r.capture.Request.URL), hostOf(r.capture.URL))
	return onrecord.AccountObservation{State: onrecord.AccountLive, ID: id, Handle: id}
}

// refused judges an answer of a listing or a sitemap by its status. ok is false
// where there is nothing to read.
func (r reading) refused() (p crawler.Page, ok bool, err error) {
	switch s := r.capture.Status; {
	case s >= 200 && s < 300:
		return p, true, nil
	case s == 404 || s == 410:
		p.Outcome = onrecord.OutcomeGone
	case s == 401:
		p.Outcome = onrecord.OutcomeUnauthorised
	case s == 403 || s == 451:
		p.Outcome = onrecord.OutcomeBlocked
	case s == 429:
		p.Outcome = onrecord.OutcomeRateLimited
	case s >= 500:
		p.Outcome = onrecord.OutcomeOutage
	default:
		return p, false, fmt.Errorf("status %d: %w", s, crawler.ErrDrift)
	}
	return p, false, nil
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

// resolve returns the web address that a link on a page at base means, without
// fragment; nothing for another scheme, and for none.
func resolve(base *url.URL, link string) string {
	link = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(strings.TrimSpace(link))
	if link == "" || len(link) > 4*onrecord.MaxNativeID {
		return ""
	}
	u, err := base.Parse(crawler.WithoutSession(strings.ReplaceAll(link, " ", "%20")))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	if s := u.String(); len(s) <= onrecord.MaxNativeID {
		return s
	}
	return ""
}

// oneLine joins lines and collapses white space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
