// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"onrecord"
	"onrecord/search"
)

// registerWatch registers what tells how the archive watches, and what became
// of what it watches.
func (s *server) registerWatch(api huma.API) {
	huma.Register(api, operation("listDeletions", "/api/v1/deletions", "Deletions", "Statements that are deleted at their source now, by when that was found, newest first. What went with its account is not among them. kind=reported lists what others say was deleted and this archive never saw."), s.apiDeletions)
	huma.Register(api, operation("listEdits", "/api/v1/edits", "Edits", "Statements of which at least one edit was seen, by when the last was found, newest first."), s.apiEdits)
	huma.Register(api, operation("listAccounts", "/api/v1/accounts", "Accounts", "All accounts of all figures."), s.apiAccounts)
	huma.Register(api, operation("getAccount", "/api/v1/accounts/{platform}/{account}", "One account", "By its handle, by a handle that it had, or by id: and its stable id."), s.apiAccountOne)
	huma.Register(api, operation("listAccountStates", "/api/v1/accounts/{platform}/{account}/states", "What happened to an account", "By time of observation, oldest first."), s.apiAccountStates)
	huma.Register(api, operation("getStatus", "/api/v1/status", "Status", "How the sources and this machine fare."), s.apiStatus)
}

type changesInput struct {
	Figure   []string `query:"figure,explode" doc:"Slug; repeat for any of several"`
	Platform []string `query:"platform,explode" doc:"Platform; repeat for any of several"`
	Cursor   string   `query:"cursor" doc:"From links.next or links.prev; opaque, never expires"`
	Limit    int      `query:"limit" doc:"Statements a page" minimum:"1" maximum:"200" default:"50"`
}

type deletionsInput struct {
	Figure   []string `query:"figure,explode" doc:"Slug; repeat for any of several"`
	Platform []string `query:"platform,explode" doc:"Platform; repeat for any of several"`
	Kind     string   `query:"kind" doc:"seen: found deleted by this archive; reported: only by others" enum:"seen,reported" default:"seen"`
	Cursor   string   `query:"cursor" doc:"From links.next or links.prev; opaque, never expires"`
	Limit    int      `query:"limit" doc:"Statements a page" minimum:"1" maximum:"200" default:"50"`
}

type accountInput struct {
	Platform string `path:"platform" doc:"Platform" example:"mastodon" maxLength:"64"`
	Account  string `path:"account" doc:"Handle, or id: and the stable id" example:"@jane@social.example" maxLength:"512"`
}

func (s *server) apiDeletions(ctx context.Context, in *deletionsInput) (*answer[apiChanges], error) {
	kind := onrecord.ChangeDeleted
	if in.Kind == "reported" {
		kind = onrecord.ChangeReported
	}
	return s.apiChanges(ctx, changesInput{Figure: in.Figure, Platform: in.Platform, Cursor: in.Cursor, Limit: in.Limit}, kind)
}

func (s *server) apiEdits(ctx context.Context, in *changesInput) (*answer[apiChanges], error) {
	return s.apiChanges(ctx, *in, onrecord.ChangeEdited)
}

func (s *server) apiChanges(ctx context.Context, in changesInput, kind onrecord.ChangeKind) (*answer[apiChanges], error) {
	f := onrecord.ChangeFilter{Kind: kind, Figures: tidy(in.Figure), Platforms: tidy(in.Platform), Cursor: in.Cursor, Limit: in.Limit}
	found, err := s.History.Changes(ctx, f)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("changes: %w", err))
	}
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	meta.Total, meta.TotalExact = &found.Total, true
	page := apiChanges{Data: make([]apiStatement, len(found.List)), Meta: meta}
	for i, st := range found.List {
		page.Data[i] = s.apiStatement(st)
	}
	l := listing{path: "/deletions", known: []string{"kind", "figure", "platform", "cursor", "limit"}, values: url.Values{}}
	l = l.with("figure", f.Figures...).with("platform", f.Platforms...)
	if kind == onrecord.ChangeReported {
		l = l.with("kind", "reported")
	} else if kind == onrecord.ChangeEdited {
		l.path = "/edits"
	}
	page.Links.HTML = text(s.base + l.address())
	if in.Limit != 50 {
		l = l.with("limit", strconv.Itoa(in.Limit))
	}
	l.path = "/api/v1" + l.path
	self := func(cursor string) string { return s.base + l.with("cursor", cursor).address() }
	page.Links.Self = self(in.Cursor)
	if found.Next != "" {
		page.Links.Next = text(self(found.Next))
	}
	if found.Prev != "" {
		page.Links.Prev = text(self(found.Prev))
	}
	page.Facets = apiFacets{Figure: facetList(found.Figures, f.Figures), Platform: facetList(found.Platforms, f.Platforms)}
	if found.Timed > 0 {
		page.Median = some(apiMedian{Statements: found.Timed, Min: int64(found.Least / time.Second), Max: int64(found.Most / time.Second)})
	}
	return &answer[apiChanges]{Link: page.Links.header(), Cache: cacheSearch, Body: page}, nil
}

