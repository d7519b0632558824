// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"onrecord"
	"onrecord/search"
)

func (m *memory) AccountsNamed(_ context.Context, platform, name string) ([]onrecord.Account, error) {
	var list []onrecord.Account
	for _, f := range m.figures {
		for _, a := range f.Accounts {
			a.Figure = f.Slug
			named := a.ID == name || onrecord.SameHandle(a.Handle, name) || slices.ContainsFunc(a.Handles, func(h onrecord.Handle) bool { return onrecord.SameHandle(h.Handle, name) })
			if a.Platform == platform && named {
				list = append(list, a)
			}
		}
	}
	return list, nil
}

func (m *memory) AccountEvents(_ context.Context, platform, id string) ([]onrecord.Event, error) {
	return slices.DeleteFunc(slices.Clone(m.events), func(e onrecord.Event) bool {
		return e.Account.Platform != platform || e.Account.ID != id || strings.HasPrefix(string(e.Type), "statement.")
	}), nil
}

func (m *memory) AccountLost(_ context.Context, platform, _ string) (lost onrecord.Lost, err error) {
	for _, st := range m.statements { // an account a platform is enough here
		switch {
		case st.Platform != platform:
		case st.State == onrecord.StateGoneWithAccount && st.WasThere():
			lost.Together++
		case st.State == onrecord.StateGoneWithAccount:
			lost.Unknown++
		case st.State == onrecord.StateDeleted && st.Grade != onrecord.GradeD0:
			lost.Deleted++
		}
	}
	return lost, nil
}

func (m *memory) Hearsay(_ context.Context, figure string) (onrecord.Hearsay, error) {
	return m.hearsay(func(st onrecord.Statement) bool { return st.Figure.Slug == figure }), nil
}

func (m *memory) AccountHearsay(_ context.Context, platform, _ string) (onrecord.Hearsay, error) {
	return m.hearsay(func(st onrecord.Statement) bool { return st.Platform == platform }), nil
}

func (m *memory) hearsay(of func(st onrecord.Statement) bool) (h onrecord.Hearsay) {
	for _, st := range m.statements {
		switch {
		case !of(st) || !st.LastSeen.IsZero():
		case st.State == onrecord.StateDeleted && st.Grade == onrecord.GradeD0:
			h.Reported++
		case st.State == onrecord.StateLive && st.Provenance == onrecord.Imported:
			h.Imported++
		case st.State == onrecord.StateLive && st.Provenance == onrecord.Mirrored:
			h.Mirrored++
		}
	}
	return h
}

func (m *memory) EventsBefore(_ context.Context, before int64, f onrecord.EventFilter, limit int) ([]onrecord.Event, int64, error) {
	all, _, err := m.Events(context.Background(), 0, f, 1<<30)
	slices.Reverse(all)
	if before > 0 {
		all = slices.DeleteFunc(all, func(e onrecord.Event) bool { return e.Index >= before })
	}
	if len(all) <= limit {
		return all, 0, err
	}
	return all[:limit], all[limit-1].Index, err
}

// Changes lists by the time of the change. Its cursors are offsets: "n" and a
// number.
func (m *memory) Changes(_ context.Context, f onrecord.ChangeFilter) (onrecord.Changes, error) {
	var page onrecord.Changes
	figures, platforms := map[string]int64{}, map[string]int64{}
	var list []onrecord.Statement
	var least, most []time.Duration
	for _, st := range m.statements {
		reported := st.Reported != "" || st.Grade == onrecord.GradeD0
		ok := map[onrecord.ChangeKind]bool{
			onrecord.ChangeDeleted:  st.State == onrecord.StateDeleted && !reported,
			onrecord.ChangeReported: st.State == onrecord.StateDeleted && reported,
			onrecord.ChangeEdited:   st.Edited,
		}[f.Kind]
		if !ok {
			continue
		}
		ofFigure := len(f.Figures) == 0 || slices.Contains(f.Figures, st.Figure.Slug)
		ofPlatform := len(f.Platforms) == 0 || slices.Contains(f.Platforms, st.Platform)
		if ofPlatform {
			figures[st.Figure.Slug]++
		}
		if ofFigure {
			platforms[st.Platform]++
		}
		if !ofFigure || !ofPlatform {
			continue
		}
		list = append(list, st)
		if a, b, ok := onrecord.Online(st.PublishedAt, st.Precision, st.StateWindow); ok && f.Kind == onrecord.ChangeDeleted {
			least, most = append(least, a), append(most, b)
		}
	}
	slices.SortFunc(list, func(a, b onrecord.Statement) int {
		return cmp.Or(later(b).Compare(later(a)), strings.Compare(string(a.ID), string(b.ID)))
	})
	if page.Timed = int64(len(least)); page.Timed > 0 {
		slices.Sort(least)
		slices.Sort(most)
		page.Least, page.Most = least[(len(least)-1)/2], most[(len(most)-1)/2]
	}
	page.Total, page.Figures, page.Platforms = int64(len(list)), counted(figures), counted(platforms)
	from := 0
	if f.Cursor != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(f.Cursor, "n"))
		if err != nil || n < 0 || n > len(list) {
			return page, fmt.Errorf("memory: %w", search.ErrCursor)
		}
		from = n
	}
	end := min(len(list), from+f.Limit)
	page.List = list[from:end]
	if end < len(list) {
		page.Next = "n" + strconv.Itoa(end)
	}
	if from > 0 {
		page.Prev = "n" + strconv.Itoa(max(0, from-f.Limit))
	}
	return page, nil
}

