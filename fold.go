// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"cmp"
	"slices"
	"time"
)

// NewKnown returns what is known of a statement before its first event.
func NewKnown(id StatementID) Known {
	return Known{Statement: id, State: StateLive, Prev: -1, FirstIndex: -1}
}

// Apply folds one event into k. It is the one definition of what an event does
// to a statement; views store columns by the same rules.
//
// Events are folded by their time of observation, ties by ledger index, and
// the result does not depend on the order of the calls, with one exception
// that ledger order keeps by itself: a source.looked run is applied after the
// events up to its Base. Applying an event twice changes nothing. The zero
// Known takes the name of the first statement event that it is given; later
// events of other statements are ignored, as are events of accounts,
// platforms, gaps and the archive: what becomes of a statement when its
// account does is derived, by StateUnder.
//
// First-hand means provenance captured (or none). The time of a sighting is
// that of the request where the event cites captures, else At: a lower bound
// must not be later than what the platform knew when it answered.
//
//   - created, edited, seen: Wordings gets the version, from which Version,
//     Versions and Published follow; Readings of the source's door and parser
//     names it, the latest wins. The current wording is the latest that was
//     created or edited first-hand, else the latest seen first-hand, else the
//     latest of all others. First-hand it is also a sighting, and LastRead. Reason history:
//     the version only.
//   - looked live, restored: a sighting.
//   - sighting: LastSeen moves forward; absences, gone looks and deletions up
//     to it are over, and WasDeleted tells that there was one.
//   - looked absent: Absences, of which Absent is the first. Looked gone: Gone.
//     Looked unclear: LastLook only, which every look moves.
//   - deleted first-hand: Deletions; a look (Look gone) counts in Gone too.
//     Deleted and Grade are the window of the first deletion in force and the
//     best grade. Otherwise: Reported, and no state but that of a statement
//     never seen first-hand, which is deleted with grade D0.
//   - withheld, unwithheld: Cases, in each of which the last decision counts.
//     Withheld is so while any of them withholds: what is lifted in one case says
//     nothing of another one. The state below stays as it is and is shown again when
//     all are lifted.
//   - erased: Erased and Also.
//   - media.kept, media.missed: nothing but what every event moves.
//   - source.looked: where the run saw the statement, in its list or as one of
//     the account's in its range, and is first-hand, LastSeen
//     moves to Until, as in a sighting; the reading of the run's door moves to
//     Until, and begins there, without a Version, if there is none, unless the
//     run says that it was shown unread. Read in a range it was Checked then.
//     Where the run asked for it at its own address, the same holds of the time
//     of that visit: read or live is a sighting, read a reading; read, live and
//     gone have Checked it, and unclear has Tried.
//
// Every statement event moves FirstIndex and Prev, adds Aliases, and fills
// NativeID and Order, of several Orders the least; ID and URL are those of the
// latest event that has one, first-hand before others. FirstSeen is At of the
// earliest first-hand sighting or reading, without one of the earliest event
// that is not first-hand; Provenance and Account are that event's. Another
// account may show the statement later: that makes it no statement of its own.
//
// State is, in this order: withheld; deleted where a deletion is in force;
// unconfirmed where Absent or Gone is set; restored where WasDeleted; deleted
// where a deletion is only Reported and nobody here ever saw the statement;
// else live, which says that nothing is known against it: LastSeen tells
// whether it was ever seen first-hand.
func (k *Known) Apply(e Event) {
	if e.Type == SourceLooked {
		k.cover(e)
		return
	}
	if e.Statement == "" {
		return
	}
	if k.Statement == "" {
		*k = NewKnown(e.Statement)
	}
	if e.Statement != k.Statement {
		return
	}
	k.name(e)
	switch e.Type {
	case StatementCreated, StatementEdited, StatementSeen:
		k.read(e)
	case StatementRestored:
		k.sight(e)
	case StatementLooked:
		k.look(e)
	case StatementDeleted:
		k.delete(e)
	case StatementWithheld, StatementUnwithheld:
		k.rule(e)
	case StatementErased:
		k.Erased = true
		if e.Erasure != nil && len(e.Erasure.Also) > 0 {
			k.Also = slices.Compact(slices.Sorted(slices.Values(slices.Concat(k.Also, e.Erasure.Also))))
		}
	}
	k.settle()
}

