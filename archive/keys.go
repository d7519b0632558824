// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// keyRotation is the key of an event that holds the signed change of the log
// key: of archive.key_rotated, and of archive.adopted where that brings a key.
const keyRotation = "key_rotation"

// A NewKey is a log key that takes the place of the one in force.
type NewKey struct {
	Public string // note verifier key
	Signer note.Signer
	// Last is, where the new key has another name, the last tree that was known of
	// the old origin: the ledger is restarted (record.md 2).
	Last   ledger.Tree
	Reason string // why, in words that everybody may read
}

// Keys returns the log keys, in order, as far as they follow from the one that
// is trusted, by what is published.
func (a *Archive) Keys(ctx context.Context) (*ledger.Keyring, error) {
	r, err := a.ledger.Keys(ctx)
	return r, outOfReach(err)
}

// KeysOf returns the log keys as a head has them, published or not.
func (a *Archive) KeysOf(h ledger.Head) (*ledger.Keyring, error) { return a.ledger.KeysOf(h) }

// RotateKey commits the event by which k signs the ledger from there on, and
// publishes the first checkpoint that it signs. The new private key must be
// durable before: once the event is in the ledger nothing is appended without
// it. Where another visit of the operator comes between, it is tried again.
func (a *Archive) RotateKey(ctx context.Context, k NewKey) (onrecord.Done, error) {
	if err := a.writable(); err != nil {
		return onrecord.Done{}, err
	}
	a.more.add(k.Signer)
	v, err := a.Begin(ctx, Source{Source: BuiltIn, Platform: BuiltIn}, "", "", nil)
	if err != nil {
		return onrecord.Done{}, err
	}
	for {
		d, err := a.rotation(ctx, v, k)
		if err != nil {
			return onrecord.Done{}, errors.Join(fmt.Errorf("change the log key: %w", err), v.Drop(ctx))
		}
		done, err := v.Commit(ctx, d)
		if late, ok := errors.AsType[*LateError](err); ok {
			v = late.Visit
			continue
		}
		if err != nil {
			return done, fmt.Errorf("change the log key: %w", err)
		}
		return done, a.rotated(ctx, k)
	}
}

// rotated does what follows from a change of the key, once that is in force. The
// snapshots that the key before has signed vouch for nothing any more.
func (a *Archive) rotated(ctx context.Context, k NewKey) error {
	if err := a.published(ctx); err != nil {
		return err
	}
	head, err := a.Head(ctx)
	if err != nil {
		return err
	}
	keys, err := a.ledger.KeysOf(head)
	if err != nil {
		return err
	}
	if in := keys.InForce(); in.Public != k.Public {
		return fmt.Errorf("change the log key: %w: the event is recorded, and %s is still in force: was the key changed by another process at the same time?", ledger.ErrRotation, in.Public)
	}
	return a.RemoveSnapshots(ctx)
}

// PublishHead brings tiles and checkpoint up to the head, where they are behind.
func (a *Archive) PublishHead(ctx context.Context) error { return a.published(ctx) }

func (a *Archive) published(ctx context.Context) error {
	head, err := a.Head(ctx)
	if err != nil {
		return err
	}
	return a.queue.publish(ctx, head)
}

// rotation makes the visit that changes the key.
func (a *Archive) rotation(ctx context.Context, v *Visit, k NewKey) (Draft, error) {
	if v.Offline() {
		return Draft{}, ErrUnreachable
	}
	head, err := a.Head(ctx)
	if err != nil {
		return Draft{}, err
	}
	signed, err := a.ledger.Rotation(ctx, head, a.meta.PublicKey, k.Public, k.Signer, k.Last)
	if err != nil {
		return Draft{}, err
	}
	now := a.now()
	next := v.State()
	next.Platform, next.LastVisit, next.LastGood = BuiltIn, now, now
	return Draft{
		Base: head.Size - 1, Outcome: onrecord.OutcomeOK, Started: now, Ended: now, Next: next,
		Events: []onrecord.Event{{
			Type: onrecord.ArchiveKeyRotated, At: now, By: now, Source: BuiltIn, Platform: BuiltIn, Prev: -1, Index: -1,
			Reason: k.Reason, Code: k.Signer.Name(), Provenance: onrecord.Captured,
			Extra: map[string]any{keyRotation: signed},
		}},
	}, nil
}

// changes returns the changes of the log key among the lines of a segment. Their
// indexes are those of the lines.
func (s *segment) changes() []ledger.Rotation {
	var list []ledger.Rotation
	for i, l := range s.lines {
		if i == 0 || !bytes.Contains(l.text, []byte(keyRotation)) {
			continue
		}
		e, err := onrecord.ParseEvent(l.text)
		if err != nil || e.Type != onrecord.ArchiveKeyRotated && e.Type != onrecord.ArchiveAdopted {
			continue
		}
		if signed, ok := e.Extra[keyRotation].(string); ok {
			list = append(list, ledger.Rotation{Index: int64(i), Note: signed})
		}
	}
	return list
}

