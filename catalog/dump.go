// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"onrecord"
)

// Dump writes the tables in a canonical form, a line a row: two catalogs of
// the same events dump the same bytes. What depends on the order of commit is
// left out: rowids, numbers of accounts, names and captures, and ledger
// indexes.
func (c *Catalog) Dump(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	err := c.view(ctx, func(v *view) error {
		d := dumper{v: v, ids: map[int64]string{}}
		for _, part := range []func() error{d.statements, d.accounts, d.sources, d.versions, d.aliases, d.events, d.spans, d.bounds, d.days, d.changes, d.media, d.lost, d.terms} {
			if err := part(); err != nil {
				return err
			}
			slices.Sort(d.lines)
			for _, l := range d.lines {
				out.WriteString(l)
				out.WriteByte('\n')
			}
			d.lines = d.lines[:0]
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

type dumper struct {
	v     *view
	ids   map[int64]string // by rowid
	lines []string
}

// line adds a row: its table, and values as JSON without what depends on the
// order of commit.
func (d *dumper) line(table string, values ...any) error {
	var b strings.Builder
	b.WriteString(table)
	for _, v := range values {
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		var plain any
		if err := json.Unmarshal(raw, &plain); err != nil {
			return err
		}
		raw, err = json.Marshal(timeless(plain))
		if err != nil {
			return err
		}
		b.WriteByte(' ')
		b.Write(raw)
	}
	d.lines = append(d.lines, b.String())
	return nil
}

// timeless removes the members that hold ledger indexes.
func timeless(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range []string{"Index", "FirstIndex", "Prev", "prev", "index"} {
			delete(v, k)
		}
		for k, m := range v {
			v[k] = timeless(m)
		}
	case []any:
		for i, m := range v {
			v[i] = timeless(m)
		}
	}
	return v
}

func (d *dumper) statements() error {
	return d.v.each(func(scan func(...any) error) error {
		var r, n, suspect, at int64
		var key, ord, doc []byte
		var date *int64
		if err := scan(&r, &key, &n, &ord, &suspect, &doc, &at, &date); err != nil {
			return err
		}
		var rec record
		if err := unmarshal(doc, &rec, d.v.name); err != nil {
			return err
		}
		d.ids[r] = unpackID(key)
		sec := r >> idBits
		if date != nil {
			sec = *date
		}
		a := d.v.side.accounts[n].doc.Known
		return d.line("statement", d.ids[r], a.Platform, a.ID, hex.EncodeToString(ord), suspect, sec, at&(1<<accountShift-1), rec)
	}, `SELECT s.r, s.id, s.account, s.ord, s.suspect, s.doc, c.attr, c.date FROM statements AS s JOIN columns AS c ON c.r = s.r`)
}

func (d *dumper) accounts() error {
	for _, a := range d.v.side.accounts {
		if a == nil {
			continue
		}
		if err := d.line("account", a.doc, a.statements); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumper) sources() error {
	return d.v.each(func(scan func(...any) error) error {
		var name string
		var doc []byte
		var s source
		if err := scan(&name, &doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &s, d.v.name); err != nil {
			return err
		}
		return d.line("source", name, s)
	}, `SELECT source, doc FROM sources`)
}

func (d *dumper) versions() error {
	return d.v.each(func(scan func(...any) error) error {
		var key, version, doc []byte
		var w wording
		if err := scan(&key, &version, &doc); err != nil {
			return err
		}
		if err := unmarshal(doc, &w, d.v.name); err != nil {
			return err
		}
		return d.line("version", unpackID(key), hex.EncodeToString(version), w)
	}, `SELECT id, version, doc FROM versions`)
}

func (d *dumper) aliases() error {
	return d.v.each(func(scan func(...any) error) error {
		var alias, key []byte
		if err := scan(&alias, &key); err != nil {
			return err
		}
		return d.line("alias", unpackID(alias), unpackID(key))
	}, `SELECT alias, id FROM aliases`)
}

func (d *dumper) events() error {
	var docs [][]byte
	err := d.v.each(func(scan func(...any) error) error {
		var doc []byte
		err := scan(&doc)
		docs = append(docs, doc)
		return err
	}, `SELECT doc FROM events`)
	if err != nil {
		return err
	}
	for _, doc := range docs {
		e, err := d.v.event(doc)
		if err != nil {
			return err
		}
		e.Visit = onrecord.VisitID{}
		if err := d.line("event", e); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumper) spans() error {
	return d.v.each(func(scan func(...any) error) error {
		var source, gap, door, figure string
		var since, visits int64
		var until *int64
		if err := scan(&source, &since, &gap, &door, &figure, &until, &visits); err != nil {
			return err
		}
		return d.line("span", source, since, gap, door, figure, until, visits)
	}, `SELECT source, since, gap, door, figure, until, visits FROM spans`)
}

func (d *dumper) bounds() error {
	return d.v.each(func(scan func(...any) error) error {
		var n int64
		var ord []byte
		if err := scan(&n, &ord); err != nil {
			return err
		}
		a := d.v.side.accounts[n].doc.Known
		return d.line("bound", a.Platform, a.ID, hex.EncodeToString(ord))
	}, `SELECT account, ord FROM bounds`)
}

func (d *dumper) lost() error {
	l, err := readLosses(d.v.each)
	if err != nil {
		return err
	}
	for _, one := range l.lost {
		if err := d.line("lost", one.Visit, one.To-one.From, one.Source, one.Act, l.gaveUp(one) >= 0); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumper) days() error {
	return d.v.each(func(scan func(...any) error) error {
		var source string
		var day, hours int64
		if err := scan(&source, &day, &hours); err != nil {
			return err
		}
		return d.line("day", source, day, hours)
	}, `SELECT source, day, hours FROM days`)
}

func (d *dumper) changes() error {
	return d.v.each(func(scan func(...any) error) error {
		var what, at, n int64
		var key []byte
		var least, most *int64
		if err := scan(&what, &at, &key, &n, &least, &most); err != nil {
			return err
		}
		a := d.v.side.accounts[n].doc.Known
		return d.line("change", what, at, unpackID(key), a.Platform, a.ID, least, most)
	}, `SELECT what, at, id, account, least, most FROM changes`)
}

// terms writes the index as it is: each token with its place.
func (d *dumper) terms() error {
	return d.v.each(func(scan func(...any) error) error {
		var term string
		var r, offset int64
		if err := scan(&term, &r, &offset); err != nil {
			return err
		}
		id, ok := d.ids[r]
		if !ok {
			return fmt.Errorf("the index has row %d, which is no statement: %w", r, ErrRebuild)
		}
		d.lines = append(d.lines, fmt.Sprintf("term %s %05d %s", id, offset, term))
		return nil
	}, `SELECT term, doc, offset FROM terms`)
}
