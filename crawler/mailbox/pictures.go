// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	_ "image/gif"  // the sizes of pictures
	_ "image/jpeg" // likewise
	_ "image/png"  // likewise
	"strings"
	"unicode/utf8"

	"github.com/jhillyerd/enmime/v2"

	"onrecord"
	"onrecord/crawler"
)

const (
	maxPictures = 16 // of a message
	// minPictureSide is the least that a picture measures, in pixels, each way:
	// what is smaller counts readers, or says nothing.
	minPictureSide = 96
)

// pictures returns the pictures that lie within a message and of which nothing
// says that they were made for its reader: see docs/platforms/email.md. All
// other parts are left out: a document, an invitation or a card may name the
// reader in words that nobody here reads.
func (r *reading) pictures(env *enmime.Envelope, o onrecord.Observation) []crawler.Enclosed {
	if strings.Contains(o.Content.Text, codeRemoved) {
		return nil // where a code was taken out, a picture may show it once more
	}
	var list []crawler.Enclosed
	seen := map[string]bool{}
	for _, parts := range [][]*enmime.Part{env.Inlines, env.Attachments, env.OtherParts} {
		for _, p := range parts {
			sum := sha256.Sum256(p.Content)
			id := "sha256:" + hex.EncodeToString(sum[:])
			if len(list) == maxPictures || seen[id] || !r.impersonalPicture(p.Content) {
				continue
			}
			seen[id] = true
			list = append(list, crawler.Enclosed{NativeID: o.NativeID, Media: onrecord.Media{ID: id, Kind: onrecord.MediaImage}, Bytes: p.Content})
		}
	}
	return list
}

// impersonalPicture reports whether b is a picture that may be kept. What it
// shows nobody here can read; what is written in it beside that, its metadata
// among it, must not name the reader.
func (r *reading) impersonalPicture(b []byte) bool {
	switch t, _ := crawler.Sniff(b); t {
	case "image/png", "image/jpeg", "image/gif":
	default:
		return false
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || c.Width < minPictureSide || c.Height < minPictureSide {
		return false
	}
	for _, word := range printable(b) {
		if r.who.named(word) || r.secret(word) {
			return false
		}
	}
	return true
}

// minRun is the shortest run of characters that is looked at, in bytes.
const minRun = 6

// printable returns the runs of printable characters in b, in ASCII, UTF-8 or
// UTF-16.
func printable(b []byte) (list []string) {
	for _, s := range [][]byte{b, bytes.ReplaceAll(b, []byte{0}, nil)} {
		for run := range bytes.FieldsFuncSeq(s, func(c rune) bool { return c < ' ' || c == 0x7f || c == utf8.RuneError }) {
			if len(run) >= minRun {
				list = append(list, string(run))
			}
		}
	}
	return list
}
