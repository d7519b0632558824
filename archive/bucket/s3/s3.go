// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package s3 is a bucket in an S3 store: of a cloud, or of a server of one's
// own. It needs a store that honours If-None-Match and If-Match on PUT: these
// conditions are the commit point of the record. [Bucket.Probe] finds out
// whether a store really does.
//
// # What is written how
//
// An object is one PUT with If-None-Match, signed over its SHA-256, which it also
// sends as x-amz-checksum-sha256: a store that gets other bytes refuses them, and
// one that keeps checksums can find bit rot. There are no trailing checksums:
// stores differ in them. Nothing is sent in parts: whether a store heeds the
// condition when it joins them is another matter than whether a PUT does, an
// erasure could not replace what no single PUT can hold, and nothing in an archive
// is larger than bucket.MaxObject. A Body whose bytes are not what it promises is
// broken off before its last byte, so that nothing of it appears.
//
// A register is one PUT with If-Match or If-None-Match. Its tag is its ETag.
//
// # Errors and time
//
// The answers of package bucket aside, an error is an [*Error], and leaves open
// whether a write happened. Nothing is tried twice here: package retry does
// that, and compares before it reports a conflict. Every request ends in time:
// [Options.Timeout] until the first byte of an answer and between any two reads,
// and a body that is sent as long as it goes at [Options.MinRate], however large.
package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"onrecord/archive/bucket"
)

// Options say how long a Bucket waits, and how large its requests are. The
// zero Options are good defaults.
type Options struct {
	// Timeout is for the beginning of an answer, and for each read of its body;
	// default 30 s.
	Timeout time.Duration
	// Dial is for a connection, its TLS apart; default 5 s.
	Dial time.Duration
	// MinRate is the slowest upload that is waited for, in bytes a second;
	// default 64 KiB.
	MinRate int64
	// Largest is the largest object that is sent, in bytes: what a store takes in
	// one PUT; default bucket.MaxObject. A larger one is bucket.ErrTooLarge.
	Largest int64
	// KeysFile is the file that the credentials were read from, which is read again
	// when it changes; empty: they stay what they are.
	KeysFile string
	// Transport makes the requests; nil: one of its own.
	Transport http.RoundTripper
}

const (
	defaultTimeout = 30 * time.Second
	defaultDial    = 5 * time.Second
	defaultMinRate = 64 << 10
	maxIdle        = 64 // connections that are kept open
)

// A Bucket is a bucket.Bucket, a bucket.Pruner and a bucket.Eraser in an S3
// store.
type Bucket struct {
	at   Location
	core *minio.Core
	o    Options
	keys *keysFile // nil: the credentials stay what they are

	mu     sync.Mutex
	states versioning // as the store last told it; guarded by mu
}

var (
	_ bucket.Bucket = (*Bucket)(nil)
	_ bucket.Pruner = (*Bucket)(nil)
	_ bucket.Eraser = (*Bucket)(nil)
)

// New returns the bucket at a location. It asks the store nothing.
func New(at Location, keys Credentials, o Options) (*Bucket, error) {
	if keys.AccessKey == "" || keys.SecretKey.text == "" {
		return nil, errors.New("no credentials")
	}
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.Dial = cmp.Or(o.Dial, defaultDial)
	o.MinRate = cmp.Or(o.MinRate, defaultMinRate)
	o.Largest = cmp.Or(o.Largest, bucket.MaxObject)
	if o.Transport == nil {
		o.Transport = newTransport(o)
	}
	given := credentials.NewStaticV4(keys.AccessKey, keys.SecretKey.text, keys.SessionToken.text)
	var file *keysFile
	if o.KeysFile != "" {
		file = &keysFile{path: o.KeysFile, now: valueOf(keys)}
		given = credentials.New(file)
	}
	lookup := minio.BucketLookupPath
	if at.HostStyle {
		lookup = minio.BucketLookupDNS
	}
	core, err := minio.NewCore(at.Host, &minio.Options{
		Creds:        given,
		Secure:       at.Secure,
		Region:       at.Region,
		BucketLookup: lookup,
		Transport:    observer{o.Transport},
		MaxRetries:   1,
	})
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	core.SetAppInfo("onrecord", "1")
	return &Bucket{at: at, core: core, o: o, keys: file}, nil
}

// newTransport returns a transport whose every wait has an end.
func newTransport(o Options) http.RoundTripper {
	d := &net.Dialer{Timeout: o.Dial, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           d.DialContext,
		TLSHandshakeTimeout:   2 * o.Dial,
		ResponseHeaderTimeout: o.Timeout,
		MaxIdleConns:          maxIdle,
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true, // a stored object is what was stored
		ForceAttemptHTTP2:     false,
	}
}

// Location returns where b is.
func (b *Bucket) Location() Location { return b.at }

// name returns the store's name of a key.
func (b *Bucket) name(key string) string {
	if b.at.Prefix == "" {
		return key
	}
	return path.Join(b.at.Prefix, key)
}

// begin starts a request that sends size bytes: the context of its call, and
// what is learned of its answer. Each call of the answer's more begins the wait
// anew.
func (b *Bucket) begin(ctx context.Context, size int64) (context.Context, *answer, context.CancelFunc) {
	a := &answer{}
	wait := b.o.Timeout + time.Duration(float64(size)/float64(b.o.MinRate)*float64(time.Second))
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, answerKey{}, a))
	clock := newClock(wait, cancel)
	a.more = clock.start
	return ctx, a, func() {
		clock.stop()
		cancel(nil)
	}
}

// An answer is what the headers of an answer tell that errors of the client do
// not.
type answer struct {
	more func() // begins the wait for it anew

	mu     sync.Mutex
	after  time.Duration // Retry-After
	date   string        // Date
	server string
}

type answerKey struct{}

// An observer notes the headers of answers in the answer of their context.
type observer struct{ next http.RoundTripper }

func (o observer) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := o.next.RoundTrip(r)
	if a, ok := r.Context().Value(answerKey{}).(*answer); ok && err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.after, a.date, a.server = retryAfter(res.Header), res.Header.Get("Date"), res.Header.Get("Server")
	}
	return res, err
}

// told returns what was noted.
func (a *answer) told() (after time.Duration, date, server string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.after, a.date, a.server
}
