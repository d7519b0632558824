// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"onrecord/dispatch"
	"onrecord/internal/repotest"
)

// A link is the way of a worker to a queue outside. It can be cut, and it can
// stall: then everything that is sent stays under way until it goes on.
type link struct {
	mu      sync.Mutex
	going   *sync.Cond // on mu
	down    bool       // guarded by mu
	stalled bool       // guarded by mu
	conns   []net.Conn // guarded by mu
}

func newLink(t *testing.T, url string) (l *link, via string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = &link{}
	l.going = sync.NewCond(&l.mu)
	t.Cleanup(func() { _ = ln.Close(); l.cut(true); l.stall(false) })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			l.join(c, strings.TrimPrefix(url, "nats://"))
		}
	}()
	return l, "nats://" + ln.Addr().String()
}

func (l *link) join(c net.Conn, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, err := net.Dial("tcp", to)
	if err != nil || l.down {
		_ = c.Close()
		if err == nil {
			_ = o.Close()
		}
		return
	}
	l.conns = append(l.conns, c, o)
	go l.carry(o, c)
	go l.carry(c, o)
}

func (l *link) carry(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		l.mu.Lock()
		for l.stalled {
			l.going.Wait()
		}
		l.mu.Unlock()
		if err != nil {
			return
		}
		if _, err := to.Write(b[:n]); errors.Is(err, io.ErrClosedPipe) {
			return
		}
	}
}

func (l *link) cut(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *link) stall(stalled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = stalled
	l.going.Broadcast()
}

// Two visits of a host wait. Worker A has the first one; its way to the queue is
// interrupted, and worker B gets the visit. A learns that before B comes, and
// neither its heartbeats nor its last word reach the turn of B.
func interrupted(t *testing.T, interrupt, mend func(*link), early bool) {
	t.Parallel()
	url, _ := outside(t, "-1")
	l, via := newLink(t, url)
	a, b := open(t, dispatch.Options{URL: via, Wait: wait}), open(t, dispatch.Options{URL: url, Wait: wait})
	stalls := repotest.Stalls(t)
	put(t, b, task("press", "one.example:443", noon), true)
	put(t, b, task("other", "one.example:443", noon), true)
	first := take(t, a, "one.example:443")
	if context.Cause(first.Context()) != nil {
		t.Error("the turn is lost from the beginning")
	}
	interrupt(l)
	var said chan error
	if early { // its word is sent while the turn is its own, and gets stuck
		said = make(chan error, 1)
		go func() { said <- first.Done(t.Context()) }()
	}
	second := take(t, b, "one.example:443")
	if second.Task != first.Task || second.Delivered != 2 {
		steady(t, stalls)
		t.Errorf("B has %+v, delivered %d", second.Task, second.Delivered)
	}
	if first.Context().Err() == nil {
		steady(t, stalls)
		t.Error("B is at the host, and A does not know that its turn is lost")
	}
	mend(l)
	until(t, func() bool { _, err := a.Status(t.Context()); return err == nil })
	if early {
		if err := <-said; err == nil {
			t.Error("Done of A, which nobody heard: no error")
		}
	} else {
		if err := context.Cause(first.Context()); !errors.Is(err, dispatch.ErrLost) {
			t.Errorf("the turn of A ended with %v, want ErrLost", err)
		}
		if err := first.Done(t.Context()); !errors.Is(err, dispatch.ErrLost) {
			t.Errorf("Done of A: %v, want ErrLost", err)
		}
	}
	if third, ok, err := a.Take(t.Context(), "one.example:443", wait*3/2); ok || err != nil {
		steady(t, stalls)
		t.Errorf("B is at the host, and it was handed out again: %+v, %v", third, err)
	}
	if err := second.Context().Err(); err != nil {
		steady(t, stalls)
		t.Errorf("the turn of B: %v", err)
	}
	finish(t, second, stalls)
	finish(t, take(t, a, "one.example:443"), stalls)
}

func TestCutOff(t *testing.T) {
	cut, join := func(l *link) { l.cut(true) }, func(l *link) { l.cut(false) }
	stall, flow := func(l *link) { l.stall(true) }, func(l *link) { l.stall(false) }
	t.Run("cut", func(t *testing.T) { interrupted(t, cut, join, false) })
	t.Run("cut, a last word", func(t *testing.T) { interrupted(t, cut, join, true) })
	t.Run("stalled", func(t *testing.T) { interrupted(t, stall, flow, false) })
}

// A short cut is bridged: the turn is kept.
func TestCutForAMoment(t *testing.T) {
	t.Parallel()
	url, _ := outside(t, "-1")
	l, via := newLink(t, url)
	a, b := open(t, dispatch.Options{URL: via, Wait: wait}), open(t, dispatch.Options{URL: url, Wait: wait})
	stalls := repotest.Stalls(t)
	put(t, a, task("press", "one.example:443", noon), true)
	turn := take(t, a, "one.example:443")
	l.cut(false)
	if other, ok, err := b.Take(t.Context(), "one.example:443", wait*5/4); ok || err != nil {
		steady(t, stalls)
		t.Errorf("another worker got %+v, %v", other, err)
	}
	if err := turn.Context().Err(); err != nil {
		steady(t, stalls)
		t.Errorf("the turn: %v", err)
	}
	finish(t, turn, stalls)
	if !errors.Is(turn.Context().Err(), context.Canceled) || errors.Is(context.Cause(turn.Context()), dispatch.ErrLost) {
		t.Errorf("after Done: %v", context.Cause(turn.Context()))
	}
}
