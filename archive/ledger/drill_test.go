// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// A notary keeps every checkpoint that left a process, over all copies of the
// bucket: two of them that are not of one history are a fork.
type notary struct {
	mu    sync.Mutex
	notes map[string]ledger.Checkpoint // by note
	seen  ledger.Tree                  // the largest, as a witness knows it
}

// watch returns b as a process sees it: what it signs is kept, whether the swap
// takes place or not.
func (n *notary) watch(t *testing.T, b *memory.Bucket, o ledger.Options) bucket.Bucket {
	return signing{Bucket: fault.New(b, fault.Options{}), n: n, t: t, o: o}
}

// A signing bucket shows the notary what is put in the place of the checkpoint.
type signing struct {
	*fault.Bucket
	n *notary
	t *testing.T
	o ledger.Options
}

func (s signing) Swap(ctx context.Context, key string, cond bucket.Condition, body []byte) (bucket.Tag, error) {
	if key == ledger.CheckpointKey {
		c, err := ledger.ParseCheckpoint(body, origin, s.o.Verifier)
		if err != nil {
			s.t.Errorf("signed: %v", err)
		}
		s.n.mu.Lock()
		s.n.notes[string(body)] = c
		s.n.mu.Unlock()
	}
	tag, err := s.Bucket.Swap(ctx, key, cond, body)
	if key == ledger.CheckpointKey && err == nil {
		c, _ := ledger.ParseCheckpoint(body, origin, s.o.Verifier)
		s.n.mu.Lock()
		if c.Size > s.n.seen.Size {
			s.n.seen = c.Tree
		}
		s.n.mu.Unlock()
	}
	return tag, err
}

// known is what a witness says that has seen every published checkpoint.
func (n *notary) known(context.Context) ([]ledger.Sighting, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen.Size == 0 {
		return nil, nil
	}
	return []ledger.Sighting{{By: "witness w", Size: n.seen.Size}}, nil
}

// forks counts pairs of one size and two roots, and reports whether the ledger
// in b, which is the longest, extends all that were signed.
func (n *notary) forks(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	c, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, signed := range n.notes {
		if err := l.Extends(t.Context(), signed.Tree, c.Tree); err != nil {
			t.Errorf("a fork was signed: size %d: %v", signed.Size, err)
		}
	}
}

// TestRollBackDrills restores bucket, or mark, or both from yesterday and starts
// one process or several at once, with a witness where the machine alone can't
// know (T35): no checkpoint is signed that does not extend all others, and
// whoever may not sign says so.
func TestRollBackDrills(t *testing.T) {
	drills := 20
	if os.Getenv("ONRECORD_LONG") != "" {
		drills = 100
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	kinds := []string{"bucket", "mark", "both", "neither"}
	for i := range drills {
		kind, machines := kinds[i%len(kinds)], 1+i/len(kinds)%3
		t.Run(fmt.Sprintf("%d %s, %d at once", i, kind, machines), func(t *testing.T) {
			drill(t, random, kind, machines)
		})
	}
}

func drill(t *testing.T, random *rand.Rand, kind string, machines int) {
	n := &notary{notes: map[string]ledger.Checkpoint{}}
	b, o := &memory.Bucket{}, options(t)
	o.Known = n.known
	l := create(t, n.watch(t, b, o), o)
	grow(t, l, 1+random.Int64N(600), 1+random.Int64N(300))
	yesterday, mark := b.Clone(), copyMark(t, o)
	grow(t, l, n.seen.Size+1+random.Int64N(300), 1+random.Int64N(200))
	today := b
	rolled := kind == "bucket" || kind == "both"
	if rolled {
		b = yesterday
	}
	if kind == "mark" || kind == "both" {
		o.Mark = mark.Mark
	}
	if random.IntN(3) == 0 && kind != "neither" { // or the mark is gone
		o.Mark, o.Trust = filepath.Join(t.TempDir(), "mark"), true
	}
	var wg sync.WaitGroup
	errs := make([]error, machines)
	for m := range machines {
		wg.Go(func() {
			l := open(t, n.watch(t, b, o), o)
			for range 3 {
				for {
					if errs[m] = tryAppend(t, l, ledger.Leaf{Line: uint32(m), Hash: [32]byte{byte(m), 1}}); !errors.Is(errs[m], bucket.ErrConflict) {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	for m, err := range errs {
		refused := errors.Is(err, ledger.ErrRolledBack) || errors.Is(err, ledger.ErrTampered)
		if rolled && !refused || !rolled && err != nil {
			t.Errorf("machine %d: %v", m, err)
		}
	}
	n.forks(t, open(t, today, o))
}

// TestTwoLedgersAtOnce has two processes with marks of their own append to one
// bucket: no leaf is lost, none is there twice.
func TestTwoLedgersAtOnce(t *testing.T) {
	n := &notary{notes: map[string]ledger.Checkpoint{}}
	b, o := &memory.Bucket{}, options(t)
	create(t, n.watch(t, b, o), o)
	var wg sync.WaitGroup
	const each = 40
	for m := range 2 {
		o := o
		o.Mark, o.Trust = filepath.Join(t.TempDir(), "mark"), true
		wg.Go(func() {
			l := open(t, n.watch(t, b, o), o)
			for i := range each {
				for {
					err := tryAppend(t, l, ledger.Leaf{Line: uint32(m), Hash: [32]byte{byte(m), byte(i)}})
					if err == nil {
						break
					}
					if !errors.Is(err, bucket.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	l := open(t, b, o)
	var got []ledger.Leaf
	for leaf, err := range l.Leaves(t.Context(), 0, 2*each) {
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(got, leaf) {
			t.Errorf("%v is there twice", leaf)
		}
		got = append(got, leaf)
	}
	n.forks(t, l)
}
