// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"fmt"
	"net/url"

	"onrecord"
)

// Elsewhere returns d with the requests to its platform sent to base instead:
// scheme, host and port of the address that the door begins with are replaced
// by those of base. What the door reads, and so every statement's address and
// id, is as if the platform had answered itself; the captures say where the
// answers really came from. It is the door's `base_url` in the configuration:
// for a mirror of a site, a proxy, a test.
func Elsewhere(d Door, base string) (Door, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("base_url %q: want http or https and a host, such as http://127.0.0.1:8081", base)
	}
	return &elsewhere{d, origin{u.Scheme, u.Host}}, nil
}

// An origin is the part of an address that Elsewhere replaces.
type origin struct{ scheme, host string }

type elsewhere struct {
	Door
	base origin
}

// platform returns the origin of the address that the door begins with.
func (e *elsewhere) platform(t Target) (origin, bool) {
	at := t.URL
	if at == "" {
		first, err := e.Door.First(t)
		if err != nil || len(first) == 0 {
			return origin{}, false
		}
		at = first[0].URL
	}
	u, err := url.Parse(at)
	if err != nil {
		return origin{}, false
	}
	return origin{u.Scheme, u.Host}, true
}

// move returns the address u with the origin to, if its origin is from.
func move(u string, from, to origin) string {
	p, err := url.Parse(u)
	if err != nil || (origin{p.Scheme, p.Host}) != from {
		return u
	}
	p.Scheme, p.Host = to.scheme, to.host
	return p.String()
}

func (e *elsewhere) moveAll(t Target, reqs []Request) []Request {
	from, ok := e.platform(t)
	if !ok {
		return reqs
	}
	moved := make([]Request, len(reqs))
	for i, r := range reqs {
		r.URL = move(r.URL, from, e.base)
		moved[i] = r
	}
	return moved
}

// Moved returns where d asks for address, which something that it read names:
// there, or, where d is of [Elsewhere] and address lies at the platform's own
// host, at the base that stands for that.
func Moved(d Door, t Target, address string) string {
	e, ok := d.(*elsewhere)
	if !ok {
		return address
	}
	from, ok := e.platform(t)
	if !ok {
		return address
	}
	return move(address, from, e.base)
}

func (e *elsewhere) First(t Target) ([]Request, error) {
	reqs, err := e.Door.First(t)
	return e.moveAll(t, reqs), err
}

func (e *elsewhere) Look(t Target, s onrecord.Ref) (Request, bool) {
	r, ok := e.Door.Look(t, s)
	return e.moveAll(t, []Request{r})[0], ok
}

func (e *elsewhere) Read(t Target, c Capture) (Page, error) {
	if platform, ok := e.platform(t); ok {
		c.URL = move(c.URL, e.base, platform)
		c.Request.URL = move(c.Request.URL, e.base, platform)
	}
	p, err := e.Door.Read(t, c)
	p.Follow, p.Next = e.moveAll(t, p.Follow), e.moveAll(t, p.Next)
	return p, err
}
