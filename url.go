// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrURL reports an address that has no canonical form here.
var ErrURL = errors.New("not a web address")

// CanonicalURL returns the one spelling of an http or https address that
// native ids are made of. It is frozen: statement ids depend on it for ever,
// which is why it is written here and not left to net/url, which changes with
// Go. In this order:
//
//   - white space and control characters around it go, tabs and line ends in it too;
//   - scheme and host in lower case; the scheme stays as given, http or https;
//   - an internationalised host in punycode (RFC 3492; lower-cased, not otherwise
//     mapped), one trailing dot dropped, an IPv6 address as RFC 5952 writes it;
//   - the scheme's default port, an empty port, user information and the fragment dropped;
//   - percent-encoding: upper-case hex, unreserved characters (RFC 3986, 2.3)
//     decoded, everything that may not stand in a URL encoded, a "%" without
//     two hex digits becomes "%25";
//   - dot segments resolved (RFC 3986, 5.2.4), an empty path becomes "/";
//   - empty query parameters and those of tracking (see isTracking) dropped, the
//     rest in the order given, no "?" before nothing.
//
// The result is ASCII, at most MaxNativeID long and its own canonical form.
// Everything else is ErrURL.
func CanonicalURL(raw string) (string, error) {
	u, err := canonicalURL(raw)
	if err == nil && len(u) > MaxNativeID {
		err = fmt.Errorf("%d bytes, at most %d: %w", len(u), MaxNativeID, ErrURL)
	}
	if err != nil {
		return "", fmt.Errorf("url %.200q: %w", raw, err)
	}
	return u, nil
}

func canonicalURL(raw string) (string, error) {
	const maxRaw = 16 * MaxNativeID // encoding can shrink a URL threefold, dropped parameters more
	if len(raw) > maxRaw {
		return "", fmt.Errorf("%d bytes: %w", len(raw), ErrURL)
	}
	s := strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\n\r") {
		s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
	}
	scheme, rest, ok := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "http" && scheme != "https" {
		return "", fmt.Errorf("scheme is not http or https: %w", ErrURL)
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	authority, err := canonicalAuthority(scheme, authority)
	if err != nil {
		return "", err
	}
	u := scheme + "://" + authority + removeDots(normalisePercent(path, "/"))
	if q := canonicalQuery(query); q != "" {
		u += "?" + q
	}
	return u, nil
}

// GUIDNativeID returns the native id of a feed item that has no link: the
// host of the site, "/#" and the item's GUID.
func GUIDNativeID(host, guid string) string { return host + "/#" + guid }

// canonicalAuthority returns host[:port].
func canonicalAuthority(scheme, s string) (string, error) {
	s = s[strings.LastIndexByte(s, '@')+1:]
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	if strings.Trim(port, "0123456789") != "" {
		return "", fmt.Errorf("port %.20q: %w", port, ErrURL)
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return "", fmt.Errorf("port %.20q: %w", port, ErrURL)
		}
		port = strconv.FormatUint(n, 10)
	}
	host, err := canonicalHost(host)
	if err != nil {
		return "", err
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return host, nil
	}
	return host + ":" + port, nil
}

func canonicalHost(s string) (string, error) {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		a, err := netip.ParseAddr(s[1 : len(s)-1])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", fmt.Errorf("host %.60q: %w", s, ErrURL)
		}
		return "[" + a.String() + "]", nil
	}
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("host %.60q: not UTF-8: %w", s, ErrURL)
	}
	// The three other full stops of RFC 3490, 3.1.
	s = strings.ToLower(s)
	if strings.ContainsAny(s, "\u3002\uff0e\uff61") {
		s = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".").Replace(s)
	}
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	for i, l := range labels {
		a, ok := asciiLabel(l)
		if !ok {
			return "", fmt.Errorf("host %.60q: label %.40q: %w", s, l, ErrURL)
		}
		labels[i] = a
	}
	host := strings.Join(labels, ".")
	if len(host) > 253 {
		return "", fmt.Errorf("host of %d bytes: %w", len(host), ErrURL)
	}
	return host, nil
}

