// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import "time"

// A Ref names one statement to a door: by its native id, by the platform's own
// local id where that differs, and by its address.
type Ref struct {
	NativeID string `json:"native_id,omitempty"`
	ID       string `json:"id,omitempty"`
	URL      string `json:"url,omitempty"`
}

// A Range is a span of Order keys in which an absence means something. The
// zero Range is empty: nothing follows from absence. Order keys are compared
// by CompareOrder.
type Range struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	FromIn bool   `json:"from_in,omitempty"`
	ToIn   bool   `json:"to_in,omitempty"`
}

// IsZero reports whether r is the empty range.
func (r Range) IsZero() bool { return r == Range{} }

// Contains reports whether the order key o lies in r. An empty From or To with
// FromIn or ToIn set is open on that side; the zero Range contains nothing.
func (r Range) Contains(o string) bool {
	if r.IsZero() || o == "" {
		return false
	}
	if r.From != "" {
		if c := CompareOrder(o, r.From); c < 0 || c == 0 && !r.FromIn {
			return false
		}
	} else if !r.FromIn {
		return false
	}
	if r.To != "" {
		if c := CompareOrder(o, r.To); c > 0 || c == 0 && !r.ToIn {
			return false
		}
	} else if !r.ToIn {
		return false
	}
	return true
}

// CompareOrder compares two order keys by length, then bytes, as decimal ids
// of growing length sort.
func CompareOrder(a, b string) int {
	switch {
	case len(a) < len(b):
		return -1
	case len(a) > len(b):
		return 1
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// An Outcome is the transport's answer: did the platform speak to us at all.
// It says nothing of the account or of a statement.
type Outcome string

// The outcomes of a request, and of a visit.
const (
	OutcomeOK           Outcome = "ok"
	OutcomeNotModified  Outcome = "not_modified"
	OutcomeRateLimited  Outcome = "rate_limited"
	OutcomeBlocked      Outcome = "blocked"      // bot page, captcha, 403 page, robots
	OutcomeUnauthorised Outcome = "unauthorised" // the door needs credentials it does not have
	OutcomeOutage       Outcome = "outage"       // DNS, connection, TLS, time-out, 5xx
	OutcomeDrift        Outcome = "drift"        // an answer whose structure the parser does not know
	OutcomeTruncated    Outcome = "truncated"    // cut by one of our limits, or short of its own length
	OutcomeGone         Outcome = "gone"         // the door's own address answers 404 or 410
	OutcomeInterrupted  Outcome = "interrupted"  // we were stopped in the middle: it says nothing of the platform
)

// An AccountState is what a platform says of an account.
type AccountState string

// The states of an account. The empty state means that an answer says nothing.
const (
	AccountLive      AccountState = "live"
	AccountSuspended AccountState = "suspended"
	AccountClosed    AccountState = "closed"
	AccountPrivate   AccountState = "private"
	AccountMoved     AccountState = "moved"
	AccountUnknown   AccountState = "unknown"
)

// An AccountObservation is what one answer says of the account itself.
type AccountObservation struct {
	State   AccountState `json:"state,omitempty"`
	ID      string       `json:"id,omitempty"` // the platform's stable id
	Handle  string       `json:"handle,omitempty"`
	Name    string       `json:"name,omitempty"`
	MovedTo string       `json:"moved_to,omitempty"` // address of the new account, where State is moved
	Code    string       `json:"code,omitempty"`     // the platform's own word for State
}

// IsZero reports whether the answer says nothing of the account.
func (a AccountObservation) IsZero() bool { return a == AccountObservation{} }

// An ItemState is what an answer says of one statement.
type ItemState string

// The states of an item in an answer.
const (
	ItemLive     ItemState = "live"
	ItemGone     ItemState = "gone"     // with the platform's gone code
	ItemWithheld ItemState = "withheld" // the platform has it and does not show it to us
	ItemUnclear  ItemState = "unclear"
)

// Precision says how exact a claimed time is.
type Precision string

// The precisions of a claimed time.
const (
	PrecisionSecond Precision = "second"
	PrecisionMinute Precision = "minute"
	PrecisionDay    Precision = "day"
	PrecisionMonth  Precision = "month"
	PrecisionYear   Precision = "year"
)

// An Observation is what a door saw of one statement in one capture.
type Observation struct {
	Ref
	Order   string    // position in ranges, see CompareOrder; empty if the door has none
	Aliases []string  // other native ids of the same statement
	State   ItemState // live where content is given
	Code    string    // the platform's own word for State
	Partial bool      // an excerpt: an item page follows, its content is compared with nothing
	Signed  bool      // a signed or platform-issued deletion (D4), where State is gone
	Changed time.Time // the platform's claim when this wording began, UTC; a history is one Observation a wording, oldest first
	// Dated says that the platform tells every change by the author in Changed:
	// while that stands, another content is no edit, such as what a repost
	// repeats.
	Dated   bool `json:",omitempty"`
	Content Content

	Published  time.Time        // Content.Published as an instant, UTC; zero where it can't be read
	Precision  Precision        // of Published
	Engagement map[string]int64 // likes, reposts, replies, views … as shown
}

// A CaptureRef points at evidence: the bytes [Offset, Offset+Length) of a WARC
// object, which have this SHA-256 (lower-case hex).
type CaptureRef struct {
	Object string    `json:"object"`
	Offset int64     `json:"offset"`
	Length int64     `json:"length"`
	SHA256 string    `json:"sha256"`
	URL    string    `json:"url"`
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"`
}

// A Seen is one answered request of a visit: when, by which evidence, and the
// three answers that are never mixed.
type Seen struct {
	At      time.Time // when the answer was complete, UTC
	Kind    string    // the request's: lookup, page, item, history, look, canary …
	About   Ref       // the statement asked for, if one
	Capture CaptureRef

	Outcome Outcome
	Account AccountObservation
	Items   []Observation
	Range   Range
}

// Capabilities are what a door can see, as data. The door suite holds each
// door to them.
type Capabilities struct {
	CompleteRanges bool `json:"complete_ranges"` // an absence within Page.Range means something
	EditSignal     bool `json:"edit_signal"`     // the platform says when a wording began
	DeletionSignal bool `json:"deletion_signal"` // the platform issues deletions (D4)
	AccountStates  bool `json:"account_states"`  // suspended, closed and the like can be told apart
	OwnAddress     bool `json:"own_address"`     // one statement can be asked for (Look)
	OwnWording     bool `json:"own_wording"`     // what answers there is read, wording and all: an edit shows
	ThirdParty     bool `json:"third_party"`     // a mirror: may add, may not overrule
}
