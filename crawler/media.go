// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"onrecord"
)

// A Sink takes a payload while it is received, and hands out its first bytes.
type Sink interface {
	io.Writer
	Head() []byte
}

// A MediaRequest asks for one attachment.
type MediaRequest struct {
	URL  string
	Kind string // what it is said to be: onrecord.MediaImage …, or empty
	// Most returns the most bytes that are kept of a kind, 0 for none.
	Most func(kind string) int64
}

// A Fetched is what came of a MediaRequest.
type Fetched struct {
	// Exchange is the last one, without a payload, and not recorded, where the
	// attachment was received whole: its payload is in the sink.
	Exchange onrecord.Exchange
	// Capture is the last exchange as it was recorded, where the attachment was
	// not received.
	Capture onrecord.CaptureRef

	Type    string    // media type as sniffed
	Most    int64     // of what is too large: how many bytes are kept at most
	Missing string    // onrecord.MissingGone …; empty where the payload is in the sink
	Why     string    // of Missing, for logs
	Final   bool      // asking again would not help
	RetryAt time.Time // not before, where the host says so; zero if it does not
}

const (
	// mediaTime is how long one attachment may take: 500 MB at 2 Mbit/s.
	mediaTime = 35 * time.Minute
	// mediaRate is the least that must come, in bytes a second, over 10 s.
	mediaRate = 8 << 10
	// refusedPayload is how much is recorded of an answer that is not kept.
	refusedPayload = 64 << 10
)

// Fetch asks for an attachment, by the rules of a visit: the guard, robots.txt,
// the host's rate. It hands the payload to sink while it comes, judges what it is
// by its first bytes, and stops where it is nothing to be kept, or too large.
// What is on the way, redirects and answers that are not kept, is recorded. An
// error means that it could not be recorded, that sink failed, or that ctx ended.
func (c *Client) Fetch(ctx context.Context, rec Recorder, r MediaRequest, sink Sink) (Fetched, error) {
	f := &fetching{c: c, r: r, sink: sink, trip: &trip{rec: rec}}
	at, from := r.URL, ""
	for n := 0; ; n++ {
		next, err := f.hop(ctx, at, from, n)
		if err != nil || next == "" {
			return f.res, err
		}
		if n == maxRedirects {
			f.missing(onrecord.MissingRefused, true, fmt.Sprintf("more than %d redirects", maxRedirects))
			return f.res, nil
		}
		at, from = next, at
	}
}

// A fetching is one Fetch under way.
type fetching struct {
	c    *Client
	r    MediaRequest
	sink Sink
	trip *trip
	res  Fetched
}

func (f *fetching) missing(reason string, final bool, why string) {
	f.res.Missing, f.res.Final, f.res.Why = reason, final, why
}

// hop makes one request and returns where it redirects to, if it does.
func (f *fetching) hop(ctx context.Context, at, from string, hop int) (next string, err error) {
	n := note{What: noteVisit, Request: Request{URL: f.r.URL, Kind: "media"}, Asked: at, Hop: hop}
	u, err := url.Parse(at)
	if err == nil {
		if why := fetchable(u, from); why != "" {
			err = errors.New(why)
		}
	}
	if err != nil {
		return "", f.refuse(ctx, nil, at, n, refusal{verdict: onrecord.OutcomeBlocked, reason: "refused: " + err.Error()})
	}
	h := f.c.hostOf(u, f.c.now())
	file, err := f.c.robotsOf(ctx, f.trip, h, u)
	if err != nil {
		return "", err
	}
	if no := file.allows(u); no != nil {
		return "", f.refuse(ctx, h, at, n, *no)
	}
	n.Robots = "allowed by " + file.from
	no, err := f.c.take(ctx, h, 0, file.rules.delay)
	if err != nil {
		return "", err
	}
	if no != nil {
		return "", f.refuse(ctx, h, at, n, *no)
	}
	defer h.give()
	return f.exchange(ctx, h, u, n)
}

// refuse notes that the client did not ask.
func (f *fetching) refuse(ctx context.Context, h *host, at string, n note, r refusal) error {
	a, err := f.c.unsent(ctx, f.trip, h, at, n, r)
	if err != nil {
		return err
	}
	f.res.Capture, f.res.RetryAt = a.ref, r.retryAt
	switch {
	case r.verdict == onrecord.OutcomeOutage, !r.retryAt.IsZero():
		f.missing(onrecord.MissingUnreachable, false, r.reason)
	default:
		f.missing(onrecord.MissingRefused, r.verdict == onrecord.OutcomeBlocked, r.reason)
	}
	return nil
}

