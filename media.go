// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import "time"

// A Wanted is an attachment that a version names, whose address is known, and of
// which no event says yet that it is kept or missing.
type Wanted struct {
	Statement StatementID
	Source    string // whose observation named it
	Media     Media
	Since     time.Time // when it was first named
	Imported  bool      // only an import has named it
}

// An Attachment is what a view shows of an attachment of a statement.
type Attachment struct {
	Media
	Kept *KeptMedia // the archive's copy, or why there is none; nil while it is neither kept nor missing
	// Pending: it is wanted, and was not fetched yet.
	Pending bool
}

// A StoredMedia is a payload that the archive keeps, as a view knows it.
type StoredMedia struct {
	KeptMedia
	Captured time.Time // WARC-Date of the exchange that brought it
	// Statement is one that it belongs to; Withheld says that it is withheld, and
	// each other that has it, too.
	Statement StatementID
	Withheld  bool
}
