// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package change says what happened between two visits.
//
// Between is a pure function of what is known and what one visit saw. It does
// no I/O, asks no clock, and keeps nothing: the same arguments give the same
// events. Doors observe; only this package decides that something was edited,
// deleted or banned. Its cases are stories in testdata.
//
// # What a visit may say
//
//   - A visit that failed, was blocked or met an unknown structure says that a
//     gap has opened, once for each reason, and nothing else. What a visit did
//     show before it failed is recorded as seen; what it did not show means
//     nothing.
//   - Another stable id behind the handle stops everything until the operator
//     has spoken.
//   - A late visit, an import and a third party's mirror may add statements and
//     versions. They end nothing, and what was seen first-hand stays as it is.
//   - An import or mirror may report a deletion (D0); for one, Seen.At is the
//     date of the dump.
//   - Only a good first-hand visit, to an account that is live, of a source that
//     is not frozen, may find something missing.
//
// # What a door has read
//
// Content is compared with what the same door and parser last read. A visit
// without news is a reading too, though no event says so: its run covers what
// it showed, and a door of which no event names a wording has read the one
// that was current (onrecord.Known.Read). For that to be sure, two things that
// look quiet are events: a door that catches up with a wording that another
// door brought, and a door that still shows an old one, are statement.seen.
//
// # Runs
//
// Every good visit has a run: what it covered. Without news it extends the
// open runs of the state register; with news, or when the oldest open run is
// an hour old, all open runs, the visit's own among them, become source.looked
// events at the head of its journal segment. A run states a Range only where a
// missing statement means something and none is missing without explanation;
// else it lists what was seen.
package change
