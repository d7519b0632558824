// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"net/url"
	"strings"
)

// PlainText returns what a reader of an HTML fragment sees, as plain text. It
// is frozen: version ids depend on it for ever, so a change of its results
// needs a new version of the content record. Time and memory are linear in
// the input. The rules (vectors in testdata/text.txtar):
//
//   - White space is collapsed as HTML does, outside pre; no-break spaces are
//     characters. Line ends are "\n".
//   - br is a line end. Paragraphs, headings, blockquote, pre, figure, table
//     and hr have an empty line around them, other blocks a line end; nothing
//     stands before the first or after the last. Cells of a row are parted by a tab.
//   - A link is its visible text, but its whole href where the text is only
//     the address itself: spelled out, cut with an ellipsis, or split into
//     spans of class invisible or ellipsis as Mastodon does. Mentions and
//     hashtags (class mention or hashtag, rel tag) keep their text.
//   - An image is nothing, unless it is an emoji (a class with emoji or smiley
//     in it): then its alt text.
//   - Character references are decoded once. What was escaped twice stays
//     escaped once: nobody can tell it from a text about HTML.
//   - Dropped with all they hold: comments, script, style, iframe, noembed,
//     noframes, head, template, svg, audio, video, canvas, and whatever has
//     the class quote-inline. NUL is dropped, what is no UTF-8 is U+FFFD.
func PlainText(html string) string {
	p := plain{markup: markup{s: html}, out: make([]byte, 0, len(html)/2)}
	p.run()
	return string(p.out)
}

// Links returns the targets of the links in an HTML fragment, in order, as
// given; those that are not absolute http or https addresses are left out.
// What PlainText drops has no links.
func Links(html string) []string { return LinksAt("", html) }

// LinksAt is Links with relative targets resolved against base.
func LinksAt(base, html string) []string {
	var b *url.URL
	if base != "" {
		b, _ = url.Parse(base)
	}
	var links []string
	p := plain{markup: markup{s: html}, found: func(href string) {
		if !isWeb(href) && b != nil && href != "" && href[0] != '#' {
			if u, err := b.Parse(href); err == nil {
				href = u.String()
			}
		}
		if isWeb(href) {
			links = append(links, href)
		}
	}}
	p.run()
	return links
}

