// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"net/http"
	"net/url"
	"time"

	"onrecord"
)

// A verdict is the loop's judgement of an answer, before a door sees it.
type verdict struct {
	outcome onrecord.Outcome // ok: the answer is for the door to read
	reason  string
	retryAt time.Time // not to be asked again before; zero for no wish
	bot     string    // the product whose bot check it is
	near    bool      // of the site that the visit began with
	ours    bool      // robots.txt or the guard refuses, not the platform
}

// judge says what a is where the door is not to be asked: no answer, an answer
// that was cut, 304, 429, 5xx and bot checks. It looks at what was recorded
// only, so that a replayed answer is judged as the live one was.
func judge(a *answer) verdict {
	if a.judged != nil {
		return *a.judged
	}
	v := judgeAnew(a)
	a.judged = &v
	return v
}

func judgeAnew(a *answer) verdict {
	v := verdict{outcome: onrecord.OutcomeOK, retryAt: a.note.RetryAt}
	if a.x.Status != 0 {
		v.retryAt = later(v.retryAt, retryAt(a.header, a.x.Done))
	}
	if a.note.Verdict != "" {
		v.outcome, v.reason = a.note.Verdict, a.note.Reason
		return v
	}
	status := a.x.Status
	v.bot = botCheck(status, a.header, a.body)
	switch {
	case v.bot != "":
		v.outcome, v.reason = onrecord.OutcomeBlocked, "bot check: "+v.bot
		v.retryAt = a.x.Done.Add(maxRetry)
	case status == http.StatusNotModified && a.note.Conditional:
		v.outcome = onrecord.OutcomeNotModified
	case status == http.StatusNotModified:
		v.outcome, v.reason = onrecord.OutcomeDrift, "304 to a request without validators"
	case status == http.StatusTooManyRequests:
		v.outcome, v.reason = onrecord.OutcomeRateLimited, "429"
	case status >= 500:
		v.outcome, v.reason = onrecord.OutcomeOutage, http.StatusText(status)
	}
	return v
}

// redirectTarget returns where an answer from at sends us, without fragment;
// nil if nowhere.
func redirectTarget(status int, h http.Header, at *url.URL) *url.URL {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	loc := h.Get("Location")
	if loc == "" {
		return nil
	}
	u, err := at.Parse(loc)
	if err != nil {
		return nil
	}
	u.Fragment, u.RawFragment = "", ""
	return u
}

// maxURL is the longest address that is asked for, in bytes.
const maxURL = 8 << 10

// fetchable returns why u may not be asked for at all, whoever wants it; empty
// if it may. from is the address that led there, empty for none: what was read
// over TLS is not continued without.
func fetchable(u *url.URL, from string) string {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "scheme " + u.Scheme
	case u.Hostname() == "":
		return "no host"
	case u.User != nil:
		return "user information in the address"
	case len(u.String()) > maxURL:
		return "address too long"
	}
	if f, err := url.Parse(from); from != "" && err == nil && f.Scheme == "https" && u.Scheme == "http" {
		return "redirect from https to http"
	}
	return ""
}
