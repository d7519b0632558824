// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// A Finding is one thing that is not as it must be.
type Finding struct {
	Kind   string
	Object string // key
	Offset int64  // in the object; -1 where it is the whole object
	Index  int64  // ledger index; -1 where there is none
	Reason string
}

// String words f for people.
func (f Finding) String() string {
	s := f.Kind + " " + f.Object
	if f.Offset >= 0 {
		s += fmt.Sprintf(" at offset %d", f.Offset)
	}
	if f.Index >= 0 {
		s += fmt.Sprintf(" (ledger index %d)", f.Index)
	}
	return s + ": " + f.Reason
}

// A suspect is a finding that something else may explain away.
type suspect struct {
	Finding
	// unless tells whether erasures account for it; nil where none can.
	unless func(*Redactions) bool
	// line says that it is of a journal line.
	line bool
	// implied says that it is of the whole object and follows from any finding
	// that is of a part of it.
	implied bool
}

// errFlood ends a verification that has found too much.
var errFlood = errors.New("too many findings")

// flooded reports whether there are as many findings as there may be.
func (v *verification) flooded() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.suspects) >= v.o.Most
}

// flood is the last finding, where there were too many.
func (v *verification) flood() Finding {
	return Finding{Kind: KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1,
		Reason: fmt.Sprintf("more than %d mismatches: the rest of the %d leaves that it is to cover was not checked", v.o.Most, v.tree.Size)}
}

// find adds a finding that nothing explains.
func (v *verification) find(f Finding) { v.suspect(suspect{Finding: f}) }

func (v *verification) suspect(s suspect) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.suspects = append(v.suspects, s)
}

// add adds to the report.
func (v *verification) add(change func(*Report)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(&v.report)
}

// judge turns an error into a finding, unless it says nothing of the bytes:
// then Verify can't go on. What a mirror withholds is judged at the end.
func (v *verification) judge(err error, f Finding) error {
	if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
		v.withheld(w, f.Index, bucket.Span{})
		return nil
	}
	if !isAnswer(err) || errors.Is(err, context.Canceled) {
		return outOfReach(err)
	}
	f.Reason = err.Error()
	v.find(f)
	return nil
}

// findings returns what is left of the suspects: one for each place.
func (v *verification) findings() []Finding {
	finer := map[string]bool{}
	for _, s := range v.suspects {
		finer[s.Object] = finer[s.Object] || !s.implied
	}
	type place struct {
		object string
		offset int64
	}
	seen := map[place]bool{}
	var list []Finding
	for _, s := range v.suspects {
		at := place{s.Object, s.Offset}
		if s.implied && finer[s.Object] || s.Offset >= 0 && seen[at] {
			continue
		}
		seen[at] = true
		list = append(list, s.Finding)
	}
	slices.SortStableFunc(list, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Index, y.Index), cmp.Compare(x.Object, y.Object), cmp.Compare(x.Offset, y.Offset))
	})
	return list
}
