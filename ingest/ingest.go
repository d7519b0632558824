// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
	"onrecord/schedule"
)

// ErrNoDoor reports a source whose doors all wait for their back-off to end,
// or that has none.
var ErrNoDoor = errors.New("no door can be tried now")

// An Ingester visits sources and commits what they show. It is safe for
// concurrent use, by one visit of a source at a time.
type Ingester struct {
	Record   Record
	View     View
	Accounts Accounts
	Client   *crawler.Client
	Limits   crawler.Limits // of the client, for reading captures again
	Sources  []Source       // all that are configured: accounts may have several
	Rules    change.Config
	Recheck  schedule.Plan // of statements that nobody suspects; the zero Plan asks for none
	Media    *Media        // how attachments are fetched; nil: they are not
	Now      func() time.Time
	// CatchUp returns once View has applied the ledger at least up to the
	// given size, and says up to which size it has.
	CatchUp func(ctx context.Context, size int64) (applied int64, err error)
	// Erased returns the statements that were erased, by each id under which they
	// may be observed. Nil: nothing was ever erased.
	Erased func(ctx context.Context) (map[onrecord.StatementID]onrecord.StatementID, error)
	// Withheld is Erased for those that are withheld now. Nil: none ever was.
	Withheld func(ctx context.Context) (map[onrecord.StatementID]onrecord.StatementID, error)
	// Wordings returns those of a statement, also of one that is withheld, so that
	// it is found in captures that no door has read. Nil: none is known.
	Wordings func(ctx context.Context, id onrecord.StatementID) ([]onrecord.Version, error)
	// Whole returns an error while lines of the record are lost that may have told
	// of the account of a source: nothing of it is judged then, and its visits wait
	// in the spool. Nil: nothing is ever lost.
	Whole func(ctx context.Context, s Source, account string) error
	// Erase redacts captures that a visit has just committed and that show a
	// statement that was erased before, where a store that can't erase had them
	// already. Nil: nothing was ever erased.
	Erase func(ctx context.Context, id onrecord.StatementID, captures []onrecord.CaptureRef) error
	// Veils keeps what withheld statements are found by. Nil: it is made anew for
	// every visit that is committed.
	Veils *Veils
}

// Visit makes one visit of s through d, its first healthy door (see Door), has
// it judged and commits it. What the platform did wrong is in the report; an
// error means that the visit could not be made, recorded or committed. What was
// captured then is in the spool, and Recover takes it up.
//
// Where statements are due for a look that another door of the same host is to
// make, Check follows at once, and is in the report; one at another host has its
// own turn, and Report.Checks names its door.
func (i *Ingester) Visit(ctx context.Context, s Source, d Door) (Report, error) {
	rep, next, err := i.visit(ctx, s, d, false)
	if err != nil || next.ID == "" || rep.Failed() || rep.Spooled || rep.Late || ctx.Err() != nil {
		return rep, err
	}
	if next.Host != d.Host {
		rep.Checks = &next
		return rep, nil
	}
	more, err := i.Check(ctx, s, next)
	return rep.With(more), err
}

// visit makes one visit of s through d, of checks only or not. Next is the door
// through which checks are to follow, if any.
func (i *Ingester) visit(ctx context.Context, s Source, d Door, only bool) (rep Report, next Door, err error) {
	rep = Report{Source: s.ID, Door: d.ID, Outcome: onrecord.OutcomeOK, Index: -1}
	v, err := i.Record.Begin(ctx, s, d, func(st onrecord.SourceState) (b []byte, err error) {
		b, next, err = i.memo(ctx, s, d, st, only)
		return b, err
	})
	if err != nil {
		return rep, next, fmt.Errorf("visit %s: %w", s.ID, err)
	}
	job, err := i.job(s, d, v)
	if err != nil {
		return rep, next, errors.Join(fmt.Errorf("visit %s: %w", s.ID, err), v.Drop(ctx))
	}
	if v.Offline {
		job.Looks, job.Checks = nil, nil // nothing is probed that can't be judged now
	}
	if only && len(job.Looks)+len(job.Checks) == 0 {
		return rep, next, v.Drop(ctx)
	}
	result, err := i.Client.Visit(ctx, job)
	if err != nil {
		return rep, next, errors.Join(fmt.Errorf("visit %s: %w", s.ID, err), v.Close())
	}
	if v.Offline {
		rep = report(s, d, result, change.Result{})
		rep.Spooled, rep.Why = true, v.Why
		return rep, next, v.Close()
	}
	rep, err = i.finish(ctx, s, d, v, result)
	return rep, next, err
}

