// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"onrecord"
)

// Reasons for which records are refused.
const (
	reasonNotJSON     = "not JSON"
	reasonNotCSV      = "not CSV"
	reasonLong        = "too long"
	reasonNoID        = "no id"
	reasonDamagedID   = "damaged id"
	reasonAccount     = "another account"
	reasonNoText      = "no text"
	reasonNoStatement = "no statement"
	reasonUnavailable = "unavailable"
	reasonShape       = "unknown shape"
	reasonKind        = "another kind of import"
	reasonFile        = "unreadable member"
)

// codeDeleted is the code of a post that a file says was deleted.
const codeDeleted = "reported_deleted"

// A no is why a record is refused.
type no struct{ reason, detail string }

// address returns the address of a post.
func address(handle, id string) string {
	if handle == "" {
		return "https://x.com/i/web/status/" + id
	}
	return "https://x.com/" + handle + "/status/" + id
}

// observe makes an observation of a post of the account with that handle.
func (t *tweet) observe(handle string, zone *time.Location) (onrecord.Observation, *no) {
	if n := t.check(); n != nil {
		return onrecord.Observation{}, n
	}
	if t.user.handle != "" {
		handle = t.user.handle
	}
	o := onrecord.Observation{State: onrecord.ItemLive}
	o.NativeID, o.Order = t.id, t.id
	o.URL = address(handle, t.id)
	t.chain(&o)
	if t.deleted {
		o.State, o.Code = onrecord.ItemGone, codeDeleted
	}
	o.Published, o.Precision = published(t.created, t.id, zone)
	if len(o.Aliases) > 0 && o.NativeID != t.id {
		o.Published, o.Precision = published("", o.NativeID, zone) // when it was first said
	}
	if t.hasText {
		o.Content = t.content()
		o.Engagement = t.counts.engagement()
	}
	return o, nil
}

// check says why a post can't be taken, if so.
func (t *tweet) check() *no {
	switch {
	case t.id == "":
		return &no{reasonNoID, "a record without a status id"}
	case !isID(t.id):
		return &no{reasonDamagedID, "no status id: " + clip(t.id) + "; a spreadsheet may have rounded it"}
	case !t.hasText && !t.deleted:
		return &no{reasonNoText, "only an id: a list of ids says nothing of what was said"}
	}
	for _, id := range []*string{&t.replyTo, &t.quoteOf, &t.repostOf} {
		if !isID(*id) {
			*id = ""
		}
	}
	return nil
}

// chain names the statement after the first id of its chain of edits.
func (t *tweet) chain(o *onrecord.Observation) {
	ids := slices.DeleteFunc(slices.Clone(t.edits), func(id string) bool { return !isID(id) })
	if len(ids) < 2 || !slices.Contains(ids, t.id) {
		return
	}
	o.NativeID, o.Order = ids[0], ids[0]
	o.Aliases = slices.Compact(ids[1:])
	if o.NativeID != t.id {
		o.ID = t.id
		o.Changed = idTime(t.id)
	}
}

// manualRepost is how a post begins that repeats another's, where the file
// does not hold the other.
var manualRepost = regexp.MustCompile(`^RT @[A-Za-z0-9_]{1,15}: `)

// content says what was said.
func (t *tweet) content() onrecord.Content {
	c := onrecord.Content{Published: t.created, Lang: language(t.lang), Poll: t.poll}
	said := t
	switch {
	case t.repost != nil && t.repost.hasText:
		c.Type, c.RepostOf = "repost", t.repost.id
		if link := t.repost.address(); link != "" {
			c.Links = append(c.Links, link)
		}
		said = t.repost
		c.Poll = firstList(t.repost.poll, t.poll)
	case t.isRepost || t.repost != nil || strings.HasPrefix(t.text, "RT @") && manualRepost.MatchString(t.text):
		c.Type, c.RepostOf = "repost", t.repostOf
	case t.replyTo != "" || t.replyUser != "":
		c.Type, c.ReplyTo, c.QuoteOf = "reply", t.replyTo, t.quoteOf
	case t.quoteOf != "":
		c.Type, c.QuoteOf = "quote", t.quoteOf
	default:
		c.Type = "post"
	}
	said.say(&c)
	named := func(link string) bool { return strings.Contains(link, "/status/"+c.QuoteOf) }
	if c.QuoteOf != "" && t.quoteURL != "" && !slices.ContainsFunc(c.Links, named) {
		c.Links = append(c.Links, t.quoteURL)
	}
	return c
}

func firstList(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}

// say adds text, links and media.
func (t *tweet) say(c *onrecord.Content) {
	text, urls := t.text, t.urls
	if t.long != "" {
		text = t.long
		if len(t.longURLs) > 0 {
			urls = t.longURLs
		}
	}
	text = unescape(text)
	for _, u := range urls {
		long := strings.TrimSpace(u.long)
		text = strings.ReplaceAll(text, u.short, long)
		if t.id == "" || !strings.HasSuffix(long, "/i/web/status/"+t.id) { // the end of a cut text
			c.Links = append(c.Links, long)
		}
	}
	for _, m := range t.media {
		if m.short != "" && strings.Contains(text, m.short) {
			text = strings.TrimRight(strings.Replace(text, m.short, "", 1), " ")
		}
		c.Media = append(c.Media, m.media())
	}
	c.Text = text
}

// entities are the character references that X makes of what people type, and
// no others: what is left of one may have been typed.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'")

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "")

// unescape returns a text as it was typed: character references decoded once,
// line ends "\n".
func unescape(s string) string {
	if strings.IndexByte(s, '&') >= 0 {
		s = entities.Replace(s)
	}
	if strings.ContainsAny(s, "\r\x00") {
		s = lineEnds.Replace(s)
	}
	return s
}

// language returns the claimed language; nothing where the claim is that there
// is none ("und", "zxx", "qme" …).
func language(claim string) string {
	if claim == "und" || claim == "zxx" || len(claim) == 3 && claim[0] == 'q' {
		return ""
	}
	return claim
}

func (c counts) engagement() map[string]int64 {
	var m map[string]int64
	set := func(name string, n int64) {
		if n < 0 {
			return
		}
		if m == nil {
			m = make(map[string]int64, 3)
		}
		m[name] = n
	}
	set("likes", c.likes)
	set("reposts", c.reposts)
	set("replies", c.replies)
	set("quotes", c.quotes)
	set("views", c.views)
	return m
}

// clip shortens what is quoted in a message.
func clip(s string) string {
	const most = 80
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
