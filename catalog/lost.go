// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"path"
	"slices"
	"strings"
	"sync"

	"onrecord"
)

// Lost lines are applied as what they are: a row of the table lost says which
// lines of which visit nobody can read. What rests on them is not folded (rests).
// When they come back, the catalog is made anew: see docs/decisions/0018-holes.md.

// lostTable is a part of tables: a row for each run of lost lines, and one for
// each run of lines that an event has given up, whose index is at.
const lostTable = `
CREATE TABLE lost (i INTEGER PRIMARY KEY, until INTEGER NOT NULL, visit BLOB NOT NULL, source TEXT NOT NULL, act INTEGER NOT NULL);
CREATE TABLE given_up (i INTEGER, until INTEGER NOT NULL, at INTEGER, PRIMARY KEY (i, at)) WITHOUT ROWID;
`

// A givenUp is lines that the event at an index has given up.
type givenUp struct {
	onrecord.Lines
	at int64
}

// losses is what a batch or a view knows of lost lines.
type losses struct {
	lost  []onrecord.LostLines // by index; GivenUp is not set
	given []givenUp            // by index, none of them twice: each as the first event has it
	resting
	lastAct int64 // where the operator's last visit that can be read begins; -1 for none
}

// readLosses reads both tables, which are empty in nearly every archive.
func readLosses(each func(fn func(scan func(...any) error) error, text string, args ...any) error) (l losses, err error) {
	err = each(func(scan func(...any) error) error {
		one := onrecord.LostLines{GivenUp: -1}
		var visit []byte
		if err := scan(&one.From, &one.To, &visit, &one.Source, &one.Act); err != nil {
			return err
		}
		copy(one.Visit[:], visit)
		l.lost = append(l.lost, one)
		return nil
	}, `SELECT i, until, visit, source, act FROM lost ORDER BY i`)
	if err != nil {
		return l, err
	}
	err = each(func(scan func(...any) error) error {
		var g givenUp
		err := scan(&g.From, &g.To, &g.at)
		l.give(g)
		return err
	}, `SELECT i, until, at FROM given_up ORDER BY at, i`)
	if err != nil {
		return l, err
	}
	return l, each(func(scan func(...any) error) error { return scan(&l.lastAct) }, `SELECT v FROM meta WHERE k = 'act'`)
}

// behind returns the number of the first of the lines given up that end behind an
// index.
func (l *losses) behind(index int64) int {
	i, _ := slices.BinarySearchFunc(l.given, index, func(g givenUp, index int64) int {
		if g.To <= index {
			return -1
		}
		return 1
	})
	return i
}

// give adds lines that an event gives up, but for those that an earlier one has.
// Events come in ledger order.
func (l *losses) give(g givenUp) {
	for i := l.behind(g.From); g.From < g.To; i++ {
		switch {
		case i == len(l.given) || l.given[i].From >= g.To:
			l.given = slices.Insert(l.given, i, g)
			return
		case g.From < l.given[i].From:
			l.given = slices.Insert(l.given, i, givenUp{onrecord.Lines{From: g.From, To: l.given[i].From}, g.at})
			i++
		}
		g.From = l.given[i].To
	}
}

// gaveUp returns the index of the event by which all of a run had been given up; -1
// for none.
func (l *losses) gaveUp(one onrecord.LostLines) int64 {
	at, from := int64(-1), one.From
	for i := l.behind(from); from < one.To; i++ {
		if i == len(l.given) || l.given[i].From > from {
			return -1
		}
		at, from = max(at, l.given[i].at), l.given[i].To
	}
	return at
}