// isWeb reports whether href is an absolute http or https address.
func isWeb(href string) bool {
	scheme, rest, ok := strings.Cut(href, "://")
	return ok && rest != "" && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// plain turns markup into plain text.
type plain struct {
	markup
	out    []byte
	found  func(href string) // called for each link, if not nil
	space  byte              // white space owed before the next character: 0, ' ' or '\t'
	breaks int               // line ends owed before the next character
	pre    int               // open pre elements
	skipNL bool              // the line end that follows <pre> is none
	anchor anchor
	drop   dropping
}

// An anchor is the link that is open.
type anchor struct {
	href  string // empty if none is open, or one whose text stays
	start int    // where its text begins in out; -1 before there is any
	split bool   // its text is the address in pieces
}

// dropping is the element whose content is being dropped.
type dropping struct {
	name  string // empty if none
	depth int
}

func (p *plain) run() {
	for {
		switch p.next() {
		case tokenText:
			if p.drop.name == "" {
				p.write(decodeText(p.text))
			}
		case tokenStart:
			if !p.dropped(1) {
				p.start()
			}
		case tokenClose:
			if !p.dropped(-1) {
				p.close()
			}
		case tokenEnd:
			p.closeAnchor()
			return
		}
	}
}

// dropped follows a tag within the content being dropped and reports whether
// the tag belongs to it. The end tags of p and head may be left out: a p ends
// where another block begins or ends, a head where a block begins.
func (p *plain) dropped(step int) bool {
	d := &p.drop
	switch {
	case d.name == "":
		return false
	case d.name == "p" && blockBreaks(p.name) > 0 && (step > 0 || p.name != "p"):
		d.name = ""
		return false
	case d.name == "head" && blockBreaks(p.name) > 0 && step > 0 && p.name != "title" && p.name != "head":
		d.name = ""
		return false
	case p.name == d.name && !(step > 0 && p.empty):
		if d.depth += step; d.depth == 0 {
			d.name = ""
		}
	}
	return true
}

func (p *plain) start() {
	p.breakLines(blockBreaks(p.name))
	switch p.name {
	case "script", "style", "iframe", "noembed", "noframes":
		if !p.empty {
			p.skipRaw(p.name)
		}
		return
	case "head", "template", "svg", "audio", "video", "canvas":
		p.dropContent()
		return
	case "br":
		p.space = 0
		p.breaks++
		return
	case "img":
		if isEmoji(p.class) {
			p.write(p.alt)
		}
		return
	}
	if hasToken(p.class, "quote-inline") {
		p.dropContent()
		return
	}
	switch p.name {
	case "a":
		p.openAnchor()
	case "span":
		if p.anchor.href != "" && (hasToken(p.class, "invisible") || hasToken(p.class, "ellipsis")) {
			p.anchor.split = true
		}
	case "pre":
		p.pre++
		p.skipNL = true
	case "td", "th":
		if p.breaks == 0 {
			p.space = '\t'
		}
	}
}

func (p *plain) dropContent() {
	if !p.empty && p.name != "" {
		p.drop = dropping{p.name, 1}
	}
}

func (p *plain) close() {
	p.breakLines(blockBreaks(p.name))
	switch p.name {
	case "a":
		p.closeAnchor()
	case "pre":
		p.pre = max(0, p.pre-1)
		p.skipNL = false
	}
}

func (p *plain) openAnchor() {
	p.closeAnchor()
	href := strings.TrimSpace(p.href)
	if p.found != nil {
		p.found(href)
	}
	if isWeb(href) && !hasToken(p.class, "mention") && !hasToken(p.class, "hashtag") && !hasToken(p.rel, "tag") {
		p.anchor = anchor{href: href, start: -1}
	}
}

// closeAnchor puts the address in place of a link's text that only repeats it.
func (p *plain) closeAnchor() {
	a := p.anchor
	p.anchor = anchor{}
	if a.href == "" || a.start < 0 {
		return
	}
	if a.split || repeats(string(p.out[a.start:]), a.href) {
		p.out = append(p.out[:a.start], a.href...)
	}
}

// repeats reports whether a link's text is its address, maybe without scheme,
// www. and last slash, or the beginning of it with an ellipsis.
func repeats(text, href string) bool {
	text, href = bareAddress(text), bareAddress(href)
	for _, dots := range []string{"…", "..."} {
		if cut, ok := strings.CutSuffix(text, dots); ok {
			return cut != "" && len(cut) <= len(href) && strings.EqualFold(cut, href[:len(cut)])
		}
	}
	return strings.EqualFold(text, href)
}

func bareAddress(s string) string {
	if isWeb(s) {
		_, s, _ = strings.Cut(s, "://")
	}
	if len(s) > 4 && strings.EqualFold(s[:4], "www.") {
		s = s[4:]
	}
	return strings.TrimSuffix(s, "/")
}

// breakLines makes sure that at least n line ends stand before what follows.
func (p *plain) breakLines(n int) {
	if n > 0 {
		p.breaks = max(p.breaks, n)
		p.space = 0
	}
}

// write adds decoded text.
func (p *plain) write(s string) {
	if p.found != nil {
		return
	}
	if p.pre > 0 {
		p.writePre(s)
		return
	}
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i > start && p.space == 0 {
			p.space = ' '
		}
		start = i
		for i < len(s) && !isSpace(s[i]) {
			i++
		}
		if i > start {
			p.flush()
			p.out = append(p.out, s[start:i]...)
		}
	}
}

func (p *plain) writePre(s string) {
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\r' {
			if i++; i < len(s) && s[i] == '\n' {
				continue
			}
			c, i = '\n', i-1
		}
		if c == '\n' {
			if !p.skipNL {
				p.breaks++
			}
			p.skipNL = false
			i++
			continue
		}
		p.skipNL = false
		p.flush()
		start := i
		for i < len(s) && s[i] != '\n' && s[i] != '\r' {
			i++
		}
		p.out = append(p.out, s[start:i]...)
	}
}

// flush writes the white space owed before a character.
func (p *plain) flush() {
	if len(p.out) > 0 {
		switch {
		case p.breaks > 0:
			for range p.breaks {
				p.out = append(p.out, '\n')
			}
		case p.space != 0:
			p.out = append(p.out, p.space)
		}
	}
	p.space, p.breaks = 0, 0
	if p.anchor.href != "" && p.anchor.start < 0 {
		p.anchor.start = len(p.out)
	}
}

// blockBreaks returns how many line ends stand at least around an element: 0
// for one within a line.
func blockBreaks(name string) int {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "figure", "table", "hr":
		return 2
	case "div", "li", "ul", "ol", "dl", "dt", "dd", "tr", "caption", "section", "article", "aside", "header",
		"footer", "main", "nav", "address", "form", "fieldset", "legend", "figcaption", "details", "summary",
		"center", "body", "html", "head", "option", "title":
		return 1
	}
	return 0
}

// isEmoji reports whether an image of this class stands for a character:
// "emoji", "custom-emoji", "emojione", "wp-smiley" …
func isEmoji(class string) bool {
	class = strings.ToLower(class)
	return strings.Contains(class, "emoji") || strings.Contains(class, "smiley")
}

// hasToken reports whether a space-separated list has the word token.
func hasToken(list, token string) bool {
	if len(list) < len(token) {
		return false
	}
	for w := range strings.FieldsSeq(list) {
		if w == token {
			return true
		}
	}
	return false
}
