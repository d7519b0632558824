// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A class says what a folded rune does to the token it meets.
type class uint8

const (
	separates class = iota // ends a token
	ignored                // leaves no trace: zero-width, soft hyphen, variation selectors
	wordly                 // letters, digits
	marks                  // continues what it follows
	dense                  // a letter of a script written without spaces
	alone                  // a token by itself: emoji and other symbols
)

// A cutter cuts text into tokens. The tokens' text is gathered in out, joined
// by spaces, so that a text costs two allocations however many tokens it has.
type cutter struct {
	out   []byte
	spans []cut

	open       bool // a word is being written at the end of out
	start, end int  // its bytes in the original
	run        []cluster
	runText    []byte
	lastDense  bool // the last token came from a dense run …
	lastRun    int  // … of so many clusters
	decomposed []byte
	composed   []byte

	tokens []Token
}

// A cut is a token: bytes [from, to) of out, [start, end) of the original.
type cut struct{ from, to, start, end int }

// A cluster is a dense letter with its marks: bytes [from, to) of runText.
type cluster struct{ from, to, start, end int }

// cut tokenises text into c.tokens and c.out.
func (c *cutter) cut(text string) {
	c.scan(text)
	joined := string(c.out)
	c.tokens = make([]Token, len(c.spans))
	for i, s := range c.spans {
		c.tokens[i] = Token{Text: joined[s.from:s.to], Start: s.start, End: s.end}
	}
}

// scan tokenises text into c.spans and c.out.
func (c *cutter) scan(text string) {
	c.out = make([]byte, 0, len(text)+len(text)/8+16)
	c.spans = make([]cut, 0, len(text)/5+2)
	table := latin()
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case i+size < len(text) && text[i+size] >= utf8.RuneSelf && combines(text[i+size:]):
			size = c.segment(text, i)
		case r < tableEnd:
			e := &table[r]
			if e.slow {
				size = c.segment(text, i)
				break
			}
			c.add(e.text, e.class, i, i+size)
		case isPlainDense(r):
			c.add(text[i:i+size], dense, i, i+size)
		default:
			size = c.segment(text, i)
		}
		i += size
	}
	c.flush()
}

// segment folds the normalisation segment that begins at i and returns its
// length: the slow and complete way.
func (c *cutter) segment(text string, i int) int {
	n := max(norm.NFKD.NextBoundaryInString(text[i:], true), 1)
	c.decomposed = norm.NFKD.AppendString(c.decomposed[:0], text[i:i+n])
	c.composed = norm.NFC.Append(c.composed[:0], stripMarks(c.decomposed)...)
	for b := c.composed; len(b) > 0; {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			c.add("", separates, i, i+n)
		} else {
			f := foldRune(r)
			c.add(f, classOf(f), i, i+n)
		}
		b = b[size:]
	}
	return n
}

// add takes one folded rune (or the few letters that stand for one).
func (c *cutter) add(s string, k class, start, end int) {
	switch k {
	case ignored:
		return
	case wordly:
		if len(c.run) > 0 {
			c.flush()
		}
		c.word(s, start, end)
		return
	case marks:
		if n := len(c.run); n > 0 {
			c.runText = append(c.runText, s...)
			c.run[n-1].to, c.run[n-1].end = len(c.runText), end
		} else if c.open {
			c.word(s, start, end)
		}
		return
	case dense:
		if c.open {
			c.flush()
		}
		from := len(c.runText)
		c.runText = append(c.runText, s...)
		c.run = append(c.run, cluster{from, len(c.runText), start, end})
		return
	}
	c.flush()
	if k == alone {
		c.token(start, end, []byte(s))
		c.lastDense = false
	}
}

func (c *cutter) word(s string, start, end int) {
	if !c.open {
		c.open, c.start = true, start
		from := len(c.out)
		if from > 0 {
			c.out = append(c.out, ' ')
			from++
		}
		c.spans = append(c.spans, cut{from: from, start: start})
	}
	if len(c.out)-c.spans[len(c.spans)-1].from+len(s) <= maxToken {
		c.out = append(c.out, s...)
	}
	c.end = end
}

// token writes a whole token.
func (c *cutter) token(start, end int, parts ...[]byte) {
	if len(c.out) > 0 {
		c.out = append(c.out, ' ')
	}
	from := len(c.out)
	for _, p := range parts {
		c.out = append(c.out, p...)
	}
	c.spans = append(c.spans, cut{from, len(c.out), start, end})
}

// flush ends the word or the dense run that is open.
func (c *cutter) flush() {
	if c.open {
		s := &c.spans[len(c.spans)-1]
		s.to, s.end = len(c.out), c.end
		c.open, c.lastDense = false, false
	}
	if len(c.run) == 0 {
		return
	}
	for i, a := range c.run {
		first := c.runText[a.from:min(a.to, a.from+maxToken/2)]
		if i+1 == len(c.run) {
			c.token(a.start, a.end, first)
			break
		}
		b := c.run[i+1]
		c.token(a.start, b.end, first, c.runText[b.from:min(b.to, b.from+maxToken/2)])
	}
	c.lastDense, c.lastRun = true, len(c.run)
	c.run, c.runText = c.run[:0], c.runText[:0]
}

// combines reports whether the rune that s begins with joins the one before.
func combines(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case r < 0x300:
		return false
	case r < 0x370:
		return true
	case r < 0x483, r >= 0x4E00 && r < 0xA000, r >= 0xAC00 && r < 0xD800:
		return false
	case r >= 0x1160 && r < 0x1200: // vowels and finals of Hangul
		return true
	}
	return unicode.Is(unicode.M, r)
}

// stripMarks removes, in place, the marks that a search does not ask for from
// decomposed text: all of Latin, Greek, Hebrew and Arabic letters and of what
// belongs to no script, all but the breve (й) of Cyrillic ones. Of other
// scripts marks are vowels, and stay.
func stripMarks(b []byte) []byte {
	out := b[:0]
	var base rune
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if !unicode.Is(unicode.Mn, r) {
			base = r
		} else if strippable(base, r) {
			i += size
			continue
		}
		out = append(out, b[i:i+size]...)
		i += size
	}
	return out
}

func strippable(base, mark rune) bool {
	switch {
	case base == 0:
		return mark < 0x0900
	case base < 0x0400: // Latin, Greek, ASCII
		return true
	case base < 0x0530: // Cyrillic
		return mark != 0x0306
	case base >= 0x0590 && base < 0x0780: // Hebrew, Arabic, Syriac
		return true
	}
	return unicode.In(base, unicode.Latin, unicode.Greek, unicode.Arabic, unicode.Hebrew) ||
		unicode.Is(unicode.Common, base) && mark < 0x0900
}
