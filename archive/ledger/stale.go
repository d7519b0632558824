// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// A tileName is what a key of TileFolder says.
type tileName struct {
	level int // entries for an entry bundle
	n     int64
	w     int
}

func (t tileName) key() string { return tileKey(t.level, t.n, t.w) }

// stale returns the tile that has taken the place of a partial one in a tree of
// size; ok is false for a full one, for the one of that tree, and for one that
// reaches beyond it.
func (t tileName) stale(size int64) (now tileName, ok bool) {
	now = tileName{t.level, t.n, widthAt(size, max(t.level, 0), t.n)}
	return now, t.w < now.w
}

// Stale returns the key of the tile that has taken the place of the partial one
// under key in a tree of size; ok is false where none has.
func Stale(key string, size int64) (now string, ok bool) {
	t, ok := parseTile(key)
	if !ok {
		return "", false
	}
	next, ok := t.stale(size)
	return next.key(), ok
}

// VerifyStale yields what does not fit of the partial tiles and bundles that are
// left of smaller trees than t: they must be the beginnings of those of t. Nothing
// here reads them, but who has an older checkpoint does. Of those that lie below
// a folder only those are read for which part is true; it is nil for all. Tiles
// of t that are damaged themselves, by wrong, tell nothing. An error comes alone
// and ends the sequence.
func (l *Ledger) VerifyStale(ctx context.Context, t Tree, part func(folder string) bool, wrong func(key string) bool) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		var whole tileName // the last one that was read
		var want []byte
		for info, err := range l.b.List(ctx, TileFolder, "") {
			if err != nil {
				yield(Problem{}, fmt.Errorf("ledger: list %s: %w", TileFolder, err))
				return
			}
			name, ok := parseTile(info.Key)
			now, old := name.stale(t.Size)
			folder, _, _ := strings.Cut(info.Key, ".p/")
			if !ok || !old || part != nil && !part(folder) || wrong(now.key()) {
				continue
			}
			if now != whole {
				whole, want, err = now, nil, nil
				if want, err = l.readWide(ctx, now.level, now.n, now.w, now.row()); err != nil && !isBroken(err) {
					yield(Problem{}, fmt.Errorf("ledger: %w", err))
					return
				}
			}
			if want == nil {
				continue // gone since it was verified, which is told by the next run
			}
			got, err := bucket.ReadAll(ctx, l.b, info.Key, maxBundle)
			switch {
			case errors.Is(err, bucket.ErrNotExist): // tidied up meanwhile
			case err != nil && !errors.Is(err, bucket.ErrTooLarge):
				yield(Problem{}, fmt.Errorf("ledger: %w", err))
				return
			case !bytes.Equal(got, want[:name.w*name.row()]):
				if !yield(Problem{Key: info.Key, Reason: "it is left of a smaller tree, and not the beginning of " + now.key()}, nil) {
					return
				}
			}
		}
	}
}

// row is the size of one hash or entry.
func (t tileName) row() int {
	if t.level == entries {
		return 2 + LeafSize
	}
	return tlog.HashSize
}

// isBroken reports whether err is of what lies in the bucket.
func isBroken(err error) bool {
	return errors.Is(err, bucket.ErrNotExist) || errors.Is(err, ErrTampered)
}
