// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// A sink keeps a payload in memory.
type sink struct{ bytes.Buffer }

func (s *sink) Head() []byte { return s.Bytes()[:min(s.Len(), 64<<10)] }

// A mediaRecorder keeps what was recorded.
type mediaRecorder struct{ list []onrecord.Exchange }

func (r *mediaRecorder) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	r.list = append(r.list, x)
	return onrecord.CaptureRef{URL: x.URL, At: x.At, Status: x.Status}, nil
}

const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

// mediaHost serves attachments, good and bad.
func mediaHost(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	serve := func(path, mediaType, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "identity" || !strings.HasPrefix(r.UserAgent(), "onrecord/") {
				t.Errorf("%s asked for with %v", path, r.Header)
			}
			w.Header().Set("Content-Type", mediaType)
			_, _ = io.WriteString(w, body)
		})
	}
	serve("/photo.jpg", "image/jpeg", png+strings.Repeat("x", 5000)) // the name does not matter
	serve("/page.jpg", "image/jpeg", "<!DOCTYPE html><p>Not found")
	serve("/huge.png", "image/png", png+strings.Repeat("x", 40000))
	serve("/clip.mp4", "video/mp4", "\x00\x00\x00\x18ftypisom")
	serve("/plain.png", "image/png", "error: no such file")
	serve("/private/a.png", "image/png", png)
	mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "User-agent: *\nDisallow: /private/\n")
	})
	for path, status := range map[string]int{"/410.png": 410, "/403.png": 403, "/500.png": 500} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	mux.HandleFunc("/moved.png", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/photo.jpg?sig=1", http.StatusFound)
	})
	mux.HandleFunc("/loop.png", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop.png", http.StatusFound) })
	mux.HandleFunc("/inner.png", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://192.168.0.1/a.png", http.StatusFound)
	})
	mux.HandleFunc("/short.png", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9000")
		_, _ = io.WriteString(w, png)
	})
	mux.HandleFunc("/endless.png", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, png)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<14)); err != nil {
				return
			}
		}
	})
	host := httptest.NewServer(mux)
	t.Cleanup(host.Close)
	return host
}

func TestFetch(t *testing.T) {
	host := mediaHost(t)
	client, err := crawler.NewClient(crawler.Options{
		Now: time.Now, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MinInterval: time.Microsecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	tests := []struct {
		path, kind string
		missing    string
		final      bool
		mediaType  string
	}{
		{"/photo.jpg", onrecord.MediaImage, "", false, "image/png"},
		{"/moved.png", "", "", false, "image/png"},
		{"/page.jpg", onrecord.MediaImage, onrecord.MissingType, false, "text/html"},
		{"/plain.png", onrecord.MediaImage, onrecord.MissingType, true, "text/plain"},
		{"/huge.png", onrecord.MediaImage, onrecord.MissingTooLarge, true, "image/png"},
		{"/endless.png", onrecord.MediaImage, onrecord.MissingTooLarge, true, "image/png"},
		{"/clip.mp4", onrecord.MediaVideo, onrecord.MissingType, true, "video/mp4"}, // the operator keeps none
		{"/410.png", "", onrecord.MissingGone, true, ""},
		{"/none.png", "", onrecord.MissingGone, false, ""},
		{"/403.png", "", onrecord.MissingRefused, false, ""},
		{"/500.png", "", onrecord.MissingUnreachable, false, ""},
		{"/short.png", "", onrecord.MissingUnreachable, false, ""},
		{"/private/a.png", "", onrecord.MissingRefused, true, ""},
		{"/inner.png", "", onrecord.MissingRefused, true, ""},
		{"/loop.png", "", onrecord.MissingRefused, true, ""},
	}
	most := func(kind string) int64 { return map[string]int64{onrecord.MediaImage: 20000}[kind] }
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			rec, into := &mediaRecorder{}, &sink{}
			got, err := client.Fetch(t.Context(), rec, crawler.MediaRequest{URL: host.URL + test.path, Kind: test.kind, Most: most}, into)
			if err != nil {
				t.Fatal(err)
			}
			if got.Missing != test.missing || got.Final != test.final || got.Type != test.mediaType {
				t.Errorf("missing %q, final %v, type %q (%s)", got.Missing, got.Final, got.Type, got.Why)
			}
			if test.missing == "" {
				x := got.Exchange
				if into.Len() != 5016 || x.Status != 200 || len(x.Payload) > 0 || len(x.Response) == 0 || x.IP == "" || x.Done.Before(x.At) || len(x.Note) == 0 {
					t.Errorf("%d bytes, %+v", into.Len(), x)
				}
				return
			}
			if got.Capture.URL == "" || len(rec.list) == 0 {
				t.Fatal("not recorded")
			}
			if last := rec.list[len(rec.list)-1]; len(last.Payload) > 64<<10 {
				t.Errorf("%d bytes are recorded of what is not kept", len(last.Payload))
			}
			if into.Len() > 400_000 {
				t.Errorf("%d bytes were received", into.Len())
			}
		})
	}
}

func TestSniff(t *testing.T) {
	for _, test := range []struct{ head, mediaType, kind string }{
		{png, "image/png", "image"}, {"\xff\xd8\xff\xe0", "image/jpeg", "image"}, {"GIF89a<script>", "image/gif", "image"},
		{"\x00\x00\x00\x18ftypM4A ", "audio/mp4", "audio"}, {"\x00\x00\x00\x18ftypisom", "video/mp4", "video"}, {"\x00\x00\x00\x1cftypavif", "image/avif", "image"},
		{"\xff\xfb\x90\x00", "audio/mpeg", "audio"}, {"ID3\x04", "audio/mpeg", "audio"}, {"\xff\xf1\x50\x80", "audio/mpeg", "audio"},
		{"OggS" + strings.Repeat("\x00", 24) + "OpusHead", "audio/ogg", "audio"}, {"%PDF-1.7", "application/pdf", "document"}, {"PK\x03\x04", "application/zip", "document"},
		{"<svg onload=alert(1)>", "image/svg+xml", "document"}, {"<?xml version='1.0'?><!-- x --><SVG>", "image/svg+xml", "document"},
		{"\xef\xbb\xbf \n<html>", "text/html", ""}, {"<x-a onclick=1>", "text/html", ""}, {"</p>", "text/html", ""}, {"", "application/octet-stream", ""}, {"\x00\x01\x02", "application/octet-stream", ""},
		{"just words", "text/plain", "document"},
	} {
		if mediaType, kind := crawler.Sniff([]byte(test.head)); mediaType != test.mediaType || kind != test.kind {
			t.Errorf("%q: %s, %s", test.head, mediaType, kind)
		}
	}
	if crawler.Keepable("text/plain", "document", "image") || !crawler.Keepable("text/plain", "document", "document") || crawler.Keepable("text/html", "", "document") {
		t.Error("text")
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte(png))
	f.Fuzz(func(t *testing.T, b []byte) {
		mediaType, kind := crawler.Sniff(b)
		if mediaType == "" || strings.Contains(mediaType, "html") && kind != "" {
			t.Fatalf("%q, %q", mediaType, kind)
		}
	})
}
