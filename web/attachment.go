// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"

	"onrecord"
)

// picturesInCard is how many pictures a list shows of a statement.
const picturesInCard = 4

// thumbSide is the most that a small picture measures, in pixels.
const thumbSide = 640

// An attachmentView is an attachment as it is shown: the archive's copy, or in
// words why there is none.
type attachmentView struct {
	Name  string // its id at the platform
	Alt   string
	Kind  string // image, video, audio, document
	Href  string // of the copy; empty where there is none
	Words string
	Thumb string // address of the small picture, if there is one

	ThumbWidth, ThumbHeight int
}

// isMediaEvent reports whether t tells of attachments, and not of what was said.
func isMediaEvent(t onrecord.EventType) bool {
	return t == onrecord.MediaKept || t == onrecord.MediaMissed
}

func (w wording) attachments(list []onrecord.Attachment) []attachmentView {
	out := make([]attachmentView, len(list))
	for i, a := range list {
		out[i] = w.attachment(a)
	}
	return out
}

func (w wording) attachment(a onrecord.Attachment) attachmentView {
	v := attachmentView{Name: plain(a.ID), Alt: plain(a.Alt), Kind: a.Kind}
	if missing := missingOf(a); missing != "" {
		most, kind := "", ""
		if a.Kept != nil {
			most, kind = size(a.Kept.Size), plain(a.Kept.Type)
		}
		v.Kind, v.Words = "", w.f("word.media."+missing, "size", most, "type", kind)
		return v
	}
	m := *a.Kept
	v.Href, v.Words = "/media/"+fileName(m), w.f("word.media.file", "type", plain(m.Type), "size", size(m.Size))
	v.Kind, _, _ = strings.Cut(m.Type, "/")
	if m.Width > 0 && m.Height > 0 {
		v.Words = w.f("word.media.picture", "type", plain(m.Type), "width", m.Width, "height", m.Height, "size", size(m.Size))
	}
	if pictured(m) {
		v.Thumb = "/media/" + m.SHA256 + "/thumb.jpg"
		v.ThumbWidth, v.ThumbHeight = m.Width, m.Height
		if most := max(m.Width, m.Height); most > thumbSide {
			v.ThumbWidth, v.ThumbHeight = max(1, m.Width*thumbSide/most), max(1, m.Height*thumbSide/most)
		}
	}
	return v
}

// missingOf says why there is no copy of an attachment; empty if there is one.
func missingOf(a onrecord.Attachment) string {
	switch {
	case a.Kept == nil && a.Pending:
		return "pending"
	case a.Kept == nil:
		return "unknown"
	}
	switch m := a.Kept.Missing; m {
	case "", onrecord.MissingGone, onrecord.MissingRefused, onrecord.MissingTooLarge, onrecord.MissingType, onrecord.MissingUnreachable:
		return m
	}
	return "unknown" // the word of a later version
}

// pictures returns the first pictures of a list that can be shown small, and the
// attachments that are not among them.
func (w wording) pictures(list []onrecord.Attachment, most int) (shown []attachmentView, rest []onrecord.Media) {
	for _, a := range list {
		if v := w.attachment(a); v.Thumb != "" && len(shown) < most {
			shown = append(shown, v)
		} else {
			rest = append(rest, a.Media)
		}
	}
	return shown, rest
}

func (s *server) apiMediaList(list []onrecord.Attachment) []apiMedia {
	out := make([]apiMedia, len(list))
	for i, a := range list {
		out[i] = apiMedia{ID: a.ID, Alt: text(a.Alt), Missing: text(missingOf(a))}
		m := a.Kept
		if m == nil || m.Missing != "" {
			continue
		}
		href, width, height := s.base+"/media/"+fileName(*m), int64(m.Width), int64(m.Height)
		out[i].SHA256, out[i].Type, out[i].Size, out[i].URL = text(m.SHA256), text(m.Type), &m.Size, &href
		if width > 0 && height > 0 {
			out[i].Width, out[i].Height = &width, &height
		}
	}
	return out
}
