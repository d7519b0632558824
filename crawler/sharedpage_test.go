// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"testing"

	"onrecord/crawler"
)

// TestSharedPage: the home page and the source's own address are nobody's.
func TestSharedPage(t *testing.T) {
	x := crawler.Target{URL: "https://jane.example/news/"}
	for address, want := range map[string]bool{
		"https://jane.example": true, "https://jane.example/": true, "https://jane.example/#notice": true, "https://www.jane.example/index.html": true,
		"https://jane.example/?utm_source=feed": true, "https://jane.example/news/": true, "https://jane.example/news/#one": true, "https://elsewhere.example/": true,
		"https://jane.example/?p=17": false, "https://jane.example/news/one": false, "https://jane.example/one/": false, "https://jane.example/index.php?id=4": false,
		"https://jane.example/news/?id=4": false,
	} {
		if got := crawler.SharedPage(x, address); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
}
