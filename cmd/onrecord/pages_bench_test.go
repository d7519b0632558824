// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
	"onrecord/web"
)

// benchEntries makes the history of n statements of three sources: a tenth is
// edited, a twentieth deleted, and a year of hourly looks follows.
func benchEntries(n int) iter.Seq2[catalog.Entry, error] {
	return func(yield func(catalog.Entry, error) bool) {
		index, at := int64(0), time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
		sources := []string{"masto", "press", "telegram"}
		platforms := []string{"mastodon", "website", "telegram"}
		event := func(e onrecord.Event, i int) bool {
			s := i % len(sources)
			e.Source, e.Door, e.Parser, e.Figure, e.Provenance, e.Prev = sources[s], "api", "1", "jane-example", onrecord.Captured, -1
			e.Account = onrecord.AccountRef{Platform: platforms[s], ID: "100", Handle: "jane"}
			e.Index = index
			index++
			return yield(catalog.Entry{Index: e.Index, Event: e}, nil)
		}
		statement := func(kind onrecord.EventType, i int, text string) onrecord.Event {
			e := onrecord.Event{Type: kind, At: at, By: at, NativeID: strconv.Itoa(i), Statement: onrecord.NewStatementID(platforms[i%3], strconv.Itoa(i)), PublishedAt: at.Add(-2 * time.Minute), Precision: onrecord.PrecisionSecond}
			if text != "" {
				c := onrecord.Content{Type: "post", Text: text}
				e.Content, e.Version = &c, c.Version()
			}
			return e
		}
		words := strings.Repeat("Words that somebody said about umbrellas and bridges. ", 3)
		for i := range n {
			at = at.Add(time.Second)
			if !event(statement(onrecord.StatementCreated, i, words+strconv.Itoa(i)), i) {
				return
			}
		}
		for i := range n {
			at = at.Add(time.Second)
			var e onrecord.Event
			switch {
			case i%10 == 0:
				e = statement(onrecord.StatementEdited, i, words+"Now otherwise. "+strconv.Itoa(i))
			case i%20 == 1:
				e = statement(onrecord.StatementDeleted, i, "")
				e.Grade, e.Look, e.PublishedAt, e.Precision = onrecord.GradeD2, onrecord.LookGone, time.Time{}, ""
			default:
				continue
			}
			e.After = at.Add(-10 * time.Minute)
			if !event(e, i) {
				return
			}
		}
		for hour := range 365 * 24 {
			for i := range sources {
				from := at.Add(time.Duration(hour) * time.Hour)
				run := &onrecord.Run{Door: "api", Parser: "1", From: from, Until: from.Add(55 * time.Minute), Visits: 12}
				if !event(onrecord.Event{Type: onrecord.SourceLooked, At: run.Until, Run: run}, i) {
					return
				}
			}
		}
	}
}

// BenchmarkPages makes the pages of what happened anew each time, on a catalog
// of 50,000 statements; ONRECORD_BENCH_STATEMENTS sets another number.
func BenchmarkPages(b *testing.B) {
	n := 50_000
	if v, err := strconv.Atoi(os.Getenv("ONRECORD_BENCH_STATEMENTS")); err == nil && v > 0 {
		n = v
	}
	c, err := catalog.Open(b.Context(), filepath.Join(b.TempDir(), "catalog.db"), catalog.Options{MACKey: make([]byte, 32), Figures: map[string]string{"jane-example": "Jane Example"}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if err := c.Apply(context.Background(), benchEntries(n)); err != nil {
		b.Fatal(err)
	}
	var clock atomic.Int64 // each page is of another moment, so that none comes from the cache
	h, err := web.New(web.Options{
		Archive:    web.Archive{Name: "Archive Example", Operator: "Example e.V.", URL: "https://archive.example"},
		Statements: c, Figures: c, Journal: c, History: c, Searcher: c, Evidence: evidence{nil, c},
		Now: func() time.Time {
			return time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC).Add(time.Duration(clock.Add(1)) * 10 * time.Second)
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{"/", "/events", "/events?figure=jane-example&platform=website", "/deletions", "/deletions?platform=mastodon", "/edits", "/coverage", "/a/mastodon/jane", "/status"} {
		b.Run(strings.ReplaceAll(path, "/", "_"), func(b *testing.B) {
			size := 0
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				h.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(fmt.Errorf("%s: %d %s", path, w.Code, w.Body))
				}
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "gzip-bytes")
		})
	}
}
