// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/text/unicode/norm"

	"onrecord"
	"onrecord/crawler"
)

// The reasons for which a message is refused.
const (
	reasonAccount = "another sender"
	reasonLong    = "too long"
	reasonDeep    = "too many parts"
	reasonBroken  = "no message"
	reasonText    = "no text"
	reasonFrom    = "no sender"
)

// message reads one message. What it says of one that it refuses names neither
// its recipient nor, beyond the domain, who wrote it.
func (im importer) message(raw rawMessage, t crawler.Target) crawler.Batch {
	refuse := func(id, reason, format string, args ...any) crawler.Batch {
		return crawler.Batch{Refused: []crawler.Refusal{{ID: id, Reason: reason, Detail: fmt.Sprintf(format, args...)}}}
	}
	if raw.long {
		return refuse("", reasonLong, "longer than %d MiB", maxMessage>>20)
	}
	body, reason, detail := bounded(raw.body)
	if reason != "" {
		return refuse("", reason, "%s", detail)
	}
	types := newTyper(len(body))
	env, err := newParser(types).ReadEnvelope(bytes.NewReader(body))
	switch {
	case types.over != "":
		return refuse("", reasonDeep, "%s", types.over)
	case err != nil:
		return refuse("", reasonBroken, "its parts or headers can't be read")
	}
	from, ok := sender(env)
	if !ok {
		return refuse("", reasonFrom, "no address in its From header")
	}
	who := recipientOf(env, from)
	id := nativeID(env, from, who)
	if !belongs(env, from, t) {
		return refuse(id, reasonAccount, "from an address of %s", who.forms.replace(domainOf(from.Address)))
	}
	if n := max(len(env.Text), len(withoutData(env.HTML))); n > maxText {
		return refuse(id, reasonLong, "its text has %d MiB, at most %d", n>>20, maxText>>20)
	}
	read := reading{who: who, secrets: map[string]bool{}}
	read.headers(env)
	o := read.statement(env, id)
	if strings.TrimSpace(o.Content.Text) == "" {
		return refuse(id, reasonText, "neither plain text nor HTML that says anything")
	}
	return crawler.Batch{
		Account:  onrecord.AccountObservation{ID: t.AccountID, Handle: t.Handle, Name: read.words(from.Name)},
		Items:    []onrecord.Observation{o},
		Kept:     rendition(env, raw.body, &read, o, from, t),
		KeptType: "message/rfc822",
		Enclosed: read.pictures(env, o),
	}
}

// headers learns the tokens in the headers that are made for one reader.
func (r *reading) headers(env *enmime.Envelope) {
	for _, name := range env.GetHeaderKeys() {
		switch low := strings.ToLower(name); {
		case strings.HasPrefix(low, "x-"), strings.HasPrefix(low, "list-un"), low == "return-path", low == "errors-to", low == "reply-to", low == "feedback-id":
			for _, v := range env.GetHeaderValues(name) {
				r.learn(v)
			}
		}
	}
}

// statement returns what a message says.
func (r *reading) statement(env *enmime.Envelope, id string) onrecord.Observation {
	text := r.text(strings.ReplaceAll(env.Text, "\r\n", "\n"), env.HTML)
	links := r.links
	o := onrecord.Observation{
		Ref: onrecord.Ref{NativeID: id}, State: onrecord.ItemLive,
		Content: onrecord.Content{
			Type: "email", Title: r.words(env.GetHeader("Subject")), Text: text,
			Lang: language(env, r.who), Links: links, ReplyTo: replyTo(env, r.who), Published: r.words(env.GetHeader("Date")),
		},
	}
	if at, err := mail.ParseDate(env.GetHeader("Date")); err == nil {
		o.Published, o.Precision = at.UTC(), onrecord.PrecisionSecond
	}
	return o
}

