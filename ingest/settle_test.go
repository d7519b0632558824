// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/ingest"
)

// A slowStore takes a while for each visit, and takes none between two moments.
// It is the record as a Runner meets it: what it can't take lies in the spool, and
// whoever comes later waits behind that.
type slowStore struct {
	mu       sync.Mutex
	begin    time.Time
	out      [2]time.Duration // since begin
	takes    time.Duration    // for the commit of a visit
	spool    map[string]int   // visits that wait, by source
	most     int              // that ever waited at once
	emptied  time.Duration    // when the last of them left, since begin
	refilled int              // visits that joined the spool after the store was back
}

func (s *slowStore) away() bool {
	now := time.Since(s.begin)
	return now >= s.out[0] && now < s.out[1]
}

// visited says whether a visit of source lies in the spool.
func (s *slowStore) visited(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.away() && s.spool[source] == 0 {
		return false
	}
	if time.Since(s.begin) >= s.out[1] {
		s.refilled++
	}
	s.spool[source]++
	n := 0
	for _, one := range s.spool {
		n += one
	}
	s.most = max(s.most, n)
	return true
}

func (s *slowStore) waits(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spool[source] > 0
}

var errAway = errors.New("the store does not answer")

func isAway(err error) bool { return errors.Is(err, errAway) }

// drain commits what lay there when it began, one after the other.
func (s *slowStore) drain(ctx context.Context, each func(ingest.Report)) error {
	s.mu.Lock()
	before := make(map[string]int, len(s.spool))
	for source, n := range s.spool {
		before[source] = n
	}
	s.mu.Unlock()
	for source, n := range before {
		for range n {
			time.Sleep(s.takes)
			s.mu.Lock()
			if s.away() {
				s.mu.Unlock()
				return errAway
			}
			s.spool[source]--
			s.emptied = time.Since(s.begin)
			s.mu.Unlock()
			each(ingest.Report{Source: source, Index: -1})
			if ctx.Err() != nil {
				return nil
			}
		}
	}
	return nil
}

// Twelve sources are visited every four seconds, and the store takes one visit in
// two: what an outage of two minutes has left is committed all the same, for
// visits wait while the spool is emptied. While the store is away they do not.
func TestTheSpoolIsEmptiedBesideVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		p.store = &slowStore{begin: p.begin, out: [2]time.Duration{time.Minute, 3 * time.Minute}, takes: 2 * time.Second, spool: map[string]int{}}
		p.spooled = func(source string, _ int) bool { return p.store.visited(source) }
		var sources []ingest.Source
		for i := range 12 {
			sources = append(sources, source(t, fmt.Sprint("s", i), fmt.Sprintf("h%d.example:443", i), "@every 4s"))
		}
		runWith(t, p, 30*time.Minute, func(r *ingest.Runner) { r.Waits, r.Away = p.store.waits, isAway }, sources...)
		s := p.store
		if s.most < 12*20 {
			t.Errorf("%d visits were in the spool at most: visits did not go on while the store was away", s.most)
		}
		for source, n := range s.spool {
			if n > 0 {
				t.Errorf("%d visits of %s are in the spool still", n, source)
			}
		}
		// The commits that were owed, one in two seconds, those of visits that waited
		// for five minutes, and the looks at the spool before.
		if bound := 3*time.Minute + 2*time.Second*time.Duration(s.most+s.refilled) + time.Minute; s.emptied > bound {
			t.Errorf("the spool was empty after %s, want %s at most", s.emptied, bound)
		}
		if s.refilled > 12*4 {
			t.Errorf("%d visits joined the spool while it was emptied", s.refilled)
		}
		for _, one := range sources {
			visits := p.visits[one.ID]
			if last := visits[len(visits)-1]; last < 30*time.Minute-5*time.Second {
				t.Errorf("the last visit of %s was after %s", one.ID, last)
			}
			for i, at := range visits[1:] {
				if gap := at - visits[i]; gap > 6*time.Minute {
					t.Errorf("%s was not visited for %s from %s on", one.ID, gap, visits[i])
				}
			}
		}
	})
}

// A daily source is not waited for: what an outage has left is committed within a
// minute of its end, also where the spool is full and nothing is visited.
func TestTheSpoolIsEmptiedWithoutVisits(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprintf("spool full %t", full), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(time.Second)
				p.store = &slowStore{begin: p.begin, out: [2]time.Duration{0, 150 * time.Minute}, takes: time.Second, spool: map[string]int{}}
				p.spooled = func(source string, _ int) bool { return p.store.visited(source) }
				p.hold = func() error {
					if full && p.store.waits("a") {
						return errors.New("the spool is full")
					}
					return nil
				}
				runWith(t, p, 4*time.Hour, func(r *ingest.Runner) { r.Waits, r.Away = p.store.waits, isAway }, source(t, "a", "one.example:443", "@daily"))
				if s := p.store; s.most != 1 || s.spool["a"] != 0 || s.emptied > 151*time.Minute {
					t.Errorf("%d visits waited, %d still, the last left after %s", s.most, s.spool["a"], s.emptied)
				}
			})
		})
	}
}

// A stop while the spool is emptied ends that after the visit under way.
func TestAStopEndsTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		p.store = &slowStore{begin: p.begin, takes: time.Minute, spool: map[string]int{"a": 100}}
		run(t, p, 150*time.Second, source(t, "a", "one.example:443", "@daily"))
		if left := p.store.spool["a"]; left != 97 {
			t.Errorf("%d visits are in the spool, want 97", left)
		}
		if took := time.Since(p.begin); took != 3*time.Minute {
			t.Errorf("it ended after %s", took)
		}
	})
}

// A spool from which nothing goes though the store answers is read ever more
// seldom, also where visits join it; once something goes, it is emptied at once.
func TestAStuckSpoolIsReadSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(time.Second)
		p.store = &slowStore{begin: p.begin, out: [2]time.Duration{0, 4 * time.Hour}, takes: time.Millisecond, spool: map[string]int{}}
		p.spooled = func(source string, _ int) bool { return p.store.visited(source) }
		at := func(d time.Duration) int {
			q := newPlatform(time.Second)
			q.store = &slowStore{begin: q.begin, out: [2]time.Duration{0, 4 * time.Hour}, takes: time.Millisecond, spool: map[string]int{"a": 1}}
			q.spooled = func(source string, _ int) bool { return q.store.visited(source) }
			runWith(t, q, d, func(r *ingest.Runner) { r.Waits = q.store.waits }, source(t, "a", "one.example:443", "@every 10s"))
			return q.settled
		}
		if n := at(4 * time.Hour); n > 35 {
			t.Errorf("read %d times in four hours", n)
		}
		runWith(t, p, 5*time.Hour, func(r *ingest.Runner) { r.Waits = p.store.waits }, source(t, "a", "one.example:443", "@every 1m"))
		if n := p.store.spool["a"]; n != 0 || p.store.emptied > 4*time.Hour+15*time.Minute {
			t.Errorf("%d visits wait, the last left after %s", n, p.store.emptied)
		}
	})
}
