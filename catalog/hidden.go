// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"onrecord"
)

// Hidden returns the parts of an object that show withheld statements and must
// not be served to strangers, by offset: records of a WARC, and of a journal
// segment that has a line about one the whole, with Length -1. It returns none
// where nothing is hidden, else with the decision about one of them.
func (c *Catalog) Hidden(ctx context.Context, key string) (list []onrecord.Span, t onrecord.Takedown, err error) {
	err = c.view(ctx, func(v *view) error {
		hidden, err := v.hidden(key)
		if err != nil {
			return err
		}
		list, t = spansOf(hidden.spans, func(hiddenSpan) bool { return true })
		return nil
	})
	return list, t, err
}

// spansOf returns those of a list that ok lets through, each once.
func spansOf(hidden []hiddenSpan, ok func(hiddenSpan) bool) (list []onrecord.Span, t onrecord.Takedown) {
	for _, s := range hidden {
		if !ok(s) {
			continue
		}
		if n := len(list); n == 0 || list[n-1] != s.span {
			list = append(list, s.span)
		}
		t = s.down
	}
	return list, t
}

// Withheld is Hidden without the records that an erasure has redacted since, where
// archive.erasure_done says so: nothing is left in them to withhold, and strangers
// can check that.
func (c *Catalog) Withheld(ctx context.Context, key string) (list []onrecord.Span, t onrecord.Takedown, err error) {
	err = c.view(ctx, func(v *view) error {
		hidden, err := v.hidden(key)
		if err != nil {
			return err
		}
		list, t = spansOf(hidden.spans, func(s hiddenSpan) bool { return !s.gone })
		return nil
	})
	return list, t, err
}

// HiddenLines returns the ledger indexes of the lines in a journal segment that
// must not be served to strangers: those about withheld statements, runs of
// visits that name one by their bounds, other lines that the decision names, and
// in a store that can't erase the erased ones. Hidden names the whole segment; its
// other lines may be shown. Some of the indexes may be of other segments; those
// that surely are of this one come first.
func (c *Catalog) HiddenLines(ctx context.Context, key string) (list []int64, err error) {
	err = c.view(ctx, func(v *view) error {
		hidden, err := v.hidden(key)
		if err == nil {
			list = slices.Concat(hidden.lines, hidden.erased)
		}
		return err
	})
	return list, err
}

// WithheldNow returns the statements that are withheld, by each id under which
// they may be observed. Erased ones are not among them.
func (c *Catalog) WithheldNow(ctx context.Context) (list map[onrecord.StatementID]onrecord.StatementID, err error) {
	err = c.view(ctx, func(v *view) error {
		return v.unserved(func(u *unserved) {
			list = maps.Clone(u.withheldNow())
		})
	})
	return list, err
}

// mark notes of evidence what is not served of it.
func (v *view) mark(list []onrecord.Evidence) error {
	for i, e := range list {
		hidden, err := v.hidden(e.Object)
		if err != nil {
			return err
		}
		for _, s := range hidden.spans {
			if e.Offset < s.span.Offset+s.span.Length && s.span.Offset < e.Offset+e.Length {
				list[i].Down, list[i].Redacted = s.down.Case, list[i].Redacted || s.erased
			}
		}
	}
	return nil
}

// A shown is what shows one statement.
type shown struct {
	spans  []onrecord.Span
	gone   map[onrecord.Span]bool // redacted, by object and offset
	lines  []hiddenLine
	named  []int64            // ledger indexes of lines that tell of it
	erased map[string][]int64 // indexes of lines that its erasures name, by segments that those touch
}

type hiddenLine struct {
	key   string // of the segment
	index int64
}

