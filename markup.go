// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"html"
	"strings"
	"unicode/utf8"
)

// A token is a piece of HTML: a run of text, a start tag or an end tag.
type token int

const (
	tokenEnd token = iota
	tokenText
	tokenStart
	tokenClose
)

// markup cuts HTML into tokens in one pass, as a browser would: comments,
// declarations and tags that never end are dropped, a "<" that begins nothing
// is text. Text is not yet decoded.
type markup struct {
	s string
	i int

	text  string // of a text token
	name  string // of a tag, lower case; empty if longer than any we know
	empty bool   // the start tag ended in "/>"
	class string // attributes, decoded; the first of a name counts
	href  string
	alt   string
	rel   string
}

// next moves to the next token.
func (m *markup) next() token {
	for m.i < len(m.s) {
		if end := m.textEnd(); end > m.i {
			m.text, m.i = m.s[m.i:end], end
			return tokenText
		}
		switch c := m.s[m.i+1]; {
		case c == '!' || c == '?':
			m.skipDeclaration()
		case c != '/':
			m.i++
			if m.tag() {
				return tokenStart
			}
		case m.i+2 < len(m.s) && isLetter(m.s[m.i+2]):
			m.i += 2
			if m.tag() {
				return tokenClose
			}
		default:
			m.skipTo(m.i+2, ">")
		}
	}
	return tokenEnd
}

// textEnd returns where the text at m.i ends: at a "<" that begins a tag, a
// comment or a declaration.
func (m *markup) textEnd() int {
	for i := m.i; ; i++ {
		n := strings.IndexByte(m.s[i:], '<')
		if n < 0 || i+n+1 >= len(m.s) {
			return len(m.s)
		}
		i += n
		if c := m.s[i+1]; c == '/' || c == '!' || c == '?' || isLetter(c) {
			return i
		}
	}
}

// skipTo moves behind the next end at or after from, or to the end of all.
func (m *markup) skipTo(from int, end string) {
	if n := strings.Index(m.s[from:], end); n >= 0 {
		m.i = from + n + len(end)
	} else {
		m.i = len(m.s)
	}
}

func (m *markup) skipDeclaration() {
	switch rest := m.s[m.i:]; {
	case strings.HasPrefix(rest, "<!-->"):
		m.i += len("<!-->")
	case strings.HasPrefix(rest, "<!--->"):
		m.i += len("<!--->")
	case strings.HasPrefix(rest, "<!--"):
		m.skipTo(m.i+len("<!--"), "-->")
	default:
		m.skipTo(m.i+2, ">")
	}
}

// tag reads a tag from its name on; it reports false if the tag never ends.
func (m *markup) tag() bool {
	m.empty, m.class, m.href, m.alt, m.rel = false, "", "", "", ""
	start := m.i
	for m.i < len(m.s) && !isSpace(m.s[m.i]) && m.s[m.i] != '/' && m.s[m.i] != '>' {
		m.i++
	}
	m.name = lowerName(m.s[start:m.i])
	for m.i < len(m.s) {
		switch c := m.s[m.i]; {
		case c == '>':
			m.i++
			return true
		case c == '/':
			m.i++
			m.empty = m.i < len(m.s) && m.s[m.i] == '>'
		case isSpace(c):
			m.i++
		default:
			m.attribute()
		}
	}
	return false
}

func (m *markup) attribute() {
	start := m.i
	for m.i++; m.i < len(m.s) && !isSpace(m.s[m.i]) && strings.IndexByte("/>=", m.s[m.i]) < 0; {
		m.i++
	}
	name := m.s[start:m.i]
	m.skipSpace()
	if m.i == len(m.s) || m.s[m.i] != '=' {
		return
	}
	m.i++
	m.skipSpace()
	value := m.attributeValue()
	var into *string
	switch lowerName(name) {
	case "class":
		into = &m.class
	case "href":
		into = &m.href
	case "alt":
		into = &m.alt
	case "rel":
		into = &m.rel
	default:
		return
	}
	if *into == "" {
		*into = decodeAttribute(value)
	}
}

func (m *markup) attributeValue() string {
	if m.i == len(m.s) {
		return ""
	}
	if q := m.s[m.i]; q == '"' || q == '\'' {
		start := m.i + 1
		m.skipTo(start, string(q))
		return m.s[start:max(start, m.i-1)]
	}
	start := m.i
	for m.i < len(m.s) && !isSpace(m.s[m.i]) && m.s[m.i] != '>' {
		m.i++
	}
	return m.s[start:m.i]
}

func (m *markup) skipSpace() {
	for m.i < len(m.s) && isSpace(m.s[m.i]) {
		m.i++
	}
}

// skipRaw moves behind the end tag of the raw text element name.
func (m *markup) skipRaw(name string) {
	for m.i < len(m.s) {
		m.skipTo(m.i, "</")
		if len(m.s)-m.i >= len(name) && strings.EqualFold(m.s[m.i:m.i+len(name)], name) {
			m.i += len(name)
			m.skipTo(m.i, ">")
			return
		}
	}
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// lowerName returns a tag's or attribute's name in lower case, or nothing for
// one longer than any we know.
func lowerName(s string) string {
	if len(s) > len("figcaption") {
		return ""
	}
	return strings.ToLower(s)
}

// decodeText decodes the character references in text, once.
func decodeText(s string) string {
	if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	return clean(s)
}

// decodeAttribute decodes the character references in an attribute's value.
// Unlike in text, a name without semicolon is none: "?a=1&copy=2" is a query.
func decodeAttribute(s string) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			break
		}
		out.WriteString(s[:i])
		s = s[i:]
		end := 1
		for end < len(s) && (isLetter(s[end]) || s[end] >= '0' && s[end] <= '9' || s[end] == '#') {
			end++
		}
		if end < len(s) && s[end] == ';' {
			end++
			out.WriteString(html.UnescapeString(s[:end]))
		} else {
			out.WriteString(s[:end])
		}
		s = s[end:]
	}
	out.WriteString(s)
	return clean(out.String())
}

// clean drops NUL and puts U+FFFD in place of each run of bytes that are not
// UTF-8.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return s
}
