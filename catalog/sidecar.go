// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"onrecord"
)

// A sidecar holds, for every statement, what lists and counts filter by: 16
// bytes a statement, in time order, and all accounts. It never changes: the
// applier makes the next one and publishes it before it commits, so that a
// reader finds the one of its snapshot by its generation.
type sidecar struct {
	gen      int64
	rows     []int64         // rowids, ascending
	attrs    []attr          // beside rows
	withheld int             // how many statements are
	moved    map[int64]int64 // rowid to the second of its date, where the two differ
	accounts []*accountRow   // by number; 0 is unused
	byKey    map[accountKey]*accountRow
}

type accountKey struct{ platform, id string }

// An accountRow is a row of the table accounts, decoded. It is not changed
// once it is in a sidecar.
type accountRow struct {
	n          int64
	doc        account
	statements int64
}

// An attr packs what is filtered by: the account's number in the upper half,
// below it type, state and flags.
type attr uint64

const (
	attrEdited   attr = 1 << 0
	attrImported attr = 1 << 1
	attrSeveral  attr = 1 << 2 // wordings
	attrSeen     attr = 1 << 3 // first-hand
	stateShift        = 8
	typeShift         = 16
	accountShift      = 32
)

// states and types are the numbers of attr; they are part of the schema.
func states() []onrecord.State {
	return []onrecord.State{
		"", onrecord.StateLive, onrecord.StateDeleted, onrecord.StateGoneWithAccount, onrecord.StatePlatformOffline,
		onrecord.StateRestored, onrecord.StateUnconfirmed, onrecord.StateWithheld,
	}
}

func types() []string {
	return []string{"", "post", "reply", "repost", "quote", "article", "email", "broadcast", "transcript", "profile"}
}

// The numbers of the states that the filters need.
const (
	stateLive     = 1
	stateDeleted  = 2
	stateGone     = 3
	stateOffline  = 4
	stateUnsure   = 6
	stateWithheld = 7
)

func packAttr(account int64, kind string, r *record) attr {
	a := attr(account) << accountShift
	a |= attr(max(slices.Index(types(), kind), 0)) << typeShift
	a |= attr(max(slices.Index(states(), r.Known.State), 0)) << stateShift
	if r.Edited {
		a |= attrEdited
	}
	if r.Known.Provenance == onrecord.Imported {
		a |= attrImported
	}
	if len(r.Known.Versions) > 1 {
		a |= attrSeveral
	}
	if !r.Known.LastSeen.IsZero() {
		a |= attrSeen
	}
	return a
}

func (a attr) account() int64 { return int64(a >> accountShift) }
func (a attr) kind() int      { return int(a >> typeShift & 0xFF) }
func (a attr) state() int     { return int(a >> stateShift & 0xFF) }

// state returns the state that is shown: that of the statement, or what its
// account's fate makes of it.
func (s *sidecar) state(a attr) int {
	own := a.state()
	if own == stateWithheld || own == stateDeleted {
		return own
	}
	if o := s.accounts[a.account()].doc.override(); o != 0 {
		return o
	}
	return own
}

// find returns where r stands, or would stand.
func (s *sidecar) find(r int64) (int, bool) { return slices.BinarySearch(s.rows, r) }

// second returns the date of the statement at r, in seconds since 1900.
func (s *sidecar) second(r int64) int64 {
	if sec, ok := s.moved[r]; ok {
		return sec
	}
	return r >> idBits
}

// idBits is the width of the id's part of a rowid.
const idBits = 30

// epoch is where the seconds of rowids begin, in Unix seconds: 1900-01-01.
const epoch = -2208988800

// secondOf returns the second of t in rowids, within what they can express.
func secondOf(t time.Time) int64 {
	return min(max(t.Unix()-epoch, 0), 1<<33-1)
}

// sidecarAt returns the sidecar of a generation, and reads it from the file
// where another process made it.
func (f *file) sidecarAt(ctx context.Context, v *view, gen int64) (*sidecar, error) {
	f.sides.Lock()
	side, old := f.side, f.old
	f.sides.Unlock()
	switch {
	case side != nil && side.gen == gen:
		return side, nil
	case old != nil && old.gen == gen:
		return old, nil
	}
	s, err := v.loadSidecar(gen)
	if err != nil {
		return nil, err
	}
	f.sides.Lock()
	defer f.sides.Unlock()
	if f.write == nil && (f.side == nil || f.side.gen < gen) {
		f.old, f.side = f.side, s
	}
	return s, nil
}

// publish makes s the newest sidecar; withdraw takes it back.
func (f *file) publish(s *sidecar) {
	f.sides.Lock()
	defer f.sides.Unlock()
	f.old, f.side = f.side, s
}

func (f *file) withdraw() {
	f.sides.Lock()
	defer f.sides.Unlock()
	f.side, f.old = f.old, nil
}

