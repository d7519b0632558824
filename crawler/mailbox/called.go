// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// called returns how many words from the i-th on address somebody by one of
// the names: after a greeting or a title, or between marks as in "John, will
// you", "Thank you, John!" and "JOHN: LAST CHANCE". A name that is a word of
// the language is one only where nothing else is possible; the sender's own
// name only in a greeting.
func (n *names) called(s string, list []word, i int) int {
	k := n.run(s, list, i)
	if k == 0 {
		return 0
	}
	gap, next := before(s, list, i), after(s, list, i+k-1)
	plain := slices.ContainsFunc(list[i:i+k], func(w word) bool { return !common[w.fold] })
	own := slices.ContainsFunc(list[i:i+k], func(w word) bool { return n.sender[w.fold] })
	switch j := n.titled(s, list, i); {
	case j > 0 && greets(s, list, j) && (plain || ends(next, ",.!:;–—")):
		return k
	case own:
		return 0
	case j < i && slices.ContainsFunc(list[i:i+k], func(w word) bool { return n.last[w.fold] }):
		return k
	case i > 0 && n.registered(s, list, i):
		return k
	case !plain:
		if (i == 0 && strings.TrimSpace(gap) == "" || strings.Contains(gap, "\n")) && ends(next, ",!") {
			return k
		}
		return 0
	}
	if vocative(gap, next, i, list) {
		return k
	}
	return 0
}

// vocative reports whether marks on both sides say that somebody is addressed.
func vocative(gap, next string, i int, list []word) bool {
	trimmed := strings.TrimRight(gap, " \t\u00a0")
	switch {
	case strings.HasSuffix(trimmed, ","):
		return ends(next, ".!?…") || ends(next, ",") && i > 0 && leadIns[list[i-1].fold]
	case i == 0 && trimmed == "", strings.Contains(gap, "\n"):
	case trimmed == gap && trimmed != "" && !strings.ContainsAny(trimmed[len(trimmed)-1:], `>*_|(["`):
		return false
	default:
		last, _ := utf8.DecodeLastRuneInString(trimmed)
		if !strings.ContainsRune(`.!?:;…–—>*_|([“”"«•-`, last) {
			return false
		}
	}
	return ends(next, ",!?:…–—") || strings.HasPrefix(next, " - ") || strings.HasPrefix(next, "..")
}

// titled returns the index of the first of the titles before the i-th word: i
// where there is none.
func (n *names) titled(s string, list []word, i int) int {
	for i > 0 && titles[list[i-1].fold] {
		if gap := s[list[i-1].to:list[i].from]; gap == "" || strings.Trim(gap, " \u00a0.") != "" {
			break
		}
		i--
	}
	return i
}

// greets reports whether a greeting stands before the j-th word.
func greets(s string, list []word, j int) bool {
	gap, w := s[list[j-1].to:list[j].from], list[j-1].fold
	if len(gap) > 8 || strings.Trim(gap, " \t\n\u00a0,*_\"") != "" {
		return false
	}
	return greetings[w] || w == "you" && j > 1 && list[j-2].fold == "thank"
}

// registered reports whether the i-th word is said to be the name of an
// account.
func (n *names) registered(s string, list []word, i int) bool {
	if !n.users[list[i].fold] {
		return false
	}
	for j := i - 1; j >= 0 && j >= i-4 && !strings.Contains(s[list[j].to:list[i].from], "\n"); j-- {
		if accountWords[list[j].fold] {
			return true
		}
	}
	return false
}

// before returns what stands between the i-th word and the one before it.
func before(s string, list []word, i int) string {
	if i == 0 {
		return s[:list[0].from]
	}
	return s[list[i-1].to:list[i].from]
}

// after returns what stands behind the i-th word, with the next one.
func after(s string, list []word, i int) string {
	if i+1 == len(list) {
		return s[list[i].to:]
	}
	return s[list[i].to:list[i+1].to]
}

// ends reports whether a line ends at the beginning of gap, or one of marks
// stands there.
func ends(gap, marks string) bool {
	gap = strings.TrimLeft(gap, " \t\u00a0*_\"”")
	first, n := utf8.DecodeRuneInString(gap)
	switch {
	case n == 0 || first == '\n' || strings.ContainsRune(marks, first):
		return true
	case strings.ContainsRune(".)]|", first):
		rest := strings.TrimLeftFunc(gap[n:], func(c rune) bool { return c != '\n' && unicode.IsSpace(c) })
		return rest == "" || rest[0] == '\n'
	}
	return false
}
