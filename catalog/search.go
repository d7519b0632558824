// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"onrecord"
	"onrecord/search"
)

// relevanceLimit is the number of matches up to which results are ranked: to
// rank means to read every match.
const relevanceLimit = 5000

// Search answers r with exact totals. Relevance is bm25 over all wordings,
// newest first among equals; where the words match more than about 5,000
// statements, and where there are none, the order is newest first, and Results
// says so.
func (c *Catalog) Search(ctx context.Context, r search.Request) (res search.Results, err error) {
	if r.Limit == 0 {
		r.Limit = 20
	}
	r.Limit = min(max(r.Limit, 1), 200)
	r.Sort = cmp.Or(r.Sort, search.Newest)
	var at *cursor
	if r.Cursor != "" {
		k, err := c.parseCursor(r.Cursor)
		if err != nil {
			return res, err
		}
		if k.order != r.Sort && !(r.Sort == search.Relevance && k.order == search.Newest) {
			return res, search.ErrCursor
		}
		at = &k
	}
	err = c.view(ctx, func(v *view) error {
		res, err = v.search(r, at)
		return err
	})
	return res, err
}

// A lister gives the statements that a plan finds, by rowid.
type lister interface {
	// total counts them.
	total() (int64, error)
	// take returns at most n of them beyond the rowid at, going towards the
	// older ones or the newer ones.
	take(at int64, older bool, n int) ([]int64, error)
}

func (v *view) search(r search.Request, at *cursor) (search.Results, error) {
	p := newPlan(r, v.side)
	list, err := v.lister(p)
	if err != nil {
		return search.Results{}, err
	}
	ranked := r.Sort == search.Relevance && p.match != "" && (at == nil || at.order == search.Relevance)
	if ranked {
		n, err := v.count(p.match, 0, math.MaxInt64)
		if err != nil {
			return search.Results{}, err
		}
		if n <= relevanceLimit {
			return v.ranked(r, p, at)
		}
	}
	if r.Sort == search.Relevance {
		r.Sort = search.Newest
		if at != nil && at.order == search.Relevance {
			return search.Results{}, search.ErrCursor // it has become too many since
		}
	}
	return v.timed(r, p, list, at)
}

// lister chooses how to find what p asks for.
func (v *view) lister(p *plan) (lister, error) {
	switch {
	case p.match == "" && p.except == "":
		return newSideList(v.side, p, nil), nil
	case p.match == "":
		rows, err := v.matches(p.except, 0, math.MaxInt64)
		return newSideList(v.side, p, rows), err
	case p.plain(v.side):
		lo, hi := p.span()
		return &wordList{v, p.match, lo, hi}, nil
	}
	lo, hi := int64(0), int64(math.MaxInt64)
	if len(v.side.moved) == 0 {
		lo, hi = p.span()
	}
	rows, err := v.matches(p.match, lo, hi)
	if err != nil {
		return nil, err
	}
	return setList(v.side.only(rows, p)), nil
}

// only returns those of rows, ascending, that p lets through.
func (s *sidecar) only(rows []int64, p *plan) []int64 {
	out := rows[:0]
	at := 0
	for _, r := range rows {
		i, ok := seek(s.rows, at, r)
		at = i
		if ok && p.passes(s, i) {
			out = append(out, r)
		}
	}
	return out
}

// seek finds r in the ascending rows from at on, by steps that double: cheap
// where the next one is near.
func seek(rows []int64, at int, r int64) (int, bool) {
	step := 1
	for at+step < len(rows) && rows[at+step] < r {
		at, step = at+step, step*2
	}
	i, ok := slices.BinarySearch(rows[at:min(at+step+1, len(rows))], r)
	return at + i, ok
}

