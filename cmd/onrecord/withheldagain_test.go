// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord"
)

// TestWithheldAgain: a page that is recorded for other news after a statement was
// withheld, and shows it still, is served to nobody: neither as a capture nor as
// a part of its object, and again once the statement is shown again.
func TestWithheldAgain(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	m := newMachines(t, 1, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL))[0]
	m.run(t, "crawl", "masto")
	id := onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/"+secretID)
	m.run(t, "withhold", string(id), "--ground", "policy", "--case", "T-1", "--reason", "personal data")
	s.other.Store(true)
	if out := m.run(t, "crawl", "masto"); !strings.Contains(out, "ledger no.") {
		t.Fatalf("the crawl after it: %q", out)
	}
	m.run(t, "verify")
	if n, told := servedParts(t, m); n < 2 || len(told) > 0 {
		t.Errorf("%d objects; these tell: %q", n, told)
	}
	m.run(t, "unwithhold", string(id), "--case", "T-1")
	if _, told := servedParts(t, m); len(told) < 2 {
		t.Errorf("shown again, only %q tell", told)
	}
}

// servedParts asks for every capture object under /record/, as far as it is served,
// and says how many there are and which tell the secret.
func servedParts(t *testing.T, m machine) (objects int, told []string) {
	t.Helper()
	h := openAt(t, m, reading)
	defer h.close()
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, span string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
		if span != "" {
			r.Header.Set("Range", span)
		}
		site.ServeHTTP(w, r)
		return w
	}
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type != onrecord.VisitLine {
			continue
		}
		for _, o := range e.Visit.Objects {
			objects++
			hidden, _, err := h.catalog.Hidden(t.Context(), o.Key)
			if err != nil {
				t.Fatal(err)
			}
			at := int64(0)
			for _, s := range append(hidden, onrecord.Span{Offset: o.Length}) {
				if s.Length > 0 {
					if w := get("/record/"+o.Key, fmt.Sprintf("bytes=%d-%d", s.Offset, s.Offset+s.Length-1)); w.Code == http.StatusPartialContent {
						t.Errorf("%s at %d is served", o.Key, s.Offset)
					}
				}
				if s.Offset > at {
					w := get("/record/"+o.Key, fmt.Sprintf("bytes=%d-%d", at, s.Offset-1))
					if w.Code == http.StatusPartialContent && tellsSecret(t, w.Body.Bytes()) {
						told = append(told, fmt.Sprintf("%s at %d", o.Key, at))
					}
				}
				at = max(at, s.Offset+s.Length)
			}
		}
	}
	return objects, told
}

// tellsSecret reports whether gzip members tell the secret.
func tellsSecret(t *testing.T, b []byte) bool {
	t.Helper()
	plain := b
	if bytes.HasPrefix(b, []byte("\x1f\x8b")) { // or media, which are not compressed
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err == nil {
			plain, err = io.ReadAll(z)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Contains(plain, []byte(secretWords)) || bytes.Contains(plain, []byte(secretID))
}
