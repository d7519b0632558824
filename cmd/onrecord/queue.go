// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/dispatch"
	"onrecord/ingest"
)

// takeWait is how long a worker waits for its turn at a host. What it has just
// announced is there at once.
const takeWait = 200 * time.Millisecond

// queue is a queue of dispatch as ingest.Queue.
type queue struct{ q *dispatch.Queue }

func (q queue) Put(ctx context.Context, t ingest.Task) error {
	_, err := q.q.Put(ctx, dispatch.Task(t))
	return err
}

func (q queue) Take(ctx context.Context, host string) (ingest.Turn, bool, error) {
	t, ok, err := q.q.Take(ctx, host, takeWait)
	if err != nil || !ok {
		return nil, false, err
	}
	return turn{t}, true, nil
}

// turn is a turn of dispatch as ingest.Turn.
type turn struct{ t *dispatch.Turn }

func (t turn) Task() ingest.Task              { return ingest.Task(t.t.Task) }
func (t turn) Context() context.Context       { return t.t.Context() }
func (t turn) Done(ctx context.Context) error { return t.t.Done(ctx) }
func (t turn) Back() error                    { return t.t.Later(0) }

// openQueue opens the queue that the configuration names: one inside the process
// where it names none.
func (h *house) openQueue(ctx context.Context) (*dispatch.Queue, error) {
	q, err := dispatch.Open(ctx, dispatch.Options{
		URL: h.cfg.Dispatch.URL, Dir: filepath.Join(h.cfg.StateDir, "dispatch"), Now: h.env.now, Log: h.log,
	})
	if errors.Is(err, dispatch.ErrUnreachable) && h.cfg.Dispatch.URL != "" {
		return nil, &failure{status: exitUnreachable, hint: "is the NATS server of dispatch.url running, with JetStream?", err: err}
	}
	return q, err
}

// runner joins the write path to the queue.
func (h *house) runner(in *ingest.Ingester, q *dispatch.Queue, locks *locks) *ingest.Runner {
	return &ingest.Runner{
		Visitor: in, Media: in, States: in.Record, Queue: queue{q}, Sources: in.Sources, Now: h.env.now, Log: h.log,
		Most: h.cfg.Crawl.Concurrency, Hold: h.hold, Waits: h.archive.Waits,
		Away: func(err error) bool { return errors.Is(err, archive.ErrUnreachable) },
		Paused: func(ctx context.Context, source string) (bool, error) {
			gap, err := h.paused(ctx, source)
			return gap != nil, err
		},
		Lock: func(source, host string) (func(), bool) {
			unlock, err := locks.visit(source, host)
			if err != nil && !errors.Is(err, errHeld) {
				h.log.Error("locks", "err", err)
			}
			return unlock, err == nil
		},
	}
}

// paused returns the gap that the operator has opened by pausing a source, or
// nil.
func (h *house) paused(ctx context.Context, source string) (*onrecord.Gap, error) {
	known, err := h.catalog.KnownSource(ctx, source)
	if err != nil {
		return nil, err
	}
	return pausedGap(known), nil
}

func pausedGap(known onrecord.KnownSource) *onrecord.Gap {
	i := slices.IndexFunc(known.Gaps, func(g onrecord.Gap) bool { return g.Reason == onrecord.GapPaused })
	if i < 0 {
		return nil
	}
	return &known.Gaps[i]
}
