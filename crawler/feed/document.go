// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	"github.com/mmcdole/gofeed/json"
	"github.com/mmcdole/gofeed/rss"

	"onrecord/crawler"
)

// A document is a feed of any format, as far as the door needs it. Addresses
// are as given, resolved against xml:base where there is one.
type document struct {
	home    string // address of the site
	lang    string
	older   string // address of the next older part
	entries []entry
	graves  []grave
	// identified says that the ids of its entries may stand in tombstones.
	identified bool
}

// An entry is one item of a feed.
type entry struct {
	link, guid, original string // original: address behind a redirecting service
	permalink            bool   // the guid is an address
	title                string // as given: may have markup in it
	html, plain          string // one of them
	published, updated   string
	categories           []string
	media                []enclosure
	lang                 string
}

// An enclosure is an attachment: its address, and its media type or medium.
type enclosure struct{ url, kind string }

// A grave is a tombstone of RFC 6721.
type grave struct{ ref, when, link string }

// parse reads a feed of any format. Everything that is none is ErrDrift, with
// what was found.
func parse(body []byte, contentType string) (document, error) {
	if len(body) > maxBody {
		return document{}, fmt.Errorf("%d bytes, at most %d: %w", len(body), maxBody, crawler.ErrDrift)
	}
	text := toUTF8(body, contentType)
	var s shape
	switch {
	case len(text) == 0:
		return document{}, fmt.Errorf("empty body: %w", crawler.ErrDrift)
	case text[0] == '<':
		var err error
		if s, err = inspect(text); err != nil {
			return document{}, err
		}
		if s.root != "rss" && s.root != "rdf" && s.root != "feed" {
			return document{}, fmt.Errorf("root element %.40q is no feed's: %w", s.root, crawler.ErrDrift)
		}
		if !s.known || s.root == "rss" && !s.channel {
			return document{}, fmt.Errorf("element %s has nothing of a feed in it: %w", s.root, crawler.ErrDrift)
		}
	case text[0] != '{':
		return document{}, fmt.Errorf("neither XML nor JSON, begins with %.20q: %w", text, crawler.ErrDrift)
	}
	return parseKind(text, s)
}

// parseKind hands the document to the parser of its format. gofeed's universal
// parser would also build a tree of each item's HTML to find a picture in it.
func parseKind(text []byte, s shape) (document, error) {
	var doc document
	var err error
	switch s.root {
	case "rss", "rdf":
		var f *rss.Feed
		if f, err = (&rss.Parser{}).Parse(bytes.NewReader(text)); err == nil {
			doc = fromRSS(f)
		}
	case "feed":
		var f *atom.Feed
		if f, err = (&atom.Parser{}).Parse(bytes.NewReader(text)); err == nil {
			doc = fromAtom(f)
			doc.identified = s.tombstones
		}
	default:
		var f *json.Feed
		if f, err = (&json.Parser{}).Parse(bytes.NewReader(text)); err == nil {
			return fromJSON(f)
		}
	}
	if err != nil {
		return document{}, fmt.Errorf("%w: %w", err, crawler.ErrDrift)
	}
	return doc, nil
}

func fromRSS(f *rss.Feed) document {
	links := extensionLinks(f.Extensions)
	doc := document{
		home: cmp.Or(f.Link, links["alternate"], links[""]), lang: f.Language,
		older: olderOf(links),
	}
	if doc.lang == "" && f.DublinCoreExt != nil {
		doc.lang = first(f.DublinCoreExt.Language)
	}
	for _, o := range f.Items {
		doc.entries = append(doc.entries, fromItem(o))
	}
	return doc
}

