// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"slices"
	"time"
)

// cover folds a run of visits.
func (k *Known) cover(e Event) {
	if e.Run == nil {
		return
	}
	r := *e.Run
	key := ReadingKey(e.Source, r.Door, r.Parser)
	last := k.LastSeen
	for _, a := range r.Asked {
		k.asked(a, key, firstHand(r.Provenance))
	}
	if seen, whole := k.coveredBy(r, e.Account.ID); seen {
		read := !has(r.Unread, k.Statement)
		if read {
			k.reread(key, r.Until, firstHand(r.Provenance))
		}
		if firstHand(r.Provenance) {
			k.LastSeen = latest(k.LastSeen, r.Until)
			if whole && read {
				k.Checked = latest(k.Checked, r.Until)
				k.Tried = latest(k.Tried, k.Checked)
			}
		}
	}
	if !k.LastSeen.Equal(last) {
		k.settle()
	}
}

// asked folds what came of a visit that may have asked for the statement at its
// own address. What a mirror answers is no look at the platform.
func (k *Known) asked(a Asked, key string, first bool) {
	read, gone := has(a.Read, k.Statement), has(a.Gone, k.Statement)
	live := read || has(a.Live, k.Statement)
	if read {
		k.reread(key, a.At, first)
	}
	if !first {
		return
	}
	if live {
		k.LastSeen = latest(k.LastSeen, a.At)
	}
	if live || gone {
		k.Checked = latest(k.Checked, a.At)
	}
	if live || gone || has(a.Unclear, k.Statement) {
		k.Tried = latest(k.Tried, a.At)
	}
}

// reread notes that the door and parser of key still read what they did.
func (k *Known) reread(key string, at time.Time, first bool) {
	if first {
		k.LastRead = latest(k.LastRead, at)
	}
	old, ok := k.Readings[key]
	if ok && !at.After(old.At) {
		return
	}
	if k.Readings == nil {
		k.Readings = make(map[string]Reading)
	}
	old.At = at
	k.Readings[key] = old
}

// coveredBy reports whether the pages that the visits of r read, of an account,
// showed the statement, and whether that was in a complete range. A range speaks
// of that account's statements only.
func (k *Known) coveredBy(r Run, account string) (seen, whole bool) {
	if account == "" || k.Account == "" || account == k.Account {
		whole = k.FirstIndex >= 0 && k.FirstIndex <= r.Base && r.Range.Contains(k.Order) && !has(r.Except, k.Statement)
	}
	return whole || has(r.Seen, k.Statement), whole
}

func has(sorted []StatementID, id StatementID) bool {
	_, ok := slices.BinarySearch(sorted, id)
	return ok
}
