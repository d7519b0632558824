// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"time"

	"onrecord"
)

// tallied is for how long what own addresses said is counted together: the slow
// sweep has asked for nearly all statements once by then.
const tallied = 30 * 24 * time.Hour

// A Tally is what looks at the statements of an account came to of late. Visits
// ask for a few at their own addresses each, so that what is wrong with a site
// as a whole shows over many visits only.
type Tally struct {
	Since  time.Time                     // from when it counts
	Looked int                           // statements that were looked at
	Gone   map[onrecord.StatementID]bool // that their own addresses alone called gone, deleted by now or not
}

// TallyFrom returns from when looks count for a visit that ends at now: nothing
// that the operator has looked at and thawed does.
func TallyFrom(s onrecord.KnownSource, now time.Time) time.Time {
	return later(s.Thawed, now.Add(-tallied))
}

// NewTally counts for a visit that ends at now: looked statements since TallyFrom,
// and of the given ones those that are gone since then.
func NewTally(looked int, gone []onrecord.Known, s onrecord.KnownSource, now time.Time) Tally {
	t := Tally{Since: TallyFrom(s, now), Looked: looked, Gone: make(map[onrecord.StatementID]bool)}
	for _, k := range gone {
		if k.OwnGone() && !k.Gone[0].At.Before(t.Since) && k.LastSeen.After(s.Thawed) {
			t.Gone[k.Statement] = true
		}
	}
	return t
}

// tally adds what the visit found to what is counted. It says how many
// statements are gone of how many looked at, and whether this visit found one so.
func (j *judge) tally() (gone, looked int, found bool) {
	gone, looked = len(j.k.Tally.Gone), j.k.Tally.Looked
	for _, it := range j.order {
		if it.look == nil || !it.firstHand() || j.foreign(it.Known) {
			continue
		}
		counted := j.k.Tally.Gone[it.Statement]
		if it.Checked.Before(j.k.Tally.Since) || j.k.Tally.Since.IsZero() {
			looked++
		}
		switch {
		case it.live != nil && counted:
			gone--
		case it.live == nil && j.counts(it) && len(it.Absences) == 0 && len(it.Deletions) == 0 && it.LastSeen.After(j.k.Source.Thawed):
			found = true
			if !counted {
				gone++
			}
		}
	}
	return gone, looked, found
}

// isMass reports whether so many are missing at once that none of them is
// judged: more than three, and a fifth of what was looked at.
func isMass(missing, looked int) bool { return missing > 3 && missing*5 >= looked }
