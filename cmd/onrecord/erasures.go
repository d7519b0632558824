// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"onrecord"
	"onrecord/archive"
)

// finishErasures carries out what erasures in the ledger ordered and is not yet
// done: here after the event, at every start, and now and then while a process
// serves. What is left says what keeps an erasure from being done everywhere: a
// replica that has not answered.
func (h *house) finishErasures(ctx context.Context) (left []string, err error) {
	red, err := h.archive.Redactions(ctx)
	if err != nil {
		return nil, err
	}
	kept := map[int64][]onrecord.ObjectValue{}
	if len(red.Pending()) > 0 {
		removeLeftovers(h.cfg.StateDir) // copies of the catalog as it was
	}
	for _, o := range red.Pending() {
		if kept[o.Index], err = h.carryOut(ctx, o); err != nil {
			return nil, err
		}
	}
	if err := h.renewCatalog(ctx, red); err != nil {
		return nil, err
	}
	for _, o := range red.Pending() {
		replicas, why := h.copies.erased(ctx, o)
		if why != "" {
			left = append(left, why)
		}
		if why != "" && len(kept[o.Index]) == 0 { // else no replica can follow
			continue
		}
		if len(kept[o.Index]) > 0 {
			left = append(left, fmt.Sprintf("case %s: the store keeps %s that hold what was erased; they are named in the ledger, and served to nobody",
				o.Takedown.Case, count(len(kept[o.Index]), "object", "objects")))
		}
		if err := h.erasureDone(ctx, o, replicas, kept[o.Index]); err != nil {
			return left, err
		}
	}
	return left, nil
}

// carryOut carries out an erasure. Where the operator has said that the store
// can't erase, it returns the objects that keep what was erased.
func (h *house) carryOut(ctx context.Context, o archive.Ordered) (kept []onrecord.ObjectValue, err error) {
	err = h.archive.Erase(ctx, o)
	if h.cfg.Storage.Erasure == erasureImpossible && errors.Is(err, archive.ErrKeeps) {
		return h.archive.Kept(ctx, o)
	}
	return nil, err
}

// erasureDone records that an erasure was carried out everywhere, but for the
// objects in kept.
func (h *house) erasureDone(ctx context.Context, o archive.Ordered, replicas []string, kept []onrecord.ObjectValue) error {
	_, _, err := h.act(ctx, func() (*onrecord.Event, error) {
		red, err := h.archive.Redactions(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range red.Pending() {
			if p.Index == o.Index {
				now := h.env.now().UTC().Truncate(time.Microsecond)
				list := make([]any, len(replicas))
				for i, r := range replicas {
					list[i] = r
				}
				e := &onrecord.Event{
					Type: onrecord.ArchiveErasureDone, At: now, By: now, Provenance: onrecord.Captured, Index: -1, Prev: o.Index,
					Takedown: &onrecord.Takedown{Case: o.Takedown.Case},
				}
				if len(kept) > 0 {
					e.Erasure = &onrecord.Erasure{Objects: kept}
				}
				if len(list) > 0 {
					e.Extra = map[string]any{"replicas": list}
				}
				return e, nil
			}
		}
		return nil, nil // another process was faster
	})
	return err
}

// eraseBack carries out anew what was erased and is in the bucket again: somebody has
// put objects back from an older copy, or this was a replica whose store can't erase.
// From when it is found on it is served to nobody. It returns how many objects were
// put right, and what is left.
func (h *house) eraseBack(ctx context.Context) (mended int, left []string, err error) {
	found, err := h.archive.Undone(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("whether what was erased is still gone: %w", err)
	}
	h.noteBack(found)
	if len(found) == 0 {
		return 0, nil, nil
	}
	why := map[int64]error{}
	for _, u := range found {
		_, why[u.Index] = h.carryOut(ctx, u.Ordered)
	}
	still, err := h.archive.Undone(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("whether what was erased is gone again: %w", err)
	}
	h.noteBack(still)
	for _, u := range still {
		left = append(left, fmt.Sprintf("case %s: %s again what was erased, which is served to nobody and can't be removed: %v", u.Takedown.Case,
			count(len(u.Objects), "object holds", "objects hold"), cmp.Or(why[u.Index], archive.ErrKeeps)))
	}
	return objectsBack(found) - objectsBack(still), left, nil
}

// objectsBack counts objects.
func objectsBack(list []archive.Undone) int {
	keys := map[string]bool{}
	for _, u := range list {
		for _, key := range u.Objects {
			keys[key] = true
		}
	}
	return len(keys)
}

// noteBack notes the objects that hold again what was erased.
func (h *house) noteBack(list []archive.Undone) {
	back := map[string]onrecord.Takedown{}
	for _, u := range list {
		for _, key := range u.Objects {
			back[key] = u.Takedown
		}
	}
	h.returned.Store(&back)
}

// erasuresEvery is how often a serving process looks whether an erasure waits
// for something; goneEvery, whether what was erased is still gone.
const (
	erasuresEvery = 10 * time.Minute
	goneEvery     = 6 * time.Hour
)

// tendErasures goes on with erasures that a crash or a replica has held up.
func (h *house) tendErasures(ctx context.Context) {
	for last := (time.Time{}); ctx.Err() == nil; {
		left, err := h.finishErasures(ctx)
		if err == nil && h.env.now().Sub(last).Abs() >= goneEvery {
			last = h.env.now()
			left, err = h.stillGone(ctx, left)
		}
		if err != nil && ctx.Err() == nil {
			h.log.Error("an erasure is not carried out yet", "err", err)
		}
		for _, line := range left {
			h.log.Warn(line)
		}
		select {
		case <-ctx.Done():
		case <-time.After(erasuresEvery):
		}
	}
}

// stillGone is eraseBack for a process that serves: what it did is in the log, and
// what is left is added to left.
func (h *house) stillGone(ctx context.Context, left []string) ([]string, error) {
	n, more, err := h.eraseBack(ctx)
	if n > 0 {
		h.log.Warn("objects held again what was erased, as if put back from an older copy: it was erased in them anew", "objects", n)
	}
	return append(left, more...), err
}

// noteBehind notes since when the ledger has entries that the catalog has not
// applied, although it can be read: one of them may withhold a statement. err is
// what became of applying them.
func (h *house) noteBehind(ctx context.Context, err error) {
	if err == nil {
		h.behind.Store(0)
		return
	}
	size, err := h.archive.Size(ctx)
	if err != nil {
		return // out of reach: nobody can tell
	}
	have, _, err := h.catalog.Applied(ctx)
	if err == nil && size > have {
		h.behind.CompareAndSwap(0, h.env.now().UnixNano())
	}
}

// behindFor returns for how long the catalog has been behind the ledger.
func (h *house) behindFor() time.Duration {
	since := h.behind.Load()
	if since == 0 {
		return 0
	}
	return h.env.now().Sub(time.Unix(0, since))
}
