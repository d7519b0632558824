// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"onrecord"
	"onrecord/crawler"
)

// maxBody is the longest answer that is read, in bytes: forty statuses are a
// few hundred thousand.
const maxBody = 16 << 20

// Read says what an answer shows.
func (d *Door) Read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	page, err := d.read(t, c)
	if err != nil {
		return crawler.Page{}, fmt.Errorf("mastodon: %s: %w", c.URL, err)
	}
	return page, nil
}

func (d *Door) read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	_, server, err := ParseHandle(t.Handle)
	if err != nil {
		return crawler.Page{}, fmt.Errorf("%w: %w", err, crawler.ErrDrift)
	}
	r := reading{door: d, target: t, server: server, capture: c}
	if c.Status == http.StatusOK && len(c.Body) > maxBody {
		return crawler.Page{}, fmt.Errorf("%d bytes, at most %d: %w", len(c.Body), maxBody, crawler.ErrDrift)
	}
	if page, done, err := r.refused(); done || err != nil {
		return page, err
	}
	switch c.Request.Kind {
	case kindLookup:
		return r.lookup()
	case kindPage, kindOlder:
		return r.page()
	case kindHistory:
		return r.history()
	case kindLook:
		return r.look()
	}
	return crawler.Page{}, fmt.Errorf("no request of this door: kind %.40q: %w", c.Request.Kind, crawler.ErrDrift)
}

// A reading turns one answer into a page.
type reading struct {
	door    *Door
	target  crawler.Target
	server  string // of the account
	capture crawler.Capture
}

// refused reads every answer but a good one. An error of the API is JSON with
// one sentence in it; a page in HTML in its place comes from something that
// stands before the server, and says nothing of account or status.
func (r reading) refused() (p crawler.Page, done bool, err error) {
	say, isError := apiError(r.capture.Body)
	status := r.capture.Status
	switch {
	case status == http.StatusOK:
		return p, false, nil
	case status == http.StatusUnauthorized:
		return crawler.Page{Outcome: onrecord.OutcomeUnauthorised, Reason: cmp.Or(say, "401") + ": the server shows nothing without a token"}, true, nil
	case status == http.StatusTooManyRequests:
		return crawler.Page{Outcome: onrecord.OutcomeRateLimited}, true, nil
	case status >= 500:
		return crawler.Page{Outcome: onrecord.OutcomeOutage}, true, nil
	case status == http.StatusForbidden || status == http.StatusUnavailableForLegalReasons:
		return r.forbidden(say), true, nil
	case status == http.StatusNotFound && isError:
		return r.missing(say), true, nil
	case status == http.StatusGone && (isError || len(bytes.TrimSpace(r.capture.Body)) == 0):
		return r.gone(say), true, nil
	}
	return p, false, fmt.Errorf("status %d, begins with %.40q: %w", status, r.capture.Body, crawler.ErrDrift)
}

// forbidden reads 403 and 451. Only a sentence that says so is a suspension.
func (r reading) forbidden(say string) crawler.Page {
	code := strconv.Itoa(r.capture.Status)
	switch {
	case say == "" || r.capture.Request.Kind == kindHistory:
		return crawler.Page{Outcome: onrecord.OutcomeBlocked, Reason: code + " " + say}
	case r.capture.Request.Kind == kindLook:
		return crawler.Page{Items: []onrecord.Observation{{Ref: r.capture.Request.About, State: onrecord.ItemUnclear, Code: code + " " + say}}}
	case suspended(say):
		return crawler.Page{Account: onrecord.AccountObservation{State: onrecord.AccountSuspended, Code: code + " " + say}}
	}
	return crawler.Page{Outcome: onrecord.OutcomeBlocked, Reason: code + " " + say}
}

// suspended reports whether a server says, by one of these sentences, that the
// account is suspended. Others with that word in them may speak of the client,
// its network or its key.
func suspended(say string) bool {
	switch strings.TrimSuffix(strings.ToLower(say), ".") {
	case "this account has been suspended", "this account is suspended", "account has been suspended", "account is suspended", "account suspended", "user has been suspended", "user is suspended":
		return true
	}
	return false
}

// notFound are the sentences by which servers say that there is no such
// status or account: Mastodon to 4.x and Pleroma; newer ones; GoToSocial.
func notFound(say string) bool {
	say = strings.ToLower(say)
	return say == "record not found" || say == "not found" || strings.HasPrefix(say, "not found: ")
}

// missing reads a 404 of the API.
func (r reading) missing(say string) crawler.Page {
	switch r.capture.Request.Kind {
	case kindLook:
		o := onrecord.Observation{Ref: r.capture.Request.About, State: onrecord.ItemUnclear, Code: "404 " + say}
		if notFound(say) {
			o.State, o.Code = onrecord.ItemGone, say
		}
		return crawler.Page{Items: []onrecord.Observation{o}}
	case kindHistory:
		return crawler.Page{Outcome: onrecord.OutcomeGone, Reason: "no history: " + say}
	case kindLookup:
		if parseCursor(r.target.Cursor).Account == "" {
			return crawler.Page{Outcome: onrecord.OutcomeGone, Reason: say + ": the server knows no account of this name"}
		}
		// The name is not known any more. What became of the account its list
		// tells, which is asked for by the local id.
		return crawler.Page{Account: onrecord.AccountObservation{State: onrecord.AccountUnknown, Code: "404 " + say}}
	}
	if !notFound(say) {
		return crawler.Page{Outcome: onrecord.OutcomeGone, Reason: "404 " + say}
	}
	return crawler.Page{Account: onrecord.AccountObservation{State: onrecord.AccountClosed, Code: "404 " + say}}
}

// gone reads 410: what Mastodon 2.4 to 3.3 answered for a suspended account,
// and others for a deleted status.
func (r reading) gone(say string) crawler.Page {
	code := strings.TrimSpace("410 " + say)
	switch r.capture.Request.Kind {
	case kindLook:
		return crawler.Page{Items: []onrecord.Observation{{Ref: r.capture.Request.About, State: onrecord.ItemGone, Code: code}}}
	case kindHistory:
		return crawler.Page{Outcome: onrecord.OutcomeGone, Reason: "no history: " + code}
	}
	return crawler.Page{Account: onrecord.AccountObservation{State: onrecord.AccountSuspended, Code: code}}
}

// look reads a status at its own address.
func (r reading) look() (crawler.Page, error) {
	var s status
	if err := decode(r.capture.Body, &s); err != nil {
		return crawler.Page{}, err
	}
	if err := s.check(); err != nil {
		return crawler.Page{}, err
	}
	actor, err := s.Account.actor()
	if err != nil {
		return crawler.Page{}, err
	}
	if id := r.target.AccountID; id != "" && actor != id && !strings.HasPrefix(id, actor+"#") {
		return crawler.Page{}, fmt.Errorf("a status of %.200q, not of the account: %w", actor, crawler.ErrDrift)
	}
	if !s.public() {
		about := r.capture.Request.About
		return crawler.Page{Items: []onrecord.Observation{{Ref: about, State: onrecord.ItemUnclear, Code: "visibility " + oneLine(s.Visibility.value)}}}, nil
	}
	o, err := s.observe(actor)
	if err != nil {
		return crawler.Page{}, err
	}
	return crawler.Page{Items: []onrecord.Observation{o}}, nil
}
