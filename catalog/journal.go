// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"onrecord"
)

// event decodes a row of the table events and gives it back its content and
// captures: not the content of a statement that is hidden now.
func (v *view) event(doc []byte) (onrecord.Event, error) {
	var stored storedEvent
	if err := unmarshal(doc, &stored, v.name); err != nil {
		return onrecord.Event{}, err
	}
	e := stored.Event
	for _, n := range stored.Captures {
		c, err := v.capture(n)
		if err != nil {
			return e, err
		}
		e.Captures = append(e.Captures, c)
	}
	if e.Statement == "" {
		return e, nil
	}
	r, a, err := v.record(e.Statement)
	if err != nil {
		return e, err
	}
	e.Erasure = nil // which is for those who check the record
	if r.hidden() {
		return conceal(e), nil
	}
	if stored.HasContent {
		key, _ := packID(string(e.Statement))
		w, err := v.wording(key, e.Version)
		if err != nil {
			return e, err
		}
		if w != nil {
			e.Content = &w.Content
			if err := v.discreet(a.doc.Known.Platform, e.Content); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}

// conceal removes from an event of a withheld statement what would tell what
// was said, and where it still stands.
func conceal(e onrecord.Event) onrecord.Event {
	e.Version, e.Content, e.URL, e.NativeID, e.LocalID, e.Aliases, e.Order = "", nil, "", "", "", nil, ""
	e.Captures, e.Engagement, e.PublishedAt, e.Changed, e.Extra = nil, nil, time.Time{}, time.Time{}, nil
	e.Erasure, e.Media, e.Code = nil, nil, ""
	return e
}

func (v *view) capture(n int64) (onrecord.CaptureRef, error) {
	var doc []byte
	var c onrecord.CaptureRef
	err := v.row(`SELECT doc FROM captures WHERE n = $1`, n).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("there is no capture %d: %w", n, ErrRebuild)
	}
	if err != nil {
		return c, fmt.Errorf("capture %d: %w", n, err)
	}
	return c, unmarshal(doc, &c, v.name)
}

// eventsOf returns the events of a statement by time of observation, ties by
// ledger index.
func (v *view) eventsOf(id onrecord.StatementID) ([]onrecord.Event, error) {
	key, ok := packID(string(id))
	if !ok {
		return nil, fmt.Errorf("statement %.40q: %w", id, onrecord.ErrNotFound)
	}
	var docs [][]byte
	err := v.each(func(scan func(...any) error) error {
		var doc []byte
		err := scan(&doc)
		docs = append(docs, doc)
		return err
	}, `SELECT doc FROM events WHERE id = $1 ORDER BY i`, key)
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("statement %s: %w", id, onrecord.ErrNotFound)
	}
	list := make([]onrecord.Event, len(docs))
	for i, doc := range docs {
		if list[i], err = v.event(doc); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(list, func(a, b onrecord.Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Index, b.Index)) })
	return list, nil
}

// StatementEvents returns the events of a statement by time of observation.
func (c *Catalog) StatementEvents(ctx context.Context, id onrecord.StatementID) (list []onrecord.Event, err error) {
	err = c.view(ctx, func(v *view) error {
		list, err = v.eventsOf(id)
		return err
	})
	return list, err
}

// Captures returns the evidence for a statement, by time of observation: none
// of a withheld one.
func (c *Catalog) Captures(ctx context.Context, id onrecord.StatementID) ([]onrecord.Evidence, error) {
	events, err := c.StatementEvents(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []onrecord.Evidence
	for _, e := range events {
		for _, ref := range e.Captures {
			list = append(list, onrecord.Evidence{CaptureRef: ref, Index: e.Index, Type: e.Type})
		}
	}
	return list, c.view(ctx, func(v *view) error { return v.mark(list) })
}

// Event returns the event at a ledger index. Visit lines are no events.
func (c *Catalog) Event(ctx context.Context, index int64) (e onrecord.Event, err error) {
	err = c.view(ctx, func(v *view) error {
		var doc []byte
		if err := v.row(`SELECT doc FROM events WHERE i = $1`, index).Scan(&doc); err != nil {
			return notFound(err, "event %d", index)
		}
		e, err = v.event(doc)
		return err
	})
	return e, err
}

// Events returns at most limit events whose index is greater than after and
// that f lets through, in ledger order. next is the index to go on from, or 0
// at the end. After is -1 or 0 at the start.
func (c *Catalog) Events(ctx context.Context, after int64, f onrecord.EventFilter, limit int) (list []onrecord.Event, next int64, err error) {
	limit = min(max(limit, 1), 1000)
	err = c.view(ctx, func(v *view) error {
		list, next, err = v.eventsAt(after, false, f, limit)
		return err
	})
	return list, next, err
}

// RecentChanges returns the n statements last found deleted or edited, newest
// change first, each once. Reports of others and withheld statements are left
// out.
func (c *Catalog) RecentChanges(ctx context.Context, n int) (list []onrecord.Statement, err error) {
	err = c.view(ctx, func(v *view) error {
		list, err = v.recentChanges(n)
		return err
	})
	return list, err
}

func (v *view) recentChanges(n int) ([]onrecord.Statement, error) {
	deleted, _, err := v.number(string(onrecord.StatementDeleted))
	if err != nil {
		return nil, err
	}
	edited, _, err := v.number(string(onrecord.StatementEdited))
	if err != nil {
		return nil, err
	}
	var ids []onrecord.StatementID
	seen := map[onrecord.StatementID]bool{}
	var list []onrecord.Statement
	err = v.each(func(scan func(...any) error) error {
		var key []byte
		if err := scan(&key); err != nil {
			return err
		}
		if id := onrecord.StatementID(unpackID(key)); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
		return nil
	}, `SELECT id FROM events WHERE rare AND kind IN ($1, $2) AND id IS NOT NULL ORDER BY i DESC LIMIT $3`, deleted, edited, 8*n+32)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if len(list) == n {
			break
		}
		r, a, err := v.record(id)
		if err != nil {
			return nil, err
		}
		s, err := v.statementOf(id, r, a)
		if err != nil {
			return nil, err
		}
		if s.State == onrecord.StateWithheld || r.Reported != "" && s.State != onrecord.StateDeleted && !s.Edited {
			continue
		}
		list = append(list, s)
	}
	return list, nil
}

// Checkpoint returns the ledger that answers rest on.
func (c *Catalog) Checkpoint(ctx context.Context) (p onrecord.Checkpoint, err error) {
	err = c.view(ctx, func(v *view) error {
		var root []byte
		var us int64
		err := v.row(`SELECT (SELECT v FROM meta WHERE k = 'size'), (SELECT v FROM meta WHERE k = 'root'), (SELECT v FROM meta WHERE k = 'time')`).
			Scan(&p.Size, &root, &us)
		if err != nil {
			return fmt.Errorf("catalog: %w", err)
		}
		p.Root = base64.StdEncoding.EncodeToString(root)
		if us > 0 {
			p.Time = time.UnixMicro(us).UTC()
		}
		return nil
	})
	return p, err
}
