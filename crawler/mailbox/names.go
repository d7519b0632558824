// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Names are the names of who received a message, as folded words.
type names struct {
	full    map[string][][]string // whole names in all their orders, by first word
	single  map[string]bool       // words that stand for them where they are addressed
	last    map[string]bool       // surnames, after a title
	users   map[string]bool       // names under which they are registered
	slugs   map[string]bool       // as one segment of a path
	sender  map[string]bool       // words of the sender's own name
	senders []string              // the sender's names, folded and joined
	solid   []string              // names that are written without white space, as they are
}

func newNames() names {
	return names{full: map[string][][]string{}, single: map[string]bool{}, last: map[string]bool{}, users: map[string]bool{}, slugs: map[string]bool{}, sender: map[string]bool{}}
}

// A word is a word of a text, and where it stands in it.
type word struct {
	from, to int
	fold     string
}

// words returns the words of a text: letters, digits and marks, with
// apostrophes inside. An English genitive is cut off.
func words(s string) []word {
	var list []word
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if !isWordRune(c) {
			i += n
			continue
		}
		from := i
		for i < len(s) {
			c, n = utf8.DecodeRuneInString(s[i:])
			if !isWordRune(c) {
				if next, _ := utf8.DecodeRuneInString(s[i+n:]); c != '\'' && c != '’' || !unicode.IsLetter(next) {
					break
				}
			}
			i += n
		}
		w := word{from, i, fold(s[from:i])}
		for _, g := range []string{"'s", "’s", "'S", "’S"} {
			if t, ok := strings.CutSuffix(s[from:i], g); ok {
				w = word{from, from + len(t), fold(t)}
			}
		}
		list = append(list, w)
	}
	return list
}

func isWordRune(c rune) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.Is(unicode.M, c))
}

// fold returns a word in lower case without accents.
func fold(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "’", "'"))
	if strings.IndexFunc(s, func(c rune) bool { return c >= utf8.RuneSelf }) < 0 {
		return s
	}
	return norm.NFC.String(strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFKD.String(s)))
}

// folds returns the folded words of a name.
func folds(s string) []string {
	var list []string
	for _, w := range words(s) {
		list = append(list, w.fold)
	}
	return list
}

// addSender notes a name of who wrote the message: it is never taken out.
func (n *names) addSender(name string) {
	f := folds(name)
	for _, w := range f {
		n.sender[w] = true
	}
	if len(f) > 0 {
		slices.Sort(f)
		n.senders = append(n.senders, strings.Join(f, " "))
	}
}

// add notes the display name of a recipient. Names of lists, and the sender's,
// are left alone.
func (n *names) add(name string) {
	if open := strings.IndexByte(name, '('); open > 0 {
		name = name[:open]
	}
	name = strings.Trim(strings.TrimSpace(name), `"'`)
	if strings.Contains(name, "@") || !strings.ContainsFunc(name, unicode.IsLetter) {
		return
	}
	head, tail, comma := strings.Cut(name, ",")
	surname, given := plainName(folds(head)), plainName(folds(tail))
	list := slices.Concat(given, surname)
	if !comma || len(given) == 0 {
		list = surname
		surname = surname[min(1, max(0, len(surname)-1)):]
	}
	sorted := slices.Sorted(slices.Values(list))
	if len(list) == 0 || len(list) > 6 || slices.ContainsFunc(list, func(w string) bool { return roles[w] }) || slices.Contains(n.senders, strings.Join(sorted, " ")) {
		return
	}
	if isSolid(name) {
		n.addSolid(name)
		return
	}
	n.addPerson(list[:len(list)-min(len(surname), len(list)-1)], surname)
}

// plainName returns the words of a name without titles and suffixes.
func plainName(list []string) []string {
	return slices.DeleteFunc(list, func(w string) bool { return titles[w] && w != "don" || suffixes[w] })
}

