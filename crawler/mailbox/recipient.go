// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jhillyerd/enmime/v2"
)

// hidden stands where the recipient was named.
const hidden = "[recipient]"

// greeting is how many bytes at the beginning of a text are searched for the
// recipient's first name: beyond them it may be anybody's.
const greeting = 400

// A recipient is who a message was addressed to: what must not be published.
type recipient struct {
	forms []string // ways in which their addresses are written, lower case, the longest first
	names []string // display names, the longest first
	first []string // first names
}

// recipientOf reads who received a message. Addresses of the sender's own
// domain are no recipients: a list is often addressed to itself.
func recipientOf(env *enmime.Envelope) recipient {
	var who recipient
	own := map[string]bool{}
	for _, name := range []string{"From", "Sender", "Reply-To"} {
		if a := firstAddress(env.GetHeader(name)); a != "" {
			own[a[strings.LastIndexByte(a, '@')+1:]] = true
		}
	}
	add := func(a string) {
		a = strings.ToLower(strings.TrimSpace(a))
		at := strings.LastIndexByte(a, '@')
		if at <= 0 || own[a[at+1:]] {
			return
		}
		who.forms = append(who.forms, spellings(a)...)
	}
	for _, name := range []string{"To", "Cc", "Bcc", "Resent-To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Forwarded-To", "X-Rcpt-To", "Apparently-To"} {
		list, err := env.AddressList(name)
		for _, a := range list {
			add(a.Address)
			if name := strings.TrimSpace(a.Name); utf8.RuneCountInString(name) >= 3 && !strings.Contains(name, "@") {
				who.names = append(who.names, name)
				if f := strings.Fields(name)[0]; utf8.RuneCountInString(f) >= 2 {
					who.first = append(who.first, f)
				}
			}
		}
		if err != nil {
			for _, a := range address.FindAllString(env.GetHeader(name), 20) {
				add(a)
			}
		}
	}
	for _, v := range env.GetHeaderValues("Received") {
		if _, rest, ok := strings.Cut(v, "for <"); ok {
			a, _, _ := strings.Cut(rest, ">")
			add(a)
		}
	}
	longest := func(a, b string) int { return len(b) - len(a) }
	slices.SortStableFunc(who.forms, longest)
	slices.SortStableFunc(who.names, longest)
	return who
}

// spellings returns how an address is written in links and identifiers: as it
// is, as a variable envelope return path, escaped, encoded, hashed.
func spellings(address string) []string {
	m, s1, s2 := md5.Sum([]byte(address)), sha1.Sum([]byte(address)), sha256.Sum256([]byte(address))
	list := []string{
		address, strings.Replace(address, "@", "=", 1), strings.Replace(address, "@", "_at_", 1),
		strings.ToLower(url.QueryEscape(address)),
		strings.ToLower(strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(address)), "=")),
		strings.ToLower(base64.RawURLEncoding.EncodeToString([]byte(address))),
		hex.EncodeToString(m[:]), hex.EncodeToString(s1[:]), hex.EncodeToString(s2[:]),
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// named reports whether s names the recipient by address.
func (r recipient) named(s string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(r.forms, func(f string) bool { return strings.Contains(s, f) })
}

// hide returns s without the recipient's addresses and full names.
func (r recipient) hide(s string) string {
	for _, f := range r.forms {
		s = replaceFold(s, f, hidden)
	}
	for _, n := range r.names {
		s = replaceWord(s, n, hidden)
	}
	return s
}

// greet is hide, and takes the first name out of the beginning of a text too.
func (r recipient) greet(s string) string {
	s = r.hide(s)
	cut := min(len(s), greeting)
	for cut < len(s) && !utf8.RuneStart(s[cut]) {
		cut++
	}
	head := s[:cut]
	for _, n := range r.first {
		head = replaceWord(head, n, hidden)
	}
	return head + s[cut:]
}

// replaceFold replaces old, which is in lower case ASCII, whatever its case.
func replaceFold(s, old, to string) string {
	if old == "" || len(s) < len(old) {
		return s
	}
	lower := asciiLower(s)
	var b strings.Builder
	for {
		i := strings.Index(lower, old)
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		b.WriteString(to)
		s, lower = s[i+len(old):], lower[i+len(old):]
	}
	if b.Len() == 0 {
		return s
	}
	return b.String() + s
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

// replaceWord replaces old where it stands as a word.
func replaceWord(s, old, to string) string {
	var b strings.Builder
	for from := 0; ; {
		i := strings.Index(s[from:], old)
		if i < 0 {
			break
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+len(old):])
		if unicode.IsLetter(before) || unicode.IsLetter(after) {
			from = i + len(old)
			continue
		}
		b.WriteString(s[:i])
		b.WriteString(to)
		s, from = s[i+len(old):], 0
	}
	if b.Len() == 0 {
		return s
	}
	return b.String() + s
}

// firstAddress returns the first address in a header, in lower case, however
// broken the header is.
func firstAddress(header string) string {
	if list, err := mail.ParseAddressList(header); err == nil && len(list) > 0 {
		return strings.ToLower(list[0].Address)
	}
	return strings.ToLower(address.FindString(header))
}

// address is what looks like an address of a mailbox.
var address = regexp.MustCompile(`[\p{L}0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[\p{L}0-9](?:[\p{L}0-9.-]{0,250}[\p{L}0-9])?`)
