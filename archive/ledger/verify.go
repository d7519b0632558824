// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"onrecord/archive/bucket"
)

// A Problem is one finding of Verify.
type Problem struct {
	Key    string // of the object or register that is wrong
	Reason string
}

// Verify reads every entry bundle and every tile of the published tree t and
// yields what does not fit, all of it. It makes the tree anew from the entry
// bundles and compares it with each tile and with the root; where a bundle or
// tile and what lies below it disagree, the hash above says which is wrong. An
// error (the bucket can't be read) comes alone and ends the sequence.
func (l *Ledger) Verify(ctx context.Context, t Tree) iter.Seq2[Problem, error] {
	return l.VerifyLeaves(ctx, t, nil, func(int64, []Leaf, bool) error { return nil })
}

// VerifyLeaves is Verify, and hands out the leaves of each entry bundle, in
// order, from index at on, once nothing but what lies above it in the tree is
// left to be checked. A lost or damaged hash tile does not keep them back. known
// is false where the bundle itself is lost or wrong: what the leaves are can't
// be told, and they count only. An error of leaves ends the sequence.
//
// Where part is not nil only those full bundles are read of which it is true,
// and the hash tiles above all of them. It is asked in order, each time after
// the leaves before were handed out.
func (l *Ledger) VerifyLeaves(ctx context.Context, t Tree, part func(bundle int64) bool, leaves func(at int64, list []Leaf, known bool) error) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		v := &verifier{ctx: ctx, l: l, tree: t, part: part, leaves: leaves, yield: yield, parents: map[int]parent{}}
		err := v.run()
		if err == nil {
			err = v.keys()
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Problem{}, fmt.Errorf("ledger: verify size %d: %w", t.Size, err))
		}
	}
}

// A row is the hashes of one tile, as far as they are known. An unknown one
// lies above bytes that are all missing.
type row struct {
	hashes  []tlog.Hash
	unknown []bool
}

func (r *row) push(h tlog.Hash, unknown bool) {
	r.hashes = append(r.hashes, h)
	r.unknown = append(r.unknown, unknown)
}

// A doubt is a tile of the right edge that differs from what lies below it: no
// hash above it decides, only the root does.
type doubt struct {
	level   int
	stored  row
	ifTile  []Problem // if the stored tile is wrong
	ifBelow []Problem // if what lies below it is
}

// A parent is the stored tile above those that are being checked.
type parent struct {
	n    int64
	data []byte
}

type verifier struct {
	ctx     context.Context
	l       *Ledger
	tree    Tree
	part    func(bundle int64) bool
	leaves  func(at int64, list []Leaf, known bool) error
	wrong   bool // the bundle at hand is not that of the tree, or it can't be told
	yield   func(Problem, error) bool
	rows    []row // the tile of each level that is being filled
	counts  []int64
	doubts  []doubt
	parents map[int]parent // by level, the last one read
}

func (v *verifier) report(ps ...Problem) error {
	for _, p := range ps {
		if !v.yield(p, nil) {
			return errStop
		}
	}
	return nil
}

func (v *verifier) run() error {
	var last []Leaf // of the right edge: only the root can tell whether it is right
	for n := int64(0); ; n++ {
		w := widthAt(v.tree.Size, 0, n)
		if w == 0 {
			break
		}
		if err := v.ctx.Err(); err != nil {
			return err
		}
		if w == tileWidth && v.part != nil && !v.part(n) {
			if err := v.pass(0, n, tlog.Hash{}, true); err != nil {
				return err
			}
			continue
		}
		leaves, below, bundleProblem, err := v.bundle(n, w)
		if err != nil {
			return err
		}
		v.wrong = bundleProblem != nil
		if err := v.tile(0, n, below, bundleProblem); err != nil {
			return err
		}
		if last = leaves; w == tileWidth {
			if err := v.leaves(n*tileWidth, leaves, !v.wrong); err != nil {
				return err
			}
		}
	}
	for level := 1; level < len(v.rows); level++ {
		if len(v.rows[level].hashes) > 0 {
			if err := v.tile(level, v.counts[level], v.rows[level], nil); err != nil {
				return err
			}
		}
	}
	if err := v.root(); err != nil || v.tree.Size%tileWidth == 0 {
		return err
	}
	return v.leaves(v.tree.Size/tileWidth*tileWidth, last, !v.wrong)
}

