// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestRecognise(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"@jane@social.example", "mastodon @jane@social.example api"},
		{"https://social.example/@jane", "mastodon @jane@social.example api, website https://social.example/@jane"},
		{"https://Social.Example:8443/@jane/11603", "mastodon @jane@social.example:8443 api, website https://Social.Example:8443/@jane/11603"},
		{"https://social.example/users/jane/statuses/1", "mastodon @jane@social.example api, website https://social.example/users/jane/statuses/1"},
		{"https://social.example/@jane@other.example", "website https://social.example/@jane@other.example"},
		{"https://t.me/examples_ministry", "telegram examples_ministry preview"},
		{"t.me/s/examples_ministry/14", "telegram examples_ministry preview"},
		{"https://t.me/joinchat/AAA", "error: names no public channel"},
		{"https://t.me/c/123/4", "error: private channels can't be read"},
		{"https://x.com/janeexample/status/12", "x janeexample: X is not asked for"},
		{"https://twitter.com/", "error: names no account"},
		{"https://x.com/i/web/status/123", "error: names no account"},
		{"https://x.com/search?q=jane", "error: names no account"},
		{"https://bsky.app/profile/jane.example", "bluesky jane.example: this release has no door"},
		{"https://www.facebook.com/jane", "error: no door to facebook.com"},
		{"https://jane.example/news", "website https://jane.example/news"},
		{"jane.example", "website https://jane.example"},
		{"@jane", "error: can be anybody's"},
		{"jane@social.example", "error: write @jane@social.example"},
		{"ftp://jane.example/", "error: neither a web address nor a handle"},
		{"https://user:pw@jane.example/", "error: neither a web address"},
		{"", "error: neither a web address"},
	} {
		guesses, err := recognise(tt.in)
		var got []string
		for _, g := range guesses {
			s := g.source.Platform
			switch {
			case g.page != "":
				s += " " + g.page
			case len(g.source.Doors) == 1:
				s += fmt.Sprintf(" %s %s", g.source.Account, g.source.Doors[0].Kind)
			default:
				s += fmt.Sprintf(" %s: %s", g.source.Account, g.why)
			}
			got = append(got, s)
		}
		all := strings.Join(got, ", ")
		if want, ok := strings.CutPrefix(tt.want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %s, %v; want an error with %q", tt.in, all, err, want)
			}
		} else if err != nil || !strings.HasPrefix(all, tt.want) || !strings.Contains(tt.want, ":") && all != tt.want {
			t.Errorf("%q: %s, %v; want %s", tt.in, all, err, tt.want)
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"Ärger & Söhne": "arger-sohne", "Élysée": "elysee", "  Jane  Example ": "jane-example", "وزارة": "source", "a.b_c": "a-b-c",
	} {
		if got := slug(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
