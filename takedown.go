// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"regexp"
	"time"
	"unicode/utf8"
)

// caseForm is how a case may be called: it stands on pages and terminals.
var caseForm = regexp.MustCompile(`^[\pL\pN][\pL\pN ._/#-]{0,63}$`)

// IsCase reports whether s can be the number of a case: letters, digits, spaces
// and ._/#- only, at most 64.
func IsCase(s string) bool { return utf8.ValidString(s) && caseForm.MatchString(s) }

// A Ground says why an archive does not show a statement.
type Ground string

// The grounds. Withheld for policy, an address answers 410; for law, 451
// (RFC 7725).
const (
	GroundPolicy Ground = "policy"
	GroundLaw    Ground = "law"
)

// A Takedown is a decision of the operator: of statement.withheld,
// statement.unwithheld, statement.erased and archive.erasure_done
// (record.md 5). It is public; Reason is written for readers and names nobody.
type Takedown struct {
	Case   string `json:"case"` // number of the case, such as T-2026-014
	Ground Ground `json:"ground,omitempty"`
	Reason string `json:"reason,omitempty"` // the category: "personal data of a third party"
	// Decided is when, UTC; zero: the event's At. A statement.withheld that has it
	// adds evidence to a decision that was recorded then.
	Decided time.Time `json:"decided,omitzero"`
}

// A Decision is a take-down as readers are told of it.
type Decision struct {
	Takedown
	Type      EventType   // statement.withheld, unwithheld or erased
	Statement StatementID // empty in lists where it was erased
	Index     int64       // ledger index of the event that records it
	Entry     int64       // ledger index of the statement's first entry; -1 where that is not told
	InForce   bool        // the statement is not shown because of it
	// Others are in force, too, where a statement is withheld in several cases:
	// it is shown when all of them are lifted.
	Others []Decision
}

// A Span is a part of an object, in bytes.
type Span struct {
	Object string `json:"object"` // key
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
}

// An ObjectValue is what an object must be: after an erasure, its new value.
type ObjectValue struct {
	Key    string `json:"key"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// An Erasure is what a statement.erased event orders: which lines of the
// journal become tombstones, which records are redacted, and what the objects
// that hold them are afterwards (record.md 5). Text and ids are gone with it:
// it names leaves and places only.
type Erasure struct {
	Leaves  []int64       `json:"leaves"`            // ledger indexes, ascending
	Records []Span        `json:"records,omitempty"` // WARC records, by object, then offset
	Objects []ObjectValue `json:"objects"`           // by key
	// Also are the ids of the statement's aliases, sorted: what is observed under
	// one of them is journalled without content, too.
	Also []StatementID `json:"also,omitempty"`
	// Note is a signed note by which a key of the log vouches for the erasure: it
	// has the case, the statement and the SHA-256 of Canonical. An erasure without
	// it orders nothing (record.md 5). A commit sets it.
	Note string `json:"note,omitempty"`
}

// A KeptMedia is what a media event says of one attachment of a statement:
// that its bytes are kept, or why they are not.
type KeptMedia struct {
	ID     string `json:"id"`            // as in Content.Media
	URL    string `json:"url,omitempty"` // where it was fetched
	SHA256 string `json:"sha256,omitempty"`
	Type   string `json:"type,omitempty"` // media type as sniffed
	Size   int64  `json:"size,omitempty"` // bytes; of what is too large, the most that is kept
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	// At is where the payload's bytes lie; the zero Span where nothing is kept.
	At Span `json:"at,omitzero"`
	// Missing says why nothing is kept: see MissingGone and those after it.
	Missing string `json:"missing,omitempty"`
}

// Why an attachment is not kept.
const (
	MissingGone        = "gone"        // its address answers 404 or 410
	MissingRefused     = "refused"     // robots.txt, the guard against inner addresses, or another 4xx
	MissingTooLarge    = "too_large"   // for the operator's limits
	MissingType        = "type"        // what is served is nothing that is kept, such as a page named .jpg
	MissingUnreachable = "unreachable" // no answer, or none that was whole, at every try
)
