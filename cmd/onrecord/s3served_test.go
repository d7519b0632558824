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

	"onrecord"
	"onrecord/archive"
	"onrecord/internal/testservers"
)

// TestS3MisbehavesWhileServing serves an archive whose store loses a third of
// its replies, then resets a third of its puts, then is away: the worker that
// takes up what lies in the spool runs all the time, beside visits of twelve
// sources. All that was visited is in the record once, in the order of its
// source, and the process is its old self when the trouble is over.
func TestS3MisbehavesWhileServing(t *testing.T) {
	if os.Getenv("ONRECORD_LONG") == "" {
		t.Skip("takes minutes, and a machine of its own: ONRECORD_LONG=1 runs it")
	}
	t.Parallel()
	const each = time.Minute
	store := testservers.StartS3(t)
	proxy := testservers.StartProxy(t, store.Endpoint)
	clock, key := &movedClock{t: time.Now()}, keyFileOf(t, store)
	w := newS3World(t, clock, store.Through(proxy.Endpoint), key)
	var asked [12]atomic.Int32 // visits by source: each sees one new item, and only that
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i int
		if n, _ := fmt.Sscanf(r.URL.Path, "/feed-%d.xml", &i); n != 1 || i >= len(asked) {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(rss(fmt.Sprintf("%d-%06d", i, asked[i].Add(1))))
	}))
	t.Cleanup(site.Close)
	var sources strings.Builder
	for i := range asked {
		one := sourceYAML(fmt.Sprintf("press-%d", i), fmt.Sprintf("a%d.example", i), fmt.Sprintf("%s/feed-%d.xml", site.URL, i))
		sources.WriteString(strings.Replace(one, "@every 1h", "@every 4s", 1))
	}
	h := w.openS3(t, key, sources.String(), "http: {listen: \"127.0.0.1:0\"}")
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.at.config, w.cfg.Print(), 0o644); err != nil {
		t.Fatal(err)
	}
	s := serveChild(t, w.at.config)
	eventually(t, patience, func() string {
		if asked[len(asked)-1].Load() == 0 {
			return "a source is not visited"
		}
		return ""
	})
	cut := func(name, stream string, bytes int) testservers.Toxic {
		return testservers.Toxic{Name: name, Type: "limit_data", Stream: stream, Toxicity: 0.3, Attributes: map[string]any{"bytes": bytes}}
	}
	for _, tr := range []struct {
		name       string
		begin, end func()
	}{
		{"lost replies", func() { proxy.Add(cut("deaf", "downstream", 0)) }, func() { proxy.Remove("deaf") }},
		{"resets in mid-put", func() { proxy.Add(cut("cut", "upstream", 1000)) }, func() { proxy.Remove("cut") }},
		{"out", proxy.Down, proxy.Up},
	} {
		tr.begin()
		<-time.After(each)
		waiting, kept, err := spoolOf(w.cfg.StateDir)
		t.Logf("%s: at its end %d visits wait in the spool, %d are recorded and kept there, %v", tr.name, len(waiting), kept, err)
		tr.end()
	}
	eventually(t, 2*time.Minute, func() string {
		waiting, _, err := spoolOf(w.cfg.StateDir)
		if err != nil || len(waiting) > 2 { // beside those that are under way
			return fmt.Sprintf("%d visits wait in the spool, %v", len(waiting), err)
		}
		return answers(s.url+"/api/v1/status", http.StatusOK, `"storage_answers":true`, `"visiting":true`)
	})
	s.end(t)
	h = w.reopen(t)
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	h.recover(t.Context(), in, mustLocks(t, h))
	servedOnceInOrder(t, h, func(source int) int { return int(asked[source].Load()) })
}

// servedOnceInOrder checks that the record has every item of every source, from
// 1 to the last one that was served, once and in order.
func servedOnceInOrder(t *testing.T, h *house, served func(source int) int) {
	t.Helper()
	last := map[int]int{}
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type != onrecord.StatementCreated {
			continue
		}
		var source, n int
		if _, err := fmt.Sscanf(e.Event.NativeID, "https://a.example/%d-%06d", &source, &n); err != nil {
			t.Fatal(err)
		}
		if n != last[source]+1 {
			t.Errorf("ledger no. %d: source %d has item %d after %d", e.Index, source, n, last[source])
		}
		last[source] = n
	}
	total := 0
	for source, n := range last {
		total += n
		if n != served(source) {
			t.Errorf("source %d: the record ends at item %d, %d were served", source, n, served(source))
		}
	}
	t.Logf("%d visits of %d sources are in the record, each once and in order", total, len(last))
	if rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
}
