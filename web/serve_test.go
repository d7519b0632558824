// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"onrecord/web"
)

// TestServe holds that Serve answers, lets a request that it has run out when
// it is stopped, and then returns.
func TestServe(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, finish := make(chan struct{}), make(chan struct{})
	pages := site(t, build())
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(started)
			<-finish
		}
		pages.ServeHTTP(w, r)
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- web.Serve(ctx, ln, h) }()
	slow := make(chan int, 1)
	go func() { slow <- fetch(t, "http://"+ln.Addr().String()+"/slow") }()
	if code := fetch(t, "http://"+ln.Addr().String()+"/"); code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	<-started
	stop()
	select {
	case err := <-done:
		t.Errorf("Serve returned %v with a request under way", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	if code := <-slow; code != http.StatusNotFound {
		t.Errorf("the last request got %d", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServeClosed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := web.Serve(t.Context(), ln, http.NotFoundHandler()); err == nil {
		t.Error("serving on a closed listener did not fail")
	}
}

// fetch returns the status at url, or 0.
func fetch(t *testing.T, url string) int {
	res, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// TestAdmit holds that the request beyond the limit is turned away before its
// handler runs, and that places become free again.
func TestAdmit(t *testing.T) {
	in, out := make(chan struct{}), make(chan struct{})
	h := web.Admit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		in <- struct{}{}
		<-out
	}), 2)
	codes := make(chan int, 2)
	for range 2 {
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			codes <- w.Code
		}()
		<-in
	}
	w := get(t, h, "/")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	close(out)
	for range 2 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("admitted and answered %d", code)
		}
	}
	go func() { <-in }()
	if w := get(t, h, "/"); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}