// each is view.each for the batch.
func (b *batch) each(fn func(scan func(...any) error) error, text string, args ...any) error {
	s, err := b.query(text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(b.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// lose notes a lost line.
func (b *batch) lose(e onrecord.Event, source string) error {
	act := e.Type == onrecord.ActLost
	if n := len(b.losses.lost); n > 0 {
		if last := &b.losses.lost[n-1]; last.To == e.Index && last.Visit == e.Visit && last.Source == source && last.Act == act {
			last.To++
			return b.exec(`UPDATE lost SET until = $1 WHERE i = $2`, last.To, last.From)
		}
	}
	one := onrecord.LostLines{From: e.Index, To: e.Index + 1, Visit: e.Visit, Source: source, Act: act, GivenUp: -1}
	b.losses.lost = append(b.losses.lost, one)
	b.losses.lose(one)
	return b.exec(`INSERT INTO lost (i, until, visit, source, act) VALUES ($1, $2, $3, $4, $5)`, e.Index, e.Index+1, e.Visit[:], source, boolInt(act))
}

// follows learns from a visit what the lost ones before it were.
func (b *batch) follows(v Visit, index int64) error {
	f := onrecord.Following{Source: v.Source, Operator: v.Source == operator, Before: -1, Index: index, LastAct: b.losses.lastAct}
	if v.Follows != nil {
		f.Before = *v.Follows
	}
	if f.Operator {
		b.losses.lastAct = index
		if err := b.exec(`UPDATE meta SET v = $1 WHERE k = 'act'`, index); err != nil {
			return err
		}
	}
	for _, i := range f.Tell(b.losses.lost) {
		l := b.losses.lost[i]
		b.losses.resting = resting{}
		if err := b.exec(`UPDATE lost SET source = $1, act = $2 WHERE i = $3`, l.Source, boolInt(l.Act), l.From); err != nil {
			return err
		}
	}
	return nil
}

// giveUp notes the lines that an act of the operator gives up.
func (b *batch) giveUp(en Entry) error {
	e := en.Event
	if en.Visit.Source != operator {
		return nil
	}
	e.Index = en.Index
	for _, l := range e.GivesUp() {
		b.losses.give(givenUp{l, e.Index})
		b.losses.resting = resting{}
		if err := b.exec(`INSERT OR IGNORE INTO given_up (i, until, at) VALUES ($1, $2, $3)`, l.From, l.To, e.Index); err != nil {
			return err
		}
	}
	return nil
}

// rests reports whether a run was judged with lines known that are lost here: it
// says that all was seen which somebody else knew of. Who judges after the lines
// were given up knows no more than this catalog.
func (b *batch) rests(e onrecord.Event) (bool, error) {
	if e.Run == nil || len(b.losses.lost) == 0 {
		return false, nil
	}
	s, err := b.source(e.Source)
	if err != nil {
		return false, err
	}
	on := b.losses.rests()
	for source := range on.sources() {
		if source == operator || !on.on(source, e.Run.Base) {
			continue
		}
		if source == "" || source == e.Source {
			return true, nil
		}
		other, err := b.source(source)
		if err != nil {
			return false, err
		}
		if other.Account.ID == "" || other.Account.Platform == s.Account.Platform && other.Account.ID == s.Account.ID {
			return true, nil
		}
	}
	return false, nil
}

// unknownAt reports whether whoever judged a run could not know of a statement
// that is known here: its first line had been given up, and has come back since.
func (b *batch) unknownAt(first int64, base int64) bool {
	i := b.losses.behind(first)
	return i < len(b.losses.given) && b.losses.given[i].From <= first && b.losses.given[i].at <= base
}

// A losing keeps what is lost at one generation.
type losing struct {
	mu   sync.Mutex
	file *file // guarded by mu, as is the rest
	gen  int64
	now  *lostNow
}

// A lostNow is what is lost. It does not change.
type lostNow struct {
	list   []onrecord.LostLines
	visits map[string]bool // by visit id
	acts   bool            // some of it may have withheld or erased a statement
}

// losing returns what is lost.
func (v *view) losing() (*lostNow, error) {
	g := &v.c.losing
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now != nil && g.file == v.f && g.gen == v.side.gen {
		return g.now, nil
	}
	l, err := readLosses(v.each)
	if err != nil {
		return nil, err
	}
	now := &lostNow{list: l.lost, visits: map[string]bool{}}
	for i, one := range l.lost {
		l.lost[i].GivenUp = l.gaveUp(one)
		now.visits[one.Visit.String()] = true
		now.acts = now.acts || l.lost[i].Unsettled()
	}
	g.file, g.gen, g.now = v.f, v.side.gen, now
	return now, nil
}

// Lost returns the lines that nobody can read, in ledger order, as far as the
// ledger is applied.
func (c *Catalog) Lost(ctx context.Context) (list []onrecord.LostLines, err error) {
	err = c.view(ctx, func(v *view) error {
		now, err := v.losing()
		if err == nil {
			list = slices.Clone(now.list)
		}
		return err
	})
	return list, err
}

// Unsettled reports whether a lost visit may have withheld or erased a statement,
// and the operator has not said what it was.
func (c *Catalog) Unsettled(ctx context.Context) (of bool, err error) {
	err = c.view(ctx, func(v *view) error {
		now, err := v.losing()
		of = err == nil && now.acts
		return err
	})
	return of, err
}

// LostOf returns the lost lines that may have told of an account, and that nobody
// has given up: until then what is known of it is not all that was recorded.
func (c *Catalog) LostOf(ctx context.Context, source, platform, accountID string) (list []onrecord.LostLines, err error) {
	err = c.view(ctx, func(v *view) error {
		now, err := v.losing()
		if err != nil {
			return err
		}
		told := map[string]bool{"": true, operator: true, source: true} // by source
		for _, l := range now.list {
			if l.GivenUp >= 0 {
				continue
			}
			if _, ok := told[l.Source]; !ok {
				other, err := v.source(l.Source)
				if err != nil {
					return err
				}
				told[l.Source] = other.Account.ID == "" || accountID == "" || other.Account.Platform == platform && other.Account.ID == accountID
			}
			if told[l.Source] {
				list = append(list, l)
			}
		}
		return nil
	})
	return list, err
}

// OfLost reports whether an object is of a visit that has lost lines, which may
// show what was withheld or erased: nobody can tell where. It does not ask where
// nothing ever was.
func (c *Catalog) OfLost(ctx context.Context, key string) (of bool, err error) {
	visit, _, _ := strings.Cut(path.Base(key), ".")
	err = c.view(ctx, func(v *view) error {
		now, err := v.losing()
		if err != nil || !now.visits[visit] {
			return err
		}
		return v.unserved(func(u *unserved) { of = len(u.down) > 0 })
	})
	return of, err
}
