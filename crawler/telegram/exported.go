// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"cmp"
	"encoding/json"
	"html"
	"net/url"
	"path"
	"strings"

	"onrecord"
)

// exported is a message as Telegram Desktop writes it
// (Telegram/SourceFiles/export/output/export_output_json.cpp).
type exported struct {
	ID            word            `json:"id"`
	Type          word            `json:"type"`
	Date          word            `json:"date"`
	DateUnix      word            `json:"date_unixtime"`
	Edited        word            `json:"edited"`
	EditedUnix    word            `json:"edited_unixtime"`
	Action        word            `json:"action"`
	FromID        word            `json:"from_id"`
	Author        word            `json:"author"`
	ForwardedFrom json.RawMessage `json:"forwarded_from"` // null where the name is not known
	ReplyTo       word            `json:"reply_to_message_id"`
	ReplyPeer     word            `json:"reply_to_peer_id"`
	Photo         word            `json:"photo"`
	File          word            `json:"file"`
	FileName      word            `json:"file_name"`
	MediaType     word            `json:"media_type"`
	Title         word            `json:"title"`
	GameTitle     word            `json:"game_title"`
	Place         *struct {
		Latitude  json.Number `json:"latitude"`
		Longitude json.Number `json:"longitude"`
	} `json:"location_information"`
	Contact *struct {
		First word `json:"first_name"`
		Last  word `json:"last_name"`
	} `json:"contact_information"`
	Invoice *struct {
		Title word `json:"title"`
	} `json:"invoice_information"`
	Poll *struct {
		Question spans       `json:"question"`
		Voters   json.Number `json:"total_voters"`
		Answers  []struct {
			Text spans `json:"text"`
		} `json:"answers"`
	} `json:"poll"`
	Text      json.RawMessage `json:"text"` // read where there are no entities
	Entities  spans           `json:"text_entities"`
	Reactions []struct {
		Count json.Number `json:"count"`
	} `json:"reactions"`
}

// A span is a piece of text of one kind.
type span struct {
	Type word `json:"type"`
	Text word `json:"text"`
	Href word `json:"href"`
}

// UnmarshalJSON reads a span, or a string, which is a plain one.
func (s *span) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		type members span
		return json.Unmarshal(b, (*members)(s))
	}
	s.Type = "plain"
	return json.Unmarshal(b, (*string)(&s.Text))
}

// spans are a text: one string, or an array of strings and spans.
type spans []span

// UnmarshalJSON reads either.
func (s *spans) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]span)(s))
	}
	*s = make(spans, 1)
	return (*s)[0].UnmarshalJSON(b)
}

// html returns the text as the preview shows it.
func (s spans) html() string {
	var b strings.Builder
	for i, p := range s {
		text := string(p.Text)
		if block(p.Type) {
			text = strings.Trim(text, "\n")
		} else {
			// The line end that parts a block from its neighbour is the block's own.
			if i > 0 && block(s[i-1].Type) {
				text = strings.TrimPrefix(text, "\n")
			}
			if i+1 < len(s) && block(s[i+1].Type) {
				text = strings.TrimSuffix(text, "\n")
			}
		}
		open, end := p.tags()
		b.WriteString(open + strings.ReplaceAll(html.EscapeString(text), "\n", "<br/>") + end)
	}
	return b.String()
}

// block reports whether a span stands in lines of its own.
func block(kind word) bool { return kind == "blockquote" || kind == "pre" }

// tags returns the tags around a span.
func (p span) tags() (open, end string) {
	link := func(href string) (string, string) {
		return `<a href="` + html.EscapeString(href) + `">`, "</a>"
	}
	switch p.Type {
	case "link":
		return link(absolute(string(p.Text)))
	case "text_link":
		return link(absolute(string(p.Href)))
	case "mention":
		return link("https://t.me/" + strings.TrimPrefix(string(p.Text), "@"))
	case "blockquote", "pre":
		return "<" + string(p.Type) + ">", "</" + string(p.Type) + ">"
	}
	return "", ""
}