// bundle returns the n-th entry bundle and its hashes; where it can't be read
// as a bundle, all unknown and the problem.
func (v *verifier) bundle(n int64, w int) ([]Leaf, row, *Problem, error) {
	leaves, err := v.l.readBundle(v.ctx, n, w)
	var r row
	if err != nil {
		p, err := v.problem(tileKey(entries, n, w), err)
		for range w {
			r.push(tlog.Hash{}, true)
		}
		return make([]Leaf, w), r, p, err
	}
	for _, leaf := range leaves {
		r.push(leaf.treeHash(), false)
	}
	return leaves, r, nil, nil
}

// problem tells apart what is wrong in the bucket from a bucket that can't be
// read.
func (v *verifier) problem(key string, err error) (*Problem, error) {
	switch {
	case errors.Is(err, bucket.ErrNotExist):
		return &Problem{Key: key, Reason: "is missing"}, nil
	case errors.Is(err, ErrTampered):
		return &Problem{Key: key, Reason: err.Error()}, nil
	}
	return nil, err
}

// tile compares the n-th tile of a level with what lies below it. found is the
// problem of what lies below, where it is known already.
func (v *verifier) tile(level int, n int64, below row, found *Problem) error {
	w := len(below.hashes)
	key := tileKey(level, n, w)
	if found != nil {
		if err := v.report(*found); err != nil {
			return err
		}
	}
	data, err := v.l.readWide(v.ctx, level, n, w, tlog.HashSize)
	if err != nil {
		p, err := v.problem(key, err)
		if err != nil {
			return err
		}
		if err := v.report(*p); err != nil {
			return err
		}
		return v.adopt(level, n, below)
	}
	var stored row
	var wrong []int
	for i := range w {
		stored.push(tlog.Hash(data[i*tlog.HashSize:]), false)
		if below.unknown[i] {
			below.hashes[i], below.unknown[i] = stored.hashes[i], false
		} else if below.hashes[i] != stored.hashes[i] {
			wrong = append(wrong, i)
		}
	}
	if len(wrong) == 0 {
		return v.adopt(level, n, below)
	}
	return v.decide(doubt{
		level: level, stored: stored,
		ifTile:  []Problem{{Key: key, Reason: fmt.Sprintf("hash %d does not follow from what lies below it", wrong[0])}},
		ifBelow: v.blameBelow(level, n, w, wrong),
	}, n, below)
}

// blameBelow returns the problems if the stored tile is right where it differs
// from what lies below.
func (v *verifier) blameBelow(level int, n int64, w int, wrong []int) []Problem {
	key := tileKey(level, n, w)
	if level == 0 {
		return []Problem{{Key: tileKey(entries, n, w), Reason: fmt.Sprintf("entry %d is not the leaf of the tree (%s)", wrong[0], key)}}
	}
	var ps []Problem
	for _, i := range wrong {
		child := n*tileWidth + int64(i)
		ps = append(ps, Problem{
			Key:    tileKey(level-1, child, tileWidth),
			Reason: fmt.Sprintf("it and what lies below it are not what hash %d of %s commits to", i, key),
		})
	}
	return ps
}

// decide finds out which is wrong, the stored tile or what lies below it: by
// the hash above a full tile, by the root for one of the right edge.
func (v *verifier) decide(d doubt, n int64, below row) error {
	if len(below.hashes) < tileWidth {
		v.doubts = append(v.doubts, d)
		return v.adopt(d.level, n, below)
	}
	above, ok, err := v.above(d.level, n)
	if err != nil {
		return err
	}
	storedRight := ok && fold(d.stored.hashes) == above
	belowRight := ok && fold(below.hashes) == above
	adopted, ps := below, d.ifTile
	switch {
	case storedRight:
		adopted, ps = d.stored, d.ifBelow
	case !belowRight && d.level == 0:
		ps = slices.Concat(d.ifTile, d.ifBelow)
	}
	v.wrong = v.wrong || d.level == 0 && !belowRight
	if err := v.report(ps...); err != nil {
		return err
	}
	return v.adopt(d.level, n, adopted)
}

