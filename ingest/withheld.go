// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
)

// showWithheld returns an event for each withheld statement that a visit shows
// again: a look that tells nothing but which records show it, with those beside
// them. It is committed with the visit, so that nothing of them is ever served.
func (i *Ingester) showWithheld(ctx context.Context, e onrecord.Event, v Visit, seen []onrecord.Seen, known change.Known) ([]onrecord.Event, error) {
	platform, withheld := e.Account.Platform, make(map[onrecord.StatementID]onrecord.Known)
	for id, k := range known.Statements {
		if !k.Withheld || k.Erased {
			continue
		}
		withheld[id] = k
		for _, a := range k.Aliases {
			withheld[onrecord.NewStatementID(platform, a)] = k
		}
	}
	if len(withheld) == 0 {
		return nil, nil
	}
	h := newHush(platform, withheld)
	h.visit(seen)
	for id, s := range h.seen {
		s.called(known.Statements[id].Ref)
		s.known.Aliases = append(s.known.Aliases, known.Statements[id].Aliases...)
	}
	spans, err := i.spans(ctx, v, h)
	if err != nil {
		return nil, err
	}
	cited := make(map[onrecord.StatementID][]onrecord.CaptureRef, len(spans))
	for id := range spans {
		cited[id] = h.seen[id].captures
	}
	return unclear(e, known.Statements, cited, spans), nil
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

// spans returns the records of a visit's captures that show what was met, by
// statement.
func (i *Ingester) spans(ctx context.Context, v Visit, h *hush) (map[onrecord.StatementID][]onrecord.Span, error) {
	if len(h.seen) == 0 {
		return nil, nil
	}
	traces, out := h.traces(i.Limits), make(map[onrecord.StatementID][]onrecord.Span)
	for e, err := range v.Entries(ctx) {
		if err != nil {
			return nil, fmt.Errorf("what shows withheld statements: %w", err)
		}
		for id, t := range traces {
			if !slices.Contains(h.seen[id].captures, e.Ref) && !t.Shows(nil, crawler.Target{}, e.Exchange) {
				continue
			}
			h.seen[id].cite(e.Ref)
			end := max(e.End, e.Ref.Offset+e.Ref.Length)
			out[id] = append(out[id], onrecord.Span{Object: e.Ref.Object, Offset: e.Ref.Offset, Length: end - e.Ref.Offset})
		}
	}
	return out, nil
}
