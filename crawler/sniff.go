// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"net/http"
	"strings"

	"onrecord"
)

// SniffLen is how many of a file's first bytes Sniff wants, at most.
const SniffLen = 4 << 10

// Sniff returns what a file is by its first bytes, whatever anybody calls it:
// its media type, and the kind of attachment (onrecord.MediaImage …) that it
// can be. The kind is empty for what is none, such as a web page. An SVG is a
// document: it may hold a script.
func Sniff(head []byte) (mediaType, kind string) {
	head = head[:min(len(head), SniffLen)]
	for _, m := range magics {
		if len(head) >= m.at && bytes.HasPrefix(head[m.at:], []byte(m.magic)) {
			return m.mediaType, kindOf(m.mediaType)
		}
	}
	if beginsAsMarkup(head) {
		if bytes.Contains(bytes.ToLower(head[:min(len(head), 1<<10)]), []byte("<svg")) {
			return "image/svg+xml", onrecord.MediaDocument
		}
		return "text/html", ""
	}
	t, _, _ := strings.Cut(http.DetectContentType(head), ";")
	switch {
	case isMPEG(head):
		return "audio/mpeg", onrecord.MediaAudio
	case len(head) == 0, t == "application/octet-stream":
		return "application/octet-stream", ""
	}
	return t, kindOf(t)
}

// magics are signatures that net/http does not know, or names otherwise.
var magics = []struct {
	at               int
	magic, mediaType string
}{
	{4, "ftypavif", "image/avif"}, {4, "ftypavis", "image/avif"},
	{4, "ftypheic", "image/heic"}, {4, "ftypheix", "image/heic"}, {4, "ftypmif1", "image/heic"},
	{4, "ftypM4A", "audio/mp4"}, {4, "ftypM4B", "audio/mp4"}, {4, "ftypqt  ", "video/quicktime"}, {4, "ftyp", "video/mp4"},
	{0, "II*\x00", "image/tiff"}, {0, "MM\x00*", "image/tiff"},
	{0, "fLaC", "audio/flac"}, {0, "#!AMR", "audio/amr"},
	{28, "OpusHead", "audio/ogg"}, {28, "\x01vorbis", "audio/ogg"}, {28, "\x7fFLAC", "audio/ogg"}, {0, "OggS", "video/ogg"},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"}, {0, "{\\rtf", "application/rtf"},
	{0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
}

// kindOf returns the kind of attachment that a sniffed media type is.
func kindOf(t string) string {
	major, minor, _ := strings.Cut(t, "/")
	switch {
	case major == onrecord.MediaImage, major == onrecord.MediaVideo, major == onrecord.MediaAudio:
		return major
	case major == "application" && minor != "octet-stream", t == "text/plain":
		return onrecord.MediaDocument
	}
	return ""
}

// beginsAsMarkup reports whether a file begins as HTML or XML does.
func beginsAsMarkup(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	head = bytes.TrimLeft(head, " \t\r\n\f")
	t, _, _ := strings.Cut(http.DetectContentType(head), ";")
	if t == "text/html" || t == "text/xml" {
		return true
	}
	// A browser that guesses takes much more for a page than the standard names.
	return len(head) > 1 && head[0] == '<' && (head[1] == '!' || head[1] == '?' || head[1] == '/' || head[1]|0x20 >= 'a' && head[1]|0x20 <= 'z')
}

// isMPEG reports whether a file begins with a frame of MPEG audio or AAC (ADTS).
func isMPEG(head []byte) bool {
	if len(head) < 4 || head[0] != 0xff || head[1] >= 0xfe { // the latter is UTF-16
		return false
	}
	layer, rate := head[1]>>1&3, head[2]>>4
	return head[1]&0xf6 == 0xf0 || head[1]&0xe0 == 0xe0 && layer != 0 && rate != 0 && rate != 15
}

// Keepable reports whether a file of the sniffed media type and kind is what an
// attachment said to be of kind claimed can be. Pictures, video and sound stand
// for each other: platforms call a looped video a picture. Text and packed files
// are kept only where a document is announced, so that the error message of a
// server is not.
func Keepable(mediaType, kind, claimed string) bool {
	switch kind {
	case "":
		return false
	case onrecord.MediaDocument:
		return claimed == onrecord.MediaDocument || mediaType == "application/pdf" || mediaType == "image/svg+xml" && claimed == onrecord.MediaImage
	}
	return true
}
