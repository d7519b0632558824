// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"onrecord"
)

// What must not be served is kept from commit to commit: what the events since
// touch is worked out again, and nobody is answered before. So a commit costs what
// it brings, however much is withheld, and one that hides hides at once.

// A hiding is what must not be served, at one generation.
type hiding struct {
	mu   sync.Mutex
	file *file // guarded by mu, as is the rest
	gen  int64
	now  *unserved
}

// An unserved is what must not be served, as the events before next have it.
type unserved struct {
	next    int64
	stale   map[onrecord.StatementID]bool   // to be worked out before anybody is answered
	down    map[onrecord.StatementID]*taken // all that were ever withheld or erased, but for stale ones
	waiting map[onrecord.StatementID]bool   // those whose decision names lines that are still to come
	bounds  map[string]map[onrecord.StatementID]bool
	done    map[int64]map[string]bool // erasures that were carried out, by index, with the objects that their store keeps
	objects map[string]*veiled        // by key

	withheld map[onrecord.StatementID]onrecord.StatementID // see WithheldNow; nil when it is not made
}

// A taken is what is known of one statement that was withheld or erased.
type taken struct {
	objects []string // that have a part about it
	bound   string   // its key in unserved.bounds; empty where it is in none
	aliases []onrecord.StatementID
	now     bool // it is withheld, and not erased
}

// A veiled is what must not be served of one object.
type veiled struct {
	parts []part
	sum   *part // of all of them, in order; nil when it is not made
}

// A part is what must not be served of an object because of one statement.
type part struct {
	of     onrecord.StatementID // empty where a store can't erase
	spans  []hiddenSpan
	lines  []int64 // ledger indexes, of a journal segment
	erased []int64 // that erasures name which touch the segment; some are of others
}

type hiddenSpan struct {
	span   onrecord.Span
	down   onrecord.Takedown
	erased bool
	gone   bool // its bytes are redacted, and that is recorded
}

// hidden returns what must not be served of an object. It is not to be changed.
func (v *view) hidden(key string) (p part, err error) {
	err = v.unserved(func(u *unserved) {
		if o := u.objects[key]; o != nil {
			p = *o.all()
		}
	})
	return p, err
}

// unserved calls use with all that must not be served in the snapshot, or in a
// later one.
func (v *view) unserved(use func(*unserved)) error {
	h := &v.c.hiding
	h.mu.Lock()
	defer h.mu.Unlock()
	var u *unserved
	switch same := h.now != nil && h.file == v.f; {
	case same && h.gen >= v.side.gen && len(h.now.stale) == 0:
		use(h.now)
		return nil
	case same && h.gen > v.side.gen, v.f != v.c.file.Load(): // the snapshot has not what is stale, or is of a file that is closed soon
		var err error
		if u, err = v.decisions(); err != nil {
			return err
		}
	default:
		if u = h.now; !same {
			u = &unserved{}
		}
		if err := v.follow(u); err != nil {
			return err
		}
		h.file, h.gen, h.now = v.f, v.side.gen, u
	}
	if err := v.settle(u); err != nil {
		return err
	}
	use(u)
	return nil
}

// maxFollowed is up to how many events are looked through for what they touch.
// Behind more it is as well to work out everything.
const maxFollowed = 1 << 16

// follow marks as stale what the events since touch.
func (v *view) follow(u *unserved) error {
	var next int64
	if err := v.row(`SELECT v FROM meta WHERE k = 'next'`).Scan(&next); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if u.down == nil || next-u.next > maxFollowed {
		all, err := v.decisions()
		if err == nil {
			*u = *all
		}
		return err
	}
	if next == u.next {
		return nil
	}
	maps.Copy(u.stale, u.waiting)
	if err := errors.Join(v.touched(u), v.bounded(u), v.carriedOut(u)); err != nil {
		return err
	}
	u.next = next
	return nil
}

