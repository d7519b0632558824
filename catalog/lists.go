// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"math"
	"slices"

	"onrecord/search"
)

// A wordList asks the index for every page: nothing but words is asked, and
// the index is in order of time.
type wordList struct {
	v      *view
	match  string
	lo, hi int64
}

func (l *wordList) total() (int64, error) { return l.v.count(l.match, l.lo, l.hi) }

func (l *wordList) take(at int64, older bool, n int) ([]int64, error) {
	lo, hi, order := l.lo, l.hi, `ORDER BY rowid`
	if older {
		hi, order = min(hi, at-1), `ORDER BY rowid DESC`
	} else {
		lo = max(lo, at+1)
	}
	var rows []int64
	err := l.v.each(func(scan func(...any) error) error {
		var r int64
		err := scan(&r)
		rows = append(rows, r)
		return err
	}, `SELECT rowid FROM words WHERE words MATCH $1 AND rowid BETWEEN $2 AND $3 `+order+` LIMIT $4`, l.match, lo, hi, n)
	return rows, err
}

// A setList is all that was found, ascending.
type setList []int64

func (l setList) total() (int64, error) { return int64(len(l)), nil }

func (l setList) take(at int64, older bool, n int) ([]int64, error) {
	i, ok := slices.BinarySearch(l, at)
	if older {
		rows := slices.Clone(l[max(0, i-n):i])
		slices.Reverse(rows)
		return rows, nil
	}
	if ok {
		i++
	}
	return slices.Clone(l[i:min(i+n, len(l))]), nil
}

// A sideList asks nothing of the text, or only that some words are not in it:
// then except holds the rowids of those that have them, ascending.
type sideList struct {
	side     *sidecar
	p        *plan
	except   []int64
	from, to int // places [from, to) of the sidecar that the dates leave
}

func newSideList(side *sidecar, p *plan, except []int64) *sideList {
	l := &sideList{side: side, p: p, except: except, to: len(side.rows)}
	if len(side.moved) == 0 {
		lo, hi := p.span()
		l.from, _ = side.find(lo)
		if hi < math.MaxInt64 {
			l.to, _ = side.find(hi + 1)
		}
		l.to = max(l.to, l.from)
	}
	return l
}

func (l *sideList) passes(i int) bool {
	if len(l.except) > 0 {
		if _, out := slices.BinarySearch(l.except, l.side.rows[i]); out {
			return false
		}
	}
	return l.p.passes(l.side, i)
}

func (l *sideList) total() (int64, error) {
	if !l.p.filtered && !l.p.bounded && len(l.except) == 0 {
		return int64(len(l.side.rows) - l.side.withheld), nil
	}
	n := int64(0)
	for i := l.from; i < l.to; i++ {
		if l.passes(i) {
			n++
		}
	}
	return n, nil
}

func (l *sideList) take(at int64, older bool, n int) ([]int64, error) {
	i, ok := l.side.find(at)
	step := -1
	switch {
	case older:
		i--
	case ok:
		i, step = i+1, 1
	default:
		step = 1
	}
	if step > 0 {
		i = max(i, l.from)
	} else {
		i = min(i, l.to-1)
	}
	var rows []int64
	for ; i >= l.from && i < l.to && len(rows) < n; i += step {
		if l.passes(i) {
			rows = append(rows, l.side.rows[i])
		}
	}
	return rows, nil
}

// A score is one ranked match: smaller is better.
type score struct {
	bm25 float64
	r    int64
}

func compareScores(a, b score) int {
	return cmp.Or(cmp.Compare(a.bm25, b.bm25), cmp.Compare(b.r, a.r))
}

// ranked returns a page in order of relevance. Every match is ranked, so the
// place of a cursor is found by its score: where statements came in between,
// scores have moved a little, and a page may repeat or miss some at its edge.
func (v *view) ranked(r search.Request, p *plan, at *cursor) (search.Results, error) {
	res := search.Results{Sort: search.Relevance}
	var all []score
	err := v.each(func(scan func(...any) error) error {
		var s score
		if err := scan(&s.r, &s.bm25); err != nil {
			return err
		}
		if i, ok := v.side.find(s.r); ok && p.passes(v.side, i) {
			all = append(all, s)
		}
		return nil
	}, `SELECT rowid, rank FROM words WHERE words MATCH $1`, p.match)
	if err != nil {
		return res, err
	}
	slices.SortFunc(all, compareScores)
	res.Total = int64(len(all))
	from, to, err := v.rankedPage(all, r.Limit, at)
	if err != nil {
		return res, err
	}
	rows := make([]int64, 0, to-from)
	for _, s := range all[from:to] {
		rows = append(rows, s.r)
	}
	if res.Hits, err = v.hits(rows, p); err != nil || len(rows) == 0 {
		return res, err
	}
	if from > 0 {
		res.Prev = v.c.printCursor(cursor{order: search.Relevance, back: true, score: all[from].bm25, id: res.Hits[0].ID})
	}
	if to < len(all) {
		res.Next = v.c.printCursor(cursor{order: search.Relevance, score: all[to-1].bm25, id: res.Hits[to-from-1].ID})
	}
	return res, nil
}

func (v *view) rankedPage(all []score, limit int, at *cursor) (from, to int, err error) {
	if at == nil {
		return 0, min(limit, len(all)), nil
	}
	r, err := v.place(*at)
	if err != nil {
		return 0, 0, err
	}
	if math.IsNaN(at.score) {
		return 0, 0, search.ErrCursor
	}
	i, ok := slices.BinarySearchFunc(all, score{at.score, r}, compareScores)
	if at.back {
		return max(0, i-limit), i, nil
	}
	if ok {
		i++
	}
	return i, min(i+limit, len(all)), nil
}