// hide returns what shows one statement: what its events cite, what the
// decision names, the segments that hold its lines, and the runs of visits that
// name it by their bounds. done is that of unserved.
func (v *view) hide(id onrecord.StatementID, r *record, a *accountRow, done map[int64]map[string]bool) (*shown, error) {
	s := &shown{gone: map[onrecord.Span]bool{}, erased: map[string][]int64{}}
	captures, err := v.shows(id, s, done)
	if err != nil {
		return nil, err
	}
	for _, n := range captures {
		c, err := v.capture(n)
		if err != nil {
			return nil, err
		}
		s.spans = append(s.spans, onrecord.Span{Object: c.Object, Offset: c.Offset, Length: c.Length})
	}
	if !r.Known.Erased { // of an erased one they are erased, and later ones have other bounds
		bounded, err := v.boundedBy(a.n, r.Known.Order)
		if err != nil {
			return nil, err
		}
		if err := v.lineOf(append(bounded, s.named...), s); err != nil {
			return nil, err
		}
	}
	for _, l := range s.lines {
		s.spans = append(s.spans, onrecord.Span{Object: l.key, Length: -1})
	}
	return s, nil
}

// shows gathers what the events of a statement name, and returns the numbers of
// the captures that they cite.
func (v *view) shows(id onrecord.StatementID, s *shown, done map[int64]map[string]bool) (captures []int64, err error) {
	key, _ := packID(string(id))
	err = v.stored(func(e storedEvent) {
		captures = append(captures, e.Captures...)
		if x := e.Event.Erasure; x != nil {
			s.names(e.Event, done)
		}
		if m := e.Event.Media; m != nil && m.At.Object != "" {
			s.spans = append(s.spans, m.At)
		}
		switch e.Event.Type {
		case onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased: // say nothing of what was said
		default:
			s.lines = append(s.lines, hiddenLine{segmentKey(e.Event.Visit), e.Event.Index})
		}
	}, `SELECT doc FROM events WHERE id = $1 ORDER BY i`, key)
	slices.Sort(captures)
	return slices.Compact(captures), err
}

// names adds what a decision or a look names: records, and lines.
func (s *shown) names(e onrecord.Event, done map[int64]map[string]bool) {
	x := e.Erasure
	s.spans = append(s.spans, x.Records...)
	if e.Type != onrecord.StatementErased {
		s.named = append(s.named, x.Leaves...)
		return
	}
	if kept, ok := done[e.Index]; ok {
		for _, r := range x.Records {
			if !kept[r.Object] {
				s.gone[onrecord.Span{Object: r.Object, Offset: r.Offset}] = true
			}
		}
	}
	for _, o := range x.Objects {
		if strings.HasPrefix(o.Key, "journal/") && len(x.Leaves) > 0 {
			s.erased[o.Key] = append(s.erased[o.Key], x.Leaves...)
		}
	}
}

// boundedBy returns the runs of visits that name a statement of an account: its
// key is a bound of their range, and on most platforms it is the statement's id.
func (v *view) boundedBy(account int64, order string) (list []int64, err error) {
	if order == "" {
		return nil, nil
	}
	err = v.each(func(scan func(...any) error) error {
		var i int64
		err := scan(&i)
		list = append(list, i)
		return err
	}, `SELECT i FROM bounds WHERE account = $1 AND ord = $2`, account, orderKey(order))
	return list, err
}

// lineOf adds lines at ledger indexes. Those that are not events, or no more, are
// passed over.
func (v *view) lineOf(indexes []int64, s *shown) error {
	if len(indexes) == 0 {
		return nil
	}
	wanted, err := json.Marshal(indexes)
	if err != nil {
		return err
	}
	return v.stored(func(e storedEvent) {
		s.lines = append(s.lines, hiddenLine{segmentKey(e.Event.Visit), e.Event.Index})
	}, `WITH wanted (i) AS MATERIALIZED (SELECT DISTINCT value FROM json_each($1))
		SELECT e.doc FROM wanted AS w CROSS JOIN events AS e ON e.i = w.i ORDER BY e.i`, string(wanted))
}

// stored calls fn for the events whose docs a query returns.
func (v *view) stored(fn func(storedEvent), text string, args ...any) error {
	return v.each(func(scan func(...any) error) error {
		var doc []byte
		var e storedEvent
		if err := scan(&doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &e, v.name); err != nil {
			return err
		}
		fn(e)
		return nil
	}, text, args...)
}
