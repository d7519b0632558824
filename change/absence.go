// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"onrecord"
)

// A loss is a statement that a visit found missing, for the first time.
type loss struct {
	it *item
	by *onrecord.Seen
}

// judgeAbsences finds what is missing from complete ranges. A few are suspects;
// many at once are no deletions but something that a person should see.
func (j *judge) judgeAbsences() {
	if !j.may {
		return
	}
	lost, looked, listed := j.losses()
	mass, own := 0, 0
	for _, l := range lost {
		if l.it.LastSeen.After(j.k.Source.Thawed) {
			mass++ // what is older was looked at by the operator, who thawed the source
			if l.by == l.it.look {
				own++
			}
		}
	}
	gone, since, found := j.tally()
	switch {
	case !j.alive:
		j.hole = true
	case isMass(mass, looked):
		j.hole = true
		reason := fmt.Sprintf("%d of %d statements looked at are missing", mass, looked)
		if own == mass {
			reason += atOwnAddresses
		}
		j.freeze(reason)
	case j.frozen:
		j.hole = j.hole || len(lost) > 0
		if j.back(lost, looked, listed) {
			j.thaw("what was missing is back")
		}
	case isMass(gone, since) && found:
		j.hole = true
		j.freeze(fmt.Sprintf("%d of %d statements looked at since %s are missing", gone, since, j.k.Tally.Since.UTC().Format(time.DateOnly)) + atOwnAddresses)
	default:
		for _, l := range lost {
			j.suspect(l)
		}
		if gone, none := j.noneThere(); none {
			j.hole = true
			j.freeze(fmt.Sprintf("all %d statements looked at are missing", gone) + atOwnAddresses)
		}
	}
}

// atOwnAddresses ends the reason of a freeze for what own addresses said: lists
// that are well say nothing against it.
const atOwnAddresses = " at their own addresses"

// noneThere reports whether own addresses called several statements gone that no
// list shows, and none there. No canary vouches for such answers, so that nothing
// follows from them for any statement; but a person should see it.
func (j *judge) noneThere() (gone int, none bool) {
	unclear := 0
	for _, it := range j.order {
		switch {
		case it.look == nil || !it.firstHand() || j.foreign(it.Known):
		case it.found == onrecord.LookLive:
			return 0, false
		case it.live != nil || len(it.Deletions) > 0:
		case it.found == onrecord.LookGone:
			gone++
		default:
			unclear++
		}
	}
	return gone, gone > 1 && gone > unclear
}

// back reports whether what froze the source is explained by this visit: lists
// that lacked much are whole again; or, where own addresses had called much
// gone, none does so now, and one of those is there. That others are says nothing.
func (j *judge) back(lost []loss, looked, listed int) bool {
	if !strings.HasSuffix(j.k.Source.Frozen, atOwnAddresses) {
		return !j.v.Checks && (listed > 0 || looked > 0 && !j.v.Can.CompleteRanges)
	}
	if slices.ContainsFunc(lost, func(l loss) bool { return l.by == l.it.look }) {
		return false
	}
	if gone, since, _ := j.tally(); isMass(gone, since) {
		return false
	}
	return slices.ContainsFunc(j.order, func(it *item) bool {
		return it.live != nil && it.LastLook.After(it.LastSeen)
	})
}

