// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import "onrecord"

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
	if live, gone := v.looked(); live || !gone || v.job.Canary == (onrecord.Ref{}) || !v.healthy() {
		return nil
	}
	return v.look(v.job.Canary, roleCanary)
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

// IsLook reports whether a recorded exchange was part of a look at a suspect or
// a canary: doors name such requests so.
func IsLook(x onrecord.Exchange) bool {
	n, err := parseNote(x.Note)
	return err == nil && n.What == noteVisit && n.Request.Kind == "look"
}
