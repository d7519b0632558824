// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import "time"

// An EventType names what happened. The list is closed.
type EventType string

// The event types.
const (
	StatementCreated    EventType = "statement.created"
	StatementEdited     EventType = "statement.edited"
	StatementSeen       EventType = "statement.seen"   // another wording first read by another door or parser version
	StatementLooked     EventType = "statement.looked" // at a suspect: Look says what was found
	StatementDeleted    EventType = "statement.deleted"
	StatementRestored   EventType = "statement.restored"
	StatementWithheld   EventType = "statement.withheld"
	StatementUnwithheld EventType = "statement.unwithheld"
	StatementErased     EventType = "statement.erased"

	AccountIdentified      EventType = "account.identified"
	AccountWasSuspended    EventType = "account.suspended"
	AccountWasClosed       EventType = "account.closed"
	AccountWentPrivate     EventType = "account.private"
	AccountWasMoved        EventType = "account.moved"
	AccountRenamed         EventType = "account.renamed"
	AccountRestored        EventType = "account.restored"
	AccountIdentityChanged EventType = "account.identity_changed"

	PlatformOffline EventType = "platform.offline"
	PlatformOnline  EventType = "platform.online"

	SourceLooked EventType = "source.looked" // a run of visits without news
	SourceGap    EventType = "source.gap"    // opened or closed, with reason
	SourceFrozen EventType = "source.frozen"
	SourceThawed EventType = "source.thawed"

	ArchiveCreated      EventType = "archive.created"
	ArchiveLabelChanged EventType = "archive.label_changed"
	ArchiveKeyRotated   EventType = "archive.key_rotated"
	ArchiveAdopted      EventType = "archive.adopted"
	ArchiveErasureDone  EventType = "archive.erasure_done"
	ArchiveGaveUp       EventType = "archive.gave_up" // lines that are lost: Event.GivesUp

	// MediaKept and MediaMissed belong to a statement: an attachment's bytes are
	// in the archive, or are not to be had (docs/decisions/0010-media.md).
	MediaKept   EventType = "media.kept"
	MediaMissed EventType = "media.missed"

	VisitAbandoned EventType = "visit.abandoned"

	// VisitLine is the type of line 0 of a journal segment; it is no event.
	VisitLine EventType = "visit"

	// TombstoneLine is the type of what stands in place of a line whose leaf an
	// erasure names; it is no event. Takedown.Case is all that it says.
	TombstoneLine EventType = "tombstone"

	// ErasureUnsigned is the type under which a statement.erased event is read that
	// no key of the log has signed; it is no event. It names no statement and no
	// erasure: nobody follows it.
	ErasureUnsigned EventType = "erasure.unsigned"

	// LineLost is the type under which a line is read whose bytes are lost; it is
	// no event. ActLost is that of one whose visit may have been an act of the
	// operator: see LostLines.
	LineLost EventType = "line.lost"
	ActLost  EventType = "act.lost"
)

// A State is what is known of a statement now.
type State string

// The states of a statement; "edited" is a flag beside them.
const (
	StateLive            State = "live"
	StateDeleted         State = "deleted"
	StateGoneWithAccount State = "gone_with_account"
	StatePlatformOffline State = "platform_offline"
	StateRestored        State = "restored"
	StateUnconfirmed     State = "unconfirmed"
	StateWithheld        State = "withheld"
)

// A Provenance says how something came here.
type Provenance string

// The provenances.
const (
	Captured Provenance = "captured" // by us, first-hand
	Imported Provenance = "imported" // from a file
	Mirrored Provenance = "mirrored" // through a third party's mirror
)

// A Grade is the strength of the evidence for a deletion, D0 to D4.
// The empty Grade belongs to events that need none.
type Grade string

// The grades.
const (
	GradeD0 Grade = "D0" // not in a list known to be incomplete, or reported by a third party
	GradeD1 Grade = "D1" // not in a complete range
	GradeD2 Grade = "D2" // its own address gave the gone code twice while the account lived
	GradeD3 Grade = "D3" // the same again at least 24 h later
	GradeD4 Grade = "D4" // signed or issued by the platform
)

// A LookResult says what a look at a suspect found.
type LookResult string

// The results of a look.
const (
	LookAbsent  LookResult = "absent" // from a complete range
	LookGone    LookResult = "gone"   // its own address gave the platform's gone code
	LookLive    LookResult = "live"
	LookUnclear LookResult = "unclear"
)

// An AccountRef names an account in an event.
type AccountRef struct {
	Platform string `json:"platform"`
	ID       string `json:"id"`
	Handle   string `json:"handle,omitempty"`
	Name     string `json:"name,omitempty"`
}