// losses returns the statements that are newly missing, how many statements
// were looked at, and how many of them in lists.
func (j *judge) losses() (lost []loss, looked, listed int) {
	lost, looked, listed = j.missingItems()
	ranges := j.ranges()
	if len(ranges) == 0 {
		return lost, looked, listed
	}
	for id, s := range j.statements() {
		seen := rangeOf(ranges, s.Order)
		if seen == nil || j.foreign(s) {
			continue
		}
		it := j.items[id]
		if it == nil {
			it = &item{Known: covered(s, j.runs), isKnown: true}
		}
		if !it.firstHand() || len(it.Deletions) > 0 {
			// Of what others have seen nothing is said, but that it is missing.
			j.hole = j.hole || !it.firstHand() && !it.shown && it.live == nil
			continue
		}
		if it.look == nil && it.missing == nil {
			looked++
		}
		if it.missing == nil {
			listed++
		}
		if it.shown || it.live != nil || it.missing != nil {
			continue
		}
		j.hole = true
		if !it.Suspect() && !j.unlisted(it, seen.At) && !j.counts(it) {
			lost = append(lost, loss{it, seen})
		}
	}
	slices.SortFunc(lost, func(a, b loss) int {
		return cmp.Or(onrecord.CompareOrder(a.it.Order, b.it.Order), cmp.Compare(a.it.Statement, b.it.Statement))
	})
	return lost, looked, listed
}

// missingItems returns those of the shown and looked at statements that an
// answer says are gone. Those that are known to be deleted are not among them.
func (j *judge) missingItems() (lost []loss, looked, listed int) {
	for _, it := range j.order {
		if !it.firstHand() || j.foreign(it.Known) || it.look == nil && it.missing == nil || len(it.Deletions) > 0 {
			continue
		}
		looked++
		if it.missing != nil {
			listed++
		}
		if it.live != nil || it.Suspect() {
			continue
		}
		switch {
		case j.counts(it):
			lost = append(lost, loss{it, it.look})
		case it.missing != nil:
			lost = append(lost, loss{it, it.missing})
		}
	}
	return lost, looked, listed
}

// unlisted reports whether the statement is one that the platform leaves out
// of its lists though it is there: its own address said so less than a day
// ago, and no page has shown it since.
func (j *judge) unlisted(it *item, at time.Time) bool {
	return !it.LastLook.IsZero() && !it.LastSeen.After(it.LastLook) && at.Sub(it.LastLook) < againAfter
}

// ranges returns the answers in which an absence means something.
func (j *judge) ranges() []*onrecord.Seen {
	if !j.v.Can.CompleteRanges {
		return nil
	}
	var out []*onrecord.Seen
	for i := range j.v.Seen {
		if s := &j.v.Seen[i]; answered(*s) && !isLook(*s) && !s.Range.IsZero() {
			out = append(out, s)
		}
	}
	return out
}

func rangeOf(list []*onrecord.Seen, order string) *onrecord.Seen {
	for _, s := range list {
		if s.Range.Contains(order) {
			return s
		}
	}
	return nil
}

// suspect records that a statement is missing from a complete range (D1), or
// that a page calls it gone.
func (j *judge) suspect(l loss) {
	if l.by == l.it.look {
		return // judgeLooks has more to say
	}
	e := j.statement(onrecord.StatementLooked, l.it, l.by, l.it.LastSeen)
	e.Look, e.Grade = onrecord.LookAbsent, onrecord.GradeD1
	if l.by == l.it.missing {
		e.Code = l.it.code
	}
	follow(&e, l.it.justSeen())
	j.emit(e)
}

// justSeen is the first moment, to the journal's microsecond, at which the
// statement may be missing again. It lies in the future only where our clock was
// ahead.
func (it *item) justSeen() onrecord.Mark {
	if it.LastSeen.IsZero() {
		return onrecord.Mark{}
	}
	return onrecord.Mark{At: it.LastSeen.Add(time.Microsecond)}
}

func (j *judge) freeze(reason string) {
	j.res.Probe = true
	if j.frozen {
		return
	}
	e := j.event(onrecord.SourceFrozen, j.v.Ended, j.lastGood())
	e.Reason = reason
	j.source(e, "frozen")
	j.frozen = true
	j.res.Frozen = &onrecord.Frozen{Reason: reason, Since: j.v.Ended}
}

func (j *judge) thaw(reason string) {
	e := j.event(onrecord.SourceThawed, j.v.Ended, j.k.Source.FrozenAt)
	e.Reason = reason
	j.source(e, "frozen")
	j.frozen = false
	j.k.Source.Frozen = ""
}

