// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"onrecord"
)

// looked folds a run of visits into every statement that it may have seen. One
// that rests on lost lines tells only that somebody looked.
func (b *batch) looked(e onrecord.Event, rests bool) error {
	if e.Run == nil {
		return nil
	}
	if err := b.covers(e); err != nil {
		return err
	}
	for _, id := range named(*e.Run) {
		if rests {
			break
		}
		r, err := b.find(id)
		if err != nil {
			return err
		}
		if r != nil {
			r.doc.apply(e)
			continue
		}
		b.anyEarly = true
		key, _ := packID(string(id))
		if err := b.exec(`INSERT OR IGNORE INTO early (id, i) VALUES ($1, $2)`, key, e.Index); err != nil {
			return err
		}
	}
	if e.Run.Range.IsZero() {
		return nil
	}
	s, err := b.source(e.Source)
	if err != nil {
		return err
	}
	who := e.Account
	if who.ID == "" {
		who = s.Account
	}
	if err := b.bounds(b.account(who.Platform, who.ID).n, e); err != nil {
		return err
	}
	if rests {
		return nil
	}
	return b.inRange(who, e)
}

// bounds notes by which keys a run is bounded.
func (b *batch) bounds(account int64, e onrecord.Event) error {
	for _, order := range []string{e.Run.Range.From, e.Run.Range.To} {
		if order == "" {
			continue
		}
		if err := b.exec(`INSERT OR IGNORE INTO bounds (account, ord, i) VALUES ($1, $2, $3)`, account, orderKey(order), e.Index); err != nil {
			return err
		}
	}
	return nil
}

// covers notes that somebody looked during a run.
func (b *batch) covers(e onrecord.Event) error {
	if e.Run.Checks { // which say nothing of what is new
		return nil
	}
	if err := b.lookedIn(e.Source, e.Run.From, e.Run.Until); err != nil {
		return err
	}
	return b.span(e.Source, e.Run.From, "", e.Run.Door, e.Figure, e.Run.Until, e.Run.Visits, e.Index)
}

// named returns the statements that a run names as seen or asked for.
func named(r onrecord.Run) []onrecord.StatementID {
	list := slices.Clone(r.Seen)
	for _, a := range r.Asked {
		list = slices.Concat(list, a.Read, a.Live, a.Gone, a.Unclear)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// inRange folds a run into the statements of its range. Rows that the batch
// has touched or made are among them.
func (b *batch) inRange(who onrecord.AccountRef, e onrecord.Event) error {
	var ids []onrecord.StatementID
	for id, r := range b.statements {
		if k := r.account.doc.Known; k.ID == who.ID && k.Platform == who.Platform && e.Run.Range.Contains(r.doc.Known.Order) {
			ids = append(ids, id)
		}
	}
	if a := b.side.byKey[accountKey{who.Platform, who.ID}]; a != nil {
		text, args := rangeQuery(`SELECT id FROM statements`, a.n, e.Run.Range)
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
			var key []byte
			if err := rows.Scan(&key); err != nil {
				return err
			}
			if id := onrecord.StatementID(unpackID(key)); b.statements[id] == nil {
				ids = append(ids, id)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	for _, id := range ids {
		r, err := b.find(id)
		if err != nil {
			return err
		}
		if r != nil && !b.unknownAt(r.doc.Known.FirstIndex, e.Run.Base) {
			r.doc.apply(e)
		}
	}
	return nil
}

// orderKey is an order key as it is stored: its length and its bytes, so that
// bytes compare as onrecord.CompareOrder does. Nil for none.
func orderKey(o string) []byte {
	if o == "" {
		return nil
	}
	n := min(len(o), 1<<16-1)
	return append(binary.BigEndian.AppendUint16(nil, uint16(n)), o[:n]...)
}

// rangeQuery completes a query of the table statements to those of an account
// whose order key may lie in r: the bounds are taken as inclusive.
func rangeQuery(query string, account int64, r onrecord.Range) (text string, args []any) {
	text, args = query+` WHERE account = $1 AND ord IS NOT NULL`, []any{account}
	if r.From != "" {
		args = append(args, orderKey(r.From))
		text += fmt.Sprintf(" AND ord >= $%d", len(args))
	}
	if r.To != "" {
		args = append(args, orderKey(r.To))
		text += fmt.Sprintf(" AND ord <= $%d", len(args))
	}
	return text + ` ORDER BY ord`, args
}
