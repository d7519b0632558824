// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"iter"
	"time"

	"onrecord"
)

// A Source names whose visit is begun. AccountID may be empty while it is not
// known; Figure may be empty for the built-in source.
type Source struct {
	Source, Platform, AccountID, Figure string
}

// A Visit is one that has a spool: it records, and it is committed, found
// quiet, or dropped, once. It belongs to one goroutine at a time.
type Visit struct{}

// ID returns the visit's name.
func (v *Visit) ID() onrecord.VisitID { return onrecord.VisitID{} }

// Source returns whose visit it is.
func (v *Visit) Source() Source { return Source{} }

// Door returns the id of the door that the visit runs through.
func (v *Visit) Door() string { return "" }

// Parser returns the version of that door's parser.
func (v *Visit) Parser() string { return "" }

// Started returns when the visit was begun, UTC.
func (v *Visit) Started() time.Time { return time.Time{} }

// State returns the state of the source that the visit builds upon: as read
// before its first request, or, of a late visit, now.
func (v *Visit) State() onrecord.SourceState { return onrecord.SourceState{} }

// Late returns the visit whose captures this one commits again under a new
// name, because that one lost its fence or was abandoned (record.md 1.7). A
// late visit may add captures, statements and versions with their own times;
// it may not delete, nor move cursors or the last tick.
func (v *Visit) Late() (of onrecord.VisitID, ok bool) { return onrecord.VisitID{}, false }

// Record keeps an exchange, synced to disk, before it returns.
func (v *Visit) Record(ctx context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	return onrecord.CaptureRef{}, errors.ErrUnsupported
}

// A Recorded is an exchange of a visit as read again from its spool.
type Recorded struct {
	Ref      onrecord.CaptureRef
	Exchange onrecord.Exchange
}

// Entries yields what the visit has recorded, in order. An error comes alone
// and ends the sequence.
func (v *Visit) Entries(ctx context.Context) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) { yield(Recorded{}, errors.ErrUnsupported) }
}

// A Draft is what judgement made of a visit.
type Draft struct {
	Base     int64 // ledger size up to which judgement knew
	Outcome  onrecord.Outcome
	Started  time.Time
	Ended    time.Time
	Skew     time.Duration // of the platform's clock, where known
	Events   []onrecord.Event
	Next     onrecord.SourceState // after the visit; Done is set by Commit
	KeepWARC bool
}

// Commit makes the visit part of the record (record.md 1.3-1.5) and returns
// its place in the ledger. After it has returned without error nothing that it
// was given can be lost. A [*LateError] says that the visit lost its fence and
// carries it under its new name; ErrUnreachable that it waits in the spool.
func (v *Visit) Commit(ctx context.Context, d Draft) (onrecord.Done, error) {
	return onrecord.Done{}, errors.ErrUnsupported
}

// Quiet ends a visit that brought no news: it swaps the state, behind the same
// fence as Commit, and drops the spool.
func (v *Visit) Quiet(ctx context.Context, next onrecord.SourceState) error {
	return errors.ErrUnsupported
}

// Drop throws the visit and its spool away. A visit whose Commit has begun
// can't be dropped.
func (v *Visit) Drop(ctx context.Context) error { return errors.ErrUnsupported }

// A LateError reports a visit that lost its fence. Visit is the same captures
// under a new name, with the state as it is now: to be judged again, by the
// rules of [Visit.Late], and committed.
type LateError struct {
	Visit *Visit
}

func (e *LateError) Error() string { return "visit lost its fence" }

// Begin begins a visit of a source through a door. It first finishes a pending
// visit of that source, then reads the state with its tag and the ledger's
// size, and makes the spool. ErrSource says that the state is of another
// platform or account.
func (a *Archive) Begin(ctx context.Context, s Source, door, parser string) (*Visit, error) {
	return nil, errors.ErrUnsupported
}

// Recover takes over the spools that no process holds, in the order of their
// visits. Those that were decided before are finished by itself; those that
// need judgement are yielded, to be read again (Entries), judged and
// committed. An error belongs to one spool and does not end the sequence.
func (a *Archive) Recover(ctx context.Context) iter.Seq2[*Visit, error] {
	return func(yield func(*Visit, error) bool) { yield(nil, errors.ErrUnsupported) }
}

// Sweep finishes every pending state, whether or not its source is configured,
// and removes the spools of visits that were read back at least ten minutes
// after their commit (record.md 1.5, 1.11). It is called at every start and
// every hour. The error joins those of all sources; one does not stop the rest.
func (a *Archive) Sweep(ctx context.Context) (finished int, err error) {
	return 0, errors.ErrUnsupported
}
