// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"onrecord"
)

// What tables and fuzz tests reach that a visit reaches only with a network,
// or much more slowly.

func CheckAddress(allow []netip.Prefix, ap netip.AddrPort) error { return newGuard(allow).check(ap) }

func RetryAt(h http.Header, done time.Time) time.Time { return retryAt(h, done) }

func Backoff(o onrecord.Outcome, fails int, seed ...string) time.Duration {
	return backoff(o, fails, seed...)
}

func BotCheck(status int, h http.Header, body []byte) string { return botCheck(status, h, body) }

func ParseNote(b []byte) error {
	_, err := parseNote(b)
	return err
}

// ReadBody returns how much was received and decoded, and why it was cut.
func ReadBody(r io.Reader, encoding string, l Limits) (wire, decoded []byte, cut string, verdict onrecord.Outcome, err error) {
	b, err := readBody(r, -1, encoding, l.withDefaults())
	return b.wire, b.decoded, b.cut, b.verdict, err
}

// RobotsAllow says whether a robots.txt lets agent fetch path, and the delay
// that it asks for.
func RobotsAllow(file []byte, agent, path string) (bool, time.Duration) {
	r := parseRules(file, agent)
	return r.allow(path), r.delay
}

// Pipe makes every connection of c one that dial returns, in place of the
// network and its guard.
func Pipe(c *Client, dial func() net.Conn) {
	c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return dial(), nil }
}