func facetList(counts []onrecord.Facet, chosen []string) []apiFacet {
	out := make([]apiFacet, len(counts))
	for i, c := range counts {
		out[i] = apiFacet{Value: c.Value, Label: text(c.Name), Count: c.Count, Selected: slices.Contains(chosen, c.Value)}
	}
	return out
}

func (s *server) apiAccounts(ctx context.Context, _ *noInput) (*answer[apiPage[apiAccount]], error) {
	figures, err := s.Figures.Figures(ctx)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("figures: %w", err))
	}
	var all []onrecord.Account
	for _, f := range figures {
		all = append(all, f.Accounts...)
	}
	return wholeList(ctx, s, all, "/api/v1/accounts", "/", s.apiAccount)
}

// account finds the one account that a name stands for.
func (s *server) account(ctx context.Context, in *accountInput) (onrecord.Account, error) {
	if !slug.MatchString(in.Platform) || in.Account == "" {
		return onrecord.Account{}, onrecord.ErrNotFound
	}
	found, err := s.accountNamed(ctx, in.Platform, in.Account)
	switch {
	case err != nil:
		return onrecord.Account{}, err
	case len(found.list) == 0:
		return onrecord.Account{}, fmt.Errorf("account %s of %s: %w", in.Account, in.Platform, onrecord.ErrNotFound)
	case len(found.list) > 1:
		var ids []string
		for _, a := range found.list {
			ids = append(ids, idMark+a.ID)
		}
		return onrecord.Account{}, s.problem("ambiguous", s.texts.f("detail.ambiguous", "value", plain(in.Account), "list", plain(strings.Join(ids, ", "))))
	}
	return found.list[0], nil
}

func (s *server) apiAccountOne(ctx context.Context, in *accountInput) (*answer[apiAccount], error) {
	a, err := s.account(ctx, in)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &answer[apiAccount]{Cache: cacheStatement, Body: s.apiAccount(a)}, nil
}

func (s *server) apiAccountStates(ctx context.Context, in *accountInput) (*answer[apiPage[apiEvent]], error) {
	a, err := s.account(ctx, in)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	events, err := s.Figures.AccountEvents(ctx, a.Platform, a.ID)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("events of account %s: %w", a.ID, err))
	}
	at := url.PathEscape(a.Platform) + "/" + url.PathEscape(idMark+a.ID)
	return wholeList(ctx, s, events, "/api/v1/accounts/"+at+"/states", "/a/"+at, apiEventOf)
}

func (s *server) apiStatus(ctx context.Context, _ *noInput) (*answer[apiStatus], error) {
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	sources, err := s.statuses(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := apiStatus{Meta: meta, Sources: make([]apiSource, len(sources)), Version: text(s.Version), Crawls: s.Status != nil}
	for i, one := range sources {
		out.Sources[i] = s.apiSource(one)
	}
	n := tally(sources)
	out.Trouble, out.Paused, out.Waiting = int(n[inTrouble]), int(n[paused]), int(n[notVisited])
	if s.Health != nil {
		h, err := s.Health(ctx)
		if err != nil {
			return nil, s.fail(ctx, fmt.Errorf("health: %w", err))
		}
		out.Machine = some(apiMachineOf(h))
	}
	return &answer[apiStatus]{Cache: cacheSearch, Body: out}, nil
}

// coverage is a page of spans and gaps.
func (s *server) apiCoverage(ctx context.Context, in *coverageInput) (*answer[apiPage[apiCoverage]], error) {
	f := onrecord.CoverageFilter{Figure: in.Figure, Source: in.Source, Gaps: in.Status == "gap"}
	l := listing{path: "/api/v1/coverage", known: []string{"figure", "source", "since", "until", "status", "cursor", "limit"}, values: url.Values{}}
	l = l.with("figure", in.Figure).with("source", in.Source).with("since", in.Since).with("until", in.Until).with("status", in.Status)
	for _, bound := range []struct {
		name, value string
		into        *time.Time
	}{{"since", in.Since, &f.Since}, {"until", in.Until, &f.Until}} {
		if bound.value == "" {
			continue
		}
		t, ok := search.ParseDate(bound.value, time.UTC)
		if !ok {
			return nil, s.fail(ctx, s.invalidParameter(bound.name, s.texts.f("detail.date", "value", plain(bound.value))))
		}
		*bound.into = t
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return nil, s.fail(ctx, s.invalidParameter("until", s.texts.f("detail.backwards")))
	}
	spans, next, err := s.History.CoveragePage(ctx, f, false, in.Cursor, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("coverage: %w", err))
	}
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page := apiPage[apiCoverage]{Data: make([]apiCoverage, len(spans)), Meta: meta}
	for i, one := range spans {
		page.Data[i] = apiCoverageOf(one)
	}
	html := l.with("status")
	html.path = "/coverage"
	page.Links.HTML = text(s.base + html.address())
	if in.Limit != coverageLimit {
		l = l.with("limit", strconv.Itoa(in.Limit))
	}
	page.Links.Self = s.base + l.with("cursor", in.Cursor).address()
	if next != "" {
		page.Links.Next = text(s.base + l.with("cursor", next).address())
	}
	return page.answer(cacheSearch), nil
}

// coverageLimit is how many spans a page of the API has if it is not said.
const coverageLimit = 200
