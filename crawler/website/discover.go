// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"onrecord/crawler"
)

// Found is what a page says of the ways in which its site can be read.
type Found struct {
	Title string   // of the page
	Feeds []string // absolute addresses, in the order of the page; feeds of comments are left out
	Items string   // a selector of the links in the longest list of articles; empty where there is none
}

// The bounds of what is taken for a list of articles: fewer links, or shorter
// ones, are a menu.
const (
	fewLinks  = 4
	shortText = 15
	maxFeeds  = 20
)

var (
	feedLinks = mustPick(`link[rel~=alternate][href], a[type][href]`)
	headTitle = mustPick("head title")
	allLinks  = mustPick("a[href]")
	// className is a class that stands in a selector as it is, and that no
	// programme made.
	className = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{1,39}[A-Za-z]$`)
)

// Discover reads a page for feeds and for a list of articles. A page that is no
// HTML is ErrDrift.
func Discover(c crawler.Capture) (Found, error) {
	r := reading{capture: c}
	doc, err := r.parse()
	if err != nil {
		return Found{}, err
	}
	f := Found{Items: listed(doc)}
	if t := headTitle.first(doc.root); t != nil {
		f.Title = strings.Join(strings.Fields(text(t)), " ")
	}
	for _, n := range feedLinks.all(doc.root) {
		if len(f.Feeds) == maxFeeds {
			break
		}
		kind, _, _ := mime.ParseMediaType(attr(n, "type"))
		u, err := doc.base.Parse(strings.TrimSpace(attr(n, "href")))
		if err != nil || !isFeedType(kind) || u.Scheme != "http" && u.Scheme != "https" || isComments(n, u) || slices.Contains(f.Feeds, u.String()) {
			continue
		}
		f.Feeds = append(f.Feeds, u.String())
	}
	return f, nil
}

func isFeedType(kind string) bool {
	return slices.Contains([]string{"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}, kind)
}

// isComments reports whether a feed is one of what readers said.
func isComments(n *html.Node, u *url.URL) bool {
	return strings.Contains(strings.ToLower(u.Path), "comment") || strings.Contains(strings.ToLower(attr(n, "title")), "comment")
}

// listed returns the selector of the list of articles of a page: of the links
// to the same host that stand alike in the page, those whose texts are longest
// together.
func listed(doc *page) string {
	type group struct {
		links map[string]bool
		text  int
	}
	groups, order := map[string]*group{}, []string(nil)
	for _, a := range allLinks.all(doc.root) {
		u, err := doc.base.Parse(strings.TrimSpace(attr(a, "href")))
		if err != nil || !strings.EqualFold(u.Host, doc.base.Host) || u.Path == doc.base.Path || u.Path == "/" || u.Path == "" || inMenu(a) {
			continue
		}
		sel := standing(a)
		g := groups[sel]
		if g == nil {
			g = &group{links: map[string]bool{}}
			groups[sel], order = g, append(order, sel)
		}
		if u.Fragment = ""; !g.links[u.String()] {
			g.links[u.String()] = true
			g.text += utf8.RuneCountInString(strings.Join(strings.Fields(text(a)), " "))
		}
	}
	best, most := "", 0
	for _, sel := range order {
		if g := groups[sel]; len(g.links) >= fewLinks && g.text >= shortText*len(g.links) && g.text > most && CheckSelector(sel) == nil {
			best, most = sel, g.text
		}
	}
	return best
}

// inMenu reports whether a link stands in what every page of a site has.
func inMenu(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if slices.Contains([]string{"nav", "header", "footer", "aside", "form"}, n.Data) && n.Type == html.ElementNode {
			return n.Data != "header" || !slices.ContainsFunc(ancestors(n), func(e string) bool { return e == "article" || e == "li" })
		}
	}
	return false
}

func ancestors(n *html.Node) (names []string) {
	for n = n.Parent; n != nil; n = n.Parent {
		names = append(names, n.Data)
	}
	return names
}

// standing returns how a link stands in its page: the elements above it up to
// the first one with a class of its own beyond its list item, as a selector.
func standing(a *html.Node) string {
	parts := []string{step(a)}
	for n, deep := a.Parent, 0; n != nil && n.Type == html.ElementNode && deep < 6; n, deep = n.Parent, deep+1 {
		if n.Data == "body" || n.Data == "html" {
			break
		}
		s := step(n)
		parts = append(parts, s)
		if strings.Contains(s, ".") && deep > 0 || n.Data == "main" {
			break
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, " > ")
}

// step returns an element with its first class that can stand in a selector.
func step(n *html.Node) string {
	for c := range strings.FieldsSeq(attr(n, "class")) {
		if className.MatchString(c) {
			return n.Data + "." + c
		}
	}
	return n.Data
}
