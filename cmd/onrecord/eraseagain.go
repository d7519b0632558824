// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/warc"
)

// eraseAgain redacts captures that show a statement that was erased before: it
// is still on the platform, and a visit that was kept for other news recorded
// it. The event is one more of the same case.
func (h *house) eraseAgain(ctx context.Context, id onrecord.StatementID, captures []onrecord.CaptureRef) error {
	records, err := h.recordsOf(ctx, captures)
	if err != nil || len(records) == 0 {
		return err
	}
	event, _, err := h.act(ctx, func() (*onrecord.Event, error) {
		st, err := h.catalog.Statement(ctx, id)
		if err != nil || st.Decision == nil {
			return nil, err
		}
		plan, err := h.archive.PlanErasure(ctx, onrecord.Erasure{Records: records}, st.Decision.Case)
		if err != nil {
			return nil, err
		}
		e := h.takedownEvent(onrecord.StatementErased, st, st.Decision.Takedown)
		e.Erasure = &plan
		return e, nil
	})
	if err != nil || event == nil {
		return err
	}
	red, err := h.archive.Redactions(ctx)
	if err != nil {
		return err
	}
	for _, o := range red.Pending() {
		if o.Statement != id || len(o.Erasure.Leaves) > 0 { // which are finishErasures': the catalog may hold their lines
			continue
		}
		kept, err := h.carryOut(ctx, o)
		if err != nil {
			return err
		}
		if replicas, why := h.copies.erased(ctx, o); why == "" {
			if err := h.erasureDone(ctx, o, replicas, kept); err != nil {
				return err
			}
		}
	}
	return nil
}

// erased returns the statements that were erased, by all their ids.
func (h *house) erased(ctx context.Context) (map[onrecord.StatementID]onrecord.StatementID, error) {
	red, err := h.archive.Redactions(ctx)
	if err == nil {
		err = h.knowsErased(ctx, red)
	}
	if err != nil {
		return nil, err
	}
	ids := map[onrecord.StatementID]onrecord.StatementID{}
	for _, o := range red.Erasures() {
		ids[o.Statement] = o.Statement
		for _, also := range o.Erasure.Also {
			ids[also] = o.Statement
		}
	}
	return ids, nil
}

// knowsErased returns archive.ErrUnknown while a visit can't be read that may have
// erased something. One that is lost and, by what the catalog has found out, was no
// act of the operator, is none: visits of other accounts go on beside it.
func (h *house) knowsErased(ctx context.Context, red *archive.Redactions) error {
	unknown := red.Known(0)
	if unknown == nil {
		return nil
	}
	lost, err := h.catalog.Lost(ctx)
	if err != nil {
		return err
	}
	noAct := make(map[int64]bool, len(lost))
	for _, l := range lost {
		noAct[l.From] = !l.Act
	}
	for _, i := range red.Unread() {
		if !noAct[i] {
			return unknown
		}
	}
	return nil
}

// recordsOf returns the records of captures, those beside them included, that
// are not redacted yet.
func (h *house) recordsOf(ctx context.Context, captures []onrecord.CaptureRef) ([]onrecord.Span, error) {
	wanted := map[string]map[int64]bool{}
	for _, c := range captures {
		if c.Object == "" {
			continue
		}
		if wanted[c.Object] == nil {
			wanted[c.Object] = map[int64]bool{}
		}
		wanted[c.Object][c.Offset] = true
	}
	var list []onrecord.Span
	for key, offsets := range wanted {
		r, err := h.archive.OpenObject(ctx, key)
		if err != nil {
			if errors.Is(err, bucket.ErrNotExist) { // the visit kept no evidence
				continue
			}
			return nil, err
		}
		hits := map[string]bool{}
		for rec, err := range warc.Records(r, warc.ReaderOptions{Skim: true, MaxBlock: 1 << 20}) {
			if err != nil {
				continue
			}
			if offsets[rec.Offset] {
				hits[rec.ID()] = true
			}
			if (hits[rec.ID()] || hits[rec.Concurrent()]) && rec.Redacted() == "" && rec.Length > 0 {
				list = append(list, onrecord.Span{Object: key, Offset: rec.Offset, Length: rec.Length})
			}
		}
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
