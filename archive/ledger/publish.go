// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// Publish writes the entry bundles and hash tiles of h's batch, then the
// checkpoint of h, and then removes the partial tiles that full ones have
// replaced (those it can't remove are left to Tidy). It is idempotent, also
// restores lost tiles of the batch, and never replaces a checkpoint by a
// smaller one.
func (l *Ledger) Publish(ctx context.Context, h Head) error {
	if err := l.publish(ctx, h); err != nil {
		return fmt.Errorf("ledger: publish size %d: %w", h.Size, err)
	}
	return nil
}

func (l *Ledger) publish(ctx context.Context, h Head) error {
	if l.o.Signer == nil {
		return ErrReadOnly
	}
	if err := h.check(); err != nil {
		return err
	}
	for {
		c, tag, err := l.checkpoint(ctx)
		switch {
		case err != nil:
			return err
		case c.Size > h.Size:
			return l.extends(ctx, h.Tree, c.Tree)
		}
		// A checkpoint that moves meanwhile only grows, so this ends.
		err = l.publishAfter(ctx, c, tag, h)
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
	}
}

// publishAfter publishes h, where c is the checkpoint, with its tag.
func (l *Ledger) publishAfter(ctx context.Context, c Checkpoint, tag bucket.Tag, h Head) error {
	if err := l.extendedBy(ctx, c.Tree, h); err != nil {
		return fmt.Errorf("published checkpoint: %w", err)
	}
	if err := l.writeTiles(ctx, c.Tree, h); err != nil {
		return err
	}
	if c.Size < h.Size {
		if err := l.writeKeys(ctx, c.Tree, h); err != nil {
			return err
		}
		text, err := l.signOnce(ctx, c.Tree, h)
		if err != nil {
			return err
		}
		if _, err := l.b.Swap(ctx, CheckpointKey, bucket.Matches(tag), text); err != nil {
			return err
		}
		if l.o.Published != nil {
			l.o.Published(Checkpoint{Tree: h.Tree, Note: text})
		}
	}
	l.tidy(ctx, h)
	return nil
}

