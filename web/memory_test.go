// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"onrecord"
	"onrecord/search"
)

// A memory is a small archive in memory: it satisfies every interface that web
// reads from.
type memory struct {
	figures    []onrecord.Figure
	statements map[onrecord.StatementID]onrecord.Statement
	versions   map[onrecord.StatementID][]onrecord.Version
	events     []onrecord.Event
	coverage   []onrecord.Coverage
	status     []onrecord.SourceStatus
	days       []onrecord.SourceDays
	health     onrecord.Health
	records    map[string][]byte // by SHA-256
	broken     error             // returned by Checkpoint and Statement
	grown      int64             // entries that the ledger has more than at first
	searches   atomic.Int64      // how often Search was asked
}

func (m *memory) Statement(_ context.Context, id onrecord.StatementID) (onrecord.Statement, error) {
	if m.broken != nil {
		return onrecord.Statement{}, m.broken
	}
	st, ok := m.statements[id]
	if !ok {
		return st, fmt.Errorf("memory: %w", onrecord.ErrNotFound)
	}
	return st, nil
}

func (m *memory) Statements(_ context.Context, ids []onrecord.StatementID) ([]onrecord.Statement, error) {
	var list []onrecord.Statement
	for _, id := range ids {
		if st, ok := m.statements[id]; ok {
			list = append(list, st)
		}
	}
	return list, nil
}

func (m *memory) Versions(_ context.Context, id onrecord.StatementID) ([]onrecord.Version, error) {
	return m.versions[id], nil
}

func (m *memory) Captures(_ context.Context, id onrecord.StatementID) ([]onrecord.Evidence, error) {
	var list []onrecord.Evidence
	for _, e := range m.events {
		if e.Statement != id {
			continue
		}
		for _, c := range e.Captures {
			list = append(list, onrecord.Evidence{CaptureRef: c, Index: e.Index, Type: e.Type})
		}
	}
	return list, nil
}

func (m *memory) StatementEvents(_ context.Context, id onrecord.StatementID) ([]onrecord.Event, error) {
	list := slices.DeleteFunc(slices.Clone(m.events), func(e onrecord.Event) bool { return e.Statement != id })
	slices.SortStableFunc(list, func(a, b onrecord.Event) int { return a.At.Compare(b.At) })
	return list, nil
}

func (m *memory) Figures(context.Context) ([]onrecord.Figure, error) { return m.figures, nil }

func (m *memory) Figure(_ context.Context, slug string) (onrecord.Figure, error) {
	for _, f := range m.figures {
		if f.Slug == slug {
			return f, nil
		}
	}
	return onrecord.Figure{}, onrecord.ErrNotFound
}

func (m *memory) Events(_ context.Context, after int64, f onrecord.EventFilter, limit int) ([]onrecord.Event, int64, error) {
	var list []onrecord.Event
	for _, e := range m.events {
		platform := cmp.Or(e.Platform, e.Account.Platform)
		if e.Index <= after || (len(f.Types) > 0 && !slices.Contains(f.Types, e.Type)) || (f.Figure != "" && f.Figure != e.Figure) ||
			(f.Platform != "" && f.Platform != platform) || (f.Source != "" && f.Source != e.Source) {
			continue
		}
		if len(list) == limit {
			return list, list[limit-1].Index, nil
		}
		list = append(list, e)
	}
	return list, 0, nil
}

func (m *memory) Coverage(_ context.Context, f onrecord.CoverageFilter) ([]onrecord.Coverage, error) {
	return slices.DeleteFunc(slices.Clone(m.coverage), func(c onrecord.Coverage) bool {
		return (f.Figure != "" && c.Figure != f.Figure) || (f.Source != "" && c.Source != f.Source) ||
			(!f.Since.IsZero() && !c.Until.IsZero() && !c.Until.After(f.Since)) || (!f.Until.IsZero() && !c.From.Before(f.Until))
	}), nil
}

func (m *memory) RecentChanges(_ context.Context, n int) ([]onrecord.Statement, error) {
	var list []onrecord.Statement
	for _, st := range m.statements {
		if st.State == onrecord.StateDeleted || (st.Edited && st.State == onrecord.StateLive) {
			list = append(list, st)
		}
	}
	slices.SortFunc(list, func(a, b onrecord.Statement) int {
		return cmp.Or(later(b).Compare(later(a)), strings.Compare(string(a.ID), string(b.ID)))
	})
	return list[:min(n, len(list))], nil
}

