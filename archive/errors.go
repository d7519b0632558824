// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// These are the conditions that callers branch on.
var (
	// ErrNoArchive reports that the bucket holds no onrecord.json.
	ErrNoArchive = errors.New("no archive here")
	// ErrExists reports that the bucket holds an archive already.
	ErrExists = errors.New("an archive is here already")
	// ErrKey reports an archive whose origin or key is not the one expected.
	ErrKey = errors.New("not the archive that was expected")
	// ErrOrigin is an ErrKey: the ledger has another name than is expected.
	ErrOrigin = fmt.Errorf("%w: the origin of its log", ErrKey)
	// ErrReadOnly reports a write through an archive opened for reading.
	ErrReadOnly = errors.New("the archive is open for reading only")
	// ErrSource reports a source id that is malformed, or whose state names
	// another platform or account than the caller does.
	ErrSource = errors.New("source is another account")
	// ErrUnreachable reports that the bucket could not be reached, or did not
	// say whether it did what it was asked. The visit stays in the spool, and
	// the next Recover takes it up (record.md 1.8).
	ErrUnreachable = errors.New("bucket out of reach")
	// ErrNoCopy reports a bucket that is out of reach and a machine that has no
	// copy of its onrecord.json.
	ErrNoCopy = errors.New("no copy of onrecord.json on this machine")
	// ErrPending reports a source whose pending visit can't be finished yet,
	// because objects of it are missing and no spool has restored them
	// (record.md 1.6).
	ErrPending = errors.New("a visit is pending and its objects are missing")
	// ErrBehind reports a visit that waits because an earlier one of its source does.
	ErrBehind = errors.New("an earlier visit of the source waits in the spool")
	// ErrTooLarge reports a visit or a state above the limits (record.md 1.9).
	ErrTooLarge = errors.New("too large")
	// ErrMismatch reports stored bytes that are not what the ledger, or a
	// reference, says they are.
	ErrMismatch = errors.New("stored bytes do not match")
	// ErrErased reports a line or a record whose content was erased (record.md 5).
	ErrErased = errors.New("erased")
	// ErrUnknown reports that nobody knows what was erased, because an act of the
	// operator may stand in a visit that can't be read. It has to be put right
	// first: onrecord verify --repair.
	ErrUnknown = errors.New("nobody knows what it erased: onrecord verify --repair")
	// ErrEnded reports the use of a visit that was committed, found quiet,
	// dropped or closed, or that lives on under another name.
	ErrEnded = errors.New("the visit has ended")
)

// answers are the errors after which it is known what happened.
var answers = []error{
	bucket.ErrNotExist, bucket.ErrExists, bucket.ErrConflict, bucket.ErrKey, bucket.ErrRange, bucket.ErrSum,
	bucket.ErrCondition, bucket.ErrTooLarge,
	ledger.ErrRolledBack, ledger.ErrTampered, ledger.ErrNoMark, ledger.ErrReadOnly, ledger.ErrBatch, ledger.ErrIndex,
	ledger.ErrCheckpoint, ledger.ErrProof,
	ledger.ErrSeenMore, ledger.ErrKeyChanged, ledger.ErrRotation, ledger.ErrErasure,
	ErrMismatch, ErrTooLarge, ErrPending, ErrSource, ErrReadOnly, ErrKey, ErrErased, ErrUnknown, ErrSnapshot,
	context.Canceled,
}

// isAnswer reports whether err says what happened. Any other error of a bucket
// leaves it open.
func isAnswer(err error) bool {
	for _, a := range answers {
		if errors.Is(err, a) {
			return true
		}
	}
	return false
}
