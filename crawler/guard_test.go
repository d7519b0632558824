// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord"
	"onrecord/crawler"
)

// private are addresses that the client must never connect to, whatever spells
// them: the IANA special-purpose registries, clouds' metadata services, and
// the wrappings of IPv4 in IPv6.
var private = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
	"168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192",
	"192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.51.100.1", "203.0.113.1",
	"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1",
	"64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1",
	"3fff::1", "3ffe::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2a00:1450::5efe:a00:1",
}

func TestGuardRefusesPrivateAddresses(t *testing.T) {
	for _, a := range private {
		for _, port := range []uint16{80, 443} {
			if err := crawler.CheckAddress(nil, netip.AddrPortFrom(netip.MustParseAddr(a), port)); !errors.Is(err, crawler.ErrRefused) {
				t.Errorf("%s port %d: %v", a, port, err)
			}
		}
	}
	for _, a := range []string{"fe80::1%eth0", "2a00:1450::1%eth0", "::1%1"} {
		if err := crawler.CheckAddress(loopback, netip.AddrPortFrom(netip.MustParseAddr(a), 80)); !errors.Is(err, crawler.ErrRefused) {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestGuardLetsThePublicInternetThrough(t *testing.T) {
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "99.255.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255",
		"::ffff:1.1.1.1", "2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888"} {
		addr := netip.MustParseAddr(a)
		if err := crawler.CheckAddress(nil, netip.AddrPortFrom(addr, 443)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		for _, port := range []uint16{0, 22, 25, 6379, 7700, 8080, 65535} {
			if err := crawler.CheckAddress(nil, netip.AddrPortFrom(addr, port)); !errors.Is(err, crawler.ErrRefused) {
				t.Errorf("%s port %d: %v", a, port, err)
			}
		}
	}
}

func TestGuardAllowsConfiguredNetworksOnly(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for a, want := range map[string]bool{"127.0.0.1:9": true, "[::ffff:127.0.0.1]:9": true, "10.0.0.1:80": false, "[::1]:80": false} {
		if err := crawler.CheckAddress(allow, netip.MustParseAddrPort(a)); (err == nil) != want {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// A honeypot counts connections that must not be made.
func honeypot(t *testing.T, address string) (*atomic.Int64, string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("no listener on %s here: %v", address, err)
	}
	var n atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return &n, port
}

// Every spelling of the loopback address, on every way into the client, ends
// at the guard.
func TestNoSpellingReachesTheHoneypot(t *testing.T) {
	n, port := honeypot(t, "127.0.0.1:0")
	spellings := []string{
		"127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "１２７.0.0.1", "127。0。0。1", "%31%32%37.0.0.1", "user@127.0.0.1",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "0", "[::]", "[::1]", "[::1%25lo]", "017700000001", "0x7F.1", "①②⑦.0.0.1",
	}
	public := newSite(t, nil)
	entries := map[string]func(target string) crawler.Request{
		"direct": func(target string) crawler.Request { return crawler.Request{URL: target, Kind: "page"} },
		"redirect": func(target string) crawler.Request {
			public.mu.Lock()
			public.handler["/to"] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Location"] = []string{target}
				w.WriteHeader(http.StatusFound)
			}
			public.mu.Unlock()
			return crawler.Request{URL: public.URL + "/to", Kind: "page"}
		},
	}
	publicAddr := netip.MustParsePrefix("127.0.0.1/32")
	for entry, request := range entries {
		for _, s := range spellings {
			t.Run(entry+" "+s, func(t *testing.T) {
				if entry == "redirect" {
					// The first hop needs loopback, so the second must ask for
					// another address of it.
					s = strings.NewReplacer("127.0.0.1", "127.0.0.3", "2130706433", "2130706435", "7f000001", "7f000003", "7f00:1", "7f00:3").Replace(s)
					if !strings.Contains(s, "3") {
						t.Skip("the same address as the first hop's")
					}
				}
				c := newClient(t, newClock(), func(o *crawler.Options) {
					o.Allow = nil
					if entry == "redirect" {
						o.Allow = []netip.Prefix{publicAddr}
					}
				})
				rec := &tape{}
				r, err := c.Visit(t.Context(), crawler.Job{Source: "s", Recorder: rec,
					Door: jsonDoor{first: []crawler.Request{request("http://" + s + ":" + port + "/page")}}})
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Seen) > 0 && (r.Outcome == onrecord.OutcomeOK || r.Outcome == onrecord.OutcomeOutage && !strings.Contains(fmt.Sprint(r.Problems), "dns")) {
					t.Errorf("outcome %s, problems %v", r.Outcome, r.Problems)
				}
			})
		}
	}
	if got := n.Load(); got != 0 {
		t.Errorf("the honeypot saw %d connections", got)
	}
}

func TestRedirectsToPrivateAddressesAreRefusedAndRecorded(t *testing.T) {
	n, port := honeypot(t, "127.0.0.2:0")
	for _, to := range []string{"http://127.0.0.2:" + port + "/x", "file:///etc/passwd", "gopher://127.0.0.2/", "ftp://h.example/", "http://user:pw@h.example/"} {
		s := newSite(t, map[string]any{"/page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusMovedPermanently)
		}})
		c := newClient(t, newClock(), func(o *crawler.Options) { o.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
		r, rec := visit(t, c, crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
		if r.Outcome == onrecord.OutcomeOK || len(r.Problems) == 0 || !strings.Contains(fmt.Sprint(r.Problems), "refused") {
			t.Errorf("%s: %s, %v", to, r.Outcome, r.Problems)
		}
		if len(rec.urls()) == 0 {
			t.Errorf("%s: nothing was recorded", to)
		}
	}
	if got := n.Load(); got != 0 {
		t.Errorf("the honeypot saw %d connections", got)
	}
}

// nameserver answers every A question with addrs.
func nameserver(t *testing.T, addrs func() []netip.Addr) *net.Resolver {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(dnsAnswer(buf[:n], addrs()), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// dnsAnswer answers the one question of q (RFC 1035, section 4): with addrs if
// it asks for A records, with none otherwise.
func dnsAnswer(q []byte, addrs []netip.Addr) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	if binary.BigEndian.Uint16(q[end-4:]) != 1 {
		addrs = nil
	}
	out := append([]byte{}, q[:2]...)
	out = append(out, 0x81, 0x80, 0, 1, 0, byte(len(addrs)), 0, 0, 0, 0)
	out = append(out, q[12:end]...)
	for _, a := range addrs {
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, a.AsSlice()...)
	}
	return out
}

// A name may resolve to a public and a private address, or first to one and
// then to the other: only the address connected to counts.
func TestNamesThatResolveToPrivateAddresses(t *testing.T) {
	n, port := honeypot(t, "127.0.0.1:0")
	l, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skip(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ids":["1"]}`)) }))
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	hidden, public := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	var asked atomic.Int64
	for name, tc := range map[string]struct {
		addrs func() []netip.Addr
		ok    bool
	}{
		"private":       {func() []netip.Addr { return []netip.Addr{hidden} }, false},
		"mixed":         {func() []netip.Addr { return []netip.Addr{hidden, public, hidden} }, true},
		"public":        {func() []netip.Addr { return []netip.Addr{public} }, true},
		"first private": {func() []netip.Addr { return []netip.Addr{hidden, hidden, public} }, true},
		"nothing":       {func() []netip.Addr { return nil }, false},
		"rebinding": {func() []netip.Addr {
			if asked.Add(1)%4 > 1 {
				return []netip.Addr{hidden}
			}
			return []netip.Addr{public}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				c := newClient(t, newClock(), func(o *crawler.Options) {
					o.Allow, o.Resolver = []netip.Prefix{netip.PrefixFrom(public, 32)}, nameserver(t, tc.addrs)
				})
				r, err := c.Visit(t.Context(), crawler.Job{Recorder: &tape{}, Door: jsonDoor{base: "http://name.example:" + port}, Target: crawler.Target{AccountID: "42"}})
				if err != nil {
					t.Fatal(err)
				}
				if ok := r.Outcome == onrecord.OutcomeOK; ok != tc.ok && name != "rebinding" {
					t.Fatalf("outcome %s, %v", r.Outcome, r.Problems)
				}
			}
		})
	}
	if got := n.Load(); got != 0 {
		t.Errorf("the honeypot saw %d connections", got)
	}
}
