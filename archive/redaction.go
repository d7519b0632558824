// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"onrecord"
)

// Redactions is what the erasures up to a size of the ledger ordered
// (record.md 5): which lines are tombstones, which records are redacted, and
// what the objects that hold them must be. It does not change once it was
// handed out, and the nil value is an archive without erasures.
type Redactions struct {
	size     int64
	leaves   map[int64]string                 // case, by ledger index
	objects  map[string]Redacted              // by key
	erasures []Ordered                        // by index
	done     map[int64]bool                   // erasures that were carried out everywhere, by index
	kept     map[int64][]onrecord.ObjectValue // what could not be replaced by those, by the same
	unread   []int64                          // visits that can't be read, by index: nobody knows whether they erase
	gaveUp   []onrecord.Lines                 // lost lines that the operator has given up, in order, apart
}

// A Redacted is an object in which bytes were replaced.
type Redacted struct {
	// Value is what the object must be: by the last erasure that names it.
	Value onrecord.ObjectValue
	// Index is the ledger index of that erasure.
	Index int64
	// Before are the values that earlier erasures gave the object: what it is
	// while the last one is not carried out. Empty for the value that the visit
	// line names.
	Before []onrecord.ObjectValue
	// Records are the redacted WARC records in it, by offset.
	Records []RedactedRecord
}

// A RedactedRecord is a WARC record whose content was erased.
type RedactedRecord struct {
	onrecord.Span
	Case string
}

// An Ordered is one erasure, as its event orders it.
type Ordered struct {
	Index     int64 // ledger index of the event
	Statement onrecord.StatementID
	Takedown  onrecord.Takedown
	Erasure   onrecord.Erasure
}

// Size returns the size of the ledger up to which r knows.
func (r *Redactions) Size() int64 {
	if r == nil {
		return 0
	}
	return r.size
}

// Line reports whether the line at a ledger index is a tombstone, and of which
// case. Its leaf stays, its bytes are those of Tombstone.
func (r *Redactions) Line(index int64) (number string, ok bool) {
	if r == nil {
		return "", false
	}
	number, ok = r.leaves[index]
	return number, ok
}

// Object returns what an object must be, where an erasure replaced bytes of it.
func (r *Redactions) Object(key string) (Redacted, bool) {
	if r == nil {
		return Redacted{}, false
	}
	o, ok := r.objects[key]
	return o, ok
}

// Record reports whether the record that begins at an offset of an object was
// redacted, and in which case.
func (r *Redactions) Record(object string, offset int64) (number string, ok bool) {
	o, _ := r.Object(object)
	i, ok := slices.BinarySearchFunc(o.Records, offset, func(s RedactedRecord, at int64) int { return cmp.Compare(s.Offset, at) })
	if !ok {
		return "", false
	}
	return o.Records[i].Case, true
}

// Erasures returns all erasures, in ledger order.
func (r *Redactions) Erasures() []Ordered {
	if r == nil {
		return nil
	}
	return slices.Clone(r.erasures)
}

// Pending returns the erasures that archive.erasure_done does not name yet: a
// crash may have come between, or a replica has not answered.
func (r *Redactions) Pending() []Ordered {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.erasures), func(o Ordered) bool { return r.done[o.Index] })
}

// Known returns nil if it is known what was erased of lines below an index, and
// of the evidence of their visits: only an act behind them erases them. Else it is
// ErrUnknown and names the first visit that can't be read; those that the operator
// has given up are none, by his word. Whoever hands bytes on
// must not take what is not known for nothing.
func (r *Redactions) Known(below int64) error {
	if r == nil {
		return nil
	}
	for _, i := range r.unread {
		if i >= below && !r.isGivenUp(i) {
			return fmt.Errorf("the visit at index %d can't be read: %w", i, ErrUnknown)
		}
	}
	return nil
}

// Unread returns the visits, by the ledger index of their first line, that can't be
// read and that nobody has given up: by the archive alone nobody knows whether they
// erase anything.
func (r *Redactions) Unread() []int64 {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.unread), r.isGivenUp)
}

