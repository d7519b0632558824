// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
	"onrecord/crawler"
	"onrecord/ingest"
)

// A shownBy is everything in the record that shows a statement.
type shownBy struct {
	leaves    []int64 // lines about it
	told      []int64 // of those, the ones that are not its own: runs of visits, and gaps
	named     []int64 // lines of others that name it and stay
	records   []onrecord.Span
	strays    []onrecord.Span // segments that are in no ledger and tell of it
	others    int             // other statements whose evidence lies in those records
	also      []onrecord.StatementID
	sources   []string // of the account
	unread    []string // evidence that could not be looked through
	before    named    // what events about it name already
	trace     *ingest.Trace
	neighbour map[onrecord.StatementID]bool
}

// named are lines and records that events name as showing a statement.
type named struct {
	lines map[int64]bool
	spans map[string][]onrecord.Span // by object
}

// add adds what an event names.
func (n named) add(e *onrecord.Erasure) {
	if e == nil {
		return
	}
	for _, i := range e.Leaves {
		n.lines[i] = true
	}
	for _, s := range e.Records {
		n.spans[s.Object] = append(n.spans[s.Object], s)
	}
}

// record reports whether a record lies in what is named.
func (n named) record(r onrecord.Span) bool {
	return slices.ContainsFunc(n.spans[r.Object], func(s onrecord.Span) bool {
		return s.Offset <= r.Offset && r.Offset+r.Length <= s.Offset+s.Length
	})
}

// A seeker looks through the record for one statement.
type seeker struct {
	h      *house
	st     onrecord.Statement
	doors  map[string]ingest.Door // by source and door
	target map[string]crawler.Target
	trace  *ingest.Trace
	lines  iter.Seq2[archive.Entry, error]
	erased *archive.Redactions // what was ordered before, carried out or not

	found   shownBy
	objects map[string][]visitObject // by source, in ledger order
	sources map[string]bool
	cited   map[onrecord.Span]bool     // by lines about it
	others  map[string]bool            // digests of attachments that other statements have
	keptSum map[string][]onrecord.Span // by digest: the payloads of its attachments
	kept    []onrecord.Span            // those that no other statement has
	shared  []onrecord.Span            // those that another one has, too
	digests map[string]bool            // of payloads that show it
}

type visitObject struct{ key, door string }

