// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gocolly/colly/v2"

	"onrecord"
)

// acceptEncoding names the content codings that decode.go can remove.
const acceptEncoding = "gzip, deflate, br, zstd"

// A hop is one request of a visit: the door's own, or where a redirect led.
type hop struct {
	req  Request
	url  string // req.URL, or the redirect's target
	from string // the address that redirected here; empty for the door's own
	n    int    // 0 for the door's own
	val  onrecord.Validator
}

// live makes the requests of one visit: a colly collector over a transport
// that guards, waits, limits and records. It is not for concurrent use.
type live struct {
	c    *Client
	ctx  context.Context
	trip *trip
	col  *colly.Collector

	// Between fetch and RoundTrip; colly makes one request at a time here.
	hop  hop
	last *answer
	err  error
}

func (c *Client) newLive(ctx context.Context, t *trip) *live {
	l := &live{c: c, ctx: ctx, trip: t}
	// Init, and not NewCollector, which would read COLLY_ variables from the
	// environment. It leaves colly's own robots.txt handling off.
	col := &colly.Collector{}
	col.Init()
	col.UserAgent = c.agent
	col.Context = ctx
	col.AllowURLRevisit = true
	col.ParseHTTPErrorResponse = true
	col.MaxBodySize = 0 // colly's limit lies before its gunzip; the transport has its own
	col.DisableCookies()
	col.SetRequestTimeout(0) // Limits.Time
	col.WithTransport(l)
	// Redirects never reach it: RoundTrip hides their Location, and the visit
	// loop follows them one request at a time.
	col.SetRedirectHandler(func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse })
	l.col = col
	return l
}

// fetch makes the request of h and returns its recorded answer. An error means
// that it could not be recorded, or that the visit is called off.
func (l *live) fetch(h hop) (*answer, error) {
	l.hop, l.last, l.err = h, nil, nil
	hdr := http.Header{}
	for name, v := range h.req.Header {
		hdr.Set(name, v)
	}
	hdr.Set("Accept-Encoding", acceptEncoding)
	if h.val.ETag != "" {
		hdr.Set("If-None-Match", h.val.ETag)
	}
	if h.val.LastModified != "" {
		hdr.Set("If-Modified-Since", h.val.LastModified)
	}
	err := l.col.Request(http.MethodGet, h.url, nil, nil, hdr)
	switch {
	case l.err != nil:
		return nil, l.err
	case l.last != nil:
		return l.last, nil
	case l.ctx.Err() != nil:
		return nil, l.ctx.Err()
	case err == nil:
		err = errors.New("no answer")
	}
	// Colly did not get as far as the transport: the address can't be parsed.
	return l.c.unsent(l.ctx, l.trip, nil, h.url, l.note(), refusal{verdict: onrecord.OutcomeDrift, reason: "address: " + err.Error()})
}

func (l *live) note() note {
	return note{
		What:        noteVisit,
		Request:     l.trip.scrub.request(l.hop.req),
		Asked:       l.trip.scrub.text(l.hop.url),
		Hop:         l.hop.n,
		Conditional: l.hop.val.ETag != "" || l.hop.val.LastModified != "",
	}
}

// RoundTrip implements http.RoundTripper for colly: the request as an answer
// in l.last. Colly gets the status only. It would convert the body to UTF-8 by
// the charset that the header names, and the doors read what was captured.
func (l *live) RoundTrip(req *http.Request) (*http.Response, error) {
	a, err := l.exchange(req)
	if err != nil {
		l.err = err
		return nil, err
	}
	l.last = a
	return &http.Response{
		Status: http.StatusText(a.x.Status), StatusCode: max(a.x.Status, http.StatusContinue),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req, Uncompressed: true,
	}, nil
}

// exchange is one recorded exchange with everything that comes before it.
func (l *live) exchange(req *http.Request) (*answer, error) {
	n := l.note()
	var h *host
	refuse := func(r refusal) (*answer, error) {
		return l.c.unsent(l.ctx, l.trip, h, plainURL(req.URL), n, r)
	}
	if why := fetchable(req.URL, l.hop.from); why != "" {
		return refuse(refusal{verdict: onrecord.OutcomeBlocked, reason: "refused: " + why})
	}
	h = l.c.hostOf(req.URL, l.c.now())
	file, err := l.c.robotsOf(l.ctx, l.trip, h, req.URL)
	if err != nil {
		return nil, err
	}
	n.HostAnswered = l.trip.there[req.URL.Host]
	if r := file.allows(req.URL); r != nil {
		return refuse(*r)
	}
	n.Robots = "allowed by " + file.from
	r, err := l.c.take(l.ctx, h, l.trip.floor, file.rules.delay)
	if err != nil {
		return nil, err
	}
	if r != nil {
		return refuse(*r)
	}
	defer h.give()
	a, err := l.c.exchange(l.ctx, l.trip, h, req, n, l.c.opt.Limits)
	if err == nil {
		h.heed(a)
	}
	return a, err
}

// forbidden are headers that the client sets itself; a door that asks for one
// is wrong.
var forbidden = []string{
	"Accept-Encoding", "Authorization", "Connection", "Content-Length", "Cookie", "Expect", "Forwarded", "Host",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Proxy-Authorization", "Range", "Te",
	"Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "Via", "X-Forwarded-For",
}

// checkRequest returns why a door's request can't be made; empty if it can.
func checkRequest(r Request) string {
	for name := range r.Header {
		if slices.Contains(forbidden, http.CanonicalHeaderKey(name)) {
			return "a door may not set the header " + name
		}
	}
	if len(r.State) > maxState {
		return "state over 1 KiB"
	}
	if len(r.URL) > maxURL {
		return "address too long"
	}
	if u, err := url.Parse(r.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "not an absolute http or https address"
	}
	return ""
}

// maxState bounds cursors and the state of requests, in bytes.
const maxState = 1 << 10
