// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// copyMark gives o a copy of its mark, so that branches don't share it.
func copyMark(t *testing.T, o ledger.Options) ledger.Options {
	t.Helper()
	text, err := os.ReadFile(o.Mark)
	if err != nil {
		t.Fatal(err)
	}
	o.Mark = filepath.Join(t.TempDir(), "mark")
	if err := os.WriteFile(o.Mark, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestCrashAtEveryStep lets a writer die before and after every call of the
// bucket while it appends and publishes. Then another writer, with the same
// mark, goes on by the ordinary path. Whatever the first one was told is in
// the ledger, at its place, and the whole tree fits.
func TestCrashAtEveryStep(t *testing.T) {
	for _, c := range []struct{ size, batch int64 }{{0, 1}, {5, 1}, {255, 1}, {255, 2}, {256, 300}, {511, 1}} {
		t.Run(fmt.Sprintf("%d leaves at %d", c.batch, c.size), func(t *testing.T) {
			t.Parallel()
			var before memory.Bucket
			o := options(t)
			grow(t, create(t, &before, o), c.size, 100)
			steps := 0
			for _, made := range []bool{false, true} {
				for at := 1; ; at++ {
					b := before.Clone()
					o := copyMark(t, o)
					acknowledged, died := appendAndDie(t, b, o, c.size, c.batch, at, made)
					recoverFrom(t, b, o, c.size, c.batch, acknowledged)
					if !died {
						break
					}
					steps++
				}
			}
			t.Logf("died at %d steps", steps)
		})
	}
}

// appendAndDie appends a batch through a bucket whose at-th call is the last,
// made or not. It reports whether the append was acknowledged and whether the
// writer died.
func appendAndDie(t *testing.T, b bucket.Bucket, o ledger.Options, size, batch int64, at int, made bool) (acknowledged, died bool) {
	t.Helper()
	crash := errors.New("crash")
	dying := fault.New(b, fault.Options{
		Before: func(_ context.Context, c fault.Call) error {
			if died = died || c.N > at || c.N == at && !made; died {
				return crash
			}
			return nil
		},
		After: func(_ context.Context, c fault.Call, err error) error {
			if died = died || c.N >= at; died {
				return crash
			}
			return err
		},
	})
	l := open(t, dying, o)
	h, tag, err := l.Head(t.Context())
	if err == nil {
		h, _, err = l.Append(t.Context(), h, tag, leaves(size, size+batch))
	}
	if acknowledged = err == nil; acknowledged {
		err = l.Publish(t.Context(), h)
	}
	if err != nil && !errors.Is(err, crash) {
		t.Fatalf("call %d: %v", at, err)
	}
	return acknowledged, died
}

// recoverFrom does what a start does: publish the head, look for the leaves,
// and append them if they are not there.
func recoverFrom(t *testing.T, b bucket.Bucket, o ledger.Options, size, batch int64, acknowledged bool) {
	t.Helper()
	l := open(t, b, o)
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Publish(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	_, _, there, err := l.Contains(t.Context(), h, leaf(size+batch-1).Visit, size)
	if err != nil {
		t.Fatal(err)
	}
	if !there {
		if acknowledged {
			t.Fatal("what was acknowledged is not in the ledger")
		}
		if h, _, err = l.Append(t.Context(), h, tag, leaves(size, size+batch)); err != nil {
			t.Fatal(err)
		}
		if err := l.Publish(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	checkLog(t, l, leaves(0, size+batch))
	grow(t, l, size+batch+3, 2)
	checkLog(t, l, leaves(0, size+batch+3))
}

// TestEveryFaultOnce refuses each call once, and loses each reply once, while
// the writer lives on and tries again.
func TestEveryFaultOnce(t *testing.T) {
	for _, do := range []fault.Failure{fault.Refuse, fault.LoseReply} {
		for nth := 1; ; nth++ {
			var inner memory.Bucket
			o := options(t)
			grow(t, create(t, &inner, o), 254, 127)
			b := fault.New(&inner, fault.Options{Rules: []fault.Rule{{Nth: nth, Do: do}}})
			l := open(t, b, o)
			for tries := 0; ; tries++ {
				if tries > 3 {
					t.Fatalf("fault %d at call %d: the ledger does not recover", do, nth)
				}
				if err := appendOnce(t, l, leaves(254, 257)); err == nil {
					break
				} else if !errors.Is(err, fault.ErrInjected) {
					t.Fatalf("fault %d at call %d: %v", do, nth, err)
				}
			}
			done := len(b.Calls()) < nth
			checkLog(t, open(t, &inner, o), leaves(0, 257))
			if done {
				break
			}
		}
	}
}

// appendOnce appends leaves unless they are there, and publishes.
func appendOnce(t *testing.T, l *ledger.Ledger, ls []ledger.Leaf) error {
	h, tag, err := l.Head(t.Context())
	if err != nil {
		return err
	}
	_, _, there, err := l.Contains(t.Context(), h, ls[0].Visit, h.Size-min(h.Size, 3))
	if err != nil {
		return err
	}
	if there = there && h.Size == 257; !there {
		if h, _, err = l.Append(t.Context(), h, tag, ls); err != nil {
			return err
		}
	}
	return l.Publish(t.Context(), h)
}

// TestCreateAtEveryStep does the same for Create.
func TestCreateAtEveryStep(t *testing.T) {
	for _, do := range []fault.Failure{fault.Refuse, fault.LoseReply} {
		for nth := 1; ; nth++ {
			var inner memory.Bucket
			o := options(t)
			b := fault.New(&inner, fault.Options{Rules: []fault.Rule{{Nth: nth, Do: do}}})
			if err := ledger.Create(t.Context(), b, o); err == nil {
				break
			}
			l := create(t, &inner, o)
			checkLog(t, l, nil)
			grow(t, l, 1, 1)
		}
	}
}
