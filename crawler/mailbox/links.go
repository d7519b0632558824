// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// removed stands where a link was that leads to, or tells of, one reader.
const removed = "[personal link removed]"

// maxLinks is how many links of a message are kept.
const maxLinks = 500

var (
	// linkish is what looks like a link: with any scheme, with www, or with a path.
	linkish = regexp.MustCompile(`(?i)(?:[a-z][a-z0-9+.-]*://|www\.|(?:mailto|cid|sms):)[^\s<>"\x{3001}\x{3002}\x{ff01}\x{ff08}\x{ff09}\x{ff0c}\x{ff1a}\x{ff1b}\x{ff1f}\x{300c}-\x{3011}]+` +
		`|(?:[a-z0-9-]+\.)+[a-z]{2,}(?::[0-9]+)?[/?#][^\s<>"\x{3001}\x{3002}\x{ff01}\x{ff08}\x{ff09}\x{ff0c}\x{ff1a}\x{ff1b}\x{ff1f}\x{300c}-\x{3011}]*`)
	// wrapped is a link in brackets, which may be broken over lines (RFC 3986, C).
	wrapped = regexp.MustCompile(`(?i)<\s*(?:URL:)?((?:https?://|mailto:)[^<>"]+)>`)
	// plainWords is a fragment, or what was searched for, that says what is meant.
	plainWords  = regexp.MustCompile(`^[\p{L}]+(?:[ _+-][\p{L}]+){0,7}(?:[ _+-][0-9]{1,3})?$`)
	plainNumber = regexp.MustCompile(`^[0-9]{1,5}$`)
	plainTag    = regexp.MustCompile(`^[A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?$`)
	videoID     = regexp.MustCompile(`^[A-Za-z0-9_-]{11}$`)
)

// note adds a link, once.
func (r *reading) note(u string) {
	if len(r.links) < maxLinks && !slices.Contains(r.links, u) {
		r.links = append(r.links, u)
	}
}

// link returns a link of a text without what is personal, and notes it if it is
// whole.
func (r *reading) link(raw string) string {
	trail := raw[len(strings.TrimRight(raw, ".,;:!?)]}*_>'`’”»|")):]
	raw = raw[:len(raw)-len(trail)]
	scheme, rest, ok := strings.Cut(raw, ":")
	switch {
	case ok && strings.EqualFold(scheme, "mailto"):
		a, _, _ := strings.Cut(unescaped(rest), "?")
		if list := ats(a); len(list) == 1 && list[0].from == 0 && list[0].to == len(a) && r.who.may(list[0].raw) {
			return scheme + ":" + a + trail
		}
	case strings.Contains(raw, "://"):
		if clean, ok := r.impersonal(raw); ok {
			r.note(clean)
			return clean + trail
		}
	case !ok || strings.ContainsAny(scheme, "./"):
		if clean, ok := r.impersonal("https://" + raw); ok {
			return strings.TrimPrefix(clean, "https://") + trail
		}
	}
	r.learn(raw)
	return removed + trail
}

// impersonal returns a web address without what tells of one reader; false
// where it is for one reader only. Of the query only parameters that are known
// to say what is asked for are kept, of the fragment only plain words.
func (r *reading) impersonal(raw string) (string, bool) {
	u, err := url.Parse(unescaped(strings.TrimSpace(raw)))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	u.Host = strings.ToLower(u.Host)
	host := strings.TrimSuffix(u.Hostname(), ".")
	path, _, cut := strings.Cut(u.EscapedPath(), ";")
	if cut {
		r.learn(u.EscapedPath()[len(path):])
	}
	if r.who.named(unescaped(u.RawQuery)) || tracks(host) || r.personalHost(host) || r.personalPath(host, path) {
		return "", false
	}
	if u.Path, err = url.PathUnescape(path); err != nil {
		return "", false
	}
	u.RawPath = path
	r.learn(u.RawQuery)
	u.RawQuery, u.ForceQuery = r.query(host, u.RawQuery), false
	if !plainWords.MatchString(u.Fragment) || isToken(u.Fragment, 4) || r.who.named(u.Fragment) {
		r.learn(u.Fragment)
		u.Fragment, u.RawFragment = "", ""
	}
	return u.String(), true
}

// query returns the parameters that are known to be harmless: the number of a
// page or an article, a language, words that were searched for, a film.
func (r *reading) query(host, query string) string {
	var keep []string
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(value)
		if err != nil || plain == "" || r.who.named(plain) || r.secret(plain) && key != "v" {
			continue
		}
		ok := false
		switch strings.ToLower(key) {
		case "page", "p", "paged", "id":
			ok = plainNumber.MatchString(plain)
		case "lang", "language", "hl", "locale":
			ok = plainTag.MatchString(plain)
		case "q", "s", "search", "query":
			ok = len(plain) <= 80 && plainWords.MatchString(plain) && !isToken(plain, 4)
		case "v":
			ok = isPublic(host) && videoID.MatchString(plain)
		}
		if ok {
			keep = append(keep, part)
		}
	}
	return strings.Join(keep, "&")
}

// personalHost reports whether a host, beyond the sender's own domain, has a
// label that is made for, or names, one reader.
func (r *reading) personalHost(host string) bool {
	if r.who.domain != "" {
		host = strings.TrimSuffix(strings.TrimSuffix(host, r.who.domain), ".")
	}
	for label := range strings.SplitSeq(host, ".") {
		if isToken(label, 6) || hasNumber(label, 6) || r.who.locals[label] || r.who.squash.in(squash(host)) {
			return true
		}
	}
	return false
}

// personalPath reports whether a path is for one reader: it says so, it names
// them, or one of its segments looks like a token or is a long number.
func (r *reading) personalPath(host, escaped string) bool {
	path := escaped
	for range 3 {
		if p, err := url.PathUnescape(path); err == nil {
			path = p
		}
	}
	lower := strings.ToLower(path)
	if strings.ContainsAny(path, "=&?") || strings.Contains(path, "://") || r.who.named(path) || r.secret(path) && !isPublic(host) ||
		slices.ContainsFunc(personalParts, func(w string) bool { return strings.Contains(lower, w) }) {
		return true
	}
	for _, a := range ats(path) {
		if !r.who.may(a.raw) {
			return true
		}
	}
	before := ""
	for seg := range strings.SplitSeq(strings.Trim(lower, "/"), "/") {
		whole := path[strings.Index(lower, seg):]
		whole = whole[:min(len(whole), len(seg))]
		switch {
		case personalSegments[seg] && host != "" && !isPublic(host):
			return true
		case isPublic(host):
		case isToken(whole, 6), hasNumber(seg, 8), len(before) == 1 && strings.ContainsAny(seg, "0123456789") && hasNumber(seg+"x", 4):
			return true
		}
		before = seg
	}
	return false
}

// isPublic reports whether a host is among publicHosts, with or without www.
func isPublic(host string) bool {
	host = strings.TrimPrefix(strings.TrimPrefix(host, "www."), "m.")
	return publicHosts[host]
}

// tracks reports whether a host counts who follows its links.
func tracks(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for rest := host; rest != ""; {
		if trackers[rest] {
			return true
		}
		_, rest, _ = strings.Cut(rest, ".")
	}
	first, rest, ok := strings.Cut(host, ".")
	return ok && strings.Contains(rest, ".") && trackerLabels[first]
}
