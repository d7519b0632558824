// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"errors"
	"time"
)

// ErrNotFound reports that the archive holds nothing under an id.
var ErrNotFound = errors.New("not found")

// ErrUnavailable reports that what an answer needs can't be reached for now,
// as evidence in a bucket that does not answer.
var ErrUnavailable = errors.New("not available for now")

// ErrBusy reports that too many others ask for what takes time to make.
var ErrBusy = errors.New("busy with others")

// A Statement is what a view shows of one statement: its current wording and
// what is known of its fate. Zero times are unknown.
type Statement struct {
	ID           StatementID
	Figure       FigureRef
	Account      AccountRef
	AccountState AccountState
	Platform     string
	NativeID     string
	URL          string // the original's address
	Type         string
	Lang         string

	PublishedAt time.Time // claimed
	Precision   Precision
	Date        time.Time // PublishedAt, else FirstSeen: where the statement stands in time

	Version  VersionID
	SHA256   string // of the content record, 64 hex digits
	Content  Content
	Media    []Attachment // of the current wording, in order, with what is known of the archive's copies
	Versions int          // number of distinct wordings known
	Edited   bool         // at least one edit was seen

	State       State
	Provenance  Provenance
	Grade       Grade
	Reported    string // who reported it, while State is deleted and nobody saw that first-hand ("reported deleted by …")
	StateWindow Window // of the present state, where it is not live
	Returned    bool   // it was gone before, and came back: how long it was online is not one span
	EditWindow  Window // of the last edit, where Edited
	FirstSeen   time.Time
	LastSeen    time.Time
	FirstGone   time.Time
	GoneChecks  int

	Captures     int   // how many captures are cited for it
	LogIndex     int64 // ledger index of its first event
	LastIndex    int64 // ledger index of its last event
	Engagement   map[string]int64
	EngagementAt time.Time

	ReplyTo, RepostOf, QuoteOf StatementID // where the archive knows what was meant; else empty

	Decision *Decision // why it is not shown, where State is withheld
}

// WasThere reports whether s, whose account or platform is gone, is known to
// have been at its source until then: it was seen there, and was not found
// missing before the window of its state.
func (s Statement) WasThere() bool {
	return !s.LastSeen.IsZero() && (s.FirstGone.IsZero() || !s.StateWindow.After.IsZero() && s.FirstGone.After(s.StateWindow.After))
}

// A FigureRef names a figure.
type FigureRef struct {
	Slug string
	Name string
}

// A Version is one wording of a statement, as a view shows it.
type Version struct {
	ID        VersionID
	SHA256    string
	Content   Content
	Media     []Attachment // of this wording, in order
	FirstSeen time.Time
	LastSeen  time.Time
	Window    Window    // when this wording began: (last seen otherwise, first seen so]
	Changed   time.Time // the platform's claim; zero if none
	Doors     []string  // source/door that read it
	Seen      bool      // a reading by another door or parser, no edit
	LogIndex  int64     // of the event that brought it
}

// A Figure is what a view shows of a figure.
type Figure struct {
	FigureRef
	Accounts    []Account
	Statements  int64
	LastCapture time.Time
}

// An Account is what a view shows of an account.
type Account struct {
	AccountRef
	Figure     string
	URL        string
	State      AccountState
	Window     Window // of that state, where it is not live
	Code       string // the platform's own word for it
	Statements int64
	Since      time.Time // first captured
	LastLooked time.Time

	MovedTo   string   // address of the new account, where State is moved
	Taken     bool     // another account answers to the handle by which a source visits it
	IsOffline bool     // its platform no longer answers our visits
	Offline   Window   // since when
	Handles   []Handle // oldest first
	Sources   []string // that told of it, in order
}

// A Lost counts the statements of an account that is suspended, closed or
// private.
type Lost struct {
	Together int64 // gone with it, and known to have been there until then
	Unknown  int64 // gone with it, perhaps before
	Deleted  int64 // found deleted first-hand, each by itself, by the time the account was gone
}

// A Hearsay counts statements that nobody here ever saw at their source: what
// is known of them is what others say.
type Hearsay struct {
	Reported int64 // in the state deleted: reported so, not seen
	Imported int64 // in the state live: an import has them
	Mirrored int64 // in the state live: a third party's mirror has them
}

// A Coverage is a span in which a source was looked at, or a gap.
type Coverage struct {
	Source string
	Figure string
	Door   string
	From   time.Time
	Until  time.Time // zero for a gap that is still open
	Status string    // captured, gap
	Reason string    // of a gap
	Visits int
	Index  int64 // ledger index of the event that recorded it; -1 while unrecorded
}

// A SourceStatus is how a source fares.
type SourceStatus struct {
	Source, Figure, Platform string
	Account                  AccountRef
	Schedule                 string
	LastVisit                time.Time
	LastGood                 time.Time
	Outcome                  Outcome   // of the last visit
	Next                     time.Time // when it is visited next: due time with jitter, back-off and pause counted in; zero if it is not
	Frozen                   string
	OpenGaps                 []Gap
	Statements               int64

	LastTick        time.Time    // the tick that the last visit served
	FrozenAt        time.Time    // zero if not frozen
	Paused          time.Time    // since when the operator has paused it; zero if not
	PausedNote      string       // why, in the operator's words
	IdentityChanged bool         // another account stands behind the handle: nothing is attributed until the operator has spoken
	Doors           []DoorStatus // in order of preference
	OpenRuns        []Coverage   // looks that are not in the journal yet; Index is -1
	Overdue         bool         // it has a schedule, was visited, and has gone three intervals without success
	Unreadable      string       // why its state can't be read: what is in no ledger is not known then, and zero; empty if it can
}

// A DoorStatus is how one door of a source fares.
type DoorStatus struct {
	ID       string
	Kind     string    // feed, page, api …
	Host     string    // host and port that its requests go to
	Outcome  Outcome   // of the last visit through it; empty if there was none
	Fails    int       // visits through it that failed in a row
	RetryAt  time.Time // not before, where it waits; zero or past if it may be tried now
	LastGood time.Time // end of the last good visit through it
	Sees     Capabilities
}

// A Checkpoint is the state of the ledger that an answer rests on.
type Checkpoint struct {
	Size int64
	Root string    // base64
	Time time.Time // when the last applied event was observed
}

// An Evidence is one capture that an event of a statement cites.
type Evidence struct {
	CaptureRef
	Index int64     // ledger index of the event that cites it
	Type  EventType // of that event
	// Down is the case for which the record is not served, because it shows
	// another statement that is withheld or was erased; empty for most. Redacted
	// tells that its content is gone for good.
	Down     string
	Redacted bool
}

// An EventFilter narrows a walk over the journal. Lists are alternatives;
// empty fields ask nothing.
type EventFilter struct {
	Types     []EventType
	Figure    string // slug
	Platform  string
	Source    string
	Statement StatementID
}

// A CoverageFilter narrows coverage. Empty fields ask nothing; a span that
// overlaps [Since, Until) matches.
type CoverageFilter struct {
	Figure string // slug
	Source string
	Since  time.Time
	Until  time.Time
	Gaps   bool // gaps only
}
