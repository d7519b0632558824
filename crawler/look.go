// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"fmt"
	"net/url"

	"onrecord"
)

// alone makes a visit of checks only. Home is where the door would begin.
func (v *visit) alone() error {
	reqs, err := v.firstOf()
	if err != nil {
		return fmt.Errorf("door %s: %w", v.job.DoorID, err)
	}
	for _, r := range reqs {
		if u, err := url.Parse(r.URL); err == nil {
			v.homes[u.Host] = true
		}
	}
	if err := v.looks(); err != nil {
		return err
	}
	return v.checks()
}

// checked notes the outcome of one answer of a visit of checks only. One that
// can't be read, or is refused by itself, is an answer too.
func (v *visit) checked(o onrecord.Outcome) {
	switch {
	case v.res.Outcome == onrecord.OutcomeOK:
	case v.stop || o == onrecord.OutcomeOutage:
		v.res.Outcome = o
	default:
		v.res.Outcome = onrecord.OutcomeOK
	}
}

// leaveAlone makes the state of the door after a visit of checks only.
func (v *visit) leaveAlone() {
	r := &v.res
	r.State = v.job.State
	r.State.RetryAt = later(r.State.RetryAt, v.retryAt)
	if r.Outcome == onrecord.OutcomeOK {
		return
	}
	fails := r.State.Fails + 1
	r.State.RetryAt = later(r.State.RetryAt, v.waitAfter(fails))
}

// CanLook reports whether d has a request for s at its own address.
func CanLook(d Door, t Target, s onrecord.Ref) bool {
	v := visit{job: Job{Door: d}, t: t}
	_, ok, err := v.lookOf(s)
	return ok && err == nil
}

// checks asks for known statements that nobody suspects, as far as the budget
// goes. What is left is due again by itself.
func (v *visit) checks() error {
	for _, ref := range v.job.Checks {
		if limit := v.job.Budget.Checks; !v.healthy() || v.spent() || limit > 0 && v.res.Ended.Sub(v.res.Started) >= limit {
			break
		}
		if err := v.look(ref, roleLook); err != nil {
			return err
		}
	}
	if live, gone := v.looked(); live || !gone || !v.healthy() {
		return nil
	}
	return v.vouch()
}

// vouch asks for the canary, and for its spares as long as something is gone
// and nothing is there: a canary may have been deleted like any other.
func (v *visit) vouch() error {
	if v.job.Canary != (onrecord.Ref{}) {
		if err := v.look(v.job.Canary, roleCanary); err != nil {
			return err
		}
	}
	for _, ref := range v.job.Spares {
		if live, gone := v.looked(); live || !gone || !v.healthy() {
			return nil
		}
		if err := v.look(ref, roleCanary); err != nil {
			return err
		}
	}
	return nil
}

// looked reports whether some statement's own address said that it is live, and
// whether one said that it is gone.
func (v *visit) looked() (live, gone bool) {
	for _, s := range v.res.Seen {
		if s.Kind != kindLook && s.Kind != kindCanary || s.Outcome != onrecord.OutcomeOK {
			continue
		}
		for _, o := range s.Items {
			own := o.NativeID == s.About.NativeID
			live = live || own && (o.State == onrecord.ItemLive || o.State == "")
			gone = gone || own && o.State == onrecord.ItemGone
		}
	}
	return live, gone
}

// The kinds that judgement knows looks by (Seen.Kind), whatever a door calls its
// request.
const (
	kindLook   = "look"
	kindCanary = "canary"
)

// MaxRetry is the longest back-off that a door's state can name, whatever a
// host asks for. A RetryAt further ahead was noted by a clock that was wrong.
const MaxRetry = maxRetry

// IsRobots reports whether an exchange asked for robots.txt.
func IsRobots(x onrecord.Exchange) bool {
	n, err := parseNote(x.Note)
	return err == nil && n.What == noteRobots
}

// IsLook reports whether a recorded exchange was part of a look at a suspect or
// a canary: doors name such requests so.
func IsLook(x onrecord.Exchange) bool {
	n, err := parseNote(x.Note)
	return err == nil && n.What == noteVisit && n.Request.Kind == "look"
}
