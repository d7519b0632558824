// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
)

// mediaParts are the parts that show media, and how we call those.
var mediaParts = []struct{ class, kind string }{
	{"photo_wrap", "photo"},
	{"grouped_wrap", "album"},
	{"video_player", "video"},
	{"roundvideo_player", "roundvideo"},
	{"voice_player", "voice"},
	{"document_wrap", "document"},
	{"sticker_wrap", "sticker"},
	{"location_wrap", "location"},
	{"contact_wrap", "contact"},
}

// mediaKind returns what kind of media a part shows; empty for none.
func mediaKind(n *html.Node) string {
	if n.Type != html.ElementNode {
		return ""
	}
	for _, p := range mediaParts {
		if has(n, prefix+p.class) {
			return p.kind
		}
	}
	return ""
}

// mediaOf returns the media of a part. Their addresses are good for a while
// and different in every answer, so media are named by their post and kind; a
// photo by its own number, where the page tells it: then another photo in its
// place is an edit.
func (m message) mediaOf(part *html.Node, kind string) []onrecord.Media {
	if kind == "album" {
		var list []onrecord.Media
		for d := range part.Descendants() {
			if k := mediaKind(d); k != "" && k != "album" {
				list = append(list, m.mediaOf(d, k)...)
			}
		}
		return list
	}
	media := onrecord.Media{}
	switch kind {
	case "photo":
		if id := photoID(part); id != "" {
			return []onrecord.Media{{ID: "photo/" + id}}
		}
	case "video":
		if first(part, "message_video_play") == nil {
			kind = "animation"
		}
	case "document":
		media.Alt = line(first(part, prefix+"document_title"))
	case "location":
		media.Alt = coordinates(attr(part, "href"))
	case "contact":
		media.Alt = line(first(part, prefix+"contact_name"))
	}
	media.ID = kind + "/" + m.owner(part)
	return []onrecord.Media{media}
}

// owner returns the post that a part belongs to: in an album, each has its own.
func (m message) owner(part *html.Node) string {
	if name, post, ok := linkedPost(attr(part, "href")); ok && strings.EqualFold(name, m.name) {
		return post
	}
	return m.post
}

// photoNumber is a photo's number at Telegram: 64 bits, and in practice never
// a small one.
var photoNumber = regexp.MustCompile(`^[1-9][0-9]{14,19}$`)

// photoID returns the number of a photo, which stands among its classes.
func photoID(n *html.Node) string {
	for c := range strings.FieldsSeq(attr(n, "class")) {
		if photoNumber.MatchString(c) {
			return c
		}
	}
	return ""
}

// coordinates returns "latitude,longitude" out of the address of a map.
func coordinates(href string) string {
	u, err := url.Parse(href)
	if err != nil {
		return ""
	}
	return clip(u.Query().Get("q"))
}

// showsMedia reports whether there is anything to look at or listen to below n
// or in it, but emoji.
func showsMedia(n *html.Node) bool {
	if isMedia(n) {
		return true
	}
	for d := range n.Descendants() {
		if isMedia(d) {
			return true
		}
	}
	return false
}

func isMedia(n *html.Node) bool {
	if n.Type != html.ElementNode || has(n, "emoji") {
		return false
	}
	switch n.Data {
	case "img", "video", "audio", "picture", "iframe":
		return true
	}
	return strings.Contains(attr(n, "style"), "background-image")
}
