// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// What lies in the bucket beyond the checkpoint follows from nothing that was
// signed: it is of an end of the ledger that was lost, or was put there. It is
// set aside where it is in the way.

// endOf returns how many leaves a tile or bundle reaches, by its key; ok is false
// for a key that tileKey does not make.
func endOf(key string) (leaves int64, ok bool) {
	t, ok := parseTile(key)
	return reach(max(t.level, 0), t.n, t.w), ok
}

// IsTile reports whether key is that of a tile or of an entry bundle.
func IsTile(key string) bool {
	_, ok := parseTile(key)
	return ok
}

// parseTile is the inverse of tileKey; ok is false for a key that it does not make.
func parseTile(key string) (t tileName, ok bool) {
	rest, ok := strings.CutPrefix(key, TileFolder)
	name, path, _ := strings.Cut(rest, "/")
	level, err := strconv.Atoi(name)
	if name == "entries" {
		level, err = entries, nil
	}
	if !ok || err != nil || level < entries || level > 7 {
		return tileName{}, false
	}
	w := tileWidth
	path, width, partial := strings.Cut(path, ".p/")
	if partial {
		if w, err = strconv.Atoi(width); err != nil || w < 1 || w >= tileWidth {
			return tileName{}, false
		}
	}
	n, err := strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(path), 10, 64)
	if err != nil || n < 0 || n > 1<<40 || tileKey(level, n, w) != key {
		return tileName{}, false
	}
	return tileName{level, n, w}, true
}

// reach returns how many leaves the n-th tile of a level reaches with width w.
func reach(level int, n int64, w int) int64 {
	return (n*tileWidth + int64(w)) << (tileHeight * level)
}

// setAside moves away what lies under key.
func (l *Ledger) setAside(ctx context.Context, key string) error {
	r, ok := l.b.(bucket.Repairer)
	if !ok {
		return fmt.Errorf("%s is of no tree that was signed, and the store can't set it aside: %w", key, ErrTampered)
	}
	o, err := l.b.Open(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, o); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", key, err), o.Close())
	}
	if err := o.Close(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if err := r.SetAside(ctx, key, [32]byte(sum.Sum(nil))); err != nil {
		return fmt.Errorf("set aside %s, which is of no tree that was signed: %w", key, err)
	}
	return nil
}

// setAsideBeyond moves away all tiles and changes of the key that reach beyond
// at, which is published: what a restart has lost. The partial tiles of at come
// first: those that were filled up since may be gone.
func (l *Ledger) setAsideBeyond(ctx context.Context, at Head) error {
	if err := l.writeEdge(ctx, at.Tree); err != nil {
		return err
	}
	var beyond []string
	for info, err := range l.b.List(ctx, TileFolder, "") {
		if err != nil {
			return err
		}
		if end, ok := endOf(info.Key); ok && end > at.Size {
			beyond = append(beyond, info.Key)
		}
	}
	for info, err := range l.b.List(ctx, KeysFolder, "") {
		if err != nil {
			return err
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(info.Key, KeysFolder)); err == nil && n > len(at.Keys) {
			beyond = append(beyond, info.Key)
		}
	}
	for _, key := range beyond {
		if err := l.setAside(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// writeEdge writes the partial tiles of t that are not there: a full one may
// have taken their place, whose beginning they are.
func (l *Ledger) writeEdge(ctx context.Context, t Tree) error {
	r := l.reader(ctx, t)
	for _, tile := range slices.Backward(tlog.NewTiles(tileHeight, 0, t.Size)) {
		if tile.W == tileWidth {
			continue
		}
		data, err := r.tile(tile.L, tile.N)
		if err == nil {
			err = l.put(ctx, tileKey(tile.L, tile.N, tile.W), data)
		}
		if err == nil && tile.L == 0 {
			var leaves []Leaf
			if leaves, err = r.leaves(tile.N); err == nil {
				err = l.put(ctx, tileKey(entries, tile.N, tile.W), bundle(leaves))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putBehind is put of an object that follows from h and, where it is fresh, from
// no tree that was signed: other bytes there are then set aside, once it is
// proven that h extends everything that is known.
func (l *Ledger) putBehind(ctx context.Context, published Tree, h Head, fresh bool, key string, data []byte) error {
	err := l.put(ctx, key, data)
	if !fresh || !errors.Is(err, ErrTampered) {
		return err
	}
	r, ringErr := l.ringOf(h)
	if ringErr != nil {
		return ringErr
	}
	mark, markErr := l.marked(published, r)
	if markErr == nil {
		markErr = l.extendsAll(ctx, published, mark, h, r)
	}
	if markErr != nil {
		return errors.Join(err, markErr)
	}
	if err := l.setAside(ctx, key); err != nil && !errors.Is(err, bucket.ErrNotExist) {
		return err
	}
	return l.put(ctx, key, data)
}
