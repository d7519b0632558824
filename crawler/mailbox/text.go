// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
)

// A reading takes what is personal out of a message while it is read.
type reading struct {
	who     recipient
	links   []string
	secrets map[string]bool // tokens that stand in what is not published
}

// words returns a header without what names the recipient.
func (r *reading) words(s string) string { return oneLine(r.clean(oneLine(s))) }

// text returns what a message says: its plain text, or that of its HTML where
// the plain text is only a stub that leads there.
func (r *reading) text(plain, markup string) string {
	if strings.TrimSpace(markup) == "" {
		return r.clean(plain)
	}
	shown := onrecord.PlainText(r.shown(markup))
	if strings.TrimSpace(plain) != "" && 4*len(plain) >= len(shown) {
		r.links = nil
		return r.clean(plain)
	}
	return r.clean(shown)
}

// clean takes addresses of web pages and of people, names and codes out of a
// text. Links are cleaned by their own rules, and what is between them by the
// others. It goes over the text twice: the first time it learns which tokens
// the links use.
func (r *reading) clean(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))
	s = visible(strings.ToValidUTF8(s, "�"))
	s = signs.Replace(s)
	s = wrapped.ReplaceAllStringFunc(s, func(w string) string { return strings.Join(strings.Fields(w), "") })
	spots := linkish.FindAllStringIndex(s, -1)
	for _, m := range spots {
		r.link(s[m[0]:m[1]])
	}
	var b strings.Builder
	at := 0
	for _, m := range spots {
		from := m[0]
		if from > at && strings.ContainsAny(s[from-1:from], "@%") {
			from = max(at, localBefore(s, from))
		}
		b.WriteString(r.between(s[at:from]))
		if from < m[0] {
			b.WriteString(removed)
		} else {
			b.WriteString(r.link(s[m[0]:m[1]]))
		}
		at = m[1]
	}
	return strings.TrimSpace(b.String() + r.between(s[at:]))
}

// signs are ways to write an at sign that a text shows as one.
var signs = strings.NewReplacer("&#64;", "@", "&#x40;", "@", "&#X40;", "@", "&commat;", "@", "＠", "@", "﹫", "@")

// between cleans a text that has no links.
func (r *reading) between(s string) string {
	if strings.TrimSpace(s) == "" {
		return s
	}
	s = r.who.forms.replace(r.who.addresses(s))
	return r.codes(r.who.names.hide(s))
}

// shown returns HTML without what a reader is not shown (the line for the list
// of messages), and with impersonal links, which it notes. Where what is not
// shown never ends, all is.
func (r *reading) shown(markup string) string {
	markup = withoutData(markup)
	s, open := r.tags(markup, true)
	if open {
		r.links = nil
		s, _ = r.tags(markup, false)
	}
	return s
}

// tags goes through HTML, and reports whether an element that is left out was
// still open at its end.
func (r *reading) tags(markup string, hide bool) (string, bool) {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(markup))
	skip, depth := "", 0 // the element that is left out, and how deep it stands in others of its name
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String(), skip != ""
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch {
			case skip != "" && skip == t.Data && t.Type == html.StartTagToken:
				depth++
			case skip != "":
			case hide && t.Type == html.StartTagToken && isHidden(t) && !isVoid(t.Data):
				skip, depth = t.Data, 1
			default:
				b.WriteString(r.withLinks(t).String())
			}
		case html.EndTagToken:
			t := z.Token()
			switch {
			case skip == "":
				b.WriteString(t.String())
			case skip == t.Data:
				if depth--; depth == 0 {
					skip = ""
				}
			}
		default:
			if skip == "" {
				b.Write(z.Raw())
			}
		}
	}
}

// withoutData returns HTML without the pictures that are written out in it,
// which may be longer than all the rest.
func withoutData(s string) string {
	lower := asciiLower(s)
	var b strings.Builder
	at := 0
	for i := 0; ; {
		k := strings.Index(lower[i:], "data:")
		if k < 0 {
			break
		}
		i += k + len("data:")
		end := i + len(s[i:])
		if e := strings.IndexAny(s[i:], "\"'<> \t\r\n)"); e >= 0 {
			end = i + e
		}
		if end-i > 256 {
			b.WriteString(s[at:i])
			at = end
		}
		i = end
	}
	return b.String() + s[at:]
}

// withLinks returns the tag of a link with an impersonal address, or without.
func (r *reading) withLinks(t html.Token) html.Token {
	if t.Data != "a" {
		return t
	}
	t.Attr = slices.DeleteFunc(t.Attr, func(a html.Attribute) bool { return a.Key != "href" })
	for i, a := range t.Attr {
		clean, ok := r.impersonal(a.Val)
		if !ok {
			r.learn(a.Val)
			t.Attr = nil
			break
		}
		t.Attr[i].Val = clean
		r.note(clean)
	}
	return t
}

// isHidden reports whether a tag begins what is not shown.
func isHidden(t html.Token) bool {
	for _, a := range t.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "style":
			style := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			if strings.Contains(style, "display:none") || strings.Contains(style, "mso-hide:all") || strings.Contains(style, "visibility:hidden") {
				return true
			}
		}
	}
	return false
}

// isVoid reports whether an element has no end tag.
func isVoid(name string) bool {
	return slices.Contains([]string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}, name)
}
