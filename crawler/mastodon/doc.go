// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package mastodon is the door to accounts on Mastodon, and on servers that
// answer as it does, through the client API of the account's home server,
// without credentials (docs/platforms/mastodon.md; the shapes are those of
// docs.joinmastodon.org, entities Account, Status, StatusEdit, Quote, Poll).
//
// The server is the part of the handle after the last "@". A visit looks the
// account up and reads the newest statuses, then older ones as far as the last
// visit came. Statuses are listed by id, so that a page is a complete range and
// an absence in it means something. An edit shows in edited_at, and the
// status's history tells each wording and when it began. Only what is public or
// unlisted is kept.
package mastodon