// lastGood returns the end of the last good visit before this one.
func (j *judge) lastGood() time.Time { return later(j.k.LastGood, j.k.Source.LastGood) }

// judgeLooks says what follows from the answers of statements' own addresses.
func (j *judge) judgeLooks() {
	if !j.may {
		return
	}
	for _, it := range j.order {
		if it.look == nil || it.live != nil || it.signed != nil || !it.firstHand() || j.foreign(it.Known) {
			continue
		}
		switch {
		case j.alive && !j.frozen && j.counts(it):
			j.judgeGone(it)
		case it.found == onrecord.LookGone || it.Suspect():
			j.unclear(it)
		}
	}
}

// counts reports whether the statement's own address said that it is gone,
// while the canary answered.
func (j *judge) counts(it *item) bool {
	return it.look != nil && it.found == onrecord.LookGone && j.canary(it)
}

// canary reports whether another statement of the account, seen live before,
// was there at its own address in this visit: the platform answers such
// questions, and answers them truly.
func (j *judge) canary(suspect *item) bool {
	return slices.ContainsFunc(j.order, func(it *item) bool {
		return it != suspect && it.look != nil && it.found == onrecord.LookLive && it.firstHand() && !j.foreign(it.Known) && !it.LastSeen.IsZero()
	})
}

// judgeGone weighs one more gone look, given while the account was live and
// the canary answered.
func (j *judge) judgeGone(it *item) {
	at := it.look.At
	var first, last time.Time
	if n := len(it.Gone); n > 0 {
		first, last = it.Gone[0].At, it.Gone[n-1].At
	}
	confirm := j.v.Config.Confirm(j.v.Platform, j.v.Kind)
	switch {
	case len(it.Deletions) > 0:
		if it.Grade >= onrecord.GradeD3 || first.IsZero() || at.Sub(first) < againAfter || at.Sub(last) < confirm {
			return
		}
		j.deleted(it, it.look, onrecord.GradeD3, it.Deletions[0].Window)
	case !first.IsZero() && at.Sub(first) >= confirm:
		j.deleted(it, it.look, onrecord.GradeD2, onrecord.NewWindow(it.LastSeen, first, j.v.Skew))
	default:
		e := j.statement(onrecord.StatementLooked, it, it.look, it.LastSeen)
		e.Look, e.Code = onrecord.LookGone, it.code
		j.emit(e)
	}
}

// judgeSigned records a deletion that the platform or the author has issued.
func (j *judge) judgeSigned(it *item) {
	if it.Grade == onrecord.GradeD4 && len(it.Deletions) > 0 {
		return
	}
	w := onrecord.NewWindow(it.LastSeen, it.signed.At, j.v.Skew)
	if n := len(it.Gone); n > 0 {
		w = onrecord.NewWindow(it.LastSeen, it.Gone[0].At, j.v.Skew)
	}
	j.deleted(it, it.signed, onrecord.GradeD4, w)
}

func (j *judge) deleted(it *item, s *onrecord.Seen, g onrecord.Grade, w onrecord.Window) {
	e := j.statement(onrecord.StatementDeleted, it, s, time.Time{})
	e.After, e.By, e.Disputed = w.After, w.By, w.Disputed
	e.Grade, e.Code, e.Look = g, it.code, onrecord.LookGone
	follow(&e, it.justSeen())
	j.emit(e)
}

// unclear records a look that settles nothing.
func (j *judge) unclear(it *item) {
	if len(it.Deletions) > 0 {
		return
	}
	e := j.statement(onrecord.StatementLooked, it, it.look, it.LastSeen)
	e.Look = onrecord.LookUnclear
	switch {
	case it.found != onrecord.LookGone:
	case !j.alive:
		e.Reason = "the account is not known to be live"
	case j.frozen:
		e.Reason = "the source is frozen"
	default:
		e.Reason = "the canary did not answer"
	}
	e.Code = cmp.Or(it.code, e.Code)
	j.emit(e)
}
