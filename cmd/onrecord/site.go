// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"onrecord/ingest"
)

// renewEvery is how often a serving process looks whether another key signs the
// ledger by now.
const renewEvery = 2 * time.Second

// A site is the website as a process serves it. Its pages print the key of the
// ledger by which strangers check; it is made anew when that key was changed,
// perhaps because it had leaked.
type site struct {
	h      *house
	in     *ingest.Ingester
	banner *atomic.Pointer[string]
	key    string // that the pages print
	pages  atomic.Pointer[http.Handler]
}

func (h *house) newSite(in *ingest.Ingester, banner *atomic.Pointer[string]) (*site, error) {
	s := &site{h: h, in: in, banner: banner}
	return s, s.renew()
}

// renew makes the pages, unless they print the key that signs the ledger now. Only
// one goroutine calls it at a time.
func (s *site) renew() error {
	key := s.h.keyToGive()
	if s.pages.Load() != nil && key == s.key {
		return nil
	}
	pages, err := s.h.website(s.in, s.banner)
	if err != nil {
		return err
	}
	s.key = key
	s.pages.Store(&pages)
	return nil
}

// keep renews the pages until ctx ends.
func (s *site) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(renewEvery):
		}
		if err := s.renew(); err != nil && ctx.Err() == nil {
			s.h.log.Error("the pages print a key of the ledger that was changed", "err", err)
		}
	}
}

// ServeHTTP implements http.Handler.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*s.pages.Load()).ServeHTTP(w, r) }