// again reads the captures of a spooled visit and commits it. It asks what the
// visit asked, by its memo, not what the state of now would ask.
func (i *Ingester) again(ctx context.Context, v Visit) (Report, error) {
	rep := Report{Source: v.Source, Door: v.Door, Outcome: onrecord.OutcomeInterrupted, Index: -1}
	if isImport(v) { // nothing of it was acknowledged: the import goes on where it was
		rep.Dropped = true
		return rep, v.Drop(ctx)
	}
	s, ok := i.source(v.Source)
	if !ok {
		return rep, fmt.Errorf("source %s is not configured any more: put it back, and its captures in the spool are read", v.Source)
	}
	if isMedia(v) && i.Media != nil {
		return i.againMedia(ctx, s, v)
	}
	d, ok := s.door(v.Door)
	if !ok {
		return i.unread(ctx, s, v, fmt.Sprintf("the source has no door %s any more", v.Door))
	}
	captures, looked, err := i.entries(ctx, v)
	if err != nil {
		return rep, err
	}
	if captures == 0 {
		return rep, v.Drop(ctx) // it was stopped before its first answer
	}
	job, err := i.job(s, d, v)
	if err != nil {
		return rep, err
	}
	if !looked {
		job.Looks, job.Checks = nil, nil // it was made without
	}
	result, err := crawler.Replay(ctx, job, i.Limits, v.Entries(ctx))
	if err != nil && ctx.Err() == nil {
		return i.unread(ctx, s, v, err.Error())
	} else if err != nil {
		return rep, err
	}
	if result.Cut {
		result.Outcome = onrecord.OutcomeInterrupted
	}
	return i.finish(ctx, s, d, v, result)
}

// unread commits a visit whose captures can't be read any more: they are kept,
// nothing is judged, and the source goes on. A better parser may read them from
// the record. What of them may show a statement that must not be shown is hidden.
func (i *Ingester) unread(ctx context.Context, s Source, v Visit, why string) (Report, error) {
	rep := Report{Source: v.Source, Door: v.Door, Outcome: onrecord.OutcomeInterrupted, Problems: []string{"visit " + v.ID.String() + " is kept and was not read: " + why}}
	for {
		account := accountOf(s, v.State)
		least, err := i.least(ctx, s, account, v.State.Done.Index)
		if err != nil {
			return rep, err
		}
		base, err := i.CatchUp(ctx, max(least+1, v.Size)) // acts of the operator move no state's index
		if err == nil {
			err = i.whole(ctx, s, account)
		}
		if err != nil {
			return rep, err
		}
		now := i.Now()
		events, err := i.hide(ctx, onrecord.Event{
			At: now, By: now, Figure: s.Figure, Source: s.ID, Door: v.Door, Parser: v.Parser, Index: -1,
			Account: onrecord.AccountRef{Platform: s.Platform, ID: account}, Provenance: onrecord.Captured,
		}, v, nil, nil)
		if err != nil {
			return rep, err
		}
		next := v.State
		next.Source, next.Platform = s.ID, s.Platform
		done, err := v.Commit(ctx, Draft{
			Base: base - 1, Outcome: onrecord.OutcomeInterrupted, Started: v.Started, Ended: now, Next: next, KeepWARC: true,
			Events: events,
		})
		late, ok := errors.AsType[*LateError](err)
		if !ok {
			rep.Index = done.Index
			return rep, err
		}
		v = late.Visit
	}
}

// entries counts what a visit recorded, and says whether it looked at suspects.
func (i *Ingester) entries(ctx context.Context, v Visit) (n int, looks bool, err error) {
	for e, err := range v.Entries(ctx) {
		if err != nil {
			return n, looks, err
		}
		n++
		looks = looks || crawler.IsLook(e.Exchange)
	}
	return n, looks, nil
}

// Door returns the door through which Visit would read s now.
func (i *Ingester) Door(ctx context.Context, s Source) (Door, error) {
	st, err := i.Record.State(ctx, s.ID)
	if err != nil {
		return Door{}, err
	}
	return choose(s, st, i.Now())
}

// source returns the configured source with the given id.
func (i *Ingester) source(id string) (Source, bool) {
	for _, s := range i.Sources {
		if s.ID == id {
			return s, true
		}
	}
	return Source{}, false
}

// choose returns the first healthy door of s, in the order of their turns.
func choose(s Source, st onrecord.SourceState, now time.Time) (Door, error) {
	if len(s.Doors) == 0 {
		return Door{}, fmt.Errorf("%w: none is configured", ErrNoDoor)
	}
	id, ok := crawler.Healthy(st.Doors, turns(s, st), now)
	if !ok {
		return Door{}, fmt.Errorf("%w: the first may be tried at %s", ErrNoDoor, RetryAt(st, s, now).UTC().Format(time.RFC3339))
	}
	d, _ := s.door(id)
	return d, nil
}

