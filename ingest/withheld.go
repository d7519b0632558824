// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"onrecord"
	"onrecord/crawler"
)

// A veil is what must not be shown of an account, and where a visit's captures
// show it.
type veil struct {
	i       *Ingester
	hush    *hush // what doors have read of withheld statements
	known   map[onrecord.StatementID]onrecord.Known
	traces  *needles                        // of all withheld statements of the account; nil for none
	met     map[onrecord.StatementID]*Trace // of those that doors have read, with what these say
	erased  onrecord.StatementID            // one of the account's; empty where there is none
	outcome map[onrecord.CaptureRef]onrecord.Outcome

	cited map[onrecord.StatementID][]onrecord.CaptureRef
	spans map[onrecord.StatementID][]onrecord.Span
}

// hide returns an event for each statement that captures of a visit may show and
// that must not be shown: a look that tells nothing but which records those are,
// with those beside them. It is committed with the visit, so that nothing of them
// is ever served. e is what the events have in common.
//
// All captures are looked through for each statement of the account that is
// withheld, by the names and words that are known of it: what quotes or repeats it
// shows it, too, and so may what no door has read. What an erased one was called
// nobody knows any more: while an account has any, what no door has read is hidden
// whole.
func (i *Ingester) hide(ctx context.Context, e onrecord.Event, v Visit, seen []onrecord.Seen, known map[onrecord.StatementID]onrecord.Known) ([]onrecord.Event, error) {
	w, err := i.veil(ctx, e.Account, seen, known)
	if err != nil {
		return nil, fmt.Errorf("what must not be shown: %w", err)
	}
	if w.traces == nil && w.erased == "" {
		return nil, nil
	}
	for entry, err := range v.Entries(ctx) {
		if err != nil {
			return nil, fmt.Errorf("what shows withheld statements: %w", err)
		}
		w.entry(entry)
	}
	events := unclear(e, w.known, w.cited, w.spans)
	for n := range events {
		if w.known[events[n].Statement].Erased {
			events[n].NativeID, events[n].LocalID, events[n].URL = "", "", ""
		}
	}
	return events, nil
}

// veil gathers what must not be shown of an account.
func (i *Ingester) veil(ctx context.Context, account onrecord.AccountRef, seen []onrecord.Seen, known map[onrecord.StatementID]onrecord.Known) (*veil, error) {
	w := &veil{
		i: i, known: maps.Clone(known), met: make(map[onrecord.StatementID]*Trace), outcome: make(map[onrecord.CaptureRef]onrecord.Outcome, len(seen)),
		cited: make(map[onrecord.StatementID][]onrecord.CaptureRef), spans: make(map[onrecord.StatementID][]onrecord.Span),
	}
	if w.known == nil {
		w.known = make(map[onrecord.StatementID]onrecord.Known)
	}
	for _, s := range seen {
		w.outcome[s.Capture] = s.Outcome
	}
	down, err := i.down(ctx, account)
	if err != nil {
		return nil, err
	}
	maps.Copy(w.known, down)
	own, withheld := make(map[onrecord.StatementID]onrecord.Known), make(map[onrecord.StatementID]onrecord.Known)
	for id, k := range w.known {
		if k.Erased && (w.erased == "" || id < w.erased) && down[id].Erased {
			w.erased = id
		}
		if k.Erased || !k.Withheld {
			continue
		}
		own[id], withheld[id] = k, k
		for _, a := range k.Aliases {
			withheld[onrecord.NewStatementID(account.Platform, a)] = k
		}
	}
	w.hush = newHush(account.Platform, withheld)
	w.hush.visit(seen)
	if w.traces, err = i.traces(ctx, account, own); err != nil {
		return nil, err
	}
	for id, s := range w.hush.seen {
		wordings, err := i.wordings(ctx, id)
		if err != nil {
			return nil, err
		}
		s.called(own[id].Ref)
		s.known.Aliases = append(s.known.Aliases, own[id].Aliases...)
		w.met[id] = NewTrace(account.Platform, s.known, append(wordings, s.wordings...), i.Limits)
	}
	return w, nil
}

