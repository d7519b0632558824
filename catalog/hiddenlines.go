// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"slices"

	"onrecord"
)

// HiddenLines returns the ledger indexes of the lines in a journal segment that
// must not be served to strangers: those about withheld statements, and in a
// store that can't erase the erased ones. Hidden names the whole segment; its
// other lines may be shown.
func (c *Catalog) HiddenLines(ctx context.Context, key string) (list []int64, err error) {
	err = c.view(ctx, func(v *view) error {
		ids, err := v.decided()
		for _, id := range ids {
			if err != nil {
				return err
			}
			var lines []int64
			lines, err = v.hiddenLines(id, key)
			list = append(list, lines...)
		}
		return err
	})
	slices.Sort(list)
	return slices.Compact(list), err
}

// hiddenLines returns the lines about one statement that are not to be served of
// a segment. What an erasure names may lie in other segments, too.
func (v *view) hiddenLines(id onrecord.StatementID, key string) (list []int64, err error) {
	r, _, err := v.record(id)
	if err != nil || !r.hidden() {
		return nil, err
	}
	packed, _ := packID(string(id))
	err = v.each(func(scan func(...any) error) error {
		var doc []byte
		var e storedEvent
		if err := scan(&doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &e, v.name); err != nil {
			return err
		}
		if e.Event.Erasure != nil {
			list = append(list, e.Event.Erasure.Leaves...)
		}
		switch e.Event.Type {
		case onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased:
		default:
			if segmentKey(e.Event.Visit) == key {
				list = append(list, e.Event.Index)
			}
		}
		return nil
	}, `SELECT doc FROM events WHERE id = $1 ORDER BY i`, packed)
	return list, err
}