// traceOf returns how st is found.
func (h *house) traceOf(ctx context.Context, st onrecord.Statement, limits crawler.Limits) (*ingest.Trace, error) {
	known, err := h.catalog.Known(ctx, st.Platform, st.Account.ID, []onrecord.StatementID{st.ID})
	if err != nil {
		return nil, err
	}
	wordings, err := h.catalog.Wordings(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	return ingest.NewTrace(st.Platform, known[st.ID], wordings, limits), nil
}

// shows finds all that shows st: it reads the journal, and all evidence of all
// sources of the account. The trace is that of an earlier call, where the
// catalog does not know any more what is looked for; else nil. Lines are those of
// the journal: an erasure stops at lost ones, to withhold goes past them.
func (h *house) shows(ctx context.Context, st onrecord.Statement, trace *ingest.Trace, lines iter.Seq2[archive.Entry, error]) (shownBy, error) {
	in, err := h.ingester()
	if err != nil {
		return shownBy{}, err
	}
	s := &seeker{
		h: h, st: st, lines: lines, doors: map[string]ingest.Door{}, target: map[string]crawler.Target{}, objects: map[string][]visitObject{}, sources: map[string]bool{},
		cited: map[onrecord.Span]bool{}, others: map[string]bool{}, keptSum: map[string][]onrecord.Span{}, digests: map[string]bool{},
	}
	s.found.before = named{lines: map[int64]bool{}, spans: map[string][]onrecord.Span{}}
	if s.trace = trace; trace == nil {
		if s.trace, err = h.traceOf(ctx, st, in.Limits); err != nil {
			return shownBy{}, err
		}
	}
	for _, src := range in.Sources {
		for _, d := range src.Doors {
			s.doors[src.ID+"/"+d.ID] = d
			s.target[src.ID+"/"+d.ID] = crawler.Target{Platform: src.Platform, AccountID: st.Account.ID, Handle: src.Handle, URL: d.URL}
		}
	}
	if s.erased, err = h.archive.Redactions(ctx); err != nil {
		return shownBy{}, err
	}
	if err := s.journal(ctx); err != nil {
		return shownBy{}, err
	}
	for _, source := range slices.Sorted(maps.Keys(s.sources)) {
		bar := h.env.progress("looking through the evidence of " + source)
		for n, o := range s.objects[source] {
			bar.set(int64(n), int64(len(s.objects[source])))
			if err := s.object(ctx, source, o); err != nil {
				bar.done()
				return shownBy{}, err
			}
		}
		bar.done()
	}
	if err := s.elsewhere(ctx); err != nil {
		return shownBy{}, err
	}
	if err := s.neighbours(ctx); err != nil {
		return shownBy{}, err
	}
	s.found.trace, s.found.also, s.found.sources = s.trace, s.trace.Also(st.ID), slices.Sorted(maps.Keys(s.sources))
	return s.found, nil
}

// journal reads all lines.
func (s *seeker) journal(ctx context.Context) error {
	lost := map[onrecord.VisitID]string{} // source; empty for unknown
	for e, err := range s.lines {
		if err != nil {
			return err
		}
		if e.Event.Type == onrecord.LineLost || e.Event.Type == onrecord.ActLost {
			lost[e.Leaf.Visit] = e.Visit.Source
			continue
		}
		if s.trace.Is(e.Event.Statement) {
			s.found.before.add(e.Event.Erasure)
		}
		if e.Event.Type == onrecord.TombstoneLine || e.Leaf.Line == ledger.AbandonedLine || e.Visit.Source == archive.BuiltIn {
			continue
		}
		if e.Event.Type == onrecord.VisitLine {
			for _, o := range e.Visit.Objects {
				s.objects[e.Visit.Source] = append(s.objects[e.Visit.Source], visitObject{o.Key, e.Visit.Door})
			}
			continue
		}
		ev := e.Event
		if ev.Account.Platform == s.st.Platform && ev.Account.ID == s.st.Account.ID {
			s.sources[e.Visit.Source] = true
		}
		own := s.trace.Is(ev.Statement)
		if m := ev.Media; m != nil && m.SHA256 != "" {
			if !own {
				s.others[m.SHA256] = true
			} else if m.At.Object != "" {
				s.keptSum[m.SHA256] = append(s.keptSum[m.SHA256], m.At)
			}
		}
		switch s.trace.Line(ev, e.Line) {
		case ingest.Tells:
			s.found.leaves = append(s.found.leaves, e.Index)
			s.sources[e.Visit.Source] = true
			if !own {
				s.found.told = append(s.found.told, e.Index)
			} else {
				for _, c := range ev.Captures {
					s.cited[onrecord.Span{Object: c.Object, Offset: c.Offset}] = true
				}
			}
		case ingest.Names:
			s.found.named = append(s.found.named, e.Index)
		}
	}
	if err := errors.Join(s.ofLost(ctx, lost), s.strays(ctx)); err != nil {
		return err
	}
	for sum, spans := range s.keptSum {
		if s.others[sum] {
			s.shared = append(s.shared, spans...)
		} else {
			s.kept = append(s.kept, spans...)
		}
	}
	return nil
}

// object looks through one object of evidence, twice: what its captures show,
// then where the records of those are.
func (s *seeker) object(ctx context.Context, source string, o visitObject) error {
	hits := map[string]bool{}
	media := strings.HasPrefix(o.key, "media/")
	if !media {
		if err := s.captures(ctx, source, o, hits); err != nil {
			return err
		}
	}
	if len(hits) == 0 && !media {
		return nil
	}
	return s.each(ctx, o.key, func(r io.Reader) error {
		for rec, err := range warc.Records(r, warc.ReaderOptions{Skim: true, MaxBlock: 1 << 20}) {
			if err != nil {
				continue // named by captures, and by verify
			}
			if media && s.isOwn(o.key, rec) {
				hits[rec.ID()] = true
			}
			if _, named := s.erased.Record(o.key, rec.Offset); named { // a store that can't erase has it still
				continue
			}
			if (hits[rec.ID()] || hits[rec.Concurrent()]) && rec.Redacted() == "" && rec.Length > 0 {
				s.found.records = append(s.found.records, onrecord.Span{Object: o.key, Offset: rec.Offset, Length: rec.Length})
			}
		}
		return nil
	})
}

// elsewhere looks through the media of other sources: the first copy of an
// attachment may be one that another account brought, whose statement was erased
// before.
func (s *seeker) elsewhere(ctx context.Context) error {
	for _, source := range slices.Sorted(maps.Keys(s.objects)) {
		for _, o := range s.objects[source] {
			has := func(at onrecord.Span) bool { return at.Object == o.key }
			if s.sources[source] || !slices.ContainsFunc(s.kept, has) {
				continue
			}
			if err := s.object(ctx, source, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// each opens an object; one that is gone is noted.
func (s *seeker) each(ctx context.Context, key string, read func(io.Reader) error) error {
	r, err := s.h.archive.OpenObject(ctx, key)
	if errors.Is(err, archive.ErrUnreachable) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		s.found.unread = append(s.found.unread, err.Error())
		return nil
	}
	return errors.Join(read(r), r.Close())
}

// captures notes the names of the captures in an object that show the
// statement.
func (s *seeker) captures(ctx context.Context, source string, o visitObject, hits map[string]bool) error {
	door := s.doors[source+"/"+o.door]
	target := s.target[source+"/"+o.door]
	return s.each(ctx, o.key, func(r io.Reader) error {
		for c, err := range warc.Captures(r, warc.ReaderOptions{}) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				s.found.unread = append(s.found.unread, o.key+": "+err.Error())
				continue
			}
			x := c.Exchange
			prior := x.Prior != nil && x.Prior.Digest != "" && s.digests[x.Prior.Digest]
			if !prior && !s.cited[onrecord.Span{Object: o.key, Offset: c.Offset}] && !s.trace.Shows(door.Door, target, x) {
				continue
			}
			hits[c.ID] = true
			if len(x.Payload) > 0 {
				s.digests[digestHex(x.Payload)] = true
			}
		}
		return nil
	})
}

// isOwn reports whether a record of media holds an attachment that only this
// statement has, or tells how it was fetched for this one and holds none that
// another has, too.
func (s *seeker) isOwn(key string, rec *warc.Record) bool {
	within := func(at onrecord.Span) bool {
		return at.Object == key && at.Offset >= rec.Offset && at.Offset < rec.Offset+rec.Length
	}
	return slices.ContainsFunc(s.kept, within) ||
		s.cited[onrecord.Span{Object: key, Offset: rec.Offset}] && !slices.ContainsFunc(s.shared, within)
}

// neighbours counts the other statements whose evidence lies in what was found.
func (s *seeker) neighbours(ctx context.Context) error {
	at := map[onrecord.Span]bool{}
	for _, r := range s.found.records {
		at[onrecord.Span{Object: r.Object, Offset: r.Offset}] = true
	}
	s.found.neighbour = map[onrecord.StatementID]bool{}
	if len(at) == 0 {
		return nil
	}
	for e, err := range s.lines {
		if err != nil {
			return err
		}
		if e.Event.Statement == "" || s.trace.Is(e.Event.Statement) {
			continue
		}
		for _, c := range e.Event.Captures {
			if at[onrecord.Span{Object: c.Object, Offset: c.Offset}] {
				s.found.neighbour[e.Event.Statement] = true
			}
		}
	}
	s.found.others = len(s.found.neighbour)
	return nil
}
