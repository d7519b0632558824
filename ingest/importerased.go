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

// An importHush is what the files of an import show of erased statements. A file
// is evidence as a whole and is put before its end was read, so it is looked
// through first.
type importHush struct {
	files  map[string][]onrecord.StatementID // shown by a file, by its name
	traces map[onrecord.StatementID]*Trace
}

// hushed reads the files once, where anything was ever erased; nil where they
// show nothing of it.
func (r *importRun) hushed(ctx context.Context, account string) (*importHush, error) {
	if r.i.Erased == nil {
		return nil, nil
	}
	ids, err := r.i.Erased(ctx)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	erased := make(map[onrecord.StatementID]onrecord.Known, len(ids))
	for id, own := range ids {
		erased[id] = onrecord.NewKnown(own)
	}
	h, files := newHush(r.s.Platform, erased), make(map[string][]onrecord.StatementID)
	target := crawler.Target{Platform: r.s.Platform, AccountID: account, Handle: r.s.Handle}
	for b, err := range r.imp.Import(ctx, r.in.fsys, target) {
		if err != nil {
			return nil, fmt.Errorf("look for erased statements: %w", err)
		}
		for _, o := range b.Items {
			h.observe(o, onrecord.CaptureRef{})
			if e := h.met(append([]string{o.NativeID}, o.Aliases...)...); e != nil && !slices.Contains(files[b.File], e.id) {
				files[b.File] = append(files[b.File], e.id)
			}
		}
	}
	if len(h.seen) == 0 {
		return nil, nil
	}
	return &importHush{files, h.traces(r.i.Limits)}, nil
}

// file returns the erased statements that a file shows.
func (h *importHush) file(name string) []onrecord.StatementID {
	if h == nil {
		return nil
	}
	return h.files[name]
}

// part returns the erased statements that a part of a file shows.
func (h *importHush) part(b []byte) (ids []onrecord.StatementID) {
	if h == nil {
		return nil
	}
	for id, t := range h.traces {
		if t.in(b) {
			ids = append(ids, id)
		}
	}
	return ids
}

// redact notes that a capture of the open visit shows erased statements.
func (w *importWriter) redact(c onrecord.CaptureRef, ids []onrecord.StatementID) {
	for _, id := range ids {
		if w.redacts == nil {
			w.redacts = make(map[onrecord.StatementID][]onrecord.CaptureRef)
		}
		w.redacts[id] = append(w.redacts[id], c)
	}
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
