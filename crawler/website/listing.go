// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// A link is an item as a listing shows it.
type link struct {
	id, address, title string
}

// listing reads a listing page.
func (r reading) listing() (crawler.Page, error) {
	p, ok, err := r.refused()
	if !ok {
		return p, err
	}
	doc, err := r.parse()
	if err != nil {
		return p, err
	}
	links, found := r.links(doc)
	if found == 0 {
		return p, fmt.Errorf("no items: item selector %q selects nothing: %w", r.door.item.given, crawler.ErrDrift)
	}
	if len(links) == 0 {
		return p, fmt.Errorf("no items: item selector %q selects %d elements, none of them with a link to an item%s: %w", r.door.item.given, found, r.matching(), crawler.ErrDrift)
	}
	p.Account = r.account()
	var ids []string
	for _, l := range links {
		ids = append(ids, statementID(l.id))
		ref := onrecord.Ref{NativeID: l.id, URL: l.address}
		p.Items = append(p.Items, onrecord.Observation{
			Ref: ref, State: onrecord.ItemLive, Partial: true,
			Content: onrecord.Content{Type: "article", Title: l.title},
		})
		if len(p.Follow) < maxRequests-1 { // one is left for the sitemap
			p.Follow = append(p.Follow, itemRequest(ref, l.title, true))
		}
	}
	r.goOn(&p, doc, ids)
	return p, nil
}

// matching says what the configuration says of addresses, for an error.
func (r reading) matching() string {
	if r.door.match == "" {
		return ""
	}
	return fmt.Sprintf(" that matches %q", r.door.match)
}

// maxTitle bounds the title of a listing that goes with a request for an item,
// in bytes: what has no title of its own, such as a PDF, is named by it.
const maxTitle = 300

// itemRequest asks for an item's own page; only if the item is new where ifNew.
func itemRequest(ref onrecord.Ref, title string, ifNew bool) crawler.Request {
	if len(title) > maxTitle {
		title = strings.ToValidUTF8(title[:maxTitle], "")
	}
	r := pageRequest(ref.URL, kindItem, title)
	r.About, r.IfNew = ref, ifNew
	return r
}

// MaxItems is how many items of one listing are read.
const MaxItems = 4000

// links returns the items of a listing, each once, in the order of the page,
// and how many elements the selector selects.
func (r reading) links(doc *page) (links []link, found int) {
	own := map[string]bool{r.home(): true, canonical(r.capture.URL): true, canonical(r.capture.Request.URL): true, canonical(r.target.URL): true}
	at := map[string]int{}
	nodes := r.door.item.all(doc.root)
	for _, n := range nodes {
		a, href := r.linkOf(n)
		address := resolve(doc.base, href)
		id := canonical(address)
		if id == "" || own[id] || !glob(r.door.match, address) {
			continue
		}
		title := ""
		if a != nil {
			title = oneLine(text(a))
		}
		if i, ok := at[id]; ok {
			if links[i].title == "" {
				links[i].title = title
			}
			continue
		}
		if len(links) == MaxItems {
			break
		}
		at[id] = len(links)
		links = append(links, link{id, address, title})
	}
	return links, len(nodes)
}

// anchors are the links within an element, but those to lists of others.
var anchors = mustPick(`a[href]:not([rel~="tag"]):not([rel~="category"]):not([rel~="author"]):not([rel~="nofollow"][href*="share"])`)

// linkOf returns the link of an element that the item selector selects: itself,
// the first one within it, or the attribute that the selector names.
func (r reading) linkOf(n *html.Node) (a *html.Node, href string) {
	if name := r.door.item.attr; name != "" {
		return n, attr(n, name)
	}
	if n.Data == "a" {
		for rel := range strings.FieldsSeq(strings.ToLower(attr(n, "rel"))) {
			if rel == "tag" || rel == "category" || rel == "author" {
				return nil, ""
			}
		}
		return n, attr(n, "href")
	}
	if a = anchors.first(n); a == nil {
		return nil, ""
	}
	return a, attr(a, "href")
}

// home returns the canonical address of the site's home page.
func (r reading) home() string {
	u, err := url.Parse(r.target.URL)
	if err != nil {
		return ""
	}
	return canonical((&url.URL{Scheme: u.Scheme, Host: u.Host}).String())
}

// older are the links to older items where none is configured.
var older = mustPick(`a[rel~="next"], link[rel~="next"], .nav-previous a, a.next.page-numbers, .pager-next a, .pager__item--next a`)

// goOn sets the cursor, the way to older items and that to the sitemap.
func (r reading) goOn(p *crawler.Page, doc *page, ids []string) {
	c := r.capture
	since := parseCursor(c.Request.State)
	if c.Request.Kind != kindOlder {
		p.Cursor = cursor{c.At, ids}.String()
		if at := resolve(doc.base, r.door.sitemap); r.door.sitemap != "" && at != "" {
			p.Follow = append(p.Follow, mapRequest(at, kindMap, c.Request.State, false))
		}
	}
	if since.reached(ids) {
		return
	}
	next := r.door.next
	if next == nil {
		next = older
	}
	for _, n := range next.all(doc.root) {
		href := attr(n, "href")
		if next.attr != "" {
			href = attr(n, next.attr)
		} else if n.Data != "a" && n.Data != "link" {
			if a := anchors.first(n); a != nil {
				href = attr(a, "href")
			}
		}
		at := resolve(doc.base, href)
		if id := canonical(at); id == "" || id == canonical(c.URL) || id == canonical(c.Request.URL) || id == canonical(r.target.URL) {
			continue // "#", or a pager that leads back
		}
		p.Next = []crawler.Request{pageRequest(at, kindOlder, c.Request.State)}
		return
	}
}
