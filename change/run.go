// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"maps"
	"slices"

	"onrecord"
)

// maxRuns bounds the open runs of a source, as bytes of JSON, nearly: the state
// register must stay small (record.md 3).
const maxRuns = 24 << 10

// maxSeen bounds the list of a run.
const maxSeen = 500

// cover says what a good visit covered.
func (j *judge) cover() {
	r := onrecord.Run{
		Door: j.v.Door, Parser: j.v.Parser, From: j.v.Started, Until: j.v.Started, Visits: 1,
		Base: j.k.Base, Account: j.account.State,
	}
	r.Checks = j.v.Checks
	if !j.first {
		r.Provenance = j.v.Provenance
	}
	seen := make(map[onrecord.StatementID]bool)
	if j.repeats() {
		j.repeat(&r, seen)
	} else {
		r.Range = j.completeRange()
	}
	unread := make(map[onrecord.StatementID]bool)
	for _, id := range r.Unread {
		unread[id] = true
	}
	for _, it := range j.order {
		if it.page != nil && (it.told || it.isKnown) {
			seen[it.Statement] = true
			unread[it.Statement] = !it.reads(false)
		}
	}
	maps.DeleteFunc(unread, func(id onrecord.StatementID, yes bool) bool {
		return !yes || !seen[id] && !slices.Contains(r.Unread, id)
	})
	if !j.repeats() {
		j.except(&r, seen)
	}
	r.Unread = slices.Sorted(maps.Keys(unread))
	r.Seen = slices.Sorted(maps.Keys(seen))
	if len(r.Seen) > maxSeen {
		r.Seen = j.shorten(r.Seen)
	}
	if a := j.asked(); a.Len() > 0 {
		r.Asked = []onrecord.Asked{a}
	} else if r.Checks {
		return
	}
	j.res.Run = &r
}

// asked says of which known statements the visit learnt at their own addresses,
// and what. It claims no more than would count: where a list shows what its own
// address calls gone, or the canary is silent, the answer settles nothing.
func (j *judge) asked() onrecord.Asked {
	a := onrecord.Asked{At: j.v.Started}
	for _, it := range j.order {
		if !it.isKnown || !it.asked && it.look == nil || a.Len() >= maxSeen {
			continue
		}
		list := &a.Unclear
		switch {
		case it.reads(true):
			list = &a.Read
		case it.asked:
			list = &a.Live
		case it.live == nil && j.counts(it):
			list = &a.Gone
		}
		*list = append(*list, it.Statement)
	}
	for _, list := range [][]onrecord.StatementID{a.Read, a.Live, a.Gone, a.Unclear} {
		slices.Sort(list)
	}
	return a
}

// except names what the range of r holds and the visit has not seen, and takes
// out of seen what the range tells.
func (j *judge) except(r *onrecord.Run, seen map[onrecord.StatementID]bool) {
	if r.Range.IsZero() {
		return
	}
	for id, s := range j.statements() {
		if s.FirstIndex < 0 || s.FirstIndex > j.k.Base || j.foreign(s) || !r.Range.Contains(s.Order) {
			continue
		}
		if !seen[id] {
			r.Except = append(r.Except, id)
		}
		delete(seen, id)
	}
	slices.Sort(r.Except)
}

// repeat fills r with what the last answer of the same door and parser showed,
// for a visit that was told that nothing has changed since. Suspects are left
// out: the list may stand unchanged though a statement on it is gone. What was
// shown more than a day ago is not vouched for.
func (j *judge) repeat(r *onrecord.Run, seen map[onrecord.StatementID]bool) {
	old, ok := j.k.Source.Runs[onrecord.RunKey(j.v.Door, j.v.Parser)]
	if !ok || r.Until.Sub(old.Until) > repeatable {
		return
	}
	r.Base, r.Range, r.Except, r.Unread = old.Base, old.Range, slices.Clone(old.Except), slices.Clone(old.Unread)
	r.Account = cmp.Or(r.Account, old.Account)
	for _, id := range old.Seen {
		seen[id] = true
	}
	for id, s := range j.statements() {
		it := j.items[id]
		if !s.Suspect() && (it == nil || it.look == nil || it.live != nil) {
			continue
		}
		delete(seen, id)
		if r.Range.Contains(s.Order) && !slices.Contains(r.Except, id) {
			r.Except = append(r.Except, id)
		}
	}
	slices.Sort(r.Except)
}

// shorten leaves those out of a list of seen statements of which events tell.
func (j *judge) shorten(list []onrecord.StatementID) []onrecord.StatementID {
	list = slices.DeleteFunc(list, func(id onrecord.StatementID) bool {
		it := j.items[id]
		return it != nil && it.told
	})
	return list[:min(len(list), maxSeen)]
}

// repeats reports whether the pages of the visit were not modified, so that
// they show what they showed before.
func (j *judge) repeats() bool {
	repeated := false
	for _, s := range j.v.Seen {
		if isLook(s) || livesOn(s) {
			continue
		}
		if s.Outcome != onrecord.OutcomeNotModified {
			return false
		}
		repeated = true
	}
	return repeated || len(j.v.Seen) == 0 && j.v.Outcome == onrecord.OutcomeNotModified
}

