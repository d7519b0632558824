// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
)

// finish judges a visit and commits it. A visit whose fence was lost is judged
// once more as a late one.
func (i *Ingester) finish(ctx context.Context, s Source, d Door, v Visit, r crawler.Result) (Report, error) {
	for {
		rep, err := i.commit(ctx, s, d, v, r)
		late, ok := errors.AsType[*LateError](err)
		if !ok {
			return rep, err
		}
		v = late.Visit
	}
}

// commit judges a visit and adds it to the record: whole where it brought
// news or evidence to keep, else as a longer run in the source's state.
func (i *Ingester) commit(ctx context.Context, s Source, d Door, v Visit, r crawler.Result) (Report, error) {
	known, base, err := i.known(ctx, s, v, r)
	if err != nil {
		return Report{Source: s.ID}, fmt.Errorf("visit %s: what is known: %w", s.ID, err)
	}
	res := change.Between(known, i.seen(s, d, v, r))
	next := after(s, d, v, r, res)
	rep := report(s, d, r, res)
	if v.Late {
		rep.Late = true
	}
	if res.Quiet() && !res.Keep && len(v.State.Gaps) == 0 {
		if err := v.Quiet(ctx, next); err != nil {
			return rep, wrapLate(s, err)
		}
		return rep, nil
	}
	events := append(abandoned(s, v.State), res.Events...)
	done, err := v.Commit(ctx, Draft{
		Base: base - 1, Outcome: cmp.Or(r.Outcome, onrecord.OutcomeOK), Started: r.Started, Ended: r.Ended, Skew: r.Skew,
		Events: events, Next: next, KeepWARC: res.Keep,
	})
	if err != nil {
		return rep, wrapLate(s, err)
	}
	rep.Index, rep.Events = done.Index, len(events)
	_, err = i.CatchUp(ctx, done.Index+1+int64(len(events)))
	if err != nil {
		return rep, fmt.Errorf("visit %s: committed at %d, but the view is behind: %w", s.ID, done.Index, err)
	}
	return rep, nil
}

// wrapLate leaves a late error as it is, and names the source in any other.
func wrapLate(s Source, err error) error {
	if _, ok := errors.AsType[*LateError](err); ok {
		return err
	}
	return fmt.Errorf("visit %s: %w", s.ID, err)
}

// known gathers what is known of all that a visit touched, at a base that
// includes the last visit of every source of the account (record.md 1.2).
func (i *Ingester) known(ctx context.Context, s Source, v Visit, r crawler.Result) (change.Known, int64, error) {
	account := cmp.Or(accountOf(s, v.State), r.Account.ID)
	least := v.State.Done.Index
	for _, o := range i.Sources {
		if o.ID == s.ID || o.Platform != s.Platform {
			continue
		}
		st, err := i.Record.State(ctx, o.ID)
		if err != nil {
			return change.Known{}, 0, err
		}
		if accountOf(o, st) == account {
			least = max(least, st.Done.Index)
		}
	}
	base, err := i.CatchUp(ctx, least+1)
	if err != nil {
		return change.Known{}, 0, err
	}
	k := change.Known{Base: base - 1, Runs: v.State.Runs, Failing: v.State.Failing, LastGood: v.State.LastGood}
	if k.Source, err = i.Accounts.KnownSource(ctx, s.ID); err != nil {
		return k, 0, err
	}
	if k.Account, err = i.Accounts.KnownAccount(ctx, s.Platform, account); err != nil {
		return k, 0, err
	}
	if k.Statements, err = i.View.Known(ctx, s.Platform, account, shown(s.Platform, r.Seen)); err != nil {
		return k, 0, err
	}
	return k, base, i.addRanges(ctx, &k, s.Platform, account, r.Seen)
}

// addRanges adds the statements within the ranges that a visit saw whole, and
// the suspects.
func (i *Ingester) addRanges(ctx context.Context, k *change.Known, platform, account string, seen []onrecord.Seen) error {
	suspects, err := i.View.Suspects(ctx, platform, account)
	if err != nil {
		return err
	}
	for _, s := range seen {
		if s.Range.IsZero() {
			continue
		}
		within, err := i.View.KnownRange(ctx, platform, account, s.Range)
		if err != nil {
			return err
		}
		suspects = append(suspects, within...)
	}
	if k.Statements == nil && len(suspects) > 0 {
		k.Statements = make(map[onrecord.StatementID]onrecord.Known, len(suspects))
	}
	for _, s := range suspects {
		k.Statements[s.Statement] = s
	}
	return nil
}

