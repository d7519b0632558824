// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strings"

	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/text/unicode/norm"

	"onrecord"
	"onrecord/crawler"
)

// maxParts bounds what a message may be made of: nested multiparts are parsed
// by recursion.
const maxParts = 64

// The reasons for which a message is refused.
const (
	reasonAccount = "another sender"
	reasonLong    = "too long"
	reasonDeep    = "too many parts"
	reasonBroken  = "no message"
	reasonText    = "no text"
	reasonFrom    = "no sender"
)

// message reads one message.
func (im *importer) message(raw rawMessage, t crawler.Target) crawler.Batch {
	refuse := func(id, reason, format string, args ...any) crawler.Batch {
		return crawler.Batch{Refused: []crawler.Refusal{{ID: id, Reason: reason, Detail: fmt.Sprintf(format, args...)}}}
	}
	if raw.long {
		return refuse("", reasonLong, "longer than %d MiB", maxMessage>>20)
	}
	if n := bytes.Count(bytes.ToLower(raw.body), []byte("multipart/")); n > maxParts {
		return refuse("", reasonDeep, "%d multiparts, at most %d", n, maxParts)
	}
	env, err := im.parser.ReadEnvelope(bytes.NewReader(raw.body))
	if err != nil {
		return refuse("", reasonBroken, "%v", err)
	}
	from, ok := sender(env)
	if !ok {
		return refuse("", reasonFrom, "From: %.80q", env.GetHeader("From"))
	}
	who := recipientOf(env)
	id := nativeID(env, raw.body, who)
	if !belongs(env, from, t) {
		return refuse(id, reasonAccount, "from %s", who.hide(from.Address))
	}
	text, html := bodies(env)
	read := reading{who: who}
	text = read.text(text, html)
	if strings.TrimSpace(text) == "" {
		return refuse(id, reasonText, "neither plain text nor HTML that says anything")
	}
	o := onrecord.Observation{
		Ref: onrecord.Ref{NativeID: id}, State: onrecord.ItemLive,
		Content: onrecord.Content{
			Type: "email", Title: read.words(env.GetHeader("Subject")), Text: text,
			Lang: language(env), Links: read.links, ReplyTo: replyTo(env, who),
		},
	}
	if at, err := mail.ParseDate(env.GetHeader("Date")); err == nil {
		o.Content.Published, o.Published, o.Precision = env.GetHeader("Date"), at.UTC(), onrecord.PrecisionSecond
	} else {
		o.Content.Published = env.GetHeader("Date")
	}
	return crawler.Batch{
		Account:  onrecord.AccountObservation{ID: t.AccountID, Handle: t.Handle, Name: read.words(from.Name)},
		Items:    []onrecord.Observation{o},
		Kept:     rendition(env, raw.body, read, o),
		KeptType: "message/rfc822",
	}
}

// sender returns the first address of the From header.
func sender(env *enmime.Envelope) (mail.Address, bool) {
	if list, err := env.AddressList("From"); err == nil && len(list) > 0 && strings.Contains(list[0].Address, "@") {
		return *list[0], true
	}
	if a := firstAddress(env.GetHeader("From")); a != "" {
		return mail.Address{Address: a}, true
	}
	return mail.Address{}, false
}

// belongs reports whether a message is of the target's account: New says when.
// A target that names neither handle nor id takes every message.
func belongs(env *enmime.Envelope, from mail.Address, t crawler.Target) bool {
	address := strings.ToLower(from.Address)
	domain := address[strings.LastIndexByte(address, '@')+1:]
	handle, id := strings.ToLower(strings.TrimPrefix(t.Handle, "*@")), strings.ToLower(t.AccountID)
	if handle == "" && id == "" {
		return true
	}
	within := func(want string) bool {
		return want != "" && (address == want || domain == want || strings.HasSuffix(domain, "."+want))
	}
	return within(handle) || within(id) || id != "" && listID(env) == id
}

