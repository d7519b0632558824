// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"onrecord"
	"onrecord/search"
)

// The numbers of the lists of changed statements in the table changes.
const (
	listDeleted  = 1
	listReported = 2
	listEdited   = 3
)

// A listing is a row of the table changes; what is 0 for none.
type listing struct {
	what        int64
	at          int64 // microseconds
	timed       bool  // least and most are known
	least, most int64
}

// listings are the rows of a statement: one for its deletion, one for its
// edits.
func listings(r *record) (rows [2]listing) {
	if r.hidden() {
		return rows
	}
	k := &r.Known
	switch {
	case k.State != onrecord.StateDeleted:
	case len(k.Deletions) > 0:
		rows[0] = listing{what: listDeleted, at: found(k.Deleted, k.Deletions[0].At)}
		if least, most, ok := onrecord.Online(k.Published, r.precision(), k.Deleted); ok && !r.returned() {
			rows[0].timed, rows[0].least, rows[0].most = true, int64(least/time.Second), int64(most/time.Second)
		}
	default:
		rows[0] = listing{what: listReported, at: found(r.Report, r.ReportAt)}
	}
	if r.Edited {
		rows[1] = listing{what: listEdited, at: found(r.Edit, r.EditedBy.At)}
	}
	return rows
}

// returned reports whether the statement was gone before and came back: the time
// from its publication is not all time online then.
func (r *record) returned() bool { return r.Known.WasDeleted || !r.Back.At.IsZero() }

// found is when something was found: the end of its window, else when its event
// was observed.
func found(w onrecord.Window, at time.Time) int64 {
	if w.By.IsZero() {
		return at.UnixMicro()
	}
	return w.By.UnixMicro()
}

// changed writes the rows of r that are not as they were.
func (b *batch) changed(r *row) error {
	rows := listings(&r.doc)
	for i := range rows {
		old, now := r.listed[i], rows[i]
		if !r.fresh && old == now && r.owner == r.account.n {
			continue
		}
		if old.what != 0 {
			if err := b.exec(`DELETE FROM changes WHERE what = $1 AND at = $2 AND id = $3`, old.what, old.at, r.key); err != nil {
				return err
			}
		}
		if now.what == 0 {
			continue
		}
		var least, most any
		if now.timed {
			least, most = now.least, now.most
		}
		err := b.exec(`INSERT INTO changes (what, at, id, account, least, most) VALUES ($1, $2, $3, $4, $5, $6)`, now.what, now.at, r.key, r.account.n, least, most)
		if err != nil {
			return err
		}
	}
	return nil
}

// Changes returns a page of changed statements, newest change first. A cursor
// that this archive did not make is search.ErrCursor.
func (c *Catalog) Changes(ctx context.Context, f onrecord.ChangeFilter) (page onrecord.Changes, err error) {
	what := map[onrecord.ChangeKind]int64{onrecord.ChangeDeleted: listDeleted, onrecord.ChangeReported: listReported, onrecord.ChangeEdited: listEdited}[f.Kind]
	if what == 0 {
		return page, fmt.Errorf("catalog: there is no list of statements %q", f.Kind)
	}
	f.Limit = min(max(f.Limit, 1), 200)
	var at *cursor
	if f.Cursor != "" {
		k, err := c.parseCursor(f.Cursor)
		if err != nil {
			return page, err
		}
		if k.order != byChange(f.Kind) {
			return page, search.ErrCursor
		}
		at = &k
	}
	err = c.view(ctx, func(v *view) error {
		l := changeList{v: v, what: what, f: f}
		if err := l.count(&page); err != nil {
			return err
		}
		return l.page(at, &page)
	})
	return page, err
}

// A changeList reads one of the lists.
type changeList struct {
	v    *view
	what int64
	f    onrecord.ChangeFilter
}

func (l *changeList) asks(list []string, value string) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// account returns the figure and the platform of an account.
func (l *changeList) account(n int64) (figure, platform string, err error) {
	if n >= int64(len(l.v.side.accounts)) || l.v.side.accounts[n] == nil {
		return "", "", fmt.Errorf("changes of unknown account %d: %w", n, ErrRebuild)
	}
	a := l.v.side.accounts[n].doc
	return a.Figure, a.Known.Platform, nil
}

func (l *changeList) passes(account int64) (bool, error) {
	figure, platform, err := l.account(account)
	return l.asks(l.f.Figures, figure) && l.asks(l.f.Platforms, platform), err
}

