// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// item reads the answer of an item's own page, asked for because it is new or
// to learn whether it is there.
func (r reading) item() (crawler.Page, error) {
	c := r.capture
	o := onrecord.Observation{Ref: c.Request.About}
	if o.NativeID == "" {
		o.NativeID, o.URL = canonical(c.Request.URL), c.Request.URL
	}
	if o.State, o.Code = crawler.ItemPage(r.host(), c); o.State == onrecord.ItemLive && r.atListing() {
		o.State, o.Code = onrecord.ItemUnclear, "listing"
	}
	if o.State != onrecord.ItemLive {
		return crawler.Page{Items: []onrecord.Observation{o}}, nil
	}
	if kind := fileType(c); kind != "" {
		r.file(&o, kind)
		return crawler.Page{Items: []onrecord.Observation{o}}, nil
	}
	doc, err := r.parse()
	if err != nil {
		return crawler.Page{}, err
	}
	if err := r.article(&o, doc); err != nil {
		return crawler.Page{}, err
	}
	return crawler.Page{Items: []onrecord.Observation{o}}, nil
}

// atListing reports whether a redirect led to the listing.
func (r reading) atListing() bool {
	at := canonical(r.capture.URL)
	return at != canonical(r.capture.Request.URL) && at == canonical(r.target.URL)
}

// fileType returns the media type of an answer that is no page, such as a PDF;
// nothing for a page, and for what says nothing of itself.
func fileType(c crawler.Capture) string {
	t, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	switch {
	case err != nil, strings.Contains(t, "html"), strings.HasPrefix(t, "text/"), t == "application/octet-stream", strings.HasSuffix(t, "xml"), strings.HasSuffix(t, "json"):
		return ""
	}
	return t
}

// file says what a file shows that stands in place of a page: that it is there.
// Its title is the listing's; a look, which knows none, compares nothing.
func (r reading) file(o *onrecord.Observation, kind string) {
	title := r.capture.Request.State
	if r.capture.Request.Kind == kindLook || title == "" {
		o.Partial = true
		return
	}
	o.Content = onrecord.Content{Type: "article", Title: title, Media: []onrecord.Media{crawler.MediaAt(onrecord.Media{ID: mediaID(o.URL)}, "", r.capture.URL, kind)}}
}

// article reads the page of an item.
func (r reading) article(o *onrecord.Observation, doc *page) error {
	d := dataOf(doc, r.addresses(doc, *o))
	published := r.published(doc, d) // before title, which leaves no dates in headings
	title, err := r.title(doc, d)
	if err != nil {
		return err
	}
	if crawler.SaysNotFound(title) && r.door.title == nil && r.door.text == nil {
		o.State, o.Code = onrecord.ItemUnclear, "soft 404"
		return nil
	}
	categories, aliases := r.categories(doc, d), r.aliases(doc, *o)
	b, err := r.body(doc, d, title)
	if err != nil {
		return err
	}
	o.Content = onrecord.Content{
		Type: "article", Title: title, Text: b.text, HTML: b.html, Links: crawler.SteadyLinks(onrecord.LinksAt(doc.base.String(), b.markup)),
		Lang: lang(b.at, doc), Published: published, Categories: categories, Media: b.media,
	}
	if t, p, ok := parseDate(published, r.door.zone); ok {
		o.Published, o.Precision = t, p
	}
	o.Aliases = aliases
	return nil
}

// addresses are those of an item's page: as asked for, as answered, as it names
// itself.
func (r reading) addresses(doc *page, o onrecord.Observation) map[string]bool {
	m := map[string]bool{o.NativeID: true, canonical(r.capture.Request.URL): true, canonical(r.capture.URL): true, canonical(r.selfLink(doc)): true}
	delete(m, "")
	return m
}

var canonicalLink = mustPick(`link[rel~="canonical" i][href]`)

// selfLink returns the address by which a page names itself, or nothing.
func (r reading) selfLink(doc *page) string {
	n := canonicalLink.first(doc.root)
	if n == nil {
		return ""
	}
	return resolve(doc.base, attr(n, "href"))
}

