// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"slices"
	"time"

	"onrecord"
)

// judgeItem says what follows from what was shown of one statement.
func (j *judge) judgeItem(it *item) {
	switch {
	case !j.first:
		j.judgeReport(it)
		return
	case it.signed != nil && j.may && it.isKnown && !j.foreign(it.Known):
		j.judgeSigned(it)
		return
	case it.live == nil:
		j.hole = j.hole || !it.isKnown && it.shown
		return
	case !it.firstHand():
		j.judgeNew(it)
		return
	case j.v.Late:
		j.judgeLate(it)
		return
	}
	if len(it.Deletions) > 0 && j.good {
		e := j.statement(onrecord.StatementRestored, it, it.live, it.lastGone())
		j.tell(it, e)
	}
	j.judgeWordings(it)
	if !it.told && it.Suspect() && j.good {
		e := j.statement(onrecord.StatementLooked, it, it.live, it.lastGone())
		e.Look = onrecord.LookLive
		j.tell(it, e)
	}
	if !it.told && it.newAlias() {
		j.catchUp(it)
	}
}

// tell emits an event that sights the statement.
func (j *judge) tell(it *item, e onrecord.Event) {
	j.inOrder(it, &e)
	it.told = true
	it.named = it.named || e.Version != "" && e.Reason == ""
	j.emit(e)
}

// inOrder makes e fold after the wording, the absence or the deletion that it ends.
func (j *judge) inOrder(it *item, e *onrecord.Event) {
	end := func(m onrecord.Mark) {
		if m.FirstHand && j.first {
			follow(e, m)
		}
	}
	switch {
	case e.Type == onrecord.StatementRestored, e.Type == onrecord.StatementLooked:
		end(onrecord.Mark{FirstHand: true, At: it.lastGone()})
	case e.Version == "" || e.Reason != "" || j.v.Late:
	case e.Type == onrecord.StatementEdited:
		end(it.Current().Mark)
		fallthrough
	case e.Type == onrecord.StatementSeen:
		end(it.Readings[j.key].Mark)
	}
}

