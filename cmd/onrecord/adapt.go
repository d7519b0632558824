// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"onrecord"
	"onrecord/archive"
	"onrecord/catalog"
	"onrecord/crawler"
	"onrecord/ingest"
	"onrecord/web"
)

// The types below hand the archive and the catalog to ingest and web, which
// declare what they need and import neither. They convert values and do
// nothing else.

// record is the archive as ingest.Record and ingest.Journal.
type record struct{ a *archive.Archive }

func (r record) State(ctx context.Context, source string) (onrecord.SourceState, error) {
	return r.a.State(ctx, source)
}

func (r record) Begin(ctx context.Context, s ingest.Source, d ingest.Door, memo func(onrecord.SourceState) ([]byte, error)) (ingest.Visit, error) {
	v, err := r.a.Begin(ctx, archive.Source{
		Source: s.ID, Platform: s.Platform, AccountID: s.AccountID, Figure: s.Figure,
	}, d.ID, d.Door.Info().Parser, memo)
	if err != nil {
		return ingest.Visit{}, err
	}
	return asVisit(v), nil
}

func (r record) BeginImport(ctx context.Context, s ingest.Source, door, parser string, memo []byte) (ingest.ImportVisit, error) {
	v, err := r.a.Begin(ctx, archive.Source{
		Source: s.ID, Platform: s.Platform, AccountID: s.AccountID, Figure: s.Figure,
	}, door, parser, func(onrecord.SourceState) ([]byte, error) { return memo, nil })
	if err != nil {
		return ingest.ImportVisit{}, err
	}
	v.Defer()
	return ingest.ImportVisit{Visit: asVisit(v), Keeper: v}, nil
}

func (r record) Backlog(ctx context.Context) ([]iter.Seq2[ingest.Visit, error], error) {
	lines, err := r.a.Backlog(ctx)
	out := make([]iter.Seq2[ingest.Visit, error], len(lines))
	for n, line := range lines {
		out[n] = func(yield func(ingest.Visit, error) bool) {
			for v, err := range line {
				var open ingest.Visit
				if err == nil {
					open = asVisit(v)
				}
				if !yield(open, err) {
					return
				}
			}
		}
	}
	return out, err
}

func (r record) Sweep(ctx context.Context) (int, error) { return r.a.Sweep(ctx) }

func (r record) Head(ctx context.Context) (int64, [32]byte, error) {
	t, err := r.a.Head(ctx)
	return t.Size, t.Root, err
}

func (r record) Extends(ctx context.Context, size int64, root [32]byte) error {
	return r.a.Extends(ctx, size, root)
}

func (r record) Walk(ctx context.Context, from, to int64) iter.Seq2[ingest.Line, error] {
	return func(yield func(ingest.Line, error) bool) {
		for e, err := range r.a.WalkPast(ctx, from) {
			if err != nil {
				yield(ingest.Line{}, err)
				return
			}
			if e.Index >= to {
				return
			}
			h := e.Visit
			if !yield(ingest.Line{Index: e.Index, Event: e.Event, Visit: ingest.VisitLine{
				Source: h.Source, Figure: h.Figure, Door: h.Door, Parser: h.Parser,
				Started: h.Started, Ended: h.Ended, Outcome: h.Outcome, Provenance: h.Provenance, Follows: h.Follows,
			}}, nil) {
				return
			}
		}
	}
}

// asVisit converts an open visit of the archive.
func asVisit(v *archive.Visit) ingest.Visit {
	_, late := v.Late()
	return ingest.Visit{
		Open: openVisit{v}, ID: v.ID(), Source: v.Source().Source, Door: v.Door(), Parser: v.Parser(),
		Started: v.Started(), State: v.State(), Size: v.Size(), Late: late, Offline: v.Offline(), Why: v.Why(), Memo: v.Memo(), Media: mediaKeeper{v},
	}
}

// openVisit is an open visit of the archive as ingest.Open.
type openVisit struct{ *archive.Visit }

func (v openVisit) Entries(ctx context.Context) iter.Seq2[crawler.Entry, error] {
	return func(yield func(crawler.Entry, error) bool) {
		for r, err := range v.Visit.Entries(ctx) {
			if !yield(crawler.Entry{Ref: r.Ref, Exchange: r.Exchange, End: r.End}, err) || err != nil {
				return
			}
		}
	}
}

func (v openVisit) Commit(ctx context.Context, d ingest.Draft) (onrecord.Done, error) {
	if d.Quiet {
		return onrecord.Done{Index: -1}, asLate(v.Visit.Quiet(ctx, d.Next))
	}
	done, err := v.Visit.Commit(ctx, archive.Draft{
		Base: d.Base, Outcome: d.Outcome, Started: d.Started, Ended: d.Ended, Skew: d.Skew,
		Events: d.Events, Next: d.Next, KeepWARC: d.KeepWARC, Provenance: d.Provenance, Redact: d.Redact,
	})
	return done, asLate(err)
}

// asLate converts the errors of the archive that ingest acts on.
func asLate(err error) error {
	if late, ok := errors.AsType[*archive.LateError](err); ok {
		return &ingest.LateError{Visit: asVisit(late.Visit)}
	}
	if errors.Is(err, archive.ErrTooLarge) {
		return fmt.Errorf("%w: %w", ingest.ErrTooLarge, err)
	}
	return err
}

