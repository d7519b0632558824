// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/ingest"
)

// status tells how the sources fare: by their states in the bucket, and by the
// catalog. Of those whose state can't be read, and of all while the storage does
// not answer, only what the catalog knows is told: an empty folder in place of a
// disk does not say that nobody visited.
func (h *house) status(ctx context.Context, sources []ingest.Source) ([]onrecord.SourceStatus, error) {
	figures, err := h.catalog.Figures(ctx)
	if err != nil {
		return nil, err
	}
	statements := make(map[[2]string]int64)
	for _, f := range figures {
		for _, a := range f.Accounts {
			statements[[2]string{a.Platform, a.ID}] = a.Statements
		}
	}
	away := archive.ErrUnreachable
	if h.archive != nil { // else the storage did not answer, and the catalog is all there is
		_, away = h.archive.Head(ctx)
	}
	list := make([]onrecord.SourceStatus, 0, len(sources))
	for _, s := range sources {
		st, err := onrecord.SourceState{}, away
		if err == nil {
			st, err = h.archive.State(ctx, s.ID)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		row, kerr := h.statusBy(ctx, s, st, err)
		if kerr != nil {
			return nil, kerr
		}
		row.Statements = statements[[2]string{s.Platform, row.Account.ID}]
		list = append(list, row)
	}
	return list, nil
}

// sourceStatus tells how one source fares; its statements are not counted.
func (h *house) sourceStatus(ctx context.Context, s ingest.Source) (onrecord.SourceStatus, error) {
	st, err := h.archive.State(ctx, s.ID)
	if err != nil {
		return onrecord.SourceStatus{}, err
	}
	return h.statusBy(ctx, s, st, nil)
}

// statusBy tells how one source fares by a state, or, where there is an error in
// place of that, without.
func (h *house) statusBy(ctx context.Context, s ingest.Source, st onrecord.SourceState, unread error) (onrecord.SourceStatus, error) {
	known, err := h.catalog.KnownSource(ctx, s.ID)
	if err != nil {
		return onrecord.SourceStatus{}, err
	}
	now := h.env.now()
	row := onrecord.SourceStatus{
		Source: s.ID, Figure: s.Figure, Platform: s.Platform, Schedule: s.Spec,
		Account:   onrecord.AccountRef{Platform: s.Platform, ID: cmp.Or(s.AccountID, st.AccountID), Handle: s.Handle},
		LastVisit: st.LastVisit, LastGood: st.LastGood, Outcome: st.Outcome, OpenGaps: known.Gaps,
		LastTick: st.LastTick, Frozen: known.Frozen, FrozenAt: known.FrozenAt, IdentityChanged: known.IdentityChanged,
		Doors: doorsStatus(s, st, now),
	}
	if s.Platform == "website" { // known by its host
		row.Account.Handle = cmp.Or(row.Account.Handle, row.Account.ID)
	}
	for _, run := range st.Runs {
		row.OpenRuns = append(row.OpenRuns, onrecord.Coverage{
			Source: s.ID, Figure: s.Figure, Door: run.Door, From: run.From, Until: run.Until, Status: "captured", Visits: run.Visits, Index: -1,
		})
	}
	gap := pausedGap(known)
	if gap != nil {
		row.Paused, row.PausedNote = gap.Since, gap.Note
	}
	switch {
	case unread != nil:
		row.Unreadable, row.Doors = unread.Error(), nil
	case gap == nil:
		row.Next = nextVisit(s, st, now)
		row.Overdue = len(s.Doors) > 0 && !st.LastVisit.IsZero() && !s.Schedule.IsZero() && quietSince(s, cmp.Or(st.LastGood, st.LastTick)).Before(now)
	}
	return row, nil
}

// nextVisit returns when a source is visited next by its state; zero if it is
// visited by hand only.
func nextVisit(s ingest.Source, st onrecord.SourceState, now time.Time) time.Time {
	if len(s.Doors) == 0 {
		return time.Time{}
	}
	next, _ := s.Schedule.Due(st.LastTick, now)
	if retry := ingest.RetryAt(st, s, now); !next.IsZero() && retry.After(next) {
		next = retry
	}
	return next
}

// doorsStatus tells how the doors of a source fare.
func doorsStatus(s ingest.Source, st onrecord.SourceState, now time.Time) []onrecord.DoorStatus {
	list := make([]onrecord.DoorStatus, len(s.Doors))
	for i, d := range s.Doors {
		was := st.Doors[d.ID]
		list[i] = onrecord.DoorStatus{
			ID: d.ID, Kind: d.Door.Info().Kind, Host: d.Host,
			Outcome: was.Outcome, Fails: was.Fails, LastGood: was.LastGood, Sees: d.Door.Info().Can,
		}
		if was.RetryAt.After(now) {
			list[i].RetryAt = was.RetryAt
		}
	}
	return list
}
