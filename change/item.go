// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"iter"
	"slices"
	"time"

	"onrecord"
)

// An item is one statement as a visit showed it, and as it is known.
type item struct {
	onrecord.Known
	isKnown bool
	ref     onrecord.Ref
	place   string   // its order key
	also    []string // aliases

	live     *onrecord.Seen // first answer that showed it live
	page     *onrecord.Seen // first page of the account that showed it live
	asked    bool           // live in the answer of a statement's own address
	readings []reading      // whole wordings, in the order in which they were shown
	shown    bool           // on a page, in any form but gone
	missing  *onrecord.Seen // a page says that it is gone, without proof
	code     string         // the platform's word, where missing
	claimed  time.Time      // when it was published, where missing without wording: ids may carry it
	signed   *onrecord.Seen // a signed deletion
	look     *onrecord.Seen // asked for at its own address
	found    onrecord.LookResult
	told     bool // this visit has an event that sights it
	named    bool // and one that says how it reads
}

// A reading is one whole wording as one answer showed it.
type reading struct {
	onrecord.Observation
	version onrecord.VersionID
	seen    *onrecord.Seen
}

// collect sorts what the answers show by statement.
func (j *judge) collect() {
	for i := range j.v.Seen {
		s := &j.v.Seen[i]
		j.account.merge(s)
		if isLook(*s) {
			j.looked(s)
			continue
		}
		if !answered(*s) {
			continue
		}
		for _, o := range s.Items {
			if it := j.item(o); it != nil {
				it.observe(o, s, j.first)
				it.shown = it.shown || o.State != onrecord.ItemGone
			}
		}
	}
}

// looked notes the answer of a statement's own address.
func (j *judge) looked(s *onrecord.Seen) {
	about := j.item(onrecord.Observation{Ref: s.About})
	if about == nil {
		return
	}
	about.look, about.found = s, onrecord.LookUnclear
	if !answered(*s) {
		return
	}
	for _, o := range s.Items {
		it := j.item(o)
		if it == nil {
			continue
		}
		if it != about || o.State != onrecord.ItemGone {
			it.observe(o, s, j.first)
		}
		switch {
		case it != about:
		case o.State == onrecord.ItemGone && o.Signed:
			it.signed, it.code = s, o.Code
		case o.State == onrecord.ItemGone:
			it.found, it.code = onrecord.LookGone, o.Code
		case isLive(o):
			it.found = onrecord.LookLive
		}
	}
}

func isLive(o onrecord.Observation) bool { return o.State == onrecord.ItemLive || o.State == "" }

// observe notes one observation of the item. What is gone has no wording now;
// a report may still tell what it was.
func (it *item) observe(o onrecord.Observation, s *onrecord.Seen, firstHand bool) {
	switch {
	case o.State == onrecord.ItemGone && o.Signed:
		it.signed, it.code = s, o.Code
	case o.State == onrecord.ItemGone:
		it.missing, it.code = s, o.Code
		if !firstHand && it.claimed.IsZero() {
			it.claimed = o.Published
		}
	case !isLive(o):
	default:
		if it.live == nil {
			it.live = s
		}
		if it.page == nil && !isOwn(*s) {
			it.page = s
		}
		it.asked = it.asked || isOwn(*s)
	}
	if (isLive(o) || o.State == onrecord.ItemGone && !firstHand) && !o.Partial && !isEmpty(o.Content) {
		it.readings = append(it.readings, reading{o, o.Content.Version(), s})
	}
}

// reads reports whether a page of the account, or an own address, showed the
// statement with its wording.
func (it *item) reads(own bool) bool {
	return slices.ContainsFunc(it.readings, func(r reading) bool { return isOwn(*r.seen) == own })
}

func isEmpty(c onrecord.Content) bool {
	return c.Type == "" && c.Title == "" && c.Text == "" && c.HTML == "" && len(c.Media) == 0
}

// item returns the statement that o is about, joined by native id, then by
// alias; nil where o has no native id.
func (j *judge) item(o onrecord.Observation) *item {
	if onrecord.CheckNativeID(o.NativeID) != nil {
		j.hole = true
		return nil
	}
	it := j.names[o.NativeID]
	if it == nil {
		it = j.find(o)
	}
	it.ref.NativeID = it.NativeID
	if o.ID != "" && it.ref.ID == "" {
		it.ref.ID = o.ID
	}
	if o.URL != "" && it.ref.URL == "" {
		it.ref.URL = o.URL
	}
	if it.place == "" {
		it.place = o.Order
	}
	j.alias(it, o.NativeID)
	for _, a := range o.Aliases {
		j.alias(it, a)
	}
	return it
}

