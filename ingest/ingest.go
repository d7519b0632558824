// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onrecord"
	"onrecord/change"
	"onrecord/crawler"
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
	Now      func() time.Time
	// CatchUp returns once View has applied the ledger at least up to the
	// given size, and says up to which size it has.
	CatchUp func(ctx context.Context, size int64) (applied int64, err error)
}

// Visit makes one visit of s through its first healthy door, has it judged and
// commits it. What the platform did wrong is in the report; an error means
// that the visit could not be made, recorded or committed. What was captured
// then is in the spool, and Recover takes it up.
func (i *Ingester) Visit(ctx context.Context, s Source) (Report, error) {
	rep := Report{Source: s.ID}
	st, err := i.Record.State(ctx, s.ID)
	if err != nil {
		return rep, fmt.Errorf("visit %s: %w", s.ID, err)
	}
	d, err := choose(s, st, i.Now())
	if err != nil {
		return rep, fmt.Errorf("visit %s: %w", s.ID, err)
	}
	v, err := i.Record.Begin(ctx, s, d)
	if err != nil {
		return rep, fmt.Errorf("visit %s: %w", s.ID, err)
	}
	job, err := i.job(ctx, s, d, v)
	if err != nil {
		return rep, errors.Join(fmt.Errorf("visit %s: %w", s.ID, err), v.Drop(ctx))
	}
	result, err := i.Client.Visit(ctx, job)
	if err != nil {
		return rep, fmt.Errorf("visit %s: %w", s.ID, err)
	}
	return i.finish(ctx, s, d, v, result)
}

// Recover commits the visits that an earlier process left in the spool,
// reading their captures again. It returns a report for each, and the errors
// of those that it had to leave there, joined.
func (i *Ingester) Recover(ctx context.Context) (reports []Report, err error) {
	for v, verr := range i.Record.Recover(ctx) {
		if verr != nil {
			err = errors.Join(err, fmt.Errorf("recover: %w", verr))
			continue
		}
		rep, rerr := i.again(ctx, v)
		if rerr != nil {
			err = errors.Join(err, fmt.Errorf("recover visit %s of %s: %w", v.ID, v.Source, rerr))
			continue
		}
		reports = append(reports, rep)
	}
	return reports, err
}

// again reads the captures of a spooled visit and commits it.
func (i *Ingester) again(ctx context.Context, v Visit) (Report, error) {
	s, ok := i.source(v.Source)
	if !ok {
		return Report{}, fmt.Errorf("source %s is not configured any more: put it back, and its captures in the spool are read", v.Source)
	}
	d, ok := s.door(v.Door)
	if !ok {
		return Report{}, fmt.Errorf("source %s has no door %s any more: put it back, and its captures in the spool are read", v.Source, v.Door)
	}
	job, err := i.job(ctx, s, d, v)
	if err != nil {
		return Report{}, err
	}
	job.Started = v.Started
	result, err := crawler.Replay(ctx, job, i.Limits, v.Entries(ctx))
	if err != nil {
		return Report{}, err
	}
	return i.finish(ctx, s, d, v, result)
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

// choose returns the first healthy door of s.
func choose(s Source, st onrecord.SourceState, now time.Time) (Door, error) {
	if len(s.Doors) == 0 {
		return Door{}, fmt.Errorf("%w: none is configured", ErrNoDoor)
	}
	order := make([]string, len(s.Doors))
	for n, d := range s.Doors {
		order[n] = d.ID
	}
	id, ok := crawler.Healthy(st.Doors, order, now)
	if !ok {
		return Door{}, fmt.Errorf("%w: the first may be tried at %s", ErrNoDoor, retryAt(st, s).UTC().Format(time.RFC3339))
	}
	d, _ := s.door(id)
	return d, nil
}

// retryAt returns when the first door of s may be tried again; zero if one may
// be tried now or was never tried.
func retryAt(st onrecord.SourceState, s Source) time.Time {
	var first time.Time
	for n, d := range s.Doors {
		if at := st.Doors[d.ID].RetryAt; n == 0 || at.Before(first) {
			first = at
		}
	}
	return first
}

// job describes the visit of s through d to the client: where it stopped, and
// which suspects it is to look at.
func (i *Ingester) job(ctx context.Context, s Source, d Door, v Visit) (crawler.Job, error) {
	st := v.State
	account := accountOf(s, st)
	j := crawler.Job{
		Source: s.ID, DoorID: d.ID, Door: d.Door, State: st.Doors[d.ID], Recorder: v.Open,
		Target: crawler.Target{Platform: s.Platform, AccountID: account, Handle: s.Handle, URL: d.URL},
		Known: func(r onrecord.Ref) bool {
			known, err := i.View.Known(ctx, s.Platform, account, []onrecord.StatementID{onrecord.NewStatementID(s.Platform, r.NativeID)})
			return err == nil && len(known) > 0
		},
	}
	if account == "" || !d.Door.Info().Can.OwnAddress {
		return j, nil
	}
	suspects, err := i.View.Suspects(ctx, s.Platform, account)
	if err != nil || len(suspects) == 0 {
		return j, err
	}
	return j, i.addLooks(ctx, &j, s, d, suspects)
}