// A Gap is the change that a source.gap event records: a span in which the
// source was not successfully looked at opens or closes. There is at most one
// open gap of a Reason at a source.
type Gap struct {
	Reason string    `json:"reason"` // an Outcome, "backlog" for pages left by the budget, or GapPaused
	Open   bool      `json:"open"`   // opened by this event, else closed
	Since  time.Time `json:"since"`  // when it was opened: the last good look before it, or the first visit
	Note   string    `json:"note,omitempty"`
}

// GapPaused is the Reason of the gap that an operator opens by pausing a source
// and closes by resuming it. No visit closes it. Its Note is the operator's.
const GapPaused = "paused"

// ReasonHistory is the Reason of a statement.seen whose wording was read from
// the platform's own history and was over by then.
const ReasonHistory = "history"

// A Run is a span of visits of a source that saw the same (record.md 3). The
// statements it saw are those in Seen, and every statement that has an event
// at Base or before, lies in Range and is not in Except. Except and Seen are
// sorted.
type Run struct {
	Door   string        `json:"door"`
	Parser string        `json:"parser"`
	From   time.Time     `json:"from"`  // first visit of the run
	Until  time.Time     `json:"until"` // last visit of the run
	Visits int           `json:"visits"`
	Base   int64         `json:"base"` // ledger index up to which its judgements knew
	Range  Range         `json:"range,omitzero"`
	Except []StatementID `json:"except,omitempty"` // known at Base and in Range, yet not seen, whatever their state
	Seen   []StatementID `json:"seen,omitempty"`   // shown outside of Range, or new in it; at most 500

	// Unread are those of Range and Seen that were shown without their wording,
	// as an excerpt: seen, not read. Sorted.
	Unread []StatementID `json:"unread,omitempty"`
	// Asked are the visits that asked for known statements at their own
	// addresses, oldest first, and what came of it; at most 500 statements. That
	// a list shows what it showed before repeats nothing of this.
	Asked []Asked `json:"asked,omitempty"`

	// Checks: the visits asked for known statements at their own addresses and
	// for nothing else. They say nothing of what is new, and that nobody looked
	// in between is not denied.
	Checks bool `json:"checks,omitempty"`

	Account    AccountState `json:"account,omitempty"`    // as the visits saw the account; empty where they could not tell
	Provenance Provenance   `json:"provenance,omitempty"` // of the visits; empty means captured
}

// An Asked is one visit of a run that asked for known statements at their own
// addresses. The lists are sorted, and no statement is in two of them. What is
// news has events of its own; this says that somebody looked.
type Asked struct {
	At      time.Time     `json:"at"`                // when the visit began: no answer is older
	Read    []StatementID `json:"read,omitempty"`    // live, and the door read the wording that it or an event names
	Live    []StatementID `json:"live,omitempty"`    // live; how it reads was not looked at
	Gone    []StatementID `json:"gone,omitempty"`    // the platform's gone code
	Unclear []StatementID `json:"unclear,omitempty"` // an answer that says neither, or none
}

// Len returns how many statements were asked for.
func (a Asked) Len() int { return len(a.Read) + len(a.Live) + len(a.Gone) + len(a.Unclear) }

// An Event is something that happened, as one line of the journal. At is when
// it was observed; After and By are its window. Statement, Version and Content
// belong to statement events, Account to statement and account events.
type Event struct {
	Type  EventType
	At    time.Time
	After time.Time
	By    time.Time
	// Disputed: see Window.
	Disputed bool

	Figure  string
	Source  string
	Door    string // id of the door; empty for acts of the operator
	Parser  string // version of the door's parser
	Account AccountRef

	Statement   StatementID
	NativeID    string
	LocalID     string // Ref.ID; "ref" in the journal
	URL         string
	Aliases     []string
	Order       string
	Version     VersionID
	Content     *Content // present in created, edited and seen
	PublishedAt time.Time
	Precision   Precision
	Changed     time.Time // the platform's claim when the wording began
	Engagement  map[string]int64

	Grade      Grade
	Provenance Provenance
	Look       LookResult   // of statement.looked
	State      AccountState // of account events: the state after them
	Code       string       // the platform's own word: gone code, "Account suspended" …
	Reason     string       // frozen, thawed, withheld, abandoned; "reported by" of an import
	Gap        *Gap
	Run        *Run
	Platform   string              // of platform events
	Observed   *AccountObservation // of account events: as observed
	Captures   []CaptureRef
	Prev       int64 // ledger index of the statement's last event known at base; -1 for none

	Takedown *Takedown  // of statement.withheld, unwithheld, erased and archive.erasure_done
	Erasure  *Erasure   // of statement.erased
	Media    *KeptMedia // of media.kept and media.missed

	// Set by the archive, never by judgement.
	Visit VisitID        // of the segment the line stands in
	Index int64          // ledger index; -1 while it has none
	Salt  string         // 32 hex digits
	Extra map[string]any `json:"-"` // unknown keys, kept
}

// Window returns the bounds of e.
func (e Event) Window() Window { return Window{After: e.After, By: e.By, Disputed: e.Disputed} }
