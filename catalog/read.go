// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"onrecord"
)

// readWording decodes a row of the table versions; nil for none.
func readWording(row scanner, name unnamer) (*wording, error) {
	var doc []byte
	err := row.Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w := new(wording)
	return w, unmarshal(doc, w, name)
}

func (v *view) wording(key []byte, version onrecord.VersionID) (*wording, error) {
	return readWording(v.row(`SELECT doc FROM versions WHERE id = $1 AND version = $2`, key, versionKey(version)), v.name)
}

// record reads a row of the table statements.
func (v *view) record(id onrecord.StatementID) (*record, *accountRow, error) {
	key, ok := packID(string(id))
	if !ok {
		return nil, nil, fmt.Errorf("statement %.40q: %w", id, onrecord.ErrNotFound)
	}
	var doc []byte
	var n int64
	if err := v.row(`SELECT account, doc FROM statements WHERE id = $1`, key).Scan(&n, &doc); err != nil {
		return nil, nil, notFound(err, "statement %s", id)
	}
	r := new(record)
	if err := unmarshal(doc, r, v.name); err != nil {
		return nil, nil, err
	}
	if n >= int64(len(v.side.accounts)) || v.side.accounts[n] == nil {
		return nil, nil, fmt.Errorf("statement %s of unknown account %d: %w", id, n, ErrRebuild)
	}
	return r, v.side.accounts[n], nil
}

// Statement returns one statement; onrecord.ErrNotFound if there is none. Of a
// withheld one nothing that was said is returned.
func (c *Catalog) Statement(ctx context.Context, id onrecord.StatementID) (s onrecord.Statement, err error) {
	err = c.view(ctx, func(v *view) error {
		s, err = v.statement(id)
		return err
	})
	return s, err
}

