// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"onrecord"
)

// These are the reasons for which the client itself ends an exchange.
var (
	errSlow = errors.New("slower than the least rate")
	errTime = errors.New("longer than an exchange may take")
)

// An answer is one exchange as the visit loop sees it, live or replayed.
type answer struct {
	x      onrecord.Exchange
	ref    onrecord.CaptureRef
	header http.Header // without secrets
	body   []byte      // decoded; nil unless whole
	note   note
	judged *verdict // by judge, once
}

// A trip is what the exchanges of one visit share.
type trip struct {
	rec   Recorder
	scrub scrubber
	floor time.Duration
	prior func(url string) *onrecord.Prior
	there map[string]bool // hosts whose robots.txt has answered on the way
}

// exchange sends req, whose turn h the caller holds, and returns its recorded
// answer. An error means that it could not be recorded, or that ctx ended.
func (c *Client) exchange(ctx context.Context, t *trip, h *host, req *http.Request, n note, l Limits) (*answer, error) {
	a := &answer{note: n}
	a.x = onrecord.Exchange{URL: t.scrub.text(plainURL(req.URL)), Method: req.Method, At: c.now()}
	out := req.Clone(ctx)
	if n.What == noteVisit && (out.URL.Scheme == "https" || len(c.opt.Allow) > 0) {
		t.scrub.apply(out)
	}
	shown := *out
	shown.Header = t.scrub.header(out.Header)
	a.x.Request = requestHead(&shown, t.scrub.text(out.URL.RequestURI()))

	c.send(ctx, t, h, out, a, l)

	other := c.heard(h, a.x.Status != 0 && a.x.Status < 500, a.x.Done)
	a.note.OtherAnswered = other && (a.x.Status == 0 || a.x.Status >= 500)
	// After a redirect the answer is another address's, and no revisit of ours.
	if p := t.prior; p != nil && a.x.Status != 0 && a.x.URL == a.note.Request.URL {
		a.x.Prior = p(a.x.URL)
	}
	if err := t.record(ctx, a); err != nil {
		return nil, err
	}
	return a, ctx.Err()
}

// send does the network's part of exchange and fills in a.
func (c *Client) send(ctx context.Context, t *trip, h *host, out *http.Request, a *answer, l Limits) {
	parent := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, l.Time, errTime)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx = c.traced(ctx, h, a)
	res, err := c.transport.RoundTrip(out.WithContext(ctx))
	if err != nil {
		a.x.Done = c.now()
		a.fail(parent, ctx, t, err)
		return
	}
	defer res.Body.Close()
	a.x.Status = res.StatusCode
	a.header = t.scrub.header(res.Header)
	a.x.Response = responseHead(res, a.header)
	w := newWatch(res.Body, l.Rate, stop)
	b, err := readBody(w, res.ContentLength, strings.Join(res.Header.Values("Content-Encoding"), ","), l)
	w.stop()
	a.x.Done = c.now()
	a.take(parent, ctx, t, b, err)
	if a.x.Truncated == "" && a.note.Verdict == "" {
		return
	}
	// What is left on this connection is not to be read to its end.
	stop(errTime)
}

// traced returns ctx such that a learns the address that answers.
func (c *Client) traced(ctx context.Context, h *host, a *answer) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if ap, err := netip.ParseAddrPort(i.Conn.RemoteAddr().String()); err == nil {
			a.x.IP = ap.Addr().Unmap().String()
			h.local = c.guard.allowed(ap.Addr().Unmap())
		}
	}})
}

// take puts what was received of the payload into a.
func (a *answer) take(parent, ctx context.Context, t *trip, b body, err error) {
	a.x.Payload, a.body, a.x.Truncated = b.wire, b.decoded, b.cut
	a.note.Verdict, a.note.Reason = b.verdict, b.reason
	if err != nil {
		a.x.Truncated, a.note.Verdict = "disconnect", onrecord.OutcomeTruncated
		a.note.Reason = "payload: " + t.scrub.text(err.Error())
		if cause := context.Cause(ctx); errors.Is(cause, errSlow) || errors.Is(cause, errTime) {
			a.x.Truncated, a.note.Reason = "time", cause.Error()
		}
		if parent.Err() != nil {
			a.x.Truncated, a.note.Cancelled = "unspecified", true
		}
	}
	if t.scrub.leaks(a.x.Payload) || t.scrub.leaks(b.decoded) {
		a.x.Payload, a.x.Truncated = nil, "unspecified"
		a.note.Verdict, a.note.Reason = onrecord.OutcomeTruncated, "payload repeats a secret and is not kept"
	}
	if a.note.Verdict != "" {
		a.body = nil
	}
}

