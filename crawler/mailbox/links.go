// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"onrecord"
)

// removed stands where a link was that leads to, or tells of, one reader.
const removed = "[personal link removed]"

// maxLinks is how many links of a message are kept.
const maxLinks = 500

// trackers are hosts whose links count who follows them, and hosts below them.
var trackers = []string{
	"list-manage.com", "list-manage1.com", "list-manage2.com", "mailchi.mp", "campaign-archive.com", "sendgrid.net", "sendgrid.com",
	"hubspotlinks.com", "hubspotemail.net", "hs-sites.com", "nationbuilder.com", "mandrillapp.com", "mailgun.org", "sparkpostmail.com", "cmail19.com",
	"cmail20.com", "createsend.com", "constantcontact.com", "rs6.net", "exacttarget.com", "salesforce-communities.com", "mkt.com",
	"ngpvan.com", "everyaction.com", "actionnetwork.org", "actionkit.com", "bsd.net", "convio.net", "mlsend.com", "sendinblue.com", "brevo.com", "sibforms.com",
	"awstrack.me", "emltrk.com", "mjt.lu", "klclick.com", "klclick1.com", "ctrk.klclick.com", "iterable.com", "customeriomail.com",
}

// trackerLabels are first labels of hosts that do the same.
var trackerLabels = []string{"click", "clicks", "link", "links", "track", "tracking", "trk", "go2", "email", "e", "em", "mailer", "url", "r"}

// personalWords are found in the paths of what is for one reader only.
var personalWords = []string{"unsub", "optout", "opt-out", "preferences", "subscription", "webversion", "web-version", "view-in-browser", "viewinbrowser", "viewonline", "forward-to-a-friend", "profile-center", "track/open", "open.php", "/ls/click", "/wf/click"}

// personalKeys are parameters that tell who follows a link, or from which mail.
var personalKeys = []string{"mc_eid", "mc_cid", "e", "eid", "uid", "u", "id", "cid", "rid", "sid", "subscriber", "recipient", "email", "em", "contact", "token", "key", "hash", "t", "akid", "refcode", "refcode2", "refcodeEmailReferrer", "source", "src", "sourceid", "ms", "fbclid", "gclid", "_hsenc", "_hsmi", "mkt_tok", "vero_id", "zip", "name", "firstname", "lastname"}

var (
	webAddress = regexp.MustCompile(`https?://[^\s<>"'\x60]+`)
	tokenish   = regexp.MustCompile(`^[A-Za-z0-9_=%~.+-]+$`)
)

// A reading takes what is personal out of a message while it is read.
type reading struct {
	who   recipient
	links []string
}

// words returns a header without what names the recipient.
func (r *reading) words(s string) string { return r.who.greet(r.addresses(s)) }

// text returns what a message says: its plain text, or that of its HTML where
// the plain text is only a stub that leads there.
func (r *reading) text(plain, markup string) string {
	if strings.TrimSpace(markup) == "" {
		return r.finish(plain)
	}
	shown := onrecord.PlainText(r.shown(markup))
	if strings.TrimSpace(plain) != "" && 4*len(plain) >= len(shown) {
		r.links = nil
		return r.finish(plain)
	}
	return r.finish(shown)
}

// finish takes addresses of web pages and of people out of a text.
func (r *reading) finish(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))
	return r.who.greet(r.addresses(strings.ToValidUTF8(s, "�")))
}

// addresses returns s with its web addresses made impersonal, and notes them.
func (r *reading) addresses(s string) string {
	return webAddress.ReplaceAllStringFunc(s, func(u string) string {
		trail := u[len(strings.TrimRight(u, ".,;:!?)]}*_>")):]
		u = u[:len(u)-len(trail)]
		clean, ok := r.impersonal(u)
		if !ok {
			return removed + trail
		}
		r.note(clean)
		return clean + trail
	})
}

// note adds a link, once.
func (r *reading) note(u string) {
	if len(r.links) < maxLinks && !slices.Contains(r.links, u) {
		r.links = append(r.links, u)
	}
}

