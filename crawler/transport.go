// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// NewTransport returns a transport for requests that are no visits, such as
// reading another archive: it reaches what a [Client] does, the public internet
// at ports 80 and 443 and the networks in allow, and nothing else ([ErrRefused]).
func NewTransport(allow []netip.Prefix) *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, Control: newGuard(allow).control, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  nil, // the guard would see the proxy's address only
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
	}
}
