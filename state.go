// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"io"
	"time"
)

// A SourceState is the memory of a source between visits, kept in the bucket's
// register state/<source>.json beside the archive's own bookkeeping (counter,
// nonce, pending visit). At most 64 KiB as JSON, those included.
type SourceState struct {
	Source    string               `json:"source"`
	Platform  string               `json:"platform"`
	AccountID string               `json:"account_id,omitempty"` // pinned by the first good visit where config names none
	LastTick  time.Time            `json:"last_tick,omitzero"`
	Done      Done                 `json:"done"`
	Doors     map[string]DoorState `json:"doors,omitempty"` // by the door's id
	Frozen    *Frozen              `json:"frozen,omitempty"`
	Runs      []Run                `json:"runs,omitempty"` // open: not yet in the journal
	Failing   *Failing             `json:"failing,omitempty"`
	Outcome   Outcome              `json:"outcome,omitempty"` // of the last visit
	LastVisit time.Time            `json:"last_visit,omitzero"`
	LastGood  time.Time            `json:"last_good,omitzero"`
	Import    *ImportState         `json:"import,omitempty"`
	// Gaps are noted by the archive when it abandons a visit (reason
	// "abandoned"); the next commit of the source puts them into the journal
	// and drops them here. At most 16.
	Gaps []Gap `json:"gaps,omitempty"`
}

// Done names the last visit of a source that is in the ledger, and the index
// of its visit line there. Index is -1 before the first.
type Done struct {
	Visit VisitID `json:"visit"`
	Index int64   `json:"index"`
}

// Frozen says why absences at a source don't count, and since when.
type Frozen struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// Failing is the present run of failing visits of a source.
type Failing struct {
	Since   time.Time `json:"since"`
	Visits  int       `json:"visits"`
	Outcome Outcome   `json:"outcome"`
	Last    time.Time `json:"last,omitzero"` // end of its last visit
	Kept    time.Time `json:"kept,omitzero"` // when a WARC of this outcome was last kept: the first, then one a day
	// Unreachable says that every request of every visit of the run failed by
	// DNS, connection, TLS or 5xx while another host answered.
	Unreachable bool `json:"unreachable,omitempty"`
}

// A DoorState is what a door needs to go on where it stopped. It moves at
// commit only.
type DoorState struct {
	Cursor     string               `json:"cursor,omitempty"`
	Parser     string               `json:"parser,omitempty"`     // that read what the validators stand for; they bind no other
	Validators map[string]Validator `json:"validators,omitempty"` // by URL
	Backlog    []Backlog            `json:"backlog,omitempty"`    // at most 16
	Fails      int                  `json:"fails,omitempty"`
	RetryAt    time.Time            `json:"retry_at,omitzero"`
	Outcome    Outcome              `json:"outcome,omitempty"`  // of the last visit through it
	LastGood   time.Time            `json:"last_good,omitzero"` // end of the last good visit through it
	Short      *Short               `json:"short,omitempty"`    // older pages that were given up
}

// Short says that older pages were given up, so that the chain from the newest
// page to the cursor was not read to its end: a gap, until it is.
type Short struct {
	Why string `json:"why"`
	// Kept: the cursor still stands where it stood, so that the next visits try
	// again. Else nothing leads to what was given up, and the gap stays.
	Kept bool `json:"kept,omitempty"`
}

// A Validator is what makes the next request for a URL conditional, and the
// last kept capture of its payload, to which a revisit record may refer.
type Validator struct {
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	Digest       string    `json:"digest,omitempty"`      // SHA-256 of the payload last received, hex
	KeptDigest   string    `json:"kept_digest,omitempty"` // of the payload of the last capture that was kept
	KeptAt       time.Time `json:"kept_at,omitzero"`      // WARC-Date of that capture
}

// A Backlog is a request that the budget of a visit left for the next: the
// JSON of a crawler.Request, with the same fields.
type Backlog struct {
	URL         string            `json:"url"`
	Header      map[string]string `json:"header,omitempty"`
	Kind        string            `json:"kind"`
	About       Ref               `json:"about,omitzero"`
	State       string            `json:"state,omitempty"`
	Conditional bool              `json:"conditional,omitempty"`
	NoRedirect  bool              `json:"no_redirect,omitempty"`
	IfNew       bool              `json:"if_new,omitempty"`
	Tries       int               `json:"tries,omitempty"` // how often it failed since a page last asked for it
}

// An ImportState says how far the last import of a source has come: the
// SHA-256 of what is imported and the next record.
type ImportState struct {
	SHA256 string `json:"sha256"` // of the file; of several, of the lines that sha256sum prints of them
	Next   int64  `json:"next"`   // records of the input that are behind us, refused ones among them

	Kind   string `json:"kind,omitempty"`   // of the importer
	Parser string `json:"parser,omitempty"` // of the importer: another one reads from the beginning
	Done   bool   `json:"done,omitempty"`   // the input was read to its end
	// Dated is the date of the dump: an import that goes on keeps it.
	Dated time.Time `json:"dated,omitzero"`
	// File is the path of the last file that was recorded, Capture where it is:
	// what an import that goes on refers to.
	File    string     `json:"file,omitempty"`
	Capture CaptureRef `json:"capture,omitzero"`
}

// A File is a payload that is not held in memory.
type File struct {
	Size   int64 // bytes
	SHA256 [32]byte
	Open   func() (io.ReadCloser, error)
}

// An Exchange is one HTTP exchange as it is to be recorded. Secrets are
// already replaced in the heads. The payload is as received, after transfer
// coding and before content coding is removed.
type Exchange struct {
	URL       string
	At        time.Time // when the request was sent: the WARC-Date, UTC
	Done      time.Time // when the answer was complete or failed
	Method    string
	Status    int    // 0 where there was no answer
	Request   []byte // request line and header block, with the empty line
	Response  []byte // status line and header block, with the empty line; empty where there was no answer
	Payload   []byte
	Truncated string // WARC-Truncated: length, time, disconnect, unspecified; empty if whole
	Type      string // media type of a payload that came without a head; empty for octets
	Failure   string // why there was no answer: "dns", "connect", "tls", "timeout" …, with detail; empty if there was one
	IP        string // address that answered
	Note      []byte // JSON of the visit loop's own, kept beside the record, enough to read the capture again

	// Prior is the last kept capture of the same URL: the recorder may write a
	// revisit record that refers to it where the payload is the same or the
	// answer is 304. Nil for none.
	Prior *Prior
}

// A Prior is an earlier, kept capture of the same URL.
type Prior struct {
	URL    string
	At     time.Time // its WARC-Date
	Digest string    // SHA-256 of its payload, hex
}
