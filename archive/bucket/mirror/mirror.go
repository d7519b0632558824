// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package mirror reads the bucket of an archive from outside, through its
// website: each object is at /record/{key}. It is what a stranger verifies an
// archive with. It writes nothing, and can't list: what is in the record is
// found through the ledger alone.
//
// Nothing that a server answers is trusted: an answer that is longer than was
// asked for, or of another range, is an error, and so is one that is too slow;
// redirects are not followed.
package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
)

// These are the errors of what a mirror can't do.
var (
	// ErrReadOnly reports a write.
	ErrReadOnly = errors.New("a mirror is read only")
	// ErrNoList reports a listing.
	ErrNoList = errors.New("a mirror can't be listed")
)

// Options configure a mirror.
type Options struct {
	// Client makes the requests: one that reaches no private address. Required.
	Client *http.Client
	// UserAgent names who asks; empty: "onrecord".
	UserAgent string
	// Stall ends an answer that brings no byte for so long; 30 s if 0.
	Stall time.Duration
	// Rate is the fewest bytes a second that an answer may bring, after the first
	// Stall of it; 16 KiB if 0.
	Rate int64
	// Tries is how often a request is made that the server refuses for now, or
	// whose answer breaks off; 4 if 0. A mebibyte that came counts as a success.
	Tries int
	// Final reports errors of Client after which no other try helps, such as an
	// address that is refused; nil: there are none.
	Final func(error) bool
	// Sleep waits between two tries; nil: by the real clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

// A Bucket is a bucket.Bucket that reads /record/{key} of a website.
type Bucket struct {
	base string // ends in "/record/"
	o    Options
}

// Open returns the bucket of the archive whose website is at site, an http or
// https address without query. It makes no request.
func Open(site string, o Options) (*Bucket, error) {
	u, err := url.Parse(site)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("mirror: %q is no address of a website, such as https://archive.example", site)
	}
	if o.Client == nil {
		return nil, errors.New("mirror: Options.Client is missing")
	}
	client := *o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = &client
	if o.UserAgent == "" {
		o.UserAgent = "onrecord"
	}
	if o.Stall <= 0 {
		o.Stall = 30 * time.Second
	}
	if o.Rate <= 0 {
		o.Rate = 16 << 10
	}
	if o.Tries <= 0 {
		o.Tries = 4
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return &Bucket{base: strings.TrimRight(u.String(), "/") + "/record/", o: o}, nil
}

// Create implements bucket.Bucket: it is ErrReadOnly.
func (b *Bucket) Create(context.Context, string, bucket.Body) error { return ErrReadOnly }

// Swap implements bucket.Bucket: it is ErrReadOnly.
func (b *Bucket) Swap(context.Context, string, bucket.Condition, []byte) (bucket.Tag, error) {
	return bucket.Tag{}, ErrReadOnly
}

// List implements bucket.Bucket: it yields ErrNoList.
func (b *Bucket) List(context.Context, string, string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, ErrNoList) }
}

// Load implements bucket.Bucket.
func (b *Bucket) Load(ctx context.Context, key string) ([]byte, bucket.Tag, error) {
	body, err := bucket.ReadAll(ctx, b, key, bucket.MaxRegister)
	if err != nil {
		return nil, bucket.Tag{}, err
	}
	return body, bucket.TagOf(body), nil
}

// Open implements bucket.Bucket. Bytes that are withheld are a
// [bucket.WithheldError].
func (b *Bucket) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return bucket.Object{}, err
	}
	if off < 0 {
		return bucket.Object{}, fmt.Errorf("%s from %d: %w", key, off, bucket.ErrRange)
	}
	header := ""
	switch {
	case n == 0: // no header asks for nothing
		return b.empty(ctx, key, off)
	case n > 0:
		header = fmt.Sprintf("bytes=%d-%d", off, off+n-1)
	case off > 0:
		header = fmt.Sprintf("bytes=%d-", off)
	}
	whole, cancel := context.WithCancelCause(ctx)
	for try := 1; ; try++ {
		o, after, err := b.get(whole, key, header, off, n)
		if err == nil {
			return bucket.Object{Size: o.size, ReadCloser: b.download(whole, cancel, key, off, o)}, nil
		}
		if after > 0 && try < b.o.Tries {
			if err = b.o.Sleep(ctx, after*time.Duration(try)); err == nil {
				continue
			}
		}
		cancel(nil)
		return bucket.Object{}, err
	}
}

// empty opens no bytes at off.
func (b *Bucket) empty(ctx context.Context, key string, off int64) (bucket.Object, error) {
	o, err := b.Open(ctx, key, 0, -1)
	if err != nil {
		return o, err
	}
	if off > o.Size {
		return bucket.Object{}, errors.Join(fmt.Errorf("%s from %d of %d: %w", key, off, o.Size, bucket.ErrRange), o.Close())
	}
	return bucket.Object{ReadCloser: http.NoBody, Size: o.Size}, o.Close()
}

// An answer is what one request for bytes brought.
type answer struct {
	size int64 // of the whole object
	body *body
}

