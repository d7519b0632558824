// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A Mark says where something that is known comes from, so that of two events
// the same one wins in whatever order they are applied: first-hand before
// others, then the later time of observation, then the larger ledger index.
type Mark struct {
	FirstHand bool
	At        time.Time // time of observation, UTC
	Index     int64     // ledger index; -1 for none
}

// Over reports whether what m stands for prevails over what o stands for. A
// Mark prevails over the zero Mark.
func (m Mark) Over(o Mark) bool {
	if o == (Mark{}) {
		return true
	}
	if m.FirstHand != o.FirstHand {
		return m.FirstHand
	}
	if !m.At.Equal(o.At) {
		return m.At.After(o.At)
	}
	return m.Index > o.Index
}

// A Reading is what one door with one parser version last read of a statement.
// Where Version is empty, the door has always read the wording that was
// current, so that no event names it: Known.Read finds it.
type Reading struct {
	Version VersionID
	At      time.Time // last time it read this, UTC
	Mark    Mark      // of the event that named Version; zero where that is empty
}

// A Wording is one observation that named a version of a statement. There may
// be several of one version: a text that was changed and changed back.
type Wording struct {
	Version VersionID
	Mark    Mark
	From    time.Time // when it was surely so: the time of the request, at most Mark.At
	// Moves: created or edited, so that the wording became the current one. An
	// event statement.seen only adds a version.
	Moves bool
	// Past: read from the platform's own history, when the wording was over
	// already (Event.Reason is ReasonHistory).
	Past      bool
	Changed   time.Time // the platform's claim when it began
	Published time.Time // claimed
}

// A Deletion is one statement.deleted event that was seen first-hand.
type Deletion struct {
	At     time.Time // time of observation
	Window Window
	Grade  Grade
}

// A GoneLook is one look at a statement's own address that gave the
// platform's gone code.
type GoneLook struct {
	At   time.Time
	Code string
}

// A Known is what the views know of one statement at a base: the events up to
// it, folded by time of observation, with the coverage of the open runs added.
type Known struct {
	Ref
	Statement  StatementID
	Account    string // the platform's stable account id
	Order      string
	Aliases    []string
	State      State
	Version    VersionID          // current wording
	Versions   []VersionID        // all wordings, oldest first
	Readings   map[string]Reading // by ReadingKey
	Provenance Provenance         // of the first event that was captured, else of the first
	FirstSeen  time.Time          // first-hand or not, as Provenance says
	LastSeen   time.Time          // last seen live first-hand; zero if never
	Published  time.Time          // claimed
	Prev       int64              // ledger index of its last event; -1 for none

	Absent  time.Time  // first time found absent since it was last seen live; zero if not suspect
	Gone    []GoneLook // since it was last seen live, oldest first
	Deleted Window     // of the deletion in force, where State is deleted
	Grade   Grade      // of that deletion

	FirstIndex int64             // ledger index of its first event; -1 for none
	Wordings   []Wording         // oldest observation first; Version and Versions follow from them
	Absences   []time.Time       // every look that found it absent since LastSeen, oldest first
	Deletions  []Deletion        // since LastSeen, oldest first
	WasDeleted bool              // it was seen live again after a deletion
	LastRead   time.Time         // last time that somebody first-hand read how it is worded, and not only that it is there
	Checked    time.Time         // last first-hand look that would have shown an edit or its end: at its own address, or whole in a complete range; zero if never
	Tried      time.Time         // last time that it was asked for at its own address, whatever came of it; never before Checked
	LastLook   time.Time         // last statement.looked or statement.deleted, whatever it found
	Named      Mark              // of the event that ID and URL come from
	Withheld   bool              // some case is in force
	Cases      map[string]Ruling // by number of the case
	Erased     bool              // its content must not be recorded again
	Also       []StatementID     // ids of the aliases of an erased statement, sorted (Erasure.Also)
	Reported   []string          // sources that reported it deleted without having seen it first-hand (D0), sorted
}

// Clone returns a copy of k that shares nothing with it that Apply changes.
func (k Known) Clone() Known {
	k.Readings = maps.Clone(k.Readings)
	k.Aliases = slices.Clone(k.Aliases)
	k.Cases = maps.Clone(k.Cases)
	k.Also = slices.Clone(k.Also)
	k.Versions = slices.Clone(k.Versions)
	k.Wordings = slices.Clone(k.Wordings)
	k.Gone = slices.Clone(k.Gone)
	k.Absences = slices.Clone(k.Absences)
	k.Deletions = slices.Clone(k.Deletions)
	k.Reported = slices.Clone(k.Reported)
	return k
}

// Read returns what the door and parser of key last read of the statement. ok
// is false if they never read it, or if what they read is not known any more.
// named tells that an event says so; without one it is the wording that was
// current at that time.
func (k *Known) Read(key string) (r Reading, named, ok bool) {
	r, ok = k.Readings[key]
	if !ok || r.Version != "" {
		return r, ok, ok
	}
	r.Version = k.currentAt(r.At)
	return r, false, r.Version != ""
}

