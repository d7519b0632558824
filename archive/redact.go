// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/spool"
)

// redact makes redacted copies of what the visit has recorded, where it shows
// statements that were erased, and returns the draft with its captures as they
// are there. What is erased is so never put (record.md 5). It reports whether
// there are copies.
func (v *Visit) redact(ctx context.Context, d Draft) (Draft, bool, error) {
	cases, err := v.cases(ctx, d)
	if err != nil {
		return d, false, err
	}
	refs, err := v.s.Redact(ctx, cases)
	if err != nil || len(refs) == 0 {
		return d, false, err
	}
	if err := v.blankSegments(ctx, slices.Min(slices.Collect(maps.Values(cases)))); err != nil {
		return d, false, err
	}
	d.Events = slices.Clone(d.Events)
	for i, e := range d.Events {
		for n, c := range e.Captures {
			if ref, ok := refs[spool.Place{Object: c.Object, Offset: c.Offset}]; ok {
				e.Captures = slices.Clone(e.Captures)
				e.Captures[n] = redactedRef(c, ref)
			}
		}
		d.Events[i] = e
	}
	if s := d.Next.Import; s != nil {
		if ref, ok := refs[spool.Place{Object: s.Capture.Object, Offset: s.Capture.Offset}]; ok {
			now := *s
			now.Capture = redactedRef(s.Capture, ref)
			d.Next.Import = &now
		}
	}
	return d, true, nil
}

// redactedRef is what is left of a reference: its place, and when.
func redactedRef(was, now onrecord.CaptureRef) onrecord.CaptureRef {
	was.URL, was.Length, was.SHA256 = now.URL, now.Length, now.SHA256
	return was
}

// cases returns the case by capture for what a draft wants redacted. Where the
// store keeps what is replaced, and has the captures of a late visit already,
// there is nothing left to be kept from it.
func (v *Visit) cases(ctx context.Context, d Draft) (map[spool.Place]string, error) {
	if len(d.Redact) == 0 {
		return nil, nil
	}
	red, err := v.a.Redactions(ctx)
	if err != nil {
		return nil, err
	}
	cases := map[spool.Place]string{}
	for id, captures := range d.Redact {
		number, ok := red.Case(id)
		if !ok {
			return nil, fmt.Errorf("%w: statement %s is to be redacted, and the ledger has no erasure of it", ErrMismatch, id)
		}
		for _, c := range captures {
			if was, ok := cases[spool.Place{Object: c.Object, Offset: c.Offset}]; !ok || number < was {
				cases[spool.Place{Object: c.Object, Offset: c.Offset}] = number
			}
		}
	}
	if _, late := v.Late(); !late {
		return cases, nil
	}
	if err := v.a.CanErase(ctx); err == nil || !errors.Is(err, ErrKeeps) {
		return cases, err
	}
	for _, key := range [...]string{v.s.Object(), v.s.MediaObject()} {
		body, ok := v.s.Recorded(key)
		if !ok {
			continue
		}
		err := v.a.checkObject(ctx, ref(key, body))
		if err == nil {
			return nil, nil
		}
		if !isAnswer(err) {
			return nil, err
		}
	}
	return cases, nil
}

// Case returns the number of the case in which a statement was erased: of the
// first, where there were several. The statement may be named by an alias.
func (r *Redactions) Case(id onrecord.StatementID) (number string, ok bool) {
	if r == nil {
		return "", false
	}
	for _, o := range r.erasures {
		if o.Statement == id || slices.Contains(o.Erasure.Also, id) {
			return o.Takedown.Case, true
		}
	}
	return "", false
}

// putRedacted puts a redacted object where the bucket has other bytes under its
// key: the same visit put those under another name, before the erasure, and never
// came into the ledger. No leaf vouches for them, so no event orders this.
func (a *Archive) putRedacted(ctx context.Context, o ObjectRef, body bucket.Body) error {
	e, err := a.eraser(ctx)
	if err != nil {
		return err
	}
	was, _, err := digestIn(ctx, a.b, o.Key)
	if err == nil {
		err = e.Replace(ctx, o.Key, was, body)
	}
	if err != nil {
		return err
	}
	return a.checkObject(ctx, o)
}

// blankSegments makes tombstones of the lines of segments that the visit has put
// under earlier names, which never came into the ledger.
func (v *Visit) blankSegments(ctx context.Context, number string) error {
	names, err := v.a.plannedNames(v.s, v.id)
	if err != nil {
		return err
	}
	for _, id := range names {
		s, err := v.a.readSegment(ctx, id)
		if errors.Is(err, bucket.ErrNotExist) || err != nil && isAnswer(err) {
			continue // not put, or blank
		}
		if err != nil {
			return err
		}
		lines := map[uint32]string{}
		for n := 1; n < len(s.lines); n++ {
			lines[uint32(n)] = number
		}
		b, err := redactSegment(s, lines)
		if err != nil {
			return err
		}
		body := bucket.Bytes(b)
		if err := v.a.putRedacted(ctx, ref(journalKey(id), body), body); err != nil {
			return outOfReach(fmt.Errorf("%s: %w", journalKey(id), err))
		}
	}
	return nil
}

// plannedNames returns the other names under which the visit in s was planned.
func (a *Archive) plannedNames(s *spool.Spool, now onrecord.VisitID) ([]onrecord.VisitID, error) {
	b, err := s.Get(planFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	head, _, _ := bytes.Cut(b, []byte("\n"))
	var p plan
	if err := json.Unmarshal(head, &p); err != nil {
		return nil, fmt.Errorf("plan of visit %s: %w: %w", now, ErrMismatch, err)
	}
	if p.Visit == now {
		return p.Before, nil
	}
	return append(p.Before, p.Visit), nil
}

// loadPlan reads the plan of an earlier process, and finds what it has redacted.
func (v *Visit) loadPlan() error {
	var err error
	if v.plan, err = v.a.readPlan(v.s, v.id); err != nil || v.plan == nil || !v.plan.Redacted {
		return err
	}
	return v.s.LoadRedacted()
}