// impersonal returns a web address without what tells of one reader; false
// where nothing would be left of it.
func (r *reading) impersonal(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || r.who.named(raw) || tracks(u.Hostname()) {
		return "", false
	}
	path := strings.ToLower(u.EscapedPath())
	if slices.ContainsFunc(personalWords, func(w string) bool { return strings.Contains(path, w) }) {
		return "", false
	}
	for seg := range strings.SplitSeq(u.EscapedPath(), "/") {
		if len(seg) >= 16 && isToken(seg) {
			return "", false
		}
	}
	if isToken(u.Fragment) && len(u.Fragment) >= 16 || u.Fragment != "" && strings.ContainsAny(u.Fragment, "=&") {
		u.Fragment, u.RawFragment = "", ""
	}
	u.RawQuery = impersonalQuery(u.RawQuery)
	u.ForceQuery = false
	return u.String(), true
}

// impersonalQuery keeps the parameters that say what is asked for.
func impersonalQuery(q string) string {
	var keep []string
	for part := range strings.SplitSeq(q, "&") {
		key, value, _ := strings.Cut(part, "=")
		name := strings.ToLower(key)
		if part == "" || slices.ContainsFunc(personalKeys, func(k string) bool { return strings.EqualFold(k, key) }) ||
			strings.HasPrefix(name, "utm_") || len(value) >= 16 && isToken(value) || len(key) >= 16 && isToken(key) {
			continue
		}
		keep = append(keep, part)
	}
	return strings.Join(keep, "&")
}

// tracks reports whether a host counts who follows its links.
func tracks(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, t := range trackers {
		if host == t || strings.HasSuffix(host, "."+t) {
			return true
		}
	}
	first, rest, ok := strings.Cut(host, ".")
	return ok && strings.Contains(rest, ".") && slices.Contains(trackerLabels, first)
}

// isToken reports whether s looks like made by a machine: letters and digits
// mixed, and not words with hyphens between them.
func isToken(s string) bool {
	if !tokenish.MatchString(s) {
		return false
	}
	turns, last := 0, 0
	for _, c := range []byte(s) {
		kind := 0
		switch {
		case c >= '0' && c <= '9':
			kind = 1
		case c >= 'a' && c <= 'z':
			kind = 2
		case c >= 'A' && c <= 'Z':
			kind = 3
		}
		if kind != 0 && last != 0 && kind != last {
			turns++
		}
		last = kind
	}
	return turns >= 4 || len(s) >= 24 && turns >= 2 && !strings.Contains(s, "-") || len(s) >= 32 && !strings.ContainsAny(s, "-._+")
}

// shown returns HTML without what a reader is not shown (the line for the list
// of messages), and with impersonal links, which it notes.
func (r *reading) shown(markup string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(markup))
	z.SetMaxBuf(1 << 20)
	skip, depth := "", 0 // the element that is left out, and how deep it stands in others of its name
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.StartTagToken:
			t := z.Token()
			switch {
			case skip == t.Data:
				depth++
			case skip != "":
			case isHidden(t) && !isVoid(t.Data):
				skip, depth = t.Data, 1
			default:
				b.WriteString(r.withLinks(t).String())
			}
		case html.EndTagToken:
			t := z.Token()
			switch {
			case skip == "":
				b.WriteString(t.String())
			case skip == t.Data:
				if depth--; depth == 0 {
					skip = ""
				}
			}
		default:
			if skip == "" {
				b.Write(z.Raw())
			}
		}
	}
}

// withLinks returns the tag of a link with an impersonal address, or without.
func (r *reading) withLinks(t html.Token) html.Token {
	if t.Data != "a" {
		return t
	}
	t.Attr = slices.DeleteFunc(t.Attr, func(a html.Attribute) bool { return a.Key != "href" })
	for i, a := range t.Attr {
		clean, ok := r.impersonal(strings.TrimSpace(a.Val))
		if t.Attr[i].Val = clean; !ok || !strings.HasPrefix(clean, "http") {
			t.Attr = nil
			break
		}
		r.note(clean)
	}
	return t
}

// isHidden reports whether a tag begins what is not shown.
func isHidden(t html.Token) bool {
	for _, a := range t.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "style":
			style := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			if strings.Contains(style, "display:none") || strings.Contains(style, "mso-hide:all") || strings.Contains(style, "visibility:hidden") {
				return true
			}
		}
	}
	return false
}

// isVoid reports whether an element has no end tag.
func isVoid(name string) bool {
	return slices.Contains([]string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}, name)
}
