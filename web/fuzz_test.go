// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest asks for whatever: no request is our failure, every page keeps
// its notice and nothing of the request becomes markup, and what the API says
// is JSON.
func FuzzRequest(f *testing.F) {
	for _, path := range paths() {
		f.Add(path)
	}
	f.Add("/api/v1/statements?q=%22a&limit=1")
	f.Add("/api/v1/events?after=99999999999999999999&type=x")
	f.Add("/search?q=%3Cscript%3E&since=%27&tz=Europe/Paris&%3Cscript%3E=1")
	h := site(f, build())
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || u.Host != "" {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Host: "x", RequestURI: target})
		body := w.Body.Bytes()
		if w.Code >= 500 {
			t.Fatalf("%q: %d %s", target, w.Code, body)
		}
		switch kind := w.Header().Get("Content-Type"); {
		case w.Code >= 300 && w.Code < 400:
			if to := w.Header().Get("Location"); !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Fatalf("%q leads to %q", target, to)
			}
		case strings.HasPrefix(kind, "text/html"):
			if !bytes.Contains(body, []byte(`role="note"`)) || bytes.Contains(bytes.ToLower(body), []byte("<script")) {
				t.Fatalf("%q: no notice, or a script: %s", target, body)
			}
		case strings.HasSuffix(kind, "json"), strings.Contains(kind, "openapi"):
			if !json.Valid(body) {
				t.Fatalf("%q: not JSON: %s", target, body)
			}
		}
	})
}
