// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a diff. Texts that differ in more words than maxEdits, or are
// longer than maxWords words, are shown as one replacement of what lies
// between their common beginning and end.
const (
	maxEdits = 1000
	maxWords = 100_000
)

// An edit is a run of words that both texts have ('='), only the old one has
// ('-'), or only the new one ('+').
type edit struct {
	Op   byte
	Text string
}

// A change is one place where two texts differ.
type change struct{ Old, New string }

// diffWords compares two texts word by word (Myers, An O(ND) Difference
// Algorithm, 1986). The Text of the '=' and '-' edits joined is old; that of
// '=' and '+' is new.
func diffWords(old, new string) []edit {
	a, b := words(old), words(new)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var d script
	d.add('=', a[:head]...)
	d.middle(a[head:len(a)-tail], b[head:len(b)-tail])
	d.add('=', a[len(a)-tail:]...)
	return d.edits()
}

// words cuts a text into words, runs of space, and single other characters, so
// that "25%," and "25%." share their number.
func words(text string) []string {
	var out []string
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		class := classOf(r)
		end := size
		for class != otherRune && end < len(text) {
			r, size = utf8.DecodeRuneInString(text[end:])
			if classOf(r) != class {
				break
			}
			end += size
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

type runeClass int

const (
	otherRune runeClass = iota
	spaceRune
	wordRune
)

func classOf(r rune) runeClass {
	switch {
	case unicode.Is(unicode.Han, r), unicode.Is(unicode.Hiragana, r), unicode.Is(unicode.Katakana, r), unicode.Is(unicode.Thai, r):
		return otherRune // written without spaces: each character for itself
	case unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r), r == '%', r == '\'', r == '’', r == '@', r == '#', r == '_':
		return wordRune
	case unicode.IsSpace(r):
		return spaceRune
	}
	return otherRune
}

// A script collects edits, joining neighbours of one kind.
type script struct{ list []run }

// A run is an edit word by word.
type run struct {
	op    byte
	words []string
}

func (s *script) add(op byte, words ...string) {
	if len(words) == 0 {
		return
	}
	if n := len(s.list); n > 0 && s.list[n-1].op == op {
		s.list[n-1].words = append(s.list[n-1].words, words...)
		return
	}
	s.list = append(s.list, run{op, slices.Clone(words)})
}

// middle compares what is left when beginning and end are the same.
func (s *script) middle(a, b []string) {
	if len(a) == 0 || len(b) == 0 || len(a)+len(b) > maxWords {
		s.add('-', a...)
		s.add('+', b...)
		return
	}
	trace, ok := shortest(a, b)
	if !ok {
		s.add('-', a...)
		s.add('+', b...)
		return
	}
	type step struct {
		op   byte
		word string
	}
	var back []step
	x, y := len(a), len(b)
	for d := len(trace) - 1; d >= 0; d-- {
		v := trace[d] // v[k+d+1] is the furthest x on diagonal k after d-1 edits
		k := x - y
		prev := k - 1
		if k == -d || (k != d && v[k-1+d+1] < v[k+1+d+1]) {
			prev = k + 1
		}
		px := int(v[prev+d+1])
		py := px - prev
		for x > max(px, 0) && y > max(py, 0) && a[x-1] == b[y-1] {
			x, y = x-1, y-1
			back = append(back, step{'=', a[x]})
		}
		if d == 0 {
			break
		}
		if prev == k+1 {
			y--
			back = append(back, step{'+', b[y]})
		} else {
			x--
			back = append(back, step{'-', a[x]})
		}
	}
	for i := len(back) - 1; i >= 0; i-- {
		s.add(back[i].op, back[i].word)
	}
}

// shortest finds the shortest script and returns, for each number of edits d,
// the furthest points reached with one edit fewer, or not ok beyond maxEdits.
func shortest(a, b []string) (trace [][]int32, ok bool) {
	limit := min(len(a)+len(b), maxEdits)
	v := make([]int32, 2*limit+3)
	for d := 0; d <= limit; d++ {
		trace = append(trace, append([]int32(nil), v[limit-d:limit+d+3]...))
		for k := -d; k <= d; k += 2 {
			at := k + limit + 1
			x := v[at-1] + 1
			if k == -d || (k != d && v[at-1] < v[at+1]) {
				x = v[at+1]
			}
			for int(x) < len(a) && int(x)-k < len(b) && a[x] == b[int(x)-k] {
				x++
			}
			v[at] = x
			if int(x) >= len(a) && int(x)-k >= len(b) {
				return trace, true
			}
		}
	}
	return nil, false
}

// edits puts the script in order for reading: within one place of change what
// went comes before what came, and changes with only space between them are
// one change.
func (s *script) edits() []edit {
	var out []edit
	var gone, came strings.Builder
	flush := func() {
		if gone.Len() > 0 {
			out = append(out, edit{'-', gone.String()})
		}
		if came.Len() > 0 {
			out = append(out, edit{'+', came.String()})
		}
		gone.Reset()
		came.Reset()
	}
	for i, e := range s.list {
		text := strings.Join(e.words, "")
		switch e.op {
		case '-':
			gone.WriteString(text)
		case '+':
			came.WriteString(text)
		default:
			if gone.Len() > 0 && came.Len() > 0 && i+1 < len(s.list) && strings.TrimSpace(text) == "" {
				gone.WriteString(text)
				came.WriteString(text)
				continue
			}
			flush()
			out = append(out, edit{'=', text})
		}
	}
	flush()
	return out
}

// changes lists the places where a diff differs, in order.
func changes(edits []edit) []change {
	var out []change
	for i := 0; i < len(edits); i++ {
		switch e := edits[i]; {
		case e.Op == '-' && i+1 < len(edits) && edits[i+1].Op == '+':
			out = append(out, change{Old: e.Text, New: edits[i+1].Text})
			i++
		case e.Op == '-':
			out = append(out, change{Old: e.Text})
		case e.Op == '+':
			out = append(out, change{New: e.Text})
		}
	}
	return out
}
