// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"errors"
	"fmt"
	"net/url"

	"onrecord"
)

// maxAsked is how many requests of one page are taken up. A page that asks for
// more is an attack or a mistake.
const maxAsked = 1000

// take judges the answer to it, lets the door read it, and notes what it shows
// and asks for.
func (v *visit) take(it item, a *answer, trouble *verdict) {
	seen := onrecord.Seen{At: a.x.Done, Kind: it.req.Kind, About: it.req.About, Capture: a.ref}
	switch it.role {
	case roleLook:
		seen.Kind = kindLook
	case roleCanary:
		seen.Kind = kindCanary
	}
	j := judge(a)
	if trouble != nil {
		j.outcome, j.reason = trouble.outcome, trouble.reason
	}
	home := v.home(it, a)
	if home {
		v.retryAt = later(v.retryAt, j.retryAt)
	}
	seen.Outcome = j.outcome
	var p Page
	switch {
	case j.outcome == onrecord.OutcomeOK:
		var err error
		p, err = v.readOf(it.req, a)
		seen.Outcome, seen.Account, seen.Items, seen.Range = orDefault(p.Outcome, onrecord.OutcomeOK), p.Account, p.Items, p.Range
		if err != nil {
			seen = onrecord.Seen{At: seen.At, Kind: seen.Kind, About: seen.About, Capture: seen.Capture, Outcome: onrecord.OutcomeDrift}
			v.problemAt(a, err)
			p = Page{}
		} else if p.Reason != "" {
			v.problemAt(a, errors.New(p.Reason))
		}
	case j.outcome != onrecord.OutcomeNotModified:
		v.problemAt(a, errors.New(j.reason))
	}
	v.res.Seen = append(v.res.Seen, seen)
	v.outcome(it, seen.Outcome, j, home)
	v.account(p.Account)
	if v.foreign {
		return
	}
	from := &page{req: it.req, role: it.role}
	v.remember(it, a, seen.Outcome, from)
	v.queue(it, p, from)
}

// home reports whether a comes from a host that the visit began with. What the
// others ask for is the client's business, not the door's: an article on a
// third site that is down does not end a visit.
func (v *visit) home(it item, a *answer) bool {
	host := ""
	if u, err := url.Parse(a.x.URL); err == nil {
		host = u.Host
	}
	if it.role == roleFirst {
		v.homes[host] = true
	}
	return v.homes[host]
}

// outcome notes how the request for it ended, and whether to go on: not where
// the platform does not want us, nor after three outages in a row. An address
// that robots.txt or the guard refuses says nothing of the others.
func (v *visit) outcome(it item, o onrecord.Outcome, j verdict, home bool) {
	if it.role == roleFirst && (v.res.Outcome == "" || good(v.res.Outcome)) {
		v.res.Outcome = o
	}
	if good(o) {
		v.failures = 0
		if v.job.ChecksOnly {
			v.checked(o)
		}
		return
	}
	it.lose()
	if home && it.renamed() && (o == onrecord.OutcomeOutage || o == onrecord.OutcomeRateLimited || o == onrecord.OutcomeTruncated) {
		it.from.left = true
		v.pagesLeft = append(v.pagesLeft, it.from)
	}
	if o != onrecord.OutcomeOutage {
		v.failures = 0
	} else if home {
		v.failures++
	}
	v.stop = v.stop || v.failures >= barren || home &&
		(o == onrecord.OutcomeRateLimited || o == onrecord.OutcomeUnauthorised || o == onrecord.OutcomeBlocked && !j.retryAt.IsZero())
	if v.job.ChecksOnly {
		v.checked(o)
	}
	if it.again(o, j) {
		it.tried = true
		v.left = append(v.left, it)
	}
}

// renamed reports whether a detail is left to the page that named it, though no
// visit asks for that page by itself: an older one. It is asked for only while
// it is new, so that the page may name it again.
func (it item) renamed() bool {
	return it.role == roleDetail && it.req.IfNew && it.from != nil && it.from.role != roleFirst && !it.from.req.IfNew
}

