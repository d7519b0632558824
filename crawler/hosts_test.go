// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"onrecord/crawler"
)

// TestHosts: hosts that are somewhere else are asked there under their own names,
// no other host is there, and the guard looks at where the connection goes.
func TestHosts(t *testing.T) {
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Host
		_, _ = io.WriteString(w, "User-agent: *\nDisallow:\n")
	}))
	defer srv.Close()
	at := srv.Listener.Addr().String()
	for _, row := range []struct {
		url   string
		allow []netip.Prefix
		good  bool
	}{
		{"http://social.example/a", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true},
		{"http://other.example/a", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, false},
		{"http://social.example/a", nil, false},
	} {
		asked = ""
		c, err := crawler.NewClient(crawler.Options{Now: time.Now, MinInterval: time.Millisecond, Allow: row.allow, Hosts: map[string]string{"social.example:80": at}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Permit(t.Context(), row.url)
		c.Close()
		if err != nil || p.Allowed != row.good || row.good != (asked == "social.example") {
			t.Errorf("%s, allowed %v: %+v, %v; the host was asked as %q", row.url, row.allow, p, err, asked)
		}
	}
}
