// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"onrecord"
)

// takedownsOnPage is how many decisions the page lists.
const takedownsOnPage = 50

// A takedownRow is a decision in the public list.
type takedownRow struct {
	Case, Ground, Category string
	State                  string // what was decided, and whether it is in force
	Kind                   string // for the style sheet
	Decided                moment
	Ledger                 int64
	LedgerHref             string
	Href                   string // of the statement, where it may be named
}

type takedownsBody struct {
	Rows   []takedownRow
	Older  string
	Newest string // back to the beginning, where this is not it
}

// decisions reads a page of the list; text is the value of the parameter before.
func (s *server) decisions(ctx context.Context, text string, limit int) ([]onrecord.Decision, int64, error) {
	before := int64(0)
	if text != "" {
		var err error
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return nil, 0, s.invalidParameter("before", s.texts.f("detail.before", "value", plain(text)))
		}
	}
	if s.Decisions == nil {
		return nil, 0, nil
	}
	list, next, err := s.Decisions.Takedowns(ctx, before, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("take-downs: %w", err)
	}
	return list, next, nil
}

// stateOf is what was decided, as the API spells it.
func stateOf(d onrecord.Decision) string {
	switch d.Type {
	case onrecord.StatementErased:
		return "erased"
	case onrecord.StatementUnwithheld:
		return "lifted"
	}
	return "withheld"
}

// takedownsPage is /about/takedowns: what was decided not to be shown, and what
// was shown again.
func (s *server) takedownsPage(r *http.Request) (reply, error) {
	l, err := s.readList(r, "/about/takedowns", nil, "before")
	if err != nil {
		return reply{}, err
	}
	list, next, err := s.decisions(r.Context(), l.get("before"), takedownsOnPage)
	if err != nil {
		return reply{}, err
	}
	w := s.words(nil)
	body := takedownsBody{Rows: make([]takedownRow, len(list))}
	for i, d := range list {
		body.Rows[i] = w.takedownRow(d)
	}
	if next > 0 {
		body.Older = l.with("before", strconv.FormatInt(next, 10)).address()
	}
	if l.get("before") != "" {
		body.Newest = l.with("before").address()
	}
	return s.render("takedowns", frame{
		Title: s.texts.f("title.takedowns"), Canonical: s.base + l.address(), NoIndex: body.Newest != "", Section: "about", Body: body,
		Head: []headLink{{Rel: "alternate", Href: "/api/v1/takedowns", Type: "application/json"}},
	})
}

// takedownRow words a decision.
func (w wording) takedownRow(d onrecord.Decision) takedownRow {
	row := takedownRow{
		Case: plain(d.Case), Category: plain(d.Reason), State: w.f("takedowns.state." + stateOf(d)), Kind: stateOf(d), Decided: w.moment(d.Decided),
		Ledger: d.Index, LedgerHref: fmt.Sprintf("/events?before=%d", d.Index+1),
	}
	if !d.InForce && d.Type == onrecord.StatementWithheld {
		row.State, row.Kind = w.f("takedowns.state.over"), "over"
	}
	if d.Ground != "" {
		row.Ground = w.f("takedowns.ground." + string(groundOf(d)))
	}
	if d.Statement != "" {
		row.Href = "/s/" + string(d.Statement)
	}
	return row
}

// groundOf is the ground of a decision; policy where it names another one.
func groundOf(d onrecord.Decision) onrecord.Ground {
	if d.Ground == onrecord.GroundLaw {
		return onrecord.GroundLaw
	}
	return onrecord.GroundPolicy
}

// apiTakedown is a decision not to show a statement, or to show it again.
type apiTakedown struct {
	Case      string                `json:"case" example:"T-2026-014"`
	Ground    *string               `json:"ground" doc:"policy, law; null of one that lifts another"`
	Category  *string               `json:"category" doc:"Why, in words" example:"personal data of a third party"`
	Decided   *time.Time            `json:"decided"`
	State     string                `json:"state" enum:"withheld,lifted,erased" doc:"What was decided: lifted, that the statement is withheld no more in this case"`
	InForce   bool                  `json:"in_force" doc:"The statement is not shown because of this decision. It is shown again when no decision about it is in force."`
	Statement *onrecord.StatementID `json:"statement" doc:"null where it was erased"`
	LogIndex  int64                 `json:"log_index" doc:"Ledger index of the decision"`
}

type takedownsInput struct {
	Before string `query:"before" doc:"Decisions whose log_index is less than this: that of the last one that you have"`
	Limit  int    `query:"limit" doc:"Decisions a page" minimum:"1" maximum:"200" default:"50"`
}

// registerTakedowns registers /takedowns.
func (s *server) registerTakedowns(api huma.API) {
	huma.Register(api, operation("listTakedowns", "/api/v1/takedowns", "Take-downs", "All decisions to withhold a statement, to show it again, or to erase it, newest first. A statement is not shown while a decision about it is in force."), s.apiTakedowns)
}

func (s *server) apiTakedowns(ctx context.Context, in *takedownsInput) (*answer[apiPage[apiTakedown]], error) {
	list, next, err := s.decisions(ctx, in.Before, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page := apiPage[apiTakedown]{Data: make([]apiTakedown, len(list)), Meta: meta}
	for i, d := range list {
		page.Data[i] = apiTakedown{
			Case: d.Case, Ground: text(string(d.Ground)), Category: text(d.Reason), Decided: at(d.Decided), State: stateOf(d), InForce: d.InForce,
			Statement: id(d.Statement), LogIndex: d.Index,
		}
	}
	page.Links.Self, page.Links.HTML = s.base+in.address(in.Before), text(s.base+"/about/takedowns")
	if next > 0 {
		page.Links.Next = text(s.base + in.address(strconv.FormatInt(next, 10)))
	}
	return page.answer(cacheStatement), nil
}

// address is the list's address with its parameters, from before on.
func (in *takedownsInput) address(before string) string {
	v := url.Values{}
	if before != "" {
		v.Set("before", before)
	}
	if in.Limit != 50 {
		v.Set("limit", strconv.Itoa(in.Limit))
	}
	if len(v) == 0 {
		return "/api/v1/takedowns"
	}
	return "/api/v1/takedowns?" + v.Encode()
}
