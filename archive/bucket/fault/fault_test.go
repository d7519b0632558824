// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/buckettest"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
)

// TestBucket checks that a script without rules changes nothing.
func TestBucket(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return fault.New(new(memory.Bucket), fault.Options{}) })
}

func has(t *testing.T, b bucket.Bucket, key string) bool {
	t.Helper()
	_, err := bucket.ReadAll(t.Context(), b, key, 100)
	if err != nil && !errors.Is(err, bucket.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestRules(t *testing.T) {
	own := errors.New("own error")
	for _, c := range []struct {
		name  string
		rule  fault.Rule
		fails []bool // of the creates of a/1, b/1, a/2
		made  []bool
		err   error
	}{
		{"refuse all", fault.Rule{}, []bool{true, true, true}, []bool{false, false, false}, fault.ErrInjected},
		{"second", fault.Rule{Nth: 2}, []bool{false, true, false}, []bool{true, false, true}, fault.ErrInjected},
		{"key", fault.Rule{Key: "b/1"}, []bool{false, true, false}, []bool{true, false, true}, fault.ErrInjected},
		{"pattern", fault.Rule{Key: "a/*", Nth: 2, Err: own}, []bool{false, false, true}, []bool{true, true, false}, own},
		{"inner pattern", fault.Rule{Key: "*/*1*"}, []bool{true, true, false}, []bool{false, false, true}, fault.ErrInjected},
		{"lost replies", fault.Rule{Op: fault.Create, Do: fault.LoseReply}, []bool{true, true, true}, []bool{true, true, true}, fault.ErrInjected},
		{"other operation", fault.Rule{Op: fault.Swap}, []bool{false, false, false}, []bool{true, true, true}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var inner memory.Bucket
			b := fault.New(&inner, fault.Options{Rules: []fault.Rule{c.rule}})
			for i, key := range []string{"a/1", "b/1", "a/2"} {
				err := b.Create(t.Context(), key, bucket.Bytes([]byte("x")))
				if (err != nil) != c.fails[i] || err != nil && !errors.Is(err, c.err) {
					t.Errorf("create %s: %v", key, err)
				}
				if made := has(t, &inner, key); made != c.made[i] {
					t.Errorf("%s is there: %v, want %v", key, made, c.made[i])
				}
			}
			if calls := b.Calls(); len(calls) != 3 || calls[1] != (fault.Call{N: 2, Op: fault.Create, Key: "b/1"}) {
				t.Errorf("calls: %v", calls)
			}
		})
	}
}

// TestLostReplies checks that every operation forgets its answer.
func TestLostReplies(t *testing.T) {
	var inner memory.Bucket
	if err := inner.Create(t.Context(), "log/tile/0/000.p/1", bucket.Bytes([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	b := fault.New(&inner, fault.Options{Rules: []fault.Rule{{Do: fault.LoseReply}}})
	tag, err := b.Swap(t.Context(), "r", bucket.Absent(), []byte("1"))
	if !tag.IsZero() || !errors.Is(err, fault.ErrInjected) {
		t.Errorf("Swap: %v, %v", tag, err)
	}
	body, tag, err := b.Load(t.Context(), "r")
	if body != nil || !tag.IsZero() || !errors.Is(err, fault.ErrInjected) {
		t.Errorf("Load: %q, %v, %v", body, tag, err)
	}
	o, err := b.Open(t.Context(), "r", 0, -1)
	if o.ReadCloser != nil || !errors.Is(err, fault.ErrInjected) {
		t.Errorf("Open: %v, %v", o, err)
	}
	var last error
	for _, last = range b.List(t.Context(), "", "") {
	}
	if !errors.Is(last, fault.ErrInjected) {
		t.Errorf("List ends with %v", last)
	}
	if err := b.Prune(t.Context(), "log/tile/0/000.p/1"); !errors.Is(err, fault.ErrInjected) {
		t.Errorf("Prune: %v", err)
	}
	if !has(t, &inner, "r") || has(t, &inner, "log/tile/0/000.p/1") {
		t.Error("the calls were not made")
	}
}

// TestHooks crashes after the second write and delays every call.
func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crash := errors.New("crash")
		var inner memory.Bucket
		crashed := false
		b := fault.New(&inner, fault.Options{
			Before: func(_ context.Context, c fault.Call) error {
				time.Sleep(time.Second)
				if crashed {
					return crash
				}
				return nil
			},
			After: func(_ context.Context, c fault.Call, err error) error {
				if c.N == 2 {
					crashed = true
				}
				if crashed {
					return crash
				}
				return err
			},
		})
		start := time.Now()
		for i, key := range []string{"a", "b", "c"} {
			err := b.Create(t.Context(), key, bucket.Bytes(nil))
			if crashed := errors.Is(err, crash); crashed != (i > 0) {
				t.Errorf("create %s: %v", key, err)
			}
			if made := has(t, &inner, key); made != (i < 2) {
				t.Errorf("%s is there: %v", key, made)
			}
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("three calls took %s", took)
		}
	})
}
