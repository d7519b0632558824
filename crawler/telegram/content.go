// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"html"
	"iter"
	"net/url"
	"slices"
	"strings"

	nethtml "golang.org/x/net/html"

	"onrecord"
)

// typeRepost is the type of what is forwarded.
const typeRepost = "repost"

// decoration are the parts of a message that are no content: who, when, how
// many, and what Telegram adds to it.
var decoration = []string{
	"bubble_tail", "bubble_logo", "author", "owner_name", "via_bot", "link_preview", "footer", "info", "reactions",
	"inline_keyboard", "inline_row", "forwarded_from", "reply", "service_date_wrap", "user",
}

// parts yields the parts of the message in the order of the page: the children
// of its bubble, and of the box around those that a browser can show.
func (m message) parts() iter.Seq[*nethtml.Node] {
	return func(yield func(*nethtml.Node) bool) {
		bubble := first(m.node, prefix+"bubble")
		if bubble == nil {
			return
		}
		for c := range bubble.ChildNodes() {
			if !has(c, "media_supported_cont") || mediaKind(c) != "" {
				if c.Type == nethtml.ElementNode && !yield(c) {
					return
				}
				continue
			}
			for d := range c.ChildNodes() {
				if d.Type == nethtml.ElementNode && !yield(d) {
					return
				}
			}
		}
	}
}

// content returns what the post says. why is not empty where a part is unknown
// without which the content would be wrong; hidden is Telegram's own word
// where it does not show the post on the web.
func (m message) content() (c onrecord.Content, why, hidden string) {
	c.Type = "post"
	words := "" // a part that is not known and has words in it: maybe the text
	for part := range m.parts() {
		switch kind := mediaKind(part); {
		case kind != "":
			c.Media = append(c.Media, m.mediaOf(part, kind)...)
		case has(part, prefix+"text") || has(part, "js-message_text"):
			if c.HTML == "" {
				m.text(&c, part)
			}
		case has(part, prefix+"poll"):
			m.poll(&c, part)
		case has(part, "message_media_not_supported_wrap"):
			if !has(part, "media_not_supported_cont") {
				hidden = clip(line(first(part, "message_media_not_supported_label")))
			}
		case slices.ContainsFunc(decoration, func(d string) bool { return has(part, prefix+d) }):
		case showsMedia(part):
			why = "unknown part " + clip(attr(part, "class"))
		case line(part) != "":
			words = "unknown part " + clip(attr(part, "class"))
		}
	}
	if c.HTML == "" && why == "" {
		why = words
	}
	m.origin(&c)
	switch said := c.Text != "" || len(c.Media) > 0 || len(c.Poll) > 0; {
	case said:
		if hidden != "" {
			// There is more than the preview shows.
			c.Media = append(c.Media, onrecord.Media{ID: "unsupported/" + m.post})
		}
		hidden = ""
	case hidden == "" && why == "":
		why = "nothing that is known"
	}
	return c, why, hidden
}

// text reads the text of a post. In albums the class is there twice, one in
// the other: the innermost counts.
func (m message) text(c *onrecord.Content, part *nethtml.Node) {
	for in := first(part, prefix+"text"); in != nil; in = first(in, prefix+"text") {
		part = in
	}
	for a := range part.Descendants() {
		if a.Type == nethtml.ElementNode && a.Data == "a" {
			unescapeTwice(a)
		}
	}
	c.HTML = inner(part)
	c.Text = onrecord.PlainText(c.HTML)
	c.Links = append(c.Links, onrecord.Links(c.HTML)...)
}

// unescapeTwice decodes an href that Telegram escapes twice: since April 2024
// those of links that ask before they open (onclick).
func unescapeTwice(a *nethtml.Node) {
	if attr(a, "onclick") == "" {
		return
	}
	for i, at := range a.Attr {
		if at.Key == "href" && strings.Contains(at.Val, "&amp;") {
			a.Attr[i].Val = html.UnescapeString(at.Val)
		}
	}
}

// poll adds question and options. Percentages and the kind of poll move.
func (m message) poll(c *onrecord.Content, part *nethtml.Node) {
	if q := line(first(part, prefix+"poll_question")); q != "" {
		c.Text = strings.TrimPrefix(c.Text+"\n\n"+q, "\n\n")
	}
	for o := range all(part, prefix+"poll_option_text") {
		c.Poll = append(c.Poll, line(o))
	}
}

// origin says whose words these are: a forwarded post is a repost, and its title
// says of whom. Where the page tells the address of the source, that stands for
// it: the name of a channel changes without anybody touching this post.
func (m message) origin(c *onrecord.Content) {
	if f := first(m.node, prefix+"forwarded_from"); f != nil {
		c.Type = typeRepost
		who := first(f, prefix+"forwarded_from_name")
		if who == nil {
			who = f
		}
		from := m.link(c, attr(who, "href"), &c.RepostOf)
		if from == "" {
			from = strings.TrimSpace(strings.TrimPrefix(line(who), "Forwarded from"))
		}
		c.Title = forwarded(from)
		return
	}
	if r := first(m.node, prefix+"reply"); r != nil {
		c.Type = "reply"
		m.link(c, attr(r, "href"), &c.ReplyTo)
	}
}

// forwarded is the title of a forwarded post.
func forwarded(from string) string {
	if from = strings.TrimPrefix(clip(from), "https://"); from == "" {
		return "Forwarded"
	}
	return "Forwarded from " + from
}

// link notes what a post is made out of: a post of this channel by its native
// id, anything else by its address. It returns the address; empty for none.
func (m message) link(c *onrecord.Content, href string, id *string) string {
	name, post, ok := linkedPost(href)
	switch {
	case ok && strings.EqualFold(name, m.name):
		*id = nativeID(m.channel, post)
		return postURL(m.name, post)
	case ok:
		href = postURL(name, post)
	default:
		u, err := url.Parse(href)
		if err != nil || u.Scheme != "https" || !isTelegram(u.Host) || clip(href) == "" {
			return ""
		}
	}
	c.Links = append([]string{href}, c.Links...)
	return href
}
