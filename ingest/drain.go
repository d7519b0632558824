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

// Recover is Drain to its end, for whoever wants the reports of all visits.
func (i *Ingester) Recover(ctx context.Context, lock func(source string) (unlock func(), ok bool)) (reports []Report, err error) {
	_, err = i.Drain(ctx, ctx, lock, func(r Report) { reports = append(reports, r) })
	return reports, err
}

// Drain commits the visits that an earlier process, or an outage of the bucket,
// left in the spool, reading their captures again: those of an account, where its id
// is configured, else of a source, in their order, those of several at once. Lock takes the source, as for a
// visit; a source that somebody else has is passed over. Each is told of every
// visit that has ended, one at a time. Once ctx ends no other visit is begun; those
// under way go on until hard ends. Left says that visits stay in the spool that may
// be committed later; the error joins why, but for those that were passed over.
func (i *Ingester) Drain(ctx, hard context.Context, lock func(source string) (unlock func(), ok bool), each func(Report)) (left bool, err error) {
	lines, err := i.Record.Backlog(hard)
	if err != nil {
		return true, fmt.Errorf("recover: %w", err)
	}
	d := &drain{i: i, lock: lock, each: each, lines: lines}
	var workers sync.WaitGroup
	for range min(drainAtOnce, len(lines)) {
		workers.Go(func() {
			for line := d.next(ctx); line != nil; line = d.next(ctx) {
				d.commit(ctx, hard, line)
			}
		})
	}
	workers.Wait()
	if d.failed > len(d.errs) {
		d.errs = append(d.errs, fmt.Errorf("and %d more", d.failed-len(d.errs)))
	}
	return d.left || d.failed > 0 || ctx.Err() != nil, errors.Join(d.errs...)
}

// A drain is one run of Drain.
type drain struct {
	i    *Ingester
	lock func(source string) (unlock func(), ok bool)
	each func(Report)

	mu     sync.Mutex
	lines  []iter.Seq2[Visit, error] // not begun; guarded by mu
	left   bool                      // a visit was passed over; guarded by mu
	errs   []error                   // the first ones; guarded by mu
	failed int                       // how many there were; guarded by mu
}

// next takes the next line; nil if there is none, or none is to be begun.
func (d *drain) next(ctx context.Context) iter.Seq2[Visit, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil || len(d.lines) == 0 {
		return nil
	}
	line := d.lines[0]
	d.lines = d.lines[1:]
	return line
}

// commit commits the visits of a line, one after the other.
func (d *drain) commit(ctx, hard context.Context, line iter.Seq2[Visit, error]) {
	for v, err := range line {
		if err == nil {
			err = d.one(hard, v)
		}
		if err != nil {
			d.fail(fmt.Errorf("recover: %w", err))
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// one commits one visit, unless somebody else has its source.
func (d *drain) one(ctx context.Context, v Visit) error {
	unlock, ok := d.lock(v.Source)
	if !ok {
		d.mu.Lock()
		d.left = true
		d.mu.Unlock()
		return v.Close()
	}
	defer unlock()
	rep, err := d.i.again(ctx, v)
	if err != nil {
		return errors.Join(fmt.Errorf("visit %s of %s: %w", v.ID, v.Source, err), v.Close())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.each(rep)
	return nil
}

// fail notes what kept a visit in the spool.
func (d *drain) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed++; len(d.errs) < drainErrors {
		d.errs = append(d.errs, err)
	}
}
