// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"onrecord"
)

// A Known is what is known at a base of a source, its account and the
// statements that a visit may touch.
type Known struct {
	Account onrecord.KnownAccount
	Source  onrecord.KnownSource
	// Statements are those that the visit showed, by their own id or by that of
	// an alias; those whose order key lies in one of its ranges; the suspects
	// it looked at; and the canary. More do no harm.
	Statements map[onrecord.StatementID]onrecord.Known
	Tally      Tally             // where the visit found something gone at its own address, or the source is frozen
	Base       int64             // ledger index of the last event known
	Runs       []onrecord.Run    // open, from the state register: not yet events; Between adds their effect
	Failing    *onrecord.Failing // from the state register
	LastGood   time.Time         // from the state register: end of the last good visit
}

// Erased returns the erased statements, by every id under which they are observed.
func (k Known) Erased() map[onrecord.StatementID]onrecord.Known {
	var list map[onrecord.StatementID]onrecord.Known
	for id, s := range k.Statements {
		if !s.Erased {
			continue
		}
		if list == nil {
			list = make(map[onrecord.StatementID]onrecord.Known)
		}
		if s.Statement == "" {
			s.Statement = id
		}
		list[id] = s
		for _, also := range s.Also {
			list[also] = s
		}
	}
	return list
}

// A Config is what the operator decides.
type Config struct {
	ConfirmAfter      time.Duration // between two gone looks; zero means 10m
	OfflineAfter      time.Duration // zero means 1h
	AllowShortConfirm bool          // ConfirmAfter may be less than the platform's least: tests and the demonstration only
}

// Least times of the rules, docs/decisions/0005-judgement.md.
const (
	leastConfirm     = 10 * time.Minute
	leastConfirmSlow = 24 * time.Hour // feeds and websites, which are often cached and rearranged
	againAfter       = 24 * time.Hour // from the first gone look to D3
	offlineAfter     = time.Hour
	offlineVisits    = 3
	runAge           = time.Hour
	keepEvery        = 24 * time.Hour // of the captures of a run of failing visits
	repeatable       = 24 * time.Hour // how old what a 304 repeats may be
)

// Confirm returns the time that must lie between two gone looks at a statement
// of a platform that is read by a kind of door.
func (c Config) Confirm(platform, kind string) time.Duration {
	d := c.ConfirmAfter
	if c.AllowShortConfirm && d > 0 {
		return d
	}
	if platform == "website" || kind == "feed" {
		return max(d, leastConfirmSlow)
	}
	return max(d, leastConfirm)
}

func (c Config) offline() time.Duration {
	if c.OfflineAfter > 0 {
		return c.OfflineAfter
	}
	return offlineAfter
}

// A Visit is what one visit saw.
type Visit struct {
	ID        onrecord.VisitID
	Source    string
	Figure    string
	Platform  string
	AccountID string // as configured; empty if the first good visit pins it

	Door   string // id of the door
	Kind   string // of the door: feed, page, api …
	Parser string
	Can    onrecord.Capabilities

	Started    time.Time // before the first request, UTC
	Ended      time.Time // after the last answer, UTC
	Skew       time.Duration
	Provenance onrecord.Provenance // empty means captured
	Reporter   string              // who says what an import or a mirror reports; empty for the source
	Late       bool                // record.md 1.7

	Outcome onrecord.Outcome // of the pages; empty means ok
	Seen    []onrecord.Seen  // in the order of the requests
	// AllFailed: every request failed by DNS, connection, TLS, time-out or 5xx.
	// OtherAnswered: another host answered meanwhile.
	AllFailed, OtherAnswered bool
	LeftBacklog              bool   // the budget left pages, or the chain to the old cursor is not closed
	Short                    string // why, where no visit will ask for the pages by itself: the note of the gap
	// Checks: known statements were asked for at their own addresses, and nothing
	// else: the visit says nothing of what is new.
	Checks bool

	Config Config
}

