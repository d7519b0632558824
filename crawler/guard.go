// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// ErrRefused reports an address that the guard does not let the client connect
// to: not on the public internet, or not port 80 or 443.
var ErrRefused = errors.New("address refused")

// A guard decides, on the address of the socket about to be connected and on
// nothing else, whether the client may connect. Names, redirects and odd
// spellings of addresses never reach it.
type guard struct {
	allow  []netip.Prefix
	public *ssrf.Guardian
}

// alsoDenied are addresses that no registry calls special and that are
// nevertheless not the public internet.
var alsoDenied = []netip.Prefix{
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's host, seen from every guest there
}

// alsoDenied6 are former or tunnelling prefixes within 2000::/3.
var alsoDenied6 = []netip.Prefix{
	netip.MustParsePrefix("3ffe::/16"), // 6bone, returned (RFC 3701)
}

func newGuard(allow []netip.Prefix) *guard {
	return &guard{
		allow: allow,
		// Ports are checked here, because the allowed networks have any.
		public: ssrf.New(ssrf.WithAnyPort(),
			ssrf.WithDeniedV4Prefixes(alsoDenied...), ssrf.WithDeniedV6Prefixes(alsoDenied6...)),
	}
}

// control is the Control function of the dialer: it sees the address after the
// name has been resolved, just before the connection is made.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: network %s", ErrRefused, network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q is no address and port", ErrRefused, address)
	}
	return g.check(ap)
}

// check decides about ap. The order is: no zones, then mapped addresses as
// what they stand for, then the allowed networks, then port and address.
func (g *guard) check(ap netip.AddrPort) error {
	addr := ap.Addr()
	if addr.Zone() != "" {
		return fmt.Errorf("%w: %s has a zone", ErrRefused, addr)
	}
	addr = addr.Unmap()
	if g.allowed(addr) {
		return nil
	}
	if p := ap.Port(); p != 80 && p != 443 {
		return fmt.Errorf("%w: port %d is neither 80 nor 443", ErrRefused, p)
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || isatap(addr) {
		return fmt.Errorf("%w: %s is not on the public internet", ErrRefused, addr)
	}
	if err := g.public.SafeAddr(addr); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

func (g *guard) allowed(addr netip.Addr) bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// isatap reports whether the interface identifier of addr carries an IPv4
// address for an ISATAP tunnel (RFC 5214, section 6.1).
func isatap(addr netip.Addr) bool {
	b := addr.As16()
	return addr.Is6() && (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