func counted(m map[string]int64) []onrecord.Facet {
	var list []onrecord.Facet
	for v, n := range m {
		list = append(list, onrecord.Facet{Value: v, Count: n})
	}
	slices.SortFunc(list, func(a, b onrecord.Facet) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return list
}

func (m *memory) Days(_ context.Context, f onrecord.DaysFilter) ([]onrecord.SourceDays, error) {
	list := slices.DeleteFunc(slices.Clone(m.days), func(d onrecord.SourceDays) bool {
		return f.Figure != "" && d.Figure != f.Figure || f.Source != "" && d.Source != f.Source || d.Source <= f.After
	})
	if f.Limit > 0 {
		list = list[:min(f.Limit, len(list))]
	}
	for i := range list {
		list[i].Days = slices.DeleteFunc(slices.Clone(list[i].Days), func(d onrecord.Day) bool {
			return d.Date.Before(f.Since.Truncate(24*time.Hour)) || !f.Until.IsZero() && !d.Date.Before(f.Until)
		})
	}
	return list, nil
}

func (m *memory) CoveragePage(ctx context.Context, f onrecord.CoverageFilter, newest bool, cursor string, limit int) ([]onrecord.Coverage, string, error) {
	list, err := m.Coverage(ctx, f)
	if f.Gaps {
		list = slices.DeleteFunc(list, func(c onrecord.Coverage) bool { return c.Status != "gap" })
	}
	slices.SortStableFunc(list, func(a, b onrecord.Coverage) int {
		if newest {
			a, b = b, a
		}
		return cmp.Or(a.From.Compare(b.From), strings.Compare(a.Source, b.Source))
	})
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(strings.TrimPrefix(cursor, "g")); err != nil || from > len(list) {
			return nil, "", fmt.Errorf("memory: %w", search.ErrCursor)
		}
	}
	end := min(len(list), from+limit)
	next := ""
	if end < len(list) {
		next = "g" + strconv.Itoa(end)
	}
	return list[from:end], next, err
}

func (m *memory) Health(context.Context) (onrecord.Health, error) { return m.health, nil }

// watched fills what the pages of coverage, accounts and the machine show.
func (m *memory) watched() {
	today := now.Truncate(24 * time.Hour)
	source := func(name, figure string, a onrecord.AccountRef, first time.Time, hours func(day int) uint32, gaps ...onrecord.Coverage) {
		d := onrecord.SourceDays{Source: name, Figure: figure, Account: a, First: first, Last: now.Add(-20 * time.Minute), Gaps: gaps}
		for day := range 216 {
			if date := today.AddDate(0, 0, day-215); !date.Before(first.Truncate(24 * time.Hour)) {
				if h := hours(215 - day); h != 0 {
					d.Days = append(d.Days, onrecord.Day{Date: date, Hours: h})
				}
			}
		}
		m.days = append(m.days, d)
	}
	all := func(int) uint32 { return 1<<24 - 1 }
	mastodon := m.figures[0].Accounts[0].AccountRef
	source("masto", "jane-example", mastodon, day("2026-01-02 08:00:00"), all)
	source("press", "ministry-of-examples", onrecord.AccountRef{Platform: "website", ID: "ministry.example"}, day("2026-03-02 08:00:00"), func(ago int) uint32 {
		if ago%9 == 4 {
			return 0
		}
		return 1 << 8
	})
	source("long", "ministry-of-examples", onrecord.AccountRef{Platform: "mastodon", ID: "1077long", Handle: longHandle}, day("2026-07-02 08:00:00"), all)
	gap := func(reason, from, until string) onrecord.Coverage {
		c := onrecord.Coverage{Source: "telegram", Figure: "ministry-of-examples", From: day(from), Status: "gap", Reason: reason, Index: 902}
		if until != "" {
			c.Until = day(until)
		}
		return c
	}
	source("telegram", "ministry-of-examples", m.figures[2].Accounts[0].AccountRef, day("2026-05-02 08:00:00"), func(ago int) uint32 {
		if ago == 15 || ago > 40 && ago < 52 {
			return 0
		}
		return 1<<20 - 1
	}, gap("outage", "2026-06-15 12:00:00", "2026-06-26 09:00:00"), gap("blocked", "2026-07-21 04:00:00", "2026-07-23 10:30:00"), gap("outage", "2026-08-06 06:30:00", ""))
	m.health = onrecord.Health{Spooled: 2, SpoolOldest: now.Add(-7 * time.Minute), Kept: 3, Ledger: 48931, Signed: 48931, Applied: 48929, Storage: "folder", Free: 41_200_000_000, Size: 512_000_000_000}
	m.accounts()
}

