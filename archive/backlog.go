// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"iter"

	"onrecord"
)

// Backlog is Recover of the visits that are not in the record yet, in sequences
// that may be run at the same time: one for the visits of an account, in their
// order, where its id is configured; else one for those of a source, whose account
// may be seen by others. Sequences come in the order of their first visit. What was
// committed is left to Sweep.
func (a *Archive) Backlog(ctx context.Context) ([]iter.Seq2[*Visit, error], error) {
	queue, err := a.takeStock(ctx)
	if err != nil {
		return nil, err
	}
	unreadable := map[onrecord.VisitID]bool{}
	lines, lineOf := map[string][]spooled{}, map[string]string{} // by name; by source
	var order []string
	for _, one := range queue {
		if one.done != nil {
			continue
		}
		if one.damaged { // its successors do not wait for it
			unreadable[one.meta.Visit] = true
		}
		line, ok := lineOf[one.meta.Source]
		if !ok { // an account may have been named since
			line = one.line()
			lineOf[one.meta.Source] = line
		}
		if len(lines[line]) == 0 {
			order = append(order, line)
		}
		lines[line] = append(lines[line], one)
	}
	var out []iter.Seq2[*Visit, error]
	for _, line := range order {
		out = append(out, a.recoverAll(ctx, lines[line], unreadable))
	}
	return out, nil
}

// takeStock returns what lies in the spool, in the order in which it is to be
// taken over, after it has put back what the store has lost.
func (a *Archive) takeStock(ctx context.Context) ([]spooled, error) {
	if err := a.writable(); err != nil {
		return nil, err
	}
	if err := a.restore(ctx); err != nil {
		return nil, err
	}
	return a.spooled()
}

// line names whose visits are committed in one order: those of an account,
// whichever of its sources saw what, or, where that is not known, of a source.
func (s spooled) line() string {
	if s.meta.AccountID == "" {
		return "source " + s.meta.Source
	}
	return "account " + s.meta.Platform + " " + s.meta.AccountID
}

// Waits reports whether a visit of a source that this process knows of waits in
// the spool for its commit: one begun now would have to wait behind it, and is
// Offline.
func (a *Archive) Waits(source string) bool {
	known, _ := a.memory.recall(source)
	return !known.waits.IsZero() && a.waits(known.waits)
}
