// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A smallServer is a server of the kind of Mastodon with one account and posts
// of the numbers from least to 30.
type smallServer struct {
	account atomic.Pointer[string]
	least   atomic.Int64
	limited atomic.Bool
	asked   atomic.Int64
}

func (s *smallServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := *s.account.Load()
	s.asked.Add(1)
	if s.limited.Load() {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	account := map[string]any{
		"id": id, "username": "jane", "acct": "jane", "display_name": "Jane Example", "created_at": "2022-11-05T00:00:00.000Z",
		"url": "https://social.example/@jane", "uri": "https://social.example/users/jane", "note": "", "statuses_count": 10,
	}
	var answer any
	switch {
	case r.URL.Path == "/api/v1/accounts/lookup", r.URL.Path == "/api/v1/accounts/"+id:
		answer = account
	case r.URL.Path == "/api/v1/accounts/"+id+"/statuses":
		list := []any{}
		for n := int64(30); n >= s.least.Load() && r.URL.Query().Get("max_id") == ""; n-- {
			list = append(list, map[string]any{
				"id": fmt.Sprint(n), "uri": fmt.Sprintf("https://social.example/users/jane/statuses/%d", n), "url": fmt.Sprintf("https://social.example/@jane/%d", n),
				"created_at": fmt.Sprintf("2026-08-28T09:%02d:00.000Z", n), "edited_at": nil, "content": fmt.Sprintf("<p>Post %d</p>", n), "visibility": "public",
				"sensitive": false, "spoiler_text": "", "language": "en", "account": account, "media_attachments": []any{}, "mentions": []any{}, "tags": []any{}, "emojis": []any{},
				"reblog": nil, "poll": nil, "in_reply_to_id": nil,
			})
		}
		answer = list
	default:
		w.WriteHeader(http.StatusNotFound)
		answer = map[string]any{"error": "Record not found"}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer)
}

// Half of the posts are missing at once, and the operator, who has looked, thaws
// the source. Then another account stands behind the handle for a while.
func TestThawAndIdentify(t *testing.T) {
	t.Parallel()
	s := &smallServer{}
	s.account.Store(new("7"))
	s.least.Store(21)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	m := newMachines(t, 1, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL))[0]
	wants := func(what, got string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in:\n%s", what, w, got)
			}
		}
	}
	wants("test", m.run(t, "source", "test", "masto"), "works: ok", "10", "2026-08-28 09:30:00  Post 30")
	wants("the first visit", m.run(t, "crawl", "masto"), "10 new")

	s.least.Store(26)
	wants("half is missing", m.run(t, "crawl", "masto"), "source.frozen", "0 gone")
	wants("list", m.run(t, "source", "list"), "frozen: 5 of 10")
	wants("still frozen", m.run(t, "--json", "crawl", "masto"), `"frozen":"5 of 10`)
	wants("thaw", m.run(t, "source", "thaw", "masto", "--reason", "they are gone indeed"), "masto is thawed  ledger no. ")
	wants("again", m.run(t, "source", "thaw", "masto"), "masto is not frozen")
	wants("after the thaw", m.run(t, "crawl", "masto"), "statement.looked")
	if got := m.run(t, "source", "list"); strings.Contains(got, "frozen") {
		t.Errorf("frozen still:\n%s", got)
	}

	s.account.Store(new("8"))
	for range 2 {
		if out, err := m.try("crawl", "masto"); err == nil {
			t.Errorf("a visit to another account did not fail: %s", out)
		}
	}
	wants("list", m.run(t, "schedule", "list"), "another account behind the handle")
	if out, err := m.try("source", "test", "masto"); err == nil || !strings.Contains(out, "nothing would be attributed") {
		t.Errorf("test: %v\n%s", err, out)
	}
	s.account.Store(new("7"))
	if out, err := m.try("crawl", "masto"); err == nil {
		t.Errorf("attributed before the operator had spoken: %s", out)
	}
	wants("identify", m.run(t, "source", "identify", "masto"), "masto is attributed again  ledger no. ")
	wants("afterwards", m.run(t, "crawl", "masto"), "masto  ok")
	if got := m.run(t, "schedule", "list"); strings.Contains(got, "another account") {
		t.Errorf("stopped still:\n%s", got)
	}
	m.ledger(t)
	s.limited.Store(true)
	_, _ = m.try("crawl", "masto")
	asked := s.asked.Load()
	if out, err := m.try("source", "test", "masto"); err == nil || !strings.Contains(out, "the platform asked us to wait until 20") || s.asked.Load() != asked {
		t.Errorf("test of a door that was asked to wait: %v, %d requests\n%s", err, s.asked.Load()-asked, out)
	}
	wants("list", m.run(t, "schedule", "list"), "api rate_limited, waits until 20")
	was := m.run(t, "--json", "source", "list")
	m.run(t, "rebuild")
	if got := m.run(t, "--json", "source", "list"); got != was {
		t.Errorf("a rebuilt view knows otherwise:\n%s\n%s", was, got)
	}
}