// accounts gives accounts a past.
func (m *memory) accounts() {
	a := &m.figures[1].Accounts[2] // suspended
	a.Handles = []onrecord.Handle{{Handle: "jeanvor2026", First: day("2026-01-02 08:00:00"), Last: day("2026-01-04 08:00:00")}, {Handle: "jeandupont", First: day("2026-01-04 09:00:00"), Last: day("2026-01-08 23:27:00")}}
	a.Sources = []string{"tweets"}
	event := func(index int64, kind onrecord.EventType, at string, after string, ref onrecord.AccountRef, change func(*onrecord.Event)) {
		e := onrecord.Event{Type: kind, At: day(at), By: day(at), Figure: "jean-dupont", Source: "tweets", Account: ref, Index: index, Prev: -1, Observed: &onrecord.AccountObservation{}}
		if after != "" {
			e.After = day(after)
		}
		if change != nil {
			change(&e)
		}
		m.events = append(m.events, e)
	}
	old := a.AccountRef
	old.Handle = "jeanvor2026"
	event(40001, onrecord.AccountIdentified, "2026-01-02 08:00:00", "", old, nil)
	event(40002, onrecord.AccountRenamed, "2026-01-04 09:00:00", "2026-01-04 08:00:00", a.AccountRef, nil)
	event(40003, onrecord.AccountWasSuspended, "2026-01-08 23:27:00", "2026-01-08 23:12:00", a.AccountRef, func(e *onrecord.Event) {
		e.State, e.Code = onrecord.AccountSuspended, "Account suspended"
	})
	gab := &m.figures[1].Accounts[1]
	gab.IsOffline, gab.Offline = true, onrecord.Window{After: day("2026-01-11 07:45:00"), By: day("2026-01-11 08:00:00")}
	event(40004, onrecord.PlatformOffline, "2026-01-11 08:00:00", "2026-01-11 07:45:00", gab.AccountRef, nil)
	sky := &m.figures[1].Accounts[0]
	sky.Handles = []onrecord.Handle{{Handle: "dupont.example", First: day("2026-01-02 08:00:00"), Last: day("2026-02-02 08:00:00")}, {Handle: sky.Handle, First: day("2026-02-02 09:00:00"), Last: now}}
	event(40005, onrecord.AccountIdentityChanged, "2026-08-05 10:00:00", "2026-08-05 09:00:00", sky.AccountRef, func(e *onrecord.Event) { e.Observed.ID = "did:plc:other" })
	m.figures[0].Accounts = append(m.figures[0].Accounts, onrecord.Account{
		AccountRef: onrecord.AccountRef{Platform: "bluesky", ID: "did:plc:jane", Handle: "jane.example"}, State: onrecord.AccountMoved, MovedTo: "https://other.example/@jane",
		Window: onrecord.Window{After: day("2026-05-01 10:00:00"), By: day("2026-05-01 11:00:00")}, Handles: []onrecord.Handle{{Handle: "dupont.example", First: day("2025-01-02 08:00:00"), Last: day("2025-02-02 08:00:00")}},
	})
	event(40006, onrecord.SourceGap, "2026-07-23 10:30:00", "", onrecord.AccountRef{Platform: "telegram", ID: "1077telegram", Handle: "examples"}, func(e *onrecord.Event) {
		e.Source, e.Figure, e.Gap = "telegram", "ministry-of-examples", &onrecord.Gap{Reason: "blocked", Since: day("2026-07-21 04:00:00")}
	})
	event(40007, onrecord.SourceLooked, "2026-08-06 09:00:00", "", onrecord.AccountRef{Platform: "mastodon", ID: "1077mastodon", Handle: "@jane@social.example"}, func(e *onrecord.Event) {
		e.Source, e.Figure, e.Run = "masto", "jane-example", &onrecord.Run{From: day("2026-08-06 08:02:00"), Until: day("2026-08-06 08:58:00"), Visits: 29}
	})
	event(40008, onrecord.ArchiveLabelChanged, "2026-08-01 09:00:00", "", onrecord.AccountRef{}, func(e *onrecord.Event) { e.Source, e.Figure, e.Observed = "archive", "", nil })
}