// count fills totals, facets and medians.
func (l *changeList) count(page *onrecord.Changes) error {
	figures, platforms := map[string]int64{}, map[string]int64{}
	err := l.v.each(func(scan func(...any) error) error {
		var account, n int64
		if err := scan(&account, &n); err != nil {
			return err
		}
		figure, platform, err := l.account(account)
		if err != nil {
			return err
		}
		ofFigure, ofPlatform := l.asks(l.f.Figures, figure), l.asks(l.f.Platforms, platform)
		if ofPlatform {
			figures[figure] += n
		}
		if ofFigure {
			platforms[platform] += n
		}
		if ofFigure && ofPlatform {
			page.Total += n
		}
		return nil
	}, `SELECT account, count(*) FROM changes WHERE what = $1 GROUP BY account`, l.what)
	if err != nil {
		return err
	}
	page.Figures, page.Platforms = facets(figures, func(slug string) string { return l.v.c.figure(slug).Name }), facets(platforms, nil)
	if l.what != listDeleted {
		return nil
	}
	return l.medians(page)
}

// facets lists values, the most frequent first.
func facets(counts map[string]int64, name func(string) string) []onrecord.Facet {
	list := make([]onrecord.Facet, 0, len(counts))
	for value, n := range counts {
		f := onrecord.Facet{Value: value, Count: n}
		if name != nil {
			f.Name = name(value)
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b onrecord.Facet) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return list
}

func (l *changeList) medians(page *onrecord.Changes) error {
	var least, most []int64
	err := l.v.each(func(scan func(...any) error) error {
		var account, a, b int64
		if err := scan(&account, &a, &b); err != nil {
			return err
		}
		ok, err := l.passes(account)
		if ok {
			least, most = append(least, a), append(most, b)
		}
		return err
	}, `SELECT account, least, most FROM changes WHERE what = $1 AND least IS NOT NULL`, l.what)
	if err != nil {
		return err
	}
	page.Timed = int64(len(least))
	page.Least, page.Most = median(least), median(most)
	return nil
}

// median returns the median of seconds, of an even number the lower of the two
// in the middle: a value that was there.
func median(list []int64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return time.Duration(list[(len(list)-1)/2]) * time.Second
}

// A place is where a statement stands in a list of changes.
type changePlace struct {
	at int64
	id []byte
}

// page reads the statements of a page and the cursors around it.
func (l *changeList) page(at *cursor, page *onrecord.Changes) error {
	place, back := changePlace{at: math.MaxInt64, id: []byte{}}, at != nil && at.back
	if at != nil {
		key, _ := packID(string(at.id))
		place = changePlace{at.sec, key}
	}
	rows, err := l.take(place, !back, l.f.Limit+1)
	if err != nil {
		return err
	}
	more := len(rows) > l.f.Limit
	rows = rows[:min(len(rows), l.f.Limit)]
	if back {
		slices.Reverse(rows)
	}
	for _, r := range rows {
		id := onrecord.StatementID(unpackID(r.id))
		s, err := l.v.statement(id)
		if errors.Is(err, onrecord.ErrNotFound) {
			return fmt.Errorf("changes of unknown statement %s: %w", id, ErrRebuild)
		}
		if err != nil {
			return err
		}
		page.List = append(page.List, s)
	}
	if len(rows) == 0 {
		return nil
	}
	print := func(r changePlace, back bool) string {
		return l.v.c.printCursor(cursor{order: byChange(l.f.Kind), back: back, sec: r.at, id: onrecord.StatementID(unpackID(r.id))})
	}
	before, err := l.take(rows[0], false, 1)
	if err != nil {
		return err
	}
	if len(before) > 0 {
		page.Prev = print(rows[0], true)
	}
	if back || more {
		page.Next = print(rows[len(rows)-1], false)
	}
	return nil
}

// take returns at most n rows beyond a place, going towards the older ones or
// the newer ones.
func (l *changeList) take(p changePlace, older bool, n int) ([]changePlace, error) {
	text := `SELECT at, id FROM changes WHERE what = $1 AND (at, id) > ($2, $3) AND account IN (SELECT value FROM json_each($4)) ORDER BY at, id LIMIT $5`
	if older {
		text = `SELECT at, id FROM changes WHERE what = $1 AND (at, id) < ($2, $3) AND account IN (SELECT value FROM json_each($4)) ORDER BY at DESC, id DESC LIMIT $5`
	}
	accounts := make([]int64, 0, len(l.v.side.accounts))
	for n, a := range l.v.side.accounts {
		if a == nil {
			continue
		}
		ok, err := l.passes(int64(n))
		if err != nil {
			return nil, err
		}
		if ok {
			accounts = append(accounts, int64(n))
		}
	}
	among, err := json.Marshal(accounts)
	if err != nil {
		return nil, err
	}
	var rows []changePlace
	err = l.v.each(func(scan func(...any) error) error {
		var r changePlace
		err := scan(&r.at, &r.id)
		rows = append(rows, r)
		return err
	}, text, l.what, p.at, p.id, string(among), n)
	return rows, err
}
