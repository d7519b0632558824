// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
)

func TestPermit(t *testing.T) {
	for name, row := range map[string]struct {
		status  int
		body    string
		path    string
		allowed bool
		outcome onrecord.Outcome
		why     string
	}{
		"none":         {http.StatusNotFound, "", "/feed.xml", true, "", "none, 404"},
		"allowed":      {http.StatusOK, "User-agent: *\nDisallow: /private", "/feed.xml", true, "", "/robots.txt"},
		"disallowed":   {http.StatusOK, "User-agent: *\nDisallow: /private", "/private/feed.xml", false, onrecord.OutcomeBlocked, "disallowed by"},
		"server error": {http.StatusInternalServerError, "", "/feed.xml", false, onrecord.OutcomeOutage, "answered 500"},
	} {
		t.Run(name, func(t *testing.T) {
			asked, now := 0, time.Now()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				if r.URL.Path != "/robots.txt" || !strings.HasPrefix(r.UserAgent(), "onrecord/") {
					t.Errorf("asked for %s as %q", r.URL.Path, r.UserAgent())
				}
				w.Header().Set("Date", now.Add(-time.Minute).UTC().Format(http.TimeFormat))
				w.WriteHeader(row.status)
				_, _ = w.Write([]byte(row.body))
			}))
			defer srv.Close()
			c, err := crawler.NewClient(crawler.Options{Version: "1", Now: func() time.Time { return now }, MinInterval: time.Millisecond, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			p, err := c.Permit(t.Context(), srv.URL+row.path)
			if err != nil || p.Allowed != row.allowed || p.Outcome != row.outcome || !strings.Contains(p.Why, row.why) {
				t.Errorf("%+v, error %v", p, err)
			}
			if !p.SkewKnown || p.Skew < 59*time.Second || p.Skew > 61*time.Second {
				t.Errorf("skew %s, known %v", p.Skew, p.SkewKnown)
			}
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

func TestPermitOfNobody(t *testing.T) {
	c, err := crawler.NewClient(crawler.Options{Version: "1", Now: time.Now, MinInterval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Permit(t.Context(), "ftp://jane.example/"); err == nil {
		t.Error("an address that is not of the web")
	}
	p, err := c.Permit(t.Context(), "http://127.0.0.1:1/feed.xml") // which the guard refuses
	if err != nil || p.Allowed || p.SkewKnown {
		t.Errorf("%+v, error %v", p, err)
	}
}