// fromItem reads an RSS item, with what Atom, Dublin Core, iTunes and Media RSS
// say in it where RSS says nothing.
func fromItem(o *rss.Item) entry {
	links := extensionLinks(o.Extensions)
	e := entry{
		link:      cmp.Or(o.Link, links["alternate"], links[""]),
		original:  value(o.Extensions, "feedburner", "origLink"),
		title:     o.Title,
		html:      cmp.Or(o.Content, value(o.Extensions, "atom", "content"), o.Description),
		published: cmp.Or(o.PubDate, value(o.Extensions, "atom", "published")),
		updated:   cmp.Or(value(o.Extensions, "atom", "updated"), value(o.Extensions, "dcterms", "modified")),
	}
	if o.GUID != nil {
		e.guid = o.GUID.Value
		e.permalink = !strings.EqualFold(strings.TrimSpace(o.GUID.IsPermalink), "false")
	}
	for _, c := range o.Categories {
		e.categories = append(e.categories, c.Value)
	}
	if dc := o.DublinCoreExt; dc != nil {
		e.title = cmp.Or(e.title, first(dc.Title))
		e.html = cmp.Or(e.html, first(dc.Description))
		e.published = cmp.Or(e.published, first(dc.Date))
		e.categories = append(e.categories, dc.Subject...)
	}
	if it := o.ITunesExt; it != nil {
		e.html = cmp.Or(e.html, it.Summary)
	}
	e.html = cmp.Or(e.html, value(o.Extensions, "atom", "summary"))
	for _, enc := range o.Enclosures {
		e.media = append(e.media, enclosure{enc.URL, enc.Type})
	}
	e.addMediaRSS(o.Extensions)
	return e
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func fromAtom(f *atom.Feed) document {
	doc := document{home: alternate(f.Links), lang: f.Language, older: olderOf(atomLinks(f.Links))}
	for _, o := range f.Entries {
		e := entry{
			link: alternate(o.Links), guid: o.ID, permalink: true, title: o.Title, published: o.Published, updated: o.Updated,
			original: value(o.Extensions, "feedburner", "origLink"),
		}
		e.html, e.plain = atomText(o)
		for _, c := range o.Categories {
			e.categories = append(e.categories, cmp.Or(c.Label, c.Term))
		}
		for _, l := range o.Links {
			if l.Rel == "enclosure" {
				e.media = append(e.media, enclosure{l.Href, l.Type})
			}
		}
		e.addMediaRSS(o.Extensions)
		doc.entries = append(doc.entries, e)
	}
	for _, elements := range f.Extensions {
		for _, x := range elements["deleted-entry"] {
			g := grave{ref: x.Attrs["ref"], when: x.Attrs["when"]}
			for _, l := range x.Children["link"] {
				if rel := l.Attrs["rel"]; rel == "" || rel == "alternate" {
					g.link = cmp.Or(g.link, l.Attrs["href"])
				}
			}
			doc.graves = append(doc.graves, g)
		}
	}
	slices.SortFunc(doc.graves, func(a, b grave) int { return cmp.Or(cmp.Compare(a.when, b.when), cmp.Compare(a.ref, b.ref)) })
	return doc
}

// atomText returns the text of an entry. Content of other types than text,
// such as a picture in base64, is none.
func atomText(e *atom.Entry) (html, plain string) {
	if c := e.Content; c != nil && strings.TrimSpace(c.Value) != "" {
		switch kind := strings.ToLower(c.Type); {
		case kind == "text" || kind == "" || kind == "text/plain":
			return "", c.Value
		case strings.Contains(kind, "html") || kind == "escaped" || kind == "xml":
			return c.Value, ""
		}
	}
	return e.Summary, ""
}

func fromJSON(f *json.Feed) (document, error) {
	if !strings.Contains(f.Version, "jsonfeed.org/version/") || f.Items == nil {
		return document{}, fmt.Errorf("JSON of version %.60q, with items: %t: %w", f.Version, f.Items != nil, crawler.ErrDrift)
	}
	doc := document{home: f.HomePageURL, lang: f.Language, older: f.NextURL}
	for _, o := range f.Items {
		if o == nil {
			continue
		}
		e := entry{
			link: o.URL, guid: o.ID, title: o.Title, html: o.ContentHTML, published: o.DatePublished, updated: o.DateModified,
			categories: o.Tags, lang: o.Language,
		}
		if e.html == "" {
			e.plain = cmp.Or(o.ContentText, o.Summary)
		}
		if o.Attachments != nil {
			for _, a := range *o.Attachments {
				e.media = append(e.media, enclosure{a.URL, a.MimeType})
			}
		}
		doc.entries = append(doc.entries, e)
	}
	return doc, nil
}

// addMediaRSS adds what Media RSS says of an item: attachments, and a text
// where there is no other.
func (e *entry) addMediaRSS(x ext.Extensions) {
	media := x["media"]
	groups := append([]map[string][]ext.Extension{media}, children(media["group"])...)
	for _, g := range groups {
		for _, c := range g["content"] {
			e.media = append(e.media, enclosure{c.Attrs["url"], cmp.Or(c.Attrs["type"], c.Attrs["medium"])})
		}
		if d := g["description"]; len(d) > 0 && e.html == "" && e.plain == "" {
			e.plain = d[0].Value
		}
	}
}

func children(list []ext.Extension) []map[string][]ext.Extension {
	var out []map[string][]ext.Extension
	for _, e := range list {
		out = append(out, e.Children)
	}
	return out
}

// value returns the text of the first element of that name.
func value(x ext.Extensions, prefix, name string) string {
	if list := x[prefix][name]; len(list) > 0 {
		return list[0].Value
	}
	return ""
}

// alternate returns the address of the page that an Atom element stands for.
func alternate(links []*atom.Link) string {
	for _, l := range links {
		if l.Rel == "" || l.Rel == "alternate" {
			return l.Href
		}
	}
	return ""
}

func atomLinks(links []*atom.Link) map[string]string {
	byRel := map[string]string{}
	for _, l := range links {
		if _, ok := byRel[l.Rel]; !ok {
			byRel[l.Rel] = l.Href
		}
	}
	return byRel
}

func extensionLinks(x ext.Extensions) map[string]string {
	byRel := map[string]string{}
	for _, l := range x["atom"]["link"] {
		if rel := l.Attrs["rel"]; byRel[rel] == "" {
			byRel[rel] = l.Attrs["href"]
		}
	}
	return byRel
}

// olderOf returns the address of the next older part (RFC 5005).
func olderOf(byRel map[string]string) string { return cmp.Or(byRel["next"], byRel["prev-archive"]) }

// resolve returns ref as an absolute web address, against base; nothing if it
// is none.
func resolve(base, ref string) string {
	ref = strings.TrimSpace(ref)
	if ref == "" {
		return ""
	}
	if hostOf(ref) != "" {
		return ref
	}
	b, err := url.Parse(base)
	if err != nil {
		return ""
	}
	u, err := b.Parse(ref)
	if err != nil || hostOf(u.String()) == "" {
		return ""
	}
	return u.String()
}
