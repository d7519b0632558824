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

	"github.com/mmcdole/gofeed"
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
	updated string
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
	media                []string // addresses
	lang                 string
}

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
	p := gofeed.NewParser()
	p.KeepOriginalFeed = true
	f, err := p.Parse(bytes.NewReader(text))
	if err != nil {
		return document{}, fmt.Errorf("%w: %w", err, crawler.ErrDrift)
	}
	switch original := f.OriginalFeed().(type) {
	case *rss.Feed:
		return fromRSS(f, original), nil
	case *atom.Feed:
		doc := fromAtom(original)
		doc.identified = s.tombstones
		return doc, nil
	case *json.Feed:
		return fromJSON(original)
	}
	return document{}, fmt.Errorf("parser gave no feed: %w", crawler.ErrDrift)
}

func fromRSS(f *gofeed.Feed, original *rss.Feed) document {
	doc := document{home: f.Link, lang: f.Language, updated: cmp.Or(original.LastBuildDate, original.PubDate)}
	doc.older = olderOf(extensionLinks(original.Extensions))
	for i, item := range f.Items {
		o := original.Items[i]
		e := entry{
			link: item.Link, guid: item.GUID, title: item.Title, html: cmp.Or(item.Content, item.Description),
			published: item.Published, categories: item.Categories, original: value(o.Extensions, "feedburner", "origLink"),
			updated: cmp.Or(value(o.Extensions, "atom", "updated"), value(o.Extensions, "dcterms", "modified")),
		}
		e.permalink = o.GUID != nil && !strings.EqualFold(strings.TrimSpace(o.GUID.IsPermalink), "false")
		for _, enc := range item.Enclosures {
			e.media = append(e.media, enc.URL)
		}
		e.addMediaRSS(o.Extensions)
		doc.entries = append(doc.entries, e)
	}
	return doc
}

func fromAtom(f *atom.Feed) document {
	doc := document{home: alternate(f.Links), lang: f.Language, updated: f.Updated, older: olderOf(atomLinks(f.Links))}
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
				e.media = append(e.media, l.Href)
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
				e.media = append(e.media, a.URL)
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
			e.media = append(e.media, c.Attrs["url"])
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
