// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package catalog is the local read model: one SQLite file that answers what
// was said, what became of it, and exact searches. It holds nothing that the
// journal does not hold: delete it, and Apply from index 0 makes it again.
//
// # Who writes
//
// One process holds the lock beside the file and applies journal lines in
// ledger order; any number of others may read the same file meanwhile. Each
// batch is one transaction, which also stores the size and the root of the
// ledger that the tables now show.
//
// # How it is ordered
//
// A statement's rowid is 33 bits of seconds since 1900-01-01 UTC, good until
// March 2172, and 30 bits of its id, plus one as often as another statement has that number.
// So the newest come first by walking the index backwards, and a span of time
// is a span of rowids. The seconds are those of the statement's date when it
// was first applied: its claimed time, else when it was first seen. They never
// move. A date that is corrected later is kept apart: it decides which spans of
// time the statement belongs to, not where it stands in a list.
//
// What happened to a statement is folded by time of observation, not by ledger
// order (onrecord.Known.Apply), so that the same events give the same tables in
// whatever order they were committed; rowids and ledger indexes apart.
//
// # What is searched
//
// Title, text, spoiler, descriptions of media and options of polls, of every
// wording that a statement ever had. Tokens are made by search.Tokens, and
// nothing else is ever put into the index.
package catalog