func (f *file) newest() *sidecar {
	f.sides.Lock()
	defer f.sides.Unlock()
	return f.side
}

// loadSidecar reads names and sidecar at opening.
func (f *file) loadSidecar(ctx context.Context) (*sidecar, error) {
	tx, err := f.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	v := &view{ctx: ctx, f: f, tx: tx}
	err = v.each(func(scan func(...any) error) error {
		var n int64
		var s string
		if err := scan(&n, &s); err != nil {
			return err
		}
		f.names.add(uint64(n), s)
		return nil
	}, `SELECT n, s FROM names`)
	if err != nil {
		return nil, err
	}
	var gen int64
	if err := v.row(`SELECT v FROM meta WHERE k = 'gen'`).Scan(&gen); err != nil {
		return nil, err
	}
	return v.loadSidecar(gen)
}

func (v *view) loadSidecar(gen int64) (*sidecar, error) {
	s := &sidecar{gen: gen, moved: map[int64]int64{}, byKey: map[accountKey]*accountRow{}, accounts: []*accountRow{nil}}
	err := v.each(func(scan func(...any) error) error {
		var n int64
		var doc []byte
		if err := scan(&n, &doc); err != nil {
			return err
		}
		a := &accountRow{n: n}
		if err := unmarshal(doc, &a.doc, v.name); err != nil {
			return err
		}
		for int64(len(s.accounts)) <= n {
			s.accounts = append(s.accounts, nil)
		}
		s.accounts[n] = a
		s.byKey[accountKey{a.doc.Known.Platform, a.doc.Known.ID}] = a
		return nil
	}, `SELECT n, doc FROM accounts ORDER BY n`)
	if err != nil {
		return nil, err
	}
	var count int
	if err := v.row(`SELECT count(*) FROM columns`).Scan(&count); err != nil {
		return nil, err
	}
	s.rows, s.attrs = make([]int64, 0, count), make([]attr, 0, count)
	err = v.each(func(scan func(...any) error) error {
		var r, a int64
		var date *int64
		if err := scan(&r, &a, &date); err != nil {
			return err
		}
		at := attr(a)
		if n := at.account(); n >= int64(len(s.accounts)) || s.accounts[n] == nil {
			return fmt.Errorf("statement %d of unknown account %d: %w", r, n, ErrRebuild)
		}
		s.rows, s.attrs = append(s.rows, r), append(s.attrs, at)
		s.accounts[at.account()].statements++
		s.withheld += boolInt(at.state() == stateWithheld)
		if date != nil {
			s.moved[r] = *date
		}
		return nil
	}, `SELECT r, attr, date FROM columns ORDER BY r`)
	return s, err
}

// A change is what the next sidecar has otherwise.
type change struct {
	attr attr
	date int64 // second of the date
}

// next returns the sidecar of the next generation.
func (s *sidecar) next(changes map[int64]change, accounts []*accountRow) *sidecar {
	n := &sidecar{gen: s.gen + 1, moved: s.moved, accounts: slices.Clone(s.accounts), byKey: s.byKey}
	if len(accounts) > 0 {
		n.byKey = maps.Clone(s.byKey)
	}
	for _, a := range accounts {
		for int64(len(n.accounts)) <= a.n {
			n.accounts = append(n.accounts, nil)
		}
		n.accounts[a.n] = a
		n.byKey[accountKey{a.doc.Known.Platform, a.doc.Known.ID}] = a
	}
	n.merge(s, changes)
	return n
}

// merge fills rows and attrs from s and the changes.
func (n *sidecar) merge(s *sidecar, changes map[int64]change) {
	n.withheld = s.withheld
	if len(changes) == 0 {
		n.rows, n.attrs = s.rows, s.attrs
		return
	}
	order := slices.Sorted(maps.Keys(changes))
	n.rows = make([]int64, 0, len(s.rows)+len(order)+len(order)/2)
	n.attrs = make([]attr, 0, cap(n.rows))
	at, cloned := 0, false
	for _, r := range order {
		c := changes[r]
		i, ok := s.find(r)
		n.rows, n.attrs = append(n.rows, s.rows[at:i]...), append(n.attrs, s.attrs[at:i]...)
		n.rows, n.attrs = append(n.rows, r), append(n.attrs, c.attr)
		at = i
		n.withheld += boolInt(c.attr.state() == stateWithheld)
		if ok {
			n.withheld -= boolInt(s.attrs[i].state() == stateWithheld)
			at++
		}
		if _, was := s.moved[r]; was || c.date != r>>idBits {
			if !cloned {
				n.moved, cloned = maps.Clone(s.moved), true
			}
			delete(n.moved, r)
			if c.date != r>>idBits {
				n.moved[r] = c.date
			}
		}
	}
	n.rows, n.attrs = append(n.rows, s.rows[at:]...), append(n.attrs, s.attrs[at:]...)
}
