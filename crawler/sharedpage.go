// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"net/url"
	"strings"

	"onrecord"
)

// SharedPage reports whether an address is no item's own, but the home page of a
// site, in any of the spellings that servers take for it, or the configured
// address of the source itself: it is there while the item is, and after.
func SharedPage(t Target, address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return false
	}
	if id, err := onrecord.CanonicalURL(address); err == nil {
		if own, err := onrecord.CanonicalURL(t.URL); err == nil && own == id {
			return true
		}
	}
	switch strings.ToLower(strings.Trim(u.Path, "/")) {
	case "", "index.html", "index.htm", "index.php", "default.aspx", "home":
	default:
		return false
	}
	for name := range u.Query() { // "?p=17" is a page of its own
		if !strings.HasPrefix(strings.ToLower(name), "utm_") {
			return false
		}
	}
	return true
}
