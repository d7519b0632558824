// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"context"
	"errors"
	"sync"

	"onrecord/ingest"
)

// A line is a queue in memory, shared by the runners of a test: one visit a
// source, one turn a host.
type line struct {
	mu    sync.Mutex
	tasks map[string][]ingest.Task // by host; guarded by mu
	taken map[string]*turn         // by host; guarded by mu
	fail  error                    // what every call returns; guarded by mu
	puts  int                      // guarded by mu
	back  int                      // turns given back; guarded by mu
}

func newLine() *line {
	return &line{tasks: map[string][]ingest.Task{}, taken: map[string]*turn{}}
}

func (l *line) Put(_ context.Context, t ingest.Task) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.puts++
	if on := l.taken[t.Host]; on != nil && on.task.Source == t.Source {
		return nil
	}
	for _, o := range l.tasks[t.Host] {
		if o.Source == t.Source {
			return nil
		}
	}
	l.tasks[t.Host] = append(l.tasks[t.Host], t)
	return nil
}

func (l *line) Take(_ context.Context, host string) (ingest.Turn, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, false, l.fail
	}
	if l.taken[host] != nil || len(l.tasks[host]) == 0 {
		return nil, false, nil
	}
	t := &turn{l: l, task: l.tasks[host][0]}
	t.ctx, t.lose = context.WithCancelCause(context.Background())
	l.tasks[host], l.taken[host] = l.tasks[host][1:], t
	return t, true, nil
}

// pass gives the turn of a host to somebody else.
func (l *line) pass(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken[host].lose(errLost)
	l.taken[host] = &turn{l: l}
}

// lose forgets everything, and refuses or serves from now on.
func (l *line) lose(fail error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = fail
	clear(l.tasks)
	clear(l.taken)
}

var errLost = errors.New("the turn is lost")

type turn struct {
	l    *line
	task ingest.Task
	ctx  context.Context
	lose context.CancelCauseFunc
}

func (t *turn) Context() context.Context { return t.ctx }

func (t *turn) Task() ingest.Task { return t.task }

func (t *turn) Done(context.Context) error {
	t.l.mu.Lock()
	defer t.l.mu.Unlock()
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	if t.l.taken[t.task.Host] == t {
		delete(t.l.taken, t.task.Host)
	}
	return nil
}

func (t *turn) Back() error {
	t.l.mu.Lock()
	defer t.l.mu.Unlock()
	delete(t.l.taken, t.task.Host)
	t.l.back++
	t.l.tasks[t.task.Host] = append([]ingest.Task{t.task}, t.l.tasks[t.task.Host]...)
	return nil
}