// Statements returns those of ids that there are, in their order.
func (c *Catalog) Statements(ctx context.Context, ids []onrecord.StatementID) ([]onrecord.Statement, error) {
	var list []onrecord.Statement
	err := c.view(ctx, func(v *view) error {
		for _, id := range ids {
			s, err := v.statement(id)
			if errors.Is(err, onrecord.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		return nil
	})
	return list, err
}

func (v *view) statement(id onrecord.StatementID) (onrecord.Statement, error) {
	r, a, err := v.record(id)
	if err != nil {
		return onrecord.Statement{}, err
	}
	return v.statementOf(id, r, a)
}

// statementOf is what views show of the statement of a record.
func (v *view) statementOf(id onrecord.StatementID, r *record, a *accountRow) (onrecord.Statement, error) {
	k := &r.Known
	s := onrecord.Statement{
		ID: id, Figure: v.c.figure(a.doc.Figure), Account: r.Account, AccountState: a.doc.Known.State,
		Platform: a.doc.Known.Platform, NativeID: k.NativeID, URL: k.URL,
		State: k.StateUnder(a.doc.Known.State, a.doc.Offline), Provenance: k.Provenance, Grade: k.Grade,
		FirstSeen: k.FirstSeen, LastSeen: lastSeen(k), FirstGone: firstGone(k), GoneChecks: len(k.Gone),
		Captures: r.Captures, LogIndex: k.FirstIndex, LastIndex: k.Prev,
		Returned: r.returned(), Edited: r.Edited, Versions: len(k.Versions), Date: r.date(),
	}
	if s.State == onrecord.StateDeleted && len(k.Deletions) == 0 {
		s.Reported = r.Reported
	}
	s.AccountState = cmp.Or(s.AccountState, onrecord.AccountUnknown)
	if s.Account.ID != a.doc.Known.ID { // another account showed it last
		s.Account = onrecord.AccountRef{Platform: a.doc.Known.Platform, ID: a.doc.Known.ID}
	}
	s.Account.Handle = cmp.Or(s.Account.Handle, a.doc.Known.Handle)
	s.Account.Name = cmp.Or(s.Account.Name, a.doc.Known.Name)
	s.StateWindow = stateWindow(s.State, r, a)
	if r.hidden() {
		s.State, s.Versions, s.Edited, s.NativeID, s.URL = onrecord.StateWithheld, 0, false, "", ""
		s.Decision = r.decision()
		return s, nil
	}
	s.EditWindow, s.Engagement, s.EngagementAt = r.Edit, r.Engagement, r.Engaged.At
	s.Version = k.Version
	key, _ := packID(string(id))
	w, err := v.wording(key, k.Version)
	if err != nil || w == nil {
		return s, err
	}
	s.Content, s.Type, s.Lang, s.SHA256 = w.Content, w.Content.Type, w.Content.Lang, sha(w.Content)
	s.PublishedAt, s.Precision = k.Published, r.precision()
	found, err := v.kept(key)
	if err != nil {
		return s, err
	}
	s.Media = attach(w.Content, found)
	if err := v.relations(&s); err != nil {
		return s, err
	}
	return s, v.discreet(s.Platform, &s.Content)
}

// lastSeen is when the statement was last seen, for readers: Known counts from
// the request, which lies before the answer that is the first sighting.
func lastSeen(k *onrecord.Known) time.Time {
	if k.LastSeen.IsZero() {
		return k.LastSeen
	}
	return later(k.LastSeen, k.FirstSeen)
}

func sha(c onrecord.Content) string {
	sum := c.SHA256()
	return hex.EncodeToString(sum[:])
}

// firstGone returns when the statement was first found missing, since it was
// last seen.
func firstGone(k *onrecord.Known) time.Time {
	first := k.Absent
	earlier := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, g := range k.Gone {
		earlier(g.At)
	}
	for _, d := range k.Deletions {
		earlier(d.At)
	}
	return first
}

// stateWindow returns when the statement came into a state that is not live.
func stateWindow(s onrecord.State, r *record, a *accountRow) onrecord.Window {
	switch s {
	case onrecord.StateDeleted:
		if len(r.Known.Deletions) == 0 {
			return r.Report
		}
		return r.Known.Deleted
	case onrecord.StateGoneWithAccount:
		return a.doc.Window
	case onrecord.StatePlatformOffline:
		return a.doc.Off
	case onrecord.StateRestored:
		return r.Restored
	case onrecord.StateUnconfirmed:
		return onrecord.Window{After: r.Known.LastSeen, By: firstGone(&r.Known)}
	}
	return onrecord.Window{}
}

// relations fills in what s replies to, repeats and quotes, where the catalog
// has it.
func (v *view) relations(s *onrecord.Statement) error {
	for _, rel := range []struct {
		native string
		id     *onrecord.StatementID
	}{
		{s.Content.ReplyTo, &s.ReplyTo}, {s.Content.RepostOf, &s.RepostOf}, {s.Content.QuoteOf, &s.QuoteOf},
	} {
		if rel.native == "" {
			continue
		}
		id, ok, err := v.resolve(onrecord.NewStatementID(s.Platform, rel.native))
		if err != nil {
			return err
		}
		if ok {
			*rel.id = id
		}
	}
	return nil
}

// resolve returns the statement that has the id, as its own or as an alias.
func (v *view) resolve(id onrecord.StatementID) (onrecord.StatementID, bool, error) {
	key, ok := packID(string(id))
	if !ok {
		return "", false, nil
	}
	var own []byte
	err := v.row(`SELECT id FROM statements WHERE id = $1 UNION ALL SELECT id FROM aliases WHERE alias = $1 LIMIT 1`, key).Scan(&own)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return onrecord.StatementID(unpackID(own)), err == nil, err
}

// figure names a figure by the configuration; by its slug where that has none.
func (c *Catalog) figure(slug string) onrecord.FigureRef {
	return onrecord.FigureRef{Slug: slug, Name: cmp.Or(c.o.Figures[slug], slug)}
}

// Versions returns the wordings of a statement, oldest first: none of a
// withheld one.
func (c *Catalog) Versions(ctx context.Context, id onrecord.StatementID) ([]onrecord.Version, error) {
	var list []onrecord.Version
	err := c.view(ctx, func(v *view) error {
		r, a, err := v.record(id)
		if err != nil || r.hidden() {
			return err
		}
		events, err := v.eventsOf(id)
		if err != nil {
			return err
		}
		key, _ := packID(string(id))
		found, err := v.kept(key)
		if err != nil {
			return err
		}
		for _, version := range r.Known.Versions {
			w, err := v.version(a.doc.Known.Platform, id, version, events)
			if err != nil {
				return err
			}
			w.Media = attach(w.Content, found)
			w.LastSeen = later(w.LastSeen, lastRead(&r.Known, version, events))
			list = append(list, w)
		}
		return nil
	})
	return list, err
}

// lastRead returns when visits without news last read a wording: the doors that
// have read nothing else since, and those that had read it up to an edit.
func lastRead(k *onrecord.Known, version onrecord.VersionID, events []onrecord.Event) time.Time {
	var last time.Time
	for key := range k.Readings {
		if r, _, ok := k.Read(key); ok && r.Version == version {
			last = later(last, r.At)
		}
	}
	var before onrecord.VersionID
	for _, e := range events {
		if e.Type != onrecord.StatementCreated && e.Type != onrecord.StatementEdited {
			continue
		}
		if e.Type == onrecord.StatementEdited && before == version && !e.Disputed {
			last = later(last, e.After)
		}
		before = e.Version
	}
	return last
}

// version gathers what events, by time of observation, say of one wording.
func (v *view) version(platform string, id onrecord.StatementID, version onrecord.VersionID, events []onrecord.Event) (onrecord.Version, error) {
	out := onrecord.Version{ID: version, Seen: true, LogIndex: -1}
	for _, e := range events {
		if e.Version != version {
			continue
		}
		if e.Type == onrecord.StatementSeen && out.LogIndex >= 0 {
			out.LastSeen = later(out.LastSeen, e.At)
		}
		if out.LogIndex < 0 {
			out.FirstSeen, out.LastSeen, out.LogIndex = e.At, e.At, e.Index
		}
		if e.Type == onrecord.StatementCreated || e.Type == onrecord.StatementEdited {
			if out.Seen {
				out.Window, out.LogIndex, out.Seen = e.Window(), e.Index, false
			}
			out.LastSeen = later(out.LastSeen, e.At)
		}
		if out.Changed.IsZero() {
			out.Changed = e.Changed
		}
		if door := e.Source + "/" + e.Door; e.Source != "" && !slices.Contains(out.Doors, door) {
			out.Doors = append(out.Doors, door)
		}
	}
	key, _ := packID(string(id))
	w, err := v.wording(key, version)
	if err != nil || w == nil {
		return out, err
	}
	out.Content, out.SHA256 = w.Content, sha(w.Content)
	return out, v.discreet(platform, &out.Content)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
