// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// An Entry is a source and when it is due, in UTC.
type Entry struct {
	Source string
	At     time.Time
}

// An Agenda keeps sources in the order in which they are due; of those due at
// the same instant, by id. Setting and taking cost O(log n). The zero Agenda is
// empty. It is not safe for concurrent use.
type Agenda struct{ h entries }

// Set says when a source is due, in place of what was said before. The zero time
// takes it off the agenda.
func (a *Agenda) Set(source string, at time.Time) {
	i, ok := a.h.at[source]
	switch {
	case at.IsZero() && ok:
		heap.Remove(&a.h, i)
	case at.IsZero():
	case ok:
		a.h.list[i].At = at.UTC()
		heap.Fix(&a.h, i)
	default:
		heap.Push(&a.h, Entry{source, at.UTC()})
	}
}

// Next returns the entry that is due first; ok is false where there is none.
func (a *Agenda) Next() (e Entry, ok bool) {
	if len(a.h.list) == 0 {
		return Entry{}, false
	}
	return a.h.list[0], true
}

// Take removes and returns the entry that is due first, if that is at now or
// before.
func (a *Agenda) Take(now time.Time) (e Entry, ok bool) {
	if e, ok = a.Next(); !ok || e.At.After(now) {
		return Entry{}, false
	}
	heap.Pop(&a.h)
	return e, true
}

// Len returns how many sources are on the agenda.
func (a *Agenda) Len() int { return len(a.h.list) }

// List returns the first n entries in order, or all where there are fewer.
func (a *Agenda) List(n int) []Entry {
	list := slices.SortedFunc(slices.Values(a.h.list), compare)
	return list[:min(max(n, 0), len(list))]
}

func compare(a, b Entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Source, b.Source)) }

// entries are a heap that knows where each source is.
type entries struct {
	list []Entry
	at   map[string]int
}

func (h *entries) Len() int           { return len(h.list) }
func (h *entries) Less(i, j int) bool { return compare(h.list[i], h.list[j]) < 0 }

func (h *entries) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.at[h.list[i].Source], h.at[h.list[j].Source] = i, j
}

func (h *entries) Push(x any) {
	if h.at == nil {
		h.at = make(map[string]int)
	}
	e := x.(Entry)
	h.at[e.Source] = len(h.list)
	h.list = append(h.list, e)
}

func (h *entries) Pop() any {
	last := len(h.list) - 1
	e := h.list[last]
	h.list = h.list[:last]
	delete(h.at, e.Source)
	return e
}
