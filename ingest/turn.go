// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	"onrecord"
)

// look reads the state of a source and notes on the agenda when it is due.
func (r *Runner) look(ctx context.Context, s Source) {
	at, plan := r.next(ctx, s)
	r.note(s.ID, at, plan)
}

// note puts a source on the agenda.
func (r *Runner) note(source string, at time.Time, p sourcePlan) {
	r.mu.Lock()
	r.agenda.Set(source, at)
	r.plans[source] = p
	r.mu.Unlock()
	nudge(r.wake)
}

// again notes that a due visit is tried again after a while.
func (r *Runner) again(t Task, after time.Duration) {
	r.note(t.Source, r.wall().Add(after), sourcePlan{door: Door{Host: t.Host}})
}

// next says what is next for a source, and when: a visit, or, where that is far
// ahead or unknown, another look.
func (r *Runner) next(ctx context.Context, s Source) (time.Time, sourcePlan) {
	now := r.wall()
	if paused, err := r.paused(ctx, s); err != nil {
		return r.failed(s, err), sourcePlan{look: true}
	} else if paused {
		return now.Add(pausedEvery), sourcePlan{look: true}
	}
	st, err := r.States.State(ctx, s.ID)
	if err != nil {
		return r.failed(s, err), sourcePlan{look: true}
	}
	at := r.due(s, st, now)
	if at.After(now.Add(lookEvery)) {
		return now.Add(lookEvery), sourcePlan{look: true}
	}
	moment := at
	if now.After(at) {
		moment = now
	}
	d, err := choose(s, st, moment)
	if err != nil {
		return r.failed(s, err), sourcePlan{look: true}
	}
	r.guess(d.Host, st)
	return at, sourcePlan{door: d}
}

func (r *Runner) paused(ctx context.Context, s Source) (bool, error) {
	if r.Paused == nil {
		return false, nil
	}
	return r.Paused(ctx, s.ID)
}

// due returns when s is to be visited next, by its state in the bucket.
func (r *Runner) due(s Source, st onrecord.SourceState, now time.Time) time.Time {
	r.mu.Lock()
	p := r.wait[s.ID]
	r.mu.Unlock()
	if p.until.After(now) && !now.Before(p.since) { // else the clock was set back
		return p.until
	}
	at, alarm := s.Schedule.Due(st.LastTick, now)
	if alarm {
		r.Log.Warn("the last visit lies in the future: the clock was wrong then or is now; visiting", "source", s.ID, "last_tick", st.LastTick)
	}
	if retry := RetryAt(st, s, now); retry.After(at) {
		at = retry
	}
	return at
}

// turn announces what is due at a host and makes the visit whose turn it is.
func (r *Runner) turn(ctx, hard context.Context, host string) {
	r.mu.Lock()
	h := r.hosts[host]
	due := h.due
	h.due = nil
	r.mu.Unlock()
	turn, ok, err := r.take(ctx, host, due)
	if ctx.Err() != nil {
		if ok {
			r.ended(turn.Back())
		}
		return
	}
	if !ok {
		after := takenDelay
		if err != nil {
			after = queueDelay
			r.silent(err)
		}
		for _, t := range due {
			r.again(t.Task, after)
		}
		return
	}
	mine := turn.Task()
	due = slices.DeleteFunc(due, func(t dueTask) bool { return t.Source == mine.Source })
	r.mu.Lock()
	h.due = append(due, h.due...)
	r.mu.Unlock()
	held, release := hold(hard, turn)
	r.serve(held, mine)
	release()
	r.ended(turn.Done(hard))
}

// hold returns a context that ends with hard or when the turn is lost.
func hold(hard context.Context, t Turn) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(hard)
	stop := context.AfterFunc(t.Context(), func() { cancel(context.Cause(t.Context())) })
	return ctx, func() { stop(); cancel(nil) }
}

// take announces what is due at a host and takes the next visit of it.
func (r *Runner) take(ctx context.Context, host string, due []dueTask) (Turn, bool, error) {
	for n, t := range due {
		if t.put {
			continue
		}
		if err := r.Queue.Put(ctx, t.Task); err != nil {
			return nil, false, err
		}
		due[n].put = true
	}
	return r.Queue.Take(ctx, host)
}

// serve makes a visit, if it is due still, and notes what is next for its
// source. A tick that was served meanwhile, by whomever, is not served again.
// Held ends when the turn is lost.
func (r *Runner) serve(held context.Context, t Task) {
	switch {
	case strings.HasSuffix(t.Source, checksOf):
		r.serveChecks(held, t)
		return
	case isMediaTask(t):
		r.serveMedia(held, t)
		return
	}
	s, ok := r.sources[t.Source]
	if !ok {
		return // of another configuration: its owner finds it again
	}
	if r.waits(s.ID) {
		r.again(t, behindDelay)
		return
	}
	at, plan := r.next(held, s)
	if held.Err() != nil {
		r.again(t, takenDelay)
		return
	}
	if plan.look || at.After(r.wall()) {
		r.begun(s.ID)
		r.note(s.ID, at, plan)
		return
	}
	if plan.door.Host != t.Host { // another door is the healthy one now
		r.note(s.ID, r.wall(), plan)
		return
	}
	unlock, ok := r.Lock(s.ID, plan.door.Host)
	if !ok {
		r.again(t, heldDelay)
		return
	}
	defer unlock()
	r.visit(held, s, plan.door)
}

// visit makes one visit of s.
func (r *Runner) visit(held context.Context, s Source, d Door) {
	r.begun(s.ID)
	began := r.Now()
	rep, err := r.Visitor.Visit(held, s, d)
	r.lasted(d.Host, r.Now().Sub(began))
	if err != nil || rep.Spooled {
		defer nudge(r.spool)
	}
	if err != nil && held.Err() != nil {
		r.Log.Warn("a visit was broken off; what it has captured is in the spool", "source", s.ID, "why", context.Cause(held))
		r.again(Task{Source: s.ID, Host: d.Host}, takenDelay)
		return
	}
	if err != nil {
		r.note(s.ID, r.failed(s, err), sourcePlan{look: true})
		return
	}
	rep.log(r.Log)
	if rep.Checks != nil {
		r.note(s.ID+checksOf, r.wall(), sourcePlan{door: *rep.Checks})
	}
	r.planMedia(held, s)
	r.mu.Lock()
	if delete(r.wait, s.ID); rep.Spooled {
		now := r.wall()
		r.wait[s.ID] = patience{since: now, until: s.Schedule.Next(now)} // its state could not move
	}
	r.mu.Unlock()
	r.note(s.ID, r.wall(), sourcePlan{look: true})
}

// failed notes that s could not be visited, and returns when it is tried again:
// after a minute, then two, four … up to an hour.
func (r *Runner) failed(s Source, err error) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.wait[s.ID]
	p.since = r.wall()
	p.until = p.since.Add(min(idleAtMost<<min(p.fails, 6), waitAtMost))
	p.fails++
	r.wait[s.ID] = p
	r.Log.Error("visit", "source", s.ID, "err", err, "again", p.until)
	return p.until
}

// silent tells, once a minute, that the queue does not answer. Visits wait for
// it: without it nobody knows who visits which host.
func (r *Runner) silent(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.wall(); now.After(r.mute) {
		r.mute = now.Add(time.Minute)
		r.Log.Error("queue: visits wait until it answers", "err", err)
	}
}

// ended tells what became of a turn that could not be given back in order: the
// queue hands the visit out again, and whoever gets it finds that it was made.
func (r *Runner) ended(err error) {
	if err != nil {
		r.Log.Info("queue", "err", err)
	}
}
