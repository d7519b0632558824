// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onrecord"
	"onrecord/archive"
)

// act records an act of the operator, as a visit of the built-in source
// (record.md 1.12), and returns once the catalog has applied it. What makes the
// event of what is known now; nil records nothing. It is asked again where
// another act came between.
func (h *house) act(ctx context.Context, what func() (*onrecord.Event, error)) (*onrecord.Event, onrecord.Done, error) {
	v, err := h.archive.Begin(ctx, archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	if err != nil {
		return nil, onrecord.Done{}, err
	}
	if v.Offline() {
		return nil, onrecord.Done{}, errors.Join(fmt.Errorf("an act of the operator is not spooled: %w", archive.ErrUnreachable), v.Drop(ctx))
	}
	for {
		size, err := h.archive.Size(ctx)
		if err == nil {
			size, err = h.catchUp(ctx, size)
		}
		var e *onrecord.Event
		if err == nil {
			e, err = what()
		}
		if err != nil || e == nil {
			return nil, onrecord.Done{}, errors.Join(err, v.Drop(ctx))
		}
		now := e.By
		next := v.State()
		next.Source, next.Platform, next.LastVisit, next.LastGood = archive.BuiltIn, archive.BuiltIn, now, now
		done, err := v.Commit(ctx, archive.Draft{
			Base: size - 1, Outcome: onrecord.OutcomeOK, Started: now, Ended: now, Next: next, Events: []onrecord.Event{*e},
		})
		if late, ok := errors.AsType[*archive.LateError](err); ok {
			v = late.Visit
			continue
		}
		if err != nil {
			return nil, done, err
		}
		_, err = h.catchUp(ctx, done.Index+2) // the visit line and the event
		return e, done, err
	}
}

// sourceAct makes the event of an act on a source. It ends what the mark of that
// name comes from: where our clock was ahead when that was recorded, the act
// takes its time, or it would fold before it.
func (h *house) sourceAct(t onrecord.EventType, row onrecord.SourceStatus, after time.Time, mark onrecord.Mark) *onrecord.Event {
	now := h.env.now().UTC().Truncate(time.Microsecond)
	e := onrecord.Event{
		Type: t, At: now, After: after, By: now, Figure: row.Figure, Source: row.Source, Account: row.Account,
		Provenance: onrecord.Captured, Index: -1, Prev: -1,
	}
	if mark.At.After(now) {
		e.At, e.Disputed = mark.At, true
	}
	if e.After.After(e.By) {
		e.After, e.By, e.Disputed = e.By, e.After, true
	}
	return &e
}