// decisions returns an unserved of which everything is stale.
func (v *view) decisions() (*unserved, error) {
	u := &unserved{
		stale: map[onrecord.StatementID]bool{}, down: map[onrecord.StatementID]*taken{}, waiting: map[onrecord.StatementID]bool{},
		bounds: map[string]map[onrecord.StatementID]bool{}, done: map[int64]map[string]bool{}, objects: map[string]*veiled{},
	}
	ids, err := v.decided()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		u.stale[id] = true
	}
	if err := v.carriedOut(u); err != nil {
		return nil, err
	}
	if err := v.row(`SELECT v FROM meta WHERE k = 'next'`).Scan(&u.next); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return u, nil
}

// touched marks the statements as stale that the new events decide about, or that
// are decided about.
func (v *view) touched(u *unserved) error {
	withheld, _, err := v.number(string(onrecord.StatementWithheld))
	if err != nil {
		return err
	}
	erased, _, err := v.number(string(onrecord.StatementErased))
	if err != nil {
		return err
	}
	return v.each(func(scan func(...any) error) error {
		var kind int64
		var key []byte
		if err := scan(&kind, &key); err != nil {
			return err
		}
		if id := onrecord.StatementID(unpackID(key)); kind == withheld || kind == erased || u.down[id] != nil {
			u.stale[id] = true
		}
		return nil
	}, `SELECT kind, id FROM events NOT INDEXED WHERE i >= $1 AND id IS NOT NULL`, u.next)
}

// bounded marks the statements as stale that new runs of visits name by their
// bounds.
func (v *view) bounded(u *unserved) error {
	looked, ok, err := v.number(string(onrecord.SourceLooked))
	if err != nil || !ok || len(u.bounds) == 0 {
		return err
	}
	return v.stored(func(e storedEvent) {
		if r := e.Event.Run; r != nil {
			maps.Copy(u.stale, u.bounds[string(orderKey(r.Range.From))])
			maps.Copy(u.stale, u.bounds[string(orderKey(r.Range.To))])
		}
	}, `SELECT doc FROM events NOT INDEXED WHERE i >= $1 AND kind = $2`, u.next, looked)
}

// carriedOut notes the new events that say that an erasure was carried out
// (archive.erasure_done). They name the objects that keep what was erased, because
// their store can't erase: the segments among those are not served.
func (v *view) carriedOut(u *unserved) error {
	kind, ok, err := v.number(string(onrecord.ArchiveErasureDone))
	if err != nil || !ok {
		return err
	}
	var of []int64
	err = v.stored(func(e storedEvent) {
		if e.Event.Takedown == nil {
			return
		}
		kept := map[string]bool{}
		u.done[e.Event.Prev] = kept
		of = append(of, e.Event.Prev)
		if e.Event.Erasure == nil {
			return
		}
		for _, o := range e.Event.Erasure.Objects {
			kept[o.Key] = true
			if strings.HasPrefix(o.Key, "journal/") {
				u.add(o.Key, part{spans: []hiddenSpan{{span: onrecord.Span{Object: o.Key, Length: -1}, down: *e.Event.Takedown, erased: true}}})
			}
		}
	}, `SELECT doc FROM events WHERE rare AND kind = $1 AND i >= $2`, kind, u.next)
	if err != nil {
		return err
	}
	for _, i := range of {
		var key []byte
		if err := v.row(`SELECT id FROM events WHERE i = $1`, i).Scan(&key); errors.Is(err, sql.ErrNoRows) {
			continue
		} else if err != nil {
			return fmt.Errorf("catalog: %w", err)
		}
		if id := onrecord.StatementID(unpackID(key)); u.down[id] != nil {
			u.stale[id] = true
		}
	}
	return nil
}

// settle works out what is stale. What is done stays done where it is interrupted.
func (v *view) settle(u *unserved) error {
	for id := range u.stale {
		r, a, err := v.record(id)
		if err != nil {
			return err
		}
		var s *shown
		if r.hidden() {
			if s, err = v.hide(id, r, a, u.done); err != nil {
				return fmt.Errorf("what shows %s: %w", id, err)
			}
		}
		u.put(id, r, a, s)
		delete(u.stale, id)
	}
	return nil
}