// signOnce moves the mark to h, durably, and only then signs its checkpoint.
func (l *Ledger) signOnce(ctx context.Context, published Tree, h Head) (text []byte, err error) {
	r, err := l.ringOf(h)
	if err != nil {
		return nil, err
	}
	signer, err := l.signer(r.InForce())
	if err != nil {
		return nil, err
	}
	release, err := l.lockMark(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	mark, err := l.marked(published, r)
	if err != nil {
		return nil, err
	}
	err = l.extendsAll(ctx, published, mark, h, r)
	if errors.Is(err, ErrRolledBack) {
		// Another process with this mark may have published more.
		if c, _, loadErr := l.checkpoint(ctx); loadErr == nil && c.Size > published.Size {
			return nil, fmt.Errorf("%s: %w", CheckpointKey, bucket.ErrConflict)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := l.writeMark(signer.Name(), h.Tree); err != nil {
		return nil, err
	}
	return l.sign(h.Tree, signer)
}

// An overlay reads the hashes of a head before its tiles are there: those that
// the batch makes, the right edge of the base, and the rest from the tiles of
// the base.
type overlay struct {
	made map[int64]tlog.Hash
	base *reader
}

// ReadHashes implements tlog.HashReader.
func (o overlay) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	var missing []int64
	for i, x := range indexes {
		h, ok := o.made[x]
		if hashes[i] = h; !ok {
			missing = append(missing, x)
		}
	}
	read, err := o.base.ReadHashes(missing)
	if err != nil {
		return nil, err
	}
	for i, x := range indexes {
		if _, ok := o.made[x]; !ok {
			hashes[i], read = read[0], read[1:]
		}
	}
	return hashes, nil
}

func (l *Ledger) overlay(ctx context.Context, h Head) (overlay, error) {
	o := overlay{made: map[int64]tlog.Hash{}, base: l.reader(ctx, h.base())}
	from, at, edge := h.From(), int64(0), h.Base
	for level := 62; level >= 0; level-- {
		if from>>level&1 == 1 {
			o.made[tlog.StoredHashIndex(level, at>>level)] = edge[0]
			at += 1 << level
			edge = edge[1:]
		}
	}
	for i, leaf := range h.Batch {
		n := from + int64(i)
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf.treeHash(), o)
		if err != nil {
			return overlay{}, err
		}
		first := tlog.StoredHashIndex(0, n)
		for k, hash := range hashes {
			o.made[first+int64(k)] = hash
		}
	}
	return o, nil
}

// writeTiles writes what follows from h's batch: entry bundles, then tiles.
func (l *Ledger) writeTiles(ctx context.Context, published Tree, h Head) error {
	if len(h.Batch) == 0 {
		return nil
	}
	o, err := l.overlay(ctx, h)
	if err != nil {
		return err
	}
	tiles := tlog.NewTiles(tileHeight, h.From(), h.Size)
	for _, t := range tiles {
		if t.L > 0 {
			continue
		}
		leaves, err := l.leavesOf(t, h, o.base)
		if err != nil {
			return err
		}
		if err := l.putBehind(ctx, published, h, reach(0, t.N, t.W) > published.Size, tileKey(entries, t.N, t.W), bundle(leaves)); err != nil {
			return err
		}
	}
	for _, t := range tiles {
		data, err := tlog.ReadTileData(t, o)
		if err != nil {
			return err
		}
		if err := l.putBehind(ctx, published, h, reach(t.L, t.N, t.W) > published.Size, tileKey(t.L, t.N, t.W), data); err != nil {
			return err
		}
	}
	return nil
}

// leavesOf returns the leaves below a tile of level 0: from the bundle that
// was there before, and from the batch.
func (l *Ledger) leavesOf(t tlog.Tile, h Head, base *reader) ([]Leaf, error) {
	from, start := h.From(), t.N*tileWidth
	end := start + int64(t.W)
	var leaves []Leaf
	if start < from {
		old, err := base.leaves(t.N)
		if err != nil {
			return nil, err
		}
		leaves = old
		start = from
	}
	return append(leaves, h.Batch[start-from:end-from]...), nil
}

// put stores an immutable object. If the key is taken, the bytes there must be
// the same.
func (l *Ledger) put(ctx context.Context, key string, data []byte) error {
	err := l.b.Create(ctx, key, bucket.Bytes(data))
	if !errors.Is(err, bucket.ErrExists) {
		return err
	}
	there, err := bucket.ReadAll(ctx, l.b, key, maxBundle)
	if err != nil && !errors.Is(err, bucket.ErrTooLarge) {
		return err
	}
	if !bytes.Equal(there, data) {
		return fmt.Errorf("%s holds other bytes than follow from %s: %w", key, HeadKey, ErrTampered)
	}
	return nil
}

// tidy removes the partial tiles that the tiles of h have filled up. What it
// can't remove does no harm and is left to Tidy.
func (l *Ledger) tidy(ctx context.Context, h Head) {
	p, ok := l.b.(bucket.Pruner)
	if !ok {
		return
	}
	for _, t := range tlog.NewTiles(tileHeight, h.From(), h.Size) {
		begun := h.From()>>(tileHeight*t.L) > t.N*tileWidth
		if t.W < tileWidth || !begun {
			continue
		}
		_, _ = l.prune(ctx, p, tileKey(t.L, t.N, tileWidth))
		if t.L == 0 {
			_, _ = l.prune(ctx, p, tileKey(entries, t.N, tileWidth))
		}
	}
}

// prune removes the partial tiles of the full tile under key.
func (l *Ledger) prune(ctx context.Context, p bucket.Pruner, key string) (removed int, err error) {
	for info, err := range l.b.List(ctx, key+".p/", "") {
		if err != nil {
			return removed, err
		}
		if err := p.Prune(ctx, info.Key); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// Tidy looks at every tile and removes the partial ones whose full tile is
// there: what a crash after Publish left. A full one that the checkpoint does not
// reach replaces nothing. A bucket that can't prune keeps them.
func (l *Ledger) Tidy(ctx context.Context) (removed int, err error) {
	p, ok := l.b.(bucket.Pruner)
	if !ok {
		return 0, nil
	}
	c, _, err := l.checkpoint(ctx)
	if err != nil {
		return 0, fmt.Errorf("ledger: tidy: %w", err)
	}
	full := ""
	for info, err := range l.b.List(ctx, TileFolder, "") {
		if err != nil {
			return removed, fmt.Errorf("ledger: tidy: %w", err)
		}
		folder, _, partial := strings.Cut(info.Key, ".p/")
		switch {
		case !partial:
			full = "" // sorts directly before its partial tiles
			if end, ok := endOf(info.Key); ok && end <= c.Size {
				full = info.Key
			}
		case folder == full:
			if err := p.Prune(ctx, info.Key); err != nil {
				return removed, fmt.Errorf("ledger: tidy: %w", err)
			}
			removed++
		}
	}
	return removed, nil
}
