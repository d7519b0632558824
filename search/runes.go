// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// tableEnd is the end of the runes that are folded by table: Latin, Greek,
// Cyrillic, Armenian, Hebrew and Arabic.
const tableEnd = 0x0700

// An entry is what one rune folds to, where nothing combines with it.
type entry struct {
	text  string
	class class
	slow  bool // more than one rune comes of it, or it is a mark
}

// latin is the table of the runes below tableEnd, made at first use.
var latin = sync.OnceValue(func() *[tableEnd]entry {
	var t [tableEnd]entry
	for r := range rune(tableEnd) {
		b := norm.NFC.Append(nil, stripMarks(norm.NFKD.AppendString(nil, string(r)))...)
		one, size := utf8.DecodeRune(b)
		if len(b) == 0 || size != len(b) || unicode.Is(unicode.M, r) {
			t[r].slow = true
			continue
		}
		f := foldRune(one)
		t[r] = entry{text: f, class: classOf(f)}
	}
	return &t
})

// foldRune returns what stands in the index for a rune that has lost its
// marks: lower case, and one form for what readers write in several.
func foldRune(r rune) string {
	r = unicode.ToLower(r)
	switch r {
	case 'ß':
		return "ss"
	case 'ς':
		return "σ"
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'ħ':
		return "h"
	case 'ı':
		return "i"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ٱ':
		return "ا"
	case 'ى', 'ی':
		return "ي"
	case 'ک':
		return "ك"
	case 'ـ': // tatweel: a stroke, no letter
		return "\u200b"
	}
	if r > 0x7F && unicode.IsDigit(r) {
		v := rune(0)
		for v < 9 && unicode.IsDigit(r-v-1) {
			v++
		}
		return string('0' + v)
	}
	return string(r)
}

// classOf returns the class of what foldRune returned.
func classOf(s string) class {
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case r < utf8.RuneSelf:
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return wordly
		}
		return separates
	case isDense(r):
		return dense
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), r >= 0x1F3FB && r <= 0x1F3FF:
		return ignored
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return wordly
	case unicode.IsMark(r):
		return marks
	case unicode.Is(unicode.So, r):
		return alone
	}
	return separates
}

// isDense reports whether r is a letter of a script that is searched without
// spaces.
func isDense(r rune) bool {
	switch {
	case r < 0x0E00:
		return false
	case r < 0x0F00, r >= 0x1000 && r < 0x10A0, r >= 0x1780 && r < 0x1800: // Thai, Lao, Burmese, Khmer
		return unicode.IsLetter(r)
	case r == '々', r == '〇', r == 'ー':
		return true
	}
	return isPlainDense(r) || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// isPlainDense reports whether r is dense and folds to itself.
func isPlainDense(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3041 && r <= 0x3096 || r >= 0x30A1 && r <= 0x30FA ||
		r >= 0xAC00 && r <= 0xD7A3 || r >= 0x3400 && r <= 0x4DBF
}

// isTokenStart reports whether a token can begin with r as it is written.
func isTokenStart(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r))
}