// A Result is what follows from a visit.
type Result struct {
	// Events are to be committed in this order; none means that only the state
	// register moves. Open runs that became events stand first. Index is -1 in
	// all of them.
	Events  []onrecord.Event
	Good    bool              // the visit was good: LastGood moves to its end
	Keep    bool              // the visit's WARC is to be kept
	Runs    []onrecord.Run    // open from now on
	Run     *onrecord.Run     // what this visit covered; nil if it may not say
	Frozen  *onrecord.Frozen  // from now on
	Failing *onrecord.Failing // from now on; nil after a good visit

	AccountID string // pinned; empty while nothing has told it
	// Stopped: another account stands behind the handle, or none is known.
	// Nothing was attributed.
	Stopped bool
	Probe   bool   // the account is to be looked up by the next visit
	Due     []Look // of the suspects among Known.Statements: what to look at, and when
}

// Quiet reports whether the visit brought nothing for the journal.
func (r Result) Quiet() bool { return len(r.Events) == 0 }

// A Look is a suspect to be asked for at its own address.
type Look struct {
	onrecord.Ref
	Statement onrecord.StatementID
	At        time.Time // not before
}

// Between says what happened between what is known and what a visit saw. It
// changes neither. Visits of a source are judged in their order, each on what
// is known once the one before is committed.
func Between(k Known, v Visit) Result {
	j := newJudge(k, v)
	switch {
	case k.Source.IdentityChanged:
		j.res.Stopped = true
	case j.otherIdentity():
		j.res.Stopped = true
	case !j.good && !j.showed():
		j.failed()
	default:
		j.judge()
	}
	return j.result()
}

// Cover returns k with the effect of its open runs added to its statements,
// its account and its source, and without open runs. Between does so itself.
func (k Known) Cover(source, platform string) Known {
	k.Account.Platform = cmp.Or(k.Account.Platform, platform)
	runs := k.runEvents(source, platform)
	k.Statements = maps.Clone(k.Statements)
	for id, s := range k.Statements {
		k.Statements[id] = covered(s, runs)
	}
	k.Account, k.Source = k.Account.Clone(), k.Source.Clone()
	for _, e := range runs {
		k.Account.Apply(e)
		k.Source.Apply(e)
	}
	k.Runs = nil
	return k
}

// Canaries returns at most n statements to be asked for at their own addresses
// in turn, in a visit that looks at suspects, until one is there: of those that
// are no suspects and that can accepts (nil accepts all), the last seen live
// first. Those whose own address settled nothing when it was asked last are
// worth a try only where there are no others, and then the one that was tried
// longest ago.
func (k Known) Canaries(n int, can func(onrecord.Ref) bool) []onrecord.Ref {
	var list []onrecord.Known
	for _, s := range k.Statements {
		if !s.Suspect() && !s.Withheld && !s.Erased && !s.LastSeen.IsZero() && (can == nil || can(s.Ref)) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b onrecord.Known) int {
		vainA, vainB := a.Tried.After(a.Checked), b.Tried.After(b.Checked)
		switch {
		case vainA && vainB:
			return cmp.Or(a.Tried.Compare(b.Tried), cmp.Compare(a.Statement, b.Statement))
		case vainA:
			return 1
		case vainB:
			return -1
		}
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.Statement, b.Statement))
	})
	list = slices.CompactFunc(list, func(a, b onrecord.Known) bool { return a.Statement == b.Statement })
	var refs []onrecord.Ref
	for _, s := range list[:min(n, len(list))] {
		refs = append(refs, s.Ref)
	}
	return refs
}

func covered(s onrecord.Known, runs []onrecord.Event) onrecord.Known {
	if len(runs) == 0 {
		return s
	}
	s = s.Clone()
	for _, e := range runs {
		s.Apply(e)
	}
	return s
}

func (k Known) runEvents(source, platform string) []onrecord.Event {
	var out []onrecord.Event
	for _, r := range k.Runs {
		e := looked(r)
		e.Source = source
		e.Account = onrecord.AccountRef{Platform: cmp.Or(k.Account.Platform, platform), ID: k.Account.ID}
		out = append(out, e)
	}
	return out
}

// looked returns the event that records a run.
func looked(r onrecord.Run) onrecord.Event {
	return onrecord.Event{
		Type: onrecord.SourceLooked, At: r.Until, After: r.From, By: r.Until,
		Door: r.Door, Parser: r.Parser, Provenance: r.Provenance, Run: &r, Index: -1, Prev: -1,
	}
}
