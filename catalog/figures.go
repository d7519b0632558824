// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"onrecord"
)

// Figures returns the figures that are configured or have an account, by slug.
func (c *Catalog) Figures(ctx context.Context) (list []onrecord.Figure, err error) {
	err = c.view(ctx, func(v *view) error {
		list = v.figures()
		return nil
	})
	return list, err
}

// Figure returns one figure; onrecord.ErrNotFound if there is none.
func (c *Catalog) Figure(ctx context.Context, slug string) (onrecord.Figure, error) {
	var f onrecord.Figure
	err := c.view(ctx, func(v *view) error {
		list := v.figures()
		i := slices.IndexFunc(list, func(f onrecord.Figure) bool { return f.Slug == slug })
		if i < 0 {
			return fmt.Errorf("figure %.80q: %w", slug, onrecord.ErrNotFound)
		}
		f = list[i]
		return v.taken(f.Accounts)
	})
	if err != nil {
		return onrecord.Figure{}, err
	}
	return f, nil
}

// taken notes of accounts whether another account answers to the handle by which
// a source visits them.
func (v *view) taken(list []onrecord.Account) error {
	for i, a := range list {
		for _, name := range a.Sources {
			var doc []byte
			err := v.row(`SELECT doc FROM sources WHERE source = $1`, name).Scan(&doc)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return fmt.Errorf("catalog: source %s: %w", name, err)
			}
			var s source
			if err := unmarshal(doc, &s, v.name); err != nil {
				return fmt.Errorf("catalog: source %s: %w", name, err)
			}
			if s.Known.IdentityChanged && s.Account.Platform == a.Platform && s.Account.ID == a.ID {
				list[i].Taken = true
			}
		}
	}
	return nil
}

func (v *view) figures() []onrecord.Figure {
	by := map[string]*onrecord.Figure{}
	get := func(slug string) *onrecord.Figure {
		if by[slug] == nil {
			by[slug] = &onrecord.Figure{FigureRef: v.c.figure(slug)}
		}
		return by[slug]
	}
	for slug := range v.c.o.Figures {
		get(slug)
	}
	for _, a := range v.side.accounts {
		if a == nil || a.doc.Figure == "" || a.doc.Known.ID == "" {
			continue
		}
		f := get(a.doc.Figure)
		f.Accounts = append(f.Accounts, a.view())
		f.Statements += a.statements
		f.LastCapture = later(f.LastCapture, a.doc.Looked)
	}
	list := make([]onrecord.Figure, 0, len(by))
	for _, f := range by {
		slices.SortFunc(f.Accounts, func(a, b onrecord.Account) int {
			return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.ID, b.ID))
		})
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b onrecord.Figure) int { return cmp.Compare(a.Slug, b.Slug) })
	return list
}

// view is what a reader is shown of an account.
func (a *accountRow) view() onrecord.Account {
	k := a.doc.Known
	out := onrecord.Account{
		AccountRef: onrecord.AccountRef{Platform: k.Platform, ID: k.ID, Handle: a.doc.handle(), Name: k.Name},
		Figure:     a.doc.Figure, State: cmp.Or(k.State, onrecord.AccountUnknown), Statements: a.statements,
		Since: a.doc.Since, LastLooked: a.doc.Looked, Handles: handles(a.doc.Handles), Sources: a.doc.Sources,
	}
	out.URL = onrecord.AccountURL(out.AccountRef)
	if a.doc.Offline {
		out.IsOffline, out.Offline = true, a.doc.Off
	}
	if out.State == onrecord.AccountMoved {
		out.MovedTo = a.doc.MovedTo
	}
	if out.State != onrecord.AccountLive && out.State != onrecord.AccountUnknown {
		out.Window, out.Code = a.doc.Window, a.doc.Code
	}
	return out
}

// KnownAccount returns what is known of an account; one never heard of has the
// state unknown.
func (c *Catalog) KnownAccount(ctx context.Context, platform, accountID string) (k onrecord.KnownAccount, err error) {
	err = c.view(ctx, func(v *view) error {
		k = onrecord.KnownAccount{Platform: platform, ID: accountID, State: onrecord.AccountUnknown}
		if a := v.side.byKey[accountKey{platform, accountID}]; a != nil {
			k = a.doc.Known.Clone()
			k.State = cmp.Or(k.State, onrecord.AccountUnknown)
		}
		return nil
	})
	return k, err
}

// KnownSource returns what the journal says of a source; what only its state
// register knows is left zero.
func (c *Catalog) KnownSource(ctx context.Context, name string) (k onrecord.KnownSource, err error) {
	err = c.view(ctx, func(v *view) error {
		s, err := v.source(name)
		k = s.Known
		return err
	})
	return k, err
}

// source returns the row of a source; of one that is not known, its name.
func (v *view) source(name string) (s source, err error) {
	s.Known.Source = name
	var doc []byte
	err = v.row(`SELECT doc FROM sources WHERE source = $1`, name).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("catalog: source %s: %w", name, err)
	}
	return s, unmarshal(doc, &s, v.name)
}
