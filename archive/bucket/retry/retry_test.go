// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/buckettest"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/bucket/retry"
)

func TestBucket(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return retry.New(new(memory.Bucket), retry.Options{}) })
}

// TestBucketThatFails runs the rules over a store that refuses every third
// read: whoever asks sees nothing of it. Writes whose outcome stays open have
// tests of their own, since their callers have to look.
func TestBucketThatFails(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket {
		var rules []fault.Rule
		for n := 1; n < 4000; n += 3 {
			for _, op := range []fault.Op{fault.Load, fault.Open, fault.List} {
				rules = append(rules, fault.Rule{Op: op, Nth: n})
			}
		}
		return retry.New(fault.New(new(memory.Bucket), fault.Options{Rules: rules}), retry.Options{Base: time.Microsecond, Attempts: 20})
	})
}

func BenchmarkBucket(b *testing.B) {
	buckettest.Benchmarks(b, func(*testing.B) bucket.Bucket { return retry.New(new(memory.Bucket), retry.Options{}) })
}

// failing returns a bucket with these rules, tried again without waiting long.
func failing(inner bucket.Bucket, rules ...fault.Rule) (*retry.Bucket, *fault.Bucket) {
	f := fault.New(inner, fault.Options{Rules: rules})
	return retry.New(f, retry.Options{}), f
}

func TestLostReplyOfMyOwnWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inner memory.Bucket
		b, f := failing(&inner, fault.Rule{Op: fault.Create, Nth: 1, Do: fault.LoseReply}, fault.Rule{Op: fault.Swap, Nth: 1, Do: fault.LoseReply})
		if err := b.Create(t.Context(), "k", bucket.Bytes([]byte("mine"))); err != nil {
			t.Errorf("an object that was made: %v", err)
		}
		tag, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("nonce 1"))
		if err != nil {
			t.Fatalf("a register that was written: %v", err)
		}
		if _, now, err := inner.Load(t.Context(), "r"); err != nil || now != tag {
			t.Errorf("its tag is %v, want %v (%v)", tag, now, err)
		}
		if n := len(f.Calls()); n != 6 { // twice put, each looked into
			t.Errorf("%d calls: %v", n, f.Calls())
		}
	})
}

func TestConflictsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inner memory.Bucket
		for _, key := range []string{"k", "r"} {
			if err := inner.Create(t.Context(), key, bucket.Bytes([]byte("another's"))); err != nil {
				t.Fatal(err)
			}
		}
		b, f := failing(&inner, fault.Rule{Op: fault.Create, Key: "k", Nth: 1})
		if err := b.Create(t.Context(), "k", bucket.Bytes([]byte("mine"))); !errors.Is(err, bucket.ErrExists) {
			t.Errorf("after a refused attempt: %v", err)
		}
		before := len(f.Calls())
		if _, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("mine")); !errors.Is(err, bucket.ErrConflict) {
			t.Errorf("Swap: %v", err)
		}
		if n := len(f.Calls()) - before; n != 1 {
			t.Errorf("a plain conflict took %d calls", n)
		}
	})
}

// TestSwapThatWasFollowed loses the reply of a swap, and lets another writer
// swap before we look: our write was made, and is no conflict.
func TestSwapThatWasFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inner memory.Bucket
		swaps := 0
		f := fault.New(&inner, fault.Options{
			Rules: []fault.Rule{{Op: fault.Swap, Nth: 1, Do: fault.LoseReply}},
			After: func(ctx context.Context, c fault.Call, err error) error {
				if c.Op == fault.Swap {
					if swaps++; swaps == 1 {
						_, tag, lerr := inner.Load(ctx, "r")
						if lerr != nil {
							return lerr
						}
						if _, lerr = inner.Swap(ctx, "r", bucket.Matches(tag), []byte("theirs, upon mine")); lerr != nil {
							return lerr
						}
					}
				}
				return err
			},
		})
		b := retry.New(f, retry.Options{})
		tag, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("mine"))
		if err == nil || errors.Is(err, bucket.ErrConflict) || !tag.IsZero() {
			t.Errorf("Swap: %v, %v; want an error that is no answer", tag, err)
		}
		if !errors.Is(err, fault.ErrInjected) || !strings.Contains(err.Error(), "may have been made") {
			t.Errorf("Swap: %v", err)
		}
	})
}

