// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"onrecord"
)

// A storedEvent is a row of the table events: the event without what is kept
// elsewhere (content by version, captures by number) and without its salt.
type storedEvent struct {
	Event      onrecord.Event
	HasContent bool
	Captures   []int64
}

// A wording is a row of the table versions. HTML is not kept.
type wording struct{ Content onrecord.Content }

// A dated is a claimed time and how exact it is.
type dated struct {
	At        time.Time
	Precision onrecord.Precision
}

// A record is a row of the table statements: what is known, by the one
// definition of what events do to a statement, and what only views show.
type record struct {
	Known    onrecord.Known
	Account  onrecord.AccountRef // as the latest event names it
	Named    onrecord.Mark
	Edited   bool
	Edit     onrecord.Window // of the last edit
	EditedBy onrecord.Mark
	Restored onrecord.Window // of the last restoring
	Back     onrecord.Mark
	Reported string // by whom a deletion was reported that nobody saw
	Report   onrecord.Window
	ReportAt time.Time
	Captures int
	Dates    []dated // all claimed times with a precision, in order

	Engagement map[string]int64
	Engaged    onrecord.Mark

	Down down // the operator's last decision
}

// An account is a row of the table accounts.
type account struct {
	Known   onrecord.KnownAccount
	Figure  string
	Named   onrecord.Mark // of the event that Figure comes from
	Window  onrecord.Window
	Code    string
	Since   time.Time // first captured
	Looked  time.Time
	Offline bool
	Off     onrecord.Window
	OffBy   onrecord.Mark
	MovedTo string            // where Known.State is moved
	Handles []onrecord.Handle // under which it was observed, by name; at most maxHandles
	Sources []string          // whose events name it, in order; at most maxSources
}

// A source is a row of the table sources.
type source struct {
	Known   onrecord.KnownSource
	Figure  string
	Account onrecord.AccountRef
	Named   onrecord.Mark
}

// override returns the number of the state that all of the account's
// statements have that are not deleted or withheld; 0 for their own.
func (a *account) override() int {
	switch a.Known.State {
	case onrecord.AccountSuspended, onrecord.AccountClosed, onrecord.AccountPrivate:
		return stateGone
	}
	if a.Offline {
		return stateOffline
	}
	return 0
}

func markOf(e onrecord.Event) onrecord.Mark {
	first := e.Provenance == "" || e.Provenance == onrecord.Captured
	return onrecord.Mark{FirstHand: first, At: e.At, Index: e.Index}
}

// apply folds e into r. Like onrecord.Known.Apply it does not depend on the
// order of the calls; unlike that, each event must be applied once.
func (r *record) apply(e onrecord.Event) {
	r.Known.Apply(e)
	if e.Type == onrecord.SourceLooked {
		return
	}
	if r.takeDown(e) {
		return // it says nothing of the statement itself
	}
	m := markOf(e)
	if e.Type == onrecord.MediaKept || e.Type == onrecord.MediaMissed {
		return // evidence of an attachment, not of the statement
	}
	r.Captures += len(e.Captures)
	if e.Account.ID != "" && m.Over(r.Named) {
		r.Account, r.Named = e.Account, m
	}
	if len(e.Engagement) > 0 && m.Over(r.Engaged) {
		r.Engagement, r.Engaged = maps.Clone(e.Engagement), m
	}
	if d := (dated{e.PublishedAt.UTC(), e.Precision}); e.Precision != "" && !e.PublishedAt.IsZero() {
		if i, ok := slices.BinarySearchFunc(r.Dates, d, compareDates); !ok {
			r.Dates = slices.Insert(r.Dates, i, d)
		}
	}
	switch e.Type {
	case onrecord.StatementEdited:
		r.Edited = true
		if m.Over(r.EditedBy) {
			r.Edit, r.EditedBy = e.Window(), m
		}
	case onrecord.StatementRestored:
		if m.Over(r.Back) {
			r.Restored, r.Back = e.Window(), m
		}
	case onrecord.StatementDeleted:
		if !m.FirstHand && r.earlier(e) {
			r.Reported, r.Report, r.ReportAt = reporter(e), e.Window(), e.At
		}
	}
}

func compareDates(a, b dated) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Precision, b.Precision))
}

// precision returns how exact the claimed time is.
func (r *record) precision() onrecord.Precision {
	for _, d := range r.Dates {
		if d.At.Equal(r.Known.Published) {
			return d.Precision
		}
	}
	return ""
}

