// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/bucket"
)

// KeysFolder is where the changes of the log key are, numbered from 1: objects
// that follow from the head, as tiles do, and are written before the first
// checkpoint that the new key signs.
const KeysFolder = "log/keys/"

// keyKey returns the key of the n-th change.
func keyKey(n int) string { return fmt.Sprintf("%s%d", KeysFolder, n) }

// keyBody is log/keys/<n> as JSON.
type keyBody struct {
	V int `json:"v"`
	Rotation
}

// maxKeyBody bounds it, in bytes: a note with every byte escaped.
const maxKeyBody = 8 * maxRotationNote

// encodeKey returns the object of a change.
func encodeKey(r Rotation) ([]byte, error) {
	b, err := json.MarshalIndent(keyBody{V: 1, Rotation: r}, "", "  ")
	return append(b, '\n'), err
}

// Keys returns the keys of the ledger, as far as they follow from the one that
// is trusted, by what is published.
func (l *Ledger) Keys(ctx context.Context) (*Keyring, error) {
	links, damaged := l.rotations(ctx)
	if damaged != nil && !errors.Is(damaged, ErrTampered) {
		return nil, fmt.Errorf("ledger: keys: %w", damaged)
	}
	r, err := NewKeyring(l.o.Verifier, links)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ledger: keys: %w", errors.Join(damaged, err))
	case damaged != nil && r.cut == nil: // something behind the last change, or that was one
		r.cut = damaged
	}
	return r, nil
}

// ReadRotations returns the published changes of the log key of the ledger in b,
// in order; nobody has checked them yet, a Keyring does. With ErrTampered come
// those before the damaged one.
func ReadRotations(ctx context.Context, b bucket.Bucket) ([]Rotation, error) {
	l := Ledger{b: b}
	links, err := l.rotations(ctx)
	if err != nil {
		return links, fmt.Errorf("ledger: %w", err)
	}
	return links, nil
}

// rotations reads the published changes of the key, in order. They are found by
// counting.
func (l *Ledger) rotations(ctx context.Context) ([]Rotation, error) {
	var links []Rotation
	for n := 1; n <= maxRotations; n++ {
		b, err := bucket.ReadAll(ctx, l.b, keyKey(n), maxKeyBody)
		if errors.Is(err, bucket.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", keyKey(n), err)
		}
		var body keyBody
		if err := json.Unmarshal(b, &body); err != nil || body.V != 1 {
			return links, fmt.Errorf("%s: version %d: %w: %w", keyKey(n), body.V, ErrTampered, errors.Join(err, ErrRotation))
		}
		links = append(links, body.Rotation)
	}
	return links, nil
}

// rotationsUpTo returns the published changes that lie in a tree of size.
func (l *Ledger) rotationsUpTo(ctx context.Context, size int64) ([]Rotation, error) {
	links, err := l.rotations(ctx)
	return slices.DeleteFunc(links, func(r Rotation) bool { return r.Index >= size }), err
}

// parse checks a checkpoint against the keys of the ledger. Where those that
// were read before don't do, the key may have been changed since.
func (l *Ledger) parse(ctx context.Context, text []byte) (Checkpoint, error) {
	c, err := l.ring.Load().ParseCheckpoint(text)
	if err == nil {
		return c, nil
	}
	// A damaged object is no fault of the checkpoint: the head has the changes, too.
	reads := []func(context.Context) (*Keyring, error){l.Keys, l.keysByHead}
	if l.of != nil { // a copy from before the key was changed does not have the change
		reads = append(reads, l.of)
	}
	for _, read := range reads {
		r, ringErr := read(ctx)
		switch {
		case errors.Is(ringErr, bucket.ErrNotExist): // a copy keeps no head
			continue
		case errors.Is(ringErr, ErrTampered), errors.Is(ringErr, ErrRotation):
			err = fmt.Errorf("%w (%w)", err, ringErr)
			continue
		case ringErr != nil:
			return Checkpoint{}, ringErr
		case len(r.links) == 0 && r.cut == nil:
			continue
		}
		if c, ringErr = r.ParseCheckpoint(text); ringErr == nil {
			l.ring.Store(r)
			return c, nil
		}
		if err = ringErr; r.cut != nil {
			err = fmt.Errorf("%w (%w)", err, r.cut)
		}
	}
	return Checkpoint{}, err
}

// known returns the keys as far as the ledger shows them, published or in the
// head.
func (l *Ledger) known(ctx context.Context) (*Keyring, error) {
	r, err := l.Keys(ctx)
	if err == nil && len(r.links) > 0 {
		return r, nil
	}
	byHead, headErr := l.keysByHead(ctx)
	if headErr != nil {
		return r, err
	}
	return byHead, nil
}

// keysByHead returns the keys as the head has them.
func (l *Ledger) keysByHead(ctx context.Context) (*Keyring, error) {
	h, _, err := l.head(ctx)
	if err != nil {
		return nil, err
	}
	return NewKeyring(l.o.Verifier, h.Keys)
}

// keysOf yields the changes of the key that a published tree has and one of
// size from has not.
func (l *Ledger) keysOf(ctx context.Context, t Tree, from int64, yield func(Tile) bool) error {
	r, err := l.Keys(ctx)
	if err != nil {
		return err
	}
	for i, link := range r.links {
		if link.Index < from || link.Index >= t.Size {
			continue
		}
		b, err := encodeKey(link)
		if err != nil {
			return err
		}
		if !yield(Tile{keyKey(i + 1), b}) {
			return errStop
		}
	}
	return nil
}

