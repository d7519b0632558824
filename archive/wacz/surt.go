// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package wacz

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The session ids that the keys of an index leave out, as the Internet
// Archive's canonicalizer has them (surt.IAURLCanonicalizer).
var (
	pathSessions = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(.*/)(\((?:[a-z]\([0-9a-z]{24}\))+\)/)([^?]+\.aspx.*)$`),
		regexp.MustCompile(`(?i)^(.*/)(\([0-9a-z]{24}\)/)([^?]+\.aspx.*)$`),
	}
	querySessions = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(.*)(?:jsessionid=[0-9a-zA-Z]{32})(?:&(.*))?$`),
		regexp.MustCompile(`(?i)^(.*)(?:phpsessid=[0-9a-zA-Z]{32})(?:&(.*))?$`),
		regexp.MustCompile(`(?i)^(.*)(?:sid=[0-9a-zA-Z]{32})(?:&(.*))?$`),
		regexp.MustCompile(`(?i)^(.*)(?:ASPSESSIONID[a-zA-Z]{8}=[a-zA-Z]{24})(?:&(.*))?$`),
		regexp.MustCompile(`(?i)^(.*)(?:cfid=[^&]+&cftoken=[^&]+)(?:&(.*))?$`),
	}
	schemes   = regexp.MustCompile(`^(https?://)+`)
	hasScheme = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.\-]*:`)
	wwwHost   = regexp.MustCompile(`^www\d*\.`)
)

// Key returns the key of a URL in an index: its SURT without the scheme, as
// the tools that read indexes compute it, such as
// "example,jane)/news?a=1&b=2" for "https://www.jane.example/News/?b=2&a=1".
// An address that is no http or https URL is its own key.
func Key(url string) string {
	u := strings.NewReplacer("\n", "", "\r", "", "\t", "").Replace(strings.TrimSpace(url))
	if !hasScheme.MatchString(u) {
		u = "http://" + u
	}
	u = schemes.ReplaceAllString(u, "$1")
	scheme, rest, ok := strings.Cut(u, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "http" && scheme != "https" {
		return strings.NewReplacer(" ", "%20", "\n", "", "\r", "", "\t", "").Replace(url)
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	host, path := rest, ""
	if n := strings.IndexByte(rest, '/'); n >= 0 {
		host, path = rest[:n], rest[n:]
	}
	return keyHost(scheme, host) + ")" + keyPath(path) + keyQuery(query)
}

// keyHost reverses the labels of a host.
func keyHost(scheme, host string) string {
	host = host[strings.LastIndexByte(host, '@')+1:]
	host, port := splitPort(host)
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		port = ""
	}
	host = strings.Trim(strings.ReplaceAll(strings.ToLower(unescape(host)), "..", "."), ".")
	if _, err := netip.ParseAddr(host); err != nil {
		host = wwwHost.ReplaceAllString(host, "")
	}
	labels := strings.Split(escape(host), ".")
	slices.Reverse(labels)
	key := strings.Join(labels, ",")
	if port != "" {
		key += ":" + escape(port)
	}
	return key
}

// splitPort cuts the port from a host, which may be an IPv6 address in brackets.
func splitPort(host string) (name, port string) {
	if strings.HasPrefix(host, "[") {
		name, port, _ = strings.Cut(host[1:], "]")
		return name, strings.TrimLeft(strings.TrimPrefix(port, ":"), "0")
	}
	name, port, _ = strings.Cut(host, ":")
	return name, strings.TrimLeft(port, "0")
}

func keyPath(path string) string {
	path = strings.ToLower(escape(tidyPath(unescape(path))))
	for _, re := range pathSessions {
		path = re.ReplaceAllString(path, "$1$3")
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// tidyPath resolves dots and double slashes.
func tidyPath(path string) string {
	if path == "" {
		return "/"
	}
	var kept []string
	for _, p := range strings.Split(path, "/")[1:] {
		switch {
		case p == ".":
		case p == ".." && len(kept) > 0:
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return "/"
	}
	out := "/"
	for _, p := range kept[:len(kept)-1] {
		if p != "" {
			out += p + "/"
		}
	}
	return out + kept[len(kept)-1]
}

func keyQuery(query string) string {
	query = escape(unescape(query))
	for _, re := range querySessions {
		query = re.ReplaceAllString(query, "$1$2")
	}
	if query = strings.ToLower(query); query == "" {
		return ""
	}
	args := strings.Split(query, "&")
	slices.SortStableFunc(args, func(a, b string) int {
		an, av, _ := strings.Cut(a, "=")
		bn, bv, _ := strings.Cut(b, "=")
		if c := strings.Compare(an, bn); c != 0 {
			return c
		}
		if c := strings.Count(a, "=") - strings.Count(b, "="); c != 0 && (len(a) == len(an) || len(b) == len(bn)) {
			return c
		}
		return strings.Compare(av, bv)
	})
	return "?" + strings.Join(args, "&")
}

// unescape removes percent-encoding, again and again until there is none: that
// is how the keys of all indexes are made. Each round makes s shorter.
func unescape(s string) string {
	for {
		out := unescapeOnce(s)
		if out == s {
			return s
		}
		s = out
	}
}

func unescapeOnce(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if b, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(b))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// escape writes what is neither a printable character of ASCII nor "#" and "%"
// with percent-encoding.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '#' && c != '%' {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}
