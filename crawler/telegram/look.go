// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// notFound is Telegram's word for a post that is not there (status 200).
const notFound = "Post not found"

// look reads the answer for one post. Whatever is not the post itself, nor
// Telegram's word that it is not there, settles nothing.
func (r reading) look() crawler.Page {
	about := r.capture.Request.About
	unclear := func(why string) crawler.Page {
		return crawler.Page{Items: []onrecord.Observation{{Ref: about, State: onrecord.ItemUnclear, Code: clip(why)}}}
	}
	if r.capture.Status != http.StatusOK {
		return unclear(strconv.Itoa(r.capture.Status))
	}
	doc, err := parse(r.capture.Body)
	if err != nil {
		return unclear("drift")
	}
	list, err := findMessages(doc)
	if err != nil || len(list) > 1 {
		return unclear("not one post on the page")
	}
	if len(list) == 1 {
		return r.lookPost(doc, list[0], unclear)
	}
	if e := first(doc, prefix+"error"); e != nil {
		return r.lookError(line(e), unclear)
	}
	return unclear("no post on the page")
}

// lookError reads the error that stands in place of a post.
func (r reading) lookError(says string, unclear func(string) crawler.Page) crawler.Page {
	p := unclear(says)
	switch {
	case strings.EqualFold(says, notFound):
		p.Items[0].State, p.Items[0].Code = onrecord.ItemGone, notFound
	case strings.HasPrefix(says, "Channel with username"):
		p.Account = onrecord.AccountObservation{State: onrecord.AccountUnknown, Handle: r.handle(), Code: clip(says)}
	}
	return p
}

// lookPost reads the post that is there.
func (r reading) lookPost(doc *html.Node, m message, unclear func(string) crawler.Page) crawler.Page {
	about := r.capture.Request.About
	channel, post, _ := postOf(about)
	switch {
	case m.channel == "":
		return unclear("the page does not tell which channel it shows")
	case m.channel != channel:
		p := unclear("a post of another channel")
		p.Account = account(doc, m.channel, m.name)
		return p
	case m.service:
		return unclear("a service message")
	case m.post != post && !slices.Contains(m.album, post):
		return unclear("another post")
	}
	o := m.observe()
	if o.NativeID != about.NativeID {
		o.Aliases = append(slices.DeleteFunc(o.Aliases, func(a string) bool { return a == about.NativeID }), o.NativeID)
		o.NativeID = about.NativeID
	}
	return crawler.Page{Account: account(doc, m.channel, m.name), Items: []onrecord.Observation{o}}
}

var _ crawler.Door = (*Door)(nil)
