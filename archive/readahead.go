// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"sync"

	"onrecord/archive/ledger"
)

// Ordinary visits have a few lines each, so a walk that reads one segment after
// the other waits for the bucket most of the time. Segments are read ahead.
const (
	aheadVisits = 16       // segments that are read, or wait for the caller, at once
	aheadBytes  = 32 << 20 // of them together, as far as can be told: the next is taken to be as large as the last ones
)

// A walked is the leaves of one visit and its segment, once that has been read.
type walked struct {
	visitLeaves
	ready   chan struct{} // closed when segment and err are there
	segment *segment      // nil where the visit was abandoned
	err     error         // that ends the walk at this visit
}

// A readAhead reads the segments of visits before they are asked for.
type readAhead struct {
	a   *Archive
	out chan *walked // in ledger order; closed at the end
	all bool         // everything came, an error included; to be read after out is closed

	wg   sync.WaitGroup
	mu   sync.Mutex
	free *sync.Cond // of mu: something was read, or taken, or ctx has ended
	held int        // segments that were begun and not given back; guarded by mu
	size int64      // bytes that they have or are taken to have; guarded by mu
	last int64      // what the next one is taken to have; guarded by mu
}

// readAhead begins to read the leaves [from, to) and their segments, until ctx
// ends. Wait waits until nothing of it runs any more.
func (a *Archive) readAhead(ctx context.Context, from, to int64) *readAhead {
	r := &readAhead{a: a, out: make(chan *walked, aheadVisits), last: 64 << 10}
	r.free = sync.NewCond(&r.mu)
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.free.Broadcast()
	})
	r.wg.Go(func() {
		defer stop()
		defer close(r.out)
		r.all = r.leaves(ctx, from, to)
	})
	return r
}

// leaves groups leaves by visits and begins to read the segments of these. An
// error of a leaf comes after the visits before it. It reports whether ctx has
// not ended before.
func (r *readAhead) leaves(ctx context.Context, from, to int64) (all bool) {
	w := &walked{visitLeaves: visitLeaves{index: from}}
	index := from
	for leaf, err := range r.a.ledger.Leaves(ctx, from, to) {
		if len(w.leaves) > 0 && (err != nil || w.leaves[0].Visit != leaf.Visit) {
			if !r.begin(ctx, w) {
				return false
			}
			w = &walked{visitLeaves: visitLeaves{index: index}}
		}
		if err != nil {
			w.err = err
			return r.begin(ctx, w)
		}
		w.leaves = append(w.leaves, leaf)
		index++
	}
	return len(w.leaves) == 0 || r.begin(ctx, w)
}

// begin begins to read the segment of w when there is room, and puts w into the
// order. It reports whether ctx goes on.
func (r *readAhead) begin(ctx context.Context, w *walked) bool {
	w.ready = make(chan struct{})
	if w.err != nil || !w.hasLines() {
		close(w.ready)
	} else {
		reserved, ok := r.reserve(ctx)
		if !ok {
			return false
		}
		r.wg.Go(func() {
			defer close(w.ready)
			w.segment, w.err = r.a.segment(ctx, w.leaves[0].Visit)
			r.settle(w.segment, reserved)
		})
	}
	select {
	case r.out <- w:
		return true
	case <-ctx.Done():
		return false
	}
}

// hasLines reports whether a leaf of w has a line.
func (w *walked) hasLines() bool {
	for _, leaf := range w.leaves {
		if leaf.Line != ledger.AbandonedLine {
			return true
		}
	}
	return false
}

// reserve waits for room for one more segment, and returns how many bytes it is
// taken to have.
func (r *readAhead) reserve(ctx context.Context) (size int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.held > 0 && (r.held >= aheadVisits || r.size+r.last > aheadBytes) {
		if ctx.Err() != nil {
			return 0, false
		}
		r.free.Wait()
	}
	r.held++
	r.size += r.last
	return r.last, ctx.Err() == nil
}

// settle puts what a segment has in the place of what was reserved.
func (r *readAhead) settle(s *segment, reserved int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := s.held()
	r.size += n - reserved
	r.last = max(n, r.last/2)
	r.free.Broadcast()
}

// give gives the room of w back: the caller is done with it.
func (r *readAhead) give(w *walked) {
	if !w.hasLines() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held--
	r.size -= w.segment.held()
	r.free.Broadcast()
}

// held returns about how much memory a segment takes, in bytes.
func (s *segment) held() int64 {
	if s == nil {
		return 0
	}
	n := int64(len(s.bytes))
	for _, line := range s.lines {
		n += int64(len(line.text))
	}
	return n
}
