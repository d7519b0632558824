// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
)

const (
	// drainAtOnce is how many accounts have their spooled visits committed at once.
	// Each spends its time waiting for the bucket, and their leaves go into the
	// ledger by one swap.
	drainAtOnce = 12
	// drainErrors is how many errors of a Drain are told in full.
	drainErrors = 8
)

// Recover is Drain to its end. It returns the reports of all visits.
func (i *Ingester) Recover(ctx context.Context, lock func(source string) (unlock func(), ok bool)) (reports []Report, err error) {
	err = i.Drain(ctx, lock, func(r Report) bool {
		reports = append(reports, r)
		return true
	})
	return reports, err
}

// Drain commits the visits that an earlier process, or an outage of the bucket,
// left in the spool, reading their captures again: those of an account in their
// order, those of several accounts at once. Lock takes the source, as for a
// visit; a source that somebody else has is passed over. Each is told of every
// visit that has ended, one at a time; once it returns false no other visit is
// begun. The error joins those of the visits that stay in the spool.
func (i *Ingester) Drain(ctx context.Context, lock func(source string) (unlock func(), ok bool), each func(Report) (more bool)) error {
	lines, err := i.Record.Backlog(ctx)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	d := &drain{i: i, lock: lock, each: each, lines: lines}
	var workers sync.WaitGroup
	for range min(drainAtOnce, len(lines)) {
		workers.Go(func() {
			for line := d.next(); line != nil; line = d.next() {
				d.commit(ctx, line)
			}
		})
	}
	workers.Wait()
	if d.failed > len(d.errs) {
		d.errs = append(d.errs, fmt.Errorf("and %d more", d.failed-len(d.errs)))
	}
	return errors.Join(d.errs...)
}

// A drain is one run of Drain.
type drain struct {
	i    *Ingester
	lock func(source string) (unlock func(), ok bool)
	each func(Report) (more bool)

	mu      sync.Mutex
	lines   []iter.Seq2[Visit, error] // not begun; guarded by mu
	stopped bool                      // guarded by mu
	errs    []error                   // the first ones; guarded by mu
	failed  int                       // how many there were; guarded by mu
}

// next takes the next line; nil if there is none.
func (d *drain) next() iter.Seq2[Visit, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || len(d.lines) == 0 {
		return nil
	}
	line := d.lines[0]
	d.lines = d.lines[1:]
	return line
}

// commit commits the visits of a line, one after the other.
func (d *drain) commit(ctx context.Context, line iter.Seq2[Visit, error]) {
	for v, err := range line {
		if err != nil {
			d.fail(fmt.Errorf("recover: %w", err))
			continue
		}
		unlock, ok := d.lock(v.Source)
		if !ok {
			d.fail(v.Close())
			continue
		}
		rep, err := d.i.again(ctx, v)
		if err != nil {
			d.fail(errors.Join(fmt.Errorf("recover visit %s of %s: %w", v.ID, v.Source, err), v.Close()))
		}
		unlock()
		if !d.goesOn(rep, err == nil) {
			return
		}
	}
}

// goesOn tells of a visit that has ended, and reports whether another may begin.
func (d *drain) goesOn(r Report, ended bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ended && !d.each(r) {
		d.stopped = true
	}
	return !d.stopped
}

// fail notes what kept a visit in the spool.
func (d *drain) fail(err error) {
	if err == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed++; len(d.errs) < drainErrors {
		d.errs = append(d.errs, err)
	}
}
