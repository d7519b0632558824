// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
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
	// MinInterval is the least time between two requests to a host and port;
	// default 1s. A door's floor and a crawl-delay raise it. At hosts within
	// Allow a door's floor does not count.
	MinInterval time.Duration
	// Hourly is the number of requests to a host and port in an hour beyond
	// which the client refuses to send; default 1200, at hosts within Allow
	// none.
	Hourly int
	// MaxWait is the longest that a request waits for its turn; beyond it the
	// visit ends and is due again later; default 2m.
	MaxWait time.Duration

	Limits   Limits
	Resolver *net.Resolver  // default the system's
	RootCAs  *x509.CertPool // default the system's
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

// A Client makes all of onrecord's HTTP requests. It is safe for concurrent
// use; visits to one host and port wait for each other.
type Client struct {
	opt Options
}

// NewClient returns a client. It makes no connection and starts no goroutine.
func NewClient(o Options) (*Client, error) {
	return &Client{opt: o}, nil
}
