// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"onrecord"
	"onrecord/archive/spool"
)

// peekDone reads, without holding the spool of visit v, the note that it was
// committed; nil if there is none.
func (a *Archive) peekDone(v onrecord.VisitID) (*doneNote, error) {
	b, err := a.spool.Read(v, doneFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	name := v
	// The name is read after the note: a visit that is committed gets no other.
	late, err := a.spool.Read(v, lateFile)
	switch {
	case err == nil:
		name, err = parseLate(late)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("spool of visit %s: %w", v, err)
	}
	return parseDone(b, name)
}

// waits reports whether visit v, by the name of its spool, is still to be
// committed: it has a spool that does not say otherwise. Another process may
// have committed or dropped it.
func (a *Archive) waits(v onrecord.VisitID) bool {
	done, err := a.peekDone(v)
	return (done == nil || err != nil) && a.spool.Has(v)
}

// A spooled is a spool as it looks to one who does not hold it.
type spooled struct {
	meta    spool.Meta // the visit alone, where the rest can't be read
	damaged bool       // that is for good
	done    *doneNote  // nil: not committed, or not to be read
}

// spooled returns what lies in the spool, held or not, in the order in which it
// is to be taken over: each visit after the one that it waits for, else by id.
// Ids alone would not do: the clock may have been set back.
func (a *Archive) spooled() ([]spooled, error) {
	ids, err := a.spool.Visits()
	if err != nil {
		return nil, err
	}
	all := make(map[onrecord.VisitID]spooled, len(ids))
	for _, id := range ids {
		m, err := a.spool.MetaOf(id)
		if err != nil { // told by whoever takes it
			m = spool.Meta{Visit: id}
		}
		m.Extra = nil
		one := spooled{meta: m, damaged: errors.Is(err, spool.ErrDamaged)}
		if one.done, err = a.peekDone(id); err != nil {
			one.done = nil
		}
		if one.done != nil {
			one.done.Batch = nil
		}
		all[id] = one
	}
	return inOrder(ids, all), nil
}

// inOrder returns all by ids, but each after its predecessor.
func inOrder(ids []onrecord.VisitID, all map[onrecord.VisitID]spooled) []spooled {
	out := make([]spooled, 0, len(ids))
	seen := make(map[onrecord.VisitID]bool, len(ids))
	for _, id := range ids {
		var chain []spooled // from id back to the first that is not in out
		for next, ok := all[id]; ok && !seen[next.meta.Visit]; next, ok = all[next.meta.Predecessor] {
			seen[next.meta.Visit] = true
			chain = append(chain, next)
		}
		slices.Reverse(chain)
		out = append(out, chain...)
	}
	return out
}

// parseLate reads the content of lateFile.
func parseLate(b []byte) (onrecord.VisitID, error) {
	var n lateNote
	if err := json.Unmarshal(b, &n); err != nil || n.Visit.IsZero() {
		return onrecord.VisitID{}, fmt.Errorf("%w: new name of the visit: %v", ErrMismatch, err)
	}
	return n.Visit, nil
}

// parseDone reads the content of doneFile; nil if it is not of v.
func parseDone(b []byte, v onrecord.VisitID) (*doneNote, error) {
	n := &doneNote{}
	if err := json.Unmarshal(b, n); err != nil {
		return nil, fmt.Errorf("visit %s: note of its commit: %w: %w", v, ErrMismatch, err)
	}
	if n.Visit != v {
		return nil, nil
	}
	return n, nil
}

// SpoolFull returns spool.ErrFull, with how much lies there, while the spool
// holds Options.SpoolLimit: no visit can be begun (record.md 1.8).
func (a *Archive) SpoolFull() error {
	if a.spool == nil {
		return nil
	}
	return a.spool.Full()
}
