// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"testing"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/feed"
)

// TestHomePageIsNoLook: a notice that links to the home page has no address of
// its own; that page would vouch for a site of which nothing else stands.
func TestHomePageIsNoLook(t *testing.T) {
	x := crawler.Target{URL: "https://jane.example/feed.xml", AccountID: "jane.example"}
	d := feed.New(feed.Options{})
	for address, want := range map[string]bool{"https://jane.example/": false, "https://jane.example/feed.xml": false, "https://jane.example/notice": true} {
		if _, ok := d.Look(x, onrecord.Ref{NativeID: "guid:jane.example:notice", URL: address}); ok != want {
			t.Errorf("%s: %t, want %t", address, ok, want)
		}
	}
}
