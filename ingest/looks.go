// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"maps"
	"slices"
	"time"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
	"onrecord/schedule"
)

// These bound what a visit asks for at statements' own addresses.
const (
	maxChecks  = 20              // that nobody suspects
	checksTime = 5 * time.Minute // for how long at most
	maxDue     = 512             // due statements that are read to find those
	canaries   = 4               // that are asked for in turn, until one is there
	recents    = 64              // statements among which they are found: listed last, and newest
)

// Recheck returns the rule by which statements that nobody suspects are asked
// for again by plan p: when, and whether that is only a turn of the slow sweep.
// The zero time means never.
//
// A plan begins when the statement was first seen, or when it was said, where
// the platform dates it back by a day and more: what is old when it is found
// need not be watched like something new. What was found there by a look that
// could have shown an edit or an end is not looked at before the next point. A
// look that settles nothing is made again after as long as it is since the last
// that did, so that an address that never answers costs little.
//
// What is deleted is asked for in the sweep only: it may come back. So is what
// nobody here has seen, but an import or a mirror told. Suspects are looked at
// by change.Due; what is withheld or erased is not.
func Recheck(p schedule.Plan) func(k onrecord.Known) (at time.Time, sweep bool) {
	return func(k onrecord.Known) (at time.Time, sweep bool) {
		if k.Unsettled() || k.Withheld || k.Erased || p.IsZero() {
			return time.Time{}, false
		}
		first, last := k.FirstSeen, k.Checked
		if last.Before(first) {
			last = first
		}
		if said := k.Published; !said.IsZero() && first.Sub(said) >= 24*time.Hour {
			first = said
		}
		switch id := string(k.Statement); {
		case k.State == onrecord.StateDeleted:
			last, sweep = latest(last, k.LastLook), true
			at = p.Turn(last, id)
		case k.Provenance != onrecord.Captured:
			at, sweep = p.Turn(last, id), true
		default:
			at, sweep = p.Next(first, last, id)
		}
		if wait := k.Tried.Sub(last); wait > 0 && !at.IsZero() {
			at = latest(at, k.Tried.Add(max(wait, p.Gap())))
		}
		return at, sweep
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// addLooks adds the suspects that are due for a look at their own addresses.
func (i *Ingester) addLooks(m *memo, s Source, d Door, suspects []onrecord.Known) {
	now := i.Now()
	confirm, can := i.Rules.Confirm(s.Platform, d.Door.Info().Kind), canLook(m, d)
	for _, c := range suspects {
		if at, ok := change.Due(c, confirm); ok && !at.After(now) && len(m.Looks) < maxLooks && can(c.Ref) {
			m.Looks = append(m.Looks, c.Ref)
		}
	}
}

// addChecks adds the statements that nobody suspects, that are due by the plan
// and that d can ask for, as many as a visit may ask for. While the account is not live, another
// one answers for it, or the platform is offline, none is.
func (i *Ingester) addChecks(ctx context.Context, m *memo, s Source, d Door, st onrecord.SourceState) error {
	if i.Recheck.IsZero() || d.Door.Info().Can.ThirdParty {
		return nil
	}
	now := i.Now()
	refs, err := i.due(ctx, s, st, now, canLook(m, d))
	if err != nil || len(refs) == 0 {
		return err
	}
	k := change.Known{Runs: st.Runs}
	if k.Source, err = i.Accounts.KnownSource(ctx, s.ID); err != nil {
		return err
	}
	if k.Account, err = i.Accounts.KnownAccount(ctx, s.Platform, accountOf(s, st)); err != nil {
		return err
	}
	k = k.Cover(s.ID, s.Platform)
	live := k.Account.State == onrecord.AccountLive || k.Account.State == onrecord.AccountUnknown || k.Account.State == ""
	if live && !k.Source.IdentityChanged && !k.Source.Offline {
		m.Checks, m.Budget.Checks = refs, checksFor(s, now)
	}
	return nil
}

// due returns the statements that are due by the plan: by what the view has
// applied, and by what the open runs, of which it knows nothing, have looked at
// since.
func (i *Ingester) due(ctx context.Context, s Source, st onrecord.SourceState, now time.Time, can func(onrecord.Ref) bool) (refs []onrecord.Ref, err error) {
	account := accountOf(s, st)
	k := change.Known{Runs: st.Runs, Account: onrecord.KnownAccount{Platform: s.Platform, ID: account}}
	rule, read := Recheck(i.Recheck), 0
	err = i.View.KnownDue(ctx, s.Platform, account, now, func(c onrecord.Known) bool {
		k.Statements = map[onrecord.StatementID]onrecord.Known{c.Statement: c}
		c = k.Cover(s.ID, s.Platform).Statements[c.Statement]
		if at, _ := rule(c); !at.IsZero() && !at.After(now) && can(c.Ref) {
			refs = append(refs, c.Ref)
		}
		read++
		return len(refs) < maxChecks && read < maxDue
	})
	return refs, err
}

// checksFor returns for how long a visit may last until it makes no more checks:
// half of the time to the next, so that a slow host is not kept busy by them.
func checksFor(s Source, now time.Time) time.Duration {
	if s.Schedule.IsZero() {
		return checksTime
	}
	return min(s.Schedule.Next(now).Sub(now)/2, checksTime)
}

// addCanaries adds statements that vouch for the door, where a visit asks for
// others: what the last lists showed, and the newest.
func (i *Ingester) addCanaries(ctx context.Context, m *memo, s Source, d Door, st onrecord.SourceState) error {
	if len(m.Looks)+len(m.Checks) == 0 {
		return nil
	}
	account := accountOf(s, st)
	recent, err := i.View.KnownRecent(ctx, s.Platform, account, recents)
	if err != nil {
		return err
	}
	listed, err := i.listed(ctx, s, st)
	if err != nil {
		return err
	}
	k := change.Known{Runs: st.Runs, Account: onrecord.KnownAccount{Platform: s.Platform, ID: account}, Statements: listed}
	for _, c := range recent {
		k.Statements[c.Statement] = c
	}
	k = k.Cover(s.ID, s.Platform)
	can := canLook(m, d)
	others := k.Canaries(canaries, func(r onrecord.Ref) bool { return can(r) && !slices.Contains(m.Checks, r) })
	if len(others) == 0 {
		others = k.Canaries(canaries, can) // what is asked for anyway, if there is time for it
	}
	if len(others) > 0 {
		m.Canary, m.Spares = others[0], others[1:]
	}
	return nil
}

// listed returns the statements of the account that the last lists of s showed.
func (i *Ingester) listed(ctx context.Context, s Source, st onrecord.SourceState) (map[onrecord.StatementID]onrecord.Known, error) {
	source, err := i.Accounts.KnownSource(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	runs := slices.SortedFunc(maps.Values(source.Runs), func(a, b onrecord.Run) int { return a.Until.Compare(b.Until) })
	var ids []onrecord.StatementID
	for _, r := range slices.Backward(append(runs, st.Runs...)) {
		for _, id := range r.Seen {
			if len(ids) < recents && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	account := accountOf(s, st)
	found, err := i.View.Known(ctx, s.Platform, account, ids)
	if err != nil {
		return nil, err
	}
	own := make(map[onrecord.StatementID]onrecord.Known, len(found)+recents)
	for id, c := range found {
		if c.Account == account {
			own[id] = c
		}
	}
	return own, nil
}

// canLook reports of a statement whether d can ask for it at an address that is
// its own.
func canLook(m *memo, d Door) func(onrecord.Ref) bool {
	t := m.Target
	t.URL = d.URL
	return func(r onrecord.Ref) bool { return crawler.CanLook(d.Door, t, r) }
}
