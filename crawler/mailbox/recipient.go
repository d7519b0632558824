// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"net/mail"
	"slices"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// hidden stands where the recipient was named, strange where the address of
// somebody else was.
const (
	hidden  = "[recipient]"
	strange = "[address removed]"
)

// maxRecipients bounds how many addresses are known in all their forms; those
// beyond it are taken out as every address is.
const maxRecipients = 5000

// A recipient is who a message was addressed to, which must not be published,
// and who sent it, which must.
type recipient struct {
	names
	known  map[string]bool // their addresses, lower case
	locals map[string]bool // local parts that are no word: j.doe, jdoe77
	forms  matcher         // their addresses in other forms
	squash matcher         // their addresses without anything but letters and digits
	own    map[string]bool // addresses of the sender and the list, lower case
	domain string          // of the From address, where it is not of a provider
}

// recipientOf reads who received a message, from all headers that may say it.
// The sender's very address is no recipient: a list is often addressed to
// itself.
func recipientOf(env *enmime.Envelope, from mail.Address) recipient {
	r := recipient{names: newNames(), known: map[string]bool{}, locals: map[string]bool{}, own: map[string]bool{}}
	author := strings.ToLower(from.Address)
	r.own[author] = true
	if d := author[strings.LastIndexByte(author, '@')+1:]; !freeMail[d] {
		r.domain = d
	}
	for _, name := range []string{"From", "Sender"} {
		for _, a := range addressList(env, name) {
			r.addSender(a.Name)
		}
	}
	listed := map[string]bool{}
	for _, at := range ats(env.GetHeader("List-Post")) {
		listed[at.address] = true
	}
	for _, name := range []string{"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Forwarded-To", "X-Forwarded-For", "X-Rcpt-To", "X-Receiver", "X-Recipient", "Apparently-To", "Original-Recipient", "Final-Recipient"} {
		for _, a := range addressList(env, name) {
			address := strings.ToLower(strings.TrimSpace(a.Address))
			if r.own[address] || listed[address] {
				continue
			}
			r.know(address)
			r.names.add(a.Name)
		}
	}
	for _, v := range env.GetHeaderValues("Received") {
		r.received(v)
	}
	for _, name := range []string{"Return-Path", "Errors-To", "X-Envelope-From", "Received-Spf", "Sender", "List-Unsubscribe", "X-Return-Path"} {
		r.returns(env.GetHeader(name))
	}
	r.allow(env, listed)
	r.build()
	return r
}

// addressList returns the addresses of all headers of a name, also where they
// are broken.
func addressList(env *enmime.Envelope, name string) []mail.Address {
	var all []mail.Address
	for _, v := range env.GetHeaderValues(name) {
		list, err := enmime.ParseAddressList(v)
		for _, a := range list {
			all = append(all, *a)
		}
		if err != nil {
			for _, at := range ats(v) {
				all = append(all, mail.Address{Name: strings.Trim(v[:at.from], " \t<\"'"), Address: at.address})
			}
		}
	}
	return all
}

// know notes an address, and that without the part behind a plus sign.
func (r *recipient) know(address string) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || r.own[address] || r.known[address] || len(r.known) >= maxRecipients {
		return
	}
	r.known[address] = true
	local := address[:at]
	if base, _, ok := strings.Cut(local, "+"); ok && base != "" {
		r.know(base + address[at:])
	}
	if strings.ContainsFunc(local, func(c rune) bool { return c < 'a' || c > 'z' }) && len(local) >= 4 && !roles[local] {
		r.locals[local] = true
	}
	r.addLocal(local)
}

// received notes for whom a mail server says it took a message (RFC 5321,
// 4.4), in brackets or not.
func (r *recipient) received(v string) {
	v = oneLine(v)
	for {
		i := strings.Index(strings.ToLower(v), " for ")
		if i < 0 {
			return
		}
		v = v[i+len(" for "):]
		end := strings.IndexAny(v, "; ")
		if end < 0 {
			end = len(v)
		}
		for _, at := range ats(v[:end]) {
			r.know(at.address)
		}
	}
}

// returns notes the address that a return path made for one reader holds:
// bounce-77-jdoe=mail.example@lists.example. What of it is their local part
// can't be seen, so that every end of it is taken for it.
func (r *recipient) returns(v string) {
	for _, at := range ats(v) {
		local, _, _ := strings.Cut(at.address, "@")
		head, domain, ok := strings.Cut(local, "=")
		if !ok || !strings.Contains(domain, ".") || strings.HasPrefix(head, "srs") {
			continue
		}
		for n := 0; head != "" && n < 8; n++ {
			r.know(head + "@" + domain)
			i := strings.IndexAny(head, "+-")
			if i < 0 {
				break
			}
			head = head[i+1:]
		}
	}
}

// allow notes the addresses, besides that of the From header, that say who
// sends: Sender, Reply-To and List-Post, unless they were made for one reader
// or are of another domain than the sender's, as a reader's own would be.
func (r *recipient) allow(env *enmime.Envelope, listed map[string]bool) {
	for _, a := range addressList(env, "Sender") {
		listed[strings.ToLower(a.Address)] = true
	}
	for a := range listed {
		if !r.known[a] && !freeMail[a[strings.LastIndexByte(a, '@')+1:]] {
			r.own[a] = true
		}
	}
}

// build makes the tables that texts are searched with.
func (r *recipient) build() {
	var forms, squashed []string
	for a := range r.known {
		forms = append(forms, spellings(a)...)
		if s := squash(a); len(s) >= 8 {
			squashed = append(squashed, s)
		}
	}
	for _, seqs := range r.full {
		for _, seq := range seqs {
			if whole := strings.Join(seq, " "); len(whole) >= 6 {
				forms = append(forms, encodings(whole)...)
				forms = append(forms, encodings(titleCase(seq))...)
			}
		}
	}
	forms = append(forms, r.solid...)
	r.forms, r.squash = newMatcher(forms), newMatcher(squashed)
}

// titleCase joins words with capitals.
func titleCase(seq []string) string {
	list := slices.Clone(seq)
	for i, w := range list {
		list[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(list, " ")
}

// squash returns the letters and digits of s in lower case.
func squash(s string) string {
	return strings.Map(func(c rune) rune {
		if isWordRune(c) {
			return c
		}
		return -1
	}, strings.ToLower(s))
}

// may reports whether an address may be published: the sender's own, and those
// of the sender's domain, unless they look made for one reader.
func (r *recipient) may(raw string) bool {
	address := strings.ToLower(raw)
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || r.known[address] || r.forms.in(address) {
		return false
	}
	local := address[:at]
	if strings.ContainsAny(local, "=%+") || isToken(raw[:strings.LastIndexByte(raw, '@')], 6) || hasNumber(local, 5) {
		return false
	}
	return r.own[address] || r.domain != "" && address[at+1:] == r.domain
}

// named reports whether an identifier or an address of a page names a
// recipient: an address in any form, a whole name, a local part.
func (r *recipient) named(s string) bool {
	if r.forms.in(s) || r.squash.in(squash(s)) || r.names.hide(s) != s {
		return true
	}
	for _, at := range ats(s) {
		if r.known[at.address] {
			return true
		}
	}
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return strings.ContainsRune("/?&=;:,<>@", c) }), r.isLocal)
}

// isLocal reports whether a segment, in lower case, is a name of a recipient.
func (r *recipient) isLocal(seg string) bool {
	return r.locals[seg] || r.users[seg] && !r.sender[seg] || r.slugs[squash(seg)] && !r.sender[squash(seg)]
}
