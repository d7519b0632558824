// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"fmt"
	"iter"
	"time"

	"onrecord"
)

// A Line is one committed line of the journal.
type Line struct {
	Index int64
	Event onrecord.Event // Index and Visit are set; the visit line has type VisitLine, a lost one LineLost or ActLost
	Visit VisitLine      // the segment's first line
}

// A VisitLine is what the first line of a segment says of the whole visit.
type VisitLine struct {
	Source, Figure, Door, Parser string
	Started, Ended               time.Time
	Outcome                      onrecord.Outcome
	Provenance                   onrecord.Provenance // of its events; empty means captured
	Follows                      *int64              // ledger index of the source's visit before, -1 for none; nil where nobody knows
}

// A Journal is read by Follow: the archive.
type Journal interface {
	// Head returns the size and root of the ledger now.
	Head(ctx context.Context) (size int64, root [32]byte, err error)
	// Extends returns an error unless the ledger at head extends the one of
	// the given size, at least 1, and root.
	Extends(ctx context.Context, size int64, root [32]byte) error
	// Walk yields the lines [from, to) in ledger order.
	Walk(ctx context.Context, from, to int64) iter.Seq2[Line, error]
}

// A Store applies lines: a view.
type Store interface {
	// Applied returns the size and root up to which the store has applied.
	Applied(ctx context.Context) (size int64, root [32]byte, err error)
	// Apply applies lines that begin at the applied size, and stores the size
	// and root that they reach in the same transaction as the last of them.
	Apply(ctx context.Context, lines iter.Seq2[Line, error], size int64, root [32]byte) error
}

// manyLines is from how many lines on they are read while others are applied.
const manyLines = 512

// Follow applies to s what the journal has and s has not. The ledger must
// extend what s has applied; otherwise s applies nothing more. Live updates and
// rebuilds are this one function. Progress, which may be nil, is told how many
// lines are applied of how many.
func Follow(ctx context.Context, j Journal, s Store, progress func(done, total int64)) (size int64, err error) {
	have, root, err := s.Applied(ctx)
	if err != nil {
		return 0, fmt.Errorf("follow: %w", err)
	}
	size, head, err := j.Head(ctx)
	if err != nil {
		return have, fmt.Errorf("follow: %w", err)
	}
	if size == have && head == root {
		return have, nil
	}
	if have > 0 {
		if err := j.Extends(ctx, have, root); err != nil {
			return have, fmt.Errorf("follow: the ledger does not extend what was applied up to %d: %w", have, err)
		}
	}
	lines := j.Walk(ctx, have, size)
	if size-have > manyLines {
		lines = ahead(ctx, 256, lines)
	}
	if progress != nil {
		lines = counted(lines, have, size, progress)
	}
	if err := s.Apply(ctx, lines, size, head); err != nil {
		return have, fmt.Errorf("follow: from %d to %d: %w", have, size, err)
	}
	return size, nil
}

// counted tells progress of every line that passes.
func counted(lines iter.Seq2[Line, error], from, to int64, progress func(done, total int64)) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for l, err := range lines {
			if err == nil {
				progress(l.Index+1-from, to-from)
			}
			if !yield(l, err) {
				return
			}
		}
	}
}
