// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"onrecord"
)

// maxMediaURL is the longest address of an attachment that is kept, in bytes.
const maxMediaURL = 4 << 10

// MediaAt returns m with the address where it is served, resolved against base,
// and what is known by that: its kind, from a media type, a medium or a word of
// the platform's, and when the address ends, where it says so. An address that
// nobody could ask for is left out.
func MediaAt(m onrecord.Media, base, address, kind string) onrecord.Media {
	m.Kind = MediaKind(kind)
	at, err := url.Parse(strings.TrimSpace(address))
	if address == "" || err != nil {
		return m
	}
	if b, err := url.Parse(base); base != "" && err == nil {
		at = b.ResolveReference(at)
	}
	at.Fragment, at.RawFragment = "", ""
	if at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil || len(at.String()) > maxMediaURL {
		return m
	}
	m.URL, m.Expires = at.String(), expiry(at)
	return m
}

// MediaKind returns the kind of attachment that a media type ("video/mp4") or a
// word ("gifv") stands for; empty for none that is known.
func MediaKind(word string) string {
	major, minor, _ := strings.Cut(strings.ToLower(strings.TrimSpace(word)), "/")
	switch major {
	case "image", "photo":
		return onrecord.MediaImage
	case "video", "gifv", "animated_gif", "roundvideo", "animation":
		return onrecord.MediaVideo
	case "audio", "voice":
		return onrecord.MediaAudio
	case "document":
		return onrecord.MediaDocument
	case "application", "text":
		if minor != "" && minor != "octet-stream" && minor != "x-shockwave-flash" && minor != "html" {
			return onrecord.MediaDocument
		}
	}
	return ""
}

// expiry returns when a signed address ends, UTC, by its own query; zero where
// it does not say.
func expiry(u *url.URL) time.Time {
	if u.RawQuery == "" {
		return time.Time{}
	}
	q := u.Query()
	if from, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date")); err == nil { // AWS signature 4
		if s, err := strconv.Atoi(q.Get("X-Amz-Expires")); err == nil && s > 0 && s <= 7*24*3600 {
			return from.Add(time.Duration(s) * time.Second)
		}
	}
	if from, err := time.Parse("20060102T150405Z", q.Get("X-Goog-Date")); err == nil {
		if s, err := strconv.Atoi(q.Get("X-Goog-Expires")); err == nil && s > 0 && s <= 7*24*3600 {
			return from.Add(time.Duration(s) * time.Second)
		}
	}
	if t, err := time.Parse(time.RFC3339, q.Get("se")); err == nil { // Azure
		return t.UTC()
	}
	if n, err := strconv.ParseInt(q.Get("oe"), 16, 64); err == nil { // Meta
		return sane(n)
	}
	for _, name := range []string{"Expires", "expires", "expiry", "exp"} {
		if n, err := strconv.ParseInt(q.Get(name), 10, 64); err == nil {
			return sane(n)
		}
	}
	return time.Time{}
}

// sane returns a Unix time of this century, else zero.
func sane(seconds int64) time.Time {
	const y2001, y2100 = 978307200, 4102444800
	if seconds < y2001 || seconds > y2100 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
