// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"onrecord"
)

// visit notes what the first line of a segment says of the source.
func (b *batch) visit(en Entry) error {
	v := en.Visit
	if err := b.follows(v, en.Index); err != nil {
		return err
	}
	if v.Provenance == onrecord.Imported { // nobody looked at the platform
		return nil
	}
	if v.Source == "" || v.Outcome != onrecord.OutcomeOK && v.Outcome != onrecord.OutcomeNotModified {
		return nil
	}
	s, err := b.source(v.Source)
	if err != nil {
		return err
	}
	if s.Known.IdentityChanged { // nobody looked at the account
		return nil
	}
	if v.Ended.After(s.Known.LastGood) {
		s.Known.LastGood = v.Ended
	}
	if err := b.lookedIn(v.Source, v.Started, v.Ended); err != nil {
		return err
	}
	return b.span(v.Source, v.Started, "", v.Door, v.Figure, v.Ended, 1, en.Index)
}

// span adds a span of coverage or lengthens it.
func (b *batch) span(source string, since time.Time, gap, door, figure string, until time.Time, visits int, index int64) error {
	return b.exec(`INSERT INTO spans (source, since, gap, door, figure, until, visits, i) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT DO UPDATE SET until = max(coalesce(until, excluded.until), coalesce(excluded.until, until)),
			visits = max(visits, excluded.visits), i = min(i, excluded.i),
			figure = CASE WHEN excluded.i < i THEN excluded.figure ELSE figure END`,
		source, since.UnixMicro(), gap, door, figure, micro(until), visits, index)
}

// micro is t as it is stored: null if zero.
func micro(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func (b *batch) gap(e onrecord.Event) error {
	if e.Gap == nil {
		return nil
	}
	until := time.Time{}
	if !e.Gap.Open {
		until = e.At
	}
	return b.span(e.Source, e.Gap.Since, e.Gap.Reason, "", e.Figure, until, 0, e.Index)
}

func (b *batch) source(name string) (*source, error) {
	if s := b.sources[name]; s != nil {
		return s, nil
	}
	s := &source{Known: onrecord.KnownSource{Source: name}}
	var doc []byte
	switch err := b.row(`SELECT doc FROM sources WHERE source = $1`, name).Scan(&doc); {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return nil, err
	default:
		if err := unmarshal(doc, s, b.unname); err != nil {
			return nil, err
		}
	}
	b.sources[name] = s
	return s, nil
}

// account returns a row that the batch may change.
func (b *batch) account(platform, id string) *accountRow {
	key := accountKey{platform, id}
	if a := b.accounts[key]; a != nil {
		return a
	}
	a := &accountRow{doc: account{Known: onrecord.KnownAccount{Platform: platform, ID: id}}}
	if old := b.side.byKey[key]; old != nil {
		*a = *old
		a.doc.Known = old.doc.Known.Clone()
	} else {
		a.n = int64(len(b.side.accounts))
		for _, other := range b.accounts {
			a.n = max(a.n, other.n+1)
		}
	}
	b.accounts[key] = a
	return a
}

// accountOf folds e into the account that it names or, as an event of a source
// or a platform, concerns.
func (b *batch) accountOf(e onrecord.Event) error {
	if e.Account.ID == "" && e.Source != "" {
		s, err := b.source(e.Source)
		if err != nil {
			return err
		}
		switch e.Type {
		case onrecord.SourceLooked, onrecord.PlatformOffline, onrecord.PlatformOnline:
			e.Account = s.Account
		}
	}
	if e.Account.ID == "" || e.Type == onrecord.AccountIdentityChanged {
		return nil
	}
	a := b.account(e.Account.Platform, e.Account.ID)
	switch e.Type {
	case onrecord.PlatformOffline, onrecord.PlatformOnline:
		a.doc.offline(e)
	default:
		a.doc.apply(e)
	}
	return nil
}

// statement folds a statement's event.
func (b *batch) statement(e onrecord.Event) error {
	r, err := b.find(e.Statement)
	if err != nil {
		return err
	}
	if r == nil {
		if r, err = b.begin(e); err != nil {
			return err
		}
	}
	r.doc.apply(e)
	if a := r.doc.Known.Account; a != "" && a != r.account.doc.Known.ID {
		r.account = b.account(e.Account.Platform, a)
	}
	if e.Content != nil && e.Version != "" && r.wordings[e.Version] == nil {
		content := *e.Content
		content.HTML, content.Media = "", withoutAddresses(content.Media)
		r.wordings[e.Version] = &wording{Content: content}
	}
	return b.attachments(r, e)
}

// find returns a statement that was applied before, nil for none.
func (b *batch) find(id onrecord.StatementID) (*row, error) {
	if r := b.statements[id]; r != nil {
		return r, nil
	}
	if b.absent[id] {
		return nil, nil
	}
	key, ok := packID(string(id))
	if !ok {
		return nil, fmt.Errorf("statement id %.40q is none", id)
	}
	r := &row{id: id, key: key, wordings: map[onrecord.VersionID]*wording{}}
	var doc []byte
	err := b.row(`SELECT r, account, doc FROM statements WHERE id = $1`, key).Scan(&r.r, &r.owner, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := unmarshal(doc, &r.doc, b.unname); err != nil {
		return nil, err
	}
	if r.owner >= int64(len(b.side.accounts)) || b.side.accounts[r.owner] == nil {
		return nil, fmt.Errorf("statement %s of unknown account %d: %w", id, r.owner, ErrRebuild)
	}
	k := b.side.accounts[r.owner].doc.Known
	r.account = b.account(k.Platform, k.ID)
	r.version, r.versions, r.hidden, r.aliases = r.doc.Known.Version, slices.Clone(r.doc.Known.Versions), r.doc.hidden(), len(r.doc.Known.Aliases)
	r.listed = listings(&r.doc)
	b.statements[id], b.byRow[r.r] = r, id
	return r, nil
}

// begin makes the row of a statement with its first event, and gives it its
// place in time for good.
func (b *batch) begin(e onrecord.Event) (*row, error) {
	key, _ := packID(string(e.Statement))
	r := &row{id: e.Statement, key: key, fresh: true, wordings: map[onrecord.VersionID]*wording{}}
	r.doc.Known = onrecord.NewKnown(e.Statement)
	r.account = b.account(e.Account.Platform, e.Account.ID)
	r.r = rowid(secondOf(dateOf(e.PublishedAt, e.At)), key)
	for {
		_, there := b.side.find(r.r)
		if _, mine := b.byRow[r.r]; !there && !mine {
			break
		}
		r.r++
	}
	b.statements[r.id], b.byRow[r.r] = r, r.id
	return r, b.early(r)
}

// rowid returns the place of a statement, but for collisions.
func rowid(second int64, key []byte) int64 {
	return second<<idBits | int64(binary.BigEndian.Uint32(key[6:])&(1<<idBits-1))
}

// early folds the runs that named r before its first event.
func (b *batch) early(r *row) error {
	if !b.anyEarly {
		return nil
	}
	s, err := b.query(`SELECT e.doc FROM early JOIN events AS e ON e.i = early.i WHERE early.id = $1`)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(b.ctx, r.key)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var doc []byte
		var e storedEvent
		if err := rows.Scan(&doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &e, b.unname); err != nil {
			return err
		}
		r.doc.apply(e.Event)
		n++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || n == 0 {
		return err
	}
	return b.exec(`DELETE FROM early WHERE id = $1`, r.key)
}
