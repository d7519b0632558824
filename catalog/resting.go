// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"iter"
	"slices"

	"onrecord"
)

// A resting says, by source, for which bases a run rests on lost lines that may
// have told of it. It is made when it is first asked for.
type resting struct {
	open   map[string]int64            // from this base on: lines that nobody has given up
	closed map[string][]onrecord.Lines // and for these bases: until the lines were given up; in order, apart
}

// rests returns what runs rest on.
func (l *losses) rests() resting {
	if l.open != nil {
		return l.resting
	}
	l.resting = resting{open: map[string]int64{}, closed: map[string][]onrecord.Lines{}}
	for _, one := range l.lost { // by index
		at := l.gaveUp(one)
		if at < 0 {
			l.resting.lose(one)
			continue
		}
		list := l.closed[one.Source]
		if n := len(list); n > 0 && list[n-1].To >= one.From {
			list[n-1].To = max(list[n-1].To, at)
		} else {
			list = append(list, onrecord.Lines{From: one.From, To: at})
		}
		l.closed[one.Source] = list
	}
	return l.resting
}

// lose adds lost lines that nobody has given up, behind all others.
func (r resting) lose(one onrecord.LostLines) {
	if _, ok := r.open[one.Source]; !ok && r.open != nil {
		r.open[one.Source] = one.From
	}
}

// on reports whether a run with a base rests on lines of a source.
func (r resting) on(source string, base int64) bool {
	if from, ok := r.open[source]; ok && from <= base {
		return true
	}
	list := r.closed[source]
	i, _ := slices.BinarySearchFunc(list, base, func(l onrecord.Lines, base int64) int {
		if l.To <= base {
			return -1
		}
		return 1
	})
	return i < len(list) && list[i].From <= base
}

// sources returns whose lines are lost.
func (r resting) sources() iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := range r.open {
			if !yield(s) {
				return
			}
		}
		for s := range r.closed {
			if _, ok := r.open[s]; !ok && !yield(s) {
				return
			}
		}
	}
}
