// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import "time"

// A Reading is what one door with one parser version last read of a statement.
type Reading struct {
	Version VersionID
	At      time.Time // last time it read this, first-hand, UTC
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
}

// ReadingKey is the key of Known.Readings: a source's door and its parser.
func ReadingKey(source, door, parser string) string { return source + "/" + door + "/" + parser }

// A KnownAccount is what the views know of an account at a base.
type KnownAccount struct {
	Platform, ID, Handle, Name string
	State                      AccountState // unknown if never observed
	LastLive                   time.Time    // last time seen live first-hand
	Since                      time.Time    // when State was first observed
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
	Gaps            []Gap     // open ones
}
