// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onrecord"
	"onrecord/web"
)

// A pipes listener hands out ends of pipes in memory.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// served serves h in a bubble, and returns how to ask it over a connection of one's
// own.
func served(t *testing.T, h http.Handler) (ask func(path string) (net.Conn, error)) {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- web.Serve(ctx, p, h) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return func(path string) (net.Conn, error) {
		client, server := net.Pipe()
		p.conns <- server
		_, err := fmt.Fprintf(client, "GET %s HTTP/1.1\r\nHost: archive.example\r\nConnection: close\r\n\r\n", path)
		return client, err
	}
}

// readAt reads all of c, part by part with a pause behind each.
func readAt(c net.Conn, part int64, pause time.Duration) (int64, error) {
	total := int64(0)
	for {
		n, err := io.CopyN(io.Discard, c, part)
		total += n
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		time.Sleep(pause)
	}
}

// TestDownloadsAtTheirOwnPace: a slow reader gets the whole of a large file, one
// that hardly reads is cut off, and neither is an error of ours.
func TestDownloadsAtTheirOwnPace(t *testing.T) {
	const size = 5 << 20
	file := bytes.Repeat([]byte("x"), size)
	o := options(build())
	m := newMediaMemory(map[string][]byte{"video/mp4": file})
	o.Media = m
	var said bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&said, nil))
	site, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	path := "/media/" + storedAs(file, "video/mp4").SHA256 + ".mp4"
	synctest.Test(t, func(t *testing.T) {
		ask := served(t, site)
		slow, err := ask(path)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if n, err := readAt(slow, 1<<20, 40*time.Second); err != nil || n < size {
			t.Errorf("the slow reader got %d bytes in %s, %v", n, time.Since(began), err)
		}
		idle, err := ask(path)
		if err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if n, err := readAt(idle, 1<<10, time.Second); err != nil || n >= size || time.Since(began) > 3*time.Minute {
			t.Errorf("a reader of 1 KiB a second got %d bytes in %s, %v", n, time.Since(began), err)
		}
	})
	if strings.Contains(said.String(), "ERROR") {
		t.Errorf("the log says %s", &said)
	}
	m.damaged = true
	func() {
		defer func() { _ = recover() }()
		get(t, site, path)
	}()
	if !strings.Contains(said.String(), "ERROR") {
		t.Errorf("other bytes in the store are no error: %s", &said)
	}
}

// TestThumbnailsTakeNoPages: four hundred who ask for pictures that take their time
// keep nobody from the pages, and are told when to come back.
func TestThumbnailsTakeNoPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		ask := served(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				<-end
			}
		}))
		defer close(end)
		sum := strings.Repeat("0", 64)
		for i := range 1200 {
			path := []string{"/media/" + sum + "/thumb.jpg", "/media/" + sum + ".png", "/s/0123456789abcdef.wacz", "/record/log/head"}[i%4]
			c, err := ask(path)
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
		synctest.Wait()
		c, err := ask("/")
		if err != nil {
			t.Fatal(err)
		}
		var line [12]byte
		if _, err := io.ReadFull(c, line[:]); err != nil || string(line[:]) != "HTTP/1.1 200" {
			t.Errorf("%q, %v", line, err)
		}
		_, _ = io.Copy(io.Discard, c)
	})
}

// busyMedia makes no picture now.
type busyMedia struct{ *mediaMemory }

func (busyMedia) Thumb(context.Context, onrecord.KeptMedia) ([]byte, error) {
	return nil, onrecord.ErrBusy
}

func TestBusyThumbnail(t *testing.T) {
	o := options(build())
	m := newMediaMemory(map[string][]byte{"image/png": photo()})
	o.Media = busyMedia{m}
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/media/"+storedAs(photo(), "image/png").SHA256+"/thumb.jpg", nil))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
