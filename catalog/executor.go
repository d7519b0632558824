// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"database/sql"
	"sync"
)

// An executor runs the writes of a large batch in a goroutine of its own, in
// the order in which they are given, while the batch prepares the next ones.
type executor struct {
	run func(write) error
	in  chan []write
	buf []write

	open sync.WaitGroup // groups that are not run
	err  error          // of the first write that failed; read when none is open
}

// A write is one statement with its arguments.
type write struct {
	text string
	args []any
}

// Writes are handed over in groups of so many, so many groups ahead.
const (
	writesTogether = 64
	writesAhead    = 8
)

// newExecutor begins to run writes. The caller ends it with close.
func newExecutor(run func(write) error) *executor {
	x := &executor{run: run, in: make(chan []write, writesAhead)}
	go func() {
		for group := range x.in {
			for _, w := range group {
				if x.err == nil {
					x.err = x.run(w)
				}
			}
			x.open.Done()
		}
	}()
	return x
}

// add gives one more write.
func (x *executor) add(w write) {
	if x.buf = append(x.buf, w); len(x.buf) == writesTogether {
		x.hand()
	}
}

func (x *executor) hand() {
	if len(x.buf) > 0 {
		x.open.Add(1)
		x.in <- x.buf
		x.buf = make([]write, 0, writesTogether)
	}
}

// wait returns once all writes have run, with the error of the first that
// failed.
func (x *executor) wait() error {
	x.hand()
	x.open.Wait()
	return x.err
}

// close waits and ends the goroutine.
func (x *executor) close() error {
	err := x.wait()
	close(x.in)
	return err
}

// execNow runs one write.
func (b *batch) execNow(w write) error {
	s, err := b.f.writes.get(b.ctx, w.text)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(b.ctx, w.args...)
	return err
}

// settle returns once what was written so far has run: before anything is read.
func (b *batch) settle() error {
	if b.x == nil {
		return nil
	}
	return b.x.wait()
}

// query returns a statement that reads, once what was written has run.
func (b *batch) query(text string) (*sql.Stmt, error) {
	if err := b.settle(); err != nil {
		return nil, err
	}
	return b.f.writes.get(b.ctx, text)
}
