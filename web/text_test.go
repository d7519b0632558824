// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord/search"
	"onrecord/web"
)

func TestLinks(t *testing.T) {
	for text, want := range map[string][]string{
		"see https://a.example/x, or not":          {"https://a.example/x"},
		"(http://a.example/x).":                    {"http://a.example/x"},
		"«https://a.example/été»":                  {"https://a.example/%C3%A9t%C3%A9"},
		"javascript:alert(1) ftp://a.example":      nil,
		"https://user:pass@a.example/":             nil,
		"https:///nowhere http://":                 nil,
		"https://a.example/\"onmouseover=alert(1)": {"https://a.example/"},
		"https://a.example/<script>":               {"https://a.example/"},
	} {
		if _, links := web.Segments(text, nil); !cmp.Equal(links, want) {
			t.Errorf("%q: %q, want %q", text, links, want)
		}
	}
}

// FuzzSegments holds that cutting a text loses and adds nothing, and that no
// link leads elsewhere than to http or https.
func FuzzSegments(f *testing.F) {
	f.Add("see https://a.example/x, or not", "see")
	f.Add(hostile, "script")
	f.Fuzz(func(t *testing.T, text, q string) {
		parsed, err := search.Parse(q, search.ParseOptions{})
		if err != nil {
			return
		}
		pieces, links := web.Segments(text, search.Highlight(text, parsed))
		if got := strings.Join(pieces, ""); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		for _, l := range links {
			if u, err := url.Parse(l); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
				t.Fatalf("%q has a link to %q", text, l)
			}
		}
	})
}
