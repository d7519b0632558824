// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawlertest

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"

	"onrecord"
	"onrecord/crawler"
)

// brokenAnswers are what servers and middle boxes send in place of an answer.
var brokenAnswers = []struct {
	name, contentType, body string
	status                  int
}{
	{"empty", "application/xml", "", 200},
	{"white space", "text/html", " \n", 200},
	{"bot check", "text/html; charset=utf-8", "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>Checking your browser</h1></body></html>", 200},
	{"block page", "text/html", "<html><head><title>Access denied</title></head><body>Your address is blocked.</body></html>", 403},
	{"login page", "text/html", "<!DOCTYPE html><html><head><title>Log in</title></head><body><form method=post></form></body></html>", 200},
	{"error in JSON", "application/json", `{"error":"temporarily unavailable"}`, 200},
	{"empty object", "application/json", `{}`, 200},
	{"null", "application/json", `null`, 200},
	{"empty document", "text/html", "<html><head></head><body></body></html>", 200},
	{"bytes", "application/octet-stream", "\x1f\x8b\x08\x00\xff\xfe\x00\x01", 200},
}

// broken checks that no broken answer is an empty page or a deletion, for each
// kind of request that the fixtures answer.
func (s Suite) broken(t *testing.T) {
	kinds := map[string]crawler.Capture{}
	for _, f := range s.Fixtures {
		if _, ok := kinds[f.Capture.Request.Kind]; !ok && !f.Drift {
			kinds[f.Capture.Request.Kind] = f.Capture
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for _, b := range brokenAnswers {
			c := clone(kinds[kind])
			c.Status, c.Body = b.status, []byte(b.body)
			c.Header = http.Header{"Content-Type": {b.contentType}}
			page, err := s.Door.Read(s.Target, c)
			if err != nil {
				if !errors.Is(err, crawler.ErrDrift) {
					t.Errorf("%s answered by %s: %v, want ErrDrift", kind, b.name, err)
				}
				continue
			}
			if speaks(page.Outcome) && len(page.Items) == 0 {
				t.Errorf("%s answered by %s: an empty page", kind, b.name)
			}
			for _, o := range page.Items {
				if o.State == onrecord.ItemGone {
					t.Errorf("%s answered by %s: %s is gone", kind, b.name, o.NativeID)
				}
			}
		}
	}
}
