// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"log/slog"
	"time"

	"onrecord"
)

// What callers branch on.
var (
	// ErrRebuild reports a file that this program can't read: of another
	// schema, or damaged. Nothing is lost: Create a new one and apply the
	// journal from index 0.
	ErrRebuild = errors.New("the catalog must be rebuilt from the record")
	// ErrDisk reports that the disk or the system refuses to serve the file:
	// full, read-only, out of memory. The file itself may be well.
	ErrDisk = errors.New("the disk does not let the catalog be used")
	// ErrLocked reports that another process applies to the file.
	ErrLocked = errors.New("the catalog is locked by another process")
	// ErrHole reports entries that do not begin where the catalog ends.
	ErrHole = errors.New("entries do not follow what was applied")
	// ErrReadOnly reports an Apply to a catalog that was opened for reading.
	ErrReadOnly = errors.New("the catalog was opened for reading only")
)

// Options are what a catalog needs beside its file.
type Options struct {
	// MACKey authenticates cursors (HMAC-SHA256). It should be derived from
	// the log key, so that a rebuilt catalog takes the cursors of the old one.
	MACKey []byte
	// Figures are the names of the figures by slug, from the configuration.
	// They are not stored.
	Figures map[string]string
	// ReadOnly opens the file beside the process that applies to it. The file
	// must exist.
	ReadOnly bool
	// Due says when a statement that nobody suspects is to be asked for again,
	// and whether that is only its turn in the slow sweep; the zero time means
	// never. Nil means that KnownDue finds nothing. Plan names what Due does: a
	// file that was written by another plan is brought up to this one.
	Due  func(onrecord.Known) (at time.Time, sweep bool)
	Plan string
	// Log is told of rare events, such as a file that was replaced. Nil
	// discards.
	Log *slog.Logger
}

// An Entry is one line of the journal, in ledger order. Of line 0 of a visit
// Event.Type is onrecord.VisitLine, and Visit is what that line says. Of a line that
// is lost it is onrecord.LineLost or ActLost, and Visit has what is known.
type Entry struct {
	Index int64
	Event onrecord.Event // Index and Visit are taken from it; Salt is not kept
	Visit Visit
}

// A Visit is what the first line of a journal segment says of the whole visit.
type Visit struct {
	Source, Figure, Door, Parser string
	Started, Ended               time.Time
	Outcome                      onrecord.Outcome
	Provenance                   onrecord.Provenance // of its events; empty means captured
	Follows                      *int64              // ledger index of the source's visit before, -1 for none; nil where nobody knows
}