// asciiLabel returns a lower-case label of a host name in ASCII.
func asciiLabel(l string) (string, bool) {
	if l == "" || len(l) > 4*63 {
		return "", false
	}
	ascii := true
	for _, r := range l {
		switch {
		case r >= utf8.RuneSelf && r != utf8.RuneError && r > '\u00a0':
			ascii = false
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
		default:
			return "", false
		}
	}
	if !ascii {
		l = "xn--" + punycode([]rune(l))
	}
	return l, len(l) <= 63
}

// punycode encodes a label by RFC 3492, 6.3. A label has at most 63 runes that
// matter, so nothing here can overflow.
func punycode(label []rune) string {
	const base, tMin, tMax, skew, damp = 36, 1, 26, 38, 700
	var out []byte
	for _, r := range label {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(128), 0, 72
	for done := basic; done < len(label); {
		next := rune(utf8.MaxRune)
		for _, r := range label {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range label {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tMin), tMax)
				if q < t {
					break
				}
				out = append(out, punyDigit(t+(q-t)%(base-t)))
				q = (q - t) / (base - t)
			}
			out = append(out, punyDigit(q))
			if done == basic {
				delta /= damp
			} else {
				delta /= 2
			}
			done++
			delta += delta / done
			k := 0
			for ; delta > (base-tMin)*tMax/2; k += base {
				delta /= base - tMin
			}
			bias = k + (base-tMin+1)*delta/(delta+skew)
			delta = 0
		}
		delta++
		n++
	}
	return string(out)
}

func punyDigit(d int) byte { return "abcdefghijklmnopqrstuvwxyz0123456789"[d] }

// normalisePercent returns s with one spelling for every byte: as it is if it
// is a pchar of RFC 3986 or one of more, else percent-encoded.
func normalisePercent(s, more string) string {
	const upper = "0123456789ABCDEF"
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c, encoded := s[i], false
		if c == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				c, encoded, i = byte(hi<<4|lo), true, i+2
			}
		}
		if isUnreserved(c) || !encoded && strings.IndexByte("!$&'()*+,;=:@"+more, c) >= 0 {
			out = append(out, c)
		} else {
			out = append(out, '%', upper[c>>4], upper[c&15])
		}
	}
	return string(out)
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// removeDots resolves the dot segments of a path that is empty or begins with
// "/" (RFC 3986, 5.2.4).
func removeDots(path string) string {
	if path == "" {
		return "/"
	}
	var kept []string
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

func canonicalQuery(query string) string {
	var kept []string
	for p := range strings.SplitSeq(normalisePercent(query, "/?"), "&") {
		if key, _, _ := strings.Cut(p, "="); p != "" && !isTracking(strings.ToLower(key)) {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "&")
}

// isTracking reports whether a query parameter only says where a reader came
// from. The list is frozen, like CanonicalURL; words that also name content
// somewhere (ref, source, id, cid) are not on it.
func isTracking(key string) bool {
	if strings.HasPrefix(key, "utm_") || strings.HasPrefix(key, "mtm_") {
		return true
	}
	switch key {
	case "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "srsltid", "_ga", "_gl", // Facebook, Google
		"msclkid", "yclid", "ysclid", "_openstat", "twclid", "ttclid", "igshid", "igsh", "li_fat_id", // Bing, Yandex, X, TikTok, Instagram, LinkedIn
		"mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "__hstc", "__hssc", "__hsfp", "hsctatracking", // Mailchimp, Marketo, HubSpot
		"vero_id", "vero_conv", "oly_anon_id", "oly_enc_id", "rb_clickid", "s_kwcid", "ef_id", "epik", // Vero, Omeda, Adobe, Pinterest
		"pk_campaign", "pk_kwd", "pk_source", "pk_medium", "piwik_campaign", "piwik_kwd", "wt_mc", "wt_zmc": // Matomo, Webtrekk
		return true
	}
	return false
}