// earlier reports whether e is the first report of a deletion.
func (r *record) earlier(e onrecord.Event) bool {
	if r.Reported == "" || e.At.Before(r.ReportAt) {
		return true
	}
	return e.At.Equal(r.ReportAt) && reporter(e) < r.Reported
}

// reporter names who reported a deletion: the event's reason, else its source.
func reporter(e onrecord.Event) string {
	if e.Reason != "" {
		return e.Reason
	}
	return e.Source
}

// date is where the statement stands in time: its claimed time, else when it
// was first seen; see dateOf.
func (r *record) date() time.Time { return dateOf(r.Known.Published, r.Known.FirstSeen) }

// dateOf returns where a statement stands in time that claims published and was
// first observed at seen. A claim that lies further in the future than clocks
// and zones differ would lead every list for years, so it counts for nothing
// here (docs/platforms/feed.md).
func dateOf(published, seen time.Time) time.Time {
	const ahead = 36 * time.Hour
	if published.IsZero() || published.Sub(seen) > ahead {
		return seen
	}
	return published
}

// hidden reports whether nothing of what was said may be shown or found.
func (r *record) hidden() bool { return r.Known.Withheld || r.Known.Erased }

// apply folds an event of any type that names the account into a.
func (a *account) apply(e onrecord.Event) {
	a.Known.Apply(e)
	m := markOf(e)
	if e.Figure != "" && m.Over(a.Named) {
		a.Figure, a.Named = e.Figure, m
	}
	if a.Known.Stated == m && a.Known.State == e.State {
		a.Window, a.Code, a.MovedTo = e.Window(), e.Code, ""
		if e.Observed != nil && e.State == onrecord.AccountMoved {
			a.MovedTo = e.Observed.MovedTo
		}
	}
	a.called(e)
	if isStatement(e.Type) && m.FirstHand && (a.Since.IsZero() || e.At.Before(a.Since)) {
		a.Since = e.At
	}
	at := e.At
	if e.Run != nil && e.Run.Until.After(at) {
		at = e.Run.Until
	}
	if m.FirstHand && answered(e) && at.After(a.Looked) {
		a.Looked = at
	}
}

// answered reports whether e comes of a look that the platform answered. Gaps,
// what the archive decided, and looks without a clear answer do not.
func answered(e onrecord.Event) bool {
	switch e.Type {
	case onrecord.StatementLooked:
		return e.Look != onrecord.LookUnclear
	case onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementSeen, onrecord.StatementDeleted, onrecord.StatementRestored,
		onrecord.AccountIdentified, onrecord.AccountWasSuspended, onrecord.AccountWasClosed, onrecord.AccountWentPrivate, onrecord.AccountWasMoved,
		onrecord.AccountRenamed, onrecord.AccountRestored, onrecord.SourceLooked:
		return true
	}
	return false
}

// offline notes whether the platform answers for the account.
func (a *account) offline(e onrecord.Event) {
	if m := markOf(e); m.Over(a.OffBy) {
		a.OffBy, a.Offline, a.Off = m, e.Type == onrecord.PlatformOffline, e.Window()
	}
}

// apply folds an event into s.
func (s *source) apply(e onrecord.Event) {
	s.Known.Apply(e)
	m := markOf(e)
	if (e.Figure != "" || e.Account.ID != "") && m.Over(s.Named) {
		s.Named = m
		if e.Figure != "" {
			s.Figure = e.Figure
		}
		if e.Account.ID != "" {
			s.Account = e.Account
		}
	}
}

func isStatement(t onrecord.EventType) bool {
	switch t {
	case onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementSeen, onrecord.StatementLooked,
		onrecord.StatementDeleted, onrecord.StatementRestored, onrecord.StatementWithheld,
		onrecord.StatementUnwithheld, onrecord.StatementErased, onrecord.MediaKept, onrecord.MediaMissed:
		return true
	}
	return false
}

// isRare reports whether events of type t are few, so that they are found by
// type.
func isRare(t onrecord.EventType) bool {
	switch t {
	case onrecord.StatementCreated, onrecord.StatementSeen, onrecord.StatementLooked, onrecord.SourceLooked, onrecord.MediaKept, onrecord.MediaMissed:
		return false
	}
	return true
}
