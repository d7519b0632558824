// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// A RepairFrom is a copy of the archive from which it may be repaired: a
// replica, a mirror, or another copy of the bucket.
type RepairFrom struct {
	Name   string // as messages name it
	Bucket bucket.Bucket
}

// A Mended is an object or register that was put right.
type Mended struct {
	Kind   string
	Object string // key
	From   string // name of the copy; empty where it follows from the ledger
	Aside  string // key under which the damaged bytes are; empty where there were none, or none to be kept

	Removed bool // it was taken away, since it is made again: a snapshot
}

// A Repaired says what Repair did.
type Repaired struct {
	Mended  []Mended
	Left    []Finding         // what no copy could put right, and why
	Unfit   map[string]string // copies that were not used, by name, and why
	Refused []string          // what the bucket would not take, though a good copy was there: key and reason
}

// A copyOf is a copy that may serve: its checkpoint is signed by the key of the
// archive.
type copyOf struct {
	name   string
	b      bucket.Bucket
	a      *Archive
	ledger *ledger.Ledger
	point  ledger.Checkpoint
}

// A repair is one run of Repair.
type repair struct {
	a      *Archive
	copies []copyOf    // the furthest first
	own    *Redactions // what the archive itself says of erasures
	red    *Redactions // what the copies say, too
	// unknown says why there may be erasures that nobody knows of; empty if all are
	// known. spare has it by the key of what was left as it is for that.
	unknown string
	spare   map[string]string
	done    Repaired

	tilesHurt bool // the archive's own tiles can't be believed

	tree ledger.Tree // that everything is held against: the largest that is signed
	back int64       // visits from this index on are lost; tree.Size if none are
}

// Repair puts right what Verify has found, from copies of the archive: first the
// tiles, then head and checkpoint, then journal segments, then evidence, then
// the states. Only bytes for which the signed ledger vouches are written, and
// only where other bytes are, or none: those are set aside (bucket.Repairer),
// never destroyed, unless an erasure has ordered just that. Head and checkpoint
// only move forward, and lost ends of the ledger are brought back. Nothing is
// ever written to a copy. An error says that Repair could not go on.
func (a *Archive) Repair(ctx context.Context, findings []Finding, from []RepairFrom) (Repaired, error) {
	r := &repair{a: a, tilesHurt: len(of(findings, KindTile)) > 0, spare: map[string]string{}}
	r.done.Unfit = map[string]string{}
	err := r.run(ctx, findings, from)
	if err != nil {
		err = fmt.Errorf("repair: %w", err)
	}
	return r.done, err
}

func (r *repair) run(ctx context.Context, findings []Finding, from []RepairFrom) error {
	own, ownErr := r.a.ledger.Checkpoint(ctx)
	if ownErr != nil && !isAnswer(ownErr) {
		return outOfReach(ownErr)
	}
	for _, f := range from {
		if err := r.open(ctx, f, own, ownErr == nil); err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.copies, func(x, y copyOf) int { return int(min(max(y.point.Size-x.point.Size, -1), 1)) })
	r.tree = own.Tree
	if len(r.copies) > 0 && (ownErr != nil || r.copies[0].point.Size > own.Size) {
		r.tree = r.copies[0].point.Tree
	}
	r.back = r.tree.Size
	if ownErr != nil && len(r.copies) == 0 {
		r.leave(findings, "no copy has a valid checkpoint")
		return nil
	}
	steps := []func(context.Context, []Finding) error{r.tiles, r.registers, r.meta, r.visits, r.states, r.snapshots}
	for _, step := range steps {
		if err := step(ctx, findings); err != nil {
			return err
		}
	}
	for _, f := range findings {
		if f.Kind == KindPrev {
			r.leave([]Finding{f}, "the ledger vouches for the line as it is, and no copy has another")
		}
	}
	return nil
}

