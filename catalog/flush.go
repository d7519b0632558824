// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

// store adds e to the table of events.
func (b *batch) store(e onrecord.Event) error {
	stored := storedEvent{Event: e, HasContent: e.Content != nil}
	for _, c := range e.Captures {
		n, err := b.capture(c)
		if err != nil {
			return err
		}
		stored.Captures = append(stored.Captures, n)
	}
	stored.Event.Content, stored.Event.Captures, stored.Event.Salt = nil, nil, ""
	doc, err := marshal(stored, b.name)
	if err != nil {
		return err
	}
	kind, err := b.name(string(e.Type))
	if err != nil {
		return err
	}
	stream, err := b.stream(e)
	if err != nil {
		return err
	}
	var key any
	if e.Statement != "" {
		if k, ok := packID(string(e.Statement)); ok {
			key = k
		}
	}
	return b.exec(`INSERT INTO events (i, kind, rare, stream, id, doc) VALUES ($1, $2, $3, $4, $5, $6)`,
		e.Index, int64(kind), boolInt(isRare(e.Type)), stream, key, doc)
}

func (b *batch) capture(c onrecord.CaptureRef) (int64, error) {
	c.At = time.UnixMicro(c.At.UnixMicro()).UTC()
	if n := b.captures[c]; n != 0 {
		return n, nil
	}
	doc, err := marshal(c, b.name)
	if err != nil {
		return 0, err
	}
	if b.lastCapture == 0 {
		if err := b.row(`SELECT coalesce(max(n), 0) FROM captures`).Scan(&b.lastCapture); err != nil {
			return 0, err
		}
	}
	b.lastCapture++
	b.captures[c] = b.lastCapture
	return b.lastCapture, b.exec(`INSERT INTO captures (n, doc) VALUES ($1, $2)`, b.lastCapture, doc)
}

// flush writes what the batch has touched, and returns the next sidecar.
func (b *batch) flush() (*sidecar, error) {
	rows := slices.SortedFunc(maps.Values(b.statements), func(x, y *row) int {
		if x.r < y.r {
			return -1
		}
		return 1
	})
	changes := make(map[int64]change)
	for _, r := range rows {
		if err := b.write(r, changes); err != nil {
			return nil, err
		}
	}
	accounts := slices.SortedFunc(maps.Values(b.accounts), func(x, y *accountRow) int { return int(x.n - y.n) })
	for _, a := range accounts {
		doc, err := marshal(a.doc, b.name)
		if err != nil {
			return nil, err
		}
		err = b.exec(`INSERT INTO accounts (n, platform, id, doc) VALUES ($1, $2, $3, $4) ON CONFLICT (n) DO UPDATE SET doc = excluded.doc`,
			a.n, a.doc.Known.Platform, a.doc.Known.ID, doc)
		if err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.sources)) {
		doc, err := marshal(*b.sources[name], b.name)
		if err != nil {
			return nil, err
		}
		if err := b.exec(`INSERT OR REPLACE INTO sources (source, doc) VALUES ($1, $2)`, name, doc); err != nil {
			return nil, err
		}
	}
	return b.side.next(changes, accounts), nil
}

