// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package archive is the record: it commits visits to a bucket, finishes what
// others left unfinished, reads committed events in ledger order, serves
// captures, and verifies everything.
//
// # The commit
//
// A visit is prepared in a spool on local disk. Commit puts its WARC and its
// journal segment, swaps the source's state register to "pending this visit"
// (the fence), appends one leaf a line by swapping log/head (the commit point),
// publishes tiles and checkpoint, and swaps the state to "done at index n".
// Whoever finds a pending state finishes it by the same code. A crash at any
// point leaves nothing, or a spool, or a pending state; docs/crash.md has a row
// for each, and a test for each row.
//
// # What a caller must know
//
// A visit is in the ledger if and only if a leaf of it is; nothing else, no
// listing and no state register, decides that. A visit is never in the ledger
// twice. A visit whose fence was lost is not thrown away: Commit returns a
// [LateError] with the visit under a new name, to be judged again.
//
// Times are UTC. Every bucket key with a date takes it from the ULID in it.
package archive

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
)

// These are the conditions that callers branch on.
var (
	// ErrNoArchive reports that the bucket holds no onrecord.json.
	ErrNoArchive = errors.New("no archive here")
	// ErrExists reports that the bucket holds an archive already.
	ErrExists = errors.New("an archive is here already")
	// ErrSource reports a source id whose state names another platform or
	// account than the caller does.
	ErrSource = errors.New("source is another account")
	// ErrUnreachable reports that the bucket could not be reached. The visit
	// stays in the spool, and the next Recover takes it up (record.md 1.8).
	ErrUnreachable = errors.New("bucket out of reach")
	// ErrTooLarge reports a visit or a state above the limits (record.md 1.9).
	ErrTooLarge = errors.New("too large")
	// ErrMismatch reports stored bytes that are not what the ledger, or a
	// reference, says they are.
	ErrMismatch = errors.New("stored bytes do not match")
)

// The limits of a visit and of a state register (record.md 1.9).
const (
	MaxLines   = 4096     // lines of a segment, the visit line among them
	MaxSegment = 8 << 20  // bytes of a segment's lines, and of the segment
	MaxState   = 64 << 10 // bytes of a state register, pending visit included
	MaxCapture = 64 << 20 // bytes of a record that Capture reads
)

// BuiltIn is the id, and the platform, of the source whose visits are acts of
// the operator and of the archive itself.
const BuiltIn = "archive"

// A Signer signs checkpoints. It is golang.org/x/mod/sumdb/note's.
type Signer interface {
	Name() string
	KeyHash() uint32
	Sign(msg []byte) ([]byte, error)
}

// A Verifier verifies checkpoints. It is golang.org/x/mod/sumdb/note's.
type Verifier interface {
	Name() string
	KeyHash() uint32
	Verify(msg, sig []byte) bool
}

// Options say how an archive is created and opened.
type Options struct {
	Name      string // of the archive; Init only
	Origin    string // of the ledger: given to Init, compared by Open where not empty
	PublicKey string // note verifier key of the signer; Init only

	StateDir string   // local folder for the spool and the high-water mark; empty: read only
	Signer   Signer   // nil: read only
	Verifier Verifier // from outside the bucket; nil: the key in onrecord.json is believed
	Trust    bool     // accept the published checkpoint where there is no high-water mark yet

	Now      func() time.Time // required
	Rand     io.Reader        // salts, nonces, ULIDs; nil: crypto/rand
	Log      *slog.Logger     // nil: discarded
	Software string           // name and version, for warcinfo records
}

// Meta is onrecord.json: what this bucket is.
type Meta struct {
	Format    int       `json:"format"` // 1
	Name      string    `json:"name"`
	Origin    string    `json:"origin"`
	PublicKey string    `json:"public_key"` // note verifier key of the first signer
	Created   time.Time `json:"created"`
}

// Init makes an archive of an empty bucket: onrecord.json, an empty ledger,
// and the event archive.created as the first visit of the built-in source. It
// goes on where an Init with the same name, origin and key was interrupted.
// ErrExists says that the bucket holds an archive.
func Init(ctx context.Context, b bucket.Bucket, o Options) error { return errors.ErrUnsupported }

// An Archive is an open archive. It is safe for concurrent use.
type Archive struct {
	b    bucket.Bucket
	meta Meta
	o    Options
}

// Open opens the archive in b. It checks origin and key. ErrNoArchive says
// that there is none.
func Open(ctx context.Context, b bucket.Bucket, o Options) (*Archive, error) {
	return nil, errors.ErrUnsupported
}

// Close gives up the spool's lock files. Visits under way keep theirs.
func (a *Archive) Close() error { return nil }

// Meta returns what the archive is.
func (a *Archive) Meta() Meta { return a.meta }

// State returns what is known of a source. While a visit of it is pending this
// is the state before that visit. A source that was never visited has the zero
// state with Done.Index -1.
func (a *Archive) State(ctx context.Context, source string) (onrecord.SourceState, error) {
	return onrecord.SourceState{}, errors.ErrUnsupported
}
