// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package flight bounds work that strangers ask for: what several want at once is
// made once, little of it is made at the same time, and what would wait behind
// too much else is refused at once.
package flight

import (
	"context"
	"errors"
	"sync"
)

// ErrBusy reports that too much is being made already. Later it may be made.
var ErrBusy = errors.New("too much is being made already")

// A Group makes values by key. It is safe for concurrent use.
type Group[K comparable, V any] struct {
	slots chan struct{}
	most  int

	mu  sync.Mutex
	all map[K]*flight[V] // guarded by mu
}

// A flight is one making of a value.
type flight[V any] struct {
	callers  int // guarded by the group's mu
	cancel   context.CancelFunc
	done     chan struct{} // closed when the rest is set
	v        V
	err      error
	panicked any
}

// New returns a group that makes atOnce values at the same time, and lets so many
// others wait for their turn.
func New[K comparable, V any](atOnce, waiting int) *Group[K, V] {
	return &Group[K, V]{slots: make(chan struct{}, atOnce), most: atOnce + waiting, all: map[K]*flight[V]{}}
}

// Do returns what fn returns, which runs once for all who ask for the key at the
// same time. ErrBusy says that too many others wait. When all who asked have left,
// the context of fn is done, and the last of them waits for its return. A panic
// of fn is one of everybody who asked.
func (g *Group[K, V]) Do(ctx context.Context, key K, fn func(context.Context) (V, error)) (V, error) {
	var none V
	g.mu.Lock()
	f := g.all[key]
	if f == nil && len(g.all) >= g.most {
		g.mu.Unlock()
		return none, ErrBusy
	}
	if f == nil {
		f = g.begin(ctx, key, fn)
	}
	f.callers++
	g.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		if g.leave(key, f) {
			<-f.done
		}
		return none, ctx.Err()
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f.v, f.err
}

// begin starts a flight. The caller holds g.mu.
func (g *Group[K, V]) begin(ctx context.Context, key K, fn func(context.Context) (V, error)) *flight[V] {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight[V]{cancel: cancel, done: make(chan struct{})}
	g.all[key] = f
	go func() {
		defer close(f.done)
		defer cancel()
		defer g.forget(key, f)
		defer func() { f.panicked = recover() }()
		select {
		case g.slots <- struct{}{}:
			defer func() { <-g.slots }()
			f.v, f.err = fn(ctx)
		case <-ctx.Done():
			f.err = ctx.Err()
		}
	}()
	return f
}

// leave takes a caller away, and reports whether it was the last one: then
// nobody else joins f.
func (g *Group[K, V]) leave(key K, f *flight[V]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.callers--; f.callers > 0 {
		return false
	}
	if g.all[key] == f {
		delete(g.all, key)
	}
	f.cancel()
	return true
}

func (g *Group[K, V]) forget(key K, f *flight[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all[key] == f {
		delete(g.all, key)
	}
}