// RetryAt returns when the first door of s may be tried again; zero if one may
// be tried now or was never tried. A back-off that lies further ahead than any
// can be was noted by a clock that was wrong.
func RetryAt(st onrecord.SourceState, s Source, now time.Time) time.Time {
	var first time.Time
	for n, d := range s.Doors {
		at := st.Doors[d.ID].RetryAt
		if at.Sub(now) > crawler.MaxRetry {
			at = time.Time{}
		}
		if n == 0 || at.Before(first) {
			first = at
		}
	}
	return first
}

// A memo is what a visit was requested with. It is kept in the spool, so that a
// visit that is read again asks the same.
type memo struct {
	Target crawler.Target     `json:"target"`
	State  onrecord.DoorState `json:"state"`
	Looks  []onrecord.Ref     `json:"looks,omitempty"`
	Canary onrecord.Ref       `json:"canary,omitzero"`
	Spares []onrecord.Ref     `json:"spares,omitempty"`
	Checks []onrecord.Ref     `json:"checks,omitempty"`
	Budget crawler.Budget     `json:"budget,omitzero"`
	Only   bool               `json:"only,omitempty"`   // looks and checks only
	Import string             `json:"import,omitempty"` // kind of the importer: the visit reads files
	Media  bool               `json:"media,omitempty"`  // the visit fetches attachments
}

// memo makes the memo of a visit of s through d that begins from st: where the
// door stopped, and which statements it is to look at; only those, if so. Next
// is the door through which the checks that are due are to follow.
func (i *Ingester) memo(ctx context.Context, s Source, d Door, st onrecord.SourceState, only bool) (b []byte, next Door, err error) {
	account := accountOf(s, st)
	m := memo{State: st.Doors[d.ID], Target: crawler.Target{Platform: s.Platform, AccountID: account, Handle: s.Handle, URL: d.URL}, Only: only}
	if account != "" {
		if next, err = i.addOwn(ctx, &m, s, d, st); err != nil {
			return nil, next, err
		}
	}
	b, err = m.shortened()
	return b, next, err
}

// addOwn adds what the visit is to ask for at own addresses. Next is another
// door that is to do so.
func (i *Ingester) addOwn(ctx context.Context, m *memo, s Source, d Door, st onrecord.SourceState) (next Door, err error) {
	suspects, err := i.View.Suspects(ctx, s.Platform, accountOf(s, st))
	if err != nil {
		return next, err
	}
	c, ok := checker(s, d, st, i.Now())
	if m.Only {
		c, ok = d, looks(d.Door.Info().Can)
	}
	if d.Door.Info().Can.OwnAddress {
		i.addLooks(m, s, d, suspects)
	} else if ok {
		n := len(m.Looks)
		if i.addLooks(m, s, c, suspects); len(m.Looks) > n {
			m.Looks, next = nil, c
		}
	}
	if ok {
		if err := i.addChecks(ctx, m, s, c, st); err != nil {
			return next, err
		}
	}
	if ok && c.ID != d.ID {
		if len(m.Checks) > 0 {
			next = c
		}
		m.Checks, m.Budget = nil, crawler.Budget{}
	}
	return next, i.addCanaries(ctx, m, s, d, st)
}

// shortened returns the memo as JSON. What is left out is due next time.
func (m memo) shortened() ([]byte, error) {
	for {
		b, err := json.Marshal(m)
		if err != nil || len(b) <= maxMemo || len(m.Looks)+len(m.Checks) == 0 {
			return b, err
		}
		if len(m.Checks) > 0 {
			m.Checks = m.Checks[:len(m.Checks)/2]
		} else {
			m.Looks = m.Looks[:len(m.Looks)/2]
		}
	}
}

// job describes the visit of s through d to the client, by its memo.
func (i *Ingester) job(s Source, d Door, v Visit) (crawler.Job, error) {
	var m memo
	if err := json.Unmarshal(v.Memo, &m); err != nil {
		return crawler.Job{}, fmt.Errorf("memo of the visit: %w", err)
	}
	account := m.Target.AccountID
	return crawler.Job{
		Source: s.ID, DoorID: d.ID, Door: d.Door, State: m.State, Looks: m.Looks, Canary: m.Canary, Spares: m.Spares, Recorder: v.Open,
		Checks: m.Checks, ChecksOnly: m.Only, Budget: m.Budget,
		Started: v.Started,
		Target:  m.Target,
		Known: func(r onrecord.Ref) bool {
			known, err := i.View.Known(context.Background(), s.Platform, account, []onrecord.StatementID{onrecord.NewStatementID(s.Platform, r.NativeID)})
			return err == nil && len(known) > 0
		},
	}, nil
}
