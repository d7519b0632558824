// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// A LogKey is one key of a ledger, and where it is in force.
type LogKey struct {
	Public   string // verifier key; empty for a single key whose chain is not known
	Verifier note.Verifier
	Since    int64 // index of the event that began it; -1 for the first
	// Begun is what its rotation says; zero for the first key.
	Begun RotationText
}

// Origin returns the origin of the checkpoints that k signs.
func (k LogKey) Origin() string { return k.Verifier.Name() }

// A Keyring is the keys of a ledger in order, as far as they follow from one
// that is trusted: forwards, each is signed by the one before; backwards, each
// is named by the one after. It is never changed.
type Keyring struct {
	keys   []LogKey
	anchor int // in keys: the trusted one
	links  []Rotation
	cut    error // why keys behind the last one are not trusted; nil if there are none
}

// NewKeyring follows links, in order, from the key that is trusted. A ledger
// whose key was never rotated has none. Where the trusted key is not in the
// chain, that is ErrRotation; where links behind it are not signed by the key
// before, they are left out, and Cut says so.
func NewKeyring(trusted note.Verifier, links []Rotation) (*Keyring, error) {
	if len(links) == 0 {
		return single(trusted), nil
	}
	r, err := chain(trusted, links)
	if err != nil {
		return nil, err
	}
	for i := r.anchor; i > 0; i-- { // backwards
		if err := signedBy(links[i-1], r.keys[i].Verifier); err != nil {
			return nil, fmt.Errorf("%w: change %d of the key is not signed by the new one: %w", ErrRotation, i, err)
		}
	}
	for i := r.anchor + 1; i < len(r.keys); i++ { // forwards
		err := signedBy(links[i-1], r.keys[i-1].Verifier)
		if err == nil {
			err = signedBy(links[i-1], r.keys[i].Verifier)
		}
		if err != nil {
			r.cut = fmt.Errorf("%w: change %d of the key, to %s: %w", ErrRotation, i, r.keys[i].Public, err)
			r.keys, r.links = r.keys[:i], links[:i-1]
			break
		}
	}
	return r, nil
}

// single returns the ring of a key whose chain is not known.
func single(trusted note.Verifier) *Keyring {
	return &Keyring{keys: []LogKey{{Verifier: trusted, Since: -1}}}
}

// chain reads the texts of links, checks that they follow each other, and finds
// the trusted key. No signature is checked.
func chain(trusted note.Verifier, links []Rotation) (*Keyring, error) {
	if len(links) > maxRotations {
		return nil, fmt.Errorf("%w: %d changes of the key, at most %d", ErrRotation, len(links), maxRotations)
	}
	r := &Keyring{anchor: -1, links: slices.Clone(links)}
	for i, link := range links {
		text, err := ParseRotation(link.Note)
		if err != nil {
			return r.until(i, trusted, err)
		}
		if i == 0 {
			r.add(text.Old, -1, RotationText{}, trusted)
		}
		before := r.keys[i]
		if text.Number != i+1 || text.Old != before.Public || text.At.Size < before.Begun.At.Size || link.Index < text.At.Size || link.Index <= before.Since {
			return r.until(i, trusted, fmt.Errorf("%w: change %d of the key does not follow the one before", ErrRotation, i+1))
		}
		r.add(text.New, link.Index, text, trusted)
	}
	if r.anchor < 0 {
		return nil, fmt.Errorf("%w: the key %s+%08x is not among those of this ledger", ErrRotation, trusted.Name(), trusted.KeyHash())
	}
	return r, nil
}

// until ends the chain before its i-th link, which is none: anybody who can write
// into the bucket can put something behind the last one. Where the trusted key
// has not come yet, that is an error.
func (r *Keyring) until(i int, trusted note.Verifier, why error) (*Keyring, error) {
	switch {
	case i == 0:
		r = single(trusted)
	case r.anchor < 0:
		return nil, why
	}
	r.cut, r.links = why, r.links[:i]
	return r, nil
}

// add appends a key whose spelling has been checked. The trusted one keeps its
// own verifier: a short hash alone makes no key the same.
func (r *Keyring) add(public string, since int64, begun RotationText, trusted note.Verifier) {
	v, err := note.NewVerifier(public)
	if err != nil {
		panic("ledger: a key that was parsed does not parse") // ParseRotation has made it
	}
	if r.anchor < 0 && v.Name() == trusted.Name() && v.KeyHash() == trusted.KeyHash() {
		r.anchor, v = len(r.keys), trusted
	}
	r.keys = append(r.keys, LogKey{Public: public, Verifier: v, Since: since, Begun: begun})
}

