// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package spool keeps the captures of visits on disk until the bucket has
// them.
//
// A spool directory holds one folder a visit, named by the visit's ULID in
// lower case:
//
//	<visit>/meta.json          what the visit is, and what it read before its first request
//	<visit>/<visit>.warc.gz    the captures, a gzip member a record
//	<visit>/index.ndjson       one line a capture: where it lies, and its SHA-256
//	<visit>/payloads           payloads that the WARC only refers to (revisit records)
//	<visit>/…                  small files put beside them by the archive
//
// The folder itself is locked (flock) by its process from before the first
// request until it is removed or closed; the system frees the lock of a
// process that dies, and [Dir.Take] takes over what is free (record.md 1.1).
//
// What [Spool.Record], [Spool.Put] and [Spool.SetMeta] have acknowledged is on
// disk: file and folder are synced before they return. After an error of a
// write or a sync nothing is known of the file any more, so the spool is dead:
// every later write returns the same error.
package spool

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
)

// These are the errors that callers branch on.
var (
	// ErrFull reports that the spool directory is above its limit; no visit
	// may begin until others are in the bucket.
	ErrFull = errors.New("spool is full")
	// ErrLocked reports a spool that another process, or another Dir of this
	// one, holds.
	ErrLocked = errors.New("spool is locked")
	// ErrExists reports a visit that has a spool already.
	ErrExists = errors.New("spool exists")
	// ErrDamaged reports a spool whose acknowledged captures can't be read back.
	ErrDamaged = errors.New("spool is damaged")
	// ErrClosed reports the use of a spool after Close or Remove.
	ErrClosed = errors.New("spool is closed")
	// ErrName reports a name that Put and Get do not take.
	ErrName = errors.New("not a name of a spooled file")
)

// Meta is what is known of a visit before its first request, kept through
// every restart.
type Meta struct {
	Visit      onrecord.VisitID    `json:"visit"`
	Source     string              `json:"source"`
	Platform   string              `json:"platform,omitempty"`
	AccountID  string              `json:"account_id,omitempty"`
	Door       string              `json:"door,omitempty"`
	Parser     string              `json:"parser,omitempty"`
	Started    time.Time           `json:"started"`
	Tick       time.Time           `json:"tick,omitzero"`       // the due time that the visit answers
	StateTag   string              `json:"state_tag,omitempty"` // tag of the source's register, read before the first request; empty: absent, or Predecessor
	From       int64               `json:"from"`                // ledger size read before the first request; -1 unknown
	LateOf     onrecord.VisitID    `json:"late_of,omitzero"`    // the visit that lost its fence and lives on in this one
	Provenance onrecord.Provenance `json:"provenance,omitempty"`

	// Predecessor is the visit whose "done" is this one's tag, where the
	// bucket could not be reached (record.md 1.8).
	Predecessor onrecord.VisitID `json:"predecessor,omitzero"`

	Extra json.RawMessage `json:"extra,omitempty"` // the caller's own
}

// An Entry is one capture as re-read from disk. In the Exchange, Prior is set
// only where the capture became a revisit record; the payload is always there.
type Entry struct {
	Ref      onrecord.CaptureRef
	Exchange onrecord.Exchange
}

// Options say who writes, and how much.
type Options struct {
	Software string    // for the warcinfo record: "onrecord/1.0 (+https://…)"
	Operator string    // who runs the archive, with contact
	Limit    int64     // Create refuses with ErrFull at or above this many bytes; 0 for no limit
	Rand     io.Reader // names of records; crypto/rand if nil
}

// A Dir is a directory of spools. It is safe for concurrent use, and several
// processes may open the same directory.
type Dir struct{ dir string }

// Open opens the directory of spools dir and makes it if it is not there.
func Open(dir string, o Options) (*Dir, error) { return nil, errors.ErrUnsupported }

// Create makes the spool of a visit, locked, with its Meta on disk: before the
// visit's first request. It returns ErrFull or ErrExists.
func (d *Dir) Create(ctx context.Context, m Meta) (*Spool, error) { return nil, errors.ErrUnsupported }

// Take yields the spools that nobody holds, locked, oldest first, each with
// its own Meta. The caller closes or removes each. An error comes alone; those
// of one folder do not end the sequence.
func (d *Dir) Take(ctx context.Context) iter.Seq2[*Spool, error] { return nil }

// A Spool is the captures of one visit, and small files beside them. It is
// safe for concurrent use.
type Spool struct{ meta Meta }

// Meta returns the spool's Meta.
func (s *Spool) Meta() Meta { return s.meta }

// SetMeta replaces the spool's Meta, durably. The visit may not change.
func (s *Spool) SetMeta(m Meta) error { return errors.ErrUnsupported }

// Object returns the key under which the visit's WARC goes into the bucket:
// "captures/2026/11/22/<visit>.warc.gz", by the UTC date of the ULID.
func (s *Spool) Object() string { return "" }

// Record appends one exchange; it is on disk when Record returns. The
// reference is to the response record, or, where there was no answer, to the
// metadata record that says why.
func (s *Spool) Record(ctx context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	return onrecord.CaptureRef{}, errors.ErrUnsupported
}

// Entries yields the captures in the order in which they were recorded, each
// checked against its SHA-256. An error comes alone and ends the sequence.
func (s *Spool) Entries(ctx context.Context) iter.Seq2[Entry, error] { return nil }

// Cut returns how many bytes of a capture that was never acknowledged were cut
// off when the spool was taken over; 0 for none.
func (s *Spool) Cut() int64 { return 0 }

// WARC returns the visit's WARC as it stands, whole, to be put under Object.
// It is false if nothing was recorded.
func (s *Spool) WARC() (bucket.Body, bool, error) { return bucket.Body{}, false, errors.ErrUnsupported }

// Put stores a small file beside the captures, whole and durable, in place of
// what was there. A name is a lower-case letter followed by letters and dots.
func (s *Spool) Put(name string, b []byte) error { return errors.ErrUnsupported }

// Get returns what was put under name; fs.ErrNotExist if nothing was.
func (s *Spool) Get(name string) ([]byte, error) { return nil, errors.ErrUnsupported }

// Remove deletes the spool and frees its lock.
func (s *Spool) Remove() error { return errors.ErrUnsupported }

// Close frees the lock and keeps the spool for the next Take.
func (s *Spool) Close() error { return errors.ErrUnsupported }
