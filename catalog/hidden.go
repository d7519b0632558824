// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"onrecord"
)

// hiddenSpans is what must not be served of objects, at one generation.
type hiddenSpans struct {
	mu    sync.Mutex
	file  *file // guarded by mu, as is the rest
	gen   int64
	spans map[string][]hiddenSpan
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
		spans, err := v.hidden()
		if err != nil {
			return err
		}
		for _, s := range spans[key] {
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
		spans, err := v.hidden()
		if err != nil {
			return err
		}
		for _, s := range spans[key] {
			if !s.gone {
				list, t = append(list, s.span), s.down
			}
		}
		return nil
	})
	return list, t, err
}

// hidden returns all that must not be served, by object.
func (v *view) hidden() (map[string][]hiddenSpan, error) {
	h := &v.c.hiding
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file == v.f && h.gen == v.side.gen {
		return h.spans, nil
	}
	ids, err := v.decided()
	if err != nil {
		return nil, err
	}
	spans := map[string][]hiddenSpan{}
	done, err := v.carriedOut(spans)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		r, _, err := v.record(id)
		if err != nil {
			return nil, err
		}
		if !r.hidden() {
			continue
		}
		if err := v.hide(id, r, spans, done); err != nil {
			return nil, fmt.Errorf("what shows %s: %w", id, err)
		}
	}
	for key, list := range spans {
		slices.SortFunc(list, func(a, b hiddenSpan) int {
			return cmp.Or(cmp.Compare(a.span.Offset, b.span.Offset), cmp.Compare(a.span.Length, b.span.Length), compareBool(a.gone, b.gone))
		})
		spans[key] = slices.CompactFunc(list, func(a, b hiddenSpan) bool { return a.span == b.span })
	}
	h.file, h.gen, h.spans = v.f, v.side.gen, spans
	return spans, nil
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

// mark notes of evidence what is not served of it.
func (v *view) mark(list []onrecord.Evidence) error {
	hidden, err := v.hidden()
	if err != nil || len(hidden) == 0 {
		return err
	}
	for i, e := range list {
		for _, s := range hidden[e.Object] {
			if e.Offset < s.span.Offset+s.span.Length && s.span.Offset < e.Offset+e.Length {
				list[i].Down, list[i].Redacted = s.down.Case, list[i].Redacted || s.erased
			}
		}
	}
	return nil
}

// hide adds what shows one statement: what its events cite, what the decision
// names, and the segments that hold its lines. done is what carriedOut returned.
func (v *view) hide(id onrecord.StatementID, r *record, spans map[string][]hiddenSpan, done map[int64]map[string]bool) error {
	type place struct {
		object string
		offset int64
	}
	gone := map[place]bool{}
	var all []onrecord.Span
	add := func(s onrecord.Span) { all = append(all, s) }
	key, _ := packID(string(id))
	var captures []int64
	err := v.each(func(scan func(...any) error) error {
		var doc []byte
		var e storedEvent
		if err := scan(&doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &e, v.name); err != nil {
			return err
		}
		captures = append(captures, e.Captures...)
		if e.Event.Erasure != nil {
			kept, ok := done[e.Event.Index]
			for _, s := range e.Event.Erasure.Records {
				add(s)
				if ok && e.Event.Type == onrecord.StatementErased && !kept[s.Object] {
					gone[place{s.Object, s.Offset}] = true
				}
			}
		}
		if m := e.Event.Media; m != nil && m.At.Object != "" {
			add(m.At)
		}
		switch e.Event.Type {
		case onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased: // say nothing of what was said
		default:
			add(onrecord.Span{Object: segmentKey(e.Event.Visit), Length: -1})
		}
		return nil
	}, `SELECT doc FROM events WHERE id = $1 ORDER BY i`, key)
	if err != nil {
		return err
	}
	slices.Sort(captures)
	for _, n := range slices.Compact(captures) {
		c, err := v.capture(n)
		if err != nil {
			return err
		}
		add(onrecord.Span{Object: c.Object, Offset: c.Offset, Length: c.Length})
	}
	for _, s := range all {
		spans[s.Object] = append(spans[s.Object], hiddenSpan{s, r.decision().Takedown, r.Known.Erased, gone[place{s.Object, s.Offset}]})
	}
	return nil
}
