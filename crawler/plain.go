// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// NewPlainClient returns an HTTP client for requests that are no visit, such as
// those to witnesses: behind the same guard as a Client, which lets allow
// through, without proxy, and following no redirect. It records nothing and
// keeps no rate: its caller bounds what it asks, and for how long. roots nil
// means the system's.
func NewPlainClient(allow []netip.Prefix, roots *x509.CertPool) *http.Client {
	g := newGuard(allow)
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: g.control, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // the guard would see its address only
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        90 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
