// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"

	"onrecord/archive/bucket"
)

// Append adds leaves after at, the head that was loaded with tag, by swapping
// log/head: the commit point. It first publishes at where that is still to be
// done, and refuses to go on to a head that does not extend what was signed
// before. bucket.ErrConflict says that another writer was faster. It, ErrBatch,
// ErrReadOnly, ErrNoMark, ErrRolledBack and ErrTampered say that nothing was
// appended; after any other error the leaves may or may not be in the ledger:
// load the head again and look (Contains).
//
// Where the store has lost its last heads, the same leaves may be appended
// again, all that were lost in one batch: the head that they lead to extends
// the mark.
//
// Among leaves are those of the events that change the log key, if rotations
// names any: from h on, the new key signs. ErrRotation says that one does not
// follow from the key in force.
func (l *Ledger) Append(ctx context.Context, at Head, tag bucket.Tag, leaves []Leaf, rotations ...Rotation) (Head, bucket.Tag, error) {
	h, tag, err := l.append(ctx, at, tag, leaves, rotations)
	if err != nil {
		return Head{}, bucket.Tag{}, fmt.Errorf("ledger: append %d leaves at %d: %w", len(leaves), at.Size, err)
	}
	return h, tag, nil
}

func (l *Ledger) append(ctx context.Context, at Head, tag bucket.Tag, leaves []Leaf, rotations []Rotation) (Head, bucket.Tag, error) {
	switch {
	case l.o.Signer == nil:
		return Head{}, bucket.Tag{}, ErrReadOnly
	case len(leaves) == 0 || len(leaves) > MaxBatch:
		return Head{}, bucket.Tag{}, ErrBatch
	case tag.IsZero() || tag != at.tag:
		// Swapping another head than the one it was computed from would drop
		// leaves.
		return Head{}, bucket.Tag{}, fmt.Errorf("the head was not loaded with this tag: %w", bucket.ErrConflict)
	}
	if err := at.check(); err != nil {
		return Head{}, bucket.Tag{}, err
	}
	if len(rotations) > 0 || !l.looked.Load() {
		if err := l.complete(ctx, at); err != nil {
			return Head{}, bucket.Tag{}, err
		}
		l.looked.Store(true)
	}
	h := at.next(leaves)
	restart, err := l.rotate(&h, rotations)
	if err != nil {
		return Head{}, bucket.Tag{}, err
	}
	if restart != nil {
		err = l.mayRestart(ctx, at, *restart)
	} else {
		err = l.mayFollow(ctx, at, h)
	}
	if err != nil {
		return Head{}, bucket.Tag{}, l.orConflict(ctx, tag, err)
	}
	body, err := l.encode(h)
	if err != nil {
		return Head{}, bucket.Tag{}, err
	}
	if h, err = decode(body); err != nil {
		return Head{}, bucket.Tag{}, err
	}
	if h.tag, err = l.b.Swap(ctx, HeadKey, bucket.Matches(tag), body); err != nil {
		return Head{}, bucket.Tag{}, err
	}
	return h, h.tag, nil
}

// mayFollow publishes at where that is to be done, and proves that h, which
// follows at, extends everything that is known.
func (l *Ledger) mayFollow(ctx context.Context, at, h Head) error {
	c, _, err := l.checkpoint(ctx)
	if err != nil {
		return err
	}
	if c.Size < at.Size {
		if err := l.publish(ctx, at); err != nil {
			return err
		}
		c.Tree = at.Tree
	}
	r, err := l.ringOf(at)
	if err != nil {
		return err
	}
	if _, err := l.signer(r.InForce()); err != nil {
		return err // what is appended by who can't sign would wait for another
	}
	mark, err := l.marked(c.Tree, r)
	if err != nil {
		return err
	}
	return l.extendsAll(ctx, c.Tree, mark, h, r)
}

// orConflict returns ErrConflict instead of err if log/head has moved
// meanwhile: what looked like a roll-back or a fork was then only a stale head.
func (l *Ledger) orConflict(ctx context.Context, tag bucket.Tag, err error) error {
	if !errors.Is(err, ErrRolledBack) && !errors.Is(err, ErrTampered) && !errors.Is(err, ErrSeenMore) {
		return err
	}
	if _, now, loadErr := l.b.Load(ctx, HeadKey); loadErr == nil && now != tag {
		return fmt.Errorf("%s: %w", HeadKey, bucket.ErrConflict)
	}
	return err
}

// extendsAll proves that h extends the checkpoint, the mark and what others
// have seen.
func (l *Ledger) extendsAll(ctx context.Context, published, mark Tree, h Head, r *Keyring) error {
	if err := l.extendedBy(ctx, published, h); err != nil {
		return fmt.Errorf("published checkpoint: %w", err)
	}
	if mark != published {
		if err := l.extendedBy(ctx, mark, h); err != nil {
			return fmt.Errorf("high-water mark: %w", err)
		}
	}
	if l.o.Known == nil {
		return nil
	}
	known, err := l.o.Known(ctx)
	if err != nil {
		return fmt.Errorf("trees that others have seen: %w", err)
	}
	for _, s := range known {
		if s.Origin != "" && s.Origin != r.InForce().Origin() {
			continue // of before a restart, which says what was lost
		}
		if err := l.sighted(ctx, s, h); err != nil {
			return err
		}
	}
	return nil
}

// sighted proves that h extends what somebody else has seen.
func (l *Ledger) sighted(ctx context.Context, s Sighting, h Head) error {
	var err error
	switch {
	case s.Refused != "":
		return fmt.Errorf("%w: %s: %s: %w", ErrSeenMore, s.By, s.Refused, ErrTampered)
	case s.Root != [32]byte{}:
		err = l.extendedBy(ctx, Tree{Size: s.Size, Root: s.Root}, h)
	case s.Size > h.Size:
		err = fmt.Errorf("it has seen size %d, %s leads to %d: %w", s.Size, HeadKey, h.Size, ErrRolledBack)
	}
	if errors.Is(err, ErrRolledBack) || errors.Is(err, ErrTampered) {
		return fmt.Errorf("%w: %s: %w", ErrSeenMore, s.By, err)
	}
	return err
}

// extendedBy proves that h has t as its beginning: from its batch, and below
// that from the tiles of its base, which are published.
func (l *Ledger) extendedBy(ctx context.Context, t Tree, h Head) error {
	switch {
	case t.Size > h.Size:
		return fmt.Errorf("size %d was seen, %s leads to %d: %w", t.Size, HeadKey, h.Size, ErrRolledBack)
	case t.Size < h.From():
		return l.extends(ctx, t, h.base())
	case h.rootAt(t.Size) != t.Root && t.Size > h.From():
		return fmt.Errorf("size %d was seen, and the leaves from %d on are others now: %w: %w", t.Size, h.From(), ErrRolledBack, ErrTampered)
	case h.rootAt(t.Size) != t.Root:
		return fmt.Errorf("%s has another root at size %d: %w", HeadKey, t.Size, ErrTampered)
	}
	return nil
}
