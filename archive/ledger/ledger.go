// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package ledger is the transparency log over the journal: an RFC 6962 Merkle
// tree whose leaves commit to journal lines, kept in a bucket in the layout of
// C2SP tlog-tiles, with checkpoints as C2SP tlog-checkpoint notes.
//
// # How it grows
//
// The register log/head holds the size, the root, the right edge and the
// leaves of the last batch themselves. [Ledger.Append] swaps it: that swap is
// the commit point, and the whole of it. [Ledger.Publish] then writes the
// tiles and entry bundles that follow from the head, and last the signed
// checkpoint. It may be called by anyone, any number of times: whoever finds a
// head that is ahead of its checkpoint publishes it.
//
// # What a signer refuses
//
// Before anything is appended or signed, the signer proves from tiles that the
// head extends the published checkpoint, its own high-water mark (a file
// outside the bucket, synced before a signature leaves the process) and
// whatever trees others have seen. If that fails, nothing is appended
// ([ErrRolledBack], [ErrTampered], [ErrNoMark]).
//
// A Ledger is safe for concurrent use, also by several processes.
package ledger

import (
	"context"
	"errors"
	"io"
	"iter"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive/bucket"
)

// These are the keys of the two registers; all others lie under TileFolder.
const (
	HeadKey       = "log/head"
	CheckpointKey = "log/checkpoint"
	TileFolder    = "log/tile/"
)

// MaxBatch is the largest number of leaves of one Append (record.md 1.9).
const MaxBatch = 4096

// These are the errors that callers branch on.
var (
	// ErrRolledBack reports that the bucket shows less than was signed before:
	// it, or its checkpoint, was restored from an older copy.
	ErrRolledBack = errors.New("the ledger is smaller than it was")
	// ErrTampered reports bytes in the bucket that do not follow from the
	// tree they belong to. The message names the key.
	ErrTampered = errors.New("the ledger does not match its tree")
	// ErrNoMark reports a signer without high-water mark on a ledger that is
	// not empty. See Options.Trust.
	ErrNoMark = errors.New("no high-water mark for this ledger")
	// ErrReadOnly reports a write through a Ledger that has no signer.
	ErrReadOnly = errors.New("the ledger is open for reading only")
	// ErrBatch reports a batch of no leaves, or of more than MaxBatch.
	ErrBatch = errors.New("a batch has 1 to 4096 leaves")
	// ErrIndex reports an index outside the ledger.
	ErrIndex = errors.New("index outside the ledger")
)

// A Tree is a size and the RFC 6962 root at that size.
type Tree struct {
	Size int64
	Root [32]byte
}

// A Head is the content of log/head: the ledger as it is, published or not.
type Head struct {
	Tree
	Edge  [][32]byte // right edge at Size: roots of the perfect subtrees, largest first
	Base  [][32]byte // right edge at From
	Batch []Leaf     // leaves [From, Size)
	N     uint64     // grows with every swap
	Nonce string     // random, of the writer
}

// From returns the index of the first leaf of the head's batch.
func (h Head) From() int64 { return h.Size - int64(len(h.Batch)) }

// A Checkpoint is a published tree and the signed note that says so.
type Checkpoint struct {
	Tree
	Note []byte
}

// Options configures a Ledger.
type Options struct {
	// Origin is the first line of every checkpoint, fixed when the archive is
	// made.
	Origin string
	// Verifier checks checkpoints. Its key comes from outside the bucket.
	Verifier note.Verifier
	// Signer signs checkpoints; nil opens the ledger for reading.
	Signer note.Signer
	// Mark is the path of the high-water mark, a file outside the bucket.
	// Required with Signer. The lock file beside it is Mark + ".lock".
	Mark string
	// Trust lets a signer without mark on a ledger that is not empty take the
	// published checkpoint as its mark.
	Trust bool
	// Known returns trees that others have seen: checkpoints of replicas and
	// witnesses. The head must extend them all. Nil for none.
	Known func(ctx context.Context) ([]Tree, error)
	// Rand gives nonces; nil means crypto/rand.Reader.
	Rand io.Reader
}

// A Ledger reads and writes the ledger of one bucket.
type Ledger struct {
	b bucket.Bucket
	o Options
}

