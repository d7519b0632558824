// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"onrecord/internal/repotest"
)

// realSentences returns sentences of real statements, for recombination. They
// never leave the test.
func realSentences(t testing.TB, most int) []string {
	t.Helper()
	tt, ok := t.(*testing.T)
	if !ok {
		return inventedSentences()
	}
	dir := repotest.Data(tt, "twitter/trump-condensed")
	var list []string
	text := regexp.MustCompile(`"(?:full_text|text)": ?"((?:[^"\\]|\\.){20,400})"`)
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".json") || len(list) >= most {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range text.FindAllSubmatch(b, -1) {
			if s, err := strconv.Unquote(`"` + strings.ReplaceAll(string(m[1]), `\/`, `/`) + `"`); err == nil && len(list) < most {
				list = append(list, s)
			}
		}
		return nil
	})
	if err != nil || len(list) < 1000 {
		t.Fatalf("%d sentences in %s: %v", len(list), dir, err)
	}
	return list
}

// inventedSentences are enough for a benchmark of one visit.
func inventedSentences() []string {
	return []string{
		"The Harbour Bridge will reopen to all traffic on 14 October.", "Nobody who uses it will pay a toll.",
		"We will impose a tariff on imported steel.", "Nine in ten pupils will say that one teacher changed their life.",
		"Relief payments begin on Monday and need no form.", "The one page that matters is attached.",
	}
}

// feedOf writes an RSS feed of n statements, recombined from sentences by seed.
func feedOf(page, n int, sentences []string) []byte {
	r := rand.New(rand.NewPCG(uint64(page), 7))
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0"><channel><title>Scale</title><link>https://scale.example/</link>`)
	begin := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		k := page*n + i
		fmt.Fprintf(&b, "<item><link>https://scale.example/%d</link><pubDate>%s</pubDate><title>", k, begin.Add(time.Duration(k)*97*time.Minute).Format(time.RFC1123Z))
		_ = xml.EscapeText(&b, []byte(fmt.Sprintf("Statement %d", k)))
		b.WriteString("</title><description>")
		words := strings.Fields(sentences[r.IntN(len(sentences))] + " " + sentences[r.IntN(len(sentences))])
		_ = xml.EscapeText(&b, []byte(strings.Join(words[:min(len(words), 12+r.IntN(40))], " ")))
		b.WriteString("</description></item>\n")
	}
	b.WriteString("</channel></rss>")
	return []byte(b.String())
}

// serveFeed serves a feed that can be replaced.
func serveFeed(t testing.TB, clock *movedClock) (*httptest.Server, *atomic.Pointer[[]byte]) {
	var body atomic.Pointer[[]byte]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Date", clock.now().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/rss+xml")
		_, _ = w.Write(*body.Load())
	}))
	t.Cleanup(srv.Close)
	return srv, &body
}

// TestScaleArchive makes an archive of ONRECORD_SCALE statements (default
// 50,000) in ONRECORD_SCALE_DIR, through the real client, door, record and
// catalog: what docs/performance.md measures search, start and memory on.
// ONRECORD_SCALE_VISIT is how many of them a visit finds (default 1,000): the
// ordinary visit finds a few.
func TestScaleArchive(t *testing.T) {
	dir := os.Getenv("ONRECORD_SCALE_DIR")
	if dir == "" {
		t.Skip("ONRECORD_SCALE_DIR names no folder to make an archive in")
	}
	total := 50_000
	if s := os.Getenv("ONRECORD_SCALE"); s != "" {
		total, _ = strconv.Atoi(s)
	}
	page := 1000
	if s := os.Getenv("ONRECORD_SCALE_VISIT"); s != "" {
		page, _ = strconv.Atoi(s)
	}
	sentences := realSentences(t, 40_000)
	clock := &movedClock{t: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)}
	w := newWorldIn(t, clock, dir)
	srv, body := serveFeed(t, clock)
	h := w.open(t, sourceYAML("scale", "scale.example", srv.URL+"/feed.xml"))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for p := range total / page {
		b := feedOf(p, page, sentences)
		body.Store(&b)
		clock.to(clock.now().Add(time.Hour))
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		if err != nil || rep.Created != page {
			t.Fatalf("page %d: %+v, %v", p, rep, err)
		}
	}
	took := time.Since(began)
	t.Logf("%d statements in %s: %.0f a second, fetch to searchable", total, took, float64(total)/took.Seconds())
	if err := os.WriteFile(w.at.config, w.cfg.Print(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkQuietVisit40 is a whole visit without news of a feed of 40 items:
// robots and feed over loopback, recording with its syncs, read, judgement,
// state swap. cpu-ms/op is the CPU time of the process, the server's part
// included.
func BenchmarkQuietVisit40(b *testing.B) {
	clock := &movedClock{t: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)}
	w := newWorld(b, clock)
	srv, body := serveFeed(b, clock)
	feed := feedOf(0, 40, inventedSentences())
	body.Store(&feed)
	h := w.open(b, sourceYAML("quiet", "quiet.example", srv.URL+"/feed.xml"))
	in, err := h.ingester()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := visitOf(in, b.Context(), in.Sources[0]); err != nil {
		b.Fatal(err)
	}
	began := cpuTime()
	b.ReportAllocs()
	for b.Loop() {
		clock.to(clock.now().Add(time.Second))
		rep, err := visitOf(in, b.Context(), in.Sources[0])
		if err != nil || rep.Created+rep.Edited > 0 || rep.Failed() {
			b.Fatalf("%+v, %v", rep, err)
		}
	}
	b.ReportMetric(float64((cpuTime()-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// cpuTime returns the CPU time that this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