// open takes a copy into use, unless it is none of this archive.
func (r *repair) open(ctx context.Context, f RepairFrom, own ledger.Checkpoint, owned bool) error {
	c := copyOf{name: f.Name, b: f.Bucket, ledger: r.a.ledger.On(f.Bucket)}
	o := Options{Verifier: r.a.verifier, Now: r.a.clock, Rand: r.a.rand, Log: r.a.log}
	var err error
	if c.a, err = openCopy(ctx, f.Bucket, o, r.a.ledger.Keys); err == nil {
		c.point, err = c.ledger.Checkpoint(ctx)
	}
	switch {
	case err != nil || !owned:
	case c.point.Size >= own.Size:
		err = c.ledger.Extends(ctx, own.Tree, c.point.Tree)
	case !r.tilesHurt: // else its signature must do
		err = r.a.ledger.Extends(ctx, c.point.Tree, own.Tree)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil { // a copy that is damaged, or away, is no reason not to ask the others
		r.done.Unfit[f.Name] = err.Error()
		return nil
	}
	r.copies = append(r.copies, c)
	return nil
}

// leave notes findings that can't be put right.
func (r *repair) leave(list []Finding, why string) {
	for _, f := range list {
		f.Reason += "; not repaired: " + why
		r.done.Left = append(r.done.Left, f)
	}
}

// of returns the findings of the given kinds, one for each object.
func of(findings []Finding, kinds ...string) []Finding {
	var list []Finding
	for _, f := range findings {
		if slices.Contains(kinds, f.Kind) && !slices.ContainsFunc(list, func(x Finding) bool { return x.Object == f.Object }) {
			list = append(list, f)
		}
	}
	return list
}

// tiles puts right every tile, entry bundle and change of the key that is not as
// the signed tree has it. Each is proven in the copy first.
func (r *repair) tiles(ctx context.Context, findings []Finding) error {
	lost := r.headBehind(ctx)
	wrong := of(findings, KindTile)
	if len(wrong) == 0 && !lost {
		return nil
	}
	mended := map[string]bool{}
	for _, c := range r.copies {
		tree, part := r.tree, false
		if c.point.Size < tree.Size {
			tree, part = c.point.Tree, true
		}
		for t, err := range c.ledger.TilesOf(ctx, tree, 0) {
			if err != nil {
				if err = outOfReach(err); ctx.Err() != nil {
					return err
				}
				r.done.Unfit[c.name] = err.Error() // its own tiles are damaged: another copy may do
				break
			}
			if part && bytes.Contains([]byte(t.Key), []byte(".p/")) || mended[t.Key] {
				continue
			}
			mended[t.Key] = true
			held := bucket.Bytes(t.Bytes)
			if err := r.mend(ctx, KindTile, ref(t.Key, held), c.name, held.Open, true); err != nil {
				return err
			}
		}
	}
	for _, f := range wrong {
		switch _, stale := ledger.Stale(f.Object, r.tree.Size); {
		case mended[f.Object] || f.Object == ledger.TileFolder:
		case stale:
			if err := r.dropStale(ctx, f); err != nil {
				return err
			}
		default:
			r.leave([]Finding{f}, "no copy has it")
		}
	}
	return nil
}

// dropStale sets a partial tile aside that is left of a smaller tree: the one that
// has taken its place is there.
func (r *repair) dropStale(ctx context.Context, f Finding) error {
	sum, _, err := digestIn(ctx, r.a.b, f.Object)
	if errors.Is(err, bucket.ErrNotExist) {
		return nil
	}
	if err == nil {
		repairer, ok := r.a.b.(bucket.Repairer)
		if !ok {
			r.leave([]Finding{f}, "the store can't set it aside")
			return nil
		}
		err = repairer.SetAside(ctx, f.Object, sum)
	}
	if err != nil {
		return outOfReach(fmt.Errorf("set aside %s: %w", f.Object, err))
	}
	r.done.Mended = append(r.done.Mended, Mended{Kind: f.Kind, Object: f.Object, Aside: bucket.AsideKey(f.Object, sum), Removed: true})
	return nil
}

// headBehind reports whether a copy has more of the ledger than the head.
func (r *repair) headBehind(ctx context.Context) bool {
	h, _, err := r.a.ledger.Head(ctx)
	return err == nil && h.Size < r.tree.Size
}

// registers moves head and checkpoint forward to the signed tree, where they are
// damaged, lost or older.
func (r *repair) registers(ctx context.Context, findings []Finding) error {
	head, _, err := r.a.ledger.Head(ctx)
	if err != nil && !isAnswer(err) {
		return outOfReach(err)
	}
	if err == nil && head.Size < r.tree.Size {
		r.back = head.Size // what the copies have beyond it is to be brought back
	}
	if err == nil {
		if err = r.a.ledger.HeadExtends(ctx, head, r.tree); err != nil && !isAnswer(err) {
			return outOfReach(err) // whether it does can't be told
		}
	}
	if err != nil {
		cond, loadErr := r.present(ctx, ledger.HeadKey)
		if loadErr == nil {
			head, loadErr = r.a.ledger.MakeHead(ctx, r.tree, cond)
		}
		if loadErr != nil {
			if loadErr = outOfReach(loadErr); !isAnswer(loadErr) || ctx.Err() != nil {
				return loadErr
			}
			r.leave(of(findings, KindHead), loadErr.Error())
		} else {
			r.done.Mended = append(r.done.Mended, Mended{Kind: KindHead, Object: ledger.HeadKey})
		}
	}
	return r.checkpoint(ctx, findings)
}

// checkpoint puts the signed checkpoint of the furthest copy in place of one
// that is damaged, lost or older.
func (r *repair) checkpoint(ctx context.Context, findings []Finding) error {
	own, err := r.a.ledger.Checkpoint(ctx)
	if err != nil && !isAnswer(err) {
		return outOfReach(err)
	}
	if err != nil || own.Size < r.tree.Size {
		c := r.copies[0] // it is where the tree comes from
		cond, err := r.present(ctx, ledger.CheckpointKey)
		if err == nil {
			_, err = r.a.ledger.PutCheckpoint(ctx, c.point.Note, cond)
		}
		if err != nil {
			if err = outOfReach(err); !isAnswer(err) || ctx.Err() != nil {
				return err
			}
			r.leave(of(findings, KindCheckpoint), err.Error())
			return nil
		}
		r.done.Mended = append(r.done.Mended, Mended{Kind: KindCheckpoint, Object: ledger.CheckpointKey, From: c.name})
		return nil
	}
	r.leave(of(findings, KindCheckpoint), "no copy is further than it; the next commit publishes it")
	return nil
}

// present returns the condition of a swap that replaces what a register holds
// now, be it damaged.
func (r *repair) present(ctx context.Context, key string) (bucket.Condition, error) {
	_, tag, err := r.a.b.Load(ctx, key)
	if err != nil && !errors.Is(err, bucket.ErrNotExist) {
		return bucket.Condition{}, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	return condition(tag), nil
}

// mend puts the bytes of o where other bytes are, or none. evidence says that
// the other bytes are to be kept.
func (r *repair) mend(ctx context.Context, kind string, o ObjectRef, from string, open func() (io.ReadCloser, error), evidence bool) error {
	sum, n, err := digestIn(ctx, r.a.b, o.Key)
	there := err == nil
	switch {
	case there && ref(o.Key, bucket.Body{Size: n, SHA256: sum}) == o:
		return nil // it is good, and nothing is ever put over what is good
	case !there && !errors.Is(err, bucket.ErrNotExist):
		return err
	case !there && r.replaced(ctx, o.Key):
		return nil
	}
	body, err := bodyOf(o, open)
	if err != nil {
		return err
	}
	m := Mended{Kind: kind, Object: o.Key, From: from}
	switch {
	case !there:
		err = r.a.b.Create(ctx, o.Key, body)
	case evidence:
		if repairer, ok := r.a.b.(bucket.Repairer); !ok {
			err = fmt.Errorf("%s: %w: the store can't set damaged bytes aside", o.Key, errors.ErrUnsupported)
		} else if err = repairer.SetAside(ctx, o.Key, sum); err == nil {
			m.Aside = bucket.AsideKey(o.Key, sum)
			r.a.noteCorpse(ctx, m.Aside, o.Key, sum)
			err = r.a.b.Create(ctx, o.Key, body)
		}
	default:
		if eraser, ok := r.a.b.(bucket.Eraser); !ok {
			err = fmt.Errorf("%s: %w: the store can't erase", o.Key, errors.ErrUnsupported)
		} else {
			err = eraser.Replace(ctx, o.Key, sum, body)
		}
	}
	if err == nil {
		err = checkIn(ctx, r.a.b, o)
	}
	if err == nil {
		r.done.Mended = append(r.done.Mended, m)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.done.Refused = append(r.done.Refused, err.Error())
	return nil
}

// replaced reports whether a partial tile is gone because the full one is there.
func (r *repair) replaced(ctx context.Context, key string) bool {
	full, _, partial := bytes.Cut([]byte(key), []byte(".p/"))
	if !partial {
		return false
	}
	_, _, err := digestIn(ctx, r.a.b, string(full))
	return err == nil
}
