// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/search"
)

// A door with many long addresses and runs of hundreds of statements keeps the
// register of its source below its limit.
func TestTheStateFitsItsRegister(t *testing.T) {
	t.Parallel()
	clock := start()
	w := newWorld(t, clock)
	var turn atomic.Int64
	pad := strings.Repeat("x", 700)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(rw, r)
			return
		}
		page := 0
		fmt.Sscanf(r.URL.Query().Get("page"), "%d", &page)
		rw.Header().Set("Content-Type", "application/feed+json")
		rw.Header().Set("ETag", fmt.Sprintf(`"%d-%d"`, page, turn.Load()))
		fmt.Fprintf(rw, `{"version":"https://jsonfeed.org/version/1.1","title":"T"`)
		if page < 30 {
			fmt.Fprintf(rw, `,"next_url":"http://%s/feed.json?page=%d&sig=%s"`, r.Host, page+1, pad)
		}
		fmt.Fprint(rw, `,"items":[`)
		n, sep := turn.Load(), ""
		add := func(k string) {
			fmt.Fprintf(rw, `%s{"id":"%s","url":"https://a.example/%s","content_text":"statement"}`, sep, k, k)
			sep = ","
		}
		if page > 0 {
			add(fmt.Sprint("old", page))
		} else {
			if n >= 4 {
				add("new")
			}
			for k := range 600 {
				if n == 2 && k >= 500 || n == 3 && k >= 25 && k < 125 {
					continue
				}
				add(fmt.Sprint(k))
			}
		}
		fmt.Fprint(rw, `]}`)
	}))
	defer srv.Close()
	h := w.open(t, sourceYAML("press", "a.example", srv.URL+"/feed.json?sig="+pad))
	in, _ := h.ingester()
	for i := range 6 {
		turn.Add(1)
		clock.to(clock.now().Add(10 * time.Minute))
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		info, _ := os.Stat(strings.TrimPrefix(w.cfg.Storage.URL, "file://") + "/state/press.json")
		size := int64(0)
		if info != nil {
			size = info.Size()
		}
		if err != nil || size > archive.MaxState {
			t.Errorf("visit %d: %d items, %d new, register of %d bytes, %v", i, rep.Items, rep.Created, size, err)
		}
	}
}

// statements returns how many statements the catalog has.
func statements(t *testing.T, h *house) int64 {
	t.Helper()
	res, err := h.catalog.Search(t.Context(), search.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return res.Total
}