// aliases returns the other addresses of an item: that to which redirects led,
// and the one that the page calls canonical. Neither is taken where it would join
// items that are not one: the home page, a listing, a folder above the item, a
// page of another site (a text that was first published elsewhere).
func (r reading) aliases(doc *page, o onrecord.Observation) []string {
	var list []string
	for i, address := range []string{r.capture.URL, r.selfLink(doc)} {
		id := canonical(address)
		u, err := url.Parse(id)
		if id == "" || err != nil || id == o.NativeID || id == canonical(r.target.URL) || slices.Contains(list, id) {
			continue
		}
		path := strings.TrimSuffix(u.Path, "/")
		above := strings.HasPrefix(pathOf(o.NativeID), path+"/") && !strings.HasPrefix(pathOf(o.NativeID), path+"/amp") && u.RawQuery == ""
		if path == "" && u.RawQuery == "" || above || i > 0 && !crawler.SameSite(u.Hostname(), hostOf(o.NativeID)) {
			continue
		}
		list = append(list, id)
	}
	return list
}

// pathOf returns the path of an address, without a slash at its end.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}

var (
	itemHeadline = mustPick(`[itemprop~="headline"]`)
	entryTitle   = mustPick(".entry-title, .post-title, .article-title, h1.title, h1.page-title, h1[itemprop~=name]")
	mainHeading  = mustPick("article h1, main h1, [role=main] h1")
	ogTitle      = mustPick(`meta[property="og:title"], meta[name="og:title"]`)
	anyHeading   = mustPick("h1")
	pageTitle    = mustPick("head > title")
	dates        = mustPick("time")
)

// title returns the title of an article: the configured one, else that of the
// structured data, else the only heading that can be meant, else that which the
// page gives to others who quote it.
func (r reading) title(doc *page, d data) (string, error) {
	if r.door.title != nil {
		n := r.door.title.first(doc.root)
		if n == nil || r.door.title.value(n) == "" {
			return "", fmt.Errorf("title selector %q selects nothing: %w", r.door.title.given, crawler.ErrDrift)
		}
		return r.door.title.value(n), nil
	}
	if d.headline != "" {
		return d.headline, nil
	}
	for _, p := range []*picker{itemHeadline, entryTitle, mainHeading} {
		if t := only(p, doc); t != "" {
			return t, nil
		}
	}
	if n := ogTitle.first(doc.root); n != nil {
		if t := oneLine(attr(n, "content")); t != "" {
			return t, nil
		}
	}
	if t := only(anyHeading, doc); t != "" {
		return t, nil
	}
	if n := pageTitle.first(doc.root); n != nil {
		return oneLine(text(n)), nil
	}
	return "", nil
}

// only returns the text of what p selects, if all that it selects says the same.
func only(p *picker, doc *page) string {
	t := ""
	for _, n := range p.all(doc.root) {
		cut(n, dates)
		s := oneLine(text(n))
		if c := attr(n, "content"); n.Data == "meta" {
			s = oneLine(c)
		}
		switch {
		case s == "" || s == t:
		case t != "":
			return ""
		default:
			t = s
		}
	}
	return t
}

// lang returns the language of a text by the page's own claim: that of the
// nearest element around it which has one.
func lang(at *html.Node, doc *page) string {
	for n := at; n != nil; n = n.Parent {
		if l := strings.TrimSpace(attr(n, "lang")); l != "" && len(l) <= 35 {
			return l
		}
	}
	if at == nil {
		if n := htmlElement.first(doc.root); n != nil && len(attr(n, "lang")) <= 35 {
			return strings.TrimSpace(attr(n, "lang"))
		}
	}
	return ""
}

var (
	htmlElement = mustPick("html")
	topics      = mustPick(`meta[property="article:section"], meta[property="article:tag"]`)
	tagLinks    = mustPick(`article a[rel~="tag"], article a[rel~="category"], main a[rel~="tag"], main a[rel~="category"], .entry-meta a[rel~="tag"], .entry-footer a[rel~="tag"], .tags-links a`)
)

// maxCategories bounds how many categories of an article are kept.
const maxCategories = 100

// categories returns the topics that an article is filed under.
func (r reading) categories(doc *page, d data) []string {
	var list []string
	add := func(s string) {
		if s = oneLine(s); s != "" && len(s) <= maxTitle && len(list) < maxCategories && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, s := range d.categories {
		add(s)
	}
	for _, n := range topics.all(doc.root) {
		add(attr(n, "content"))
	}
	if len(list) == 0 {
		for _, n := range tagLinks.all(doc.root) {
			add(text(n))
		}
	}
	return list
}
