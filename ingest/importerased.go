// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"fmt"
	"slices"

	"onrecord"
	"onrecord/crawler"
)

// An importHush is what the files of an import show of erased and of withheld
// statements. A file is evidence as a whole and is put before its end was read,
// so it is looked through first.
type importHush struct {
	erased, withheld importShown
	known            map[onrecord.StatementID]bool // all that were erased or withheld when the files were looked through
}

// An importShown is what files show of some statements.
type importShown struct {
	hush   *hush
	files  map[string][]onrecord.StatementID // shown by a file, by its name
	traces map[onrecord.StatementID]*Trace
}

// maxVeiled is how many withheld statements the files of an import may show: the
// visit that keeps a file has a line for each that it shows.
const maxVeiled = 1000

// hushed reads the files once, where anything was ever erased or is withheld.
func (r *importRun) hushed(ctx context.Context, account string) (*importHush, error) {
	h := &importHush{known: make(map[onrecord.StatementID]bool)}
	for _, list := range []struct {
		to  *importShown
		ids func(context.Context) (map[onrecord.StatementID]onrecord.StatementID, error)
	}{{&h.erased, r.i.Erased}, {&h.withheld, r.i.Withheld}} {
		known := make(map[onrecord.StatementID]onrecord.Known)
		if list.ids != nil {
			ids, err := list.ids(ctx)
			if err != nil {
				return nil, fmt.Errorf("what must not be shown: %w", err)
			}
			for id, own := range ids {
				known[id] = onrecord.NewKnown(own)
				h.known[id] = true
			}
		}
		list.to.hush, list.to.files = newHush(r.s.Platform, known), make(map[string][]onrecord.StatementID)
	}
	if len(h.known) == 0 {
		return h, nil
	}
	target := crawler.Target{Platform: r.s.Platform, AccountID: account, Handle: r.s.Handle}
	for b, err := range r.imp.Import(ctx, r.in.fsys, target) {
		if err != nil {
			return nil, fmt.Errorf("look for what must not be shown: %w", err)
		}
		for _, o := range b.Items {
			h.erased.observe(b.File, o)
			h.withheld.observe(b.File, o)
		}
	}
	if n := len(h.withheld.hush.seen); n > maxVeiled {
		return nil, fmt.Errorf("%w: the files show %d statements that are withheld, an import names at most %d", ErrImport, n, maxVeiled)
	}
	h.erased.traces, h.withheld.traces = h.erased.hush.traces(r.i.Limits), h.withheld.hush.traces(r.i.Limits)
	return h, nil
}

// unheard returns an error where something was erased or withheld after the files
// were looked through and before the open visit began: they are to be read again.
// What comes later takes the fence of the visit.
func (w *importWriter) unheard(ctx context.Context) error {
	if _, err := w.r.i.CatchUp(ctx, max(w.v.State.Done.Index+1, w.v.Size)); err != nil {
		return err
	}
	for _, ids := range []func(context.Context) (map[onrecord.StatementID]onrecord.StatementID, error){w.r.i.Erased, w.r.i.Withheld} {
		if ids == nil {
			continue
		}
		list, err := ids(ctx)
		if err != nil {
			return fmt.Errorf("what must not be shown: %w", err)
		}
		for id := range list {
			if !w.hush.known[id] {
				return &LateError{Visit: w.v.Visit}
			}
		}
	}
	return nil
}

// observe notes an observation in a file.
func (s *importShown) observe(file string, o onrecord.Observation) {
	s.hush.observe(o, onrecord.CaptureRef{})
	if e := s.hush.met(append([]string{o.NativeID}, o.Aliases...)...); e != nil && !slices.Contains(s.files[file], e.id) {
		s.files[file] = append(s.files[file], e.id)
	}
}

// part returns the statements that a part of a file shows.
func (s *importShown) part(b []byte) (ids []onrecord.StatementID) {
	for id, t := range s.traces {
		if t.in(b) {
			ids = append(ids, id)
		}
	}
	return ids
}

// A showing is captures, by the statements that they show.
type showing map[onrecord.StatementID][]onrecord.CaptureRef

func (s showing) add(c onrecord.CaptureRef, ids []onrecord.StatementID) {
	for _, id := range ids {
		s[id] = append(s[id], c)
	}
}

// shows notes what the capture of a file shows, or of a part of it.
func (w *importWriter) shows(c onrecord.CaptureRef, file string, part []byte) {
	erased, withheld := w.hush.erased.files[file], w.hush.withheld.files[file]
	if part != nil {
		erased, withheld = w.hush.erased.part(part), w.hush.withheld.part(part)
	}
	w.redacts.add(c, erased)
	w.veils.add(c, withheld)
}

// veiled returns how many lines the open visit may need for withheld statements.
func (w *importWriter) veiled() int {
	return len(w.hush.withheld.hush.seen)
}

// veil adds an event for each withheld statement that the open visit has kept the
// file of: a look that tells nothing but which captures show it, so that nothing
// of them is ever served.
func (w *importWriter) veil(ctx context.Context) error {
	if len(w.veils) == 0 {
		return nil
	}
	items := make([]onrecord.Observation, 0, len(w.veils))
	for id := range w.veils {
		items = append(items, onrecord.Observation{Ref: onrecord.Ref{NativeID: w.hush.withheld.hush.seen[id].known.NativeID}})
	}
	known, err := w.known.of(ctx, w.account, items)
	if err != nil {
		return fmt.Errorf("what is withheld: %w", err)
	}
	e := onrecord.Event{
		At: w.r.rep.Dated, By: w.r.rep.Dated, Figure: w.r.s.Figure, Source: w.r.s.ID, Door: w.door, Parser: w.r.info.Parser, Index: -1,
		Account: onrecord.AccountRef{Platform: w.r.s.Platform}, Provenance: onrecord.Imported,
	}
	spans := make(map[onrecord.StatementID][]onrecord.Span, len(w.veils))
	for id, captures := range w.veils {
		for _, c := range captures {
			spans[id] = append(spans[id], onrecord.Span{Object: c.Object, Offset: c.Offset, Length: c.Length})
		}
	}
	w.known.add(unclear(e, known.Statements, w.veils, spans))
	return nil
}

// afterRedaction takes the capture of the last file from the source's state: it
// is redacted there.
func (w *importWriter) afterRedaction(ctx context.Context) error {
	st, err := w.r.i.Record.State(ctx, w.r.s.ID)
	if err != nil {
		return err
	}
	if st.Import != nil && st.Import.File == w.file {
		w.capture = st.Import.Capture
	}
	return nil
}
