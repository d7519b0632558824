// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// A site made at random, with every kind of answer there is: whatever happens,
// the record gives back what the visit returned, and no request is made twice
// or beyond the budget.
func TestReplayEqualsVisitOnRandomSites(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		pages := map[string]any{}
		path := func() string { return fmt.Sprintf("/n/%d", rnd.IntN(30)) }
		paths := func(n int) (list []string) {
			for range rnd.IntN(n) {
				list = append(list, path())
			}
			return list
		}
		for i := range 30 {
			pages[fmt.Sprintf("/n/%d", i)] = randomPage(t, rnd, path, paths)
		}
		pages["/page"] = listing{Account: "42", IDs: paths(5), Follow: paths(8), Next: paths(4), Cursor: "new"}
		if rnd.IntN(4) == 0 {
			pages["/page"] = randomPage(t, rnd, path, paths)
		}
		s := newSite(t, pages)
		c := newClient(t, newClock())
		j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, Budget: crawler.Budget{Requests: 1 + rnd.IntN(40)},
			Known: func(r onrecord.Ref) bool { return strings.HasSuffix(r.NativeID, "7") }, Looks: []onrecord.Ref{{NativeID: "1"}}, Canary: onrecord.Ref{NativeID: "2"}}
		for range 3 {
			r, rec := visit(t, c, j)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			if len(r.State.Backlog) > 16 || len(r.State.Backlog) > 0 && !r.LeftBacklog || r.Requests > j.Budget.Requests+10 {
				t.Fatalf("seed %d: %+v", seed, r)
			}
			for _, e := range rec.entries {
				if e.Exchange.Done.Before(e.Exchange.At) {
					t.Fatalf("seed %d: %+v", seed, e)
				}
			}
			j.State = r.Kept()
			j.State.RetryAt = time.Time{}
		}
	}
}

func randomPage(t *testing.T, rnd *rand.Rand, path func() string, paths func(int) []string) any {
	status := []int{200, 204, 301, 304, 400, 401, 403, 404, 410, 429, 500, 503}[rnd.IntN(12)]
	l, err := json.Marshal(listing{IDs: paths(5), Follow: paths(3), Next: paths(3), Account: []string{"", "", "", "42", "43"}[rnd.IntN(5)]})
	if err != nil {
		t.Fatal(err)
	}
	if rnd.IntN(2) == 0 {
		status = 200
	}
	body := [][]byte{l, l, l, l, []byte("<html>"), nil, encode(t, l, "gzip"), []byte(`{"panic":"oh"}`)}[rnd.IntN(8)]
	loc, gz, short := path(), rnd.IntN(5) == 0, rnd.IntN(12) == 0
	etag := fmt.Sprintf(`"%d"`, rnd.IntN(3))
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", etag)
		if status == http.StatusMovedPermanently {
			w.Header().Set("Location", loc)
		}
		if gz {
			w.Header().Set("Content-Encoding", "gzip")
		}
		if short {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)+5))
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add([]byte(`{"v":1,"what":"visit","asked":"https://h.example/","request":{"url":"https://h.example/","kind":"page"}}`))
	f.Add([]byte(`{"v":1,"what":"robots","asked":"https://h.example/robots.txt","retry_at":"2026-03-01T10:00:00Z"}`))
	f.Add([]byte(`{"v":2}`))
	f.Add(bytes.Repeat([]byte("["), 10000))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := crawler.ParseNote(b); err == nil && !json.Valid(b) {
			t.Errorf("%q is taken for a note", b)
		}
	})
}

// Replay reads what was written long ago, by whatever version, on whatever
// disk: nothing in it makes it panic.
func FuzzReplay(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"), []byte("\x1f\x8b"), 200, "")
	f.Add([]byte("HTTP/1.1 302 Found\r\nLocation: http://h.example/page\r\n\r\n"), []byte(nil), 302, "")
	f.Add([]byte("x"), []byte(`{"ids":["1"]}`), 200, "drift")
	f.Fuzz(func(t *testing.T, head, payload []byte, status int, verdict string) {
		const u = "http://h.example/page"
		note, err := json.Marshal(map[string]any{"v": 1, "what": "visit", "asked": u, "verdict": verdict, "request": map[string]any{"url": u, "kind": "page"}})
		if err != nil {
			t.Skip()
		}
		rec := &tape{}
		at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
		_, _ = rec.Record(context.Background(), onrecord.Exchange{URL: u, At: at, Done: at, Status: status, Response: head, Payload: payload, Note: note})
		r, err := crawler.Replay(t.Context(), crawler.Job{Door: jsonDoor{base: "http://h.example"}, Target: crawler.Target{AccountID: "42"}}, crawler.Limits{}, rec.all())
		if err == nil && r.Outcome == "" {
			t.Error("no outcome")
		}
	})
}
