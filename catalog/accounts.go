// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"onrecord"
)

// AccountsNamed returns the accounts of a platform that have name as their
// handle or stable id, or were observed under that handle before (Handles
// tells), by stable id.
func (c *Catalog) AccountsNamed(ctx context.Context, platform, name string) (list []onrecord.Account, err error) {
	err = c.view(ctx, func(v *view) error {
		for _, a := range v.side.accounts {
			if a == nil || a.doc.Known.Platform != platform || a.doc.Known.ID == "" {
				continue
			}
			if a.doc.Known.ID == name || onrecord.SameHandle(a.doc.handle(), name) ||
				slices.ContainsFunc(a.doc.Handles, func(h onrecord.Handle) bool { return onrecord.SameHandle(h.Handle, name) }) {
				list = append(list, a.view())
			}
		}
		slices.SortFunc(list, func(a, b onrecord.Account) int { return cmp.Compare(a.ID, b.ID) })
		return v.taken(list)
	})
	return list, err
}

// mostUnsure bounds how many unconfirmed statements AccountLost reads: those
// beyond count as unknown.
const mostUnsure = 2000

// AccountLost counts what went with an account that is suspended, closed or
// private; nothing of any other.
func (c *Catalog) AccountLost(ctx context.Context, platform, accountID string) (lost onrecord.Lost, err error) {
	err = c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil || a.doc.override() != stateGone {
			return nil
		}
		lost, err = v.lost(a)
		return err
	})
	return lost, err
}

func (v *view) lost(a *accountRow) (lost onrecord.Lost, err error) {
	unsure := false
	for _, one := range v.side.attrs {
		if one.account() != a.n || v.side.state(one) != stateGone {
			continue
		}
		if one.state() == stateUnsure {
			unsure = true
		}
		if one.state() == stateUnsure || one&attrSeen == 0 {
			lost.Unknown++
		} else {
			lost.Together++
		}
	}
	if unsure { // it may have been missed only after the account was last there
		err := v.eachKnown(a.n, func(k onrecord.Known) {
			s := onrecord.Statement{LastSeen: k.LastSeen, FirstGone: firstGone(&k), StateWindow: a.doc.Window}
			if k.State == onrecord.StateUnconfirmed && s.WasThere() {
				lost.Together, lost.Unknown = lost.Together+1, lost.Unknown-1
			}
		}, `SELECT account, doc FROM statements WHERE account = $1 AND suspect ORDER BY r DESC LIMIT $2`, a.n, mostUnsure)
		if err != nil {
			return lost, err
		}
	}
	by := a.doc.Window.By
	if by.IsZero() {
		by = a.doc.Known.Stated.At
	}
	err = v.row(`SELECT count(*) FROM changes WHERE what = $1 AND at <= $2 AND account = $3`, listDeleted, by.UnixMicro(), a.n).Scan(&lost.Deleted)
	if err != nil {
		return lost, fmt.Errorf("catalog: deletions of account %s: %w", a.doc.Known.ID, err)
	}
	return lost, nil
}

// Hearsay counts the statements of a figure that nobody here saw at their
// source, but for withheld ones.
func (c *Catalog) Hearsay(ctx context.Context, figure string) (h onrecord.Hearsay, err error) {
	err = c.view(ctx, func(v *view) error {
		h, err = v.hearsay(func(a *accountRow) bool { return a.doc.Figure == figure })
		return err
	})
	return h, err
}

// AccountHearsay is Hearsay for the statements of one account.
func (c *Catalog) AccountHearsay(ctx context.Context, platform, accountID string) (h onrecord.Hearsay, err error) {
	err = c.view(ctx, func(v *view) error {
		one := v.side.byKey[accountKey{platform, accountID}]
		h, err = v.hearsay(func(a *accountRow) bool { return a == one })
		return err
	})
	return h, err
}

func (v *view) hearsay(of func(a *accountRow) bool) (h onrecord.Hearsay, err error) {
	wanted := make([]bool, len(v.side.accounts))
	for n, a := range v.side.accounts {
		wanted[n] = a != nil && of(a)
	}
	for _, one := range v.side.attrs {
		switch {
		case !wanted[one.account()] || one&attrSeen != 0 || v.side.state(one) != stateLive:
		case one&attrImported != 0:
			h.Imported++
		default:
			h.Mirrored++
		}
	}
	err = v.each(func(scan func(...any) error) error {
		var account, n int64
		if err := scan(&account, &n); err != nil {
			return err
		}
		if account < int64(len(wanted)) && wanted[account] {
			h.Reported += n
		}
		return nil
	}, `SELECT account, count(*) FROM changes WHERE what = $1 GROUP BY account`, listReported)
	if err != nil {
		return h, fmt.Errorf("catalog: reported deletions by account: %w", err)
	}
	return h, nil
}

// accountTypes are the events that tell what became of an account.
func accountTypes() []onrecord.EventType {
	return []onrecord.EventType{
		onrecord.AccountIdentified, onrecord.AccountWasSuspended, onrecord.AccountWasClosed, onrecord.AccountWentPrivate, onrecord.AccountWasMoved,
		onrecord.AccountRenamed, onrecord.AccountRestored, onrecord.AccountIdentityChanged, onrecord.PlatformOffline, onrecord.PlatformOnline,
	}
}

// maxAccountEvents bounds what AccountEvents reads of one source: the latest.
const maxAccountEvents = 500

// AccountEvents returns what happened to an account, by time of observation,
// ties by ledger index; of more than 500 events of a source the last recorded.
// An outage of its platform, as its sources saw it, is among them.
func (c *Catalog) AccountEvents(ctx context.Context, platform, accountID string) (list []onrecord.Event, err error) {
	err = c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil {
			return nil
		}
		for _, source := range a.doc.Sources {
			events, _, err := v.eventsAt(maxIndex, true, onrecord.EventFilter{Types: accountTypes(), Source: source}, maxAccountEvents)
			if err != nil {
				return err
			}
			for _, e := range events {
				if e.Account.ID == accountID || e.Account.ID == "" {
					list = append(list, e)
				}
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b onrecord.Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Index, b.Index)) })
	return list, err
}
