// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"iter"
	"time"

	"onrecord"
	"onrecord/archive/ledger"
)

// A VisitHeader is the visit line of a journal segment.
type VisitHeader struct {
	V       int               `json:"v"`
	Type    string            `json:"type"` // visit
	Visit   onrecord.VisitID  `json:"visit"`
	Source  string            `json:"source"`
	Figure  string            `json:"figure,omitempty"`
	Door    string            `json:"door,omitempty"`
	Parser  string            `json:"parser,omitempty"`
	Base    int64             `json:"base"`
	LateOf  *onrecord.VisitID `json:"late_of,omitempty"`
	Started time.Time         `json:"started"`
	Ended   time.Time         `json:"ended"`
	SkewMS  int64             `json:"skew_ms"`
	Outcome onrecord.Outcome  `json:"outcome"`
	Objects []ObjectRef       `json:"objects"` // the visit's WARC and media, whole
	Rest    string            `json:"rest"`    // SHA-256 of the segment's bytes after the first frame, hex
	Salt    string            `json:"salt"`
}

// An ObjectRef names a whole object and its bytes.
type ObjectRef struct {
	Key    string `json:"key"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"` // hex
}

// An Entry is one leaf of the ledger with its journal line. Line 0 of a visit
// has Event.Type "visit"; the leaf that abandons a visit has no line, and its
// Event is visit.abandoned.
type Entry struct {
	Index int64
	Leaf  ledger.Leaf
	Visit VisitHeader
	Event onrecord.Event // Index and Visit are set
	Line  []byte         // without newline; nil for visit.abandoned
}

// Walk yields the committed lines from ledger index from on, in ledger order,
// each checked against its leaf. It stops at the head that it read first. An
// error comes alone and ends the sequence.
func (a *Archive) Walk(ctx context.Context, from int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) { yield(Entry{}, errors.ErrUnsupported) }
}

// Capture returns the bytes of a record, checked against ref.
func (a *Archive) Capture(ctx context.Context, ref onrecord.CaptureRef) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// Line returns one journal line and its leaf, checked.
func (a *Archive) Line(ctx context.Context, index int64) ([]byte, ledger.Leaf, error) {
	return nil, ledger.Leaf{}, errors.ErrUnsupported
}

// Proof returns the proof file of the line at index (record.md 2).
func (a *Archive) Proof(ctx context.Context, index int64) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// Size returns the size of the ledger as its head has it.
func (a *Archive) Size(ctx context.Context) (int64, error) { return 0, errors.ErrUnsupported }