// above returns the hash that the stored parent has for a full tile.
func (v *verifier) above(level int, n int64) (tlog.Hash, bool, error) {
	p, ok := v.parents[level]
	if !ok || p.n != n/tileWidth {
		w := widthAt(v.tree.Size, level+1, n/tileWidth)
		data, err := v.l.readWide(v.ctx, level+1, n/tileWidth, w, tlog.HashSize)
		if err != nil {
			_, err = v.problem("", err)
			return tlog.Hash{}, false, err
		}
		p = parent{n: n / tileWidth, data: data}
		v.parents[level] = p
	}
	return tlog.Hash(p.data[n%tileWidth*tlog.HashSize:]), true, nil
}

// adopt takes r for the hashes of the n-th tile of a level, and hands the hash
// of a full tile to the level above.
func (v *verifier) adopt(level int, n int64, r row) error {
	if len(r.hashes) < tileWidth {
		v.grow(level)
		v.rows[level] = r
		return nil
	}
	return v.pass(level, n, fold(r.hashes), slices.Contains(r.unknown, true))
}

// grow makes room for a level and the one above.
func (v *verifier) grow(level int) {
	for len(v.rows) < level+2 {
		v.rows = append(v.rows, row{})
		v.counts = append(v.counts, 0)
	}
}

// pass hands the hash of the n-th tile of a level, a full one, to the level
// above.
func (v *verifier) pass(level int, n int64, h tlog.Hash, unknown bool) error {
	v.grow(level)
	v.rows[level] = row{}
	v.counts[level] = n + 1
	v.rows[level+1].push(h, unknown)
	if next := v.rows[level+1]; len(next.hashes) == tileWidth {
		return v.tile(level+1, v.counts[level+1], next, nil)
	}
	return nil
}

// fold returns the root of a perfect subtree: of 2^k hashes.
func fold(hashes []tlog.Hash) tlog.Hash {
	hashes = slices.Clone(hashes)
	for len(hashes) > 1 {
		for i := range len(hashes) / 2 {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
		hashes = hashes[:len(hashes)/2]
	}
	return hashes[0]
}

// root compares the root, and settles the doubts of the right edge by trying
// which side of each leads to it. There is at most one doubt a level, so at
// most 2^8 ways.
func (v *verifier) root() error {
	for choice := range 1 << len(v.doubts) {
		rows := slices.Clone(v.rows)
		var ps []Problem
		for i, d := range v.doubts {
			if choice>>i&1 == 1 {
				rows[d.level] = d.stored
				ps = append(ps, d.ifBelow...)
			} else {
				ps = append(ps, d.ifTile...)
			}
		}
		if rootOfRows(rows) == v.tree.Root {
			v.wrong = v.wrong || len(v.doubts) > 0 && v.doubts[0].level == 0 && choice&1 == 1
			return v.report(ps...)
		}
	}
	for _, d := range v.doubts {
		v.wrong = v.wrong || d.level == 0
		if err := v.report(slices.Concat(d.ifTile, d.ifBelow)...); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(v.rows, func(r row) bool { return slices.Contains(r.unknown, true) }) {
		return nil // what is missing has been reported; no root follows without it
	}
	got := rootOfRows(v.rows)
	return v.report(Problem{
		Key:    CheckpointKey,
		Reason: fmt.Sprintf("the root at size %d is %x, the tiles lead to %x", v.tree.Size, v.tree.Root, got),
	})
}

// rootOfRows returns the root of a tree whose right edge is in the partial
// tiles of each level.
func rootOfRows(rows []row) [32]byte {
	var edge [][32]byte
	for _, r := range slices.Backward(rows) {
		for hashes := r.hashes; len(hashes) > 0; {
			w := 1
			for 2*w <= len(hashes) {
				w *= 2
			}
			edge = append(edge, fold(hashes[:w]))
			hashes = hashes[w:]
		}
	}
	return rootOf(edge)
}
