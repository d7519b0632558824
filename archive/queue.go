// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// unclearTries is how often a swap of the head whose outcome stayed open is
// looked into and tried again before the visit is left to a later finish.
const unclearTries = 3

// A queue joins the visits of one process that wait for the head into one
// swap (record.md 1.9, 2). Who finds nobody appending appends for all.
type queue struct {
	ledger *ledger.Ledger
	lead   chan struct{} // held by the one that appends

	mu      sync.Mutex
	waiting []*appending // guarded by mu
}

func newQueue(l *ledger.Ledger) *queue {
	return &queue{ledger: l, lead: make(chan struct{}, 1)}
}

// An appending is the leaves of one visit on their way into the ledger. It
// belongs to whoever leads while it is not in waiting.
type appending struct {
	visit  onrecord.VisitID
	from   int64 // no leaf of visit lies before it
	leaves []ledger.Leaf
	keys   []ledger.Rotation // changes of the log key among the leaves, by their place there
	done   chan appended     // buffered
}

// An appended says where a visit is in the ledger, or why that is not known.
type appended struct {
	index  int64
	line   uint32 // of the first leaf: ledger.AbandonedLine if the visit was abandoned
	batch  ledger.Head
	ours   bool  // batch is the one that it came with
	err    error // not in the ledger as far as is known
	behind error // in the ledger, but what follows from that is not done

	// The register that the visit was settled by, with its tag; the zero tag
	// if that was another's doing, or is still to be done.
	settled    register
	settledTag bucket.Tag
}

// append does (b) to (e) of record.md 1.5 for one visit: it is in the ledger,
// once, when append returns without error.
func (q *queue) append(ctx context.Context, v onrecord.VisitID, from int64, leaves []ledger.Leaf, keys []ledger.Rotation) appended {
	w := &appending{visit: v, from: from, leaves: leaves, keys: keys, done: make(chan appended, 1)}
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	for {
		select {
		case r := <-w.done:
			return r
		case q.lead <- struct{}{}:
		case <-ctx.Done():
			q.mu.Lock()
			q.waiting = slices.DeleteFunc(q.waiting, func(o *appending) bool { return o == w })
			q.mu.Unlock()
			return appended{err: ctx.Err()}
		}
		select {
		case r := <-w.done:
			<-q.lead
			return r
		default:
		}
		q.appendBatch(ctx, q.take())
		<-q.lead
	}
}

// take removes from the queue what fits into one batch: whole visits only, and
// none twice, as when its owner and a sweep finish it at once.
func (q *queue) take() []*appending {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, leaves := 0, 0
	seen := map[onrecord.VisitID]bool{}
	for _, w := range q.waiting {
		if leaves += len(w.leaves); leaves > ledger.MaxBatch || seen[w.visit] {
			break
		}
		seen[w.visit] = true
		n++
	}
	batch := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return batch
}

// giveBack puts what another may still append back at the front of the queue.
func (q *queue) giveBack(batch []*appending) {
	q.mu.Lock()
	q.waiting = append(slices.Clone(batch), q.waiting...)
	q.mu.Unlock()
}

// appendBatch appends the visits of batch that are not in the ledger yet, and
// answers all of them. If ctx ends first, the others go back to the queue.
func (q *queue) appendBatch(ctx context.Context, batch []*appending) {
	unclear := 0
	for {
		open, head, err := q.attempt(ctx, &batch)
		switch {
		case err == nil && open == nil:
			return
		case ctx.Err() != nil:
			q.giveBack(batch)
			return
		case errors.Is(err, bucket.ErrConflict):
			continue
		case errors.Is(err, ledger.ErrRotation) && slices.ContainsFunc(batch, func(w *appending) bool { return len(w.keys) > 0 }):
			// A change that does not follow from the key in force changes nothing, and
			// must not keep the visit that says so out of the ledger.
			for _, w := range batch {
				w.keys = nil
			}
			continue
		case err != nil:
			if unclear++; isAnswer(err) || unclear == unclearTries {
				answer(batch, func(*appending, *appended) {}, appended{err: outOfReach(fmt.Errorf("append to the ledger: %w", err))})
				return
			}
			continue
		}
		behind := q.publish(ctx, head)
		at := head.From()
		answer(open, func(w *appending, r *appended) {
			r.index, r.line = at, w.leaves[0].Line
			at += int64(len(w.leaves))
		}, appended{batch: head, ours: true, behind: behind})
		return
	}
}

// attempt is one round of (b) to (d). It answers, and takes out of batch, the
// visits that are in the ledger already. It returns those that it has
// appended, and the head that holds them.
func (q *queue) attempt(ctx context.Context, batch *[]*appending) (open []*appending, head ledger.Head, err error) {
	head, tag, err := q.ledger.Head(ctx)
	if err != nil {
		return *batch, head, err
	}
	var leaves []ledger.Leaf
	var keys []ledger.Rotation
	*batch = refuseBeyond(*batch, head.Size)
	var there []*appending
	found := map[*appending]appended{}
	for _, w := range *batch {
		index, line, ok, err := q.ledger.Contains(ctx, head, w.visit, w.from)
		if err != nil {
			return *batch, head, err
		}
		if ok {
			found[w] = appended{index: index, line: line, batch: head}
			there = append(there, w)
			continue
		}
		w.from = head.Size // append-only: what was searched once stays without it
		open = append(open, w)
		keys = append(keys, shifted(w.keys, head.Size+int64(len(leaves)))...)
		leaves = append(leaves, w.leaves...)
	}
	if len(there) > 0 {
		behind := q.publish(ctx, head)
		answer(there, func(w *appending, r *appended) { *r = found[w]; r.behind = behind }, appended{})
		*batch = open
	}
	if len(open) == 0 {
		return nil, head, nil
	}
	head, _, err = q.ledger.Append(ctx, head, tag, leaves, keys...)
	return open, head, err
}

// refuseBeyond answers the visits that were begun at a ledger that was larger, as
// before a restart of it: what lies where they are to be looked for is not known yet.
// It returns the others, which do not fail with them.
func refuseBeyond(batch []*appending, size int64) []*appending {
	return slices.DeleteFunc(slices.Clone(batch), func(w *appending) bool {
		if w.from <= size {
			return false
		}
		w.done <- appended{err: fmt.Errorf("it was begun at a ledger of %d, which has %d: it is recorded when the ledger has grown that far: %w", w.from, size, ledger.ErrIndex)}
		return true
	})
}

// publish brings tiles and checkpoint up to head, where they are behind.
func (q *queue) publish(ctx context.Context, head ledger.Head) error {
	if err := q.ledger.Publish(ctx, head); err != nil {
		return outOfReach(fmt.Errorf("publish the ledger at size %d: %w", head.Size, err))
	}
	return nil
}

// answer gives each of list its own copy of r, changed by set.
func answer(list []*appending, set func(*appending, *appended), r appended) {
	for _, w := range list {
		own := r
		set(w, &own)
		w.done <- own
	}
}
