// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"onrecord"
)

// A hiding is what must not be served, at one generation.
type hiding struct {
	mu   sync.Mutex
	file *file // guarded by mu, as is the rest
	gen  int64
	now  *unserved
}

// An unserved is what must not be served of objects.
type unserved struct {
	spans  map[string][]hiddenSpan // by object
	lines  map[string][]int64      // ledger indexes, by journal segment
	erased map[string][][]int64    // those that erasures name which touch a segment; some are of others
}

type hiddenSpan struct {
	span   onrecord.Span
	down   onrecord.Takedown
	erased bool
	gone   bool // its bytes are redacted, and that is recorded
}

// Hidden returns the parts of an object that show withheld statements and must
// not be served to strangers, by offset: records of a WARC, and of a journal
// segment that has a line about one the whole, with Length -1. It returns none
// where nothing is hidden, else with the decision about one of them.
func (c *Catalog) Hidden(ctx context.Context, key string) (list []onrecord.Span, t onrecord.Takedown, err error) {
	err = c.view(ctx, func(v *view) error {
		hidden, err := v.hidden()
		if err != nil {
			return err
		}
		for _, s := range hidden.spans[key] {
			list, t = append(list, s.span), s.down
		}
		return nil
	})
	return list, t, err
}

// Withheld is Hidden without the records that an erasure has redacted since, where
// archive.erasure_done says so: nothing is left in them to withhold, and strangers
// can check that.
func (c *Catalog) Withheld(ctx context.Context, key string) (list []onrecord.Span, t onrecord.Takedown, err error) {
	err = c.view(ctx, func(v *view) error {
		hidden, err := v.hidden()
		if err != nil {
			return err
		}
		for _, s := range hidden.spans[key] {
			if !s.gone {
				list, t = append(list, s.span), s.down
			}
		}
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
		hidden, err := v.hidden()
		if err == nil {
			list = slices.Concat(hidden.lines[key], slices.Concat(hidden.erased[key]...))
		}
		return err
	})
	return list, err
}

// hidden returns all that must not be served.
func (v *view) hidden() (*unserved, error) {
	h := &v.c.hiding
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file == v.f && h.gen == v.side.gen {
		return h.now, nil
	}
	ids, err := v.decided()
	if err != nil {
		return nil, err
	}
	all := &unserved{spans: map[string][]hiddenSpan{}, lines: map[string][]int64{}, erased: map[string][][]int64{}}
	done, err := v.carriedOut(all.spans)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		r, a, err := v.record(id)
		if err != nil {
			return nil, err
		}
		if !r.hidden() {
			continue
		}
		if err := v.hide(id, r, a, all, done); err != nil {
			return nil, fmt.Errorf("what shows %s: %w", id, err)
		}
	}
	for key, list := range all.spans {
		slices.SortFunc(list, func(a, b hiddenSpan) int {
			return cmp.Or(cmp.Compare(a.span.Offset, b.span.Offset), cmp.Compare(a.span.Length, b.span.Length), compareBool(a.gone, b.gone))
		})
		all.spans[key] = slices.CompactFunc(list, func(a, b hiddenSpan) bool { return a.span == b.span })
	}
	h.file, h.gen, h.now = v.f, v.side.gen, all
	return all, nil
}

// carriedOut returns the erasures that were carried out, by ledger index, each
// with the objects that keep what was erased, because their store can't erase:
// archive.erasure_done names them. It adds the segments among those to what is
// not served.
func (v *view) carriedOut(spans map[string][]hiddenSpan) (done map[int64]map[string]bool, err error) {
	done = map[int64]map[string]bool{}
	kind, ok, err := v.number(string(onrecord.ArchiveErasureDone))
	if err != nil || !ok {
		return done, err
	}
	return done, v.each(func(scan func(...any) error) error {
		var doc []byte
		var e storedEvent
		if err := scan(&doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &e, v.name); err != nil || e.Event.Takedown == nil {
			return err
		}
		kept := map[string]bool{}
		done[e.Event.Prev] = kept
		if e.Event.Erasure == nil {
			return nil
		}
		for _, o := range e.Event.Erasure.Objects {
			kept[o.Key] = true
			if strings.HasPrefix(o.Key, "journal/") {
				spans[o.Key] = append(spans[o.Key], hiddenSpan{onrecord.Span{Object: o.Key, Length: -1}, *e.Event.Takedown, true, false})
			}
		}
		return nil
	}, `SELECT doc FROM events WHERE rare AND kind = $1`, kind)
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// WithheldNow returns the statements that are withheld, by each id under which
// they may be observed. Erased ones are not among them.
func (c *Catalog) WithheldNow(ctx context.Context) (map[onrecord.StatementID]onrecord.StatementID, error) {
	list := map[onrecord.StatementID]onrecord.StatementID{}
	err := c.view(ctx, func(v *view) error {
		ids, err := v.decided()
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, a, err := v.record(id)
			if err != nil {
				return err
			}
			if !r.Known.Withheld || r.Known.Erased {
				continue
			}
			list[id] = id
			for _, alias := range r.Known.Aliases {
				list[onrecord.NewStatementID(a.doc.Known.Platform, alias)] = id
			}
		}
		return nil
	})
	return list, err
}