// TestRefusedIsNotUnclear lets a store refuse a swap because another one is made at
// the same moment: the conflict behind it is one, and nothing was left open.
func TestRefusedIsNotUnclear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inner memory.Bucket
		f := fault.New(&inner, fault.Options{
			Rules: []fault.Rule{{Op: fault.Swap, Nth: 1, Err: fmt.Errorf("swap r: %w", atOnce{})}, {Op: fault.Create, Nth: 1, Err: atOnce{}}},
			After: func(ctx context.Context, c fault.Call, err error) error {
				if c.N == 1 {
					_, serr := inner.Swap(ctx, "r", bucket.Absent(), []byte("theirs"))
					return errors.Join(err, serr)
				}
				return err
			},
		})
		b := retry.New(f, retry.Options{})
		if _, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("mine")); !errors.Is(err, bucket.ErrConflict) {
			t.Errorf("Swap: %v", err)
		}
		if err := b.Create(t.Context(), "k", bucket.Bytes([]byte("mine"))); err != nil {
			t.Errorf("Create: %v", err)
		}
		if n := len(f.Calls()); n != 4 { // no look at what is there
			t.Errorf("%d calls: %v", n, f.Calls())
		}
	})
}

type atOnce struct{}

func (atOnce) Error() string   { return "409 ConditionalRequestConflict" }
func (atOnce) Refused() bool   { return true }
func (atOnce) Retryable() bool { return true }

// A slow error asks for a wait; a hopeless one for none.
type slow struct{ d time.Duration }

func (e slow) Error() string             { return "slow down" }
func (e slow) RetryAfter() time.Duration { return e.d }

type hopeless struct{}

func (hopeless) Error() string   { return "access denied" }
func (hopeless) Retryable() bool { return false }

func TestWaits(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		o        retry.Options
		attempts int
		took     time.Duration
	}{
		{"bounded attempts, full waits", errors.New("503"), retry.Options{Attempts: 4, Base: 100 * time.Millisecond, Cap: 250 * time.Millisecond, Rand: func(n int64) int64 { return n - 1 }}, 4, 550 * time.Millisecond},
		{"no waits by chance", errors.New("503"), retry.Options{Attempts: 4, Rand: func(int64) int64 { return 0 }}, 4, 0},
		{"the store asks for time", slow{3 * time.Second}, retry.Options{Attempts: 3}, 3, 6 * time.Second},
		{"more than there is", slow{time.Hour}, retry.Options{Total: 5 * time.Second}, 1, 0},
		{"bounded time", errors.New("503"), retry.Options{Attempts: 1000, Base: time.Second, Cap: time.Second, Total: 9500 * time.Millisecond, Rand: func(n int64) int64 { return n - 1 }}, 10, 9 * time.Second},
		{"hopeless", fmt.Errorf("load r: %w", hopeless{}), retry.Options{}, 1, 0},
		{"an answer", bucket.ErrTooLarge, retry.Options{}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := fault.New(new(memory.Bucket), fault.Options{Rules: []fault.Rule{{Err: c.err}}})
				b, start := retry.New(f, c.o), time.Now()
				if _, _, err := b.Load(t.Context(), "r"); !errors.Is(err, c.err) {
					t.Errorf("Load: %v", err)
				}
				if n := len(f.Calls()); n != c.attempts {
					t.Errorf("%d attempts, want %d", n, c.attempts)
				}
				if took := time.Since(start); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
			})
		})
	}
}

