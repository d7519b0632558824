// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// A Content is one wording of a statement: what was said, without counters,
// avatars, previews or anything else that moves by itself. Text is plain text
// by PlainText, with "\n" line ends, otherwise untouched.
type Content struct {
	Type       string // post reply repost quote article email broadcast transcript profile
	Title      string
	Text       string
	Spoiler    string
	Lang       string   // the platform's own claim
	Published  string   // claimed, as given
	Categories []string // in any order; the record sorts them
	Links      []string // expanded targets, in order
	Media      []Media  // in order
	Poll       []string // options, in order
	ReplyTo    string   // native id
	RepostOf   string   // native id
	QuoteOf    string   // native id

	HTML string // as given, kept beside the record; never hashed, never shown as HTML
}

// A Media names one attachment: by the platform's media id, else by its URL
// without query. What follows Alt is kept beside the record, like HTML, and
// never hashed: the same attachment is served under another address each time.
type Media struct {
	ID  string `json:"id"`
	Alt string `json:"alt,omitempty"`

	URL  string `json:"url,omitempty"`  // where it was served, with its query; empty where the platform tells none
	Kind string `json:"kind,omitempty"` // MediaImage …; empty where the platform does not say
	// Expires is when URL ends to be good, UTC, by the platform's own word; zero
	// where it gives none.
	Expires time.Time `json:"expires,omitzero"`
}

// The kinds of attachments.
const (
	MediaImage    = "image"
	MediaVideo    = "video"
	MediaAudio    = "audio"
	MediaDocument = "document"
)

// contentVersion is the "v" of a content record. A change of what any content
// record or PlainText yields needs a new one.
const contentVersion = 1

// Record returns the content record: JSON by RFC 8785 with the keys of
// docs/format.md, absent ones left out. What is not UTF-8 is U+FFFD. HTML is
// no part of it.
func (c Content) Record() []byte {
	return c.appendJSON(make([]byte, 0, c.size()), false)
}

// SHA256 returns the hash of the content record.
func (c Content) SHA256() [32]byte { return sha256.Sum256(c.Record()) }

// Version returns the id of this wording: the first 12 hex digits of SHA256.
func (c Content) Version() VersionID {
	sum := c.SHA256()
	return VersionID(hex.EncodeToString(sum[:6]))
}

// MarshalJSON returns the content record with what is kept beside it, where that
// is not empty: "html", and of media "expires", "kind" and "url".
func (c Content) MarshalJSON() ([]byte, error) {
	return c.appendJSON(make([]byte, 0, c.size()+len(c.HTML)), true), nil
}

// UnmarshalJSON is the inverse of MarshalJSON but for the order of Categories
// and what is not UTF-8. Unknown keys are ignored; duplicate ones, and a "v"
// other than 1, are ErrJSON.
func (c *Content) UnmarshalJSON(b []byte) error {
	r := reader{b: b}
	v := r.content()
	if err := r.end(); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	*c = *v
	return nil
}

// size estimates the length of the record.
func (c Content) size() int { return 160 + len(c.Title) + len(c.Text)*9/8 + 100*len(c.Links) }

// appendJSON appends the record; keys stand in the order of RFC 8785.
func (c Content) appendJSON(dst []byte, withHTML bool) []byte {
	dst = append(dst, '{')
	if len(c.Categories) > 0 {
		dst = appendStrings(append(dst, `"categories":`...), slices.Sorted(slices.Values(c.Categories)))
		dst = append(dst, ',')
	}
	if withHTML {
		dst = appendMember(dst, "html", c.HTML)
	}
	dst = appendMember(dst, "lang", c.Lang)
	if len(c.Links) > 0 {
		dst = append(appendStrings(append(dst, `"links":`...), c.Links), ',')
	}
	if len(c.Media) > 0 {
		dst = append(appendMedia(append(dst, `"media":`...), c.Media, withHTML), ',')
	}
	if len(c.Poll) > 0 {
		dst = append(appendStrings(append(dst, `"poll":`...), c.Poll), ',')
	}
	dst = appendMember(dst, "published", c.Published)
	dst = appendMember(dst, "quote_of", c.QuoteOf)
	dst = appendMember(dst, "reply_to", c.ReplyTo)
	dst = appendMember(dst, "repost_of", c.RepostOf)
	dst = appendMember(dst, "spoiler", c.Spoiler)
	dst = appendMember(dst, "text", c.Text)
	dst = appendMember(dst, "title", c.Title)
	dst = appendMember(dst, "type", c.Type)
	return append(dst, `"v":1}`...)
}

// appendMember appends "key":"value", with its comma unless value is empty.
func appendMember(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, '"'), key...), '"', ':')
	return append(appendString(dst, value), ',')
}

func appendMedia(dst []byte, list []Media, beside bool) []byte {
	dst = append(dst, '[')
	for i, m := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMember(append(dst, '{'), "alt", m.Alt)
		if beside && !m.Expires.IsZero() {
			dst = appendMember(dst, "expires", m.Expires.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
		}
		dst = appendString(append(dst, `"id":`...), m.ID)
		if beside {
			dst = appendLater(appendLater(dst, "kind", m.Kind), "url", m.URL)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendLater appends ,"key":"value" unless value is empty.
func appendLater(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendString(append(append(append(dst, `,"`...), key...), '"', ':'), value)
}

// content reads a content record, with or without html.
func (r *reader) content() *Content {
	var c Content
	version := int64(-1)
	r.object(func(key string) {
		if text := c.textOf(key); text != nil {
			*text = r.str()
			return
		}
		switch key {
		case "categories":
			c.Categories = r.strs()
		case "links":
			c.Links = r.strs()
		case "poll":
			c.Poll = r.strs()
		case "media":
			r.array(func() { c.Media = append(c.Media, r.media()) })
		case "v":
			version = r.int64()
		default:
			r.skip()
		}
	})
	if r.err == nil && version != contentVersion {
		r.fail("content record of version %d, this program knows %d", version, contentVersion)
	}
	return &c
}

// textOf returns the field that a key with a string value stands for, or nil.
func (c *Content) textOf(key string) *string {
	switch key {
	case "html":
		return &c.HTML
	case "lang":
		return &c.Lang
	case "published":
		return &c.Published
	case "quote_of":
		return &c.QuoteOf
	case "reply_to":
		return &c.ReplyTo
	case "repost_of":
		return &c.RepostOf
	case "spoiler":
		return &c.Spoiler
	case "text":
		return &c.Text
	case "title":
		return &c.Title
	case "type":
		return &c.Type
	}
	return nil
}

func (r *reader) media() Media {
	var m Media
	r.object(func(key string) {
		switch key {
		case "id":
			m.ID = r.str()
		case "alt":
			m.Alt = r.str()
		case "url":
			m.URL = r.str()
		case "kind":
			m.Kind = r.str()
		case "expires":
			m.Expires = r.time()
		default:
			r.skip()
		}
	})
	return m
}
