// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Cache-Control of what is sent.
const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheWording = "public, max-age=31536000, s-maxage=60, immutable"
	// A file never changes, but it may be withheld: shared caches ask each minute,
	// and a reader's own keeps it for a day.
	cacheMedia = "public, max-age=86400, s-maxage=60"
	// A statement may be withheld at any time, and a cache must not show what this
	// archive refuses to show: none goes on showing it beyond its minute.
	cacheStatement = "public, max-age=60, must-revalidate"
	cacheSearch    = "public, max-age=30"
	cacheAsk       = "no-cache" // keep it, and ask each time whether it is still so
	cacheNever     = "no-store"
)

// policy is the Content-Security-Policy of every answer: styles, images and
// media of our own, forms to ourselves, nothing else.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// permissions switches off what a page could ask a browser for.
const permissions = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()"

// guarded sets the headers that every answer has.
func guarded(h http.Handler, https bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Permissions-Policy", permissions)
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		if https {
			head.Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.ServeHTTP(w, r)
	})
}

// A reply is an answer that is complete before its first byte is sent, so that
// it can carry its digest and nobody gets half a page.
type reply struct {
	Status int    // 0 is 200
	Goto   string // Location, of a redirect
	Link   string // Link, in addition to others
	Type   string // Content-Type
	Cache  string // Cache-Control
	Strong bool   // the ETag names these bytes for ever
	Hidden bool   // from search engines
	Body   []byte

	// Made by seal, for an answer that is sent more than once.
	tag    string
	zipped func() []byte
}

// seal sees to it that what send computes of a is computed once.
func (a *reply) seal() {
	body := a.Body
	a.tag = tagOf(body)
	a.zipped = sync.OnceValue(func() []byte { return compressed(body) })
}

// zipFrom is the size from which compression is worth its while.
const zipFrom = 1024

// tagOf names bytes by their digest.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}

// send writes a: with ETag, as 304 where the reader has it already, and
// compressed where the reader can read that.
func (a reply) send(w http.ResponseWriter, r *http.Request) {
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	head := w.Header()
	head.Set("Content-Type", a.Type)
	head.Set("Cache-Control", a.Cache)
	head.Add("Vary", "Accept-Encoding")
	if a.Link != "" {
		head.Add("Link", a.Link)
	}
	if a.Goto != "" {
		head.Set("Location", a.Goto)
	}
	if a.Hidden {
		head.Set("X-Robots-Tag", "noindex")
	}
	if a.Status == http.StatusOK {
		tag := a.tag
		if tag == "" {
			tag = tagOf(a.Body)
		}
		zip := len(a.Body) > zipFrom && acceptsGzip(r)
		etag := "W/\"" + tag + "\""
		if a.Strong {
			etag = "\"" + tag + "\""
			if zip { // another representation of the same thing needs another strong tag
				etag = "\"" + tag + "-gzip\""
			}
		}
		head.Set("ETag", etag)
		if knows(r.Header.Get("If-None-Match"), tag) {
			head.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if zip {
			head.Set("Content-Encoding", "gzip")
			if a.zipped != nil {
				a.Body = a.zipped()
			} else {
				a.Body = compressed(a.Body)
			}
		}
	}
	head.Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.Body) // the reader may have left
	}
}

// knows reports whether an If-None-Match header names tag, weakly compared
// (RFC 9110, 13.1.2).
func knows(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || one == "\""+tag+"\"" || one == "\""+tag+"-gzip\"" {
			return true
		}
	}
	return false
}

// acceptsGzip reports whether the reader asks for gzip and does not refuse it
// by a weight of 0.
func acceptsGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.TrimSpace(name) == "gzip" {
			weight = strings.ReplaceAll(weight, " ", "")
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

func compressed(body []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf) // a writer to memory does not fail
	_, _ = z.Write(body)
	_ = z.Close()
	return buf.Bytes()
}
