// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"onrecord"
	"onrecord/crawler"
)

// check reports why s is no status. What an entity of another kind lacks is
// asked for, so that none passes for one.
func (s *status) check() error {
	switch {
	case !isLocalID(string(s.ID)):
		return fmt.Errorf("status with id %.40q: %w", s.ID, crawler.ErrDrift)
	case s.URI == "" || s.CreatedAt == "" || !s.Content.given || !s.Visibility.given || s.Account.ID == "":
		return fmt.Errorf("status %s without uri, created_at, content, visibility or account: %w", s.ID, crawler.ErrDrift)
	}
	if s.Reblog != nil {
		if s.Reblog.URI == "" || !s.Reblog.Content.given {
			return fmt.Errorf("status %s repeats one without uri or content: %w", s.ID, crawler.ErrDrift)
		}
	}
	return nil
}

// public reports whether s may be kept: it, and what it repeats, is shown to
// everybody, be it only at its own address.
func (s *status) public() bool {
	open := s.Visibility.value == "public" || s.Visibility.value == "unlisted"
	return open && (s.Reblog == nil || !s.Reblog.Visibility.given || s.Reblog.public())
}

// observe returns what the status shows; actor is the account's stable id.
func (s *status) observe(actor string) (onrecord.Observation, error) {
	id, err := webAddress(s.URI)
	if err != nil {
		return onrecord.Observation{}, err
	}
	// Its own server names only its own statuses: a foreign uri would stand
	// for a statement of somebody else.
	if hostOf(id) != hostOf(actor) {
		return onrecord.Observation{}, fmt.Errorf("status %s has the uri of another server, %.200q: %w", s.ID, id, crawler.ErrDrift)
	}
	o := onrecord.Observation{
		Ref: onrecord.Ref{NativeID: id, ID: string(s.ID), URL: id}, Order: order(string(s.ID)),
		State: onrecord.ItemLive, Engagement: s.engagement(),
	}
	if u, err := webAddress(s.URL); err == nil {
		o.URL = u
	}
	if at, ok := instant(s.CreatedAt); ok {
		o.Published, o.Precision = at, onrecord.PrecisionSecond
	}
	if o.Content, err = s.content(id); err != nil {
		return onrecord.Observation{}, err
	}
	if at, ok := instant(s.EditedAt.value); ok && s.Reblog == nil {
		o.Changed = at
	}
	// A server that says when a status was edited says so of every edit. What
	// changes without is not its author's doing: what a repost repeats, whether
	// a quote is shown, what it answers once that is deleted (in_reply_to_id
	// turns null), how mentions are rendered.
	o.Dated = s.EditedAt.given
	return o, nil
}

// order returns the position of a local id in lists; nothing for ids that are
// no decimal numbers, whose order is their server's secret.
func order(id string) string {
	if id == "" || len(id) > 20 || strings.Trim(id, "0123456789") != "" || id[0] == '0' && id != "0" {
		return ""
	}
	return id
}

func (s *status) engagement() map[string]int64 {
	if s.Reblog != nil {
		return nil // what it repeats has those
	}
	var out map[string]int64
	for name, n := range map[string]*int64{"likes": s.Favourites, "reposts": s.Reblogs, "replies": s.Replies, "quotes": s.Quotes} {
		if n == nil || *n < 0 {
			continue
		}
		if out == nil {
			out = make(map[string]int64, 4)
		}
		out[name] = *n
	}
	return out
}

// The types of statements.
const (
	typePost   = "post"
	typeReply  = "reply"
	typeRepost = "repost"
	typeQuote  = "quote"
)

// content returns the wording of the status whose native id is id. It depends
// on the status alone, never on what else a page shows.
func (s *status) content(id string) (onrecord.Content, error) {
	if s.Reblog != nil {
		to, err := webAddress(s.Reblog.URI)
		if err != nil {
			return onrecord.Content{}, err
		}
		c := onrecord.Content{Type: typeRepost, Published: oneLine(s.CreatedAt), Lang: oneLine(s.Reblog.Language), RepostOf: to}
		words(&c, s.Reblog.Content.value, s.Reblog.Spoiler, s.Reblog.Media, s.Reblog.Poll)
		return c, nil
	}
	c := onrecord.Content{Type: typePost, Published: oneLine(s.CreatedAt), Lang: oneLine(s.Language)}
	if s.Quote != nil {
		c.Type, c.QuoteOf = typeQuote, s.quoted(id)
	}
	if s.ReplyTo != "" {
		c.Type, c.ReplyTo = typeReply, s.parent(id)
	}
	words(&c, s.Content.value, s.Spoiler, s.Media, s.Poll)
	return c, nil
}

