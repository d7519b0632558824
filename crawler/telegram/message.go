// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
)

// prefix begins the classes of the parts of a message.
const prefix = "tgme_widget_message_"

// A message is one block of a page: a post, an album or a service message.
type message struct {
	node    *html.Node
	name    string // user name of the channel
	post    string // number of the post, the first one of an album
	channel string // number of the channel; empty where the page does not tell
	album   []string
	service bool // "Channel created", "pinned a photo": nobody's statement
	media   bool // shows anything that could be one of an album
}

// findMessages returns the blocks below n, in the order of the page.
func findMessages(n *html.Node) ([]message, error) {
	var list []message
	for d := range all(n, "tgme_widget_message") {
		at := attr(d, "data-post")
		if at == "" {
			continue // of a discussion below a post
		}
		m := message{node: d, service: has(d, "service_message")}
		var ok bool
		if m.name, m.post, ok = splitPost(at); !ok {
			return nil, fmt.Errorf("data-post %.80q names no post: %w", at, crawler.ErrDrift)
		}
		m.channel = channelOf(d)
		m.album = m.members()
		for part := range m.parts() {
			m.media = m.media || mediaKind(part) != ""
		}
		list = append(list, m)
	}
	return list, nil
}

// channelOf returns the number of the channel that a block names: "c" of its
// data-view, which is base64 of JSON, else the first number of its data-peer.
func channelOf(n *html.Node) string {
	view := strings.TrimRight(attr(n, "data-view"), "=")
	view = strings.NewReplacer("+", "-", "/", "_").Replace(view)
	if raw, err := base64.RawURLEncoding.DecodeString(view); err == nil && len(raw) > 0 {
		var v struct {
			C json.Number `json:"c"`
		}
		// "p" is a number, or for albums a text such as "17g"; nobody needs it.
		if json.Unmarshal(raw, &v) == nil {
			if id := strings.TrimPrefix(v.C.String(), "-"); numberPattern.MatchString(id) {
				return id
			}
		}
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(attr(n, "data-peer"), "c"), "_")
	if numberPattern.MatchString(id) {
		return id
	}
	return ""
}

// members returns the posts that an album is made of; nil for other posts.
func (m message) members() []string {
	var list []string
	for g := range all(m.node, prefix+"grouped_wrap") {
		for d := range g.Descendants() {
			if d.Type != html.ElementNode || d.Data != "a" {
				continue
			}
			name, post, ok := linkedPost(attr(d, "href"))
			if ok && strings.EqualFold(name, m.name) && !slices.Contains(list, post) {
				list = append(list, post)
			}
		}
	}
	return list
}

// newest returns the highest number that the block stands for.
func (m message) newest() string {
	return slices.MaxFunc(append([]string{m.post}, m.album...), onrecord.CompareOrder)
}

// observe says what the block shows of the post.
func (m message) observe() onrecord.Observation {
	o := onrecord.Observation{
		Ref:   onrecord.Ref{NativeID: nativeID(m.channel, m.post), ID: m.post, URL: postURL(m.name, m.post)},
		Order: m.post,
		State: onrecord.ItemLive,
	}
	for _, post := range m.album {
		if post != m.post {
			o.Aliases = append(o.Aliases, nativeID(m.channel, post))
		}
	}
	c, why, hidden := m.content()
	when := m.date()
	switch {
	case hidden != "":
		o.State, o.Code = onrecord.ItemWithheld, hidden
		return o
	case why != "":
		o.State, o.Code = onrecord.ItemUnclear, why
		return o
	case when == "":
		o.State, o.Code = onrecord.ItemUnclear, "no date"
		return o
	}
	c.Published = when
	if t, err := time.Parse(time.RFC3339, when); err == nil {
		o.Published, o.Precision = t.UTC().Truncate(time.Microsecond), onrecord.PrecisionSecond
	}
	if m.edited() {
		o.Code = "edited"
	}
	o.Dated = m.untouched(c)
	o.Content, o.Engagement = c, m.engagement()
	return o
}

// date returns when the post was published, as given: never when it was edited.
func (m message) date() string {
	if a := first(m.node, prefix+"date"); a != nil {
		if t := element(a, "time"); t != nil {
			return clip(strings.TrimSpace(attr(t, "datetime")))
		}
	}
	return ""
}

// edited reports whether the block has the mark. It has no time.
func (m message) edited() bool {
	meta := first(m.node, prefix+"meta")
	if meta == nil {
		return false
	}
	for c := range meta.ChildNodes() {
		if c.Type == html.TextNode && strings.HasPrefix(strings.TrimSpace(c.Data), "edited") {
			return true
		}
	}
	return false
}

// untouched reports whether what changes in a block is not the channel's doing.
// A post that was edited has the mark for good, and what is forwarded can't be
// edited; but the quoted post of a reply disappears with it, and the source of
// what is forwarded renames itself or goes private. Of an album photos can be
// deleted, which leaves no mark.
func (m message) untouched(c onrecord.Content) bool {
	return len(m.album) == 0 && (c.Type == typeRepost || !m.edited())
}

// engagement returns the counters as shown: rounded, from a thousand on.
func (m message) engagement() map[string]int64 {
	e := map[string]int64{}
	if n, ok := count(line(first(m.node, prefix+"views"))); ok {
		e["views"] = n
	}
	if n, ok := count(line(first(m.node, prefix+"voters"))); ok {
		e["votes"] = n
	}
	for r := range all(m.node, "tgme_reaction") {
		var b strings.Builder
		for c := range r.ChildNodes() {
			if c.Type == html.TextNode {
				b.WriteString(c.Data)
			}
		}
		if n, ok := count(b.String()); ok {
			e["reactions"] += n
		}
	}
	if len(e) == 0 {
		return nil
	}
	return e
}

// count reads 17, 4.85K or 1.2M.
func count(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	factor := 1.0
	for unit, f := range map[string]float64{"K": 1e3, "M": 1e6} {
		if head, ok := strings.CutSuffix(s, unit); ok {
			s, factor = head, f
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || n > 1e12 || strings.ContainsAny(s, "+eExXpPiInN") {
		return 0, false
	}
	return int64(n*factor + 0.5), true
}

// clip drops what is too long to be what it claims.
func clip(s string) string {
	if len(s) > onrecord.MaxNativeID {
		return ""
	}
	return s
}
