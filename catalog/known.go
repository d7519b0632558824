// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"onrecord"
)

// Known returns what is known of the statements that have one of ids, as their
// own or as an alias, by their own id. They are of any account of the platform
// (onrecord.Known.Account), whoever asks: one article may stand in two feeds.
func (c *Catalog) Known(ctx context.Context, _, _ string, ids []onrecord.StatementID) (map[onrecord.StatementID]onrecord.Known, error) {
	found := make(map[onrecord.StatementID]onrecord.Known, len(ids))
	err := c.view(ctx, func(v *view) error {
		keys := make([]string, 0, len(ids))
		for _, id := range ids {
			key, ok := packID(string(id))
			if !ok {
				return fmt.Errorf("catalog: statement id %.40q is none", id)
			}
			keys = append(keys, hex.EncodeToString(key))
		}
		list, err := json.Marshal(keys)
		if err != nil {
			return err
		}
		return v.eachKnown(anyAccount, func(k onrecord.Known) { found[k.Statement] = k },
			`WITH wanted (id) AS MATERIALIZED (SELECT unhex(value) FROM json_each($1))
			SELECT s.account, s.doc FROM wanted AS w CROSS JOIN statements AS s ON s.id = w.id
			UNION ALL SELECT s.account, s.doc FROM wanted AS w CROSS JOIN aliases AS a ON a.alias = w.id CROSS JOIN statements AS s ON s.id = a.id`, string(list))
	})
	return found, err
}

// KnownRange returns what is known of the statements of an account whose order
// key lies in r, in that order.
func (c *Catalog) KnownRange(ctx context.Context, platform, accountID string, r onrecord.Range) ([]onrecord.Known, error) {
	var list []onrecord.Known
	err := c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil || r.IsZero() {
			return nil
		}
		text, args := rangeQuery(`SELECT account, doc FROM statements`, a.n, r)
		return v.eachKnown(a.n, func(k onrecord.Known) {
			if r.Contains(k.Order) {
				list = append(list, k)
			}
		}, text, args...)
	})
	return list, err
}

// Suspects returns the statements of an account that were found absent or gone
// and are to be looked at again (onrecord.Known.Unsettled), oldest first: a
// deletion that was confirmed twice is one until it was seen a day later.
func (c *Catalog) Suspects(ctx context.Context, platform, accountID string) ([]onrecord.Known, error) {
	var list []onrecord.Known
	err := c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil {
			return nil
		}
		return v.eachKnown(a.n, func(k onrecord.Known) { list = append(list, k) },
			`SELECT account, doc FROM statements WHERE account = $1 AND suspect ORDER BY r`, a.n)
	})
	return list, err
}

// anyAccount is the number of no account.
const anyAccount = -1

// eachKnown calls fn for the statements of an account, or of any, among the
// rows (account, doc) of a query.
func (v *view) eachKnown(account int64, fn func(onrecord.Known), text string, args ...any) error {
	return v.someKnown(account, func(k onrecord.Known) error { fn(k); return nil }, text, args...)
}

// someKnown is eachKnown until fn returns an error.
func (v *view) someKnown(account int64, fn func(onrecord.Known) error, text string, args ...any) error {
	return v.each(func(scan func(...any) error) error {
		var n int64
		var doc []byte
		if err := scan(&n, &doc); err != nil {
			return err
		}
		if account != anyAccount && n != account {
			return nil
		}
		var r record
		if err := unmarshal(doc, &r, v.name); err != nil {
			return err
		}
		return fn(r.Known)
	}, text, args...)
}