// lastGone returns the last time at which it was found missing.
func (it *item) lastGone() time.Time {
	var t time.Time
	for _, g := range it.Gone {
		t = later(t, g.At)
	}
	for _, d := range it.Deletions {
		t = later(t, d.At)
	}
	for _, a := range it.Absences {
		t = later(t, a)
	}
	if len(it.Deletions) > 0 && it.Checked.After(it.LastSeen) {
		t = later(t, it.Checked) // in vain: such a look is no event
	}
	return t
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (it *item) newAlias() bool {
	return slices.ContainsFunc(it.also, func(a string) bool {
		_, ok := slices.BinarySearch(it.Aliases, a)
		return !ok
	})
}

// judgeNew begins a statement that nobody here has seen before: with its first
// wording, and what its history tells of later ones.
func (j *judge) judgeNew(it *item) {
	list := it.wordings()
	if len(list) == 0 {
		j.hole = true // it is there, but has no wording yet: no range may say that it was not
		return
	}
	after := j.lastWithout(it)
	for i, r := range list {
		t, s := onrecord.StatementCreated, it.live
		if i > 0 { // perhaps while it was hidden, so that no look bounds it
			t, s, after = onrecord.StatementEdited, r.seen, time.Time{}
		}
		e := it.wording(j.statement(t, it, s, after), r)
		e.Captures = captures(r.seen.Capture)
		if i == 0 && it.live.Capture != r.seen.Capture {
			e.Captures = append(captures(it.live.Capture), e.Captures...)
		}
		j.tell(it, e)
	}
}

// lastWithout returns the last complete look that would have shown it and did
// not.
func (j *judge) lastWithout(it *item) time.Time {
	r := j.k.Source.Complete
	if it.place == "" || !r.Range.Contains(it.place) {
		return time.Time{}
	}
	if j.v.Late && !r.Until.Before(it.live.At) { // of a later visit
		return time.Time{}
	}
	return r.Until
}

// wordings returns what was shown as the statement's wordings, oldest first:
// the platform's history where it was shown, else the last reading. Of several
// readings in one answer that are no history, the first counts: it is the one
// that the door would list first again.
func (it *item) wordings() []reading {
	if len(it.readings) < 2 {
		return it.readings
	}
	var history, last []reading
	for _, r := range it.readings {
		if len(last) > 0 && last[0].seen == r.seen {
			last = append(last, r)
		} else {
			last = []reading{r}
		}
		if isHistory(last) {
			history = last
		}
	}
	if history != nil {
		return history
	}
	return last[:1]
}

// isHistory reports whether the readings of one answer are a history: more
// than one, and the platform says when the later ones began.
func isHistory(list []reading) bool {
	if len(list) < 2 {
		return false
	}
	for _, r := range list[1:] {
		if r.Changed.IsZero() {
			return false
		}
	}
	return true
}

// judgeWordings compares what was shown of a known statement with what the
// same door and parser read last.
func (j *judge) judgeWordings(it *item) {
	list := it.wordings()
	if len(list) == 0 || it.Erased {
		return
	}
	own, named, read := it.Read(j.key)
	if j.foreign(it.Known) {
		j.judgeForeign(it, list[len(list)-1], own, read)
		return
	}
	if len(list) > 1 {
		j.judgeHistory(it, list, own, read)
		now := it.Current().Version
		if named {
			now = own.Version
		}
		if r := list[len(list)-1]; !it.named && r.version != now {
			j.tell(it, it.wording(j.statement(onrecord.StatementSeen, it, r.seen, time.Time{}), r))
		}
		return
	}
	r, cur := list[0], it.Current()
	edited := func() {
		j.tell(it, it.wording(j.statement(onrecord.StatementEdited, it, r.seen, own.At), r))
	}
	seen := func() {
		j.tell(it, it.wording(j.statement(onrecord.StatementSeen, it, r.seen, time.Time{}), r))
	}
	since := own.At
	if named {
		since = own.Mark.At
	}
	switch {
	case named && r.version == own.Version:
	case !named && r.version == cur.Version:
	case !read, r.version == cur.Version, r.version == own.Version, cur.Mark.At.After(since):
		// Never read before; or the door catches up with an edit that another
		// brought, or lags behind it: that edit is recorded, and when this door
		// would have shown it nobody knows.
		seen()
	case r.Dated && r.Changed.Equal(cur.Changed):
		seen() // what it repeats was changed, not it
	default:
		edited()
	}
}

// judgeForeign notes how another account words a statement, where that is not
// what it last showed: own, if it was read before, else the current wording.
func (j *judge) judgeForeign(it *item, r reading, own onrecord.Reading, read bool) {
	last := it.Current().Version
	if read {
		last = own.Version
	}
	if r.version != last {
		j.tell(it, it.wording(j.statement(onrecord.StatementSeen, it, r.seen, time.Time{}), r))
	}
}

// judgeHistory compares the platform's own history of a statement with the
// wordings that are known.
func (j *judge) judgeHistory(it *item, list []reading, own onrecord.Reading, read bool) {
	known := knownIn(list, it.Wordings)
	last, after := -1, own.At
	if !read {
		after = it.LastRead
	}
	for i, w := range known {
		if w != nil {
			last = i
		}
	}
	if last < 0 { // nothing ties it to what is known: another door or parser read that
		list, known = list[len(list)-1:], known[:1]
		if !read {
			j.tell(it, it.wording(j.statement(onrecord.StatementSeen, it, list[0].seen, time.Time{}), list[0]))
			return
		}
	}
	for _, r := range list[max(last, 0)+1:] {
		if last >= 0 && (r.version == own.Version || r.version == list[last].version) {
			after = surely(known[:last+1]) // what was read since may have been this one already
		}
	}
	for i, r := range list {
		switch {
		case known[i] != nil:
		case i < last:
			e := it.wording(j.statement(onrecord.StatementSeen, it, r.seen, time.Time{}), r)
			e.Reason = onrecord.ReasonHistory
			j.within(&e, time.Time{}, it.FirstSeen)
			j.emit(e)
		default:
			j.tell(it, it.wording(j.statement(onrecord.StatementEdited, it, r.seen, after), r))
		}
	}
}

// surely returns when the last of the entries that was read while it was current
// was read.
func surely(known []*onrecord.Wording) time.Time {
	for _, w := range slices.Backward(known) {
		if w != nil && !w.Past {
			return w.From
		}
	}
	return time.Time{}
}

// knownIn tells which entries of a history are known first-hand: those that were
// observed with the same claim of when they began; and, for each wording that was
// observed without a claim, the last entry of that version that claims to have
// begun before, else the first there is. It returns the wording that each entry
// was observed as, or nil.
func knownIn(list []reading, wordings []onrecord.Wording) []*onrecord.Wording {
	known := make([]*onrecord.Wording, len(list))
	used := make([]bool, len(wordings))
	for n, w := range wordings {
		for i, r := range list {
			if w.Mark.FirstHand && known[i] == nil && !used[n] && w.Version == r.version && w.Changed.Equal(r.Changed) {
				known[i], used[n] = &wordings[n], true
			}
		}
	}
	for n, w := range wordings {
		if used[n] || !w.Changed.IsZero() || !w.Mark.FirstHand {
			continue
		}
		best := -1
		for i, r := range list {
			if known[i] != nil || w.Version != r.version {
				continue
			}
			if best < 0 || !r.Changed.After(w.Mark.At) {
				best = i
			}
		}
		if best >= 0 {
			known[best] = &wordings[n]
		}
	}
	return known
}

// judgeLate notes what a late visit adds to a statement: a wording that is not
// known, or a sighting before the first.
func (j *judge) judgeLate(it *item) {
	list := it.wordings()
	for i, r := range list {
		if slices.Contains(it.Versions, r.version) && !it.live.At.Before(it.FirstSeen) {
			continue
		}
		e := it.wording(j.statement(onrecord.StatementSeen, it, r.seen, time.Time{}), r)
		if i < len(list)-1 {
			e.Reason = onrecord.ReasonHistory
		}
		j.tell(it, e)
	}
}

// catchUp records an alias that was not known, with the wording it stands at.
func (j *judge) catchUp(it *item) {
	list := it.wordings()
	if len(list) == 0 {
		return
	}
	r := list[len(list)-1]
	j.tell(it, it.wording(j.statement(onrecord.StatementSeen, it, r.seen, time.Time{}), r))
}

// judgeReport notes what an import or a mirror says: statements and wordings
// that are not known, and that one was reported deleted (D0).
func (j *judge) judgeReport(it *item) {
	list := it.wordings()
	for i, r := range list {
		if slices.Contains(it.Versions, r.version) {
			continue
		}
		e := it.wording(j.statement(onrecord.StatementSeen, it, r.seen, time.Time{}), r)
		switch {
		case !it.isKnown && i == 0:
			e.Type = onrecord.StatementCreated
		case i < len(list)-1:
			e.Reason = onrecord.ReasonHistory
		}
		j.tell(it, e)
	}
	s := it.missing
	if s == nil {
		s = it.signed
	}
	if s == nil && it.found == onrecord.LookGone {
		s = it.look
	}
	if _, ok := slices.BinarySearch(it.Reported, j.v.Source); s == nil || ok || j.foreign(it.Known) {
		return
	}
	e := j.statement(onrecord.StatementDeleted, it, s, j.published(it, s.At))
	e.Grade, e.Code, e.Reason = onrecord.GradeD0, it.code, cmp.Or(j.v.Reporter, j.v.Source)
	j.emit(e)
}

// published returns the claimed time of a statement as a lower bound for what
// happened to it by the given time, or zero where the claim can't be one.
func (j *judge) published(it *item, by time.Time) time.Time {
	t := it.Published
	if t.IsZero() {
		t = it.claimed
	}
	if n := len(it.readings); n > 0 && !it.readings[n-1].Published.IsZero() {
		t = it.readings[n-1].Published
	}
	if t.After(by) {
		return time.Time{}
	}
	return t
}
