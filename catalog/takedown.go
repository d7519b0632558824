// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"onrecord"
)

// A down is the last erasure of a statement, which ends all other decisions about
// it. Those are in onrecord.Known.
type down struct {
	Takedown onrecord.Takedown
	Index    int64 // of the event
	At       time.Time
	By       onrecord.Mark // zero where it was not erased
	Entry    int64         // ledger index of the first line that was erased; -1 for none
}

// takeDown folds a decision of the operator into r. It reports whether e is one.
func (r *record) takeDown(e onrecord.Event) bool {
	switch e.Type {
	case onrecord.StatementWithheld, onrecord.StatementUnwithheld:
		return true // see onrecord.Known.Cases
	case onrecord.StatementErased:
	default:
		return false
	}
	m, entry := markOf(e), firstErased(r.Down, e)
	if !m.Over(r.Down.By) {
		r.Down.Entry = entry
		return true
	}
	r.Down = down{Index: e.Index, At: e.At, By: m, Entry: entry}
	if e.Takedown != nil {
		r.Down.Takedown = *e.Takedown
	}
	if r.Down.Takedown.Reason == "" {
		r.Down.Takedown.Reason = e.Reason // of lines before there were cases
	}
	return true
}

// firstErased is the Entry of d with what e erases. An erasure that follows
// another one of the same statement may have no lines, or fewer.
func firstErased(d down, e onrecord.Event) int64 {
	entry := int64(-1)
	if d.By != (onrecord.Mark{}) {
		entry = d.Entry
	}
	if e.Erasure != nil && len(e.Erasure.Leaves) > 0 {
		if first := slices.Min(e.Erasure.Leaves); entry < 0 || first < entry {
			entry = first
		}
	}
	return entry
}

// decision is what readers are told of a statement that is not shown: its erasure,
// else the gravest decision in force, with the others. The law goes before a
// policy, then the latest before others.
func (r *record) decision() *onrecord.Decision {
	if d := r.Down; r.Known.Erased {
		out := &onrecord.Decision{Takedown: d.Takedown, Type: onrecord.StatementErased, Index: d.Index, Entry: r.Known.FirstIndex, InForce: true}
		if out.Decided.IsZero() {
			out.Decided = d.At
		}
		if d.Entry >= 0 {
			out.Entry = d.Entry
		}
		return out
	}
	var list []onrecord.Decision
	for _, c := range r.Known.Cases {
		if !c.Withheld {
			continue
		}
		d := onrecord.Decision{Takedown: c.Takedown, Type: onrecord.StatementWithheld, Index: c.Mark.Index, Entry: r.Known.FirstIndex, InForce: true}
		if d.Decided.IsZero() {
			d.Decided = c.Mark.At
		}
		list = append(list, d)
	}
	if len(list) == 0 {
		return nil
	}
	law := func(d onrecord.Decision) bool { return d.Ground == onrecord.GroundLaw }
	slices.SortFunc(list, func(a, b onrecord.Decision) int {
		return cmp.Or(compareBool(law(b), law(a)), b.Decided.Compare(a.Decided), cmp.Compare(b.Index, a.Index))
	})
	list[0].Others = list[1:]
	return &list[0]
}

// Takedowns returns at most limit decisions of the operator with a ledger index
// less than before (0: the newest), newest first: those that are in force, those
// that others have replaced, and those that were lifted. next is the index to go
// on from, or 0 at the end. Statements that are erased now are not named.
func (c *Catalog) Takedowns(ctx context.Context, before int64, limit int) (list []onrecord.Decision, next int64, err error) {
	limit = min(max(limit, 1), 1000)
	if before <= 0 {
		before = maxIndex
	}
	err = c.view(ctx, func(v *view) error {
		var events []onrecord.Event
		f := onrecord.EventFilter{Types: []onrecord.EventType{onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased}}
		if events, next, err = v.eventsAt(before, true, f, limit); err != nil {
			return err
		}
		for _, e := range events {
			if t := e.Takedown; e.Type == onrecord.StatementWithheld && t != nil && !t.Decided.IsZero() {
				continue // adds evidence to a decision that is in the list
			}
			r, _, err := v.record(e.Statement)
			if err != nil {
				return err
			}
			list = append(list, r.told(e))
		}
		return nil
	})
	return list, next, err
}

