// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"
)

// A movedClock is a clock that only moves when it is told to, or when
// somebody sleeps by it.
type movedClock struct {
	mu sync.Mutex
	t  time.Time // guarded by mu
}

func (c *movedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// to moves the clock forward to t.
func (c *movedClock) to(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.t) {
		c.t = t
	}
}

// sleep moves the clock by d.
func (c *movedClock) sleep(ctx context.Context, d time.Duration) error {
	c.to(c.now().Add(max(d, 0)))
	return ctx.Err()
}
