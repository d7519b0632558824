// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// On returns the same ledger, of the same origin and keys, as another bucket
// has it: a replica. It is open for reading.
func (l *Ledger) On(b bucket.Bucket) *Ledger {
	o := l.o
	o.Signer, o.Signers, o.Mark, o.Known, o.Trust, o.Published = nil, nil, "", nil, false, nil
	on := &Ledger{b: b, o: o, of: l.known}
	on.ring.Store(l.ring.Load())
	return on
}

// A Tile is a hash tile, an entry bundle or a change of the log key as it is
// stored.
type Tile struct {
	Key   string
	Bytes []byte
}

// TilesOf yields the entry bundles and hash tiles that the published tree t has
// and one of size from has not, each proven to belong to t: what a copy needs
// to go on from that size. A bundle comes before the tile above it, and the
// changes of the log key come last. An error comes alone and ends the sequence.
func (l *Ledger) TilesOf(ctx context.Context, t Tree, from int64) iter.Seq2[Tile, error] {
	return func(yield func(Tile, error) bool) {
		err := ErrIndex
		if from >= 0 && from <= t.Size {
			err = l.tilesOf(ctx, t, from, func(tile Tile) bool { return yield(tile, nil) })
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Tile{}, fmt.Errorf("ledger: tiles from %d to %d: %w", from, t.Size, err))
		}
	}
}

func (l *Ledger) tilesOf(ctx context.Context, t Tree, from int64, yield func(Tile) bool) error {
	r := l.reader(ctx, t)
	for _, tile := range tlog.NewTiles(tileHeight, from, t.Size) {
		if tile.L == 0 {
			leaves, err := r.leaves(tile.N)
			if err != nil {
				return err
			}
			if !yield(Tile{tileKey(entries, tile.N, tile.W), bundle(leaves)}) {
				return errStop
			}
		}
		data, err := r.tile(tile.L, tile.N)
		if err != nil {
			return err
		}
		if !yield(Tile{tileKey(tile.L, tile.N, tile.W), data}) {
			return errStop
		}
	}
	return l.keysOf(ctx, t, from, yield)
}

// tile returns the n-th tile of a level, proven.
func (r *reader) tile(level int, n int64) ([]byte, error) {
	w := widthAt(r.tree.Size, level, n)
	if _, err := r.ReadHashes([]int64{tlog.StoredHashIndex(level*tileHeight, n*tileWidth)}); err != nil {
		return nil, err
	}
	data, ok := r.saved[tlog.Tile{H: tileHeight, L: level, N: n, W: w}]
	if !ok {
		return nil, fmt.Errorf("%s was not proven", tileKey(level, n, w))
	}
	return data, nil
}

// TidyBetween removes the partial tiles that a tree of size to has filled up
// since it had size from, as Publish does. What it can't remove does no harm
// and is left to Tidy.
func (l *Ledger) TidyBetween(ctx context.Context, from, to int64) {
	p, ok := l.b.(bucket.Pruner)
	if !ok {
		return
	}
	for _, t := range tlog.NewTiles(tileHeight, from, to) {
		if t.W < tileWidth || from>>(tileHeight*t.L) <= t.N*tileWidth {
			continue
		}
		_, _ = l.prune(ctx, p, tileKey(t.L, t.N, tileWidth))
		if t.L == 0 {
			_, _ = l.prune(ctx, p, tileKey(entries, t.N, tileWidth))
		}
	}
}

// HeadOf returns the head of the published tree t, with no batch, and the body
// of log/head that says so: as a copy would have it, which keeps none.
func (l *Ledger) HeadOf(ctx context.Context, t Tree) (Head, []byte, error) {
	h, body, err := l.headOf(ctx, t)
	if err != nil {
		return Head{}, nil, fmt.Errorf("ledger: head of size %d: %w", t.Size, err)
	}
	return h, body, nil
}

func (l *Ledger) headOf(ctx context.Context, t Tree) (Head, []byte, error) {
	var at int64
	var indexes []int64
	for level := 62; level >= 0; level-- {
		if t.Size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
			at += 1 << level
		}
	}
	h := Head{Tree: t, N: uint64(t.Size) + 1} // a head grows by a leaf and more: none had a larger counter
	hashes, err := l.reader(ctx, t).ReadHashes(indexes)
	if err != nil {
		return Head{}, nil, err
	}
	for _, hash := range hashes {
		h.Edge = append(h.Edge, hash)
	}
	h.Base = h.Edge
	if h.Keys, err = l.rotationsUpTo(ctx, t.Size); err != nil {
		return Head{}, nil, err
	}
	if err := h.check(); err != nil {
		return Head{}, nil, err
	}
	body, err := l.encode(h)
	if err != nil {
		return Head{}, nil, err
	}
	h, err = decode(body)
	return h, body, err
}

// MakeHead writes the head of HeadOf where cond holds: for a copy that becomes
// the archive, and for a head that is lost. Leaves that were appended behind t
// and not published are not in it; whoever has them in a spool puts them back,
// and nobody appends to it unless it extends their high-water mark.
func (l *Ledger) MakeHead(ctx context.Context, t Tree, cond bucket.Condition) (Head, error) {
	h, body, err := l.HeadOf(ctx, t)
	if err != nil {
		return Head{}, err
	}
	if h.tag, err = l.b.Swap(ctx, HeadKey, cond, body); err != nil {
		return Head{}, fmt.Errorf("ledger: make the head of size %d: %w", t.Size, err)
	}
	return h, nil
}

// PutCheckpoint writes a checkpoint that was signed before, where cond holds:
// into a copy whose tiles are proven to lead to it. It checks the signature, and
// that the tree can be read to its first and to its last leaf.
func (l *Ledger) PutCheckpoint(ctx context.Context, text []byte, cond bucket.Condition) (Checkpoint, error) {
	c, err := l.parse(ctx, text)
	if err == nil && c.Size > 0 {
		r := l.reader(ctx, c.Tree)
		if _, err = r.leaves(0); err == nil {
			_, err = r.leaves((c.Size - 1) / tileWidth)
		}
	}
	if err == nil {
		_, err = l.b.Swap(ctx, CheckpointKey, cond, text)
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: put the checkpoint: %w", err)
	}
	return c, nil
}

// CheckpointTag loads the published checkpoint with the tag of its register.
func (l *Ledger) CheckpointTag(ctx context.Context) (Checkpoint, bucket.Tag, error) {
	c, tag, err := l.checkpoint(ctx)
	if err != nil {
		return Checkpoint{}, tag, fmt.Errorf("ledger: %w", err)
	}
	return c, tag, nil
}
