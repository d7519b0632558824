// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"slices"
	"strings"

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

// losses is what a batch knows of lost lines.
type losses struct {
	lost  []onrecord.LostLines // by index; GivenUp is not set
	given []givenUp
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
	return l, each(func(scan func(...any) error) error {
		var g givenUp
		err := scan(&g.From, &g.To, &g.at)
		l.given = append(l.given, g)
		return err
	}, `SELECT i, until, at FROM given_up ORDER BY i, at`)
}

// gaveUp returns the index of the first event that gave all of l up; -1 for none.
func (l *losses) gaveUp(one onrecord.LostLines) int64 {
	at := int64(-1)
	for _, g := range l.given {
		if g.From <= one.From && one.To <= g.To && (at < 0 || g.at < at) {
			at = g.at
		}
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
	b.losses.lost = append(b.losses.lost, onrecord.LostLines{From: e.Index, To: e.Index + 1, Visit: e.Visit, Source: source, Act: act, GivenUp: -1})
	return b.exec(`INSERT INTO lost (i, until, visit, source, act) VALUES ($1, $2, $3, $4, $5)`, e.Index, e.Index+1, e.Visit[:], source, boolInt(act))
}

// follows learns from a visit what the lost ones before it were.
func (b *batch) follows(v Visit, index int64) error {
	if v.Follows == nil || len(b.losses.lost) == 0 {
		return nil
	}
	for i := range b.losses.lost {
		l := &b.losses.lost[i]
		if !l.FollowedBy(v.Source, v.Source == operator, *v.Follows, index) {
			continue
		}
		if err := b.exec(`UPDATE lost SET source = $1, act = $2 WHERE i = $3`, l.Source, boolInt(l.Act), l.From); err != nil {
			return err
		}
	}
	return nil
}

// giveUp notes the lines that an event gives up.
func (b *batch) giveUp(e onrecord.Event) error {
	if e.Source != operator && e.Source != "" {
		return nil
	}
	for _, l := range e.GivesUp() {
		b.losses.given = append(b.losses.given, givenUp{l, e.Index})
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
	for _, l := range b.losses.lost {
		if l.From > e.Run.Base || l.Source == operator {
			continue
		}
		if at := b.losses.gaveUp(l); at >= 0 && at <= e.Run.Base {
			continue
		}
		if l.Source == "" || l.Source == e.Source {
			return true, nil
		}
		other, err := b.source(l.Source)
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
	return slices.ContainsFunc(b.losses.given, func(g givenUp) bool { return g.From <= first && first < g.To && g.at <= base })
}

// Lost returns the lines that nobody can read, in ledger order, as far as the
// ledger is applied.
func (c *Catalog) Lost(ctx context.Context) (list []onrecord.LostLines, err error) {
	err = c.view(ctx, func(v *view) error {
		l, err := readLosses(v.each)
		if err != nil {
			return err
		}
		for i := range l.lost {
			l.lost[i].GivenUp = l.gaveUp(l.lost[i])
		}
		list = l.lost
		return nil
	})
	return list, err
}

// LostOf returns the lost lines that may have told of an account, and that nobody
// has given up: until then what is known of it is not all that was recorded.
func (c *Catalog) LostOf(ctx context.Context, source, platform, accountID string) (list []onrecord.LostLines, err error) {
	all, err := c.Lost(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return list, c.view(ctx, func(v *view) error {
		for _, l := range all {
			other, err := v.source(l.Source)
			if err != nil {
				return err
			}
			same := other.Account.ID == "" || accountID == "" || other.Account.Platform == platform && other.Account.ID == accountID
			if l.GivenUp < 0 && (l.Source == "" || l.Source == operator || l.Source == source || same) {
				list = append(list, l)
			}
		}
		return nil
	})
}

// OfLost reports whether an object is of a visit that has lost lines, which may
// show what was withheld or erased: nobody can tell where. It does not ask where
// nothing ever was.
func (c *Catalog) OfLost(ctx context.Context, key string) (of bool, err error) {
	all, err := c.Lost(ctx)
	if err != nil || !slices.ContainsFunc(all, func(l onrecord.LostLines) bool { return strings.Contains(key, l.Visit.String()) }) {
		return false, err
	}
	return of, c.view(ctx, func(v *view) error {
		ids, err := v.decided()
		of = len(ids) > 0
		return err
	})
}
