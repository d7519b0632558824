// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
	"onrecord/crawler"
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
			return []onrecord.Media{served(onrecord.Media{ID: "photo/" + id}, part, kind)}
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
	return []onrecord.Media{served(media, part, kind)}
}

// served returns m with the address of its file, where the page has that: of a
// photo and a sticker the picture, of films and voices the file. Documents are
// not shown, and a still of a film that is too large for the page is not it. The
// addresses are good for some hours; they don't say for how many.
func served(m onrecord.Media, part *html.Node, kind string) onrecord.Media {
	address := ""
	switch kind {
	case "photo", "sticker":
		for _, n := range append([]*html.Node{part}, slices.Collect(part.Descendants())...) {
			if hit := background.FindStringSubmatch(attr(n, "style")); hit != nil && address == "" && !has(n, "emoji") {
				address = hit[1]
			}
		}
	case "video", "roundvideo", "animation", "voice":
		for n := range part.Descendants() {
			if n.Type == html.ElementNode && (n.Data == "video" || n.Data == "audio") && address == "" {
				address = attr(n, "src")
			}
		}
	default:
		return m
	}
	if kind == "sticker" {
		kind = onrecord.MediaImage
	}
	return crawler.MediaAt(m, "https://t.me/", address, kind)
}

// background matches the address of a picture in a style.
var background = regexp.MustCompile(`background-image:\s*url\(\s*['"]?([^'")]+)['"]?\s*\)`)

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
