// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Limits of Serve. A reader on a slow line has WriteTimeout for one answer.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 60 * time.Second
	shutdownTimeout   = 10 * time.Second
	maxHeaderBytes    = 16 << 10
	retryBusy         = "5" // Retry-After, in seconds
)

// These are how many requests of a kind are answered at once; the next gets 503.
// What takes long, because it is large or must be made, takes no place from pages.
const (
	pagesAtOnce    = 192
	objectsAtOnce  = 64  // files, objects of the record, captures
	picturesAtOnce = 192 // what is kept costs no more than a page; what must be made is bounded by its maker
	packagesAtOnce = 16
)

// Serve answers requests on ln with h until ctx is done. Then it takes no new
// connection, lets the requests that it has run out for ten seconds, cuts off
// the rest, and returns nil. It closes ln.
//
// So many requests are answered at once, of pages, downloads, small pictures and
// packages apart; those beyond get 503 with Retry-After before any work is done
// for them. An answer has a minute, a download a minute for each mebibyte.
func Serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler:           lanes(h),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := srv.Shutdown(out)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-done
	if err != nil {
		return fmt.Errorf("stop serving %s: %w", ln.Addr(), err)
	}
	return nil
}

// lanes admits what takes long apart from pages.
func lanes(h http.Handler) http.Handler {
	pages, objects, pictures, packages := Admit(h, pagesAtOnce), Admit(h, objectsAtOnce), Admit(h, picturesAtOnce), Admit(h, packagesAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lane := pages
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/media/") && strings.HasSuffix(path, "/thumb.jpg"):
			lane = pictures
		case strings.HasPrefix(path, "/media/"), strings.HasPrefix(path, "/record/"), strings.Contains(path, "/captures/"):
			lane = objects
		case strings.HasSuffix(path, waczSuffix):
			lane = packages
		}
		lane.ServeHTTP(w, r)
	})
}

// Admit lets at most n requests at once through to h. Those beyond are
// answered 503 with Retry-After, before any work.
func Admit(h http.Handler, n int) http.Handler {
	slots := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			h.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", retryBusy)
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "This archive is busy. Please try again in a few seconds.", http.StatusServiceUnavailable)
		}
	})
}