// put notes of a statement what shows it: nil where it may be shown.
func (u *unserved) put(id onrecord.StatementID, r *record, a *accountRow, s *shown) {
	u.drop(id)
	t := &taken{now: r.Known.Withheld && !r.Known.Erased}
	u.down[id] = t
	if s == nil {
		return
	}
	for _, alias := range r.Known.Aliases {
		t.aliases = append(t.aliases, onrecord.NewStatementID(a.doc.Known.Platform, alias))
	}
	if t.now && r.Known.Order != "" {
		t.bound = string(orderKey(r.Known.Order))
		if u.bounds[t.bound] == nil {
			u.bounds[t.bound] = map[onrecord.StatementID]bool{}
		}
		u.bounds[t.bound][id] = true
	}
	if len(s.named) > 0 && slices.Max(s.named) >= u.next {
		u.waiting[id] = true
	}
	for key, p := range s.parts(id, r) {
		t.objects = append(t.objects, key)
		u.add(key, *p)
	}
}

// drop forgets what shows a statement.
func (u *unserved) drop(id onrecord.StatementID) {
	u.withheld = nil
	t := u.down[id]
	if t == nil {
		return
	}
	delete(u.waiting, id)
	if delete(u.bounds[t.bound], id); len(u.bounds[t.bound]) == 0 {
		delete(u.bounds, t.bound)
	}
	for _, key := range t.objects {
		o := u.objects[key]
		if o.parts, o.sum = slices.DeleteFunc(o.parts, func(p part) bool { return p.of == id }), nil; len(o.parts) == 0 {
			delete(u.objects, key)
		}
	}
}

// add adds a part to what is not served of an object.
func (u *unserved) add(key string, p part) {
	if u.objects[key] == nil {
		u.objects[key] = &veiled{}
	}
	o := u.objects[key]
	o.parts, o.sum = append(o.parts, p), nil
}

// parts returns what shows a statement, by object.
func (s *shown) parts(id onrecord.StatementID, r *record) map[string]*part {
	list, down := map[string]*part{}, r.decision().Takedown
	at := func(key string) *part {
		if list[key] == nil {
			list[key] = &part{of: id}
		}
		return list[key]
	}
	for _, p := range s.spans {
		o := at(p.Object)
		o.spans = append(o.spans, hiddenSpan{p, down, r.Known.Erased, s.gone[onrecord.Span{Object: p.Object, Offset: p.Offset}]})
	}
	for _, l := range s.lines {
		o := at(l.key)
		o.lines = append(o.lines, l.index)
	}
	for key, leaves := range s.erased {
		o := at(key)
		o.erased = append(o.erased, leaves...)
	}
	return list
}

// all returns what must not be served of the object: where several decisions hide
// the same bytes, first those that withhold, then those that erase.
func (o *veiled) all() *part {
	if o.sum != nil {
		return o.sum
	}
	sum := &part{}
	slices.SortStableFunc(o.parts, func(a, b part) int { return cmp.Compare(a.of, b.of) })
	for _, p := range o.parts {
		sum.spans = append(sum.spans, p.spans...)
		sum.lines = append(sum.lines, p.lines...)
		sum.erased = append(sum.erased, p.erased...)
	}
	slices.SortStableFunc(sum.spans, func(a, b hiddenSpan) int {
		return cmp.Or(cmp.Compare(a.span.Offset, b.span.Offset), cmp.Compare(a.span.Length, b.span.Length), compareBool(a.erased, b.erased), compareBool(a.gone, b.gone))
	})
	sum.spans = slices.CompactFunc(sum.spans, func(a, b hiddenSpan) bool {
		return a.span == b.span && a.erased == b.erased && a.gone == b.gone
	})
	o.sum = sum
	return sum
}

// withheldNow returns the statements that are withheld, by each id under which they
// may be observed.
func (u *unserved) withheldNow() map[onrecord.StatementID]onrecord.StatementID {
	if u.withheld != nil {
		return u.withheld
	}
	u.withheld = map[onrecord.StatementID]onrecord.StatementID{}
	for _, id := range slices.Sorted(maps.Keys(u.down)) {
		t := u.down[id]
		if !t.now {
			continue
		}
		u.withheld[id] = id
		for _, alias := range t.aliases {
			u.withheld[alias] = id
		}
	}
	return u.withheld
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