// addPerson notes a person's names.
func (n *names) addPerson(given, surname []string) {
	for _, w := range slices.Concat(given, surname) {
		if utf8.RuneCountInString(w) >= 2 {
			n.single[w] = true
		}
	}
	if len(surname) == 0 || len(given) == 0 || slices.Equal(given, surname) {
		return
	}
	n.last[surname[len(surname)-1]] = true
	n.last[surname[0]] = true
	for _, g := range [][]string{given, given[:1]} {
		for _, s := range [][]string{surname, surname[len(surname)-1:]} {
			if utf8.RuneCountInString(g[0]) < 2 && len(g) == 1 {
				continue
			}
			for _, seq := range [][]string{slices.Concat(g, s), slices.Concat(s, g)} {
				if !slices.ContainsFunc(n.full[seq[0]], func(old []string) bool { return slices.Equal(old, seq) }) {
					n.full[seq[0]] = append(n.full[seq[0]], seq)
				}
				n.slugs[strings.Join(seq, "")] = true
			}
		}
	}
}

// isSolid reports whether a name is of a script that has no white space between
// words.
func isSolid(s string) bool {
	return strings.ContainsFunc(s, isSolidRune) && !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsLetter(c) && !isSolidRune(c) })
}

func isSolidRune(c rune) bool {
	return c >= 0xe00 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// addSolid notes a name of such a script, and the surname before an honorific.
func (n *names) addSolid(name string) {
	parts := strings.Fields(name)
	whole := strings.Join(parts, "")
	if utf8.RuneCountInString(whole) < 2 {
		return
	}
	n.solid = append(n.solid, whole, strings.Join(parts, " "), strings.Join(parts, "\u3000"))
	surname := parts[0]
	if len(parts) == 1 {
		_, w := utf8.DecodeRuneInString(whole)
		surname = whole[:w]
	}
	for _, h := range honorifics {
		n.solid = append(n.solid, surname+h)
	}
}

// addLocal notes the names that a local part is made of: john.doe, jdoe.
func (n *names) addLocal(local string) {
	local, _, _ = strings.Cut(local, "+")
	parts := strings.FieldsFunc(local, func(c rune) bool { return !unicode.IsLetter(c) })
	parts = slices.DeleteFunc(parts, func(p string) bool { return utf8.RuneCountInString(p) < 3 })
	if slices.ContainsFunc(parts, func(p string) bool { return roles[fold(p)] }) {
		return
	}
	switch len(parts) {
	case 1:
		n.users[fold(parts[0])], n.single[fold(parts[0])], n.slugs[fold(parts[0])] = true, true, true
	case 2:
		n.addPerson([]string{fold(parts[0])}, []string{fold(parts[1])})
	}
}

// hide returns a text without the names: whole names wherever they stand, and
// single words where somebody is addressed by them.
func (n *names) hide(s string) string {
	if len(n.single) == 0 {
		return s
	}
	list := words(s)
	var b strings.Builder
	at := 0
	for i := 0; i < len(list); {
		k := n.whole(s, list, i)
		if k == 0 {
			k = n.called(s, list, i)
		}
		if k == 0 {
			i++
			continue
		}
		b.WriteString(s[at:list[i].from] + hidden)
		i += k
		at = list[i-1].to
	}
	return b.String() + s[at:]
}

// whole returns how many words from the i-th on are a whole name.
func (n *names) whole(s string, list []word, i int) int {
	best := 0
	for _, seq := range n.full[list[i].fold] {
		if len(seq) <= best || i+len(seq) > len(list) {
			continue
		}
		ok := true
		for k, w := range seq {
			ok = ok && list[i+k].fold == w && (k == 0 || joins(s[list[i+k-1].to:list[i+k].from]))
		}
		if ok {
			best = len(seq)
		}
	}
	return best
}

// joins reports whether what stands between two words can stand inside a name.
func joins(gap string) bool {
	if strings.Contains(gap, "\n") && strings.Trim(gap, " \n") != "" {
		return false
	}
	return len(gap) <= 6 && strings.Trim(gap, " \t\n\u00a0\u202f.,'’-_+") == ""
}

// run returns how many words from the i-th on are single names.
func (n *names) run(s string, list []word, i int) int {
	k := 0
	for i+k < len(list) && (n.single[list[i+k].fold] || k > 0 && len(list[i+k].fold) == 1) {
		if k > 0 && (!joins(s[list[i+k-1].to:list[i+k].from]) || strings.ContainsAny(s[list[i+k-1].to:list[i+k].from], ",\n")) {
			break
		}
		k++
	}
	for k > 0 && !n.single[list[i+k-1].fold] {
		k--
	}
	return k
}