// absolute returns the address that a link leads to: Telegram makes links of
// bare host names too.
func absolute(s string) string {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	if u, err := url.Parse(s); err == nil && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.Fragment == "" {
		s += "/"
	}
	return s
}

// say adds what the message says.
func (m exported) say(c *onrecord.Content, channel, id string) {
	as := m.Entities.html()
	c.Text, c.Links = onrecord.PlainText(as), onrecord.Links(as)
	if kind, alt := m.media(); kind != "" {
		c.Media = []onrecord.Media{{ID: kind + "/" + id, Alt: alt}}
	}
	if m.Poll != nil {
		c.Text = strings.TrimPrefix(c.Text+"\n\n"+oneLine(m.Poll.Question), "\n\n")
		for _, a := range m.Poll.Answers {
			c.Poll = append(c.Poll, oneLine(a.Text))
		}
	}
	switch {
	case m.ForwardedFrom != nil:
		var name word // null where Telegram does not tell
		_ = json.Unmarshal(m.ForwardedFrom, &name)
		c.Type, c.Title = typeRepost, forwarded(strings.Join(strings.Fields(string(name)), " "))
	case m.ReplyTo != "":
		c.Type = "reply"
		if numberPattern.MatchString(string(m.ReplyTo)) && (m.ReplyPeer == "" || m.ReplyPeer == word("channel"+channel)) {
			c.ReplyTo = nativeID(channel, string(m.ReplyTo))
		}
	}
}

// oneLine joins a text into one line.
func oneLine(s spans) string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(string(p.Text))
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(b.String(), "\ufffd")), " ")
}

// media returns what is attached, as the preview calls it.
func (m exported) media() (kind, alt string) {
	switch {
	case m.Photo != "":
		return "photo", ""
	case m.File != "" || m.MediaType != "":
		return m.file()
	case m.Place != nil:
		return "location", m.Place.Latitude.String() + "," + m.Place.Longitude.String()
	case m.Contact != nil:
		return "contact", strings.TrimSpace(string(m.Contact.First + " " + m.Contact.Last))
	case m.GameTitle != "":
		return "game", string(m.GameTitle)
	case m.Invoice != nil:
		return "invoice", string(m.Invoice.Title)
	}
	return "", ""
}

// file returns what kind of file is attached.
func (m exported) file() (kind, alt string) {
	name := string(m.FileName)
	if name == "" && !strings.HasPrefix(string(m.File), "(") { // "(File not included. Change data exporting settings to download.)"
		name = path.Base(string(m.File))
	}
	switch m.MediaType {
	case "video_file":
		return "video", ""
	case "animation":
		return "animation", ""
	case "video_message":
		return "roundvideo", ""
	case "voice_message":
		return "voice", ""
	case "sticker":
		return "sticker", ""
	case "audio_file":
		return "document", cmp.Or(string(m.Title), name)
	}
	return "document", name
}

// albumKind returns what kind of album the message may be a part of: of photos
// and videos, of documents, or of music; empty for none.
func (m exported) albumKind() string {
	switch kind, _ := m.media(); {
	case m.Poll != nil:
		return ""
	case kind == "photo", kind == "video":
		return "pictures"
	case kind == "document":
		return "files " + string(m.MediaType)
	}
	return ""
}

// engagement returns the counters of the export.
func (m exported) engagement() map[string]int64 {
	e := map[string]int64{}
	add := func(key string, n json.Number) {
		if v, err := n.Int64(); err == nil && v > 0 {
			e[key] += v
		}
	}
	for _, r := range m.Reactions {
		add("reactions", r.Count)
	}
	if m.Poll != nil {
		add("votes", m.Poll.Voters)
	}
	if len(e) == 0 {
		return nil
	}
	return e
}
