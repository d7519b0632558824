// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// ErrReplica reports a bucket that can't be filled from this archive: it grows
// by itself, is of another archive, or holds what no replica does.
var ErrReplica = errors.New("not a replica of this archive")

// errErasing reports an object of which the ledger says that bytes of it are
// erased, and which still has them: an erasure is under way.
var errErasing = errors.New("an erasure is under way")

// replicaKey is the key of replicaNote. It is the only thing in a replica that
// is not in the archive itself.
const replicaKey = "replica.json"

// probeFolder is where objects lie by which a store was tried.
const probeFolder = "probe/"

// maxMissing is how many visits a replica remembers whose objects it could not
// be given. Those beyond are found by ReplicateOptions.All.
const maxMissing = 4096

// A Replica is another bucket that follows an archive: objects, then tiles,
// then the checkpoint (record.md 6). It holds neither head nor states: nobody
// appends to it until it is adopted. Its methods are safe for concurrent use,
// also by several processes.
type Replica struct {
	a      *Archive
	to     bucket.Bucket
	ledger *ledger.Ledger // as the replica has it

	mu   sync.Mutex
	seen ledger.Tree    // of its checkpoint when that was last read or written; guarded by mu
	gone map[int64]bool // erasures that Erased found carried out there, by ledger index; guarded by mu
}

// Replica returns the replica of a that lies, or will lie, in to.
func (a *Archive) Replica(to bucket.Bucket) *Replica {
	return &Replica{a: a, to: to, ledger: a.ledger.On(to)}
}

// A replicaNote is the content of replicaKey, a register.
type replicaNote struct {
	V      int    `json:"v"`
	N      uint64 `json:"n"`
	Nonce  string `json:"nonce"`
	Origin string `json:"origin"`
	// While a replica is filled: of which tree, and that all visits before
	// Copied are there, but for those that are missing.
	Size   int64  `json:"size"`
	Root   string `json:"root,omitempty"` // base64
	Copied int64  `json:"copied"`
	// Missing are the ledger indexes of visits of which the archive itself did
	// not have every object.
	Missing []int64 `json:"missing,omitempty"`
	// Damaged is what the replica had other bytes of.
	Damaged []harm `json:"damaged,omitempty"`
	// Adopted is set once the replica has become an archive.
	Adopted bool `json:"adopted,omitempty"`
}

// tree returns the tree that was being copied.
func (n replicaNote) tree() (t ledger.Tree, ok bool) {
	root, err := base64.StdEncoding.DecodeString(n.Root)
	if err != nil || len(root) != 32 || n.Size <= 0 {
		return t, false
	}
	return ledger.Tree{Size: n.Size, Root: [32]byte(root)}, true
}

// note reads the register of the replica; the zero note and tag if there is
// none.
func (r *Replica) note(ctx context.Context) (replicaNote, bucket.Tag, error) {
	body, tag, err := r.to.Load(ctx, replicaKey)
	if errors.Is(err, bucket.ErrNotExist) {
		return replicaNote{}, bucket.Tag{}, nil
	}
	var n replicaNote
	if err == nil {
		if err = json.Unmarshal(body, &n); err != nil || n.V != 1 {
			return n, tag, fmt.Errorf("%s: %w: version %d: %v", replicaKey, ErrMismatch, n.V, err)
		}
		n.Damaged = heeded(n.Damaged)
		n.Missing = slices.DeleteFunc(n.Missing, func(index int64) bool { return index < 0 })
		n.Missing = n.Missing[:min(len(n.Missing), maxMissing)]
		return n, tag, nil
	}
	return n, tag, outOfReach(fmt.Errorf("%s: %w", replicaKey, err))
}

// write replaces the register by next, if nobody else has meanwhile; else it
// leaves it, since others copy the same.
func (r *Replica) write(ctx context.Context, was replicaNote, tag bucket.Tag, next replicaNote) (replicaNote, bucket.Tag, error) {
	nonce, err := newSalt(r.a.rand)
	if err != nil {
		return was, tag, err
	}
	next.V, next.N, next.Nonce, next.Origin = 1, was.N+1, nonce, r.a.meta.Origin
	body, err := json.Marshal(next)
	if err != nil {
		return was, tag, err
	}
	now, err := r.to.Swap(ctx, replicaKey, condition(tag), body)
	if errors.Is(err, bucket.ErrConflict) {
		return r.note(ctx)
	}
	if err != nil {
		return was, tag, outOfReach(fmt.Errorf("%s: %w", replicaKey, err))
	}
	return next, now, nil
}