// maxParts is how many attachments and options of one status are taken up.
const maxParts = 100

// words adds to c what a status and each of its earlier wordings have alike.
func words(c *onrecord.Content, html, spoiler string, attached []media, p *poll) {
	c.HTML = html
	c.Text = onrecord.PlainText(html)
	c.Links = onrecord.Links(html)
	c.Spoiler = plain(spoiler)
	for _, m := range attached[:min(len(attached), maxParts)] {
		id := cmp.Or(string(m.ID), withoutQuery(m.URL), withoutQuery(m.RemoteURL))
		if id != "" {
			// Its own server's copy; the remote one only where that keeps none.
			one := onrecord.Media{ID: id, Alt: plain(m.Description)}
			c.Media = append(c.Media, crawler.MediaAt(one, "", cmp.Or(m.URL, m.RemoteURL), m.Type))
		}
	}
	if p == nil {
		return
	}
	for _, o := range p.Options[:min(len(p.Options), maxParts)] {
		c.Poll = append(c.Poll, plain(o.Title))
	}
}

// plain returns a text that is no HTML, with "\n" line ends.
func plain(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(s))
}

// withoutQuery returns an attachment's address without query and fragment,
// which are signatures that change.
func withoutQuery(address string) string {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		address = address[:i]
	}
	if len(address) > onrecord.MaxNativeID {
		return ""
	}
	return address
}

// parent returns the native id of the status that s answers. The API gives its
// local id only. Where it is by the same account, its uri is formed like that of
// s; of another's it can't be known, and the address at which this server shows
// it stands in its place. It depends on s alone, so it is the same each time.
func (s *status) parent(id string) string {
	to := string(s.ReplyTo)
	if !isLocalID(to) {
		return ""
	}
	if s.ReplyToUser == s.Account.ID {
		if uri := sibling(id, string(s.ID), to); uri != "" {
			return uri
		}
	}
	u, err := url.Parse(id)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/api/v1/statuses/" + to
}

// sibling returns the native id of the status with the local id other, by the
// same account as the one with native id id and local id own; nothing where the
// native id does not end in the local one.
func sibling(id, own, other string) string {
	base, ok := strings.CutSuffix(strings.TrimSuffix(id, "/activity"), "/statuses/"+own)
	if !ok {
		return ""
	}
	return base + "/statuses/" + other
}

// inline finds the link by which Mastodon names a quoted status in the text,
// for those who can't show it; it stands there whether or not the quote is
// shown.
var inline = regexp.MustCompile(`(?s)<p class="quote-inline">[^<]*<a href="([^"<>]+)"`)

// quoted returns the native id of the status that s quotes. Where the server
// shows it, it is its uri; of one that it does not show (revoked, pending), the
// address that the text names stands in its place.
func (s *status) quoted(id string) string {
	if q := s.Quote; q.Status != nil || q.URI != "" {
		uri := q.URI
		if q.Status != nil {
			uri = q.Status.URI
		}
		if to, err := webAddress(uri); err == nil {
			return to
		}
	}
	m := inline.FindStringSubmatch(s.Content.value)
	if m == nil {
		return ""
	}
	links := onrecord.Links(`<a href="` + m[1] + `">`)
	if len(links) == 0 {
		return ""
	}
	to, err := webAddress(links[0])
	if err != nil {
		return ""
	}
	// One by the same account is named by the address of its page.
	if page, ok := strings.CutSuffix(s.URL, string(s.ID)); ok && page != "" {
		if other, ok := strings.CutPrefix(to, page); ok && isLocalID(other) {
			return cmp.Or(sibling(id, string(s.ID), other), to)
		}
	}
	return to
}
