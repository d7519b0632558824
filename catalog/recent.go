// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"

	"onrecord"
)

// KnownRecent returns what is known of the n newest statements of an account
// that are not suspect: those among which a canary is found.
func (c *Catalog) KnownRecent(ctx context.Context, platform, accountID string, n int) ([]onrecord.Known, error) {
	var list []onrecord.Known
	err := c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil {
			return nil
		}
		return v.eachKnown(a.n, func(k onrecord.Known) { list = append(list, k) },
			`SELECT account, doc FROM statements WHERE account = $1 AND NOT suspect ORDER BY r DESC LIMIT $2`, a.n, n)
	})
	return list, err
}
