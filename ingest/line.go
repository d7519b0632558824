// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"time"

	"onrecord"
)

const (
	// quickVisit is how long a visit lasts at most for its host to be quick. One
	// of few requests takes seconds; a host that does not answer takes minutes.
	quickVisit = 30 * time.Second
	// reserved is the share of the workers that slow hosts do not get: one in so
	// many. With fewer than two workers there is none.
	reserved = 4
	// lateEvery is how often late visits are told.
	lateEvery = time.Minute
)

// Lines are the hosts with due visits and no worker, each line in order: first
// come, first served, so that a host meets as few visits late as can be. Hosts
// whose last visit was quick have a line of their own, and a share of the workers
// for themselves: hosts that answer slowly, however many, do not hold them back.
type lines struct {
	quick, other []string
	places       int                      // given out
	running      int                      // workers
	long         int                      // workers at hosts of the other line
	took         map[string]time.Duration // by host: how long its last visit lasted
	slow         int                      // hosts whose last visit was not quick
}

// add puts a host into its line and returns its place.
func (l *lines) add(host string) int {
	if d, ok := l.took[host]; ok && d <= quickVisit {
		l.quick = append(l.quick, host)
	} else {
		l.other = append(l.other, host)
	}
	l.places++
	return l.places
}

// take takes the next host that a worker is free for, of at most most, by the
// places of those in front. A host that was not visited yet may have any worker
// until one is known to be slow.
func (l *lines) take(most int, place func(host string) int) (host string, long, ok bool) {
	room := most
	if l.slow > 0 && most > 1 {
		room -= max(most/reserved, 1)
	}
	quick, other := len(l.quick) > 0 && l.running < most, len(l.other) > 0 && l.running < most && l.long < room
	switch {
	case !quick && !other:
		return "", false, false
	case quick && (!other || place(l.quick[0]) < place(l.other[0])):
		host, l.quick = l.quick[0], l.quick[1:]
	default:
		host, l.other, long = l.other[0], l.other[1:], true
		l.long++
	}
	l.running++
	return host, long, true
}

// leave frees a worker.
func (l *lines) leave(long bool) {
	l.running--
	if long {
		l.long--
	}
}

// lasted notes how long a visit of a host has lasted.
func (l *lines) lasted(host string, d time.Duration) {
	if l.took[host] > quickVisit {
		l.slow--
	}
	if d > quickVisit {
		l.slow++
	}
	l.took[host] = d
}

// enqueue notes a due visit at its host. The caller holds mu.
func (r *Runner) enqueue(t Task) {
	h := r.hosts[t.Host]
	if h == nil {
		h = &hostPlan{}
		r.hosts[t.Host] = h
	}
	h.due = append(h.due, dueTask{Task: t})
	if _, ok := r.late[t.Source]; !ok {
		r.late[t.Source] = r.wall()
	}
	r.line(t.Host, h)
}

// line puts a host with due visits and no worker into the line. The caller
// holds mu.
func (r *Runner) line(host string, h *hostPlan) {
	if len(h.due) == 0 {
		if !h.busy {
			delete(r.hosts, host)
		}
		return
	}
	if !h.busy && !h.waiting {
		h.waiting = true
		h.place = r.lines.add(host)
	}
}

// start sends workers to the hosts in the line, as many as there may be. A
// worker makes one visit; a host with more goes to the end of the line.
func (r *Runner) start(ctx, hard context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ctx.Err() == nil {
		host, long, ok := r.lines.take(r.Most, func(host string) int { return r.hosts[host].place })
		if !ok {
			return
		}
		h := r.hosts[host]
		h.waiting, h.busy = false, true
		r.work.Go(func() {
			r.turn(ctx, hard, host)
			r.mu.Lock()
			h.busy = false
			r.lines.leave(long)
			r.line(host, h)
			r.mu.Unlock()
			nudge(r.wake)
		})
	}
}

// nudge wakes whoever sleeps on wake.
func nudge(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// lasted notes how long a visit of a host has lasted.
func (r *Runner) lasted(host string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines.lasted(host, d)
}

// guess takes the last visit of a source, by its state, for that of a host of
// which nothing better is known: at a start, or where another process goes.
func (r *Runner) guess(host string, st onrecord.SourceState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.lines.took[host]; !ok && !st.LastTick.IsZero() && !st.LastVisit.Before(st.LastTick) {
		r.lines.lasted(host, st.LastVisit.Sub(st.LastTick))
	}
}

// begun notes that the visit of a source waits no more.
func (r *Runner) begun(source string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.late, source)
}

// tellLate tells, once a minute, that visits have waited for a worker, or for
// their host, beyond the next tick of their source: ticks are left out.
func (r *Runner) tellLate(now time.Time) {
	if since := now.Sub(r.told); since >= 0 && since < lateEvery {
		return
	}
	r.told = now
	r.mu.Lock()
	defer r.mu.Unlock()
	n, longest := 0, time.Duration(0)
	for source, since := range r.late {
		if next := r.sources[source].Schedule.Next(since); !next.IsZero() && !next.After(now) {
			n++
			longest = max(longest, now.Sub(since))
		}
	}
	if n > 0 {
		r.Log.Warn("visits are late by more than an interval: visit more hosts at once (crawl.concurrency) or less often (schedule)",
			"sources", n, "longest", longest.Round(time.Second), "slow_hosts", r.lines.slow)
	}
}