// domainOf returns what stands behind the at sign of an address, in lower case.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// sender returns the first address of the From header.
func sender(env *enmime.Envelope) (mail.Address, bool) {
	for _, a := range addressList(env, "From") {
		if strings.LastIndexByte(a.Address, '@') > 0 {
			return a, true
		}
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

// nativeID returns the Message-ID without brackets (formats.md 1). One that
// names the recipient is named by its digest. A message without is named by the
// digest of what every copy of it has in common, in whatever mailbox it lay.
func nativeID(env *enmime.Envelope, from mail.Address, who recipient) string {
	if id := messageID(env.GetHeader("Message-Id"), who); id != "" {
		return id
	}
	date := oneLine(env.GetHeader("Date"))
	if at, err := mail.ParseDate(date); err == nil {
		date = at.UTC().Format(time.RFC3339)
	}
	var b strings.Builder
	for _, part := range []string{strings.ToLower(from.Address), date, oneLine(env.GetHeader("Subject")), oneLine(env.Text), oneLine(env.HTML)} {
		fmt.Fprintf(&b, "%d:%s\n", len(part), norm.NFC.String(part))
	}
	return digest("message", []byte(b.String()))
}

// messageID returns the id in a header, its domain in lower case; its digest
// where it names the recipient, or holds an address as return paths do.
// Nothing where there is none.
func messageID(header string, who recipient) string {
	id := norm.NFC.String(strings.TrimSpace(header))
	if _, rest, ok := strings.Cut(id, "<"); ok {
		id, _, _ = strings.Cut(rest, ">")
	}
	id = strings.TrimSpace(id)
	at := strings.LastIndexByte(id, '@')
	if at >= 0 {
		id = id[:at] + strings.ToLower(id[at:])
	}
	switch {
	case id == "" || len(id) > 900 || strings.ContainsAny(id, " \t\r\n"):
		return ""
	case who.named(id) || holdsAddress.MatchString(id[:max(at, 0)]):
		return digest("message-id", []byte(id))
	}
	return id
}

// holdsAddress is a local part with another address in it.
var holdsAddress = regexp.MustCompile(`[A-Za-z0-9](?:=|@|%40|_at_)[A-Za-z0-9-]+\.[A-Za-z]{2,}`)

// digest names bytes by their SHA-256.
func digest(what string, b []byte) string {
	sum := sha256.Sum256(b)
	return what + ":sha256:" + hex.EncodeToString(sum[:])
}

// replyTo returns the native id of the message that this one answers.
func replyTo(env *enmime.Envelope, who recipient) string {
	return messageID(env.GetHeader("In-Reply-To"), who)
}

// language returns the first of the Content-Language header (RFC 3282), if it
// is one.
func language(env *enmime.Envelope, who recipient) string {
	l, _, _ := strings.Cut(env.GetHeader("Content-Language"), ",")
	if l = strings.TrimSpace(l); !plainLanguage.MatchString(l) || who.named(l) {
		return ""
	}
	return l
}

// plainLanguage is a language with script and region (RFC 5646, 2.1), without
// what anybody may add.
var plainLanguage = regexp.MustCompile(`^[A-Za-z]{2,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?$`)

// rendition makes what is kept of a message: see the package.
func rendition(env *enmime.Envelope, raw []byte, read *reading, o onrecord.Observation, from mail.Address, t crawler.Target) []byte {
	var b bytes.Buffer
	header := func(name, v string) {
		if v != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	address := strings.ToLower(from.Address)
	if !read.who.may(from.Address) {
		address = strange
	}
	header("From", oneLine(read.words(from.Name)+" <"+address+">"))
	header("Date", o.Content.Published)
	header("Subject", o.Content.Title)
	header("List-Id", read.list(env, t))
	header("Content-Language", o.Content.Lang)
	fmt.Fprintf(&b, "Message-ID: <%s>\r\n", o.NativeID)
	for _, v := range env.GetHeaderValues("Dkim-Signature") {
		if claim := dkim(v); claim != "" && !read.who.named(claim) {
			header("X-Onrecord-DKIM", claim)
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

// list returns the List-Id, as it is where it is the target's; a label that
// looks made for one reader is taken out of any other.
func (r *reading) list(env *enmime.Envelope, t crawler.Target) string {
	id := listID(env)
	if id != "" && id == strings.ToLower(t.AccountID) {
		return "<" + id + ">"
	}
	labels := strings.Split(id, ".")
	for i, l := range labels {
		if isToken(l, 6) || hasNumber(l, 5) || r.secret(l) || r.who.isLocal(l) {
			labels[i] = "removed"
		}
	}
	if id = strings.Join(labels, "."); id == "" || r.who.named(id) || strings.ContainsAny(id, " \t@<>") {
		return ""
	}
	return "<" + id + ">"
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
	if !hostName.MatchString(d) || !hostName.MatchString(s) || len(d)+len(s) > 500 || isToken(s, 16) {
		return ""
	}
	return "d=" + d + "; s=" + s
}

// hostName is what a domain and a selector are made of.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// oneLine returns s as it can stand in a header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
