// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// rules are what a robots.txt says to one crawler (RFC 9309). The module
// github.com/temoto/robotstxt, which colly brings along, is not used: its
// wildcards are not bound to the beginning of the path, so that an "Allow:
// /a*b" opens /private/axb, it lets the first of two rules of one length win
// where the RFC lets the one that allows, and it gives up a file at the first
// line that it does not understand.
type rules struct {
	list  []rule
	delay time.Duration
}

type rule struct {
	pattern string // normalised
	allow   bool
}

const (
	maxRules      = 10_000
	maxRobotsLine = 8 << 10          // longer lines are ignored
	maxCrawlDelay = 60 * time.Second // a longer one counts as this
)

// parseRules reads the rules for agent out of a robots.txt: those of all
// groups that name it, else those of all groups that name "*". Whatever can't
// be read is ignored, so that a page of HTML allows everything.
func parseRules(file []byte, agent string) rules {
	var own, all rules
	var named, forUs, forAll, inRules bool
	for line := range bytes.FieldsFuncSeq(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")), func(r rune) bool { return r == '\r' || r == '\n' }) {
		key, value, ok := robotsLine(line)
		if !ok {
			continue
		}
		if key == "user-agent" {
			if inRules {
				forUs, forAll, inRules = false, false, false
			}
			us := strings.EqualFold(productToken(value), agent)
			named, forUs, forAll = named || us, forUs || us, forAll || strings.HasPrefix(value, "*")
			continue
		}
		// A crawl-delay ends the list of agents as a rule does. RFC 9309 does
		// not know it; whoever writes one means the agents above it, and the
		// "Disallow: /" of the next group is not meant for them.
		inRules = true
		if forUs {
			own.add(key, value)
		}
		if forAll {
			all.add(key, value)
		}
	}
	if named {
		return own
	}
	return all
}

// robotsLine splits a line into one of the known keys and its value. A missing
// colon is forgiven, as by Google's parser: it is clear what "disallow /" means.
func robotsLine(line []byte) (key, value string, ok bool) {
	if len(line) > maxRobotsLine {
		return "", "", false
	}
	text, _, _ := strings.Cut(string(line), "#")
	text = strings.TrimSpace(text)
	key, value, ok = strings.Cut(text, ":")
	if !ok {
		if key, value, ok = strings.Cut(text, " "); !ok {
			key, value, ok = strings.Cut(text, "\t")
		}
	}
	key = strings.ToLower(strings.TrimSpace(key))
	switch key {
	case "useragent", "user agent":
		key = "user-agent"
	case "crawldelay", "crawl delay":
		key = "crawl-delay"
	case "user-agent", "allow", "disallow", "crawl-delay":
	default:
		return "", "", false
	}
	return key, strings.TrimSpace(value), ok
}

// productToken returns the part of a user-agent value that names a crawler
// (RFC 9309, section 2.2.1): "onrecord" of "OnRecord/1.0 (+https://…)".
func productToken(v string) string {
	end := strings.IndexFunc(v, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
	if end < 0 {
		return v
	}
	return v[:end]
}

func (r *rules) add(key, value string) {
	switch {
	case key == "crawl-delay":
		if s, err := strconv.ParseFloat(value, 64); err == nil && s > 0 && !math.IsNaN(s) {
			r.delay = max(r.delay, time.Duration(min(s, maxCrawlDelay.Seconds())*float64(time.Second)))
		}
	case value == "" || len(r.list) >= maxRules:
		// An empty rule says nothing (RFC 9309, section 2.2.2).
	default:
		r.list = append(r.list, rule{normalPattern(value), key == "allow"})
	}
}

// allow reports whether path, with its query, may be fetched: the longest rule
// that matches decides, and of two of one length the one that allows.
func (r rules) allow(path string) bool {
	path = normalPath(path)
	if path == "/robots.txt" {
		return true
	}
	longest, allow := -1, true
	for _, u := range r.list {
		if len(u.pattern) < longest || len(u.pattern) == longest && allow {
			continue
		}
		if u.matches(path) {
			longest, allow = len(u.pattern), u.allow
		}
	}
	return allow
}

// matches reports whether the pattern matches the beginning of path; "*"
// stands for anything, "$" at the end for the end of path. It takes time in
// proportion to their lengths.
func (u rule) matches(path string) bool {
	pattern, anchored := strings.CutSuffix(u.pattern, "$")
	head, rest, wild := strings.Cut(pattern, "*")
	path, ok := strings.CutPrefix(path, head)
	if !ok {
		return false
	}
	for wild {
		head, rest, wild = strings.Cut(rest, "*")
		if !wild && anchored {
			return strings.HasSuffix(path, head)
		}
		i := strings.Index(path, head)
		if i < 0 {
			return false
		}
		path = path[i+len(head):]
	}
	return !anchored || path == ""
}

// normalPattern brings a pattern into the form in which it is compared. A
// pattern that begins with neither "/" nor "*" is forgiven its slash.
func normalPattern(p string) string {
	if p[0] != '/' && p[0] != '*' {
		p = "/" + p
	}
	end := ""
	if strings.HasSuffix(p, "$") {
		p, end = p[:len(p)-1], "$"
	}
	return normalOctets(p, "$") + end
}

// normalPath is normalPattern for a path, in which nothing is special.
func normalPath(p string) string { return normalOctets(p, "$*") }

// normalOctets percent-encodes what is outside of ASCII and in also, and
// decodes what need not be encoded (RFC 9309, section 2.2.2).
func normalOctets(p, also string) string {
	const hexits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(p))
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' && i+2 < len(p) {
			if n, err := strconv.ParseUint(p[i+1:i+3], 16, 8); err == nil {
				c, i = byte(n), i+2
				if unreserved(c) {
					b.WriteByte(c)
					continue
				}
				b.Write([]byte{'%', hexits[c>>4], hexits[c&15]})
				continue
			}
		}
		if c <= ' ' || c >= 0x7f || strings.IndexByte(also, c) >= 0 {
			b.Write([]byte{'%', hexits[c>>4], hexits[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// unreserved reports whether c means the same encoded or not (RFC 3986,
// section 2.3).
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