func later(s onrecord.Statement) time.Time {
	if s.StateWindow.By.After(s.EditWindow.By) {
		return s.StateWindow.By
	}
	return s.EditWindow.By
}

func (m *memory) Checkpoint(context.Context) (onrecord.Checkpoint, error) {
	if m.broken != nil {
		return onrecord.Checkpoint{}, m.broken
	}
	return onrecord.Checkpoint{Size: 48931 + m.grown, Root: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)), Time: now.Add(-3 * time.Minute)}, nil
}

func (m *memory) Status(context.Context) ([]onrecord.SourceStatus, error) { return m.status, nil }

func (m *memory) Proof(_ context.Context, id onrecord.StatementID) ([]byte, error) {
	if _, ok := m.statements[id]; !ok {
		return nil, onrecord.ErrNotFound
	}
	return []byte("c2sp.org/tlog-proof@v1\nindex " + strconv.FormatInt(m.statements[id].LogIndex, 10) + "\n"), nil
}

func (m *memory) Capture(_ context.Context, ref onrecord.CaptureRef) (io.ReadCloser, error) {
	data, ok := m.records[ref.SHA256]
	if !ok {
		return nil, onrecord.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Search walks everything. Its cursors are offsets: "n" and a number.
func (m *memory) Search(_ context.Context, r search.Request) (search.Results, error) {
	m.searches.Add(1)
	var list []onrecord.Statement
	for _, st := range m.statements {
		if matches(st, r) {
			list = append(list, st)
		}
	}
	slices.SortFunc(list, func(a, b onrecord.Statement) int {
		order := cmp.Or(b.Date.Compare(a.Date), strings.Compare(string(a.ID), string(b.ID)))
		if r.Sort == search.Oldest {
			order = -order
		}
		return order
	})
	from, limit := 0, cmp.Or(r.Limit, 20)
	if r.Cursor != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(r.Cursor, "n"))
		if err != nil || n < 0 || n > len(list) {
			return search.Results{}, fmt.Errorf("memory: %w", search.ErrCursor)
		}
		from = n
	}
	out := search.Results{Total: int64(len(list))}
	for _, st := range list[from:min(len(list), from+limit)] {
		out.Hits = append(out.Hits, search.Hit{ID: st.ID})
	}
	if from+limit < len(list) {
		out.Next = "n" + strconv.Itoa(from+limit)
	}
	if from > 0 {
		out.Prev = "n" + strconv.Itoa(max(0, from-limit))
	}
	return out, nil
}

func matches(st onrecord.Statement, r search.Request) bool {
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	if len(r.Accounts) > 0 && !slices.ContainsFunc(r.Accounts, func(a string) bool { return strings.HasPrefix(a, st.Platform+"/") }) {
		return false // an account a platform is enough here
	}
	if !in(r.Figures, st.Figure.Slug) || !in(r.Platforms, st.Platform) || !in(r.Types, st.Type) {
		return false
	}
	if len(r.States) > 0 && !slices.Contains(r.States, st.State) || len(r.States) == 0 && st.State == onrecord.StateWithheld {
		return false
	}
	if (!r.Since.IsZero() && st.Date.Before(r.Since)) || (!r.Until.IsZero() && !st.Date.Before(r.Until)) {
		return false
	}
	for _, c := range r.Query.Clauses() {
		if !c.Kind.IsText() && clause(st, c) == c.Not {
			return false
		}
	}
	return search.Matches(r.Query, st.Content.Title, st.Content.Text)
}

func clause(st onrecord.Statement, c search.Clause) bool {
	switch c.Kind {
	case search.KindFigure:
		return st.Figure.Slug == c.Value
	case search.KindPlatform:
		return st.Platform == c.Value
	case search.KindSince:
		return !st.Date.Before(c.Time)
	case search.KindUntil:
		return st.Date.Before(c.Time)
	}
	switch c.Value {
	case search.IsEdited:
		return st.Edited
	case search.IsImported:
		return st.Provenance == onrecord.Imported
	case search.IsGone:
		return st.State == onrecord.StateGoneWithAccount
	case search.IsOffline:
		return st.State == onrecord.StatePlatformOffline
	case search.IsReply, search.IsRepost, search.IsQuote:
		return st.Type == c.Value
	}
	return string(st.State) == c.Value
}