// fail says in a why there was no answer.
func (a *answer) fail(parent, ctx context.Context, t *trip, err error) {
	a.note.Verdict = onrecord.OutcomeOutage
	a.note.Cancelled = parent.Err() != nil
	word := "disconnect"
	switch cause := context.Cause(ctx); {
	case a.note.Cancelled:
		word = "cancelled"
	case errors.Is(err, ErrRefused):
		word, a.note.Verdict = "refused", onrecord.OutcomeBlocked
	case strings.Contains(err.Error(), "server response headers exceeded"):
		word, a.note.Verdict = "head", onrecord.OutcomeTruncated
	case errors.Is(cause, errTime):
		word, err = "timeout", errTime
	default:
		word = failureWord(err)
	}
	a.x.Failure = word + ": " + t.scrub.text(err.Error())
	a.note.Reason = a.x.Failure
}

// failureWord says at which step err happened.
func failureWord(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "dns"
	}
	if isTLS(err) {
		return "tls"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "timeout"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return "connect"
	}
	return "disconnect"
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	return strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "TLS handshake")
}

// record hands a to the recorder. A visit that is called off still records
// what it has received.
func (t *trip) record(ctx context.Context, a *answer) error {
	a.note.V = 1
	n, err := json.Marshal(a.note)
	if err != nil {
		return fmt.Errorf("note of %s: %w", a.x.URL, err)
	}
	a.x.Note = n
	ref, err := t.rec.Record(context.WithoutCancel(ctx), a.x)
	if err != nil {
		return fmt.Errorf("record %s: %w", a.x.URL, err)
	}
	a.ref = ref
	return nil
}

// unsent records that the client decided not to send the request for u. h may
// be nil.
func (c *Client) unsent(ctx context.Context, t *trip, h *host, u string, n note, r refusal) (*answer, error) {
	a := &answer{note: n}
	a.note.OtherAnswered = r.verdict == onrecord.OutcomeOutage && c.heard(h, false, c.now())
	a.note.Verdict, a.note.Reason, a.note.RetryAt = r.verdict, t.scrub.text(r.reason), r.retryAt
	a.x = onrecord.Exchange{URL: t.scrub.text(u), Method: http.MethodGet, At: c.now(), Done: c.now(), Failure: a.note.Reason}
	if err := t.record(ctx, a); err != nil {
		return nil, err
	}
	return a, ctx.Err()
}

// plainURL returns u without its fragment, which is never sent.
func plainURL(u *url.URL) string {
	p := *u
	p.Fragment, p.RawFragment = "", ""
	return p.String()
}

// requestHead returns the request line and the header block as net/http sends
// them, but for uri, in which secrets are replaced.
func requestHead(r *http.Request, uri string) []byte {
	var b bytes.Buffer
	b.Grow(512)
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, uri, r.URL.Host)
	writeHeader(&b, r.Header)
	return b.Bytes()
}

// responseHead returns the status line and the header block h. The names are
// in canonical spelling and sorted; Transfer-Encoding is gone, because the
// payload is kept after it.
func responseHead(r *http.Response, h http.Header) []byte {
	var b bytes.Buffer
	b.Grow(1 << 10)
	fmt.Fprintf(&b, "%s %s\r\n", r.Proto, r.Status)
	writeHeader(&b, h)
	return b.Bytes()
}

// oneLine keeps a value from ending its line; net/http lets none through that would.
func oneLine(v string) string {
	if !strings.ContainsAny(v, "\r\n") {
		return v
	}
	return strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == '\r' || r == '\n' }), " ")
}

func writeHeader(b *bytes.Buffer, h http.Header) {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range h[name] {
			b.WriteString(name)
			b.WriteString(": ")
			b.WriteString(oneLine(v))
			b.WriteString("\r\n")
		}
	}
	b.WriteString("\r\n")
}
