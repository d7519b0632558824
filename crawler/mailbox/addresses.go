// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// spellings returns how an address is written in links, identifiers and texts
// other than as it is: as a variable envelope return path, in words, escaped,
// encoded, hashed.
func spellings(address string) []string {
	at := strings.LastIndexByte(address, '@')
	local, domain := address[:at], address[at+1:]
	list := encodings(address)
	for _, sign := range []string{"@", "=", "_at_", "-at-", ".at.", " at ", "(at)", " (at) ", "[at]", " [at] ", " @ ", "%40", "%2540", "#", "_", ".", "-"} {
		list = append(list, local+sign+domain)
	}
	for _, pair := range [][2]string{{" at ", " dot "}, {"(at)", "(dot)"}, {"[at]", "[dot]"}, {" [at] ", " [dot] "}, {" (at) ", " (dot) "}, {"_", "_"}, {"-", "-"}, {"=", "_"}} {
		list = append(list, local+pair[0]+strings.ReplaceAll(domain, ".", pair[1]))
	}
	return list
}

// encodings returns what programs make of an address or a name.
func encodings(s string) []string {
	b := []byte(s)
	m, s1, s2, s5 := md5.Sum(b), sha1.Sum(b), sha256.Sum256(b), sha512.Sum512(b)
	backwards := []rune(s)
	slices.Reverse(backwards)
	list := []string{
		url.QueryEscape(s), url.PathEscape(s), url.QueryEscape(url.QueryEscape(s)), string(backwards), strings.Map(rot13, s),
		hex.EncodeToString(b), hex.EncodeToString(m[:]), hex.EncodeToString(s1[:]), hex.EncodeToString(s2[:]), hex.EncodeToString(s5[:]),
	}
	// base64 in each of its three alignments, without what neighbours decide
	for pad := range 3 {
		e := base64.RawURLEncoding.EncodeToString(append(make([]byte, pad), b...))
		e = e[[]int{0, 2, 3}[pad]:]
		if (pad+len(b))%3 != 0 {
			e = e[:len(e)-1]
		}
		list = append(list, e, strings.NewReplacer("-", "+", "_", "/").Replace(e))
	}
	return list
}

func rot13(c rune) rune {
	switch {
	case c >= 'a' && c <= 'z':
		return 'a' + (c-'a'+13)%26
	case c >= 'A' && c <= 'Z':
		return 'A' + (c-'A'+13)%26
	}
	return c
}

// keyLen is how many bytes of a form are looked up at each place of a text.
const keyLen = 5

// A matcher finds any of many forms in a text, whatever their case, in one
// pass.
type matcher map[string][]string

