// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"testing"

	"onrecord"
)

// channels knows one channel.
type channels struct{}

func (channels) AccountsNamed(_ context.Context, platform, name string) ([]onrecord.Account, error) {
	if platform == "telegram" && name == "examples_ministry" {
		return []onrecord.Account{{AccountRef: onrecord.AccountRef{Platform: platform, ID: "1987004312"}}}, nil
	}
	return nil, nil
}

func TestStatementIDs(t *testing.T) {
	for _, tt := range []struct{ in, platform, native string }{
		{"https://jane.example/news/1?utm_source=mail", "website", "https://jane.example/news/1"},
		{"https://x.com/janeexample/status/1347569870578266115", "x", "1347569870578266115"},
		{"https://mobile.twitter.com/janeexample/status/1347569870578266115?s=20", "x", "1347569870578266115"},
		{"https://t.me/examples_ministry/14", "telegram", "1987004312/14"},
		{"https://t.me/s/examples_ministry/14", "telegram", "1987004312/14"},
		{"https://social.example/@jane/117229489029120000", "mastodon", "https://social.example/users/jane/statuses/117229489029120000"},
		{"https://social.example/ap/users/7/statuses/1", "mastodon", "https://social.example/ap/users/7/statuses/1"},
	} {
		ids, err := statementIDs(t.Context(), tt.in, channels{})
		if want := onrecord.NewStatementID(tt.platform, tt.native); err != nil || !slices.Contains(ids, want) {
			t.Errorf("%s: %v, %v; want %s", tt.in, ids, err, want)
		}
	}
	for _, in := range []string{"", "jane", "/news/1", "https://"} {
		if ids, err := statementIDs(t.Context(), in, channels{}); err == nil {
			t.Errorf("%q: %v", in, ids)
		}
	}
}