// mark notes of evidence what is not served of it.
func (v *view) mark(list []onrecord.Evidence) error {
	hidden, err := v.hidden()
	if err != nil || len(hidden.spans) == 0 {
		return err
	}
	for i, e := range list {
		for _, s := range hidden.spans[e.Object] {
			if e.Offset < s.span.Offset+s.span.Length && s.span.Offset < e.Offset+e.Length {
				list[i].Down, list[i].Redacted = s.down.Case, list[i].Redacted || s.erased
			}
		}
	}
	return nil
}

// A shown is what shows one statement.
type shown struct {
	spans []onrecord.Span
	gone  map[onrecord.Span]bool // redacted, by object and offset
	lines []hiddenLine
	named []int64 // ledger indexes of lines that tell of it and are not its own
}

type hiddenLine struct {
	key   string // of the segment
	index int64
}

// hide adds to all what shows one statement: what its events cite, what the
// decision names, the segments that hold its lines, and the runs of visits that
// name it by their bounds. done is what carriedOut returned.
func (v *view) hide(id onrecord.StatementID, r *record, a *accountRow, all *unserved, done map[int64]map[string]bool) error {
	s := shown{gone: map[onrecord.Span]bool{}}
	captures, err := v.shows(id, &s, all, done)
	if err != nil {
		return err
	}
	for _, n := range captures {
		c, err := v.capture(n)
		if err != nil {
			return err
		}
		s.spans = append(s.spans, onrecord.Span{Object: c.Object, Offset: c.Offset, Length: c.Length})
	}
	if !r.Known.Erased { // of an erased one they are erased, and later ones have other bounds
		bounded, err := v.boundedBy(a.n, r.Known.Order)
		if err != nil {
			return err
		}
		if err := v.lineOf(append(s.named, bounded...), &s); err != nil {
			return err
		}
	}
	down := r.decision().Takedown
	for _, l := range s.lines {
		s.spans = append(s.spans, onrecord.Span{Object: l.key, Length: -1})
		all.lines[l.key] = append(all.lines[l.key], l.index)
	}
	for _, p := range s.spans {
		all.spans[p.Object] = append(all.spans[p.Object], hiddenSpan{p, down, r.Known.Erased, s.gone[onrecord.Span{Object: p.Object, Offset: p.Offset}]})
	}
	return nil
}

// shows gathers what the events of a statement name, and returns the numbers of
// the captures that they cite.
func (v *view) shows(id onrecord.StatementID, s *shown, all *unserved, done map[int64]map[string]bool) (captures []int64, err error) {
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
		captures = append(captures, e.Captures...)
		if x := e.Event.Erasure; x != nil {
			kept, ok := done[e.Event.Index]
			for _, r := range x.Records {
				s.spans = append(s.spans, r)
				if ok && e.Event.Type == onrecord.StatementErased && !kept[r.Object] {
					s.gone[onrecord.Span{Object: r.Object, Offset: r.Offset}] = true
				}
			}
			if e.Event.Type == onrecord.StatementErased {
				for _, o := range x.Objects {
					if strings.HasPrefix(o.Key, "journal/") && len(x.Leaves) > 0 {
						all.erased[o.Key] = append(all.erased[o.Key], x.Leaves)
					}
				}
			} else {
				s.named = append(s.named, x.Leaves...)
			}
		}
		if m := e.Event.Media; m != nil && m.At.Object != "" {
			s.spans = append(s.spans, m.At)
		}
		switch e.Event.Type {
		case onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased: // say nothing of what was said
		default:
			s.lines = append(s.lines, hiddenLine{segmentKey(e.Event.Visit), e.Event.Index})
		}
		return nil
	}, `SELECT doc FROM events WHERE id = $1 ORDER BY i`, key)
	slices.Sort(captures)
	return slices.Compact(captures), err
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
	return v.each(func(scan func(...any) error) error {
		var doc []byte
		var e storedEvent
		if err := scan(&doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &e, v.name); err != nil {
			return err
		}
		s.lines = append(s.lines, hiddenLine{segmentKey(e.Event.Visit), e.Event.Index})
		return nil
	}, `WITH wanted (i) AS MATERIALIZED (SELECT DISTINCT value FROM json_each($1))
		SELECT e.doc FROM wanted AS w CROSS JOIN events AS e ON e.i = w.i ORDER BY e.i`, string(wanted))
}
