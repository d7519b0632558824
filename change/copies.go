// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"slices"

	"onrecord"
)

// dropCopies takes no notice of one page that stands at several statements' own
// addresses: a consent wall, a notice of works, an article to which all others
// redirect, each with status 200. For a known statement to which that wording is
// new the answer is neither a sighting nor an edit: it is unclear. What a list
// shows too, or what the platform says was changed, is the statement's own.
func (j *judge) dropCopies() {
	shown := make(map[string][]*item)
	for _, it := range j.order {
		for _, r := range it.readings {
			if key := r.copyKey(); isOwn(*r.seen) && r.Changed.IsZero() && !slices.Contains(shown[key], it) {
				shown[key] = append(shown[key], it)
			}
		}
	}
	for _, it := range j.order {
		if it.isKnown && len(it.Versions) > 0 {
			it.dropCopies(func(r reading) bool { return len(shown[r.copyKey()]) > 1 })
		}
	}
}

// copyKey tells wordings apart as a reader does: a wall may name the address at
// which it stands in its markup.
func (r reading) copyKey() string {
	if r.Content.Text == "" {
		return "version " + string(r.version)
	}
	return "text " + r.Content.Title + "\x00" + r.Content.Text
}

func (it *item) dropCopies(several func(r reading) bool) {
	isCopy := func(r reading) bool {
		return isOwn(*r.seen) && r.Changed.IsZero() && !slices.Contains(it.Versions, r.version) && several(r)
	}
	if !slices.ContainsFunc(it.readings, isCopy) {
		return
	}
	it.readings = slices.DeleteFunc(it.readings, isCopy)
	it.live, it.asked = it.page, false
	if it.found == onrecord.LookLive {
		it.found = onrecord.LookUnclear
	}
}