// told is what the public list says of a decision about the statement.
func (r *record) told(e onrecord.Event) onrecord.Decision {
	d := onrecord.Decision{Type: e.Type, Index: e.Index, Entry: -1, Statement: e.Statement}
	if e.Takedown != nil {
		d.Takedown = *e.Takedown
	}
	d.Reason = cmp.Or(d.Reason, e.Reason) // of lines before there were cases
	if d.Decided.IsZero() {
		d.Decided = e.At
	}
	if r.Known.Erased {
		d.Statement, d.InForce = "", e.Type == onrecord.StatementErased
		return d
	}
	c := r.Known.Cases[d.Case]
	d.InForce = c.Withheld && (c.Mark.Index == e.Index || e.Type == onrecord.StatementWithheld && c.Takedown.Decided.Equal(e.At))
	return d
}

// decided returns the statements that were ever withheld or erased.
func (v *view) decided() ([]onrecord.StatementID, error) {
	var kinds []int64
	for _, t := range []onrecord.EventType{onrecord.StatementWithheld, onrecord.StatementErased} {
		n, ok, err := v.number(string(t))
		if err != nil {
			return nil, err
		}
		if ok {
			kinds = append(kinds, n)
		}
	}
	var ids []onrecord.StatementID
	for _, kind := range kinds {
		err := v.each(func(scan func(...any) error) error {
			var key []byte
			err := scan(&key)
			ids = append(ids, onrecord.StatementID(unpackID(key)))
			return err
		}, `SELECT DISTINCT id FROM events WHERE rare AND kind = $1 AND id IS NOT NULL`, kind)
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// segmentKey is the key of the journal segment of a visit (docs/format.md).
func segmentKey(v onrecord.VisitID) string {
	return "journal/" + v.Time().UTC().Format("2006/01/02") + "/" + v.String() + ".ndjson.zst"
}

// discreet removes from the content of a statement the native ids of what it
// answers, repeats or quotes, where that is hidden.
func (v *view) discreet(platform string, c *onrecord.Content) error {
	for _, native := range []*string{&c.ReplyTo, &c.RepostOf, &c.QuoteOf} {
		if *native == "" {
			continue
		}
		id, ok, err := v.resolve(onrecord.NewStatementID(platform, *native))
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		r, _, err := v.record(id)
		if err != nil {
			return err
		}
		if r.hidden() {
			*native = ""
		}
	}
	return nil
}

// HoldsErased reports whether the file holds something of what an erasure has
// removed since: it was applied before, and must be made anew from the record,
// so that no page of it tells.
func (c *Catalog) HoldsErased(ctx context.Context) (holds bool, err error) {
	err = c.view(ctx, func(v *view) error {
		ids, err := v.decided()
		for _, id := range ids {
			if holds || err != nil {
				break
			}
			holds, err = v.holdsErased(id)
		}
		return err
	})
	return holds, err
}

// holdsErased reports whether lines were applied that one of the erasures of
// the statement names.
func (v *view) holdsErased(id onrecord.StatementID) (bool, error) {
	leaves, err := v.erasedLeaves(id)
	for _, i := range leaves {
		var there bool
		if err := v.row(`SELECT EXISTS (SELECT 1 FROM events WHERE i = $1)`, i).Scan(&there); err != nil {
			return false, fmt.Errorf("catalog: %w", err)
		}
		if there {
			return true, nil
		}
	}
	return false, err
}

// erasedLeaves returns the lines that all erasures of a statement name.
func (v *view) erasedLeaves(id onrecord.StatementID) (leaves []int64, err error) {
	kind, ok, err := v.number(string(onrecord.StatementErased))
	if err != nil || !ok {
		return nil, err
	}
	key, _ := packID(string(id))
	err = v.stored(func(e storedEvent) {
		if e.Event.Erasure != nil {
			leaves = append(leaves, e.Event.Erasure.Leaves...)
		}
	}, `SELECT doc FROM events WHERE id = $1 AND kind = $2`, key, kind)
	return leaves, err
}

// Wordings returns the wordings of a statement, also of one that is withheld:
// for whoever looks for what shows it. Readers are given Versions.
func (c *Catalog) Wordings(ctx context.Context, id onrecord.StatementID) (list []onrecord.Version, err error) {
	err = c.view(ctx, func(v *view) error {
		r, _, err := v.record(id)
		if err != nil {
			return err
		}
		key, _ := packID(string(id))
		for _, version := range r.Known.Versions {
			w, err := v.wording(key, version)
			if err != nil {
				return err
			}
			out := onrecord.Version{ID: version}
			if w != nil {
				out.Content = w.Content
			}
			list = append(list, out)
		}
		return nil
	})
	return list, err
}
