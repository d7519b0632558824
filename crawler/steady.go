// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"encoding/hex"
	"regexp"
	"strings"
)

// session finds the session of a visitor in an address: Java's path parameter
// (Servlet 6.0, section 7.1.3).
var session = regexp.MustCompile(`(?i);jsessionid=[^?#/;]*`)

// WithoutSession returns an address without the session that a server put into
// it for one visitor.
func WithoutSession(address string) string {
	if !strings.Contains(address, ";") {
		return address
	}
	return session.ReplaceAllString(address, "")
}

// hiddenMail is where Cloudflare's links to hidden addresses lead; what they hide
// stands in the fragment, under another key each time.
const hiddenMail = "/cdn-cgi/l/email-protection"

// IsHiddenMail reports whether a link stands for an e-mail address that
// Cloudflare hides from those who run no scripts.
func IsHiddenMail(link string) bool { return strings.Contains(link, hiddenMail) }

// HiddenMail decodes the e-mail address of a data-cfemail attribute, or of the
// fragment of a link for which IsHiddenMail: hexadecimal, the first byte is the
// key, by which the others are XORed.
func HiddenMail(code string) (address string, ok bool) {
	_, fragment, found := strings.Cut(code, "#")
	if found {
		code = fragment
	}
	b, err := hex.DecodeString(code)
	if err != nil || len(b) < 4 || len(b) > 256 {
		return "", false
	}
	for i := range b[1:] {
		if b[i+1] ^= b[0]; b[i+1] <= ' ' || b[i+1] == 0x7f {
			return "", false
		}
	}
	address = strings.ToValidUTF8(string(b[1:]), "")
	return address, strings.Contains(address, "@")
}

// SteadyLinks returns the links of a text without what is another at each
// answer: sessions, and e-mail addresses that Cloudflare hides.
func SteadyLinks(links []string) []string {
	kept := links[:0]
	for _, l := range links {
		if !IsHiddenMail(l) {
			kept = append(kept, WithoutSession(l))
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}
