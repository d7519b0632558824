// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package mastodon is the door "api": it reads an account of a Mastodon server,
// or of one that speaks the same API, without credentials.
package mastodon