// get makes one request. after is how long to wait before another try; 0 where
// none would help.
func (b *Bucket) get(ctx context.Context, key, header string, off, n int64) (o answer, after time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(b.o.Stall, cancel)
	end := func() { timer.Stop(); cancel() }
	defer func() {
		if err != nil {
			end()
			err = fmt.Errorf("%s%s: %w", b.base, key, err)
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+key, nil)
	if err != nil {
		return o, 0, err
	}
	req.Header.Set("User-Agent", b.o.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	if header != "" {
		req.Header.Set("Range", header)
	}
	res, err := b.o.Client.Do(req)
	if err != nil && b.o.Final != nil && b.o.Final(err) {
		return o, 0, err
	}
	if err != nil {
		return o, time.Second, err
	}
	size, length, err := b.answer(res, key, header, off, n)
	if err != nil {
		return o, retryAfter(res), errors.Join(err, res.Body.Close())
	}
	return answer{size: size, body: &body{r: res.Body, left: length, timer: timer, stall: b.o.Stall, end: end}}, 0, nil
}

// answer reads the head of an answer: the size of the object, and how many
// bytes are to follow.
func (b *Bucket) answer(res *http.Response, key, header string, off, n int64) (size, length int64, err error) {
	switch res.StatusCode {
	case http.StatusOK:
		if header != "" {
			return 0, 0, errors.New("the server does not answer ranges")
		}
		if res.ContentLength < 0 {
			return 0, 0, errors.New("the answer does not say how long it is")
		}
		return res.ContentLength, res.ContentLength, nil
	case http.StatusPartialContent:
		first, last, size, ok := contentRange(res.Header.Get("Content-Range"))
		if ok && first == off && off+n > size { // it was cut short to what there is
			return 0, 0, bucket.ErrRange
		}
		if !ok || header == "" || first != off || n > 0 && last != off+n-1 || n < 0 && last != size-1 {
			return 0, 0, fmt.Errorf("asked for %q, the server answers %q", header, res.Header.Get("Content-Range"))
		}
		return size, last - first + 1, nil
	case http.StatusNotFound:
		return 0, 0, bucket.ErrNotExist
	case http.StatusRequestedRangeNotSatisfiable:
		return 0, 0, bucket.ErrRange
	case http.StatusGone, http.StatusUnavailableForLegalReasons:
		return 0, 0, withheld(res, key)
	}
	if to := res.Header.Get("Location"); to != "" {
		return 0, 0, fmt.Errorf("%d to %.200q: give that address", res.StatusCode, to)
	}
	return 0, 0, fmt.Errorf("the server answers %.100q", res.Status)
}

// contentRange reads "bytes first-last/size".
func contentRange(s string) (first, last, size int64, ok bool) {
	n, err := fmt.Sscanf(s, "bytes %d-%d/%d", &first, &last, &size)
	return first, last, size, err == nil && n == 3 && 0 <= first && first <= last && last < size
}

// maxProblem bounds what is read of an answer that says why there is none.
const maxProblem = 256 << 10

// withheld reads which bytes are withheld, and in which case.
func withheld(res *http.Response, key string) error {
	if !strings.HasPrefix(key, "captures/") && !strings.HasPrefix(key, "media/") && !strings.HasPrefix(key, "journal/") {
		return fmt.Errorf("%d, and what is no evidence is never withheld: %w", res.StatusCode, bucket.ErrNotExist)
	}
	e := &bucket.WithheldError{Key: key}
	var p struct {
		Case  string `json:"case"`
		Size  int64  `json:"size"`
		Spans []struct {
			Offset int64 `json:"offset"`
			Length int64 `json:"length"`
		} `json:"spans"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxProblem)).Decode(&p); err != nil || !onrecord.IsCase(p.Case) {
		return fmt.Errorf("%d without the number of a case: %w", res.StatusCode, bucket.ErrNotExist)
	}
	e.Case, e.Size = p.Case, p.Size
	for _, s := range p.Spans {
		if s.Offset < 0 || s.Length <= 0 || s.Length > p.Size-s.Offset {
			e.Spans = nil
			break
		}
		e.Spans = append(e.Spans, bucket.Span(s))
	}
	if !strings.HasPrefix(key, "journal/") { // each of whose frames is a line, and counts
		e.Spans = fewHoles(e.Spans)
	}
	return e
}

// maxBetween is how many parts between holes are read of a WARC object: each is a
// request. Of a journal segment there are as many as maxProblem holds.
const maxBetween = 100

// fewHoles closes the smallest parts between spans, until maxBetween are left:
// then they count as withheld, too. Spans in another order than that of their
// offsets are left for others to refuse.
func fewHoles(spans []bucket.Span) []bucket.Span {
	var between []int64
	for i := 1; i < len(spans); i++ {
		if n := spans[i].Offset - spans[i-1].Offset - spans[i-1].Length; n > 0 {
			between = append(between, n)
		}
	}
	if len(between) <= maxBetween {
		return spans
	}
	slices.Sort(between)
	least := between[len(between)-maxBetween-1] // what is no longer than this is closed
	few := spans[:1:1]
	for _, s := range spans[1:] {
		last := &few[len(few)-1]
		if n := s.Offset - last.Offset - last.Length; n > 0 && n <= least {
			last.Length += n + s.Length
		} else {
			few = append(few, s)
		}
	}
	return few
}

// retryAfter returns how long a server that refuses for now asks to wait, at
// most a minute.
func retryAfter(res *http.Response) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 {
		return 0
	}
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}

// sleep waits by the real clock.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
