// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package wacz_test

import (
	"strings"
	"testing"

	"onrecord/archive/wacz"
)

// FuzzKey holds that the key of any address is one field of one line of an index.
func FuzzKey(f *testing.F) {
	for _, u := range []string{"https://www.jane.example/News/?b=2&a=1", "http://[::1]:8080/a/../b//c?%2525=%zz#x", "urn:onrecord:import:ab/c d", "", "%", "http://a.example/(S(abcdefghijklmnopqrstuvwx))/p.aspx?q=%e2%80%a8", "https://user:pass@a.example:443", "http://a.example:8 0/", "urn:a\nb c"} {
		f.Add(u)
	}
	f.Fuzz(func(t *testing.T, u string) {
		if key := wacz.Key(u); strings.ContainsAny(key, " \n\r\t") {
			t.Errorf("the key of %q is %q", u, key)
		}
	})
}
