// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"slices"
	"strings"
	"time"

	"onrecord"
)

// accountEvents are the events of the states that a platform may tell.
var accountEvents = map[onrecord.AccountState]onrecord.EventType{
	onrecord.AccountLive:      onrecord.AccountRestored,
	onrecord.AccountSuspended: onrecord.AccountWasSuspended,
	onrecord.AccountClosed:    onrecord.AccountWasClosed,
	onrecord.AccountPrivate:   onrecord.AccountWentPrivate,
	onrecord.AccountMoved:     onrecord.AccountWasMoved,
}

// merge adds what an answer says of the account: the last word counts.
func (a *account) merge(s *onrecord.Seen) {
	if !answered(*s) || s.Account.IsZero() {
		return
	}
	set := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	set(&a.ID, s.Account.ID)
	set(&a.Handle, s.Account.Handle)
	set(&a.Name, s.Account.Name)
	if st := s.Account.State; st != "" && st != onrecord.AccountUnknown {
		a.State, a.Code, a.MovedTo = st, s.Account.Code, s.Account.MovedTo
	}
	a.at, a.capture = s.At, s.Capture
}

// judgeAccount says what became of the account: one event for each thing that
// is otherwise than known. Nothing a third party says of it counts, but that
// there is one.
func (j *judge) judgeAccount() {
	a, known := &j.account, j.k.Account
	if !j.first || !j.v.Can.AccountStates && a.State != onrecord.AccountLive {
		a.State = ""
	}
	if a.at.IsZero() {
		a.at = j.v.Ended
	}
	if !known.Identified || j.first && !known.Named.FirstHand {
		j.identified()
		known.State = onrecord.AccountUnknown
	} else if j.first && a.Handle != "" && known.Handle != "" && !sameHandle(a.Handle, known.Handle) {
		j.acct.Handle = a.Handle
		j.accountEvent(onrecord.AccountRenamed, known.State, known.LastLive)
	}
	t, ok := accountEvents[a.State]
	if !ok || a.State == known.State {
		return
	}
	if a.State == onrecord.AccountLive && !isEnd(known.State) {
		return // the first word that it lives is no news
	}
	j.accountEvent(t, a.State, lastOtherwise(known, a.State))
	if j.frozen && a.State != onrecord.AccountLive {
		j.thaw("the account is " + string(a.State))
	}
}

// sameHandle compares handles as people do: without case and the first "@", and
// without the server where one of them names none.
func sameHandle(a, b string) bool {
	userA, hostA, _ := strings.Cut(strings.TrimPrefix(a, "@"), "@")
	userB, hostB, _ := strings.Cut(strings.TrimPrefix(b, "@"), "@")
	return strings.EqualFold(userA, userB) && (hostA == "" || hostB == "" || strings.EqualFold(hostA, hostB))
}

func isEnd(s onrecord.AccountState) bool {
	return s == onrecord.AccountSuspended || s == onrecord.AccountClosed || s == onrecord.AccountPrivate || s == onrecord.AccountMoved
}

// identified records the first good visit to the account.
func (j *judge) identified() {
	a := &j.account
	if a.Handle != "" {
		j.acct.Handle = a.Handle
	}
	if a.Name != "" {
		j.acct.Name = a.Name
	}
	s := onrecord.AccountUnknown
	if a.State == onrecord.AccountLive {
		s = onrecord.AccountLive
	}
	j.accountEvent(onrecord.AccountIdentified, s, time.Time{})
}

func (j *judge) accountEvent(t onrecord.EventType, s onrecord.AccountState, after time.Time) {
	e := j.event(t, j.account.at, after)
	e.State, e.Code = s, j.account.Code
	if j.account.Name != "" {
		e.Account.Name = j.account.Name
	}
	if !j.account.IsZero() {
		e.Observed = new(j.account.AccountObservation)
	}
	e.Captures = captures(j.account.capture)
	for _, m := range []onrecord.Mark{j.k.Account.Named, j.k.Account.Stated, j.k.Source.Marks["identity"]} {
		if m.FirstHand && j.first {
			follow(&e, m)
		}
	}
	j.emit(e)
}

// lastOtherwise returns the last time the account was seen in another state.
func lastOtherwise(k onrecord.KnownAccount, s onrecord.AccountState) time.Time {
	var t time.Time
	for state, at := range k.LastAs {
		if state != s {
			t = later(t, at)
		}
	}
	return t
}

// accountAlive reports whether the account is live: by this visit's own word,
// else by the last that is known, else, through a door that can't tell, because
// it answers.
func (j *judge) accountAlive() bool {
	if s := j.account.State; s != "" {
		return s == onrecord.AccountLive
	}
	switch j.k.Account.State {
	case onrecord.AccountLive:
		return true
	case onrecord.AccountUnknown, "":
		return !j.v.Can.AccountStates
	}
	return false
}

// recover closes the gaps that a good visit ends, and says that the platform
// is back.
func (j *judge) recover() {
	if j.v.Checks || j.v.Provenance == onrecord.Imported {
		return
	}
	for _, g := range j.k.Source.Gaps {
		if g.Reason != reasonBacklog && g.Reason != onrecord.GapPaused {
			j.closeGap(g)
		}
	}
	if j.first {
		j.online()
	}
}

const reasonBacklog = "backlog"

// backlog opens or closes the gap of pages that the budget left, or that no visit
// will ask for: the gap says so.
func (j *judge) backlog() {
	i := slices.IndexFunc(j.k.Source.Gaps, func(g onrecord.Gap) bool { return g.Reason == reasonBacklog })
	switch {
	case j.v.Checks:
	case i >= 0 && j.v.Short != "" && j.k.Source.Gaps[i].Note == "":
		g := j.k.Source.Gaps[i]
		g.Note = j.v.Short
		j.gap(g, g.Since)
	case j.v.LeftBacklog || j.v.Short != "":
		j.openGap(reasonBacklog)
	case i >= 0:
		j.closeGap(j.k.Source.Gaps[i])
	}
}

func (j *judge) openGap(reason string) {
	for _, g := range j.k.Source.Gaps {
		if g.Reason == reason {
			return
		}
	}
	since := j.lastGood()
	g := onrecord.Gap{Reason: reason, Open: true, Since: since}
	if since.IsZero() || since.After(j.v.Started) {
		g.Since = j.v.Started
	}
	if reason == reasonBacklog {
		g.Note = j.v.Short
	}
	j.gap(g, since)
}

func (j *judge) gap(g onrecord.Gap, after time.Time) {
	e := j.event(onrecord.SourceGap, j.v.Ended, after)
	e.Gap = &g
	j.source(e, "gap:"+g.Reason)
}

func (j *judge) closeGap(g onrecord.Gap) {
	g.Open = false
	j.gap(g, g.Since)
}

// source emits an event of the source that ends what its mark of that name
// comes from.
func (j *judge) source(e onrecord.Event, mark string) {
	follow(&e, j.k.Source.Marks[mark])
	j.emit(e)
}
