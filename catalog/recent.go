// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"errors"
	"time"

	"onrecord"
)

// maxRecent bounds how many statements are read to find recent ones.
const maxRecent = 512

// KnownRecent returns what is known of the n newest statements of an account
// that are neither suspect nor deleted: those among which a canary is found. It
// looks at the newest few hundred only.
func (c *Catalog) KnownRecent(ctx context.Context, platform, accountID string, n int) ([]onrecord.Known, error) {
	var list []onrecord.Known
	err := c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil {
			return nil
		}
		err := v.someKnown(a.n, func(k onrecord.Known) error {
			if !k.Suspect() {
				list = append(list, k)
			}
			if len(list) >= n {
				return errEnough
			}
			return nil
		}, `SELECT account, doc FROM statements WHERE account = $1 AND NOT suspect ORDER BY r DESC LIMIT $2`, a.n, maxRecent)
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
	return list, err
}

// KnownLooked returns how many statements of an account were looked at since a
// time (onrecord.Known.Checked), and what is known of all that their own
// addresses alone call gone, whenever that was found (onrecord.Known.OwnGone).
func (c *Catalog) KnownLooked(ctx context.Context, platform, accountID string, since time.Time) (n int, gone []onrecord.Known, err error) {
	err = c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil {
			return nil
		}
		err := v.each(func(scan func(...any) error) error { return scan(&n) },
			`SELECT count(*) FROM statements WHERE account = $1 AND checked >= $2`, a.n, since.Unix())
		if err != nil {
			return err
		}
		return v.eachKnown(a.n, func(k onrecord.Known) { gone = append(gone, k) },
			`SELECT account, doc FROM statements WHERE account = $1 AND gone ORDER BY r`, a.n)
	})
	return n, gone, err
}

// checkedOf returns the columns checked and gone of a statement.
func checkedOf(k onrecord.Known) (checked any, gone int64) {
	if !k.Checked.IsZero() {
		checked = k.Checked.Unix()
	}
	return checked, int64(boolInt(k.OwnGone()))
}
