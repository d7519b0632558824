// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// history reads a page of posts. A page holds about twenty messages in a row
// of the channel, each photo of an album counting for one; numbers that are
// left out belong to nobody, to service messages and to posts that are gone.
func (r reading) history(doc, section *html.Node) (crawler.Page, error) {
	list, err := findMessages(section)
	if err != nil {
		return crawler.Page{}, err
	}
	if len(list) == 0 {
		return r.empty(section)
	}
	slices.SortStableFunc(list, func(a, b message) int { return onrecord.CompareOrder(a.post, b.post) })
	channel, name, err := oneChannel(list)
	if err != nil {
		return crawler.Page{}, err
	}
	p := crawler.Page{Account: account(doc, channel, name)}
	if want := r.target.AccountID; want != "" && want != channel {
		return p, nil // another channel behind the name: nothing of it is ours to read
	}
	before := r.before()
	if newest := newestOf(list); before != "" && onrecord.CompareOrder(newest, before) >= 0 {
		return crawler.Page{}, fmt.Errorf("asked for posts before %s, got %s: %w", before, newest, crawler.ErrDrift)
	}
	whole := list
	if before != "" || hasOlder(doc, section) || counted(list) >= pageSize {
		whole = withoutCut(list)
	}
	if err := addItems(&p, whole); err != nil {
		return crawler.Page{}, err
	}
	p.Range = onrecord.Range{From: whole[0].post, FromIn: true, To: before}
	switch {
	case before != "":
	case hasNewer(doc):
		p.Range.To, p.Range.ToIn = newestOf(list), true
	default:
		p.Range.ToIn = true // nothing is newer
	}
	if r.capture.Request.Kind != kindOlder {
		p.Cursor = newestOf(list)
	}
	r.goOn(&p, list[0].post, whole[0].post)
	return p, nil
}

// pageSize is about how many messages a page holds.
const pageSize = 20

// counted returns how many messages the blocks stand for.
func counted(list []message) int {
	n := 0
	for _, m := range list {
		n += max(1, len(m.album))
	}
	return n
}

// withoutCut leaves out the oldest block of a page that goes on, if it shows
// media: it may be the end of an album that began on the page before, and then
// is neither the album nor named as it is.
func withoutCut(list []message) []message {
	if len(list) > 1 && list[0].media {
		return list[1:]
	}
	return list
}

// empty reads a history without posts. Telegram says in so many words that a
// channel begins here; whose it is it does not say.
func (r reading) empty(section *html.Node) (crawler.Page, error) {
	switch {
	case first(section, "tme_no_messages_found") == nil:
		return crawler.Page{}, fmt.Errorf("a history with neither posts nor the word that there are none: %w", crawler.ErrDrift)
	case r.capture.Request.Kind != kindOlder && r.target.Cursor != "":
		return crawler.Page{}, fmt.Errorf("no posts where there were some; without one the page does not tell which channel it shows: %w", crawler.ErrDrift)
	}
	return crawler.Page{}, nil
}

// oneChannel returns the channel that all of the blocks name.
func oneChannel(list []message) (channel, name string, err error) {
	name = list[0].name
	for _, m := range list {
		if m.channel != "" && channel == "" {
			channel = m.channel
		}
		if m.channel != "" && m.channel != channel || !strings.EqualFold(m.name, name) {
			return "", "", fmt.Errorf("posts of %s (%s) and of %s (%s) on one page: %w", name, channel, m.name, m.channel, crawler.ErrDrift)
		}
	}
	if channel == "" {
		return "", "", fmt.Errorf("no post tells the number of its channel: %w", crawler.ErrDrift)
	}
	for i := range list {
		list[i].channel = channel
	}
	return channel, name, nil
}

func newestOf(list []message) string {
	newest := ""
	for _, m := range list {
		if n := m.newest(); onrecord.CompareOrder(n, newest) > 0 {
			newest = n
		}
	}
	return newest
}

// before returns the number below which posts were asked for; empty for the
// newest.
func (r reading) before() string {
	u, err := url.Parse(r.capture.Request.URL)
	if err != nil {
		return ""
	}
	n := u.Query().Get("before")
	if !numberPattern.MatchString(n) {
		return ""
	}
	return n
}

// hasOlder reports whether the page leads to older posts.
func hasOlder(doc, section *html.Node) bool {
	for n := range all(section, "tme_messages_more") {
		if attr(n, "data-before") != "" {
			return true
		}
	}
	return hasLink(doc, "prev")
}

// hasNewer reports whether the page leads to newer posts.
func hasNewer(doc *html.Node) bool { return hasLink(doc, "next") }

func hasLink(doc *html.Node, rel string) bool {
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "link" && attr(n, "rel") == rel {
			return true
		}
	}
	return false
}

// addItems adds what the blocks show. A post that can't be read is told; many of
// them are a page whose structure is not known.
func addItems(p *crawler.Page, list []message) error {
	read, unread, why := 0, 0, ""
	for _, m := range list {
		if m.service {
			continue
		}
		o := m.observe()
		p.Items = append(p.Items, o)
		switch o.State {
		case onrecord.ItemLive:
			read++
		case onrecord.ItemUnclear:
			unread++
			why = o.NativeID + ": " + o.Code
		}
	}
	switch {
	case unread == 0:
		return nil
	case read == 0 || unread > read:
		return fmt.Errorf("%d of %d posts can't be read, such as %s: %w", unread, len(p.Items), why, crawler.ErrDrift)
	}
	p.Reason = fmt.Sprintf("%d of %d posts can't be read, such as %s", unread, len(p.Items), why)
	return nil
}

// goOn asks for the posts before whole, the oldest that was read, unless the
// oldest on the page is known. That there are none is only believed when
// Telegram says so.
func (r reading) goOn(p *crawler.Page, oldest, whole string) {
	cursor := r.capture.Request.State
	if cursor != "" && onrecord.CompareOrder(oldest, cursor) <= 0 || whole == "1" {
		return
	}
	p.Next = []crawler.Request{older(r.handle(), whole, cursor)}
}