// write writes one statement and its children, and notes what changes in the
// sidecar.
func (b *batch) write(r *row, changes map[int64]change) error {
	k := &r.doc.Known
	doc, err := marshal(r.doc, b.name)
	if err != nil {
		return err
	}
	suspect := boolInt(k.Unsettled())
	due, sweep := b.f.dueOf(*k)
	checked, gone := checkedOf(*k)
	if r.fresh {
		err = b.exec(`INSERT INTO statements (r, id, account, ord, suspect, sweep, due, doc, checked, gone) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			r.r, r.key, r.account.n, orderKey(k.Order), suspect, sweep, due, doc, checked, gone)
	} else {
		err = b.exec(`UPDATE statements SET account = $2, ord = $3, suspect = $4, sweep = $5, due = $6, doc = $7, checked = $8, gone = $9 WHERE r = $1`,
			r.r, r.account.n, orderKey(k.Order), suspect, sweep, due, doc, checked, gone)
	}
	if err != nil {
		return err
	}
	if err := b.children(r); err != nil {
		return err
	}
	if err := b.changed(r); err != nil {
		return err
	}
	if r.fresh || r.hidden != r.doc.hidden() || !slices.Equal(r.versions, k.Versions) {
		if err := b.words(r); err != nil {
			return err
		}
	}
	return b.columns(r, changes)
}

// children writes the new versions and aliases of r.
func (b *batch) children(r *row) error {
	if r.doc.Known.Erased {
		clear(r.wordings)
		if err := b.exec(`DELETE FROM versions WHERE id = $1`, r.key); err != nil {
			return err
		}
		if err := b.exec(`DELETE FROM media WHERE id = $1`, r.key); err != nil {
			return err
		}
		if err := b.aliasIDs(r); err != nil {
			return err
		}
	}
	for _, v := range slices.Sorted(maps.Keys(r.wordings)) {
		doc, err := marshal(*r.wordings[v], b.name)
		if err != nil {
			return err
		}
		if err := b.exec(`INSERT OR IGNORE INTO versions (id, version, doc) VALUES ($1, $2, $3)`, r.key, versionKey(v), doc); err != nil {
			return err
		}
	}
	if len(r.doc.Known.Aliases) == r.aliases {
		return nil
	}
	for _, a := range r.doc.Known.Aliases {
		key, _ := packID(string(onrecord.NewStatementID(r.account.doc.Known.Platform, a)))
		if err := b.exec(`INSERT OR IGNORE INTO aliases (alias, id) VALUES ($1, $2)`, key, r.key); err != nil {
			return err
		}
	}
	return nil
}

// aliasIDs writes the ids under which an erased statement is observed, too.
func (b *batch) aliasIDs(r *row) error {
	for _, id := range r.doc.Known.Also {
		key, ok := packID(string(id))
		if !ok {
			continue
		}
		if err := b.exec(`INSERT OR IGNORE INTO aliases (alias, id) VALUES ($1, $2)`, key, r.key); err != nil {
			return err
		}
	}
	return nil
}

// versionKey is a version id as it is stored.
func versionKey(v onrecord.VersionID) []byte {
	b, err := hex.DecodeString(string(v))
	if err != nil || len(b) == 0 {
		return []byte(v)
	}
	return b
}

// boundary stands between texts in the index, so that no phrase reaches over
// it. It is no letter, so no query has it.
const boundary = " \uE000 "

// words writes the statement's text into the index, or takes it out.
func (b *batch) words(r *row) error {
	if r.doc.hidden() || len(r.doc.Known.Versions) == 0 {
		if r.fresh {
			return nil
		}
		return b.exec(`DELETE FROM words WHERE rowid = $1`, r.r)
	}
	var body strings.Builder
	for i, v := range r.doc.Known.Versions {
		w, err := b.wording(r, v)
		if err != nil {
			return err
		}
		if w == nil {
			continue
		}
		if i > 0 {
			body.WriteString(boundary)
		}
		for j, t := range texts(w.Content) {
			if j > 0 {
				body.WriteString(boundary)
			}
			body.WriteString(search.Fold(t))
		}
	}
	text := `INSERT INTO words (rowid, body) VALUES ($1, $2)`
	if !r.fresh {
		text = `INSERT OR REPLACE INTO words (rowid, body) VALUES ($1, $2)`
	}
	return b.exec(text, r.r, body.String())
}

// texts returns what of a wording is searched.
func texts(c onrecord.Content) []string {
	list := []string{c.Title, c.Text, c.Spoiler}
	for _, m := range c.Media {
		list = append(list, m.Alt)
	}
	list = append(list, c.Poll...)
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// wording returns one wording of r; nil where no event gave its content.
func (b *batch) wording(r *row, v onrecord.VersionID) (*wording, error) {
	if w := r.wordings[v]; w != nil || r.fresh {
		return w, nil
	}
	return readWording(b.row(`SELECT doc FROM versions WHERE id = $1 AND version = $2`, r.key, versionKey(v)), b.unname)
}

// columns writes what lists filter by, where it changed.
func (b *batch) columns(r *row, changes map[int64]change) error {
	i, ok := b.side.find(r.r)
	kind := ""
	switch {
	case r.doc.Known.Erased: // its wordings are gone, and its type with them
	case ok && r.version == r.doc.Known.Version:
		kind = types()[b.side.attrs[i].kind()]
	default:
		w, err := b.wording(r, r.doc.Known.Version)
		if err != nil {
			return err
		}
		if w != nil {
			kind = w.Content.Type
		}
	}
	c := change{attr: packAttr(r.account.n, kind, &r.doc), date: secondOf(r.doc.date())}
	if ok && b.side.attrs[i] == c.attr && b.side.second(r.r) == c.date {
		return nil
	}
	if r.fresh {
		r.account.statements++
	} else if r.owner != r.account.n {
		k := b.side.accounts[r.owner].doc.Known
		b.account(k.Platform, k.ID).statements--
		r.account.statements++
	}
	changes[r.r] = c
	var date any
	if c.date != r.r>>idBits {
		date = c.date
	}
	return b.exec(`INSERT OR REPLACE INTO columns (r, attr, date) VALUES ($1, $2, $3)`, r.r, int64(c.attr), date)
}

// meta moves the marks of the file.
func (b *batch) meta(next, gen int64, to *target) error {
	err := b.exec(`UPDATE meta SET v = CASE k WHEN 'next' THEN $1 WHEN 'gen' THEN $2 WHEN 'time' THEN max(v, $3) ELSE v END
		WHERE k IN ('next', 'gen', 'time')`, next, gen, b.lastSeen.UnixMicro())
	if err != nil || to == nil {
		return err
	}
	return b.exec(`UPDATE meta SET v = CASE k WHEN 'size' THEN $1 ELSE $2 END WHERE k IN ('size', 'root')`, to.size, to.root[:])
}