// listID returns what stands in the brackets of a List-Id (RFC 2919), in lower
// case.
func listID(env *enmime.Envelope) string {
	_, id, ok := strings.Cut(env.GetHeader("List-Id"), "<")
	if !ok {
		id = env.GetHeader("List-Id")
	}
	id, _, _ = strings.Cut(id, ">")
	return strings.ToLower(strings.TrimSpace(id))
}

// nativeID returns the Message-ID without brackets (formats.md 1). A message
// without one is named by the digest of its bytes, one whose Message-ID names
// the recipient by the digest of that: whoever has the message can compute it.
func nativeID(env *enmime.Envelope, raw []byte, who recipient) string {
	id := norm.NFC.String(strings.TrimSpace(env.GetHeader("Message-Id")))
	id = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">"))
	if at := strings.LastIndexByte(id, '@'); at >= 0 {
		id = id[:at] + strings.ToLower(id[at:])
	}
	switch {
	case id == "" || len(id) > 900 || strings.ContainsAny(id, " \t\r\n"):
		return digest("message", raw)
	case who.named(id):
		return digest("message-id", []byte(id))
	}
	return id
}

// digest names bytes by their SHA-256.
func digest(what string, b []byte) string {
	sum := sha256.Sum256(b)
	return what + ":sha256:" + hex.EncodeToString(sum[:])
}

// replyTo returns the native id of the message that this one answers.
func replyTo(env *enmime.Envelope, who recipient) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(env.GetHeader("In-Reply-To")), "<"), ">")
	if id = strings.TrimSpace(id); id == "" || strings.ContainsAny(id, " \t") {
		return ""
	}
	if at := strings.LastIndexByte(id, '@'); at >= 0 {
		id = id[:at] + strings.ToLower(id[at:])
	}
	if who.named(id) {
		return digest("message-id", []byte(id))
	}
	return id
}

// language returns the first of the Content-Language header (RFC 3282).
func language(env *enmime.Envelope) string {
	l, _, _ := strings.Cut(env.GetHeader("Content-Language"), ",")
	if l = strings.TrimSpace(l); len(l) > 35 {
		return ""
	}
	return l
}

// bodies returns the plain text and the HTML of a message, either of which may
// be empty.
func bodies(env *enmime.Envelope) (text, html string) {
	return strings.ReplaceAll(env.Text, "\r\n", "\n"), env.HTML
}

// rendition makes what is kept of a message: see the package.
func rendition(env *enmime.Envelope, raw []byte, read reading, o onrecord.Observation) []byte {
	var b bytes.Buffer
	for _, name := range []string{"From", "Date", "Subject", "List-Id", "Content-Language"} {
		if v := oneLine(read.words(env.GetHeader(name))); v != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	fmt.Fprintf(&b, "Message-ID: <%s>\r\n", o.NativeID)
	for _, v := range env.GetHeaderValues("Dkim-Signature") {
		if claim := dkim(v); claim != "" {
			fmt.Fprintf(&b, "X-Onrecord-DKIM: %s\r\n", claim)
		}
	}
	sum := sha256.Sum256(raw)
	fmt.Fprintf(&b, "X-Onrecord-Original: sha256=%x; length=%d\r\n", sum, len(raw))
	b.WriteString("X-Onrecord-Note: made of a received message; what names its recipient was taken out\r\n")
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	b.WriteString(o.Content.Text)
	b.WriteByte('\n')
	return b.Bytes()
}

// dkim returns the signer and the selector of a DKIM signature (RFC 6376): a
// claim, which the original can prove.
func dkim(v string) string {
	var d, s string
	for tag := range strings.SplitSeq(v, ";") {
		name, value, _ := strings.Cut(tag, "=")
		switch value = strings.Join(strings.Fields(value), ""); strings.TrimSpace(name) {
		case "d":
			d = value
		case "s":
			s = value
		}
	}
	if d == "" || len(d)+len(s) > 500 {
		return ""
	}
	return oneLine("d=" + d + "; s=" + s)
}

// oneLine returns s as it can stand in a header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
