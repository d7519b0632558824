// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package flight_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/internal/flight"
)

// TestOnce: what many want at once is made once, and anew for who comes later.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flight.New[string, int64](1, 0)
		var made atomic.Int64
		fn := func(context.Context) (int64, error) {
			time.Sleep(time.Second)
			return made.Add(1), nil
		}
		for range 50 {
			go func() {
				if v, err := g.Do(t.Context(), "a", fn); v != 1 || err != nil {
					t.Errorf("%d, %v", v, err)
				}
			}()
		}
		synctest.Wait()
		if _, err := g.Do(t.Context(), "b", fn); !errors.Is(err, flight.ErrBusy) {
			t.Errorf("beside it: %v", err)
		}
		time.Sleep(2 * time.Second)
		if v, err := g.Do(t.Context(), "a", fn); v != 2 || err != nil {
			t.Errorf("later: %d, %v", v, err)
		}
	})
}

// TestBounds: so many are made at once, so many wait, the next is refused.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flight.New[int, int](2, 3)
		var now, most, refused atomic.Int64
		for i := range 9 {
			go func() {
				_, err := g.Do(t.Context(), i, func(context.Context) (int, error) {
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(time.Second)
					now.Add(-1)
					return i, nil
				})
				if errors.Is(err, flight.ErrBusy) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(10 * time.Second)
		if most.Load() != 2 || refused.Load() != 4 {
			t.Errorf("%d at once, %d refused", most.Load(), refused.Load())
		}
	})
}

// TestLeaving: the work ends when the last who wanted it has left, not before; who
// comes then begins anew.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := flight.New[string, int](1, 1)
		var ended atomic.Bool
		fn := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // it cleans up
			ended.Store(true)
			return 0, ctx.Err()
		}
		first, leaveFirst := context.WithCancel(t.Context())
		last, leaveLast := context.WithCancel(t.Context())
		for _, ctx := range []context.Context{first, last} {
			go func() {
				if _, err := g.Do(ctx, "a", fn); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if ctx == last && !ended.Load() {
					t.Error("the last one returned while the work went on")
				}
			}()
		}
		synctest.Wait()
		leaveFirst()
		time.Sleep(time.Minute)
		if ended.Load() {
			t.Error("it ended with somebody waiting")
		}
		leaveLast()
		synctest.Wait()
		if v, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
			t.Errorf("anew: %d, %v", v, err)
		}
	})
}

// TestPanic: a panic is one of who asked, and blocks nothing.
func TestPanic(t *testing.T) {
	g := flight.New[string, int](1, 0)
	func() {
		defer func() {
			if r := recover(); r != "broken" {
				t.Errorf("panic %v", r)
			}
		}()
		_, _ = g.Do(t.Context(), "a", func(context.Context) (int, error) { panic("broken") })
	}()
	if v, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { return 1, nil }); v != 1 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}
