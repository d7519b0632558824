// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"onrecord"
)

// When a statement is due for another look follows from what is known of it and
// from the plan of the configuration, of which the record knows nothing. It is
// kept as a column, so that the few that are due are found among 10^5 by an
// index, and is made anew when the plan is another.

// KnownDue calls yield for the statements of an account that are due at now, by
// what is applied: those that are new enough to have a plan of their own before
// those of the slow sweep, each oldest due first, until yield returns false.
// What the open runs of the source say is not applied yet.
func (c *Catalog) KnownDue(ctx context.Context, platform, accountID string, now time.Time, yield func(onrecord.Known) bool) error {
	return c.view(ctx, func(v *view) error {
		a := v.side.byKey[accountKey{platform, accountID}]
		if a == nil {
			return nil
		}
		for sweep := range 2 {
			err := v.someKnown(a.n, func(k onrecord.Known) error {
				if !yield(k) {
					return errEnough
				}
				return nil
			}, `SELECT account, doc FROM statements WHERE account = $1 AND sweep = $2 AND due <= $3 ORDER BY due`, a.n, sweep, now.Unix())
			if errors.Is(err, errEnough) {
				return nil
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// errEnough ends a query whose rest nobody wants.
var errEnough = errors.New("enough")

// dueOf returns the columns due and sweep of a statement.
func (f *file) dueOf(k onrecord.Known) (due any, sweep int64) {
	if f.due == nil {
		return nil, 0
	}
	at, slow := f.due(k)
	if at.IsZero() {
		return nil, 0
	}
	return at.Unix(), int64(boolInt(slow))
}

// plan makes the column due by the plan of that name, unless it is so.
func (f *file) plan(ctx context.Context, name string) (err error) {
	var have string
	if err := f.write.QueryRowContext(ctx, `SELECT v FROM meta WHERE k = 'plan'`).Scan(&have); err != nil {
		return unreadable(err)
	}
	if have == name {
		return nil
	}
	if _, err := f.write.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return fmt.Errorf("plan of re-checks: %w", err)
	}
	defer func() {
		if err == nil {
			return
		}
		err = f.rollBack(ctx, err)
	}()
	for last, n := int64(math.MinInt64), 1; n > 0; {
		if last, n, err = f.planSome(ctx, last); err != nil {
			return fmt.Errorf("plan of re-checks: %w", err)
		}
	}
	if _, err := f.write.ExecContext(ctx, `UPDATE meta SET v = $1 WHERE k = 'plan'`, name); err != nil {
		return fmt.Errorf("plan of re-checks: %w", err)
	}
	if _, err := f.write.ExecContext(context.WithoutCancel(ctx), `COMMIT`); err != nil {
		return fmt.Errorf("plan of re-checks: %w", err)
	}
	return nil
}

// A planned is a statement's place in the plan.
type planned struct {
	r     int64
	due   any
	sweep int64
}

// planSome makes the column of the next thousand statements behind the row
// last, and returns the last of them, and how many there were.
func (f *file) planSome(ctx context.Context, last int64) (int64, int, error) {
	rows, err := f.write.QueryContext(ctx, `SELECT r, doc FROM statements WHERE r > $1 ORDER BY r LIMIT 1000`, last)
	if err != nil {
		return last, 0, err
	}
	defer rows.Close()
	var list []planned
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&last, &doc); err != nil {
			return last, 0, err
		}
		var r record
		if err := unmarshal(doc, &r, f.known); err != nil {
			return last, 0, err
		}
		due, sweep := f.dueOf(r.Known)
		list = append(list, planned{last, due, sweep})
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return last, 0, err
	}
	for _, c := range list {
		if _, err := f.write.ExecContext(ctx, `UPDATE statements SET sweep = $2, due = $3 WHERE r = $1`, c.r, c.sweep, c.due); err != nil {
			return last, 0, err
		}
	}
	return last, len(list), nil
}

// known is the unnamer of a file that was just opened: it has read all names.
func (f *file) known(n uint64) (string, error) {
	s, ok := f.names.textOf(n)
	if !ok {
		return "", fmt.Errorf("name %d: %w", n, ErrRebuild)
	}
	return s, nil
}
