// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"

	"onrecord/archive/ledger"
)

// A ForkError reports a replica that was made an archive of its own
// (archive.adopted): two that go on from there are two histories. It is an
// ErrReplica.
type ForkError struct {
	Index int64  // in the ledger of both, of the change of the key that came with it
	Key   string // note verifier key that signs the other one from there on
	// Signed says that the key in force here has signed that. Else anybody who can
	// write to the replica can have said so.
	Signed bool
}

func (e *ForkError) Error() string {
	words := "which the key of this archive has not signed"
	if e.Signed {
		words = "which the key of this archive has signed"
	}
	return fmt.Sprintf("it was made an archive of its own (onrecord adopt) at ledger no. %d, with the key %s, %s", e.Index, e.Key, words)
}

// Unwrap returns ErrReplica.
func (e *ForkError) Unwrap() error { return ErrReplica }

// grows words why a bucket with a head is no replica: a *ForkError where its
// chain of keys goes on from a tree of this archive, by one that is not known
// here.
func (r *Replica) grows(ctx context.Context) error {
	plain := fmt.Errorf("%w: it has a %s, so it is an archive that grows by itself", ErrReplica, ledger.HeadKey)
	head, err := r.a.Head(ctx)
	if err != nil {
		return plain // what it is can be told when the archive answers again
	}
	own, err := r.a.ledger.KeysOf(head)
	if err != nil {
		return plain
	}
	links, err := ledger.ReadRotations(ctx, r.to)
	if n := len(own.Links()); err == nil && len(links) > n {
		links = links[:n+1]
	} else {
		return plain
	}
	last := links[len(links)-1]
	text, err := ledger.ParseRotation(last.Note)
	in := own.InForce()
	public := in.Public
	if public == "" {
		public = r.a.meta.PublicKey
	}
	if err != nil || text.Old != public || r.a.Extends(ctx, text.At.Size, text.At.Root) != nil {
		return plain
	}
	ring, err := ledger.NewKeyring(in.Verifier, links)
	signed := err == nil && ring.Cut() == nil && ring.InForce().Public == text.New
	return &ForkError{Index: last.Index, Key: text.New, Signed: signed}
}
