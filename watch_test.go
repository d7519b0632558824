// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"testing"
	"time"

	"onrecord"
)

func TestAccountURL(t *testing.T) {
	for _, row := range []struct{ platform, id, handle, want string }{
		{"x", "7", "@janeexample", "https://x.com/janeexample"},
		{"x", "7", "", ""},
		{"truthsocial", "7", "jane", "https://truthsocial.com/@jane"},
		{"gab", "7", "jane", "https://gab.com/jane"},
		{"telegram", "7", "janeoffice", "https://t.me/janeoffice"},
		{"bluesky", "did:plc:7", "jane.example", "https://bsky.app/profile/jane.example"},
		{"mastodon", "7", "@jane@social.example", "https://social.example/@jane"},
		{"mastodon", "7", "jane@social.example:8443", "https://social.example:8443/@jane"},
		{"mastodon", "7", "jane", ""},
		{"mastodon", "7", "jane@social.example/../x", ""},
		{"mastodon", "7", "jane@a@b", ""},
		{"website", "jane.example", "", "https://jane.example/"},
		{"website", "", "jane.example", "https://jane.example/"},
		{"website", "jane.example/x?y", "", ""},
		{"website", "<script>", "", ""},
		{"x", "7", "../../evil", "https://x.com/..%2F..%2Fevil"},
		{"email", "7", "list", ""},
	} {
		got := onrecord.AccountURL(onrecord.AccountRef{Platform: row.platform, ID: row.id, Handle: row.handle})
		if got != row.want {
			t.Errorf("%s %q %q: %q, want %q", row.platform, row.id, row.handle, got, row.want)
		}
	}
}

func TestOnline(t *testing.T) {
	at := time.Date(2026, 8, 4, 22, 52, 51, 0, time.UTC)
	gone := onrecord.Window{After: at.Add(time.Hour), By: at.Add(2 * time.Hour)}
	least, most, ok := onrecord.Online(at, onrecord.PrecisionSecond, gone)
	if least != time.Hour || most != 2*time.Hour || !ok {
		t.Errorf("%s to %s, %v", least, most, ok)
	}
	for name, f := range map[string]func() bool{
		"a date only":    func() bool { _, _, ok := onrecord.Online(at, onrecord.PrecisionDay, gone); return ok },
		"no publication": func() bool { _, _, ok := onrecord.Online(time.Time{}, onrecord.PrecisionSecond, gone); return ok },
		"no end":         func() bool { _, _, ok := onrecord.Online(at, onrecord.PrecisionSecond, onrecord.Window{}); return ok },
		"disputed": func() bool {
			w := gone
			w.Disputed = true
			_, _, ok := onrecord.Online(at, onrecord.PrecisionSecond, w)
			return ok
		},
		"gone before said": func() bool {
			_, _, ok := onrecord.Online(at.Add(3*time.Hour), onrecord.PrecisionSecond, gone)
			return ok
		},
	} {
		if f() {
			t.Errorf("%s: a time online is claimed", name)
		}
	}
	if least, _, _ := onrecord.Online(at, onrecord.PrecisionMinute, onrecord.Window{By: gone.By}); least != 0 {
		t.Errorf("without a last sighting at least %s is claimed", least)
	}
}

func TestSameHandle(t *testing.T) {
	if !onrecord.SameHandle("@Jane@Social.example", "jane@social.example") || onrecord.SameHandle("jane", "jane@social.example") || !onrecord.SameHandle("", "") {
		t.Error("handles are compared without case and the first @, and whole")
	}
}
