// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"onrecord"
)

// daySeconds is the length of a UTC day; leap seconds have no number.
const daySeconds = 24 * 60 * 60

// dayOf returns the day of t, in days since 1970.
func dayOf(t time.Time) int64 {
	s := t.Unix()
	d := s / daySeconds
	if s%daySeconds < 0 {
		d--
	}
	return d
}

// lookedIn marks the hours of a look from its first moment to its last, both
// of which belong to it.
func (b *batch) lookedIn(source string, from, until time.Time) error {
	if until.Before(from) {
		until = from
	}
	last := dayOf(until)
	for day := dayOf(from); day <= last; day++ {
		first, end := 0, 23
		if day == dayOf(from) {
			first = from.UTC().Hour()
		}
		if day == last {
			end = until.UTC().Hour()
		}
		hours := uint32(1)<<(end+1) - uint32(1)<<first
		err := b.exec(`INSERT INTO days (source, day, hours) VALUES ($1, $2, $3)
			ON CONFLICT DO UPDATE SET hours = hours | excluded.hours`, source, day, hours)
		if err != nil {
			return err
		}
	}
	return nil
}

// Days returns the coverage by days of the sources that f lets through, by
// name. Acts of the operator (source "archive") look at nothing.
func (c *Catalog) Days(ctx context.Context, f onrecord.DaysFilter) (list []onrecord.SourceDays, err error) {
	err = c.view(ctx, func(v *view) error {
		list, err = v.sourcesOf(f)
		for i := range list {
			if err == nil {
				err = v.fillDays(&list[i], f)
			}
		}
		return err
	})
	return list, err
}

// sourcesOf lists the sources that f asks for.
func (v *view) sourcesOf(f onrecord.DaysFilter) ([]onrecord.SourceDays, error) {
	var list []onrecord.SourceDays
	err := v.each(func(scan func(...any) error) error {
		var doc []byte
		if err := scan(&doc); err != nil {
			return err
		}
		var s source
		if err := unmarshal(doc, &s, v.name); err != nil {
			return err
		}
		if f.Figure != "" && s.Figure != f.Figure || f.Platform != "" && s.Account.Platform != f.Platform || f.AccountID != "" && s.Account.ID != f.AccountID {
			return nil
		}
		list = append(list, onrecord.SourceDays{Source: s.Known.Source, Figure: s.Figure, Account: s.Account})
		return nil
	}, `SELECT doc FROM sources WHERE source <> 'archive' AND ($1 = '' OR source = $1) ORDER BY source`, f.Source)
	return list, err
}

func (v *view) fillDays(s *onrecord.SourceDays, f onrecord.DaysFilter) error {
	var since *int64
	err := v.row(`SELECT min(since) FROM spans WHERE source = $1`, s.Source).Scan(&since)
	if err != nil {
		return fmt.Errorf("catalog: days of %s: %w", s.Source, err)
	}
	if since != nil {
		s.First = time.UnixMicro(*since).UTC()
	}
	if s.Last, err = v.lastLook(s.Source); err != nil {
		return err
	}
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	if !f.Since.IsZero() {
		lo = dayOf(f.Since)
	}
	if !f.Until.IsZero() {
		hi = dayOf(f.Until.Add(-time.Microsecond))
	}
	err = v.each(func(scan func(...any) error) error {
		var day int64
		var d onrecord.Day
		err := scan(&day, &d.Hours)
		d.Date = time.Unix(day*daySeconds, 0).UTC()
		s.Days = append(s.Days, d)
		return err
	}, `SELECT day, hours FROM days WHERE source = $1 AND day BETWEEN $2 AND $3 ORDER BY day`, s.Source, lo, hi)
	if err != nil {
		return err
	}
	s.Gaps, err = v.spans(spanQuery{f: onrecord.CoverageFilter{Source: s.Source, Since: f.Since, Until: f.Until, Gaps: true}, limit: -1})
	return err
}

// lastLook returns the end of the last look, of those that began last.
func (v *view) lastLook(source string) (time.Time, error) {
	var until *int64
	err := v.row(`SELECT max(until) FROM (SELECT until FROM spans WHERE source = $1 AND gap = '' ORDER BY since DESC LIMIT 20)`, source).Scan(&until)
	if err != nil || until == nil {
		return time.Time{}, err
	}
	return time.UnixMicro(*until).UTC(), nil
}

// operator is the built-in source of the acts of the operator (record.md 1.12).
const operator = "archive"

// maxHandles bounds the names that are kept of one account.
const maxHandles = 500

// maxSources bounds the sources that are kept of one account.
const maxSources = 200

// called notes the name under which e shows the account, and the source.
func (a *account) called(e onrecord.Event) {
	if i, ok := slices.BinarySearch(a.Sources, e.Source); !ok && e.Source != "" && e.Source != operator && len(a.Sources) < maxSources {
		a.Sources = slices.Insert(slices.Clone(a.Sources), i, e.Source)
	}
	name := e.Account.Handle
	if name == "" || e.Account.ID != a.Known.ID {
		return
	}
	i, ok := slices.BinarySearchFunc(a.Handles, name, func(h onrecord.Handle, name string) int { return cmp.Compare(h.Handle, name) })
	if !ok {
		if len(a.Handles) < maxHandles {
			a.Handles = slices.Insert(slices.Clone(a.Handles), i, onrecord.Handle{Handle: name, First: e.At, Last: e.At})
		}
		return
	}
	h := a.Handles[i]
	if e.At.Before(h.First) || e.At.After(h.Last) {
		a.Handles = slices.Clone(a.Handles) // readers have the old ones
		if e.At.Before(h.First) {
			a.Handles[i].First = e.At
		}
		a.Handles[i].Last = later(h.Last, e.At)
	}
}

// handle returns the account's present handle: as the latest event of the
// account names it; where there is none, as in an import, as it was observed
// last.
func (a *account) handle() string {
	if a.Known.Handle != "" {
		return a.Known.Handle
	}
	var last onrecord.Handle
	for _, h := range a.Handles {
		if last.Handle == "" || h.Last.After(last.Last) {
			last = h
		}
	}
	return last.Handle
}

// handles returns names in the order in which they were observed.
func handles(list []onrecord.Handle) []onrecord.Handle {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b onrecord.Handle) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Handle, b.Handle))
	})
	return list
}
