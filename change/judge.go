// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change

import (
	"cmp"
	"slices"
	"time"

	"onrecord"
)

// A judge is one call of Between.
type judge struct {
	k    Known
	v    Visit
	runs []onrecord.Event // the open runs
	key  string           // reading key of the visit's door and parser

	good  bool // the visit's pages were answered
	first bool // first-hand
	may   bool // good, first-hand and not late: may find that something ended

	items  map[onrecord.StatementID]*item
	order  []*item
	names  map[string]*item                        // native ids and aliases of what this visit showed
	known  map[string]onrecord.StatementID         // aliases of what is known; made when first asked for
	erased map[onrecord.StatementID]onrecord.Known // likewise, of erased statements by all their ids

	account account // as the visit saw it
	acct    onrecord.AccountRef
	alive   bool // the account is live, as far as anybody can tell
	frozen  bool // absences don't count
	hole    bool // something is missing, or was shown that has no name: no complete range

	out []onrecord.Event
	res Result
}

// An account is what the answers of one visit said of the account.
type account struct {
	onrecord.AccountObservation
	at      time.Time
	capture onrecord.CaptureRef
}

func newJudge(k Known, v Visit) *judge {
	k.Account.Platform = cmp.Or(k.Account.Platform, v.Platform)
	v.Outcome = cmp.Or(v.Outcome, onrecord.OutcomeOK)
	v.Provenance = cmp.Or(v.Provenance, onrecord.Captured)
	if v.Can.ThirdParty && v.Provenance == onrecord.Captured {
		v.Provenance = onrecord.Mirrored
	}
	j := &judge{
		k: k, v: v,
		runs:  k.runEvents(v.Source, v.Platform),
		key:   onrecord.ReadingKey(v.Source, v.Door, v.Parser),
		good:  v.Outcome == onrecord.OutcomeOK || v.Outcome == onrecord.OutcomeNotModified,
		first: v.Provenance == onrecord.Captured,
		items: make(map[onrecord.StatementID]*item),
		names: make(map[string]*item),
	}
	j.may = j.good && j.first && !v.Late
	j.frozen = k.Source.Frozen != ""
	if len(j.runs) > 0 {
		j.k.Account, j.k.Source = k.Account.Clone(), k.Source.Clone()
		for _, e := range j.runs {
			j.k.Account.Apply(e)
			j.k.Source.Apply(e)
		}
	}
	j.acct = onrecord.AccountRef{
		Platform: k.Account.Platform, ID: cmp.Or(k.Account.ID, v.AccountID),
		Handle: k.Account.Handle, Name: k.Account.Name,
	}
	return j
}

// judge judges a visit that was good, or showed something before it failed.
func (j *judge) judge() {
	if j.acct.ID == "" {
		j.res.Stopped = true
		if !j.v.Late && j.v.Provenance != onrecord.Imported {
			j.openGap("unidentified")
		}
		return
	}
	j.collect()
	if j.first {
		j.dropCopies()
	}
	if j.good && !j.v.Late {
		j.recover()
		j.judgeAccount()
	}
	j.alive = j.accountAlive()
	for _, it := range j.order {
		j.judgeItem(it)
	}
	j.judgeAbsences()
	j.judgeLooks()
	if j.v.Late || j.v.Provenance == onrecord.Imported {
		return
	}
	if !j.good {
		j.failed()
		return
	}
	j.backlog()
	j.cover()
}

// showed reports whether a page of the visit was answered.
func (j *judge) showed() bool {
	return slices.ContainsFunc(j.v.Seen, func(s onrecord.Seen) bool {
		return answered(s) && !isLook(s) && (len(s.Items) > 0 || !s.Account.IsZero())
	})
}

func answered(s onrecord.Seen) bool { return s.Outcome == onrecord.OutcomeOK || s.Outcome == "" }

// isLook reports whether s is a statement asked for at its own address so as
// to learn whether it is there.
func isLook(s onrecord.Seen) bool {
	return (s.Kind == "look" || s.Kind == "canary") && s.About.NativeID != ""
}