// rule folds a decision of the operator.
func (k *Known) rule(e Event) {
	r := Ruling{Withheld: e.Type == StatementWithheld, Mark: markOf(e)}
	if e.Takedown != nil {
		r.Takedown = *e.Takedown
	}
	if r.Takedown.Reason == "" {
		r.Takedown.Reason = e.Reason // of lines before there were cases
	}
	if was, ok := k.Cases[r.Takedown.Case]; ok && !r.Mark.Over(was.Mark) {
		return
	}
	if k.Cases == nil {
		k.Cases = map[string]Ruling{}
	}
	k.Cases[r.Takedown.Case] = r
	k.Withheld = false
	for _, c := range k.Cases {
		k.Withheld = k.Withheld || c.Withheld
	}
}

// name notes what every event of a statement says of it.
func (k *Known) name(e Event) {
	least := func(dst *string, s string) {
		if s != "" && (*dst == "" || s < *dst) {
			*dst = s
		}
	}
	least(&k.NativeID, e.NativeID)
	if m := markOf(e); (e.URL != "" || e.LocalID != "") && m.Over(k.Named) {
		k.Named, k.ID, k.URL = m, e.LocalID, e.URL
	}
	if e.Order != "" && (k.Order == "" || CompareOrder(e.Order, k.Order) < 0) {
		k.Order = e.Order
	}
	for _, a := range e.Aliases {
		k.Aliases = insert(k.Aliases, a, cmp.Compare[string])
	}
	if e.Index > 0 { // index 0 is a visit line, always
		k.Prev = max(k.Prev, e.Index)
		if k.FirstIndex <= 0 || e.Index < k.FirstIndex {
			k.FirstIndex = e.Index
		}
	}
	if firstHand(e.Provenance) && !sights(e) {
		if k.Provenance == "" {
			least(&k.Account, e.Account.ID)
		}
		return
	}
	if k.before(e) {
		k.FirstSeen, k.Provenance, k.Account = e.At, cmp.Or(e.Provenance, Captured), e.Account.ID
	}
}

// before reports whether e comes before what FirstSeen, Provenance and Account
// come from.
func (k *Known) before(e Event) bool {
	first, had := firstHand(e.Provenance), k.Provenance == Captured
	if k.Provenance == "" || first != had {
		return k.Provenance == "" || first
	}
	return cmp.Or(e.At.Compare(k.FirstSeen), cmp.Compare(cmp.Or(e.Provenance, Captured), k.Provenance), cmp.Compare(e.Account.ID, k.Account)) < 0
}

// sights reports whether e says that somebody saw the statement.
func sights(e Event) bool {
	switch e.Type {
	case StatementCreated, StatementEdited, StatementSeen, StatementRestored:
		return true
	}
	return e.Type == StatementLooked && e.Look == LookLive
}

// read notes a wording.
func (k *Known) read(e Event) {
	w := Wording{
		Version: e.Version, Mark: markOf(e), From: seenFrom(e), Changed: e.Changed, Published: e.PublishedAt,
		Past:  e.Reason == ReasonHistory,
		Moves: e.Type != StatementSeen,
	}
	if e.Version != "" {
		k.Wordings = insert(k.Wordings, w, compareWordings)
	}
	if w.Past {
		return
	}
	if e.Version != "" {
		if k.Readings == nil {
			k.Readings = make(map[string]Reading)
		}
		key := ReadingKey(e.Source, e.Door, e.Parser)
		r := k.Readings[key]
		if w.Mark.Over(r.Mark) {
			r.Version, r.Mark = e.Version, w.Mark
		}
		r.At = latest(r.At, seenFrom(e))
		k.Readings[key] = r
	}
	if w.Mark.FirstHand {
		k.LastRead = latest(k.LastRead, seenFrom(e))
	}
	k.sight(e)
}

