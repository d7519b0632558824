// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Apply folds one event into k: account events, and the runs of visits that
// saw the account. The order of the calls does not matter, and applying an
// event twice changes nothing.
//
//   - identified, suspended, closed, private, moved, renamed, restored: Handle
//     and Name are those of the latest such event, first-hand before others.
//     All but renamed set State and Since, if they are first-hand; all of them
//     say that the account was seen in State then (LastAs, LastLive). An
//     identified that is not first-hand leaves State unknown.
//   - identity_changed belongs to the source, not to the account.
//   - source.looked, first-hand: the account was seen in the state of the run
//     (Run.Account) until Until.
//
// Events of other accounts, and of none, are ignored; a KnownAccount without an
// id takes that of the first it is given.
func (k *KnownAccount) Apply(e Event) {
	if k.ID == "" && e.Account.ID != "" {
		k.Platform, k.ID = e.Account.Platform, e.Account.ID
	}
	if k.ID == "" || e.Account.ID != k.ID || e.Account.Platform != k.Platform {
		return
	}
	switch e.Type {
	case SourceLooked:
		if e.Run != nil && firstHand(e.Run.Provenance) {
			k.seenAs(e.Run.Account, e.Run.Until)
		}
	case AccountIdentified, AccountWasSuspended, AccountWasClosed, AccountWentPrivate,
		AccountWasMoved, AccountRenamed, AccountRestored:
		k.Identified = true
		m := markOf(e)
		if m.Over(k.Named) {
			k.Named, k.Handle, k.Name = m, e.Account.Handle, e.Account.Name
		}
		if !m.FirstHand || e.State == "" {
			break
		}
		k.seenAs(e.State, seenFrom(e))
		if e.Type != AccountRenamed && m.Over(k.Stated) {
			k.Stated, k.State, k.Since = m, e.State, e.At
		}
	}
	k.State = cmp.Or(k.State, AccountUnknown)
}

// Clone returns a copy of k that shares nothing with it that Apply changes.
func (k KnownAccount) Clone() KnownAccount {
	k.LastAs = maps.Clone(k.LastAs)
	return k
}

func (k *KnownAccount) seenAs(s AccountState, t time.Time) {
	if s == "" || s == AccountUnknown {
		return
	}
	if k.LastAs == nil {
		k.LastAs = make(map[AccountState]time.Time)
	}
	k.LastAs[s] = latest(k.LastAs[s], t)
	k.LastLive = k.LastAs[AccountLive]
}

// Apply folds one event into k. The order of the calls does not matter, and
// applying an event twice changes nothing. Events of other sources are
// ignored; the zero KnownSource takes the name of the first it is given.
//
//   - source.gap: Gaps holds those whose latest event of their Reason opened
//     them.
//   - source.frozen, thawed: Frozen is the reason of the latest, if that froze.
//     A thaw without a door is the operator's and moves Thawed.
//   - platform.offline, online: Offline. A source speaks for its own access to
//     the platform only.
//   - account.identity_changed: IdentityChanged; account.identified ends it.
//   - source.looked: Runs holds the latest of its door and parser, Complete the
//     latest first-hand one with a Range, and LastGood moves to Until; a run of
//     checks does none of it. Other events of statements move it to their At.
//
// FailSince and FailVisits come from the state register and are left alone.
func (k *KnownSource) Apply(e Event) {
	if k.Source == "" {
		k.Source = e.Source
	}
	if e.Source != k.Source || e.Source == "" {
		return
	}
	switch e.Type {
	case SourceLooked:
		k.looked(e)
	case SourceGap:
		k.gap(e)
	case SourceFrozen, SourceThawed:
		k.freeze(e)
	case PlatformOffline, PlatformOnline:
		if k.newer("offline", e) {
			k.Offline = e.Type == PlatformOffline
		}
	case AccountIdentityChanged, AccountIdentified:
		if k.newer("identity", e) {
			k.IdentityChanged = e.Type == AccountIdentityChanged
		}
	case StatementCreated, StatementEdited, StatementSeen, StatementLooked, StatementRestored:
		if e.Provenance != Imported {
			k.LastGood = latest(k.LastGood, e.At)
		}
	}
}

// Clone returns a copy of k that shares nothing with it that Apply changes.
func (k KnownSource) Clone() KnownSource {
	k.Gaps = slices.Clone(k.Gaps)
	k.Runs = maps.Clone(k.Runs)
	k.Marks = maps.Clone(k.Marks)
	return k
}

// newer reports whether e prevails over what was applied under name before,
// and takes its place.
func (k *KnownSource) newer(name string, e Event) bool {
	m := markOf(e)
	m.FirstHand = true // of a source, a mirror's visits tell as well as others
	if old, ok := k.Marks[name]; ok && !m.Over(old) {
		return false
	}
	if k.Marks == nil {
		k.Marks = make(map[string]Mark)
	}
	k.Marks[name] = m
	return true
}

func (k *KnownSource) looked(e Event) {
	if e.Run == nil {
		return
	}
	r := *e.Run
	if r.Checks {
		return // nobody asked what is new
	}
	r.Asked = nil // no 304 repeats it
	key := RunKey(r.Door, r.Parser)
	k.LastGood = latest(k.LastGood, r.Until)
	e.At = r.Until
	if k.newer("run:"+key, e) {
		if k.Runs == nil {
			k.Runs = make(map[string]Run)
		}
		k.Runs[key] = r
	}
	if !r.Range.IsZero() && firstHand(r.Provenance) && k.newer("complete", e) {
		k.Complete = r
	}
}

func (k *KnownSource) gap(e Event) {
	if e.Gap == nil || !k.newer("gap:"+e.Gap.Reason, e) {
		return
	}
	k.Gaps = slices.DeleteFunc(k.Gaps, func(g Gap) bool { return g.Reason == e.Gap.Reason })
	if e.Gap.Open {
		k.Gaps = insert(k.Gaps, *e.Gap, func(a, b Gap) int { return cmp.Compare(a.Reason, b.Reason) })
	}
}

func (k *KnownSource) freeze(e Event) {
	if e.Type == SourceThawed && e.Door == "" {
		k.Thawed = latest(k.Thawed, e.At)
	}
	if !k.newer("frozen", e) {
		return
	}
	k.Frozen, k.FrozenAt = "", time.Time{}
	if e.Type == SourceFrozen {
		k.Frozen, k.FrozenAt = cmp.Or(e.Reason, "frozen"), e.At
	}
}