// down returns what is known of the statements of an account that are withheld or
// erased; of every account where it is not known which this one is.
func (i *Ingester) down(ctx context.Context, account onrecord.AccountRef) (map[onrecord.StatementID]onrecord.Known, error) {
	own := make(map[onrecord.StatementID]bool)
	erased := make(map[onrecord.StatementID]bool)
	for n, list := range []func(context.Context) (map[onrecord.StatementID]onrecord.StatementID, error){i.Withheld, i.Erased} {
		if list == nil {
			continue
		}
		ids, err := list(ctx)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			own[id] = true
			erased[id] = erased[id] || n == 1
		}
	}
	if len(own) == 0 {
		return nil, nil
	}
	known, err := i.View.Known(ctx, account.Platform, account.ID, slices.Collect(maps.Keys(own)))
	if err != nil {
		return nil, err
	}
	for id := range own {
		k, ok := known[id]
		if !ok && erased[id] { // by the ledger, and whose it was is not known
			k = onrecord.NewKnown(id)
		}
		k.Erased = k.Erased || erased[id]
		known[id] = k
	}
	maps.DeleteFunc(known, func(id onrecord.StatementID, k onrecord.Known) bool {
		return !own[id] || account.ID != "" && k.Account != "" && k.Account != account.ID
	})
	return known, nil
}

// entry notes what a capture may show.
func (w *veil) entry(e crawler.Entry) {
	if w.erased != "" && w.unread(e) {
		w.note(w.erased, e)
	}
	if w.traces == nil {
		return
	}
	body := decoded(e.Exchange, w.i.Limits)
	found := w.traces.within(e.Exchange, body)
	for id, t := range w.met {
		if slices.Contains(w.hush.seen[id].captures, e.Ref) || t.within(e.Exchange, body) {
			found[id] = true
		}
	}
	for id := range found {
		w.note(id, e)
	}
}

// note notes that a capture shows a statement, or may.
func (w *veil) note(id onrecord.StatementID, e crawler.Entry) {
	end := max(e.End, e.Ref.Offset+e.Ref.Length)
	w.cited[id] = append(w.cited[id], e.Ref)
	w.spans[id] = append(w.spans[id], onrecord.Span{Object: e.Ref.Object, Offset: e.Ref.Offset, Length: end - e.Ref.Offset})
}

// unread reports whether no door has read what a capture shows, though it may show
// statements: an answer that is not understood, is cut off, or was not come to. An
// error page that was understood as one is read.
func (w *veil) unread(e crawler.Entry) bool {
	if len(e.Exchange.Payload) == 0 || crawler.IsRobots(e.Exchange) {
		return false
	}
	switch w.outcome[e.Ref] {
	case onrecord.OutcomeOK, onrecord.OutcomeNotModified, onrecord.OutcomeGone:
		return false
	case onrecord.OutcomeDrift, onrecord.OutcomeTruncated:
		return true
	}
	return len(w.outcome) == 0 || e.Exchange.Status >= 200 && e.Exchange.Status < 300
}

// unclear returns looks at statements that tell nothing of them but which captures
// show them, and all records of those. e is what they have in common.
func unclear(e onrecord.Event, known map[onrecord.StatementID]onrecord.Known, cited map[onrecord.StatementID][]onrecord.CaptureRef, spans map[onrecord.StatementID][]onrecord.Span) (events []onrecord.Event) {
	for _, id := range slices.Sorted(maps.Keys(spans)) {
		k := known[id]
		e.Type, e.Look, e.Statement, e.NativeID, e.LocalID, e.URL, e.Prev = onrecord.StatementLooked, onrecord.LookUnclear, id, k.NativeID, k.ID, k.URL, k.Prev
		e.Account.ID, e.Captures, e.Erasure = k.Account, cited[id], &onrecord.Erasure{Records: spans[id]}
		events = append(events, e)
	}
	return events
}