// store is the catalog as ingest.Store.
type store struct{ c *catalog.Catalog }

func (s store) Applied(ctx context.Context) (int64, [32]byte, error) { return s.c.Applied(ctx) }

func (s store) Apply(ctx context.Context, lines iter.Seq2[ingest.Line, error], size int64, root [32]byte) error {
	return s.c.ApplyTo(ctx, func(yield func(catalog.Entry, error) bool) {
		for l, err := range lines {
			if !yield(catalog.Entry{Index: l.Index, Event: l.Event, Visit: catalog.Visit(l.Visit)}, err) || err != nil {
				return
			}
		}
	}, size, root)
}

// evidence serves proofs and captures to the website.
type evidence struct {
	a *archive.Archive
	c *catalog.Catalog
}

// maxProven is the most lines that the site proves of one statement.
const maxProven = 128

// Proof returns the proof of the lines about a statement: of all of them, or,
// where there are too many, of its wordings and states before all others.
func (e evidence) Proof(ctx context.Context, id onrecord.StatementID) ([]byte, error) {
	st, err := e.c.Statement(ctx, id)
	if err != nil {
		return nil, err
	}
	events, err := e.c.StatementEvents(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := e.a.ProofOf(ctx, false, provenOf(events, st.LastIndex)...)
	if err != nil {
		return nil, forNow(err)
	}
	return json.MarshalIndent(f, "", "  ")
}

// provenOf returns the ledger indexes that a proof of a statement is made of, in
// order.
func provenOf(events []onrecord.Event, last int64) []int64 {
	tells := map[onrecord.EventType]bool{
		onrecord.StatementCreated: true, onrecord.StatementEdited: true, onrecord.StatementDeleted: true, onrecord.StatementRestored: true,
	}
	list := []int64{last}
	for _, wanted := range []bool{true, false} {
		for _, e := range slices.Backward(events) {
			if tells[e.Type] == wanted && len(list) < maxProven && !slices.Contains(list, e.Index) {
				list = append(list, e.Index)
			}
		}
	}
	slices.Sort(list)
	return list
}

// forNow marks an error of a bucket that does not answer as one that passes.
func forNow(err error) error {
	if errors.Is(err, archive.ErrUnreachable) {
		return fmt.Errorf("%w: %w", onrecord.ErrUnavailable, err)
	}
	return err
}

func (e evidence) Capture(ctx context.Context, ref onrecord.CaptureRef) (io.ReadCloser, error) {
	if err := notLost(ctx, e.c, ref.Object); err != nil {
		return nil, err
	}
	hidden, down, err := e.c.Hidden(ctx, ref.Object)
	if err != nil {
		return nil, err
	}
	for _, s := range hidden {
		if ref.Offset < s.Offset+s.Length && s.Offset < ref.Offset+ref.Length {
			return nil, fmt.Errorf("the record at %d of %s shows a statement that is withheld, case %s: %w", ref.Offset, ref.Object, down.Case, onrecord.ErrNotFound)
		}
	}
	capture, err := e.a.OpenCapture(ctx, ref)
	return capture, forNow(err)
}

// public serves the objects of the archive to the website as they are stored.
type public struct {
	a    *archive.Archive
	c    *catalog.Catalog
	back *atomic.Pointer[map[string]onrecord.Takedown] // objects that hold again what was erased
}

// notLost refuses an object of a visit whose lines are lost, where anything was
// ever withheld: nobody can tell whether it shows that again.
func notLost(ctx context.Context, c *catalog.Catalog, key string) error {
	of, err := c.OfLost(ctx, key)
	if err == nil && of {
		err = fmt.Errorf("%s is of a visit whose lines are lost: what of it is withheld can't be told: %w", key, onrecord.ErrNotFound)
	}
	return err
}

func (p public) Object(ctx context.Context, key string, off, n int64) (web.RecordObject, error) {
	if err := notLost(ctx, p.c, key); err != nil {
		return web.RecordObject{}, err
	}
	o, err := p.a.Object(ctx, key, off, n)
	return web.RecordObject(o), forNow(err)
}

// Hidden returns what is not shown of an object: of a journal segment only the
// lines about statements that are withheld, so that strangers can check the rest;
// nothing of one that holds again what was erased.
func (p public) Hidden(ctx context.Context, key string) ([]onrecord.Span, onrecord.Takedown, error) {
	if back := p.back.Load(); back != nil {
		if down, ok := (*back)[key]; ok {
			return []onrecord.Span{{Object: key, Length: -1}}, down, nil
		}
	}
	spans, down, err := p.c.Withheld(ctx, key)
	if err != nil || len(spans) == 0 || !strings.HasPrefix(key, "journal/") {
		return spans, down, err
	}
	indexes, err := p.c.HiddenLines(ctx, key)
	if err != nil {
		return nil, down, err
	}
	frames, err := p.a.LineSpans(ctx, key, indexes)
	switch {
	case errors.Is(err, archive.ErrMismatch): // where its lines are can't be told
		return spans, down, nil
	case err != nil:
		return nil, down, forNow(err)
	case len(frames) == 0:
		return spans, down, nil
	}
	return frames, down, nil
}
