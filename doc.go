// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package onrecord holds the words the rest of the program is written in. One
// word, one thing; code, API, pages and docs use the same ones.
//
//	figure       the person or body whose statements are mirrored
//	platform     a kind of place to speak: x, truthsocial, telegram, website, email, broadcast …
//	account      a figure's presence on a platform, known by the platform's stable id, never by its handle
//	source       one account as configured: platform, account, doors in order of preference, schedule
//	door         one access path to a platform: API, public page, feed, a third party's mirror, a file import
//	visit        one run of a source through one door
//	capture      one HTTP exchange (or one imported file) as a WARC record: the evidence
//	observation  what a door saw of one statement in one capture
//	statement    something said: post, reply, repost, quote, article, email, broadcast, transcript, profile
//	version      one wording of a statement, named by the hash of its content
//	event        something that happened to a statement, account, platform or to the archive itself
//	window       the time bounds of an event nobody saw happen: After (exclusive) and By (inclusive)
//	journal      the events, in the order in which they were recorded: the archive's memory
//	ledger       the transparency log over the journal
//	view         what can be thrown away and rebuilt from the journal: the catalog, the search index
//	gap          a span in which a source was not successfully looked at, and why
//
// # What a time means here
//
// Nobody tells an archive when a post was edited or taken down. All it knows
// is that something was so at one visit and otherwise at the next. Every such
// event therefore carries a [Window] and never a single instant. An instant
// that a platform claims, such as a post's own date, is kept beside it and
// named as a claim. Times are UTC, RFC 3339, microseconds at most.
//
// # What is never thrown away
//
// A version, once recorded, is not changed or removed by any function in this
// module. Corrections are new events.
//
// # Event types
//
// The list of [EventType] is closed; a new one needs a decision file under
// docs/decisions.
//
// This package imports the standard library only, and every other package may
// import it.
package onrecord