// isOwn reports whether s is the answer of a statement's own address, whatever
// for: a look, or the details of what a list shows in part. That a list stands
// unchanged says nothing of it.
func isOwn(s onrecord.Seen) bool { return s.About.NativeID != "" }

// otherIdentity reports whether another account answers to the handle, and
// notes it once.
func (j *judge) otherIdentity() bool {
	for _, s := range j.v.Seen {
		id := s.Account.ID
		if !answered(s) || id == "" {
			continue
		}
		if j.acct.ID == "" {
			j.acct.ID = id
		}
		if id == j.acct.ID {
			continue
		}
		if j.first && !j.v.Late {
			e := j.event(onrecord.AccountIdentityChanged, s.At, j.k.Account.LastLive)
			e.Observed, e.Captures = new(s.Account), captures(s.Capture)
			e.State = j.k.Account.State
			j.source(e, "identity")
		}
		return true
	}
	return false
}

// event returns an event of the visit with the window (after, at], widened by
// the skew of the clocks.
func (j *judge) event(t onrecord.EventType, at, after time.Time) onrecord.Event {
	e := onrecord.Event{
		Type: t, At: at, Figure: j.v.Figure, Source: j.v.Source, Door: j.v.Door, Parser: j.v.Parser,
		Account: j.acct, Provenance: j.v.Provenance, Index: -1, Prev: -1,
	}
	j.within(&e, after, at)
	return e
}

// follow makes e fold after what it ends, m: where our clock was ahead when that
// was recorded, e would count for nothing until the clock has caught up, and
// every visit would record it again.
func follow(e *onrecord.Event, m onrecord.Mark) {
	if e.At.Before(m.At) {
		e.At, e.Disputed = m.At, true
	}
}

// within sets the window of e.
func (j *judge) within(e *onrecord.Event, after, by time.Time) {
	w := onrecord.NewWindow(after, by, j.v.Skew)
	e.After, e.By, e.Disputed = w.After, w.By, w.Disputed
}

func (j *judge) emit(e onrecord.Event) { j.out = append(j.out, e) }

// result completes the result: runs, what is due, what is kept.
func (j *judge) result() Result {
	r := &j.res
	r.Good = j.good && !j.res.Stopped
	r.AccountID = j.acct.ID
	if r.Stopped {
		r.AccountID = cmp.Or(j.k.Account.ID, j.v.AccountID)
	}
	switch {
	case !j.first || j.v.Late || j.v.Checks: // says nothing of the source's own way to the platform
		r.Failing = j.k.Failing
	case !j.good:
		r.Failing = j.failing()
		r.Keep = r.Failing.Kept.Equal(j.v.Ended)
	}
	r.Keep = r.Keep || len(j.out) > 0
	j.keepRuns()
	r.Events = append(r.Events, j.out...)
	if r.Frozen == nil && j.frozen {
		r.Frozen = &onrecord.Frozen{Reason: j.k.Source.Frozen, Since: j.k.Source.FrozenAt}
	}
	r.Due = j.due()
	return *r
}

// keepRuns decides whether the open runs become events.
func (j *judge) keepRuns() {
	r := &j.res
	r.Runs = j.k.Runs
	if r.Run != nil {
		r.Runs = Extend(j.k.Runs, *r.Run)
	}
	old := slices.ContainsFunc(r.Runs, func(run onrecord.Run) bool {
		age := j.v.Ended.Sub(run.From)
		return age >= runAge || age < 0 // or the clock was ahead
	})
	if j.v.Late || len(j.out) == 0 && !old && runsSize(r.Runs) <= maxRuns {
		return
	}
	for _, run := range r.Runs {
		e := looked(run)
		e.Figure, e.Source, e.Account = j.v.Figure, j.v.Source, j.acct
		r.Events = append(r.Events, e)
	}
	r.Runs = nil
}

func captures(c onrecord.CaptureRef) []onrecord.CaptureRef {
	if c == (onrecord.CaptureRef{}) {
		return nil
	}
	return []onrecord.CaptureRef{c}
}
