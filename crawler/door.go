// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"errors"
	"net/http"
	"time"

	"onrecord"
)

// ErrDrift reports an answer whose structure a door does not know: never an
// empty page.
var ErrDrift = errors.New("unknown structure")

// A Door reads one account over one path. It does no I/O and decides nothing:
// it makes requests and says what answers show. It is safe for concurrent use.
type Door interface {
	// Info returns what the door is and what it can see.
	Info() Info
	// First returns the requests that begin a visit: the newest page, or,
	// while t has no account id or no cursor, the look-up that finds it. After
	// look-ups that were answered it is asked again, with what they told.
	First(t Target) ([]Request, error)
	// Look returns the request for one statement at its own address. ok is
	// false where the platform has none.
	Look(t Target, s onrecord.Ref) (r Request, ok bool)
	// Read says what a captured answer shows: any complete answer, whatever
	// its status, but 304, 429, 5xx and bot checks, which the loop judges.
	// Unknown structure is ErrDrift, never an empty page.
	Read(t Target, c Capture) (Page, error)
}

// Info describes a door.
type Info struct {
	Kind        string // feed, page, api, preview …: the kind in the configuration
	Parser      string // version of what Read makes of bytes, such as "feed/1"; a new one for every change of results
	Platform    string // empty if the door serves any platform
	Can         onrecord.Capabilities
	MinInterval time.Duration // the platform's floor between two requests to a host; zero for the client's own
}

// A Target is what a door reads, and where it stopped.
type Target struct {
	Platform, AccountID, Handle string
	URL                         string // the configured address, where the door has one
	Cursor                      string // opaque, at most 1 KiB: everything up to it is known or an open gap
}

// A Request is one that a door wants to be made.
type Request struct {
	URL         string            `json:"url"`
	Header      map[string]string `json:"header,omitempty"`      // Accept and the like; never secrets, never validators
	Kind        string            `json:"kind"`                  // lookup, page, item, history, look: the door's own word, back in Capture.Request
	About       onrecord.Ref      `json:"about,omitzero"`        // the statement asked for, if one
	State       string            `json:"state,omitempty"`       // opaque, at most 1 KiB: bounds of the page, the cursor on arrival
	Conditional bool              `json:"conditional,omitempty"` // the loop adds and stores validators, by URL
	NoRedirect  bool              `json:"no_redirect,omitempty"` // Read wants the 3xx itself
	IfNew       bool              `json:"if_new,omitempty"`      // dropped when About is known at base and not due
}

// A Capture is a recorded answer. Body is decoded (content coding removed).
type Capture struct {
	Request Request
	URL     string // where the answer came from, after redirects
	Status  int
	Header  http.Header
	Body    []byte
	At      time.Time // when the answer was complete, UTC
}

// A Page is what one answer shows: three answers that are never mixed, and
// where to go on.
type Page struct {
	Outcome onrecord.Outcome            // transport; empty means ok
	Reason  string                      // for the operator: what is wrong with the answer, where the outcome alone does not tell
	Account onrecord.AccountObservation // zero where the answer says nothing of it
	Items   []onrecord.Observation
	Range   onrecord.Range // the span in which an absence means something; empty for most feeds
	Follow  []Request      // details of what is shown: articles, histories of edits
	Next    []Request      // older pages, as far as Target.Cursor
	Cursor  string         // where to stop next time; from the first page of a visit only
	Short   string         `json:",omitempty"` // why Follow and Next leave out some of what is shown for good: a gap that stays open
}