// guard refuses a bucket that is no replica of the archive, and makes an empty
// one begin to be one: with onrecord.json.
func (r *Replica) guard(ctx context.Context) error {
	_, _, err := r.to.Load(ctx, ledger.HeadKey)
	switch {
	case err == nil:
		return r.grows(ctx)
	case !errors.Is(err, bucket.ErrNotExist):
		return outOfReach(fmt.Errorf("%s: %w", ledger.HeadKey, err))
	}
	want, err := bucket.ReadAll(ctx, r.a.b, metaKey, maxMeta)
	if err != nil {
		return fmt.Errorf("of the archive: %w", outOfReach(fmt.Errorf("%s: %w", metaKey, err)))
	}
	there, err := bucket.ReadAll(ctx, r.to, metaKey, maxMeta)
	switch {
	case err == nil && slices.Equal(there, want):
		return nil
	case err == nil:
		return fmt.Errorf("%w: its %s is another one", ErrReplica, metaKey)
	case !errors.Is(err, bucket.ErrNotExist):
		return outOfReach(fmt.Errorf("%s: %w", metaKey, err))
	}
	for info, err := range r.to.List(ctx, "", "") {
		if err != nil {
			return outOfReach(fmt.Errorf("list: %w", err))
		}
		if strings.HasPrefix(info.Key, probeFolder) {
			continue // what a store did not remove, of a look at what it does
		}
		return fmt.Errorf("%w: it holds %s and no %s; give an empty place", ErrReplica, info.Key, metaKey)
	}
	if err := r.to.Create(ctx, metaKey, bucket.Bytes(want)); err != nil && !errors.Is(err, bucket.ErrExists) {
		return outOfReach(fmt.Errorf("put %s: %w", metaKey, err))
	}
	return nil
}

// Checkpoint returns the checkpoint of the replica, its signature checked;
// the zero one where it has none yet.
func (r *Replica) Checkpoint(ctx context.Context) (ledger.Checkpoint, error) {
	c, _, err := r.checkpoint(ctx)
	return c, err
}

func (r *Replica) checkpoint(ctx context.Context) (ledger.Checkpoint, bucket.Tag, error) {
	c, tag, err := r.ledger.CheckpointTag(ctx)
	if errors.Is(err, bucket.ErrNotExist) {
		return ledger.Checkpoint{}, bucket.Tag{}, nil
	}
	if err != nil {
		return c, tag, outOfReach(err)
	}
	r.saw(c.Tree)
	return c, tag, nil
}

// isGone reports whether the erasure at an index was found to be carried out here.
func (r *Replica) isGone(index int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gone[index]
}

// saw notes the tree of the replica's checkpoint.
func (r *Replica) saw(t ledger.Tree) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.Size >= r.seen.Size {
		r.seen = t
	}
}

// Seen returns the largest tree that the replica's checkpoint was seen to speak
// for since the program began; ok is false for none. It reads nothing: the
// ledger asks before every append (ledger.Options.Known), and a replica that
// does not answer holds nobody up.
func (r *Replica) Seen() (t ledger.Tree, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen, r.seen.Size > 0
}

// Check returns ErrReplica if the bucket is none that Replicate fills: it grows
// by itself, is another archive's, or was adopted (*ForkError). It writes nothing.
func (r *Replica) Check(ctx context.Context) error {
	_, _, err := r.to.Load(ctx, ledger.HeadKey)
	switch {
	case err == nil:
		return r.grows(ctx)
	case !errors.Is(err, bucket.ErrNotExist):
		return outOfReach(fmt.Errorf("%s: %w", ledger.HeadKey, err))
	}
	there, err := readMeta(ctx, r.to)
	if err == nil && there != r.a.meta {
		err = fmt.Errorf("%w: its %s is another one", ErrReplica, metaKey)
	}
	if errors.Is(err, ErrNoArchive) {
		return nil // it was not begun
	}
	return err
}

// Missing returns of how many visits the replica lacks objects, because the
// archive itself did not have them when they were to be copied.
func (r *Replica) Missing(ctx context.Context) (int, error) {
	n, _, err := r.note(ctx)
	return len(n.Missing), err
}
