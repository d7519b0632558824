// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"testing/synctest"

	"onrecord/archive"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/internal/repotest"
)

// An overlap is an erasure that comes while a process fills a replica.
type overlap struct {
	order int  // the call of the copying process before which the erasure is ordered
	carry int  // so many calls later its objects are replaced; -1: after the copying has ended
	other bool // at once another process fills the replica, and asks whether it has carried it out
	crash int  // so many calls after that the copying process dies; -1: it does not
}

// A raced is the state in which an overlap begins.
type raced struct {
	w        *world
	main, to *memory.Bucket
}

// racedStates are archives with the secret, and replicas that are empty, that
// end before the secret, and that have it already.
func racedStates(t testing.TB) map[string]raced {
	t.Helper()
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	more(t, w, a, 0, 1)
	states := map[string]raced{"empty": {to: &memory.Bucket{}}}
	fill := func(name string) {
		var to memory.Bucket
		if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Fatal(err)
		}
		states[name] = raced{to: &to}
	}
	fill("before the secret")
	publish(t, w, a)
	w.wait(1e9)
	fill("with the secret")
	more(t, w, a, 1, 3)
	for name, s := range states {
		s.w, s.main = w, b
		states[name] = s
	}
	return states
}

// play lets an overlap happen, and returns how many calls the copying made.
func (s raced) play(t *testing.T, o overlap) (calls int) {
	w, b, to := s.w, s.main.Clone(), s.to.Clone()
	eraser := w.open(t, b, fastDir(t), 21)
	var ordered archive.Ordered
	var began, carried bool
	named := false // a process was told that the replica has carried it out
	confirm := func() {
		err := eraser.Replica(to).Erased(t.Context(), ordered)
		if held := holding(t, to); err == nil && len(held) > 0 {
			t.Errorf("%+v: the replica is named, and still holds %v", o, held)
		}
		named = named || err == nil
	}
	carry := func() {
		carried = true
		if err := eraser.Erase(t.Context(), ordered); err != nil {
			t.Fatal(err)
		}
		if !o.other {
			return
		}
		if _, err := eraser.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Errorf("%+v: the other process: %v", o, err)
		}
		if confirm(); !named {
			t.Errorf("%+v: the other process is not told that it is done", o)
		}
	}
	var mu sync.Mutex
	armed := false
	hook := func(context.Context, fault.Call) error {
		if !armed {
			return nil
		}
		mu.Lock() // visit lines are read by several goroutines
		defer mu.Unlock()
		calls++
		if !began && calls >= o.order {
			began = true
			ordered = order(t, w, eraser)
		}
		if began && !carried && o.carry >= 0 && calls >= o.order+o.carry {
			carry()
		}
		if carried && o.crash >= 0 && calls >= o.order+o.carry+o.crash {
			return fault.ErrInjected
		}
		return nil
	}
	copier := w.open(t, fault.New(b, fault.Options{Before: hook}), "", 22)
	armed = true
	began, carried = o.order == 0, o.order == 0 // then the calls are only counted
	_, err := copier.Replica(fault.New(to, fault.Options{Before: hook})).Replicate(t.Context(), archive.ReplicateOptions{Workers: 1})
	n := calls
	if o.order == 0 {
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if !began {
		ordered = order(t, w, eraser)
	}
	if !carried {
		carry()
	}
	if named && len(holding(t, to)) > 0 {
		t.Errorf("%+v: it came back into a replica that was named: %v", o, holding(t, to))
	}
	if confirm(); err == nil && o.carry >= 0 && began && o.crash < 0 && len(holding(t, to)) > 0 && n > o.order+o.carry+1 {
		c, _ := eraser.Replica(to).Checkpoint(t.Context())
		if c.Size > ordered.Index {
			t.Errorf("%+v: the replica's checkpoint %d tells of the erasure, and %v holds what it erased", o, c.Size, holding(t, to))
		}
	}
	// Sooner or later somebody fills it again.
	if _, err := eraser.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Errorf("%+v: filled again: %v", o, err)
	}
	if confirm(); !named || len(holding(t, to)) > 0 {
		t.Errorf("%+v: at the end the replica holds %v; named: %v", o, holding(t, to), named)
	}
	sameAs(t, b, to)
	return n
}

// TestErasureWhileCopying lets an erasure come at every moment of a run that
// fills a replica: nothing of it stays in a replica, and a replica is named as
// one that has carried it out only when that is so, and stays so, whoever dies.
func TestErasureWhileCopying(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	stride := 13
	if os.Getenv("ONRECORD_LONG") != "" {
		stride = 1
	}
	played := 0
	for name, s := range racedStates(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				last := s.play(t, overlap{crash: -1})
				turn := 0
				for _, carry := range []int{0, 1, 6, -1} {
					for _, other := range []bool{false, true} {
						for _, crash := range []int{-1, 0, 1, 3} {
							if carry < 0 && crash >= 0 {
								continue
							}
							turn++
							for order := 1 + turn%stride; order <= last; order += stride {
								s.play(t, overlap{order, carry, other, crash})
								played++
							}
							if t.Failed() {
								return
							}
						}
					}
				}
			})
		})
	}
	t.Logf("%d overlaps", played)
}

// The visit that erases is damaged while a replica is filled, and put right
// later: then the replica, whose checkpoint tells of it by then, follows it.
func TestErasureThatWasDamaged(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	publish(t, w, a)
	w.wait(1e9)
	var to memory.Bucket
	if _, err := a.Replica(&to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	o := order(t, w, a)
	key := archive.JournalKey(walk(t, a)[o.Index].Leaf.Visit)
	for _, done := range []bool{false, true} {
		main, copied := b.Clone(), to.Clone()
		if done {
			if err := w.open(t, main, fastDir(t), 7).Erase(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		sick := w.open(t, without(t, main, key), "", 5)
		got, err := sick.Replica(copied).Replicate(t.Context(), archive.ReplicateOptions{})
		if err != nil || got.Missing != 1 || got.Size <= o.Index || len(holding(t, copied)) == 0 {
			t.Fatalf("while the act is lost: %+v, %v, %v", got, err, holding(t, copied))
		}
		well := w.open(t, main, fastDir(t), 6)
		if err := well.Replica(copied).Erased(t.Context(), o); !errors.Is(err, archive.ErrMismatch) {
			t.Errorf("a replica that holds it is said to have erased it: %v", err)
		}
		if err := well.Erase(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if got, err = well.Replica(copied).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil || got.Missing != 0 || got.Erased == 0 {
			t.Errorf("after it was put right: %+v, %v", got, err)
		}
		if err := well.Replica(copied).Erased(t.Context(), o); err != nil || len(holding(t, copied)) > 0 {
			t.Errorf("after it was put right: %v, %v", err, holding(t, copied))
		}
	}
}