// TestAwayAtOnce checks that after a call that failed throughout the next have
// one attempt each, until one succeeds.
func TestAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := true
		f := fault.New(new(memory.Bucket), fault.Options{Before: func(context.Context, fault.Call) error {
			if away {
				return errors.New("connection refused")
			}
			return nil
		}})
		b := retry.New(f, retry.Options{Attempts: 5})
		count := func(want int) {
			t.Helper()
			before := len(f.Calls())
			if _, _, err := b.Load(t.Context(), "r"); err == nil {
				t.Error("no error")
			}
			if n := len(f.Calls()) - before; n != want {
				t.Errorf("%d attempts, want %d", n, want)
			}
		}
		count(5)
		count(1)
		count(1)
		away = false
		count(1) // not there: an answer
		away = true
		count(5)
	})
}

func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fault.New(new(memory.Bucket), fault.Options{Rules: []fault.Rule{{}}})
		b := retry.New(f, retry.Options{Base: time.Hour, Cap: time.Hour, Total: 10 * time.Hour, Rand: func(n int64) int64 { return n - 1 }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, _, err := b.Load(ctx, "r"); err == nil || time.Since(start) != 0 || len(f.Calls()) != 1 {
			t.Errorf("after %s and %d calls: %v", time.Since(start), len(f.Calls()), err)
		}
	})
}

// A torn bucket breaks every read after a few bytes.
type torn struct {
	bucket.Bucket
	after int64
	opens int
}

func (b *torn) Open(ctx context.Context, key string, off, n int64) (bucket.Object, error) {
	b.opens++
	o, err := b.Bucket.Open(ctx, key, off, n)
	if err == nil {
		o.ReadCloser = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(o, b.after), broken{}), o}
	}
	return o, err
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

func TestReadGoesOn(t *testing.T) {
	for _, c := range []struct {
		off, n, after int64
		want          string
		opens         int
	}{
		{0, -1, 3, "0123456789", 4}, {2, 5, 3, "23456", 2}, {0, 10, 10, "0123456789", 1}, {0, -1, 1, "", 5},
	} {
		var inner memory.Bucket
		if err := inner.Create(t.Context(), "k", bucket.Bytes([]byte("0123456789"))); err != nil {
			t.Fatal(err)
		}
		b := &torn{Bucket: &inner, after: c.after}
		o, err := retry.New(b, retry.Options{}).Open(t.Context(), "k", c.off, c.n)
		if err != nil {
			t.Fatal(err)
		}
		n := c.n
		if n < 0 {
			n = o.Size - c.off
		}
		got := make([]byte, n)
		_, err = io.ReadFull(o, got)
		if (err == nil) != (c.want != "") || err == nil && string(got) != c.want || b.opens != c.opens {
			t.Errorf("from %d, %d, torn after %d: %q after %d connections, %v", c.off, c.n, c.after, got, b.opens, err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLongReadGoesOn reads what breaks off more often than a call has attempts, and
// comes on each time.
func TestLongReadGoesOn(t *testing.T) {
	const size, piece = 120 << 20, 17 << 20
	b := &torn{Bucket: zeros{size: size}, after: piece}
	o, err := retry.New(b, retry.Options{Base: time.Microsecond}).Open(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.CopyN(io.Discard, o, size) // what breaks behind the end is no matter
	if n != size || err != nil || b.opens != size/piece+1 {
		t.Errorf("%d bytes of %d, %d connections, %v", n, size, b.opens, err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

// zeros is a bucket whose objects are all of one size, and zero.
type zeros struct {
	bucket.Bucket
	size int64
}

func (z zeros) Open(_ context.Context, _ string, off, n int64) (bucket.Object, error) {
	if n < 0 {
		n = z.size - off
	}
	return bucket.Object{ReadCloser: io.NopCloser(io.LimitReader(zero{}, n)), Size: z.size}, nil
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { return len(p), nil }
