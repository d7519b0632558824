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

// nameless takes out of events of erased statements what tells which they are:
// they are known by their id only (record.md 5). What is said of their
// attachments is left out.
func nameless(events []onrecord.Event, known change.Known) []onrecord.Event {
	out := events[:0:0]
	for _, e := range events {
		if e.Statement != "" && known.Statements[e.Statement].Erased {
			if e.Media != nil {
				continue
			}
			e.NativeID, e.LocalID, e.URL, e.Aliases, e.Order, e.Version, e.Content = "", "", "", nil, "", "", nil
		}
		out = append(out, e)
	}
	return out
}

// An erasedSeen is an erased statement that a visit has met: what it says of it,
// and the captures in which doors have read it.
type erasedSeen struct {
	id       onrecord.StatementID
	known    onrecord.Known
	wordings []onrecord.Version
	captures []onrecord.CaptureRef
}

// A hush finds the captures that show erased statements. What those said and
// were called is on no list: it is known from what shows them again.
type hush struct {
	platform string
	erased   map[onrecord.StatementID]onrecord.Known
	seen     map[onrecord.StatementID]*erasedSeen
}

func newHush(platform string, erased map[onrecord.StatementID]onrecord.Known) *hush {
	return &hush{platform: platform, erased: erased, seen: make(map[onrecord.StatementID]*erasedSeen)}
}

// met returns what is met of the erased statement that one of names is a native
// id of; nil if there is none.
func (h *hush) met(names ...string) *erasedSeen {
	for _, name := range names {
		if name == "" {
			continue
		}
		k, ok := h.erased[onrecord.NewStatementID(h.platform, name)]
		if !ok {
			continue
		}
		if h.seen[k.Statement] == nil {
			h.seen[k.Statement] = &erasedSeen{id: k.Statement, known: onrecord.NewKnown(k.Statement)}
		}
		return h.seen[k.Statement]
	}
	return nil
}

// observe notes an observation that the capture c shows.
func (h *hush) observe(o onrecord.Observation, c onrecord.CaptureRef) {
	e := h.met(append([]string{o.NativeID}, o.Aliases...)...)
	if e == nil {
		return
	}
	e.called(onrecord.Ref{NativeID: o.NativeID, ID: o.ID, URL: o.URL})
	e.known.Aliases = append(e.known.Aliases, o.Aliases...)
	if e.known.Order == "" {
		e.known.Order = o.Order
	}
	if !isBlank(o.Content) {
		e.wordings = append(e.wordings, onrecord.Version{ID: o.Content.Version(), Content: o.Content})
	}
	e.cite(c)
}

func isBlank(c onrecord.Content) bool { return c.Text == "" && c.Title == "" && c.Spoiler == "" }

// called notes names of the statement. A Known has one of each; others are
// aliases to a Trace.
func (e *erasedSeen) called(r onrecord.Ref) {
	for _, n := range []struct {
		has  *string
		name string
	}{{&e.known.NativeID, r.NativeID}, {&e.known.ID, r.ID}, {&e.known.URL, r.URL}} {
		switch {
		case *n.has == "":
			*n.has = n.name
		case n.name != "" && *n.has != n.name && !slices.Contains(e.known.Aliases, n.name):
			e.known.Aliases = append(e.known.Aliases, n.name)
		}
	}
}

func (e *erasedSeen) cite(c onrecord.CaptureRef) {
	if c.Object != "" && !slices.Contains(e.captures, c) {
		e.captures = append(e.captures, c)
	}
}

// visit notes what the answers of a visit show.
func (h *hush) visit(seen []onrecord.Seen) {
	for _, s := range seen {
		if e := h.met(s.About.NativeID); e != nil {
			e.called(s.About)
			e.cite(s.Capture)
		}
		for _, o := range s.Items {
			h.observe(o, s.Capture)
		}
	}
}

// traces returns how the erased statements that were met are found, by id.
func (h *hush) traces(l crawler.Limits) map[onrecord.StatementID]*Trace {
	out := make(map[onrecord.StatementID]*Trace, len(h.seen))
	for id, e := range h.seen {
		out[id] = NewTrace(h.platform, e.known, e.wordings, l)
	}
	return out
}

// showErased returns the captures of a visit that show erased statements, or
// name one that the visit has met, such as the address of the page behind it.
func (i *Ingester) showErased(ctx context.Context, platform string, v Visit, seen []onrecord.Seen, known change.Known) (map[onrecord.StatementID][]onrecord.CaptureRef, error) {
	erased := known.Erased()
	if len(erased) == 0 {
		return nil, nil
	}
	h := newHush(platform, erased)
	h.visit(seen)
	if len(h.seen) == 0 {
		return nil, nil
	}
	traces := h.traces(i.Limits)
	for e, err := range v.Entries(ctx) {
		if err != nil {
			return nil, fmt.Errorf("what shows erased statements: %w", err)
		}
		for id, t := range traces {
			if t.Shows(nil, crawler.Target{}, e.Exchange) {
				h.seen[id].cite(e.Ref)
			}
		}
	}
	found := make(map[onrecord.StatementID][]onrecord.CaptureRef, len(h.seen))
	for id, e := range h.seen {
		if len(e.captures) > 0 {
			found[id] = e.captures
		}
	}
	return found, nil
}

// unvalidated takes out of the state of a door what it would ask with, and
// compare with, at the addresses of captures that were redacted: there is nothing
// that a revisit record could refer to.
func unvalidated(st onrecord.SourceState, door string, redact map[onrecord.StatementID][]onrecord.CaptureRef) onrecord.SourceState {
	d, ok := st.Doors[door]
	if !ok || len(d.Validators) == 0 {
		return st
	}
	d.Validators = maps.Clone(d.Validators)
	for _, captures := range redact {
		for _, c := range captures {
			delete(d.Validators, c.URL)
		}
	}
	st.Doors = maps.Clone(st.Doors)
	st.Doors[door] = d
	return st
}

// eraseAgain has the captures of a committed visit redacted that show erased
// statements, where they were not redacted before they were put: by a store that
// had them already and can't erase.
func (i *Ingester) eraseAgain(ctx context.Context, redact map[onrecord.StatementID][]onrecord.CaptureRef) error {
	if i.Erase == nil {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(redact)) {
		if err := i.Erase(ctx, id, redact[id]); err != nil {
			return fmt.Errorf("committed, and evidence that shows the erased statement %s is not redacted yet: %w", id, err)
		}
	}
	return nil
}
