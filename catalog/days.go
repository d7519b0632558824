// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"errors"
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

// identity opens a gap where another account answered to the handle, and takes
// back that the visit that met it was a look; it closes the gap once somebody
// has said whose the handle is.
func (b *batch) identity(e onrecord.Event, v Visit) error {
	if e.Type != onrecord.AccountIdentityChanged && e.Type != onrecord.AccountIdentified || e.Source == "" {
		return nil
	}
	s, err := b.source(e.Source)
	if err != nil {
		return err
	}
	if !s.Known.IdentityChanged {
		return b.exec(`UPDATE spans SET until = max(since, $1) WHERE source = $2 AND gap = $3 AND until IS NULL`, e.At.UnixMicro(), e.Source, identityGap)
	}
	if e.Type != onrecord.AccountIdentityChanged {
		return nil
	}
	if v.Source == e.Source && !v.Started.IsZero() {
		if err := b.notLooked(v); err != nil {
			return err
		}
	}
	return b.span(e.Source, e.At, identityGap, "", e.Figure, time.Time{}, 0, e.Index)
}

// identityGap is the reason of a gap that no event opens: it follows from
// account.identity_changed.
const identityGap = "identity"

// notLooked takes back a visit: its span, and its hours but for those in which
// there was another.
func (b *batch) notLooked(v Visit) error {
	if err := b.exec(`DELETE FROM spans WHERE source = $1 AND since = $2 AND gap = '' AND door = $3 AND visits = 1`, v.Source, v.Started.UnixMicro(), v.Door); err != nil {
		return err
	}
	for day := dayOf(v.Started); day <= dayOf(v.Ended); day++ {
		err := b.exec(`UPDATE days SET hours = (
			SELECT coalesce(sum(1 << h.key), 0) FROM json_each('[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]') AS h
			WHERE EXISTS (SELECT 1 FROM spans WHERE source = days.source AND gap = ''
				AND since / 3600000000 <= 24 * days.day + h.key AND max(since, until) / 3600000000 >= 24 * days.day + h.key)
		) WHERE source = $1 AND day = $2`, v.Source, day)
		if err != nil {
			return err
		}
	}
	return b.exec(`DELETE FROM days WHERE source = $1 AND hours = 0`, v.Source)
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
	text, name := `SELECT doc FROM sources WHERE source <> 'archive' AND source > $1 ORDER BY source`, f.After
	if f.Source != "" {
		if f.Source <= f.After {
			return nil, nil
		}
		text, name = `SELECT doc FROM sources WHERE source <> 'archive' AND source = $1`, f.Source
	}
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
		if len(list) == f.Limit {
			return errFull
		}
		return nil
	}, text, name)
	if errors.Is(err, errFull) {
		err = nil
	}
	return list, err
}

// errFull ends a walk over rows that has found enough.
var errFull = errors.New("full")

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
	s.Gaps, err = v.gapsByDay(s.Source, s.Figure, f)
	return err
}

// gapsByDay returns the gaps of a source, of which those of one reason that
// touch the same days are one: of a source that fails every hour there are as
// many as days.
func (v *view) gapsByDay(source, figure string, f onrecord.DaysFilter) ([]onrecord.Coverage, error) {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	if !f.Since.IsZero() {
		lo = f.Since.UnixMicro()
	}
	if !f.Until.IsZero() {
		hi = f.Until.UnixMicro()
	}
	var list []onrecord.Coverage
	err := v.each(func(scan func(...any) error) error {
		g := onrecord.Coverage{Source: source, Figure: figure, Status: "gap"}
		var since int64
		var until *int64
		if err := scan(&g.Reason, &since, &until, &g.Index); err != nil {
			return err
		}
		g.From = time.UnixMicro(since).UTC()
		if until != nil {
			g.Until = time.UnixMicro(*until).UTC()
		}
		list = append(list, g)
		return nil
	}, `SELECT gap, min(since), max(until), min(i) FROM spans
		WHERE source = $1 AND gap <> '' AND since < $2 AND (until IS NULL OR until >= $3)
		GROUP BY gap, since / 86400000000, max(since, until - 1) / 86400000000 ORDER BY 2, gap`, source, hi, lo)
	return list, err
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
	if name == "" || e.Account.ID != a.Known.ID || !answered(e) {
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