// livesOn reports whether s is the answer of a look-up that found the account
// well: it shows no statements, and what the lists showed stands.
func livesOn(s onrecord.Seen) bool {
	return s.Kind == "lookup" && answered(s) && len(s.Items) == 0 && s.Account.State == onrecord.AccountLive
}

// completeRange returns the span in which the visit saw whatever there is: that
// of the first page and of those that join it. A span with a hole in it that
// nothing explains is not complete.
func (j *judge) completeRange() onrecord.Range {
	if !j.may || j.hole || j.frozen || !j.alive {
		return onrecord.Range{}
	}
	var out onrecord.Range
	for _, s := range j.ranges() {
		if out.IsZero() {
			out = s.Range
		} else if u, ok := union(out, s.Range); ok {
			out = u
		}
	}
	return j.nameless(out)
}

// nameless returns r without bounds that are the keys of erased statements, since
// on most platforms those are their ids: up to the next statement that the visit
// has seen within, or nothing, where there is none.
func (j *judge) nameless(r onrecord.Range) onrecord.Range {
	var from, to string // the outermost of the others
	erased := func(order string) bool {
		return order != "" && slices.ContainsFunc(j.order, func(it *item) bool { return it.Erased && it.place == order })
	}
	if !erased(r.From) && !erased(r.To) {
		return r
	}
	for _, it := range j.order {
		if it.Erased || !r.Contains(it.place) {
			continue
		}
		if from == "" || onrecord.CompareOrder(it.place, from) < 0 {
			from = it.place
		}
		if to == "" || onrecord.CompareOrder(it.place, to) > 0 {
			to = it.place
		}
	}
	if from == "" {
		return onrecord.Range{}
	}
	if erased(r.From) {
		r.From, r.FromIn = from, true
	}
	if erased(r.To) {
		r.To, r.ToIn = to, true
	}
	return r
}

// union returns the range that covers a and b, if nothing lies between them.
func union(a, b onrecord.Range) (onrecord.Range, bool) {
	if b.From == "" || a.From != "" && compareBound(b.From, b.FromIn, a.From, a.FromIn) < 0 {
		a, b = b, a
	}
	if a.To != "" && b.From != "" {
		if c := onrecord.CompareOrder(b.From, a.To); c > 0 || c == 0 && !b.FromIn && !a.ToIn {
			return onrecord.Range{}, false
		}
	}
	if a.To != "" && (b.To == "" || compareBound(b.To, !b.ToIn, a.To, !a.ToIn) > 0) {
		a.To, a.ToIn = b.To, b.ToIn
	}
	return a, true
}

// compareBound compares two bounds; of two that are equal, the one that is in
// comes first.
func compareBound(x string, xIn bool, y string, yIn bool) int {
	if c := onrecord.CompareOrder(x, y); c != 0 || xIn == yIn {
		return c
	}
	if xIn {
		return -1
	}
	return 1
}

// Extend adds a visit's run to the open ones: it extends the last if it saw
// the same through the same door at most an hour later, else begins the next. A
// run says that somebody looked from its first visit to its last, which visits
// a day apart do not. What was asked for at own addresses differs from visit to
// visit, and is told with the time of each. Visits that only checked come between
// others without ending their runs, and have runs of their own.
func Extend(open []onrecord.Run, r onrecord.Run) []onrecord.Run {
	out := slices.Clone(open)
	n := len(out) - 1
	for n >= 0 && out[n].Checks != r.Checks {
		n--
	}
	if n >= 0 && same(out[n], r) && joins(out[n], r) && askedFor(out[n])+askedFor(r) <= maxSeen {
		out[n].Until = later(out[n].Until, r.Until)
		out[n].Visits += r.Visits
		out[n].Asked = slices.Concat(out[n].Asked, r.Asked)
		return out
	}
	return append(out, r)
}

// askedFor returns how many looks at own addresses r tells of.
func askedFor(r onrecord.Run) int {
	n := 0
	for _, a := range r.Asked {
		n += a.Len()
	}
	return n
}

// joins reports whether b began soon after the last visit of a. A clock that
// went back joins nothing.
func joins(a, b onrecord.Run) bool {
	d := b.From.Sub(a.Until)
	return d >= 0 && d <= runAge
}

func same(a, b onrecord.Run) bool {
	return a.Door == b.Door && a.Parser == b.Parser && a.Account == b.Account && a.Provenance == b.Provenance &&
		a.Range == b.Range && slices.Equal(a.Except, b.Except) && slices.Equal(a.Seen, b.Seen) && slices.Equal(a.Unread, b.Unread)
}

// runsSize returns about how many bytes of JSON the runs take.
func runsSize(runs []onrecord.Run) int {
	n := 0
	for _, r := range runs {
		n += 320 + 19*(len(r.Except)+len(r.Seen)+len(r.Unread)+askedFor(r)) + 80*len(r.Asked) + len(r.Range.From) + len(r.Range.To)
	}
	return n
}
