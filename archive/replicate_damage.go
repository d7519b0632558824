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

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// A harm is an object of a replica that had other bytes than it must have.
type harm struct {
	Object string `json:"object"`
	Visit  int64  `json:"visit"` // ledger index; -1 for a tile
}

// harmed notes an object of the replica that is not as it must be. It is looked
// at again by every run until it is.
func (c *copying) harmed(f Finding) {
	c.found.add(&c.found.there, f)
	c.found.mu.Lock()
	defer c.found.mu.Unlock()
	if c.found.harms == nil {
		c.found.harms = map[harm]bool{}
	}
	c.found.harms[harm{f.Object, f.Index}] = true
}

// harms returns what is to be looked at again: what this run has found.
func (c *copying) harms() []harm {
	c.found.mu.Lock()
	defer c.found.mu.Unlock()
	list := slices.Collect(maps.Keys(c.found.harms))
	slices.SortFunc(list, func(a, b harm) int { return cmp.Or(cmp.Compare(a.Visit, b.Visit), cmp.Compare(a.Object, b.Object)) })
	return list[:min(len(list), maxMissing)]
}

// heeded returns of a list of the register of a replica what it can have come by:
// whoever can write there is not to say which object is copied under which name.
func heeded(list []harm) []harm {
	list = slices.DeleteFunc(list, func(h harm) bool {
		return bucket.CheckKey(h.Object) != nil || h.Visit < 0 && !ledger.IsTile(h.Object)
	})
	return list[:min(len(list), maxMissing)]
}

// again looks at what an earlier run found damaged in the replica. What was
// removed there since is put again.
func (c *copying) again(ctx context.Context) error {
	visits := map[int64]bool{}
	for _, h := range c.note.Damaged {
		switch {
		case c.o.Quick:
			c.harmed(Finding{Kind: kindOf(h.Object), Object: h.Object, Offset: -1, Index: h.Visit, Reason: "the replica held other bytes when it was last looked at"})
		case h.Visit < 0:
			if err := c.sameTile(ctx, h.Object); err != nil {
				return err
			}
		case h.Visit < c.to.Size && !visits[h.Visit]:
			visits[h.Visit] = true
			job, err := c.visitAt(ctx, h.Visit)
			if err != nil {
				return err
			}
			if err := c.visit(ctx, job); err != nil {
				return err
			}
		}
	}
	return nil
}

// visitAt returns the leaves of the visit that begins at an index.
func (c *copying) visitAt(ctx context.Context, index int64) (visitLeaves, error) {
	job := visitLeaves{index: index}
	for leaf, err := range c.a.ledger.LeavesOf(ctx, c.to.Tree, index, min(index+MaxLines, c.to.Size)) {
		if err != nil {
			return job, fmt.Errorf("of the archive: %w", outOfReach(err))
		}
		if len(job.leaves) > 0 && leaf.Visit != job.leaves[0].Visit {
			break
		}
		job.leaves = append(job.leaves, leaf)
	}
	return job, nil
}

// sameTile compares a tile of the replica with the archive's, which puts it where
// it is not there.
func (c *copying) sameTile(ctx context.Context, key string) error {
	const limit = 1 << 16
	want, err := bucket.ReadAll(ctx, c.a.b, key, limit)
	if err != nil {
		if err = outOfReach(fmt.Errorf("%s: %w", key, err)); !isAnswer(err) || ctx.Err() != nil {
			return &hereError{err}
		}
		return nil // a partial one that was filled up since, or damaged here and named by verify
	}
	got, err := bucket.ReadAll(ctx, c.Replica.to, key, limit)
	switch {
	case errors.Is(err, bucket.ErrNotExist):
		err = c.Replica.to.Create(ctx, key, bucket.Bytes(want))
		if errors.Is(err, bucket.ErrExists) {
			err = nil // another process copies, too
		}
	case err == nil && !bytes.Equal(got, want), errors.Is(err, bucket.ErrTooLarge):
		c.harmed(tileHarm(key))
		return nil
	}
	return outOfReach(err)
}

// tileHarm is the finding of a tile of the replica that is another.
func tileHarm(key string) Finding {
	return Finding{Kind: KindTile, Object: key, Offset: -1, Index: -1, Reason: "the replica holds other bytes than follow from the checkpoint"}
}

// lacksHere names, where everything is compared, what the replica has and the
// archive itself does not.
func (c *copying) lacksHere(ctx context.Context, o ObjectRef, visit int64) error {
	if !c.o.All || c.found.knows(o.Key) {
		return nil
	}
	r, err := c.a.b.Open(ctx, o.Key, 0, 0)
	if err == nil {
		err = r.Close()
		if _, redacted := c.red.Object(o.Key); err == nil && !redacted && r.Size != o.Length {
			err = fmt.Errorf("%w: %d bytes, not %d", ErrMismatch, r.Size, o.Length)
		}
	}
	if err == nil {
		return nil
	}
	if _, hidden := errors.AsType[*bucket.WithheldError](err); hidden {
		return nil // of a mirror: it answers
	}
	if err = outOfReach(fmt.Errorf("%s: %w", o.Key, err)); !isAnswer(err) || ctx.Err() != nil {
		return &hereError{err}
	}
	c.found.add(&c.found.here, Finding{Kind: kindOf(o.Key), Object: o.Key, Offset: -1, Index: visit, Reason: err.Error() + "; the replica has it"})
	return nil
}

// knows reports whether an object is among those that the archive lacks.
func (f *findings) knows(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone[key]
}

// theirs returns the segment of a visit as the replica has it, if that is what
// the leaves commit to: where the archive's own is lost the rest of the visit is
// copied all the same.
func (c *copying) theirs(ctx context.Context, job visitLeaves) (*segment, bool) {
	key := journalKey(job.leaves[0].Visit)
	body, err := bucket.ReadAll(ctx, c.Replica.to, key, MaxSegment)
	if err != nil {
		return nil, false
	}
	s, err := c.segmentIn(job, key, body)
	return s, err == nil
}

// Damaged returns the objects of the replica that had other bytes than they must
// have when they were last looked at, by key.
func (r *Replica) Damaged(ctx context.Context) ([]string, error) {
	n, _, err := r.note(ctx)
	var keys []string
	for _, h := range n.Damaged {
		keys = append(keys, h.Object)
	}
	slices.Sort(keys)
	return keys, err
}