// Current returns the observation that the current wording comes from.
func (k *Known) Current() Wording {
	w, _ := k.latest(func(Wording) bool { return true })
	return w
}

// Suspect reports whether the statement was found absent or gone and not seen
// since; one that is deleted is.
func (k *Known) Suspect() bool {
	return !k.Absent.IsZero() || len(k.Gone) > 0
}

// OwnGone reports whether the statement's own address calls it gone, though no
// list has missed it: nothing else was seen of its end.
func (k *Known) OwnGone() bool {
	return len(k.Gone) > 0 && len(k.Absences) == 0 && k.Grade < GradeD4 && !k.Erased
}

// Unsettled reports whether looks at the statement's own address are wanted: it
// is a suspect, and not deleted by D3 or D4 yet.
func (k *Known) Unsettled() bool { return k.Suspect() && !k.Erased && k.Grade < GradeD3 }

// StateUnder returns the state of the statement while its account is in the
// given state: what is live in itself is gone with an account that is
// suspended, closed or private, and offline with its platform.
func (k *Known) StateUnder(account AccountState, offline bool) State {
	if k.State == StateWithheld || k.State == StateDeleted {
		return k.State
	}
	switch {
	case account == AccountSuspended || account == AccountClosed || account == AccountPrivate:
		return StateGoneWithAccount
	case offline:
		return StatePlatformOffline
	}
	return k.State
}

// currentAt returns the version that was current at t, as k knows now.
func (k *Known) currentAt(t time.Time) VersionID {
	w, _ := k.latest(func(w Wording) bool { return !w.Mark.At.After(t) })
	return w.Version
}

func (k *Known) latest(ok func(Wording) bool) (Wording, bool) {
	for _, rank := range []func(Wording) bool{
		func(w Wording) bool { return w.Moves && w.Mark.FirstHand },
		func(w Wording) bool { return w.Mark.FirstHand && !w.Past },
		func(w Wording) bool { return !w.Past },
		func(Wording) bool { return true },
	} {
		if !slices.ContainsFunc(k.Wordings, rank) {
			continue
		}
		for _, w := range slices.Backward(k.Wordings) {
			if rank(w) && ok(w) {
				return w, true
			}
		}
		return Wording{}, false
	}
	return Wording{}, false
}

// A Ruling is what was last decided in one case: to withhold a statement, or to
// withhold it no more.
type Ruling struct {
	Takedown Takedown
	Withheld bool
	Mark     Mark // of the event
}

// ReadingKey is the key of Known.Readings: a source's door and its parser.
func ReadingKey(source, door, parser string) string { return source + "/" + door + "/" + parser }

// A KnownAccount is what the views know of an account at a base.
type KnownAccount struct {
	Platform, ID, Handle, Name string
	State                      AccountState // unknown if never observed
	LastLive                   time.Time    // last time seen live first-hand
	Since                      time.Time    // when State was first observed

	Identified bool                       // an account event has named it, first-hand or not
	LastAs     map[AccountState]time.Time // last time seen first-hand in each state
	Named      Mark                       // of the event that Handle and Name come from
	Stated     Mark                       // of the event that State comes from
}

// A KnownSource is what the views and the state register know of a source.
type KnownSource struct {
	Source          string
	LastGood        time.Time // end of the last visit whose outcome was ok
	Frozen          string    // reason; empty if not frozen
	FrozenAt        time.Time
	IdentityChanged bool      // attribution is stopped until the operator has spoken
	Offline         bool      // the platform is recorded as offline
	FailSince       time.Time // first failure of the present run of failing visits; zero if the last was good
	FailVisits      int       // how many
	Gaps            []Gap     // open ones, by reason

	// Runs are the latest of each door and parser that the journal holds, by
	// RunKey, without Asked: what a 304 repeats.
	Runs map[string]Run
	// Complete is the latest first-hand run with a Range: the last complete look.
	Complete Run
	// Thawed is when the operator last thawed the source: what was missing
	// before that has been looked at by a person.
	Thawed time.Time
	Marks  map[string]Mark // of the events that the fields come from
}

// RunKey is the key of KnownSource.Runs: a door and its parser.
func RunKey(door, parser string) string { return door + "/" + parser }

// The orders in which Apply keeps its lists.

func compareWordings(a, b Wording) int {
	return cmp.Or(a.Mark.At.Compare(b.Mark.At), cmp.Compare(a.Mark.Index, b.Mark.Index), cmp.Compare(a.Version, b.Version))
}

func compareLooks(a, b GoneLook) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Code, b.Code))
}

func compareDeletions(a, b Deletion) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Grade, b.Grade), a.Window.By.Compare(b.Window.By), a.Window.After.Compare(b.Window.After))
}
