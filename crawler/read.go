// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"errors"
	"fmt"
	"net/http"
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
	j.near = v.near(a)
	j.ours = trouble != nil || a.note.Verdict == onrecord.OutcomeBlocked
	home := v.home(it, a)
	if home {
		v.retryAt = later(v.retryAt, j.retryAt)
	}
	seen.Outcome = j.outcome
	var p Page
	switch {
	case j.outcome == onrecord.OutcomeOK:
		var err error
		if p, err = v.readOf(it.req, a); err == nil {
			err = v.contradiction(it, p.Account)
		}
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
	if seen.Outcome == onrecord.OutcomeOK && it.unread(a) {
		v.problemAt(a, fmt.Errorf("an item that is not known yet: status %d", a.x.Status))
		v.failed(it, onrecord.OutcomeBlocked, j, home)
	} else {
		v.outcome(it, seen.Outcome, j, home)
	}
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

// near reports whether a comes from the site that the visit began with, be it
// from another host of it.
func (v *visit) near(a *answer) bool {
	u, err := url.Parse(a.x.URL)
	if err != nil {
		return false
	}
	for host := range v.homes {
		if SameSite(u.Host, host) {
			return true
		}
	}
	return false
}

// outcome notes how the request for it ended, and whether to go on: not where
// the platform does not want us, nor after three outages in a row. An address
// that robots.txt or the guard refuses says nothing of the others.
func (v *visit) outcome(it item, o onrecord.Outcome, j verdict, home bool) {
	if it.role == roleFirst && (v.res.Outcome == "" || good(v.res.Outcome)) {
		v.res.Outcome = o
	}
	if it.role == roleDetail {
		switch {
		case good(o):
			v.read++
		case o == onrecord.OutcomeDrift && it.from != nil:
			v.unknown++
		}
	}
	if good(o) {
		v.failures = 0
		if v.job.ChecksOnly {
			v.checked(o)
		}
		return
	}
	v.failed(it, o, j, home)
}

// failed notes what is left to do after a request that brought nothing.
func (v *visit) failed(it item, o onrecord.Outcome, j verdict, home bool) {
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
	switch {
	case it.role == roleDetail && it.req.IfNew && it.from != nil && !j.near:
		// A page of another site that this one links to is nothing that it
		// owes us. While it is listed it is asked for.
	case it.again(o, j):
		it.tried = true
		if it.from == nil {
			it.tries++
		}
		if it.renamed() {
			if it.from.left {
				return // which asks for it again
			}
			it.from = nil
		}
		v.left = append(v.left, it)
	case it.role == roleNext && o == onrecord.OutcomeBlocked && (!j.ours || v.job.State.Cursor != ""):
		v.partly = "an older page was refused: " + orDefault(j.reason, "by the platform")
	}
}

// renamed reports whether a detail is left to the page that named it, though no
// visit asks for that page by itself: an older one. It is asked for only while
// it is new, so that the page may name it again.
func (it item) renamed() bool {
	return it.role == roleDetail && it.req.IfNew && it.from != nil && it.from.role != roleFirst && !it.from.req.IfNew
}

// maxTries is how often what was refused, and an item that failed, is asked for
// out of the backlog. What a page names again begins anew.
const maxTries = 24

// again reports whether what failed with o is asked for again by the next
// visit. Older pages are, unless they are gone, and details where time may
// help: a parser that can't read one today can't tomorrow, and the backlog is
// short. The page that named a detail may not name it again. What robots.txt or
// the guard refuses is not asked for again.
func (it item) again(o onrecord.Outcome, j verdict) bool {
	refused := o == onrecord.OutcomeBlocked && j.retryAt.IsZero()
	switch {
	case o == onrecord.OutcomeGone, refused && j.ours, it.role != roleNext && it.role != roleDetail:
		return false
	case it.role == roleDetail && o == onrecord.OutcomeDrift:
		return false
	}
	return it.tries < maxTries || !refused && !it.req.IfNew
}

// unread reports whether a is no answer about the item that it asked for, though
// the door could read it: its page is refused, be it only for now.
func (it item) unread(a *answer) bool {
	return it.role == roleDetail && a.x.Status >= 400 && a.x.Status != http.StatusNotFound && a.x.Status != http.StatusGone
}

// contradiction reports that an answer says of the account that it is not there,
// where another of this visit has just said that it is: one of the two is wrong,
// and nobody knows which.
func (v *visit) contradiction(it item, a onrecord.AccountObservation) error {
	if it.role != roleFirst || v.res.Account.State != onrecord.AccountLive {
		return nil
	}
	switch a.State {
	case onrecord.AccountSuspended, onrecord.AccountClosed, onrecord.AccountPrivate, onrecord.AccountUnknown:
		return fmt.Errorf("the account is %s (%s), but live in an earlier answer of this visit: %w", a.State, a.Code, ErrDrift)
	}
	return nil
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
	v.partly = orDefault(v.partly, p.Short)
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
