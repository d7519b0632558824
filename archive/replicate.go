// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// replicaChunk is how many leaves are read before the visits that they are of
// are copied: what an interrupted filling does again at most.
const replicaChunk = 8 << 10

// copyTries is how often Replicate waits for an erasure that is under way.
const copyTries = 3

// ReplicateOptions say how Replicate goes about it.
type ReplicateOptions struct {
	// All compares everything from the beginning, in place of what is new: it
	// puts what a replica has lost, and names what is damaged there.
	All bool
	// Quick does not read again what an earlier run has found damaged in the
	// replica: it is named once more, and not whether it has been put right.
	Quick    bool
	Workers  int                     // visits copied at the same time; 0: 4
	Progress func(done, total int64) // leaves; called by one goroutine; may be nil
}

// A Copied says what Replicate did.
type Copied struct {
	From    int64 // size of the replica before
	Size    int64 // and after
	Visits  int64
	Objects int64 // put, journal segments among them
	Bytes   int64 // of those
	Erased  int64 // objects in which an erasure was carried out
	// Missing is how many visits the replica lacks objects of, because the
	// archive itself did not have them: those that Here names, now or earlier.
	Missing int
	Here    []Finding // what is not as it must be in the archive, and was not copied
	There   []Finding // what is not as it must be in the replica, and was left alone
}

// A copying is one run of Replicate.
type copying struct {
	*Replica
	o    ReplicateOptions
	from ledger.Tree       // the replica's checkpoint before
	to   ledger.Checkpoint // the one that it gets
	red  *Redactions

	late    []int64 // visits of which the replica lacked objects before
	note    replicaNote
	noteTag bucket.Tag
	visits  atomic.Int64
	objects atomic.Int64
	bytes   atomic.Int64
	erased  atomic.Int64
	found   findings
}

// Replicate brings the replica up to the archive's checkpoint: the objects that
// the new leaves name, then the tiles, then the checkpoint. Nothing is found by
// listing, and nothing that is there is replaced, but by an erasure. Each object
// is compared with its SHA-256 while it is copied and read back afterwards;
// before the checkpoint is put, the replica's own tiles prove that it extends
// the one before. What is damaged in the archive is left out and named, and
// tried again by the next run.
//
// ErrReplica, ledger.ErrRolledBack and ledger.ErrTampered say that the replica
// does not go on from here: the archive shows less, or other, than it once
// signed. ErrUnreachable says that one of the two does not answer.
func (r *Replica) Replicate(ctx context.Context, o ReplicateOptions) (Copied, error) {
	if o.Workers <= 0 {
		o.Workers = 4
	}
	c := &copying{Replica: r, o: o}
	err := c.run(ctx)
	for try := 1; errors.Is(err, errErasing) && try < copyTries; try++ {
		select {
		case <-ctx.Done():
			return c.report(), ctx.Err()
		case <-time.After(time.Duration(try) * 500 * time.Millisecond):
		}
		err = c.run(ctx)
	}
	if err != nil {
		return c.report(), fmt.Errorf("replicate: %w", err)
	}
	return c.report(), nil
}

// report returns what was done so far.
func (c *copying) report() Copied {
	t, _ := c.Seen()
	return Copied{
		From: c.from.Size, Size: t.Size, Visits: c.visits.Load(), Objects: c.objects.Load(), Bytes: c.bytes.Load(), Erased: c.erased.Load(),
		Missing: len(c.note.Missing), Here: c.found.here, There: c.found.there,
	}
}

func (c *copying) run(ctx context.Context) error {
	if err := c.guard(ctx); err != nil {
		return err
	}
	to, err := c.a.Checkpoint(ctx)
	if err != nil {
		return err
	}
	was, tag, err := c.checkpoint(ctx)
	if err != nil {
		return err
	}
	c.from, c.to = was.Tree, to
	if err := c.a.ledger.Extends(ctx, was.Tree, to.Tree); err != nil && was.Size > 0 {
		return outOfReach(fmt.Errorf("the replica has the checkpoint of size %d: %w", was.Size, err))
	}
	// Erasures first: what they list is copied without what was erased.
	if c.red, err = c.a.Redactions(ctx); err != nil {
		return err
	}
	if c.note, c.noteTag, err = c.Replica.note(ctx); err != nil {
		return err
	}
	if c.note.Adopted {
		return fmt.Errorf("%w: it was adopted", ErrReplica)
	}
	c.late = append(c.late, c.note.Missing...)
	if err := c.retry(ctx); err != nil {
		return err
	}
	if err := c.again(ctx); err != nil {
		return err
	}
	if err := c.leaves(ctx); err != nil {
		return err
	}
	if err := c.tiles(ctx); err != nil {
		return err
	}
	if err := c.lookAgain(ctx); err != nil {
		return err
	}
	return c.publish(ctx, was, tag)
}

// start returns the index from which on visits are to be copied.
func (c *copying) start(ctx context.Context) (int64, error) {
	if c.o.All {
		return 0, nil
	}
	// A filling that was interrupted goes on where it was.
	if t, ok := c.note.tree(); ok && c.note.Copied > c.from.Size && c.note.Copied <= t.Size && t.Size <= c.to.Size {
		switch err := c.a.ledger.Extends(ctx, t, c.to.Tree); {
		case err == nil:
			return c.note.Copied, nil
		case !isAnswer(err):
			return 0, outOfReach(err)
		}
	}
	return c.from.Size, nil
}