// exchange sends the request, whose host's turn the caller holds.
func (f *fetching) exchange(ctx context.Context, h *host, u *url.URL, n note) (next string, err error) {
	req := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}}
	req.Header.Set("User-Agent", f.c.agent)
	req.Header.Set("Accept", "*/*")
	// A coded payload is no byte range of the file that it stands for.
	req.Header.Set("Accept-Encoding", "identity")
	a := &answer{note: n}
	a.x = onrecord.Exchange{URL: plainURL(u), Method: req.Method, At: f.c.now(), Request: requestHead(req, u.RequestURI())}
	got, err := f.send(ctx, h, req, a)
	if err != nil {
		return "", err
	}
	f.c.heard(h, a.x.Status != 0 && a.x.Status < 500, a.x.Done)
	if got {
		a.note.V = 1
		a.x.Note, err = json.Marshal(a.note)
		f.res.Exchange = a.x
		return "", errors.Join(err, ctx.Err())
	}
	if err := f.trip.record(ctx, a); err != nil {
		return "", err
	}
	h.heed(a)
	f.res.Capture = a.ref
	if to := redirectTarget(a.x.Status, a.header, u); to != nil {
		f.res.Missing, f.res.Why = "", ""
		return to.String(), ctx.Err()
	}
	f.judge(a)
	return "", ctx.Err()
}

// judge says why there is no attachment, where the payload did not say so.
func (f *fetching) judge(a *answer) {
	if f.res.Missing != "" {
		return
	}
	v := judge(a)
	f.res.RetryAt = v.retryAt
	switch s := a.x.Status; {
	case s == http.StatusNotFound || s == http.StatusGone:
		f.missing(onrecord.MissingGone, s == http.StatusGone, fmt.Sprintf("status %d", s))
	case s >= 400 && s < 500 && s != http.StatusTooManyRequests && s != http.StatusRequestTimeout:
		f.missing(onrecord.MissingRefused, false, fmt.Sprintf("status %d", s))
	case s != 0 && s < 400 && a.note.Verdict == "":
		f.missing(onrecord.MissingRefused, false, fmt.Sprintf("status %d", s))
	default:
		refused := strings.HasPrefix(a.x.Failure, "refused")
		f.missing(onrecord.MissingUnreachable, false, cmp.Or(a.note.Reason, fmt.Sprintf("status %d", s)))
		if refused {
			f.missing(onrecord.MissingRefused, true, a.x.Failure)
		}
	}
}

// send does the network's part. got says that the payload is in the sink, whole.
func (f *fetching) send(ctx context.Context, h *host, req *http.Request, a *answer) (got bool, err error) {
	parent := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, max(mediaTime, f.c.opt.Limits.Time), errTime)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx = f.c.traced(ctx, h, a)
	res, err := f.c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		a.x.Done = f.c.now()
		a.fail(parent, ctx, f.trip, err)
		return false, nil
	}
	defer res.Body.Close()
	defer stop(errTime) // what is left is not to be read to its end
	a.x.Status, a.header = res.StatusCode, res.Header
	a.x.Response = responseHead(res, res.Header)
	w := newWatch(res.Body, mediaRate, stop)
	defer w.stop()
	if res.StatusCode != http.StatusOK {
		b, err := readBody(w, -1, strings.Join(res.Header.Values("Content-Encoding"), ","), Limits{Wire: refusedPayload, Decoded: 8 * refusedPayload, Ratio: 100})
		a.x.Done = f.c.now()
		a.take(parent, ctx, f.trip, b, err)
		return false, nil
	}
	failed, err := f.receive(w, res)
	a.x.Done = f.c.now()
	if failed != nil {
		return false, fmt.Errorf("keep %s: %w", a.x.URL, failed)
	}
	if err == nil && f.res.Missing == "" {
		return true, nil
	}
	a.x.Payload, a.x.Truncated = f.sink.Head()[:min(len(f.sink.Head()), refusedPayload)], "length"
	if err != nil {
		a.take(parent, ctx, f.trip, body{wire: a.x.Payload}, err)
	}
	return false, nil
}

// receive copies the payload into the sink, as far as it is to be kept. What
// failed is an error of the sink, err one of the network.
func (f *fetching) receive(r io.Reader, res *http.Response) (failed, err error) {
	if codings := codingsOf(strings.Join(res.Header.Values("Content-Encoding"), ",")); len(codings) > 0 {
		f.missing(onrecord.MissingType, false, "content coding "+strings.Join(codings, ", ")+", though none was asked for")
		return nil, nil
	}
	buf := make([]byte, 128<<10)
	kept, most := int64(0), int64(-1)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, failed := f.sink.Write(buf[:n]); failed != nil {
				return failed, nil
			}
			kept += int64(n)
		}
		end := err == io.EOF
		if most < 0 && (kept >= SniffLen || end) {
			if most = f.allowed(); f.res.Missing != "" {
				return nil, nil
			}
		}
		if most >= 0 && max(kept, res.ContentLength) > most {
			f.res.Most = most
			f.missing(onrecord.MissingTooLarge, true, fmt.Sprintf("%d bytes or more, at most %d are kept of %s", max(kept, res.ContentLength), most, f.res.Type))
			return nil, nil
		}
		if end {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// allowed says how large the attachment may be, by what its beginning shows.
func (f *fetching) allowed() int64 {
	mediaType, kind := Sniff(f.sink.Head())
	f.res.Type = mediaType
	if !Keepable(mediaType, kind, f.r.Kind) {
		// A page in place of a file is often a check that passes.
		f.missing(onrecord.MissingType, mediaType != "text/html", "the file is "+mediaType)
		return 0
	}
	most := f.r.Most(kind)
	if most <= 0 {
		f.missing(onrecord.MissingType, true, "the operator keeps no "+kind)
	}
	return most
}
