// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"onrecord/internal/testservers"
)

// TestDrainThroughASlowStore commits what twelve sources have left in the spool
// through a store that takes a tenth of a second for each answer, and says how
// long that takes.
func TestDrainThroughASlowStore(t *testing.T) {
	if os.Getenv("ONRECORD_LONG") == "" {
		t.Skip("takes minutes: ONRECORD_LONG=1 runs it")
	}
	const sources, visits = 12, 10
	store := testservers.StartS3(t)
	proxy := testservers.StartProxy(t, store.Endpoint)
	clock, key := start(), keyFileOf(t, store)
	w := newS3World(t, clock, store.Through(proxy.Endpoint), key)
	var asked [sources]int // visits by source: each sees one new item, and only that
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i int
		if n, _ := fmt.Sscanf(r.URL.Path, "/feed-%d.xml", &i); n != 1 || i >= sources {
			http.NotFound(w, r)
			return
		}
		asked[i]++
		_, _ = w.Write(rss(fmt.Sprintf("%d-%06d", i, asked[i])))
	}))
	t.Cleanup(site.Close)
	var config strings.Builder
	for i := range sources {
		config.WriteString(sourceYAML(fmt.Sprintf("press-%d", i), fmt.Sprintf("a%d.example", i), fmt.Sprintf("%s/feed-%d.xml", site.URL, i)))
	}
	h := w.openS3(t, key, config.String(), "")
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	all := func() {
		clock.to(clock.now().Add(time.Hour))
		for _, s := range in.Sources {
			_, _ = visitOf(in, t.Context(), s) // of the store it says what is no news
		}
	}
	all()
	proxy.Down()
	for range visits {
		all()
	}
	proxy.Up()
	proxy.Add(testservers.Toxic{Name: "far", Type: "latency", Stream: "downstream", Toxicity: 1, Attributes: map[string]any{"latency": 100}})
	began := time.Now()
	reports, err := in.Recover(t.Context(), everyLock)
	took := time.Since(began)
	if err != nil || len(reports) != sources*visits {
		t.Errorf("%d visits are committed, want %d: %v", len(reports), sources*visits, err)
	}
	proxy.Remove("far")
	t.Logf("%d visits of %d sources in %s, %.1f visits/s", len(reports), sources, took.Round(time.Millisecond), float64(len(reports))/took.Seconds())
	servedOnceInOrder(t, h, func(source int) int { return asked[source] })
}
