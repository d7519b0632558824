// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
)

// finish judges a visit and commits it. A visit whose fence was lost is judged
// once more as a late one. A visit that can't be committed stays in the spool.
func (i *Ingester) finish(ctx context.Context, s Source, d Door, v Visit, r crawler.Result) (Report, error) {
	for {
		rep, err := i.commit(ctx, s, d, v, r)
		late, ok := errors.AsType[*LateError](err)
		if !ok {
			if err != nil {
				err = errors.Join(fmt.Errorf("visit %s: %w", s.ID, err), v.Close())
			}
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
		return Report{Source: s.ID, Index: -1}, fmt.Errorf("what is known: %w", err)
	}
	redact, err := i.showErased(ctx, s.Platform, v, r.Seen, known)
	if err != nil {
		return Report{Source: s.ID, Index: -1}, err
	}
	seen := i.seen(s, d, v, r)
	res := change.Between(known, seen)
	// A record that ends early is the only witness of what was under way; one that
	// was put under another name, before an erasure, is put again without that.
	must := r.Cut || v.Late && len(redact) > 0
	keep := res.Keep || must
	next := after(s, d, v, r, res, keep)
	if why := short(s, next); why != "" && !seen.Checks { // what the state has lost is known only now
		seen.Short = why
		res = change.Between(known, seen)
		keep = res.Keep || must
		next = after(s, d, v, r, res, keep)
	}
	draft := Draft{
		Base: base - 1, Outcome: cmp.Or(r.Outcome, onrecord.OutcomeOK), Started: r.Started, Ended: r.Ended, Skew: r.Skew,
		Events: nameless(append(abandoned(s, v.State, i.Now()), res.Events...), known), Next: unvalidated(next, d.ID, redact), KeepWARC: keep, Redact: redact,
	}
	if keep { // else there is nothing to be hidden, and nothing that could be cited
		shown, err := i.hide(ctx, onrecord.Event{
			At: r.Ended, By: r.Ended, Figure: s.Figure, Source: s.ID, Door: d.ID, Parser: seen.Parser, Index: -1,
			Account: onrecord.AccountRef{Platform: s.Platform, ID: cmp.Or(accountOf(s, v.State), r.Account.ID)}, Provenance: seen.Provenance,
		}, v, r.Seen, known.Statements)
		if err != nil {
			return Report{Source: s.ID, Index: -1}, err
		}
		draft.Events = append(draft.Events, shown...)
	}
	draft.Quiet = len(draft.Events) == 0 && !keep
	rep := report(s, d, r, res)
	rep.Late = v.Late
	done, err := v.Commit(ctx, draft)
	if errors.Is(err, ErrTooLarge) {
		var left int
		if draft, left, err = fit(draft, d, v); err != nil {
			return rep, err
		}
		rep.Problems = append(rep.Problems, fmt.Sprintf("%d of %d events did not fit into one visit; they are left for the next, or, where no visit can hold them, to the captures", left, left+len(draft.Events)))
		done, err = v.Commit(ctx, draft)
	}
	if err != nil || draft.Quiet {
		return rep, err
	}
	rep.Index, rep.Events = done.Index, len(draft.Events)
	if _, err = i.CatchUp(ctx, done.Index+1+int64(len(draft.Events))); err != nil {
		return rep, fmt.Errorf("committed at %d, but the view is behind: %w", done.Index, err)
	}
	if draft.KeepWARC {
		return rep, i.eraseAgain(ctx, redact)
	}
	return rep, nil
}

// known gathers what is known of all that a visit touched, at a base that
// includes the last visit of every source of the account (record.md 1.2).
func (i *Ingester) known(ctx context.Context, s Source, v Visit, r crawler.Result) (change.Known, int64, error) {
	account := cmp.Or(accountOf(s, v.State), r.Account.ID)
	least, err := i.least(ctx, s, account, v.State.Done.Index)
	if err != nil {
		return change.Known{}, 0, err
	}
	base, err := i.CatchUp(ctx, max(least+1, v.Size)) // acts of the operator move no state's index
	if err != nil {
		return change.Known{}, 0, err
	}
	if err := i.whole(ctx, s, account); err != nil {
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
	if k.Source.Frozen != "" || slices.ContainsFunc(r.Seen, callsGone) {
		n, gone, err := i.View.KnownLooked(ctx, s.Platform, account, change.TallyFrom(k.Source, r.Ended))
		if err != nil {
			return k, 0, err
		}
		k.Tally = change.NewTally(n, gone, k.Source, r.Ended)
	}
	return k, base, i.addRanges(ctx, &k, s.Platform, account, r.Seen)
}

// whole returns what Whole does.
func (i *Ingester) whole(ctx context.Context, s Source, account string) error {
	if i.Whole == nil {
		return nil
	}
	return i.Whole(ctx, s, account)
}

// callsGone reports whether the answer of a statement's own address says that it
// is gone.
func callsGone(s onrecord.Seen) bool {
	return s.About.NativeID != "" && slices.ContainsFunc(s.Items, func(o onrecord.Observation) bool { return o.State == onrecord.ItemGone })
}

// least returns the largest ledger index that the states of the sources of an
// account name; done is that of s itself.
func (i *Ingester) least(ctx context.Context, s Source, account string, done int64) (int64, error) {
	for _, o := range i.Sources {
		if o.ID == s.ID || o.Platform != s.Platform || o.AccountID != "" && o.AccountID != account {
			continue
		}
		st, err := i.Record.State(ctx, o.ID)
		if err != nil {
			return done, err
		}
		if accountOf(o, st) == account {
			done = max(done, st.Done.Index)
		}
	}
	return done, nil
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
		LeftBacklog: r.LeftBacklog, Checks: checksOnly(v), Config: i.Rules,
	}
}

// checksOnly reports whether the visit asked for statements at their own
// addresses only.
func checksOnly(v Visit) bool {
	var m memo
	return json.Unmarshal(v.Memo, &m) == nil && m.Only
}

// short says why a door of s has given up older pages, if one has.
func short(s Source, st onrecord.SourceState) string {
	for _, d := range s.Doors {
		if given := st.Doors[d.ID].Short; given != nil {
			return given.Why
		}
	}
	return ""
}

// after returns the state of the source after a visit. A late visit moves
// nothing (record.md 1.7), and one after which nothing was attributed does not
// move what its door would go on from.
func after(s Source, d Door, v Visit, r crawler.Result, res change.Result, keep bool) onrecord.SourceState {
	next := v.State
	next.Source, next.Platform, next.Gaps = s.ID, s.Platform, nil
	if v.Late {
		return next
	}
	if checksOnly(v) {
		next.Doors = maps.Clone(next.Doors)
		if next.Doors == nil {
			next.Doors = make(map[string]onrecord.DoorState)
		}
		if door := next.Doors[d.ID]; r.State.RetryAt.After(door.RetryAt) {
			door.RetryAt = r.State.RetryAt
			next.Doors[d.ID] = door
		}
		next.Runs, next.Frozen = res.Runs, res.Frozen
		return bounded(next)
	}
	next.AccountID = cmp.Or(s.AccountID, next.AccountID)
	if next.AccountID == "" && res.Good {
		next.AccountID = res.AccountID
	}
	next.LastTick, next.LastVisit, next.Outcome = r.Started, r.Ended, cmp.Or(r.Outcome, onrecord.OutcomeOK)
	if res.Good {
		next.LastGood = r.Ended
	}
	next.Doors = maps.Clone(next.Doors)
	if next.Doors == nil {
		next.Doors = make(map[string]onrecord.DoorState)
	}
	door := doorAfter(d, v, r, res, keep)
	door.Outcome, door.LastGood = next.Outcome, v.State.Doors[d.ID].LastGood
	if res.Good {
		door.LastGood = r.Ended
	}
	next.Doors[d.ID] = spare(s, d, next.Doors, door, r.Ended)
	next.Runs, next.Frozen, next.Failing = res.Runs, res.Frozen, res.Failing
	return bounded(next)
}

// doorAfter returns the state of the door after a visit.
func doorAfter(d Door, v Visit, r crawler.Result, res change.Result, keep bool) onrecord.DoorState {
	now, next := v.State.Doors[d.ID], r.State
	if keep {
		next = r.Kept()
	}
	if res.Stopped {
		next.Cursor, next.Validators, next.Backlog, next.Short = now.Cursor, now.Validators, now.Backlog, now.Short
	}
	// A visit that was made before the one before it was committed knows
	// nothing of what that one left.
	var m memo
	if json.Unmarshal(v.Memo, &m) == nil {
		left := slices.DeleteFunc(slices.Clone(now.Backlog), func(b onrecord.Backlog) bool { return holds(m.State.Backlog, b) })
		next = withBacklog(next, left)
	}
	return next
}

// abandoned returns the gaps that the archive noted for visits that it had to
// abandon, as events.
func abandoned(s Source, st onrecord.SourceState, now time.Time) []onrecord.Event {
	var events []onrecord.Event
	for _, g := range st.Gaps {
		events = append(events, onrecord.Event{
			Type: onrecord.SourceGap, At: now, After: g.Since, By: now, Figure: s.Figure, Source: s.ID,
			Account: onrecord.AccountRef{Platform: s.Platform, ID: accountOf(s, st)},
			Gap:     &g, Index: -1, Prev: -1,
		})
	}
	return events
}

// accountOf returns the stable id of the account of s, as configured or as the
// first good visit pinned it.
func accountOf(s Source, st onrecord.SourceState) string { return cmp.Or(s.AccountID, st.AccountID) }
