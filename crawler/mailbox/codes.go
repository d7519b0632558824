// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"html"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// codeRemoved stands where a number or a code was that tells of one reader.
const codeRemoved = "[personal code removed]"

// isDate reports whether digits begin with a day of the last hundred years or
// so, as in names of pages: 20260907, 202609071130.
func isDate(s string) bool {
	if len(s) != 8 && len(s) != 12 && len(s) != 14 {
		return false
	}
	at, err := time.Parse("20060102150405"[:len(s)], s)
	return err == nil && at.Year() >= 1900 && at.Year() < 2100
}

// isToken reports whether a segment of an address, or a word, looks made by a
// machine for one reader: at least min characters of it are in pieces of mixed
// letters and digits, or of capitals at random. Words, names of files and
// dates are none, with hyphens between them or not.
func isToken(s string, min int) bool {
	n := 0
	for piece := range strings.FieldsFuncSeq(s, func(r rune) bool { return r >= utf8.RuneSelf || !isAlnum(byte(r)) }) {
		if isRandom(piece) {
			n += len(piece)
		}
	}
	return n >= min
}

// isAlnum reports whether c is a letter or a digit of ASCII.
func isAlnum(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }

// isRandom reports whether letters and digits, with nothing between them, are
// no words: their runs (Word, WORD, word, 123) are too short, or there is
// hardly a vowel.
func isRandom(s string) bool {
	runs, last, digits, vowels, hex := 0, byte(0), 0, 0, true
	for i := range len(s) {
		kind := byte('a')
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			kind = '0'
			digits++
		case c >= 'A' && c <= 'Z':
			kind = 'A'
		}
		if kind != last && (kind != 'a' || last != 'A') {
			runs++
		}
		last = kind
		vowels += strings.Count("aeiouyAEIOUY", s[i:i+1])
		hex = hex && strings.IndexByte("0123456789abcdefABCDEF", s[i]) >= 0
	}
	letters := len(s) - digits
	switch {
	case len(s) < 4 || letters == 0:
		return false
	case digits > 0 && runs >= 2 && len(s)*10 < runs*26, digits == 0 && len(s) >= 8 && runs >= 4 && len(s)*10 < runs*26:
		return true
	case digits > 0 && runs >= 5 && len(s) <= runs*3, hex && runs >= 4 && len(s) >= 16:
		return true
	}
	return letters >= 12 && vowels*100 < letters*15
}

// hasNumber reports whether s has at least n digits in a row that are no date.
func hasNumber(s string, n int) bool {
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(run) >= n && !isDate(run) {
			return true
		}
	}
	return false
}

