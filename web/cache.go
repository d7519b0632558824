// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"onrecord"
)

// Bounds of the cache of pages: at most cacheEntries pages of at most
// cacheBytes each, under addresses of at most cacheKey bytes.
const (
	cacheEntries = 128
	cacheBytes   = 128 << 10
	cacheKey     = 512
	cacheAge     = 5 * time.Second
)

// A generation is what a page depends on beside its address: what was applied,
// what stands above every page, and the time, in steps of cacheAge. Withholding
// is an event, so it ends a generation.
type generation struct {
	point  onrecord.Checkpoint
	banner string
	again  string
	step   int64
}

// A pageCache keeps the pages of one generation, so that many readers of one
// page cost little more than one. Its zero value is empty.
type pageCache struct {
	mu    sync.Mutex // guards the rest
	now   generation
	pages map[string]reply
}

func (c *pageCache) get(g generation, key string) (reply, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != g {
		return reply{}, false
	}
	a, ok := c.pages[key]
	return a, ok
}

func (c *pageCache) put(g generation, key string, a reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != g || c.pages == nil {
		c.now, c.pages = g, map[string]reply{}
	}
	if len(c.pages) < cacheEntries {
		c.pages[key] = a
	}
}

// cached answers from the cache where it can. What goes in was made after its
// generation was read, so it is never older than it claims.
func (s *server) cached(h handler) handler {
	return func(r *http.Request) (reply, error) {
		point, err := s.Journal.Checkpoint(r.Context())
		if err != nil {
			return h(r) // which will say what is wrong
		}
		g := generation{point: point, again: s.Demo.again(), step: s.Now().Unix() / int64(cacheAge/time.Second)}
		if s.Banner != nil {
			g.banner = s.Banner()
		}
		// The escaped path: "/s/x%2Fdiff" is another address than "/s/x/diff".
		key := r.URL.EscapedPath() + "?" + untracked(r.URL.RawQuery)
		if a, ok := s.cache.get(g, key); ok {
			return a, nil
		}
		a, err := h(r)
		if err == nil && a.Status == 0 && len(a.Body) <= cacheBytes && len(key) <= cacheKey {
			a.seal()
			s.cache.put(g, key, a)
		}
		return a, err
	}
}

// untracked is a query string without the marks that trackers add to links: with
// them it asks for the same page.
func untracked(query string) string {
	if !strings.Contains(query, "utm_") && !strings.Contains(query, "clid") {
		return query
	}
	var kept []string
	for one := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(one, "="); !tracker(name) {
			kept = append(kept, one)
		}
	}
	return strings.Join(kept, "&")
}

// tracker reports whether a parameter is a mark of a tracker.
func tracker(name string) bool {
	return strings.HasPrefix(name, "utm_") || name == "fbclid" || name == "gclid"
}
