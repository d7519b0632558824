// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"onrecord/search"
)

// A segment is a piece of a statement's text: plain, marked as found, or a
// link that is safe to follow.
type segment struct {
	Text string
	Mark bool
	Href string
}

var address = regexp.MustCompile(`https?://[^\s<>"'“”«»\x00-\x1f]+`)

// segments cuts text into pieces: addresses become links, spans are marked. An
// address with a mark in it stays text.
func segments(text string, marks []search.Span) []segment {
	var out []segment
	at := 0
	for _, loc := range address.FindAllStringIndex(text, -1) {
		end := loc[0] + len(strings.TrimRight(text[loc[0]:loc[1]], ".,;:!?)]}'"))
		href := safeURL(text[loc[0]:end])
		if href == "" || touches(marks, loc[0], end) {
			continue
		}
		out = append(marked(out, text, at, loc[0], marks), segment{Text: text[loc[0]:end], Href: href})
		at = end
	}
	return marked(out, text, at, len(text), marks)
}

func touches(marks []search.Span, start, end int) bool {
	for _, m := range marks {
		if m.Start < end && start < m.End {
			return true
		}
	}
	return false
}

// marked appends text[from:to], cut at the marks that lie in it.
func marked(out []segment, text string, from, to int, marks []search.Span) []segment {
	for _, m := range marks {
		if m.End <= from || m.Start >= to || m.Start < from || m.End > to {
			continue
		}
		if m.Start > from {
			out = append(out, segment{Text: text[from:m.Start]})
		}
		out = append(out, segment{Text: text[m.Start:m.End], Mark: true})
		from = m.End
	}
	if from < to {
		out = append(out, segment{Text: text[from:to]})
	}
	return out
}

// safeURL returns raw if it is an absolute http or https address without
// credentials, else nothing.
func safeURL(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// outward returns safeURL of an address at a platform. In a demonstration only those
// that can be nobody's are links (.example, RFC 2606): a name that was invented may be
// somebody's on a platform that is real.
func (w wording) outward(raw string) string {
	at := safeURL(raw)
	if u, err := url.Parse(at); w.demo && (err != nil || !strings.HasSuffix(u.Hostname(), ".example")) {
		return ""
	}
	return at
}

// excerpt returns the first n characters of text, cut at a space where there
// is one near, and whether anything was left off.
func excerpt(text string, n int) (string, bool) {
	count := 0
	for i := range text {
		if count++; count <= n {
			continue
		}
		cut := text[:i]
		if j := strings.LastIndexFunc(cut, unicode.IsSpace); j > len(cut)*3/4 {
			cut = cut[:j]
		}
		return strings.TrimRightFunc(cut, unicode.IsSpace), true
	}
	return text, false
}

// plain drops what could reach beyond a name's own place on a page or in a
// title: control characters and marks that turn the direction of what follows.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, name)
}

// lang returns the language tag if it looks like one (BCP 47), else nothing.
func lang(tag string) string {
	if len(tag) <= 35 && langTag.MatchString(tag) {
		return tag
	}
	return ""
}

var langTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
