// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon

import (
	"fmt"
	"slices"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// maxWordings is how many wordings of a status are read.
const maxWordings = 1000

// historyOf returns the request for the wordings of a status that was edited.
// It carries what they do not repeat.
func (r reading) historyOf(s *status, o onrecord.Observation) crawler.Request {
	v := subject{
		Type: o.Content.Type, Account: string(s.Account.ID), Published: o.Content.Published, Lang: o.Content.Lang,
		ReplyTo: o.Content.ReplyTo, QuoteOf: o.Content.QuoteOf, Order: o.Order, Edited: o.Changed,
	}
	const most = 1 << 10
	if len(v.encode()) > most {
		v.QuoteOf = "" // an address of a length that no server has
	}
	if len(v.encode()) > most {
		v.ReplyTo = ""
	}
	return crawler.Request{
		URL: api(r.server) + "/statuses/" + string(s.ID) + "/history", Kind: kindHistory, Header: accept(),
		About: o.Ref, State: v.encode(),
	}
}

// history reads the wordings of a status, and returns them oldest first. The
// first has no Changed: it began with the status. A wording says neither in
// which language it is nor what it answers; that is taken from the status, so
// that the last wording is the one that the list shows.
func (r reading) history() (crawler.Page, error) {
	about := r.capture.Request.About
	v, ok := parseSubject(r.capture.Request.State)
	if !ok || onrecord.CheckNativeID(about.NativeID) != nil {
		return crawler.Page{}, fmt.Errorf("history without its subject: %w", crawler.ErrDrift)
	}
	var list []edit
	if err := decode(r.capture.Body, &list); err != nil {
		return crawler.Page{}, err
	}
	if len(list) == 0 || len(list) > maxWordings {
		return crawler.Page{}, fmt.Errorf("%d wordings in a history, 1 to %d: %w", len(list), maxWordings, crawler.ErrDrift)
	}
	times := make([]time.Time, len(list))
	for i := range list {
		at, err := list[i].check(v.Account)
		if err != nil {
			return crawler.Page{}, fmt.Errorf("wording %d: %w", i+1, err)
		}
		times[i] = at
	}
	if n := len(list); n > 1 && times[0].After(times[n-1]) {
		slices.Reverse(list) // newest first
		slices.Reverse(times)
	}
	if !slices.IsSortedFunc(times, time.Time.Compare) {
		return crawler.Page{}, fmt.Errorf("wordings in no order: %w", crawler.ErrDrift)
	}
	if len(list) == 1 {
		return crawler.Page{}, nil // the status has told it
	}
	shown := same(times, v.Edited)
	var p crawler.Page
	for i := range list {
		o := onrecord.Observation{Ref: about, Order: v.Order, State: onrecord.ItemLive, Dated: true}
		if i > 0 {
			o.Changed = times[i]
		}
		if i == shown {
			o.Changed = v.Edited
		}
		if at, ok := instant(v.Published); ok {
			o.Published, o.Precision = at, onrecord.PrecisionSecond
		}
		o.Content = onrecord.Content{Type: v.Type, Published: v.Published, Lang: v.Lang, ReplyTo: v.ReplyTo, QuoteOf: v.QuoteOf}
		words(&o.Content, list[i].Content.value, list[i].Spoiler, list[i].Media, list[i].Poll)
		p.Items = append(p.Items, o)
	}
	return p, nil
}

// same returns which of the wordings began when the status says that it was
// edited, or -1. Some servers keep the two with another precision: it is one
// claim.
func same(times []time.Time, edited time.Time) int {
	for i, at := range slices.Backward(times[1:]) {
		if d := at.Sub(edited); d.Abs() < time.Second {
			return i + 1
		}
	}
	return -1
}

// check reports why e is no wording of a status of the account with that local
// id, and returns when it began.
func (e *edit) check(account string) (time.Time, error) {
	at, ok := instant(e.CreatedAt)
	switch {
	case !ok || !e.Content.given:
		return at, fmt.Errorf("created_at %.40q, with content: %t: %w", e.CreatedAt, e.Content.given, crawler.ErrDrift)
	case e.URI.given || e.Visibility.given:
		return at, fmt.Errorf("a status in place of a wording: %w", crawler.ErrDrift)
	case account != "" && e.Account.ID != "" && string(e.Account.ID) != account:
		return at, fmt.Errorf("by account %.40q, not %s: %w", e.Account.ID, account, crawler.ErrDrift)
	}
	return at, nil
}