// ringOf returns the keys as the head has them: the last one signs it.
func (l *Ledger) ringOf(h Head) (*Keyring, error) {
	if r := l.ring.Load(); slices.Equal(r.links, h.Keys) {
		return r, nil
	}
	r, err := NewKeyring(l.o.Verifier, h.Keys)
	if err == nil {
		err = r.cut
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", HeadKey, err, ErrTampered)
	}
	return r, nil
}

// KeysOf returns the keys as a head has them: those that are published, and
// those of a change that is about to be.
func (l *Ledger) KeysOf(h Head) (*Keyring, error) {
	r, err := l.ringOf(h)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return r, nil
}

// signer returns the signer of the key in force.
func (l *Ledger) signer(k LogKey) (note.Signer, error) {
	if same(l.o.Signer, k.Verifier) {
		return l.o.Signer, nil
	}
	if l.o.Signers != nil {
		more, err := l.o.Signers()
		if err != nil {
			return nil, err
		}
		for _, s := range more {
			if same(s, k.Verifier) {
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: the key in force is %s+%08x", ErrKeyChanged, k.Verifier.Name(), k.Verifier.KeyHash())
}

// Rotation returns the signed note that makes fresh, whose verifier key is
// public, the key in force behind h. before is the verifier key in force at h.
// last is the last known tree of the old origin, where public has another name.
// ErrKeyChanged says that this machine does not have the key in force. Else it
// refuses what Append would refuse, before anything is written that would change
// the key later, when that passes.
func (l *Ledger) Rotation(ctx context.Context, h Head, before, public string, fresh note.Signer, last Tree) (string, error) {
	if err := l.complete(ctx, h); err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	r, err := l.ringOf(h)
	if err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	in := r.InForce()
	old, err := l.signer(in)
	if err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	if in.Public != "" {
		before = in.Public
	}
	if fresh.Name() == in.Origin() {
		if err := l.mayFollow(ctx, h, h); err != nil {
			return "", fmt.Errorf("ledger: %w", err)
		}
	}
	return SignRotation(RotationText{Number: len(h.Keys) + 1, Old: before, New: public, At: h.Tree, Last: last}, old, fresh)
}

// complete reports a head that lacks changes of the key which are published, and
// signed by both keys: somebody has taken them out.
func (l *Ledger) complete(ctx context.Context, h Head) error {
	r, err := l.Keys(ctx)
	if errors.Is(err, ErrTampered) || errors.Is(err, ErrRotation) {
		return nil // the objects are damaged, and verify names them; the head has them all
	} else if err != nil {
		return err
	}
	for i := len(h.Keys); i < len(r.links); i++ {
		if r.links[i].Index < h.Size {
			return fmt.Errorf("%s lacks change %d of the log key, which is published as %s: %w", HeadKey, i+1, keyKey(i+1), ErrTampered)
		}
	}
	return nil
}

// rotate adds the changes of the key to the head that follows from them, and
// returns the restart if there is one among them.
func (l *Ledger) rotate(h *Head, rotations []Rotation) (*LogKey, error) {
	if len(rotations) == 0 {
		return nil, nil
	}
	h.Keys = append(slices.Clip(h.Keys), rotations...)
	r, err := NewKeyring(l.o.Verifier, h.Keys)
	if err == nil {
		err = r.cut
	}
	if err != nil {
		return nil, err
	}
	for _, link := range rotations {
		if link.Index < h.From() || link.Index >= h.Size {
			return nil, fmt.Errorf("%w: its event has index %d, the batch goes from %d to %d", ErrRotation, link.Index, h.From(), h.Size)
		}
	}
	if in := r.InForce(); in.Begun.Restart() {
		return &in, nil
	}
	return nil, nil
}

// mayRestart takes the place of mayFollow where a new origin begins: what was
// signed for the old one, and what others have seen of it, is not extended, and
// the restart says so. It makes the tiles that at needs.
func (l *Ledger) mayRestart(ctx context.Context, at Head, k LogKey) error {
	c, _, err := l.checkpoint(ctx)
	if err != nil {
		return err
	}
	if err := l.extendedBy(ctx, c.Tree, at); err != nil {
		return fmt.Errorf("published checkpoint: %w", err)
	}
	if c.Size < at.Size {
		if err := l.writeTiles(ctx, c.Tree, at); err != nil {
			return err
		}
	}
	if err := l.extendedBy(ctx, k.Begun.At, at); err != nil {
		return fmt.Errorf("the tree that the restart goes on from: %w", err)
	}
	origin, mark, ok, err := MarkAt(l.o.Mark)
	if err == nil && ok && origin != k.Origin() && mark.Size > k.Begun.Last.Size {
		err = fmt.Errorf("%s says that %s had %d leaves, the restart knows of %d: %w", l.o.Mark, origin, mark.Size, k.Begun.Last.Size, ErrRolledBack)
	}
	if err == nil {
		err = l.setAsideBeyond(ctx, at)
	}
	return err
}

// writeKeys writes the changes of the key that h has.
func (l *Ledger) writeKeys(ctx context.Context, published Tree, h Head) error {
	for i, link := range h.Keys {
		if link.Index < h.From() {
			continue // published with the head that had it in its batch
		}
		b, err := encodeKey(link)
		if err != nil {
			return err
		}
		if err := l.putBehind(ctx, published, h, link.Index >= published.Size, keyKey(i+1), b); err != nil {
			return err
		}
	}
	return nil
}