// shown returns the ids of the statements that answers speak of, as their own
// and as aliases.
func shown(platform string, seen []onrecord.Seen) []onrecord.StatementID {
	ids := make(map[onrecord.StatementID]bool)
	add := func(native string) {
		if native != "" {
			ids[onrecord.NewStatementID(platform, native)] = true
		}
	}
	for _, s := range seen {
		add(s.About.NativeID)
		for _, o := range s.Items {
			add(o.NativeID)
			for _, a := range o.Aliases {
				add(a)
			}
		}
	}
	list := make([]onrecord.StatementID, 0, len(ids))
	for id := range maps.Keys(ids) {
		list = append(list, id)
	}
	return list
}

// seen is a visit as change wants it.
func (i *Ingester) seen(s Source, d Door, v Visit, r crawler.Result) change.Visit {
	info := d.Door.Info()
	p := onrecord.Captured
	if info.Can.ThirdParty {
		p = onrecord.Mirrored
	}
	return change.Visit{
		ID: v.ID, Source: s.ID, Figure: s.Figure, Platform: s.Platform, AccountID: accountOf(s, v.State),
		Door: d.ID, Kind: info.Kind, Parser: info.Parser, Can: info.Can,
		Started: r.Started, Ended: r.Ended, Skew: r.Skew, Provenance: p, Late: v.Late,
		Outcome: r.Outcome, Seen: r.Seen, AllFailed: r.AllFailed, OtherAnswered: r.OtherAnswered,
		LeftBacklog: r.LeftBacklog, Config: i.Rules,
	}
}

// after returns the state of the source after a visit. A late visit moves
// nothing (record.md 1.7).
func after(s Source, d Door, v Visit, r crawler.Result, res change.Result) onrecord.SourceState {
	next := v.State
	next.Source, next.Platform = s.ID, s.Platform
	if v.Late {
		return next
	}
	next.AccountID = cmp.Or(s.AccountID, res.AccountID, next.AccountID)
	next.LastTick, next.LastVisit, next.Outcome = r.Started, r.Ended, cmp.Or(r.Outcome, onrecord.OutcomeOK)
	if res.Good {
		next.LastGood = r.Ended
	}
	next.Doors = maps.Clone(next.Doors)
	if next.Doors == nil {
		next.Doors = make(map[string]onrecord.DoorState)
	}
	next.Doors[d.ID] = r.State
	if res.Keep {
		next.Doors[d.ID] = r.Kept()
	}
	next.Runs, next.Frozen, next.Failing, next.Gaps = res.Runs, res.Frozen, res.Failing, nil
	return next
}

// abandoned returns the gaps that the archive noted for visits that it had to
// abandon, as events.
func abandoned(s Source, st onrecord.SourceState) []onrecord.Event {
	var events []onrecord.Event
	for _, g := range st.Gaps {
		events = append(events, onrecord.Event{
			Type: onrecord.SourceGap, At: g.Since, By: g.Since, Figure: s.Figure, Source: s.ID,
			Account: onrecord.AccountRef{Platform: s.Platform, ID: accountOf(s, st)},
			Gap:     &g, Index: -1, Prev: -1,
		})
	}
	return events
}

// accountOf returns the stable id of the account of s, as configured or as the
// first good visit pinned it.
func accountOf(s Source, st onrecord.SourceState) string { return cmp.Or(s.AccountID, st.AccountID) }

// addLooks adds the suspects that are due for a look at their own addresses,
// and a canary.
func (i *Ingester) addLooks(ctx context.Context, j *crawler.Job, s Source, d Door, suspects []onrecord.Known) error {
	now := i.Now()
	confirm := i.Rules.Confirm(s.Platform, d.Door.Info().Kind)
	k := change.Known{Statements: make(map[onrecord.StatementID]onrecord.Known, len(suspects))}
	for _, c := range suspects {
		k.Statements[c.Statement] = c
		if at, ok := change.Due(c, confirm); ok && !at.After(now) {
			j.Looks = append(j.Looks, c.Ref)
		}
	}
	if len(j.Looks) == 0 {
		return nil
	}
	recent, err := i.View.KnownRecent(ctx, s.Platform, j.Target.AccountID, 8)
	if err != nil {
		return err
	}
	for _, c := range recent {
		k.Statements[c.Statement] = c
	}
	j.Canary, _ = k.Canary()
	return nil
}
