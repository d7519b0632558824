// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"sync"

	"onrecord"
	"onrecord/archive/ledger"
)

// bundleWidth is how many leaves an entry bundle holds (C2SP tlog-tiles).
const bundleWidth = 256

// A visitLeaves is the leaves of one visit, from index on. It is partial where
// leaves beside it could not be read.
type visitLeaves struct {
	index   int64
	leaves  []ledger.Leaf
	partial bool
}

// inPart reports whether what is named so belongs to this part: by a hash of
// the name, so that it stays there while the archive grows.
func (v *verification) inPart(name string) bool {
	if v.o.Parts == 1 {
		return true
	}
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:])%uint64(v.o.Parts) == uint64(v.o.Part-1)
}

// ownsBundle reports whether a full entry bundle, the hash tile above it, and
// the visits that begin in it belong to this part. A share of the visits that
// were chosen one by one would have every part read all bundles.
func (v *verification) ownsBundle(n int64) bool {
	return v.inPart(ledger.TileFolder + "entries/" + strconv.FormatInt(n, 10))
}

// visits verifies the tiles, and hands the visits whose leaves they hold, and
// those of the batch, to workers that check them.
func (v *verification) visits(ctx context.Context, size int64, batch []ledger.Leaf) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan visitLeaves)
	var wg sync.WaitGroup
	for range v.o.Workers {
		wg.Go(func() {
			for job := range jobs {
				if err := v.visit(ctx, job); err != nil {
					cancel(err)
				}
			}
		})
	}
	g := &grouper{v: v, ctx: ctx, size: size, jobs: jobs, seen: map[onrecord.VisitID]bool{}}
	err := v.tiles(ctx, g)
	if err == nil && len(batch) > 0 {
		err = g.take(v.tree.Size, batch, true)
	}
	if err == nil {
		err = g.flush()
	}
	close(jobs)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// tiles verifies the published tree and hands its leaves to g.
func (v *verification) tiles(ctx context.Context, g *grouper) error {
	for p, err := range v.a.ledger.VerifyLeaves(ctx, v.tree, g.wants, g.take) {
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return outOfReach(err)
		}
		if v.flooded() {
			return errFlood
		}
		kind := KindTile
		switch p.Key {
		case ledger.CheckpointKey:
			kind = KindCheckpoint
		case ledger.HeadKey:
			kind = KindHead
		}
		v.find(Finding{Kind: kind, Object: p.Key, Offset: -1, Index: -1, Reason: p.Reason})
	}
	return nil
}

// stale verifies the partial tiles that are left of smaller trees. From outside
// nothing can be listed.
func (v *verification) stale(ctx context.Context, _ int64) error {
	if v.o.Outside {
		return nil
	}
	named := map[string]bool{}
	for _, s := range v.suspects {
		named[s.Object] = true
	}
	for p, err := range v.a.ledger.VerifyStale(ctx, v.tree, v.inPart, func(key string) bool { return named[key] }) {
		if err != nil {
			return outOfReach(err)
		}
		v.find(Finding{Kind: KindTile, Object: p.Key, Offset: -1, Index: -1, Reason: p.Reason})
	}
	return nil
}

// A grouper gathers the leaves of each visit.
type grouper struct {
	v    *verification
	ctx  context.Context
	size int64
	jobs chan<- visitLeaves
	seen map[onrecord.VisitID]bool

	job  visitLeaves // being gathered
	next int64       // index of the leaf that follows what was taken
}

// wants reports whether a full bundle is to be read: it is of this part, or the
// visit at hand may go on in it, or its last leaf tells whether a visit begins
// with the next, which is of this part.
func (g *grouper) wants(n int64) bool {
	return g.v.ownsBundle(n) || g.v.ownsBundle(n+1) || len(g.job.leaves) > 0 && g.mine()
}

// mine reports whether the visit at hand belongs to this part.
func (g *grouper) mine() bool { return g.v.ownsBundle(g.job.index / bundleWidth) }

// take gathers the leaves from index at on. Unknown ones end the visit before
// them; visits beside them are checked as far as they are known.
func (g *grouper) take(at int64, leaves []ledger.Leaf, known bool) error {
	if at != g.next || !known {
		g.job.partial = true
		if err := g.flush(); err != nil {
			return err
		}
		g.job.partial = true
	}
	for i, leaf := range leaves {
		if !known {
			break
		}
		if n := len(g.job.leaves); n == 0 {
			g.job.index = at + int64(i)
		} else if g.job.leaves[n-1].Visit != leaf.Visit {
			if err := g.flush(); err != nil {
				return err
			}
			g.job.index = at + int64(i)
		}
		g.job.leaves = append(g.job.leaves, leaf)
	}
	g.next = at + int64(len(leaves))
	if g.v.o.Progress != nil {
		g.v.o.Progress(g.next, g.size)
	}
	return g.ctx.Err()
}

// flush sends the visit at hand, if it is of this part.
func (g *grouper) flush() error {
	job := g.job
	g.job = visitLeaves{}
	if len(job.leaves) == 0 || !g.v.ownsBundle(job.index/bundleWidth) {
		return nil
	}
	id := job.leaves[0].Visit
	if g.seen[id] && !job.partial {
		g.v.find(Finding{Kind: KindJournal, Object: journalKey(id), Offset: -1, Index: job.index, Reason: "the visit is in the ledger twice"})
	}
	g.seen[id] = true
	select {
	case g.jobs <- job:
		return nil
	case <-g.ctx.Done():
		return context.Cause(g.ctx)
	}
}