// timed returns a page in order of time.
func (v *view) timed(r search.Request, p *plan, list lister, at *cursor) (search.Results, error) {
	res := search.Results{Sort: r.Sort}
	var err error
	if res.Total, err = list.total(); err != nil {
		return res, err
	}
	older := r.Sort == search.Newest // where the list goes on to
	place, back := int64(math.MaxInt64), at != nil && at.back
	if !older {
		place = -1
	}
	if at != nil {
		if place, err = v.place(*at); err != nil {
			return res, err
		}
	}
	rows, err := list.take(place, older != back, r.Limit+1)
	if err != nil {
		return res, err
	}
	more := len(rows) > r.Limit
	rows = rows[:min(len(rows), r.Limit)]
	if back {
		slices.Reverse(rows)
	}
	if res.Hits, err = v.hits(rows, p); err != nil || len(rows) == 0 {
		return res, err
	}
	first, last := rows[0], rows[len(rows)-1]
	before, on := at != nil && !back, more && !back // is there anything before the page, and behind it?
	if back {
		before, on = more, true
	}
	if before && !back {
		before, err = beyond(list, first, !older)
	} else if on && back {
		on, err = beyond(list, last, older)
	}
	if err != nil {
		return res, err
	}
	if before {
		res.Prev = v.c.printCursor(cursor{order: r.Sort, back: true, sec: first >> idBits, id: res.Hits[0].ID})
	}
	if on {
		res.Next = v.c.printCursor(cursor{order: r.Sort, sec: last >> idBits, id: res.Hits[len(rows)-1].ID})
	}
	return res, nil
}

// beyond reports whether list has anything beyond the rowid at.
func beyond(list lister, at int64, older bool) (bool, error) {
	rows, err := list.take(at, older, 1)
	return len(rows) > 0, err
}

// place returns the rowid of the statement beside which k stands.
func (v *view) place(k cursor) (int64, error) {
	key, _ := packID(string(k.id))
	var list []int64
	err := v.each(func(scan func(...any) error) error {
		var r int64
		err := scan(&r)
		list = append(list, r)
		return err
	}, `SELECT r FROM statements WHERE id = $1`, key)
	if err != nil || len(list) == 1 {
		return append(list, 0)[0], err
	}
	return rowid(k.sec, key), nil
}

// hits names the statements of rows.
func (v *view) hits(rows []int64, p *plan) ([]search.Hit, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	ids := make(map[int64]onrecord.StatementID, len(rows))
	err = v.each(func(scan func(...any) error) error {
		var r int64
		var key []byte
		if err := scan(&r, &key); err != nil {
			return err
		}
		ids[r] = onrecord.StatementID(unpackID(key))
		return nil
	}, `SELECT s.r, s.id FROM json_each($1) AS j CROSS JOIN statements AS s ON s.r = j.value`, string(list))
	if err != nil {
		return nil, err
	}
	hits := make([]search.Hit, len(rows))
	for i, r := range rows {
		hits[i].ID = ids[r]
		if j, ok := v.side.find(r); ok && v.side.attrs[j]&attrSeveral != 0 && p.match != "" {
			if hits[i].Version, err = v.wordingFound(ids[r], p.queryText); err != nil {
				return nil, err
			}
		}
	}
	return hits, nil
}

// wordingFound returns the newest wording of a statement that meets the text
// of q, if the current one does not.
func (v *view) wordingFound(id onrecord.StatementID, q search.Query) (onrecord.VersionID, error) {
	r, _, err := v.record(id)
	if err != nil {
		return "", err
	}
	key, _ := packID(string(id))
	order := slices.Clone(r.Known.Versions)
	slices.Reverse(order)
	for _, version := range slices.Insert(order, 0, r.Known.Version) {
		w, err := v.wording(key, version)
		if err != nil {
			return "", err
		}
		if w == nil || !search.Matches(q, texts(w.Content)...) {
			continue
		}
		if version == r.Known.Version {
			return "", nil
		}
		return version, nil
	}
	return "", nil
}

// count counts the statements in a span of rowids whose text matches.
func (v *view) count(match string, lo, hi int64) (n int64, err error) {
	if lo > 0 || hi < math.MaxInt64 {
		err = v.row(`SELECT count(*) FROM words WHERE words MATCH $1 AND rowid BETWEEN $2 AND $3`, match, lo, hi).Scan(&n)
	} else {
		err = v.row(`SELECT count(*) FROM words WHERE words MATCH $1`, match).Scan(&n)
	}
	if err != nil {
		err = fmt.Errorf("catalog: count matches: %w", err)
	}
	return n, err
}

// matches returns the rowids in a span whose text matches, ascending.
func (v *view) matches(match string, lo, hi int64) ([]int64, error) {
	var rows []int64
	err := v.each(func(scan func(...any) error) error {
		var r int64
		err := scan(&r)
		rows = append(rows, r)
		return err
	}, `SELECT rowid FROM words WHERE words MATCH $1 AND rowid BETWEEN $2 AND $3 ORDER BY rowid`, match, lo, hi)
	return rows, err
}
