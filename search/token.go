// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

// A Token is one unit of the index: a folded word, or two neighbouring
// characters of a script that is written without spaces.
type Token struct {
	Text       string
	Start, End int  // the bytes of the original that it stands for
	Prefix     bool // in a query: any token that begins so
}

// maxToken is the length in bytes up to which tokens differ.
const maxToken = 64

// Tokens cuts text into the tokens of the index, in order.
//
// Words are folded (see Fold) and end at everything that is neither letter,
// digit nor mark: "state-of-the-art" is four tokens, "l'été" two. Characters
// such as emoji are tokens by themselves. Of Han, kana, Hangul, Thai, Lao,
// Khmer and Burmese, which are searched without spaces, a run abc gives the
// tokens ab, bc and c: each character begins one, so that a query of one
// character is a prefix.
func Tokens(text string) []Token {
	var c cutter
	c.cut(text)
	return c.tokens
}

// QueryTokens cuts a word or phrase of a query into tokens that, side by side,
// are found in the index wherever the text holds it. With prefix the last
// token stands for every token that begins so.
func QueryTokens(text string, prefix bool) []Token {
	var c cutter
	c.cut(text)
	n := len(c.tokens)
	if n == 0 {
		return nil
	}
	last := &c.tokens[n-1]
	if !c.lastDense {
		last.Prefix = prefix
		return c.tokens
	}
	if c.lastRun > 1 {
		return c.tokens[:n-1]
	}
	last.Prefix = true
	return c.tokens
}

// Fold returns text as the index sees it: tokens joined by spaces. Two texts
// with the same Fold are the same to a search.
func Fold(text string) string {
	var c cutter
	c.scan(text)
	return string(c.out)
}
