// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// Tiles are 8 levels high, 256 hashes wide (C2SP tlog-tiles).
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// entries is the level in keys of entry bundles.
const entries = -1

// tileKey returns the key of the n-th tile of a level, with w hashes or
// entries. C2SP's paths are those of x/mod without the height.
func tileKey(level int, n int64, w int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if w < tileWidth {
		name = fmt.Sprintf("%s.p/%d", name, w)
	}
	if level == entries {
		return TileFolder + "entries/" + name
	}
	return fmt.Sprintf("%s%d/%s", TileFolder, level, name)
}

// widthAt returns the width of the n-th tile of a level (0 also for bundles)
// in a tree of size; 0 if there is none.
func widthAt(size int64, level int, n int64) int {
	return int(min(max(size>>(tileHeight*level)-n*tileWidth, 0), tileWidth))
}

// maxBundle bounds an entry bundle, in bytes.
const maxBundle = tileWidth * (2 + LeafSize)

// readWide reads a tile or bundle of w rows of rowSize bytes. A partial one
// may have been replaced by the full one, whose beginning it is. What is there
// but has another length is ErrTampered.
func (l *Ledger) readWide(ctx context.Context, level int, n int64, w, rowSize int) ([]byte, error) {
	key, rows := tileKey(level, n, w), w
	data, err := bucket.ReadAll(ctx, l.b, key, maxBundle)
	if errors.Is(err, bucket.ErrNotExist) && w < tileWidth {
		full := tileKey(level, n, tileWidth)
		if whole, fullErr := bucket.ReadAll(ctx, l.b, full, maxBundle); !errors.Is(fullErr, bucket.ErrNotExist) {
			key, rows, data, err = full, tileWidth, whole, fullErr
		}
	}
	if errors.Is(err, bucket.ErrTooLarge) {
		return nil, fmt.Errorf("%w: %w", err, ErrTampered)
	}
	if err != nil {
		return nil, err
	}
	if len(data) != rows*rowSize {
		return nil, fmt.Errorf("%s has %d bytes, should have %d: %w", key, len(data), rows*rowSize, ErrTampered)
	}
	return data[:w*rowSize], nil
}

// readBundle reads the leaves of the n-th entry bundle of width w. They are
// not yet checked against any tree.
func (l *Ledger) readBundle(ctx context.Context, n int64, w int) ([]Leaf, error) {
	data, err := l.readWide(ctx, entries, n, w, 2+LeafSize)
	if err != nil {
		return nil, err
	}
	leaves := make([]Leaf, w)
	for i := range leaves {
		row := data[i*(2+LeafSize):][:2+LeafSize]
		if binary.BigEndian.Uint16(row) != LeafSize {
			return nil, fmt.Errorf("%s: entry %d does not have %d bytes: %w", tileKey(entries, n, w), i, LeafSize, ErrTampered)
		}
		leaves[i] = LeafFrom([LeafSize]byte(row[2:]))
	}
	return leaves, nil
}

// bundle returns the entry bundle of leaves: each with its length before it.
func bundle(leaves []Leaf) []byte {
	data := make([]byte, 0, len(leaves)*(2+LeafSize))
	for _, leaf := range leaves {
		b := leaf.Bytes()
		data = append(binary.BigEndian.AppendUint16(data, LeafSize), b[:]...)
	}
	return data
}

// A reader reads the hashes and leaves of one tree from tiles, each proven to
// belong to it. It is used by one goroutine.
type reader struct {
	ctx    context.Context
	l      *Ledger
	tree   Tree
	proven tlog.HashReader
	saved  map[tlog.Tile][]byte // proven tiles, at most maxSaved
	asked  []tlog.Tile          // of the call that runs, to name suspects
	err    error                // why a tile could not be read
}

// maxSaved bounds a reader's memory: 64 tiles are 512 KiB.
const maxSaved = 64

func (l *Ledger) reader(ctx context.Context, t Tree) *reader {
	r := &reader{ctx: ctx, l: l, tree: t, saved: map[tlog.Tile][]byte{}}
	r.proven = tlog.TileHashReader(tlog.Tree{N: t.Size, Hash: t.Root}, r)
	return r
}

// ReadHashes implements tlog.HashReader. ErrTampered names the tiles among
// which a wrong one is.
func (r *reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	if r.tree.Size == 0 {
		return nil, fmt.Errorf("a hash of the empty tree: %w", ErrIndex)
	}
	r.asked, r.err = r.asked[:0], nil
	hashes, err := r.proven.ReadHashes(indexes)
	switch {
	case err == nil:
		return hashes, nil
	case r.err != nil:
		return nil, r.err
	}
	var suspects []string
	for _, t := range r.asked {
		suspects = append(suspects, tileKey(t.L, t.N, t.W))
	}
	return nil, fmt.Errorf("tree of size %d: one of %s: %w (%w)", r.tree.Size, strings.Join(suspects, " "), ErrTampered, err)
}

// Height implements tlog.TileReader.
func (r *reader) Height() int { return tileHeight }

// ReadTiles implements tlog.TileReader.
func (r *reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		if saved, ok := r.saved[t]; ok {
			data[i] = saved
			continue
		}
		r.asked = append(r.asked, t)
		if data[i], r.err = r.l.readWide(r.ctx, t.L, t.N, t.W, tlog.HashSize); r.err != nil {
			return nil, r.err
		}
	}
	return data, nil
}

// SaveTiles implements tlog.TileReader.
func (r *reader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	if len(r.saved)+len(tiles) > maxSaved {
		clear(r.saved)
	}
	for i, t := range tiles {
		r.saved[t] = data[i]
	}
}

// leaves returns the leaves of the n-th bundle, proven.
func (r *reader) leaves(n int64) ([]Leaf, error) {
	w := widthAt(r.tree.Size, 0, n)
	leaves, err := r.l.readBundle(r.ctx, n, w)
	if err != nil {
		return nil, err
	}
	// Asking for one hash proves the whole tile; asking for each would prove
	// the right edge of the tree 256 times.
	if _, err := r.ReadHashes([]int64{tlog.StoredHashIndex(0, n*tileWidth)}); err != nil {
		return nil, err
	}
	tile, ok := r.saved[tlog.Tile{H: tileHeight, L: 0, N: n, W: w}]
	if !ok {
		return nil, fmt.Errorf("%s was not proven", tileKey(0, n, w))
	}
	for i, leaf := range leaves {
		if leaf.treeHash() != tlog.Hash(tile[i*tlog.HashSize:]) {
			return nil, fmt.Errorf("%s: entry %d is not the leaf of the tree: %w", tileKey(entries, n, w), i, ErrTampered)
		}
	}
	return leaves, nil
}
