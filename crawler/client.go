// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Options are what a Client is made of. The zero value of a field means the
// default that its comment names.
type Options struct {
	Version    string // of the program; default "devel"
	ArchiveURL string // public address of the archive, for the User-Agent
	Contact    string // e-mail or page of who runs it, for the User-Agent

	// Now is the clock, in any zone; required.
	Now func() time.Time
	// Sleep waits for d or until ctx ends; default a timer. A caller whose Now
	// does not follow the real clock gives one that moves its own.
	Sleep func(ctx context.Context, d time.Duration) error

	// Allow are networks that the guard lets through, on any port. For tests
	// and the demonstration only.
	Allow []netip.Prefix
	// MinInterval is the least time between the starts of two requests to a
	// host and port; default 1s. A door's floor and a crawl-delay raise it. At
	// hosts within Allow a door's floor does not count.
	MinInterval time.Duration
	// Hourly is the number of requests to a host and port in an hour beyond
	// which the client refuses to send; default 1200, at hosts within Allow
	// none.
	Hourly int
	// MaxWait is the longest that a request waits for its turn at a host;
	// beyond it the visit ends and is due again later; default 2m.
	MaxWait time.Duration

	Limits   Limits
	Resolver *net.Resolver // default the system's
	// Hosts says where to connect for a host and port, such as
	// "social.example:443", in place of where its name leads; the guard sees that
	// address. Where it is not nil, no other host is there. For tests and the
	// demonstration only.
	Hosts   map[string]string
	RootCAs *x509.CertPool // default the system's
}

// Limits bound one exchange. An answer over a limit is recorded as far as it
// came, marked as truncated, and never parsed.
type Limits struct {
	Head    int64         // bytes of the answer's head; default 64 KiB
	Wire    int64         // bytes of the payload as sent; default 16 MiB
	Decoded int64         // bytes once content codings are removed; default 32 MiB
	Ratio   int64         // decoded to wire bytes, once 1 MiB is decoded; default 100
	Time    time.Duration // the whole exchange; default 2m
	Rate    int64         // bytes a second, over 10 s; default 1024
}

// withDefaults returns l with its zero fields filled in.
func (l Limits) withDefaults() Limits {
	l.Head = orDefault(l.Head, 64<<10)
	l.Wire = orDefault(l.Wire, 16<<20)
	l.Decoded = orDefault(l.Decoded, 32<<20)
	l.Ratio = orDefault(l.Ratio, 100)
	l.Time = orDefault(l.Time, 2*time.Minute)
	l.Rate = orDefault(l.Rate, 1024)
	return l
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// A Client makes all of onrecord's HTTP requests. It is safe for concurrent
// use; visits to one host and port wait for each other.
//
// It speaks HTTP/1.1 only, so that what is recorded is what was sent.
type Client struct {
	opt       Options
	agent     string
	guard     *guard
	transport *http.Transport

	mu    sync.Mutex
	hosts map[string]*host // by scheme and authority; guarded by mu
}

// NewClient returns a client. It makes no connection and starts no goroutine.
func NewClient(o Options) (*Client, error) {
	if o.Now == nil {
		return nil, errors.New("crawler: Options.Now is missing")
	}
	o.Limits = o.Limits.withDefaults()
	o.MinInterval = orDefault(o.MinInterval, time.Second)
	o.MaxWait = orDefault(o.MaxWait, 2*time.Minute)
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	c := &Client{opt: o, agent: userAgent(o), guard: newGuard(o.Allow), hosts: make(map[string]*host)}
	if strings.ContainsAny(c.agent, "\r\n") {
		return nil, errors.New("crawler: version, archive URL and contact must be single lines")
	}
	dialer := &net.Dialer{
		Timeout:   30 * time.Second,
		Resolver:  o.Resolver,
		Control:   c.guard.control,
		KeepAlive: 30 * time.Second,
	}
	c.transport = &http.Transport{
		// A proxy would be connected to in the host's place, and the guard
		// would see the proxy's address only.
		Proxy:                  nil,
		DialContext:            o.dial(dialer),
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    20 * time.Second,
		MaxResponseHeaderBytes: o.Limits.Head,
		DisableCompression:     true, // payloads are recorded as sent; decode.go removes the codings
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        90 * time.Second,
	}
	return c, nil
}

// dial returns how connections are made.
func (o Options) dial(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	if o.Hosts == nil {
		return d.DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		at, ok := o.Hosts[address]
		if !ok {
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}}
		}
		return d.DialContext(ctx, network, at)
	}
}

// userAgent returns who we are: "onrecord/<version> (+<archive url>; <contact>)".
func userAgent(o Options) string {
	about := o.Contact
	switch {
	case o.ArchiveURL != "" && o.Contact != "":
		about = "+" + o.ArchiveURL + "; " + o.Contact
	case o.ArchiveURL != "":
		about = "+" + o.ArchiveURL
	}
	agent := product + "/" + orDefault(o.Version, "devel")
	if about == "" {
		return agent
	}
	return fmt.Sprintf("%s (%s)", agent, about)
}

// product is the token by which robots.txt files name us.
const product = "onrecord"

// UserAgent returns the User-Agent of every request.
func (c *Client) UserAgent() string { return c.agent }

// Close closes the connections that are idle.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// now returns the time as it can be written down: UTC, in microseconds.
func (c *Client) now() time.Time { return c.opt.Now().UTC().Round(0).Truncate(time.Microsecond) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
