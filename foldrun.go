// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import "slices"

// cover folds a run of visits.
func (k *Known) cover(e Event) {
	if e.Run == nil || !k.coveredBy(*e.Run, e.Account.ID) {
		return
	}
	r := *e.Run
	key := ReadingKey(e.Source, r.Door, r.Parser)
	if old, ok := k.Readings[key]; !ok || r.Until.After(old.At) {
		if k.Readings == nil {
			k.Readings = make(map[string]Reading)
		}
		old.At = r.Until
		k.Readings[key] = old
	}
	if firstHand(r.Provenance) && r.Until.After(k.LastSeen) {
		k.LastSeen = r.Until
		k.settle()
	}
}

// coveredBy reports whether the visits of r, to an account, saw the statement.
// A range speaks of that account's statements only.
func (k *Known) coveredBy(r Run, account string) bool {
	if has(r.Seen, k.Statement) {
		return true
	}
	if account != "" && k.Account != "" && account != k.Account {
		return false
	}
	return k.FirstIndex >= 0 && k.FirstIndex <= r.Base && r.Range.Contains(k.Order) && !has(r.Except, k.Statement)
}

func has(sorted []StatementID, id StatementID) bool {
	_, ok := slices.BinarySearch(sorted, id)
	return ok
}
