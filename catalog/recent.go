// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"errors"

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