func (k *Known) sight(e Event) {
	if firstHand(e.Provenance) {
		k.LastSeen = latest(k.LastSeen, seenFrom(e))
	}
}

func (k *Known) look(e Event) {
	k.LastLook = latest(k.LastLook, e.At)
	switch e.Look {
	case LookLive:
		k.sight(e)
	case LookAbsent:
		k.Absences = insert(k.Absences, e.At, time.Time.Compare)
	case LookGone:
		k.Gone = insert(k.Gone, GoneLook{At: e.At, Code: e.Code}, compareLooks)
	}
}

func (k *Known) delete(e Event) {
	if !firstHand(e.Provenance) {
		k.Reported = insert(k.Reported, e.Source, cmp.Compare[string])
		return
	}
	k.LastLook = latest(k.LastLook, e.At)
	k.Deletions = insert(k.Deletions, Deletion{At: e.At, Window: e.Window(), Grade: e.Grade}, compareDeletions)
	if e.Look == LookGone {
		k.Gone = insert(k.Gone, GoneLook{At: e.At, Code: e.Code}, compareLooks)
	}
}

// settle drops what the last sighting has ended, and derives what follows.
func (k *Known) settle() {
	over := func(t time.Time) bool { return !t.After(k.LastSeen) }
	k.Absences = slices.DeleteFunc(k.Absences, over)
	k.Gone = slices.DeleteFunc(k.Gone, func(g GoneLook) bool { return over(g.At) })
	n := len(k.Deletions)
	k.Deletions = slices.DeleteFunc(k.Deletions, func(d Deletion) bool { return over(d.At) })
	k.WasDeleted = k.WasDeleted || len(k.Deletions) < n

	k.Absent = time.Time{}
	if len(k.Absences) > 0 {
		k.Absent = k.Absences[0]
	}
	k.Deleted, k.Grade = Window{}, ""
	for i, d := range k.Deletions {
		if i == 0 {
			k.Deleted = d.Window
		}
		k.Grade = max(k.Grade, d.Grade)
	}
	k.Versions = k.Versions[:0]
	k.Published = time.Time{}
	for _, w := range k.Wordings {
		if !slices.Contains(k.Versions, w.Version) {
			k.Versions = append(k.Versions, w.Version)
		}
		if !w.Published.IsZero() && !w.Past {
			k.Published = w.Published
		}
	}
	cur := k.Current()
	k.Version = cur.Version
	if !cur.Published.IsZero() {
		k.Published = cur.Published
	}
	k.State = k.state()
	if k.State == StateDeleted && len(k.Deletions) == 0 {
		k.Grade = GradeD0
	}
}

func (k *Known) state() State {
	switch {
	case k.Withheld || k.Erased:
		return StateWithheld
	case len(k.Deletions) > 0:
		return StateDeleted
	case k.Suspect():
		return StateUnconfirmed
	case k.WasDeleted:
		return StateRestored
	case k.LastSeen.IsZero() && len(k.Reported) > 0:
		return StateDeleted
	}
	return StateLive
}

func firstHand(p Provenance) bool { return p == Captured || p == "" }

func markOf(e Event) Mark {
	return Mark{FirstHand: firstHand(e.Provenance), At: e.At, Index: e.Index}
}

// seenFrom returns the latest time at which e surely speaks of the present:
// the request of the first capture it cites, else At; At too where the clocks of
// captures and of what e follows disagree.
func seenFrom(e Event) time.Time {
	t := e.At
	if e.Disputed {
		return t
	}
	for _, c := range e.Captures {
		if !c.At.IsZero() && c.At.Before(t) {
			t = c.At
		}
	}
	return t
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// insert adds v to the sorted list, unless it is in it.
func insert[T any](list []T, v T, compare func(T, T) int) []T {
	i, ok := slices.BinarySearchFunc(list, v, compare)
	if ok {
		return list
	}
	return slices.Insert(list, i, v)
}