func (j *judge) alias(it *item, name string) {
	if name != it.NativeID && !slices.Contains(it.also, name) {
		it.also = append(it.also, name)
	}
	if j.names[name] == nil {
		j.names[name] = it
	}
}

// find returns the item of a native id that the visit has not shown before.
func (j *judge) find(o onrecord.Observation) *item {
	id := onrecord.NewStatementID(j.v.Platform, o.NativeID)
	s, ok := j.k.Statements[id]
	if !ok {
		for _, a := range o.Aliases {
			if it := j.names[a]; it != nil {
				return it
			}
			if s, ok = j.k.Statements[onrecord.NewStatementID(j.v.Platform, a)]; ok {
				break
			}
		}
	}
	if !ok {
		s, ok = j.byAlias(o)
	}
	if !ok {
		s = onrecord.NewKnown(id)
	}
	if s.Statement == "" {
		s.Statement = id
	}
	if it := j.items[s.Statement]; it != nil {
		return it
	}
	it := &item{Known: covered(s, j.runs), isKnown: ok}
	if it.NativeID == "" {
		it.NativeID = o.NativeID
	}
	j.items[it.Statement] = it
	j.names[it.NativeID] = it
	j.order = append(j.order, it)
	return it
}

// byAlias finds a known statement that has the native id or an alias of o
// among its own aliases; of an erased one their ids are left.
func (j *judge) byAlias(o onrecord.Observation) (onrecord.Known, bool) {
	if j.known == nil {
		j.known, j.erased = make(map[string]onrecord.StatementID), j.k.Erased()
		for id, s := range j.k.Statements {
			for _, a := range s.Aliases {
				if old, ok := j.known[a]; !ok || id < old {
					j.known[a] = id
				}
			}
		}
	}
	for _, a := range append([]string{o.NativeID}, o.Aliases...) {
		if id, ok := j.known[a]; ok {
			return j.k.Statements[id], true
		}
		if s, ok := j.erased[onrecord.NewStatementID(j.v.Platform, a)]; ok {
			return s, true
		}
	}
	return onrecord.Known{}, false
}

// statements yields what is known by its own ids, in no order, each once
// though aliases may lead to it too.
func (j *judge) statements() iter.Seq2[onrecord.StatementID, onrecord.Known] {
	return func(yield func(onrecord.StatementID, onrecord.Known) bool) {
		for id, s := range j.k.Statements {
			if s.Statement == "" {
				s.Statement = id
			}
			if _, ok := j.k.Statements[s.Statement]; ok && id != s.Statement {
				continue // under its own id too
			}
			if !yield(s.Statement, s) {
				return
			}
		}
	}
}

// foreign reports whether the statement is another account's, which this one
// shows too: one article in two feeds. Of such a statement a visit can say that
// it is there and how it reads, but neither that it was edited nor that it is
// gone.
func (j *judge) foreign(s onrecord.Known) bool { return s.Account != "" && s.Account != j.acct.ID }

// firstHand reports whether the statement was ever seen first-hand.
func (it *item) firstHand() bool {
	return it.isKnown && it.Provenance == onrecord.Captured && it.FirstIndex != 0
}

// statement returns an event of it that rests on the answer s, with the window
// (after, time of the answer].
func (j *judge) statement(t onrecord.EventType, it *item, s *onrecord.Seen, after time.Time) onrecord.Event {
	e := j.event(t, s.At, after)
	e.Statement, e.NativeID = it.Statement, it.NativeID
	e.LocalID, e.URL = orKnown(it.ref.ID, it.ID), orKnown(it.ref.URL, it.URL)
	e.Order = orKnown(it.place, it.Order)
	e.Aliases = slices.Sorted(slices.Values(it.also))
	e.Captures = captures(s.Capture)
	if it.isKnown {
		e.Prev = it.Prev
	}
	return e
}

func orKnown(shown, known string) string {
	if shown != "" {
		return shown
	}
	return known
}

// wording adds a wording to e, with the platform's own word for it, such as
// "edited" where it says so without saying when.
func (it *item) wording(e onrecord.Event, r reading) onrecord.Event {
	e.Engagement, e.Changed, e.Code = r.Engagement, r.Changed, r.Code
	e.PublishedAt, e.Precision = r.Published, r.Precision
	if !it.Erased { // an erased wording is never recorded again (record.md 5)
		e.Version, e.Content = r.version, &r.Content
	}
	return e
}
