// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// redacted stands in records where a secret was.
const redacted = "REDACTED"

// secretHeaders are request headers whose values are never recorded, whoever
// set them.
var secretHeaders = []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "X-Csrf-Token", "X-Guest-Token"}

// secretQuery are query parameters whose values are never recorded.
var secretQuery = []string{"access_token", "api_key", "apikey", "auth_token", "client_secret", "oauth_token", "password", "refresh_token"}

// A scrubber keeps the secrets of a visit out of everything that is recorded.
type scrubber struct{ secrets []Secret }

// apply adds the secrets that are meant for out's host. out is not shared.
func (s scrubber) apply(out *http.Request) {
	for _, k := range s.secrets {
		if !strings.EqualFold(k.Host, out.URL.Host) && !strings.EqualFold(k.Host, out.URL.Hostname()) {
			continue
		}
		if k.Header != "" {
			out.Header.Set(k.Header, k.Value)
		}
		if k.Query != "" {
			sep := "&"
			if out.URL.RawQuery == "" {
				sep = ""
			}
			out.URL.RawQuery += sep + url.QueryEscape(k.Query) + "=" + url.QueryEscape(k.Value)
		}
	}
}

// header returns a copy of h without secrets: of request headers, the values
// of those that carry credentials; of answers, the values of cookies.
func (s scrubber) header(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		if slices.Contains(secretHeaders, name) || slices.ContainsFunc(s.secrets, func(k Secret) bool { return strings.EqualFold(k.Header, name) }) {
			out[name] = []string{redacted}
			continue
		}
		kept := values
		for i, v := range values {
			c := s.text(v)
			if name == "Set-Cookie" {
				c = cookieName(c)
			}
			if c == v {
				continue
			}
			if &kept[0] == &values[0] {
				kept = slices.Clone(values)
			}
			kept[i] = c
		}
		out[name] = kept
	}
	return out
}

// cookieName keeps of a Set-Cookie the name and the attributes.
func cookieName(v string) string {
	pair, attributes, more := strings.Cut(v, ";")
	name, _, named := strings.Cut(pair, "=")
	if named {
		name += "=" + redacted
	} else {
		name = redacted // a value without a name (RFC 6265, section 5.2)
	}
	if more {
		return name + ";" + attributes
	}
	return name
}

// text replaces the values of the secrets in v, plain and as a query spells
// them, and the values of secret query parameters in addresses.
func (s scrubber) text(v string) string {
	for _, k := range s.secrets {
		if k.Value == "" {
			continue
		}
		v = strings.ReplaceAll(v, k.Value, redacted)
		if q := url.QueryEscape(k.Value); q != k.Value {
			v = strings.ReplaceAll(v, q, redacted)
		}
	}
	if strings.Contains(v, "?") {
		v = scrubQuery(v)
	}
	return v
}

// scrubQuery replaces the values of secret query parameters in the address v.
func scrubQuery(v string) string {
	base, query, _ := strings.Cut(v, "?")
	query, fragment, more := strings.Cut(query, "#")
	pairs := strings.Split(query, "&")
	changed := false
	for i, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if ok && value != redacted && slices.Contains(secretQuery, strings.ToLower(name)) {
			pairs[i], changed = name+"="+redacted, true
		}
	}
	if !changed {
		return v
	}
	v = base + "?" + strings.Join(pairs, "&")
	if more {
		v += "#" + fragment
	}
	return v
}

// request returns r as it may be recorded.
func (s scrubber) request(r Request) Request {
	r.URL = s.text(r.URL)
	r.State = s.text(r.State)
	r.About.URL = s.text(r.About.URL)
	if r.Header != nil {
		clean := make(map[string]string, len(r.Header))
		for name, v := range r.Header {
			clean[name] = s.text(v)
			if slices.Contains(secretHeaders, http.CanonicalHeaderKey(name)) {
				clean[name] = redacted
			}
		}
		r.Header = clean
	}
	return r
}

// leaks reports whether b repeats a secret.
func (s scrubber) leaks(b []byte) bool {
	return slices.ContainsFunc(s.secrets, func(k Secret) bool {
		return k.Value != "" && bytes.Contains(b, []byte(k.Value))
	})
}
