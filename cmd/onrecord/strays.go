// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"onrecord"
	"onrecord/archive"
	"onrecord/ingest"
)

// A visit that loses its fence has put its objects under a name that is in no
// ledger; they stay (record.md 1.14), and anybody who knows the name gets them.

// strays looks through what is in the bucket and in no ledger: segments here,
// captures and media with those of the account.
func (s *seeker) strays(ctx context.Context) error {
	sources := slices.Sorted(maps.Keys(s.sources))
	if len(sources) == 0 {
		return nil
	}
	named := map[string]bool{}
	for _, list := range s.objects {
		for _, o := range list {
			named[o.key] = true // a late visit has taken it over
		}
	}
	for stray, err := range s.h.archive.Strays(ctx) {
		switch {
		case err != nil:
			return err
		case !strings.HasPrefix(stray.Key, "journal/"):
			if !named[stray.Key] {
				s.objects[sources[0]] = append(s.objects[sources[0]], visitObject{key: stray.Key})
			}
		case strayTells(s.trace, stray, s.strayEvent):
			s.found.strays = append(s.found.strays, onrecord.Span{Object: stray.Key, Length: stray.Length})
		}
	}
	return nil
}

// strayEvent notes what an event about the statement, of a stray, cites.
func (s *seeker) strayEvent(e onrecord.Event) {
	if m := e.Media; m != nil && m.SHA256 != "" && m.At.Object != "" {
		s.keptSum[m.SHA256] = append(s.keptSum[m.SHA256], m.At)
	}
	for _, c := range e.Captures {
		s.cited[onrecord.Span{Object: c.Object, Offset: c.Offset}] = true
	}
}

// strayTells reports whether a segment has anything of a statement, and calls own
// with its events about it.
func strayTells(t *ingest.Trace, stray archive.Stray, own func(onrecord.Event)) (tells bool) {
	for _, line := range stray.Lines {
		e, err := onrecord.ParseEvent(line)
		if err != nil {
			continue // a tombstone
		}
		tells = tells || t.Line(e, line) != ingest.NoMention
		if t.Is(e.Statement) {
			own(e)
		}
	}
	return tells
}

// eraseStrays makes tombstones of the lines of segments that are in no ledger and
// tell of an erased statement. Those of visits that were judged before the entry at
// index, of sources that have lost their fences since, nobody will ever commit.
func (h *house) eraseStrays(ctx context.Context, t *ingest.Trace, sources []string, index int64, number string) error {
	for stray, err := range h.archive.Strays(ctx) {
		if err != nil {
			return err
		}
		dead := slices.Contains(sources, stray.Visit.Source) && stray.Visit.Base < index
		if !dead || !strayTells(t, stray, func(onrecord.Event) {}) {
			continue
		}
		switch err := h.archive.BlankStray(ctx, stray, number); {
		case errors.Is(err, archive.ErrKeeps):
			h.env.say("note: %s is in no ledger, tells of it, and the store keeps it: %v", stray.Key, err)
		case err != nil:
			return fmt.Errorf("%s, which is in no ledger and tells of it: %w", stray.Key, err)
		}
	}
	return nil
}

// forget has visits of the sources that are under way lose their fences, takes what
// names the statement out of their states, and erases it in what such visits have
// put: the entry at index orders it.
func (r eraseRequest) forget(ctx context.Context, h *house, t *ingest.Trace, sources []string, index int64) error {
	var lost []string
	for _, source := range sources {
		if err := h.archive.Forget(ctx, source, t.Forget); err != nil {
			h.env.say("note: the state of source %s may still name it: %v", source, err)
			continue
		}
		lost = append(lost, source)
	}
	return h.eraseStrays(ctx, t, lost, index, r.down.Case)
}
