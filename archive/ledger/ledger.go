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
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket"
	"onrecord/archive/files"
)

// These are the keys of the two registers; all others lie under TileFolder.
const (
	HeadKey       = "log/head"
	CheckpointKey = "log/checkpoint"
	TileFolder    = "log/tile/"
)

// MaxBatch is the largest number of leaves of one Append (record.md 1.9).
const MaxBatch = 4096

// maxSize is the largest size of a ledger that is believed. Sizes are read from what
// anybody may have written; arithmetic on those near 2^63 does not end.
const maxSize = 1 << 40

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
	// ErrSeenMore reports that a witness or a replica has seen a larger ledger, or
	// another one, than the bucket shows. The message names it.
	ErrSeenMore = errors.New("others have seen another ledger than the bucket shows")
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
	Keys  []Rotation // of the log key, all of them; the last says who signs the checkpoint
	N     uint64     // grows with every swap
	Nonce string     // random, of the writer

	tag bucket.Tag // of the register these are the bytes of
}

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
	// Signers returns further signers of this machine, newest last: asked where
	// the key in force is not Signer's. Nil for none.
	Signers func() ([]note.Signer, error)
	// Known returns what others have seen of the ledger: replicas and witnesses.
	// The head must extend it all, before anything is appended or signed. It is
	// asked each time and does not wait: who can't be reached is left out. An
	// error keeps everything from being appended. Nil for none.
	Known func(ctx context.Context) ([]Sighting, error)
	// Published is told of each checkpoint that this process has written, with
	// its lock free; it must return at once. Nil for none.
	Published func(Checkpoint)
	// Rand gives nonces; nil means crypto/rand.Reader.
	Rand io.Reader
	// Files is how the mark is written. Once its latch is closed nothing is
	// signed any more.
	Files files.Seam
}

// A Sighting is what somebody else has seen of the ledger.
type Sighting struct {
	By     string // who, as a message names them: "witness example.org/w1"
	Origin string // of the checkpoint; empty: the one in force
	Size   int64
	Root   [32]byte // zero: only the size is known
	// Refused is why they say that what the bucket shows is another history;
	// empty if they don't.
	Refused string
}

// A Ledger reads and writes the ledger of one bucket.
type Ledger struct {
	b    bucket.Bucket
	o    Options
	disk *files.Disk // for the mark
	ring atomic.Pointer[Keyring]
	// looked says that a head had all changes of the key that are published.
	looked atomic.Bool
	// of gives, for a copy, the keys of the ledger that it is a copy of; nil else.
	of func(context.Context) (*Keyring, error)
}

// New returns the ledger in b. It reads nothing.
func New(b bucket.Bucket, o Options) (*Ledger, error) {
	switch {
	case o.Verifier == nil:
		return nil, errors.New("ledger: no verifier: a ledger is read with a key from outside the bucket")
	case o.Origin != o.Verifier.Name():
		return nil, fmt.Errorf("ledger: the key is named %q, the ledger's origin is %q", o.Verifier.Name(), o.Origin)
	case o.Signer != nil && (o.Signer.Name() != o.Verifier.Name() || o.Signer.KeyHash() != o.Verifier.KeyHash()):
		return nil, fmt.Errorf("ledger: the signer's key %s+%08x is not the verifier's, %s+%08x",
			o.Signer.Name(), o.Signer.KeyHash(), o.Verifier.Name(), o.Verifier.KeyHash())
	case o.Signer != nil && o.Mark == "":
		return nil, errors.New("ledger: a signer needs a path for its high-water mark")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	l := &Ledger{b: b, o: o, disk: o.Files.Over(files.OS())}
	l.ring.Store(single(o.Verifier))
	return l, nil
}

// Create makes an empty ledger: its mark, its head and its checkpoint. It
// finishes what an interrupted Create left, and returns bucket.ErrExists where
// a ledger that has been used is in the way.
func Create(ctx context.Context, b bucket.Bucket, o Options) error {
	l, err := New(b, o)
	if err != nil {
		return err
	}
	if o.Signer == nil {
		return fmt.Errorf("ledger: create: %w", ErrReadOnly)
	}
	if err := l.create(ctx); err != nil {
		return fmt.Errorf("ledger: create: %w", err)
	}
	return nil
}

func (l *Ledger) create(ctx context.Context) error {
	empty := Tree{Root: rootOf(nil)}
	h, _, err := l.head(ctx)
	switch {
	case err == nil && h.Size > 0:
		return fmt.Errorf("%s has size %d: %w", HeadKey, h.Size, bucket.ErrExists)
	case err != nil && !errors.Is(err, bucket.ErrNotExist):
		return err
	}
	if err := l.firstMark(ctx, empty); err != nil {
		return err
	}
	if err != nil {
		body, err := l.encode(Head{Tree: empty})
		if err != nil {
			return err
		}
		if _, err := l.b.Swap(ctx, HeadKey, bucket.Absent(), body); err != nil && !errors.Is(err, bucket.ErrConflict) {
			return err
		}
	}
	text, err := l.sign(empty, l.o.Signer)
	if err != nil {
		return err
	}
	_, err = l.b.Swap(ctx, CheckpointKey, bucket.Absent(), text)
	if !errors.Is(err, bucket.ErrConflict) {
		return err
	}
	c, _, err := l.checkpoint(ctx)
	if err == nil && c.Size > 0 {
		err = fmt.Errorf("%s has size %d: %w", CheckpointKey, c.Size, bucket.ErrExists)
	}
	return err
}
