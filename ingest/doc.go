// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package ingest is the write path: it visits sources, has each visit judged
// against what is known, commits it to the record, and keeps the views up with
// the record.
//
// It holds no truth. What it needs of the record and of the views it declares
// here as small interfaces; cmd/onrecord hands it the concrete values.
package ingest

import (
	"context"
	"errors"
	"iter"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/schedule"
)

// A Source is one account as configured, ready to be visited.
type Source struct {
	ID        string
	Figure    string // slug
	Platform  string
	AccountID string // the platform's stable id; empty until the first good visit pins it
	Handle    string
	Spec      string // the schedule as configured; empty for none
	Schedule  schedule.Schedule
	Doors     []Door // in order of preference; none for imports only
}

// A Door is one access path of a source as configured.
type Door struct {
	ID   string
	Door crawler.Door
	URL  string // its address, where it has one
	Host string // host and port that its requests go to: one visit at a time
}

// door returns the door with the given id.
func (s Source) door(id string) (Door, bool) {
	for _, d := range s.Doors {
		if d.ID == id {
			return d, true
		}
	}
	return Door{}, false
}

// A Draft is what a judged visit adds to the record.
type Draft struct {
	Base     int64 // ledger index of the last line that judgement knew; -1 for none
	Outcome  onrecord.Outcome
	Started  time.Time
	Ended    time.Time
	Skew     time.Duration
	Events   []onrecord.Event
	Next     onrecord.SourceState
	KeepWARC bool
	// Quiet: nothing for the journal, and no capture to keep; only the source's
	// state moves.
	Quiet bool
	// Provenance of the events, as the visit line has it; empty means captured.
	Provenance onrecord.Provenance
	// Redact are captures of the visit that show statements that were erased: they
	// are redacted before anything is put (record.md 5).
	Redact map[onrecord.StatementID][]onrecord.CaptureRef
}

// An Open visit can be recorded into, read again and ended, once.
type Open interface {
	crawler.Recorder
	// Entries returns what was recorded, in order, for reading it again.
	Entries(ctx context.Context) iter.Seq2[crawler.Entry, error]
	// Commit ends the visit as d says. Where another process was faster it
	// returns a *LateError; a draft above the limits of the record is
	// ErrTooLarge, and the visit stays open.
	Commit(ctx context.Context, d Draft) (onrecord.Done, error)
	// Drop ends a visit as if it had never begun.
	Drop(ctx context.Context) error
	// Close gives the visit up: what was recorded stays in the spool, and
	// Recover takes it up. After the visit has ended it does nothing.
	Close() error
}

// A Visit is an open visit and what was known of its source when it began.
type Visit struct {
	Open
	ID      onrecord.VisitID
	Source  string
	Door    string
	Parser  string
	Started time.Time
	State   onrecord.SourceState
	Size    int64 // of the ledger when State had been read: whatever has changed State is before it
	Late    bool  // a late visit: it may add, not delete (record.md 1.7)
	Offline bool  // begun while the bucket was out of reach: it can't be committed now (record.md 1.8)
	Why     error // it is Offline; nil where that is not known
	Memo    []byte
	Media   MediaKeeper // of a media visit; nil where the record keeps none
}

// An ImportVisit is an open visit that reads files. What it records is durable
// once it is committed, and not before: it can be made again.
type ImportVisit struct {
	Visit
	Keeper
}

// A Keeper records files of any size.
type Keeper interface {
	// RecordFile keeps f as a capture: of x its address, times and media type.
	RecordFile(ctx context.Context, x onrecord.Exchange, f onrecord.File) (onrecord.CaptureRef, error)
}

// A LateError reports that another process committed a visit of the source
// first. Visit is the same visit under a new name, to be judged again by the
// rules of late visits.
type LateError struct{ Visit Visit }

func (e *LateError) Error() string {
	return "another process committed a visit of " + e.Visit.Source + " first"
}

// ErrTooLarge reports a draft above the limits of the record (record.md 1.9).
var ErrTooLarge = errors.New("too large for one visit")

// A Record is where visits are committed: the archive.
type Record interface {
	// State returns the state of a source; while the bucket is out of reach, as
	// it was last read.
	State(ctx context.Context, source string) (onrecord.SourceState, error)
	// Begin begins a visit. What memo makes of the state that the visit begins
	// from is kept with it, whatever happens, and is Visit.Memo.
	Begin(ctx context.Context, s Source, d Door, memo func(onrecord.SourceState) ([]byte, error)) (Visit, error)
	// BeginImport begins a visit that reads files and asks no platform. Door is
	// its name in the record, parser that of the importer; memo is kept with it.
	BeginImport(ctx context.Context, s Source, door, parser string, memo []byte) (ImportVisit, error)
	// Backlog returns the visits that lie in the spool and that need judgement, in
	// sequences that may be run at the same time, each in its order.
	Backlog(ctx context.Context) ([]iter.Seq2[Visit, error], error)
	// Sweep finishes what anybody left pending, and says how many visits.
	Sweep(ctx context.Context) (int, error)
}

// A View answers what is known, as of what it has applied.
type View interface {
	// Known returns what is known of the statements of an account that have
	// one of the ids, as their own or as an alias.
	Known(ctx context.Context, platform, accountID string, ids []onrecord.StatementID) (map[onrecord.StatementID]onrecord.Known, error)
	// KnownRange returns what is known of the statements whose order key lies
	// in r, and KnownRecent of the n newest that are there.
	KnownRange(ctx context.Context, platform, accountID string, r onrecord.Range) ([]onrecord.Known, error)
	KnownRecent(ctx context.Context, platform, accountID string, n int) ([]onrecord.Known, error)
	// KnownLooked returns how many statements were looked at since a time, and
	// those that their own addresses alone call gone, whenever that was found.
	KnownLooked(ctx context.Context, platform, accountID string, since time.Time) (n int, gone []onrecord.Known, err error)
	// Suspects returns the statements that were found absent or gone and are
	// not settled.
	Suspects(ctx context.Context, platform, accountID string) ([]onrecord.Known, error)
	// KnownDue calls yield for the statements that are due for a re-check at
	// now, by the plan that the view was given and by what it has applied: new
	// ones before those of the slow sweep, each oldest due first, until yield
	// returns false.
	KnownDue(ctx context.Context, platform, accountID string, now time.Time, yield func(onrecord.Known) bool) error
}

// An Accounts view answers what is known of accounts and sources, as of what
// it has applied.
type Accounts interface {
	KnownAccount(ctx context.Context, platform, accountID string) (onrecord.KnownAccount, error)
	KnownSource(ctx context.Context, source string) (onrecord.KnownSource, error)
}