// isGivenUp reports whether the operator has given up the line at an index.
func (r *Redactions) isGivenUp(i int64) bool {
	if r == nil {
		return false
	}
	n, _ := slices.BinarySearchFunc(r.gaveUp, i, func(l onrecord.Lines, i int64) int { return cmp.Compare(l.To, i+1) })
	return n < len(r.gaveUp) && r.gaveUp[n].From <= i
}

// Empty reports whether nothing was ever erased.
func (r *Redactions) Empty() bool { return r == nil || len(r.erasures) == 0 }

// clone returns a copy that may be changed.
func (r *Redactions) clone() *Redactions {
	if r == nil {
		return &Redactions{leaves: map[int64]string{}, objects: map[string]Redacted{}, done: map[int64]bool{}, kept: map[int64][]onrecord.ObjectValue{}}
	}
	return &Redactions{
		size: r.size, leaves: maps.Clone(r.leaves), objects: maps.Clone(r.objects), erasures: slices.Clone(r.erasures), done: maps.Clone(r.done),
		kept: maps.Clone(r.kept), unread: r.unread, gaveUp: slices.Clone(r.gaveUp),
	}
}

// add notes an event of the built-in source at a ledger index.
func (r *Redactions) add(e onrecord.Event) {
	switch {
	case e.GivesAnyUp():
		r.gaveUp = onrecord.JoinLines(slices.Concat(r.gaveUp, e.GivesUp()))
	case e.Type == onrecord.ArchiveErasureDone && e.Prev >= 0:
		r.done[e.Prev] = true
		if e.Erasure != nil {
			r.kept[e.Prev] = e.Erasure.Objects
		}
	case e.Type == onrecord.StatementErased && e.Erasure != nil && e.Takedown != nil:
		r.order(Ordered{Index: e.Index, Statement: e.Statement, Takedown: *e.Takedown, Erasure: *e.Erasure})
	}
}

// order notes an erasure, unless its note is that of an earlier one: whoever has
// read it can write it again, and what has replaced those objects since stays.
func (r *Redactions) order(o Ordered) {
	if n := o.Erasure.Note; n != "" && slices.ContainsFunc(r.erasures, func(x Ordered) bool { return x.Erasure.Note == n }) {
		return
	}
	r.erasures = append(r.erasures, o)
	for _, i := range o.Erasure.Leaves {
		if _, ok := r.leaves[i]; !ok {
			r.leaves[i] = o.Takedown.Case
		}
	}
	for _, v := range o.Erasure.Objects {
		was, had := r.objects[v.Key]
		now := Redacted{Value: v, Index: o.Index, Records: slices.Clone(was.Records), Before: slices.Clone(was.Before)}
		if had {
			now.Before = append(now.Before, was.Value)
		}
		for _, s := range o.Erasure.Records {
			if s.Object == v.Key {
				now.insert(RedactedRecord{s, o.Takedown.Case})
			}
		}
		r.objects[v.Key] = now
	}
}

// insert adds a record, in order of offset; the case that came first stays.
func (r *Redacted) insert(n RedactedRecord) {
	i, ok := slices.BinarySearchFunc(r.Records, n.Offset, func(s RedactedRecord, at int64) int { return cmp.Compare(s.Offset, at) })
	if !ok {
		r.Records = slices.Insert(r.Records, i, n)
	}
}

// sorted returns r with its erasures in ledger order: what an object must be
// says the last of those that name it.
func (r *Redactions) sorted() *Redactions {
	out := (*Redactions)(nil).clone()
	out.size, out.done, out.kept, out.unread, out.gaveUp = r.size, r.done, r.kept, r.unread, r.gaveUp
	list := r.Erasures()
	slices.SortFunc(list, func(x, y Ordered) int { return cmp.Compare(x.Index, y.Index) })
	for _, o := range list {
		out.order(o)
	}
	return out
}

// names reports whether an erasure names the object.
func names(e onrecord.Erasure, key string) bool {
	return slices.ContainsFunc(e.Objects, func(o onrecord.ObjectValue) bool { return o.Key == key })
}
