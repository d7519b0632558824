// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/telegram"
)

// TestBroken reads more than a thousand answers that are not what was asked
// for: cut, holed, turned over, of another kind, with another status. None may
// say that a post is gone; none that shows no post may pass for a page of a
// channel that has some.
func TestBroken(t *testing.T) {
	names, err := filepath.Glob("testdata/*.html")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(2026, 3))
	tried := 0
	try := func(what, kind string, status int, body []byte) {
		tried++
		c := capture(kind, body)
		c.Status = status
		tt := target
		tt.Cursor = "33"
		p, err := telegram.New(telegram.Options{}).Read(tt, c)
		if err != nil && !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s: %v", what, err)
		}
		for _, o := range p.Items {
			if o.State == onrecord.ItemGone {
				t.Errorf("%s, status %d: %s is gone", what, status, o.NativeID)
			}
		}
		if kind == "page" && err == nil && p.Outcome == "" && len(p.Items) == 0 {
			t.Errorf("%s, status %d: an empty page", what, status)
		}
	}
	for _, path := range names {
		name := filepath.Base(path)
		body := fixture(t, name)
		gone := bytes.Contains(body, []byte(">Post not found<"))
		for _, kind := range []string{"page", "look"} {
			for i := range 20 { // cut, but for what stands behind the last tag
				try(name+" cut as "+kind, kind, 200, body[:bytes.LastIndex(body, []byte("</html>"))*i/20])
			}
			for _, status := range []int{200, 201, 302, 400, 401, 403, 404, 410, 418, 451} {
				if !gone || kind != "look" || status != 200 {
					try(name+" as "+kind, kind, status, body)
				}
			}
			for range 20 {
				b := bytes.Clone(body)
				from := r.IntN(len(b))
				to := min(len(b), from+1+r.IntN(400))
				if r.IntN(2) == 0 {
					clear(b[from:to])
				} else {
					b = append(b[:from], b[to:]...)
				}
				if !gone || kind != "look" {
					try(name+" with a hole as "+kind, kind, 200, b)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("%d broken answers, want 1000", tried)
	}
}