// leaves copies the visits of all new leaves, a chunk of them at a time.
func (c *copying) leaves(ctx context.Context) error {
	from, err := c.start(ctx)
	if err != nil {
		return err
	}
	var jobs []visitLeaves
	held := 0
	at := from
	flush := func(next int64) error {
		err := c.together(ctx, jobs)
		jobs, held = jobs[:0], 0
		if c.o.Progress != nil {
			c.o.Progress(next, c.to.Size)
		}
		if err != nil || next == c.to.Size {
			return err
		}
		return c.remember(ctx, next)
	}
	for leaf, err := range c.a.ledger.LeavesOf(ctx, c.to.Tree, from, c.to.Size) {
		if err != nil {
			return fmt.Errorf("of the archive: %w", outOfReach(err))
		}
		if last := len(jobs) - 1; last >= 0 && jobs[last].leaves[0].Visit == leaf.Visit {
			jobs[last].leaves = append(jobs[last].leaves, leaf)
		} else {
			if held >= replicaChunk {
				if err := flush(at); err != nil {
					return err
				}
			}
			jobs = append(jobs, visitLeaves{index: at, leaves: []ledger.Leaf{leaf}})
		}
		held++
		at++
	}
	return flush(c.to.Size)
}

// remember notes how far the filling has come.
func (c *copying) remember(ctx context.Context, next int64) (err error) {
	n := c.note
	n.Size, n.Root, n.Copied = c.to.Size, base64.StdEncoding.EncodeToString(c.to.Root[:]), next
	n.Missing, n.Damaged = c.missing(nil), c.harms()
	c.note, c.noteTag, err = c.write(ctx, c.note, c.noteTag, n)
	return err
}

// missing returns the visits that lack objects: those known before, less what
// was found, and those that this run could not copy.
func (c *copying) missing(found map[int64]bool) []int64 {
	list := slices.Concat(slices.DeleteFunc(slices.Clone(c.note.Missing), func(i int64) bool { return found[i] }), c.found.lacking())
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), maxMissing)]
}

// tiles copies the tiles that the new checkpoint needs, each proven.
func (c *copying) tiles(ctx context.Context) error {
	from := c.from.Size
	if c.o.All {
		from = 0
	}
	for tile, err := range c.a.ledger.TilesOf(ctx, c.to.Tree, from) {
		if err != nil {
			return fmt.Errorf("of the archive: %w", outOfReach(err))
		}
		err := c.Replica.to.Create(ctx, tile.Key, bucket.Bytes(tile.Bytes))
		if errors.Is(err, bucket.ErrExists) {
			var there []byte
			there, err = bucket.ReadAll(ctx, c.Replica.to, tile.Key, int64(len(tile.Bytes)))
			if (err == nil || isAnswer(err)) && !bytes.Equal(there, tile.Bytes) {
				c.harmed(tileHarm(tile.Key))
				if err := c.remember(ctx, c.to.Size); err != nil {
					return err
				}
				return fmt.Errorf("%w: %s of the replica holds other bytes than follow from the checkpoint; it is left alone", ErrMismatch, tile.Key)
			}
		}
		if err != nil {
			return outOfReach(fmt.Errorf("put %s: %w", tile.Key, err))
		}
	}
	return nil
}

// publish proves the new checkpoint from the replica's own tiles, and puts it.
func (c *copying) publish(ctx context.Context, was ledger.Checkpoint, tag bucket.Tag) error {
	if was.Tree == c.to.Tree && bytes.Equal(was.Note, c.to.Note) {
		return c.settled(ctx)
	}
	if was.Size > 0 {
		if err := c.ledger.Extends(ctx, was.Tree, c.to.Tree); err != nil {
			return outOfReach(fmt.Errorf("by the replica's own tiles: %w", err))
		}
	}
	for _, err := range c.ledger.LeavesOf(ctx, c.to.Tree, was.Size, c.to.Size) {
		if err != nil {
			return outOfReach(fmt.Errorf("by the replica's own tiles: %w", err))
		}
	}
	_, err := c.ledger.PutCheckpoint(ctx, c.to.Note, condition(tag))
	if errors.Is(err, bucket.ErrConflict) {
		// Another process copies to the same place: whoever is behind is done later.
		now, _, err := c.checkpoint(ctx)
		if err == nil && now.Size < c.to.Size {
			err = fmt.Errorf("%w: %s of the replica was moved by another process", ErrUnreachable, ledger.CheckpointKey)
		}
		return err
	}
	if err != nil {
		return outOfReach(err)
	}
	c.saw(c.to.Tree)
	c.ledger.TidyBetween(ctx, was.Size, c.to.Size)
	return c.settled(ctx)
}

// settled notes what is missing, and tells the archive what is safe.
func (c *copying) settled(ctx context.Context) (err error) {
	list, harms := c.missing(nil), c.harms()
	if !slices.Equal(list, c.note.Missing) || !slices.Equal(harms, c.note.Damaged) || c.note.Copied > 0 {
		n := c.note
		n.Size, n.Root, n.Copied, n.Missing, n.Damaged = 0, "", 0, list, harms
		if c.note, c.noteTag, err = c.write(ctx, c.note, c.noteTag, n); err != nil {
			return err
		}
	}
	if len(c.note.Missing) == 0 && len(c.found.there) == 0 {
		c.a.copiedTo(c.to.Size)
	}
	return nil
}
