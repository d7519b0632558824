// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Highlight returns what q demands of the text, as spans of text in order that
// neither overlap nor touch: found by the folding of the index, so that what
// was found is what is marked. A phrase is one span.
func Highlight(text string, q Query) []Span {
	var spans []Span
	var tokens []Token
	for _, c := range q.clauses {
		if c.Not || !c.Kind.IsText() {
			continue
		}
		if tokens == nil {
			tokens = Tokens(text)
		}
		for i := range tokens {
			if end, ok := matchAt(tokens, i, c.Tokens); ok {
				spans = append(spans, Span{tokens[i].Start, end})
			}
		}
	}
	return merge(spans)
}

// Matches reports whether texts, read as one document with gaps between them,
// meet every text clause of q; clauses of other kinds are not asked.
func Matches(q Query, texts ...string) bool {
	cut := make([][]Token, len(texts))
	for i, t := range texts {
		cut[i] = Tokens(t)
	}
	for _, c := range q.clauses {
		if c.Kind.IsText() && c.Not == slices.ContainsFunc(cut, func(ts []Token) bool { return contains(ts, c.Tokens) }) {
			return false
		}
	}
	return true
}

func contains(tokens, want []Token) bool {
	for i := range tokens {
		if _, ok := matchAt(tokens, i, want); ok {
			return true
		}
	}
	return false
}

// matchAt reports whether want stands at tokens[i:], and where in the text it
// ends.
func matchAt(tokens []Token, i int, want []Token) (end int, ok bool) {
	if i+len(want) > len(tokens) || len(want) == 0 {
		return 0, false
	}
	for j, w := range want {
		t := tokens[i+j].Text
		if t != w.Text && !(w.Prefix && strings.HasPrefix(t, w.Text)) {
			return 0, false
		}
	}
	last := i + len(want) - 1
	t, w := tokens[last], want[len(want)-1]
	r, size := utf8.DecodeRuneInString(w.Text)
	if len(t.Text) > len(w.Text) && size == len(w.Text) && isDense(r) && last+1 < len(tokens) {
		return tokens[last+1].Start, true // one character of a pair: the next token begins behind it
	}
	return t.End, true
}

func merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return a.Start - b.Start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}

// Snippet returns about n characters of text around what q demands, with "…"
// where it was cut, and the spans to mark in it. White space is kept as it is.
// A text of at most n characters is returned whole.
func Snippet(text string, q Query, n int) (string, []Span) {
	spans := Highlight(text, q)
	if len(text) <= n || utf8.RuneCountInString(text) <= n {
		return text, spans
	}
	from := 0
	if len(spans) > 0 {
		from = backward(text, spans[0].Start, n/3)
	}
	to := forward(text, from, n)
	if to == len(text) {
		from = backward(text, to, n)
	}
	head, tail := "", ""
	if from > 0 {
		first := to
		if len(spans) > 0 && spans[0].Start >= from {
			first = spans[0].Start
		}
		from, head = wordStart(text, from, first), "…"
	}
	if to < len(text) {
		to, tail = wordEnd(text, from, to), "…"
	}
	var in []Span
	for _, s := range spans {
		if s.Start >= from && s.End <= to {
			in = append(in, Span{s.Start - from + len(head), s.End - from + len(head)})
		}
	}
	return head + text[from:to] + tail, in
}

// backward returns the offset n runes before i, and forward n runes behind.
func backward(text string, i, n int) int {
	for ; n > 0 && i > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(text[:i])
		i -= size
	}
	return i
}

func forward(text string, i, n int) int {
	for ; n > 0 && i < len(text); n-- {
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	return i
}

// wordStart returns the start of the first whole word in text[from:to], if one
// begins soon, else from.
func wordStart(text string, from, to int) int {
	i := strings.IndexFunc(text[from:to], isSpace)
	if i < 0 || i > 24 {
		return from
	}
	_, size := utf8.DecodeRuneInString(text[from+i:])
	return from + i + size
}

// wordEnd returns the end of the last whole word in text[from:to], if one ends
// near, else to.
func wordEnd(text string, from, to int) int {
	i := strings.LastIndexFunc(text[from:to], isSpace)
	if i <= 0 || to-from-i > 24 {
		return to
	}
	return from + i
}
