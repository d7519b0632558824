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

// A down is the last decision of the operator about a statement: to withhold
// it, to show it again, or to erase it, which ends all others.
type down struct {
	Takedown onrecord.Takedown
	Type     onrecord.EventType
	Index    int64 // of the event
	At       time.Time
	By       onrecord.Mark
	Entry    int64 // of an erasure: ledger index of the first line that it erased; else -1
}

// takeDown folds a decision into r. It reports whether e is one.
func (r *record) takeDown(e onrecord.Event) bool {
	switch e.Type {
	case onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased:
	default:
		return false
	}
	m := markOf(e)
	over := m.Over(r.Down.By)
	if erased := r.Down.Type == onrecord.StatementErased; erased != (e.Type == onrecord.StatementErased) {
		over = !erased
	}
	entry := firstErased(r.Down, e)
	if !over {
		r.Down.Entry = entry
		return true
	}
	r.Down = down{Type: e.Type, Index: e.Index, At: e.At, By: m, Entry: entry}
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
	if d.Type == onrecord.StatementErased {
		entry = d.Entry
	}
	if e.Type == onrecord.StatementErased && e.Erasure != nil && len(e.Erasure.Leaves) > 0 {
		if first := slices.Min(e.Erasure.Leaves); entry < 0 || first < entry {
			entry = first
		}
	}
	return entry
}

// decision is what readers are told of a statement that is not shown.
func (r *record) decision() *onrecord.Decision {
	d := r.Down
	out := &onrecord.Decision{Takedown: d.Takedown, Type: d.Type, Index: d.Index, Entry: r.Known.FirstIndex}
	if out.Decided.IsZero() {
		out.Decided = d.At
	}
	if d.Entry >= 0 {
		out.Entry = d.Entry
	}
	return out
}

// Takedowns returns all decisions in force and lifted, the newest first: of a
// statement the last one. Erased statements are not named.
func (c *Catalog) Takedowns(ctx context.Context) ([]onrecord.Decision, error) {
	var list []onrecord.Decision
	err := c.view(ctx, func(v *view) error {
		ids, err := v.decided()
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, _, err := v.record(id)
			if err != nil {
				return err
			}
			d := *r.decision()
			if d.Type != onrecord.StatementErased {
				d.Statement = id
			}
			list = append(list, d)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b onrecord.Decision) int { return cmp.Compare(b.Index, a.Index) })
	return list, err
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
	err = v.each(func(scan func(...any) error) error {
		var doc []byte
		var e storedEvent
		if err := scan(&doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &e, v.name); err != nil {
			return err
		}
		if e.Event.Erasure != nil {
			leaves = append(leaves, e.Event.Erasure.Leaves...)
		}
		return nil
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