// A Problem is one finding of Verify.
type Problem struct {
	Key    string // of the object or register that is wrong
	Reason string
}

// Create makes an empty ledger: its head, its checkpoint and its mark. It
// finishes what an interrupted Create left, and returns bucket.ErrExists where
// a ledger that has been used is in the way.
func Create(ctx context.Context, b bucket.Bucket, o Options) error {
	return errors.ErrUnsupported
}

// New returns the ledger in b. It reads nothing.
func New(b bucket.Bucket, o Options) (*Ledger, error) {
	return &Ledger{b: b, o: o}, nil
}

// Head loads log/head and its tag. It checks that the base, the batch, the
// right edge and the root agree.
func (l *Ledger) Head(ctx context.Context) (Head, bucket.Tag, error) {
	return Head{}, bucket.Tag{}, errors.ErrUnsupported
}

// Append adds leaves after at, the head that was loaded with tag, by swapping
// log/head: the commit point. It first publishes at where that is still to be
// done, and refuses to go on from a head that does not extend what was signed
// before. bucket.ErrConflict says that another writer was faster. ErrBatch,
// ErrReadOnly, ErrNoMark, ErrRolledBack and ErrTampered say that nothing was
// appended; after any other error the leaves may or may not be in the ledger:
// load the head again and look (Contains).
func (l *Ledger) Append(ctx context.Context, at Head, tag bucket.Tag, leaves []Leaf) (Head, bucket.Tag, error) {
	return Head{}, bucket.Tag{}, errors.ErrUnsupported
}

// Publish writes the entry bundles and hash tiles of h's batch, then the
// checkpoint of h, and then removes the partial tiles that full ones have
// replaced. It is idempotent and never replaces a checkpoint by a smaller one.
func (l *Ledger) Publish(ctx context.Context, h Head) error {
	return errors.ErrUnsupported
}

// Checkpoint loads the published checkpoint and checks its signature.
func (l *Ledger) Checkpoint(ctx context.Context) (Checkpoint, error) {
	return Checkpoint{}, errors.ErrUnsupported
}

// Leaves yields the leaves [from, to), each checked against the published
// checkpoint, or, where they are not yet published, against a head that
// extends it. An error comes alone and ends the sequence.
func (l *Ledger) Leaves(ctx context.Context, from, to int64) iter.Seq2[Leaf, error] {
	return func(yield func(Leaf, error) bool) { yield(Leaf{}, errors.ErrUnsupported) }
}

// Contains looks for a leaf of v in [from, h.Size), and returns the index and
// the line of the first one.
func (l *Ledger) Contains(ctx context.Context, h Head, v onrecord.VisitID, from int64) (index int64, line uint32, ok bool, err error) {
	return 0, 0, false, errors.ErrUnsupported
}

// Proof returns a C2SP tlog-proof for the leaf at index, with the published
// checkpoint. CheckProof checks it.
func (l *Ledger) Proof(ctx context.Context, index int64) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// CheckProof checks a C2SP tlog-proof for leaf without any ledger, and returns
// the leaf's index and the checkpoint.
func CheckProof(proof []byte, leaf Leaf, origin string, v note.Verifier) (index int64, c Checkpoint, err error) {
	return 0, Checkpoint{}, errors.ErrUnsupported
}

// Extends proves from tiles that the tree to has from as its beginning. Both
// must be published. It returns ErrRolledBack if to is smaller, ErrTampered if
// the proof fails.
func (l *Ledger) Extends(ctx context.Context, from, to Tree) error {
	return errors.ErrUnsupported
}

// Verify reads every entry bundle and every tile of the published tree t and
// yields what does not fit, all of it. An error (the bucket can't be read)
// comes alone and ends the sequence.
func (l *Ledger) Verify(ctx context.Context, t Tree) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) { yield(Problem{}, errors.ErrUnsupported) }
}

// ParseCheckpoint checks the signature of v and the form of a checkpoint.
func ParseCheckpoint(text []byte, origin string, v note.Verifier) (Checkpoint, error) {
	return Checkpoint{}, errors.ErrUnsupported
}

// GenerateKey returns a new Ed25519 key pair in the spelling of note, named
// after the origin.
func GenerateKey(r io.Reader, origin string) (private, public string, err error) {
	return note.GenerateKey(r, origin)
}
