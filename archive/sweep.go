// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/spool"
)

// readBackAfter is how long after the commit the bucket is asked whether it
// still has everything (record.md 1.11).
const readBackAfter = 10 * time.Minute

// readBackAtOnce is how many visits are read back at once: each spends its time
// waiting for the bucket.
const readBackAtOnce = 12

// Sweep finishes every pending state, whether or not its source is configured,
// brings the checkpoint up to the head where it is not, and removes the spools of
// visits that were read back at least ten minutes after their commit, or that a
// replica has (record.md 1.5, 1.11). It is called at a start, after Backlog, and
// every hour; it may run beside visits and beside Backlog. The error joins those of all sources and spools; one
// does not stop the rest. ErrPending in it is a source that waits for objects.
func (a *Archive) Sweep(ctx context.Context) (finished int, err error) {
	if err := a.writable(); err != nil {
		return 0, err
	}
	if err := a.restore(ctx); err != nil {
		return 0, err
	}
	var errs []error
	// The one listing there is: it finds sources, never what was committed.
	for info, err := range a.b.List(ctx, "state/", "") {
		if err != nil {
			return finished, errors.Join(append(errs, outOfReach(fmt.Errorf("list state/: %w", err)))...)
		}
		source, ok := sourceOf(info.Key)
		if !ok {
			continue
		}
		reg, _, err := a.load(ctx, source)
		if err == nil && reg.Pending != nil {
			if _, _, err = a.settled(ctx, source); err == nil {
				finished++
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return finished, errors.Join(append(errs, a.publishHead(ctx), a.readBackAll(ctx))...)
}

// publishHead brings the checkpoint up to the head, where a power cut has taken
// one that had been written and not made durable: nothing is pending then.
func (a *Archive) publishHead(ctx context.Context) error {
	head, _, err := a.ledger.Head(ctx)
	if err != nil {
		return outOfReach(err)
	}
	return a.queue.publish(ctx, head)
}

// readBackAll reads back the visits in the spool that were committed, where it is
// time, and removes what was left of dead spools. The others are not read: they may
// be many.
func (a *Archive) readBackAll(ctx context.Context) error {
	var mu sync.Mutex
	var errs []error
	fail := func(err error) {
		if err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	}
	due := func(v onrecord.VisitID) bool {
		done, err := a.peekDone(v)
		return err != nil || done != nil && a.readBackDue(done)
	}
	var workers sync.WaitGroup
	free := make(chan struct{}, readBackAtOnce)
	for s, err := range a.spool.Take(ctx, due) {
		if err != nil {
			fail(err)
			continue
		}
		free <- struct{}{}
		workers.Go(func() {
			fail(a.readBackOne(ctx, s))
			<-free
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// readBackOne reads back the visit in s if it was committed, and leaves others
// to Recover.
func (a *Archive) readBackOne(ctx context.Context, s *spool.Spool) error {
	id, err := nameOf(s)
	if err != nil {
		return errors.Join(fmt.Errorf("spool of visit %s: %w", s.Meta().Visit, err), s.Close())
	}
	done, err := readDone(s, id)
	if err != nil || done == nil {
		return errors.Join(err, s.Close())
	}
	return a.readBack(ctx, s, done)
}

// readBack removes the spool of a committed visit once the bucket has confirmed
// its objects and its leaf, at least readBackAfter after the commit. Objects
// that the bucket has lost are put again, and confirmed by a later read-back.
func (a *Archive) readBack(ctx context.Context, s *spool.Spool, done *doneNote) error {
	if a.inReplica(done) {
		return s.Remove()
	}
	if !a.readBackDue(done) {
		return s.Close()
	}
	if erased, err := a.erasedSince(ctx, done.Index, done.Visit, s.Meta().Visit); err != nil {
		return errors.Join(err, s.Close())
	} else if erased {
		return s.Remove() // it holds what is erased
	}
	p, err := a.readPlan(s, done.Visit)
	if err == nil && p == nil {
		err = fmt.Errorf("%w: no plan in the spool", ErrMismatch)
	}
	if err == nil {
		var again bool
		if again, err = a.confirm(ctx, s, p, done); err == nil && !again {
			return s.Remove()
		}
	}
	if err != nil {
		err = fmt.Errorf("read back visit %s: %w", done.Visit, err)
	}
	return errors.Join(err, s.Close())
}

// readBackDue reports whether the spool of a committed visit is to be looked at. One
// that was committed well ahead of now was so by a clock that was wrong: it is not
// kept until that day.
func (a *Archive) readBackDue(done *doneNote) bool {
	return a.inReplica(done) || a.now().Sub(done.At).Abs() >= readBackAfter
}

// inReplica reports whether a replica has confirmed everything of a committed
// visit: its objects, and a checkpoint behind its leaf.
func (a *Archive) inReplica(done *doneNote) bool { return done.Index < a.replicated.Load() }

// copiedTo notes that a replica has everything up to a size of the ledger.
func (a *Archive) copiedTo(size int64) {
	for old := a.replicated.Load(); size > old && !a.replicated.CompareAndSwap(old, size); old = a.replicated.Load() {
	}
}

// confirm asks the bucket for everything of a committed visit. again says that
// something was put once more and is to be confirmed later.
func (a *Archive) confirm(ctx context.Context, s *spool.Spool, p *plan, done *doneNote) (again bool, err error) {
	for _, o := range p.Objects {
		err := a.checkObject(ctx, o)
		if errors.Is(err, bucket.ErrNotExist) {
			a.log.WarnContext(ctx, "the bucket has lost an object that it had acknowledged; it is put again", "key", o.Key)
			if err := a.putObjects(ctx, s, p); err != nil {
				return true, err
			}
			again = true
			continue
		}
		if err != nil {
			return true, err
		}
	}
	_, in, err := a.inLedger(ctx, done.Visit, p.From)
	if err == nil && !in {
		err = fmt.Errorf("%w: the ledger has lost its leaf at index %d; the spool keeps it", ErrMismatch, done.Index)
	}
	return again, err
}
