// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"onrecord/archive/bucket"
)

// kindOf returns the kind of finding that an object makes.
func kindOf(key string) string {
	switch folder, _, _ := strings.Cut(key, "/"); folder {
	case "journal":
		return KindJournal
	case "state":
		return KindState
	case "log":
		return KindTile
	case "media":
		return KindMedia
	}
	return KindCapture
}

// lookAgain follows the ledger to its head once more, and carries out in the
// replica what was erased while objects were copied, and what came with the
// leaves of this run (record.md 5).
func (c *copying) lookAgain(ctx context.Context) error {
	red, err := c.a.Redactions(ctx)
	if err != nil {
		return err
	}
	c.red = red
	pending := map[int64]bool{}
	for _, e := range red.Pending() {
		pending[e.Index] = true
	}
	for _, e := range red.Erasures() {
		// Those before were carried out before that size was published, unless
		// nobody could read them then, or the store could not erase.
		if e.Index < c.from.Size && !c.o.All && (!pending[e.Index] || c.isGone(e.Index)) && !c.wasMissing(e.Index) {
			continue
		}
		for _, v := range e.Erasure.Objects {
			now, ok := red.Object(v.Key)
			if !ok {
				continue
			}
			if err := c.bury(ctx, v.Key); err != nil {
				return err
			}
			if err := c.carryOut(ctx, ObjectRef(now.Value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// wasMissing reports whether the event at an index may be of a visit that this
// run copied late.
func (c *copying) wasMissing(index int64) bool {
	return slices.ContainsFunc(c.late, func(visit int64) bool { return visit < index && index < visit+MaxLines })
}

// bury removes what was set aside of an object in the replica: it may have been
// an archive.
func (c *copying) bury(ctx context.Context, key string) error {
	n, err := bury(ctx, c.Replica.to, key)
	if errors.Is(err, ErrKeeps) {
		c.found.add(&c.found.there, Finding{Kind: kindOf(key), Object: key, Offset: -1, Index: -1, Reason: "the replica still has what was erased: " + err.Error()})
		err = nil
	}
	c.erased.Add(int64(n))
	return err
}

// carryOut gives an object of the replica the value that an erasure ordered. A
// store that keeps what is replaced is named, and does not hold up the rest.
func (c *copying) carryOut(ctx context.Context, o ObjectRef) error {
	err := checkIn(ctx, c.Replica.to, o)
	if errors.Is(err, bucket.ErrNotExist) {
		return nil // of a visit that is not copied yet, or that the archive lacks
	}
	if err == nil {
		return c.forget(ctx, o)
	}
	if !errors.Is(err, ErrMismatch) {
		return err
	}
	keeps := func(why error) error { return c.keeps(o, why) }
	eraser, ok := c.Replica.to.(bucket.Eraser)
	if !ok {
		return keeps(errors.New("its store can't erase"))
	}
	switch err := erases(ctx, eraser); {
	case errors.Is(err, ErrKeeps):
		return keeps(err)
	case err != nil: // nobody knows: the next run begins here again
		return fmt.Errorf("erase in %s of the replica: %w", o.Key, err)
	}
	was, _, err := digestIn(ctx, c.Replica.to, o.Key)
	if err != nil {
		return err
	}
	body, err := bodyOf(o, func() (io.ReadCloser, error) { return c.redacted(ctx, o.Key) })
	if err == nil {
		err = eraser.Replace(ctx, o.Key, was, body)
	}
	switch {
	case errors.Is(err, bucket.ErrConflict): // another process erases, too: look again
		return fmt.Errorf("%s of the replica: %w", o.Key, errErasing)
	case errors.Is(err, bucket.ErrSum) && c.red.keepsAny(o.Key):
		return keeps(errors.New("the archive's own store keeps it, too"))
	case errors.Is(err, bucket.ErrSum):
		return fmt.Errorf("%s: %w: the archive still has other bytes", o.Key, errErasing)
	case err != nil:
		return outOfReach(fmt.Errorf("erase in %s of the replica: %w", o.Key, err))
	}
	if err := checkIn(ctx, c.Replica.to, o); err != nil {
		return fmt.Errorf("read back from the replica: %w", err)
	}
	c.erased.Add(1)
	return nil
}

// redacted opens an object of the archive as the last erasure that names it has
// ordered it. Where the archive's own store keeps it as it was, it is made of that.
func (c *copying) redacted(ctx context.Context, key string) (io.ReadCloser, error) {
	if !c.red.keepsAny(key) {
		r, err := c.a.b.Open(ctx, key, 0, -1)
		return r.ReadCloser, err
	}
	last, _ := c.red.Object(key)
	list := c.red.Erasures()
	at := slices.IndexFunc(list, func(o Ordered) bool { return o.Index == last.Index })
	x, err := c.a.erasing(ctx, list[at], c.red)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		_, err := x.write(ctx, w, key)
		w.CloseWithError(err)
	}()
	return r, nil
}

// keeps names an object whose store keeps what was erased.
func (c *copying) keeps(o ObjectRef, why error) error {
	c.found.add(&c.found.there, Finding{Kind: kindOf(o.Key), Object: o.Key, Offset: -1, Index: -1, Reason: "the replica still has what was erased: " + why.Error()})
	return nil
}

// forget ends a replacement that was broken off after the new bytes were there:
// a store with versions may have the old ones still.
func (c *copying) forget(ctx context.Context, o ObjectRef) error {
	eraser, ok := c.Replica.to.(bucket.Eraser)
	if !ok {
		return nil
	}
	body, err := bodyOf(o, func() (io.ReadCloser, error) { return c.Replica.to.Open(ctx, o.Key, 0, -1) })
	if err == nil {
		err = eraser.Replace(ctx, o.Key, [32]byte{}, body) // nothing is that: no other byte changes
	}
	if err == nil || errors.Is(err, bucket.ErrConflict) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if why := erases(ctx, eraser); errors.Is(why, ErrKeeps) {
		return c.keeps(o, why)
	}
	return outOfReach(fmt.Errorf("erase in %s of the replica: %w", o.Key, err))
}

// Erased returns nil if the replica has carried out an erasure: every object
// that it names is there with what was erased gone, or is not there at all, and
// nothing of it was set aside. It
// reads those objects, until it holds once: another replica may be away for long.
// archive.erasure_done names the replicas for which it
// holds. ErrMismatch says that something is still there.
func (r *Replica) Erased(ctx context.Context, e Ordered) error {
	if r.isGone(e.Index) {
		return nil
	}
	red, err := r.a.Redactions(ctx)
	if err != nil {
		return err
	}
	for _, v := range e.Erasure.Objects {
		if now, ok := red.Object(v.Key); ok {
			v = now.Value
		}
		if err := checkIn(ctx, r.to, ObjectRef(v)); err != nil && !errors.Is(err, bucket.ErrNotExist) {
			return fmt.Errorf("replica: %w", err)
		}
		if err := buried(ctx, r.to, v.Key); err != nil {
			return fmt.Errorf("replica: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone == nil {
		r.gone = map[int64]bool{}
	}
	r.gone[e.Index] = true
	return nil
}