// again reports whether what failed with o is asked for again by the next
// visit. Older pages are, unless they are gone or refused; details out of the
// backlog only where time may help, since a parser that can't read one today
// can't tomorrow, and the backlog is short. Details that are asked for only
// while they are new are named again by the page that named them, which is
// lost; others, such as histories of edits, may not be.
func (it item) again(o onrecord.Outcome, j verdict) bool {
	switch {
	case o == onrecord.OutcomeGone, o == onrecord.OutcomeBlocked && j.retryAt.IsZero():
		return false
	case it.role == roleNext:
		return true
	}
	return it.role == roleDetail && (it.from == nil || !it.req.IfNew) && o != onrecord.OutcomeDrift
}

// account notes what an answer says of the account. The first id of the visit
// stays; another stable id behind the handle stops everything.
func (v *visit) account(a onrecord.AccountObservation) {
	if a.IsZero() {
		return
	}
	v.t.AccountID = orDefault(v.t.AccountID, a.ID)
	if a.ID != "" && a.ID != v.t.AccountID {
		v.stop, v.foreign = true, true
		return
	}
	a.ID = orDefault(a.ID, v.res.Account.ID)
	v.res.Account = a
}

// queue takes up what the answer to it asks for.
func (v *visit) queue(it item, p Page, from *page) {
	if len(p.Cursor) > maxState {
		v.problem(it.req.URL, errors.New("cursor over 1 KiB"))
	} else if v.cursor == "" && it.role == roleFirst {
		v.cursor = p.Cursor
	}
	chain := it.chain + 1
	for _, o := range p.Items {
		if v.isNew(o.Ref) {
			chain = 0
		}
	}
	for i, r := range p.Follow[:min(len(p.Follow), maxAsked)] {
		if v.isNew(r.About) {
			chain = 0
		}
		v.details = append(v.details, item{req: p.Follow[i], from: from, role: roleDetail})
	}
	if chain >= barren {
		if len(p.Next) > 0 {
			v.problem(it.req.URL, fmt.Errorf("%d pages without a new statement; older pages are not asked for", barren))
			if v.job.State.Cursor != "" { // else there is nothing that they must lead to
				v.short = fmt.Sprintf("%d older pages in a row had no new statement and did not lead to what is known", barren)
			}
		}
		return
	}
	for _, r := range p.Next[:min(len(p.Next), maxAsked)] {
		v.next = append(v.next, item{req: r, from: from, role: roleNext, chain: chain})
	}
	if n := max(len(p.Follow), len(p.Next)); n > maxAsked {
		v.problem(it.req.URL, fmt.Errorf("a page asks for %d requests; %d are taken up", n, maxAsked))
		from.lost = true
	}
}

// isNew reports whether ref is seen for the first time in this visit.
func (v *visit) isNew(ref onrecord.Ref) bool {
	key := orDefault(ref.NativeID, orDefault(ref.ID, ref.URL))
	if key == "" || v.ids[key] {
		return false
	}
	v.ids[key] = true
	return true
}

// problemAt notes what was wrong with a, and where.
func (v *visit) problemAt(a *answer, err error) {
	v.res.Problems = append(v.res.Problems, fmt.Errorf("door %s: %s: capture %s at %d: %w", v.job.DoorID, a.x.URL, a.ref.Object, a.ref.Offset, err))
}

// problem is problemAt where there is no capture.
func (v *visit) problem(at string, err error) {
	v.res.Problems = append(v.res.Problems, fmt.Errorf("door %s: %s: %w", v.job.DoorID, scrubber{v.job.Secrets}.text(at), err))
}

// readOf lets the door read a. Whatever goes wrong is drift: an answer that a
// door can't read, be it by panicking, is one whose structure it does not know.
func (v *visit) readOf(r Request, a *answer) (p Page, err error) {
	defer rescue(&err)
	return v.job.Door.Read(v.t, Capture{Request: r, URL: a.x.URL, Status: a.x.Status, Header: a.header, Body: a.body, At: a.x.Done})
}

// firstOf is Door.First, guarded.
func (v *visit) firstOf() (reqs []Request, err error) {
	defer rescue(&err)
	return v.job.Door.First(v.t)
}

// lookOf is Door.Look, guarded.
func (v *visit) lookOf(ref onrecord.Ref) (r Request, ok bool, err error) {
	defer rescue(&err)
	r, ok = v.job.Door.Look(v.t, ref)
	return r, ok, nil
}

// rescue turns a panic into an error.
func rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: door panicked: %v", ErrDrift, p)
	}
}