var (
	// yourCode is what a list tells a reader of their own: "Your voter ID: 12345".
	yourCode = regexp.MustCompile(`(?i)\b(?:your|ihre?|deine?|votre|ton|tu|su|vostro|uw|jouw)\s+(?:[\p{L}-]+\s+){0,3}?` +
		`(?:id|code|number|no\.?|nr\.?|pin|password|username|user name|login|key|token|reference|zip|postcode|\p{L}*nummer|\p{L}*code|\p{L}*nr\.?|num[ée]ro|número|codice|kennwort|passwort|benutzername|mot de passe|identifiant)` +
		`(?:\s+(?:is|ist|lautet|est|es|è|number|code|id|no\.?))?\s*[:=#]?\s*([A-Za-z0-9][A-Za-z0-9_/+.-]*[A-Za-z0-9])`)
	// memberCode is the same without "your".
	memberCode = regexp.MustCompile(`(?i)\b(?:voter|supporter|member|membership|donor|subscriber|customer|client|constituent|registration|activist|contact|recipient|mitglieds|mitglieder|kunden|wähler|spender)[ -]?` +
		`(?:id|code|number|no\.?|nr\.?|nummer|#)(?:\s+(?:is|ist))?\s*[:#=]?\s*([A-Za-z0-9][A-Za-z0-9_/+.-]*[A-Za-z0-9])`)
	threadRef = regexp.MustCompile(`\bref:[^\s\]:]{3,200}:ref\b`)
	picture   = regexp.MustCompile(`(?i)\[cid:[^\]\s]{1,300}\]`)
	run       = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._+=~%-]*`)
)

// codes takes out of a text what was made for one reader: what it calls their
// number or code, what the headers and links of the same message use as one,
// words that look like tokens, and the local parts of their addresses.
func (r *reading) codes(s string) string {
	s = threadRef.ReplaceAllString(picture.ReplaceAllString(s, "[image]"), codeRemoved)
	s = r.labelled(memberCode, r.labelled(yourCode, s))
	return run.ReplaceAllStringFunc(s, func(w string) string {
		trail := w[len(strings.TrimRight(w, "._+=~%-")):]
		w = w[:len(w)-len(trail)]
		switch {
		case r.who.locals[strings.ToLower(w)]:
			return hidden + trail
		case isToken(w, 12) || r.secret(w):
			return codeRemoved + trail
		}
		return w + trail
	})
}

// labelled takes out what is said to be a code, if it has a digit or is all
// capitals: "your number is growing" stays, as do amounts.
func (r *reading) labelled(label *regexp.Regexp, s string) string {
	var b strings.Builder
	from := 0
	for _, m := range label.FindAllStringSubmatchIndex(s, -1) {
		v := s[m[2]:m[3]]
		code := strings.ContainsAny(v, "0123456789") && !strings.HasPrefix(s[m[3]:], ",") || len(v) >= 5 && v == strings.ToUpper(v)
		if code {
			b.WriteString(s[from:m[2]] + codeRemoved)
			from = m[3]
		}
	}
	return b.String() + s[from:]
}

// maxSecrets bounds what is remembered of a message's tokens.
const maxSecrets = 5000

// learn remembers the tokens in what is not published, so that they are found
// where they stand elsewhere.
func (r *reading) learn(s string) {
	for piece := range strings.FieldsFuncSeq(s, func(c rune) bool { return c >= utf8.RuneSelf || !isAlnum(byte(c)) }) {
		if len(r.secrets) < maxSecrets && len(piece) <= 200 && (len(piece) >= 6 && isRandom(piece) || hasNumber(piece, 7)) {
			r.secrets[piece] = true
		}
	}
}

// secret reports whether one of the pieces of s was learned.
func (r *reading) secret(s string) bool {
	if len(r.secrets) == 0 {
		return false
	}
	for piece := range strings.FieldsFuncSeq(s, func(c rune) bool { return c >= utf8.RuneSelf || !isAlnum(byte(c)) }) {
		if r.secrets[piece] {
			return true
		}
	}
	return false
}

// visible returns s without characters that are not seen and part what belongs
// together (zero-width and soft), where both neighbours are of a script that
// does without them.
func visible(s string) string {
	if !strings.ContainsFunc(s, isInvisible) {
		return s
	}
	var b strings.Builder
	prev := rune(' ')
	for i := 0; i < len(s); {
		from := i
		c, n := utf8.DecodeRuneInString(s[i:])
		for i < len(s) && isInvisible(c) {
			i += n
			c, n = utf8.DecodeRuneInString(s[i:])
		}
		if i > from && (!isPlain(prev) || i < len(s) && !isPlain(c)) {
			b.WriteString(s[from:i])
		}
		b.WriteString(s[i : i+n])
		prev = c
		i += n
	}
	return b.String()
}

// isPlain reports whether c is of the Latin script, or a sign of it.
func isPlain(c rune) bool { return c <= 0x24f || c == '＠' }

// isInvisible reports whether c takes no room.
func isInvisible(c rune) bool { return c == 0x34f || c >= 0x80 && unicode.Is(unicode.Cf, c) }

// unescaped decodes an at sign and ampersands that were escaped twice.
func unescaped(s string) string {
	for range 3 {
		if !strings.Contains(s, "&") {
			break
		}
		s = html.UnescapeString(s)
	}
	return s
}