// changesIn returns the changes of the log key in a pending visit whose leaves
// are about to be appended: only the operator's own source has any.
func (a *Archive) changesIn(ctx context.Context, reg register, leaves []ledger.Leaf, own *plan) ([]ledger.Rotation, error) {
	p := reg.Pending
	switch {
	case reg.Source != BuiltIn || leaves[0].Line == ledger.AbandonedLine:
		return nil, nil
	case own != nil && own.Visit == p.Visit:
		return own.segment.changes(), nil
	}
	s, err := a.segment(ctx, p.Visit)
	if err != nil {
		return nil, err
	}
	return s.changes(), nil
}

// shifted returns changes whose visit begins at an index.
func shifted(list []ledger.Rotation, by int64) []ledger.Rotation {
	list = slices.Clone(list)
	for i := range list {
		list[i].Index += by
	}
	return list
}

// lostChanges returns the changes of the log key among n leaves from size on
// that are put back, in order.
func lostChanges(lost []lostVisit, size, n int64) []ledger.Rotation {
	byIndex := map[int64]ledger.Rotation{}
	for _, v := range lost {
		for _, r := range v.done.Keys {
			if r.Index >= size && r.Index < size+n {
				byIndex[r.Index] = r
			}
		}
	}
	list := slices.Collect(maps.Values(byIndex))
	slices.SortFunc(list, func(x, y ledger.Rotation) int { return cmp.Compare(x.Index, y.Index) })
	return list
}

// A signers hands the ledger the further signers of this machine.
type signers struct {
	read func() ([]note.Signer, error) // may be nil

	mu    sync.Mutex
	added []note.Signer // guarded by mu
}

func (s *signers) add(k note.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added = append(s.added, k)
}

func (s *signers) all() ([]note.Signer, error) {
	s.mu.Lock()
	list := slices.Clone(s.added)
	s.mu.Unlock()
	if s.read == nil {
		return list, nil
	}
	more, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("further log keys: %w", err)
	}
	return append(list, more...), nil
}

// checkChain compares origin and keys with what the caller expects, where they
// are not those that the archive began with: they may be later ones. It returns
// the keys.
func (m Meta) checkChain(ctx context.Context, b bucket.Bucket, o Options, first error) (*ledger.Keyring, error) {
	links, damaged := ledger.ReadRotations(ctx, b)
	switch {
	case damaged != nil && (len(links) == 0 || !errors.Is(damaged, ledger.ErrTampered)):
		return nil, outOfReach(damaged)
	case len(links) == 0:
		return nil, first
	}
	var err error
	trusted := o.Verifier
	if trusted == nil {
		if trusted, err = note.NewVerifier(m.PublicKey); err != nil {
			return nil, fmt.Errorf("%s: public_key: %w", metaKey, err)
		}
	}
	r, err := ledger.NewKeyring(trusted, links)
	switch {
	case err != nil && damaged != nil:
		return nil, outOfReach(damaged)
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", first, err)
	}
	keys := r.Keys()
	named := slices.ContainsFunc(keys, func(k ledger.LogKey) bool { return k.Public == o.PublicKey })
	switch {
	case keys[0].Public != m.PublicKey:
		return nil, fmt.Errorf("%w: the key that it began with is %s by the later ones, %s by %s", ErrKey, keys[0].Public, m.PublicKey, metaKey)
	case o.Origin != "" && !r.Knows(o.Origin), o.PublicKey != "" && !named, o.Signer != nil && !slices.ContainsFunc(keys, func(k ledger.LogKey) bool {
		return k.Verifier.Name() == o.Signer.Name() && k.Verifier.KeyHash() == o.Signer.KeyHash()
	}):
		if r.Cut() != nil {
			return nil, fmt.Errorf("%w (%w)", first, r.Cut())
		}
		return nil, first
	}
	return r, nil
}

// anchored returns the options with the verifier that goes with the signer,
// where the caller gave none.
func anchored(r *ledger.Keyring, o Options) Options {
	if r == nil || o.Verifier != nil || o.Signer == nil {
		return o
	}
	for _, k := range r.Keys() {
		if k.Verifier.Name() == o.Signer.Name() && k.Verifier.KeyHash() == o.Signer.KeyHash() {
			o.Verifier = k.Verifier
		}
	}
	return o
}

// Consistency proves that the published tree to extends the one of size from: as
// witnesses ask for it.
func (a *Archive) Consistency(ctx context.Context, from int64, to ledger.Tree) ([][32]byte, error) {
	proof, err := a.ledger.Consistency(ctx, from, to)
	return proof, outOfReach(err)
}

// AddSignatures appends cosignatures to the published checkpoint, as
// ledger.Ledger.AddSignatures does.
func (a *Archive) AddSignatures(ctx context.Context, c ledger.Checkpoint, lines ...[]byte) (bool, error) {
	ok, err := a.ledger.AddSignatures(ctx, c, lines...)
	return ok, outOfReach(err)
}
