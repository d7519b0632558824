// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"slices"
	"testing"

	"onrecord/crawler"
)

// TestSteadyLinks: what is another at each answer is no part of a link.
func TestSteadyLinks(t *testing.T) {
	got := crawler.SteadyLinks([]string{
		"https://jane.example/doc;jsessionid=AAA?id=1", "https://jane.example/doc;JSESSIONID=9F.node1", "https://jane.example/a;v=1/b",
		"https://jane.example/cdn-cgi/l/email-protection#1a2b3c",
	})
	if want := []string{"https://jane.example/doc?id=1", "https://jane.example/doc", "https://jane.example/a;v=1/b"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestHiddenMail: one address under two keys, and what is none.
func TestHiddenMail(t *testing.T) {
	for code, want := range map[string]string{
		"2a4b6a4804494547": "a@b.com",
		"/cdn-cgi/l/email-protection#016041632f626e6c": "a@b.com",
		"00614062": "a@b",
		"":         "", "1a2b3c": "", "zz": "", "0061400a62": "", "/cdn-cgi/l/email-protection": "",
	} {
		if got, ok := crawler.HiddenMail(code); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t; want %q", code, got, ok, want)
		}
	}
}
