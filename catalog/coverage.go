// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

// Coverage returns the spans in which sources were looked at, and the gaps,
// oldest first, that overlap [f.Since, f.Until). Acts of the operator (source
// "archive") look at nothing.
func (c *Catalog) Coverage(ctx context.Context, f onrecord.CoverageFilter) (list []onrecord.Coverage, err error) {
	err = c.view(ctx, func(v *view) error {
		list, err = v.spans(spanQuery{f: f, limit: -1})
		return err
	})
	return list, err
}

// CoveragePage is Coverage by pages of at most limit, oldest first or newest
// first, by the time at which spans and gaps began. Next is the cursor of the
// next page; empty at the end. A cursor that this archive did not make, or for
// the other order, is search.ErrCursor.
func (c *Catalog) CoveragePage(ctx context.Context, f onrecord.CoverageFilter, newest bool, cursor string, limit int) (list []onrecord.Coverage, next string, err error) {
	limit = min(max(limit, 1), 1000)
	q := spanQuery{f: f, newest: newest, limit: limit + 1}
	if cursor != "" {
		at, err := c.parseSpan(cursor)
		if err != nil || at.Newest != newest {
			return nil, "", search.ErrCursor
		}
		q.at = &at
	}
	err = c.view(ctx, func(v *view) error {
		list, err = v.spans(q)
		return err
	})
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, c.printSpan(spanPlace{Newest: newest, Since: last.From.UnixMicro(), Source: last.Source, Gap: last.Reason, Door: last.Door}), nil
}

// A spanPlace is a place in a list of spans: that of the last one known.
type spanPlace struct {
	Newest bool   `json:"n,omitempty"`
	Since  int64  `json:"t"`
	Source string `json:"s"`
	Gap    string `json:"g,omitempty"`
	Door   string `json:"d,omitempty"`
}

func (c *Catalog) printSpan(p spanPlace) string {
	b, _ := json.Marshal(p) // strings and numbers can't fail
	return base64.RawURLEncoding.EncodeToString(append(b, c.mac(b)...))
}

func (c *Catalog) parseSpan(s string) (p spanPlace, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) <= cursorMAC || len(b) > 1024 {
		return p, search.ErrCursor
	}
	body, mac := b[:len(b)-cursorMAC], b[len(b)-cursorMAC:]
	if !hmac.Equal(mac, c.mac(body)) || json.Unmarshal(body, &p) != nil {
		return p, search.ErrCursor
	}
	return p, nil
}

// A spanQuery asks for spans and gaps; a limit of -1 is none.
type spanQuery struct {
	f      onrecord.CoverageFilter
	newest bool
	at     *spanPlace
	limit  int
}

// text makes the query with its arguments.
func (q spanQuery) text() (string, []any) {
	var text strings.Builder
	text.WriteString(`SELECT source, since, gap, door, figure, until, visits, i FROM spans WHERE source <> 'archive'`)
	var args []any
	cond := func(format string, values ...any) {
		places := make([]any, len(values))
		for i, value := range values {
			args = append(args, value)
			places[i] = fmt.Sprintf("$%d", len(args))
		}
		fmt.Fprintf(&text, format, places...)
	}
	if q.f.Gaps {
		cond(` AND gap <> ''`)
	}
	if q.f.Source != "" {
		cond(` AND source = %s`, q.f.Source)
	}
	if q.f.Figure != "" {
		cond(` AND figure = %s`, q.f.Figure)
	}
	if !q.f.Until.IsZero() {
		cond(` AND since < %s`, q.f.Until.UnixMicro())
	}
	if !q.f.Since.IsZero() {
		cond(` AND (until IS NULL OR until >= %s)`, q.f.Since.UnixMicro())
	}
	side, order := ">", ""
	if q.newest {
		side, order = "<", " DESC"
	}
	if q.at != nil {
		cond(` AND (since, source, gap, door) `+side+` (%s, %s, %s, %s)`, q.at.Since, q.at.Source, q.at.Gap, q.at.Door)
	}
	cond(` ORDER BY since`+order+`, source`+order+`, gap`+order+`, door`+order+` LIMIT %s`, q.limit)
	return text.String(), args
}

func (v *view) spans(q spanQuery) ([]onrecord.Coverage, error) {
	var list []onrecord.Coverage
	text, args := q.text()
	err := v.each(func(scan func(...any) error) error {
		s := onrecord.Coverage{Status: "captured"}
		var since int64
		var until *int64
		if err := scan(&s.Source, &since, &s.Reason, &s.Door, &s.Figure, &until, &s.Visits, &s.Index); err != nil {
			return err
		}
		if s.Reason != "" {
			s.Status = "gap"
		}
		s.From = time.UnixMicro(since).UTC()
		if until != nil {
			s.Until = time.UnixMicro(*until).UTC()
		}
		list = append(list, s)
		return nil
	}, text, args...)
	return list, err
}
