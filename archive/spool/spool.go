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
//	<visit>/<visit>.warc       media, not compressed
//	<visit>/media.ndjson       one line a payload, as in index.ndjson
//	<visit>/media.part         a payload on its way
//	<visit>/redacted.…         copies in which captures of erased statements are redacted
//	<visit>/…                  small files put beside them by the archive
//	new-<visit>, old-<visit>   a folder that is being made or removed
//
// The folder itself is locked (flock) by its process from before the first
// request until it is removed or closed; the system frees the lock of a
// process that dies, and [Dir.Take] takes over what is free (record.md 1.1).
//
// What [Spool.Record], [Spool.Put] and [Spool.SetMeta] have acknowledged is on
// disk: file and folder are synced before they return. The WARC is synced
// before the line of the index is written: a line that is whole vouches for its
// capture, and what has no whole line was never acknowledged and is cut. After an error of a
// write or a sync nothing is known of the file any more, so the spool is dead:
// every later write returns the same error.
package spool

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"onrecord"
	"onrecord/archive/files"
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
	End      int64 // of the records beside the evidence, in bytes of the object
}

// Options say who writes, and how much.
type Options struct {
	Software string    // for the warcinfo record: "onrecord/1.0 (+https://…)"
	Operator string    // who runs the archive, with contact
	Limit    int64     // Create refuses with ErrFull at or above this many bytes; 0 for no limit
	Largest  int64     // that the WARC with a file in it, or that of media, may be, in bytes; bucket.MaxObject if 0
	Rand     io.Reader // names of records; crypto/rand if nil; read under a lock

	// Files is how the spool gets at the disk. Once its latch is closed nothing
	// is written any more: files.ErrSync.
	Files files.Seam
}

// The names of a spool's own files.
const (
	metaFile     = "meta.json"
	indexFile    = "index.ndjson"
	payloadsFile = "payloads"
)

// A line is one line of the index. Offsets are in bytes.
type line struct {
	Begin int64               `json:"begin"` // of the capture's first record in the WARC, the warcinfo among them
	End   int64               `json:"end"`
	Ref   onrecord.CaptureRef `json:"ref"`

	// Payload is where in the file of payloads the payload of a revisit record
	// lies; Digest is the Digest of its Prior.
	Payload *span  `json:"payload,omitempty"`
	Digest  string `json:"digest,omitempty"`

	// Redacted is the case in which the capture was redacted; empty if it is whole.
	Redacted string `json:"redacted,omitempty"`
}

// A span is a part of a file, in bytes.
type span struct {
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"`
}