// newMatcher leaves out forms too short to mean anything.
func newMatcher(forms []string) matcher {
	m := matcher{}
	for _, f := range forms {
		if f = asciiLower(f); len(f) >= keyLen {
			m[f[:keyLen]] = append(m[f[:keyLen]], f)
		}
	}
	for k, list := range m {
		slices.SortFunc(list, func(a, b string) int {
			if d := len(b) - len(a); d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		m[k] = slices.Compact(list)
	}
	return m
}

// at returns how long the form is that lower, in lower case, begins with.
func (m matcher) at(lower string) int {
	if len(lower) < keyLen {
		return 0
	}
	for _, f := range m[lower[:keyLen]] {
		if strings.HasPrefix(lower, f) {
			return len(f)
		}
	}
	return 0
}

// in reports whether s holds one of the forms.
func (m matcher) in(s string) bool { return len(m) > 0 && m.replace(s) != s }

// replace returns s with hidden in place of each form.
func (m matcher) replace(s string) string {
	if len(m) == 0 {
		return s
	}
	lower := asciiLower(s)
	var b strings.Builder
	at := 0
	for i := 0; i < len(s); {
		n := m.at(lower[i:])
		if n == 0 {
			i++
			continue
		}
		b.WriteString(s[at:i] + hidden)
		i += n
		at = i
	}
	return b.String() + s[at:]
}

// asciiLower returns s with ASCII letters in lower case, byte for byte.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// An atSign is an address in a text, and where it stands.
type atSign struct {
	from, to int
	address  string // lower case
	raw      string
}

// maxLocal and maxDomain bound an address (RFC 5321, 4.5.3.1), with room for
// return paths that hold another.
const (
	maxLocal  = 256
	maxDomain = 255
)

// ats returns what looks like an address of a mailbox: whatever stands around
// an at sign without white space, if a domain follows.
func ats(s string) []atSign {
	var list []atSign
	for i := 0; i < len(s); {
		k := strings.IndexAny(s[i:], "@＠%")
		if k < 0 {
			break
		}
		i += k
		size := 1
		switch {
		case s[i] == '%' && !strings.HasPrefix(s[i:], "%40"):
			i++
			continue
		case s[i] == '%', s[i] != '@':
			size = 3
		}
		from, to := localBefore(s, i), domainAfter(s, i+size)
		if len(list) > 0 {
			from = max(from, list[len(list)-1].to)
		}
		from += len(s[from:i]) - len(strings.TrimLeft(s[from:i], "'*_~|{=/&#!?$^`."))
		if from < i && to > i+size {
			list = append(list, atSign{from, to, strings.ToLower(s[from:i] + "@" + s[i+size:to]), s[from:i] + "@" + s[i+size:to]})
		}
		i = max(to, i+size)
	}
	return list
}

// localBefore returns where the local part before s[at] begins.
func localBefore(s string, at int) int {
	from := at
	if at > 1 && s[at-1] == '"' {
		if q := strings.LastIndexByte(s[max(0, at-1-maxLocal):at-1], '"'); q >= 0 {
			return max(0, at-1-maxLocal) + q
		}
	}
	last, _ := utf8.DecodeLastRuneInString(s[:at])
	for from > 0 && at-from < maxLocal {
		c, n := utf8.DecodeLastRuneInString(s[:from])
		if !isAtom(c) && !isAlike(c, last) {
			break
		}
		from -= n
	}
	return from
}

// domainAfter returns where the domain that begins at s[at] ends: at where it
// has no dot.
func domainAfter(s string, at int) int {
	to := at
	if strings.HasPrefix(s[at:], "[") {
		if q := strings.IndexByte(s[at:min(len(s), at+64)], ']'); q > 0 {
			return at + q + 1
		}
	}
	first, _ := utf8.DecodeRuneInString(s[at:])
	for to < len(s) && to-at < maxDomain {
		c, n := utf8.DecodeRuneInString(s[to:])
		if c != '.' && c != '-' && !isAlnumRune(c) && !isAlike(c, first) {
			break
		}
		to += n
	}
	to = at + len(strings.TrimRight(s[at:to], ".-"))
	if !strings.Contains(s[at:to], ".") && s[at:to] != "localhost" {
		return at
	}
	return to
}

func isAlnumRune(c rune) bool { return c < utf8.RuneSelf && isAlnum(byte(c)) }

// isAtom reports whether c stands in a local part (RFC 5322, atext).
func isAtom(c rune) bool { return isAlnumRune(c) || strings.ContainsRune(".!#$%&'*+/=?^_`{|}~-", c) }

// isAlike reports whether c is a letter beyond ASCII that belongs to an address
// whose letter next to the at sign is by: in a text without white space between
// words an address in ASCII ends where the script changes.
func isAlike(c, by rune) bool {
	return c >= utf8.RuneSelf && (unicode.IsLetter(c) || unicode.Is(unicode.M, c)) && isSolidRune(c) == isSolidRune(by)
}

// addresses returns s without the addresses that may not be published.
func (r *recipient) addresses(s string) string {
	var b strings.Builder
	at := 0
	for _, a := range ats(s) {
		if r.may(a.raw) {
			continue
		}
		word := strange
		if r.known[a.address] || r.forms.in(a.address) {
			word = hidden
		}
		b.WriteString(s[at:a.from] + word)
		at = a.to
	}
	return b.String() + s[at:]
}