// signedBy checks a signature of a rotation.
func signedBy(link Rotation, v note.Verifier) error {
	_, err := note.Open([]byte(link.Note), note.VerifierList(v))
	return err
}

// Keys returns the keys in order.
func (r *Keyring) Keys() []LogKey { return slices.Clone(r.keys) }

// Links returns the rotations that lead from key to key.
func (r *Keyring) Links() []Rotation { return slices.Clone(r.links) }

// InForce returns the last key.
func (r *Keyring) InForce() LogKey { return r.keys[len(r.keys)-1] }

// Cut says why keys behind the last one are not followed: the key before did
// not sign them. Nil if there are none.
func (r *Keyring) Cut() error { return r.cut }

// Has reports whether a key is in the ring.
func (r *Keyring) Has(v note.Verifier) bool {
	return slices.ContainsFunc(r.keys, func(k LogKey) bool { return same(k.Verifier, v) })
}

// Knows reports whether origin is that of a key in the ring.
func (r *Keyring) Knows(origin string) bool {
	return slices.ContainsFunc(r.keys, func(k LogKey) bool { return k.Origin() == origin })
}

func same(a interface {
	Name() string
	KeyHash() uint32
}, b interface {
	Name() string
	KeyHash() uint32
}) bool {
	return a.Name() == b.Name() && a.KeyHash() == b.KeyHash()
}

// Verifiers returns those of all keys.
func (r *Keyring) Verifiers() []note.Verifier {
	list := make([]note.Verifier, len(r.keys))
	for i, k := range r.keys {
		list[i] = k.Verifier
	}
	return list
}

// ParseCheckpoint checks a C2SP tlog-checkpoint as the function of that name
// does, against the key that was in force at its size: a key signs nothing
// before its own rotation, and nothing behind the next one. What a key older
// than the trusted one has signed counts up to the size that the next key names,
// so that a key that was given up because it leaked signs nothing new.
func (r *Keyring) ParseCheckpoint(text []byte) (Checkpoint, error) {
	if len(text) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("%w: %d bytes, more than %d", ErrCheckpoint, len(text), maxCheckpoint)
	}
	n, err := OpenNote(text, r.Verifiers()...)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	for _, sig := range n.Sigs {
		for i, k := range r.keys {
			if sig.Name != k.Verifier.Name() || sig.Hash != k.Verifier.KeyHash() {
				continue
			}
			var t Tree
			if t, err = parseTree(n.Text, k.Origin()); err == nil {
				err = r.mayHaveSigned(i, t.Size)
			}
			if err == nil {
				return Checkpoint{Tree: t, Note: slices.Clone(text)}, nil
			}
		}
	}
	return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
}

// mayHaveSigned reports whether the i-th key was in force at size.
func (r *Keyring) mayHaveSigned(i int, size int64) error {
	k := r.keys[i]
	if k.Since >= 0 && size <= k.Begun.At.Size {
		return fmt.Errorf("its key is in force behind size %d only, what it has signed has %d", k.Begun.At.Size, size)
	}
	if i+1 == len(r.keys) {
		return nil
	}
	until := r.keys[i+1].Since // the event's leaf is the last thing it signs nothing of
	if i < r.anchor {
		until = r.keys[i+1].Begun.At.Size
	}
	if size > until {
		return fmt.Errorf("its key was replaced at size %d, what it has signed has %d", until, size)
	}
	return nil
}

// restartedFrom returns, for an origin that a restart has ended, the tree that
// the restart went on from and the last one that it knew.
func (r *Keyring) restartedFrom(origin string) (Tree, Tree, bool) {
	in := r.InForce()
	if origin == in.Origin() {
		return Tree{}, Tree{}, false
	}
	for i := len(r.keys) - 1; i > 0; i-- {
		if k := r.keys[i]; k.Begun.Restart() && nameOf(k.Begun.Old) == origin {
			return k.Begun.At, k.Begun.Last, true
		}
	}
	return Tree{}, Tree{}, false
}
