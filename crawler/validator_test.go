// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"net/http"
	"testing"

	"onrecord/crawler"
)

// A date of the very second of the answer can't tell a later change in that
// second from none, so it must not become a validator: the next visit asks in
// full.
func TestYoungLastModifiedIsNoValidator(t *testing.T) {
	const date = "Sun, 01 Mar 2026 09:00:00 GMT"
	for _, tt := range []struct{ name, modified, want string }{
		{"of the same second", date, ""},
		{"of the second before", "Sun, 01 Mar 2026 08:59:59 GMT", ""},
		{"two seconds older", "Sun, 01 Mar 2026 08:59:58 GMT", "Sun, 01 Mar 2026 08:59:58 GMT"},
		{"in the future", "Sun, 01 Mar 2026 09:00:05 GMT", ""},
		{"not a date", "yesterday", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, map[string]any{"/page": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", date)
				w.Header().Set("Last-Modified", tt.modified)
				_, _ = w.Write([]byte(`{"account":"42","ids":["1"]}`))
			}})
			r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
			if got := r.State.Validators[s.URL+"/page"].LastModified; got != tt.want {
				t.Errorf("the validator is %q, want %q", got, tt.want)
			}
		})
	}
}
