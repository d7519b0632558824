// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"onrecord"
	"onrecord/search"
)

// answer is an answer with a body and the links of RFC 8288.
type answer[T any] struct {
	Link  []string `header:"Link"`
	Cache string   `header:"Cache-Control"`
	Body  T
}

type idInput struct {
	ID string `path:"id" doc:"Statement id" example:"9k3v0q7mzc2xw4ta" maxLength:"64"`
}

type searchInput struct {
	Q        string   `query:"q" doc:"Search query; see /help/search" example:"budget" maxLength:"1024"`
	Figure   []string `query:"figure,explode" doc:"Slug; repeat for any of several"`
	Platform []string `query:"platform,explode" doc:"Platform; repeat for any of several"`
	State    []string `query:"state,explode" doc:"State; repeat for any of several" enum:"live,deleted,gone_with_account,platform_offline,restored,unconfirmed,withheld"`
	Type     []string `query:"type,explode" doc:"Type; repeat for any of several" enum:"post,reply,repost,quote,article,email,broadcast,transcript,profile"`
	Since    string   `query:"since" doc:"Published at or after: 2026, 2026-01, 2026-01-31, 2026-01-31T12:30Z, Unix seconds" example:"2026"`
	Until    string   `query:"until" doc:"Published before; same forms"`
	Sort     string   `query:"sort" doc:"Order; newest if left out" enum:"newest,oldest,relevance"`
	TZ       string   `query:"tz" doc:"Zone in which dates without one are read" example:"Europe/Paris"`
	Cursor   string   `query:"cursor" doc:"From links.next or links.prev; opaque, never expires"`
	Limit    int      `query:"limit" doc:"Results a page" minimum:"1" maximum:"200" default:"50"`
}

// operation describes GET path.
func operation(id, path, summary, about string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Description: about}
}

// registerStatements registers /statements and what lies below.
func (s *server) registerStatements(api huma.API) {
	huma.Register(api, operation("searchStatements", "/api/v1/statements", "Search statements", "Newest first unless sort says otherwise. Totals are exact. Insertions never shift a walk by cursor."), s.apiSearch)
	huma.Register(api, operation("getStatement", "/api/v1/statements/{id}", "One statement", "With its current wording and what is known of its fate."), s.apiOne)
	huma.Register(api, operation("listVersions", "/api/v1/statements/{id}/versions", "Its wordings", "All wordings, oldest first."), s.apiVersions)
	huma.Register(api, operation("listCaptures", "/api/v1/statements/{id}/captures", "Its evidence", "All captures that events of the statement cite, oldest first."), s.apiCaptures)
	proof := operation("getProof", "/api/v1/statements/{id}/proof", "Its proof", "Journal lines of the statement, each with a C2SP tlog-proof that can be checked offline.")
	proof.Responses = map[string]*huma.Response{"200": {Description: "Proof file", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}}}
	huma.Register(api, proof, s.apiProof)
}

func (s *server) apiSearch(ctx context.Context, _ *searchInput) (*answer[apiPage[apiStatement]], error) {
	q, _ := ctx.Value(queryKey{}).(query)
	list, found, err := s.statements(ctx, q.request(50))
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	meta.Total, meta.TotalExact = &found.Total, true
	canonical, understood := q.parsed.String(), s.words(q.Zone).understood(q)
	meta.Query, meta.Understood = &canonical, &understood
	for _, w := range q.parsed.Warnings() {
		meta.Warnings = append(meta.Warnings, w.Message)
	}
	page := apiPage[apiStatement]{Data: make([]apiStatement, len(list)), Meta: meta}
	for i, st := range list {
		page.Data[i] = s.apiStatement(st)
	}
	page.Links = apiLinks{Self: s.base + q.address("/api/v1/statements"), HTML: text(s.base + q.address("/search"))}
	if found.Next != "" {
		page.Links.Next = text(s.base + q.at(found.Next).address("/api/v1/statements"))
	}
	if found.Prev != "" {
		page.Links.Prev = text(s.base + q.at(found.Prev).address("/api/v1/statements"))
	}
	return page.answer(cacheSearch), nil
}

// answer puts next and prev into the Link header as well.
func (p apiPage[T]) answer(cache string) *answer[apiPage[T]] {
	return &answer[apiPage[T]]{Link: p.Links.header(), Cache: cache, Body: p}
}

// header is the Link header of l.
func (l apiLinks) header() []string {
	var list []string
	if l.Next != nil {
		list = append(list, "<"+*l.Next+">; rel=\"next\"")
	}
	if l.Prev != nil {
		list = append(list, "<"+*l.Prev+">; rel=\"prev\"")
	}
	return list
}

// meta says what an answer rests on.
func (s *server) meta(ctx context.Context) (apiMeta, error) {
	point, err := s.Journal.Checkpoint(ctx)
	if err != nil {
		return apiMeta{}, fmt.Errorf("checkpoint: %w", err)
	}
	return apiMeta{
		IndexedTo: at(point.Time), Checkpoint: apiCheckpoint{Size: point.Size, Root: point.Root}, Warnings: []string{}, Demo: s.demonstration(),
	}, nil
}

// demonstration is the sentence that a demonstration puts into its answers, or
// nil.
func (s *server) demonstration() *string {
	if s.Demo == nil {
		return nil
	}
	return text(s.texts.f("site.demo"))
}

// shown reads a statement that may be shown.
func (s *server) shown(ctx context.Context, name string) (onrecord.Statement, error) {
	if !statementID.MatchString(name) {
		return onrecord.Statement{}, onrecord.ErrNotFound
	}
	st, err := s.Statements.Statement(ctx, onrecord.StatementID(name))
	if err != nil {
		return st, fmt.Errorf("statement %s: %w", name, err)
	}
	if st.State == onrecord.StateWithheld {
		return st, s.withheld(s.words(nil), st)
	}
	return st, nil
}

func (s *server) apiOne(ctx context.Context, in *idInput) (*answer[apiStatement], error) {
	st, err := s.shown(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &answer[apiStatement]{
		Cache: cacheStatement, Body: s.apiStatement(st),
		Link: []string{"<" + s.base + "/s/" + in.ID + ">; rel=\"alternate\"; type=\"text/html\""},
	}, nil
}

func (s *server) apiVersions(ctx context.Context, in *idInput) (*answer[apiPage[apiVersion]], error) {
	st, err := s.shown(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	versions, err := s.Statements.Versions(ctx, st.ID)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("versions of %s: %w", st.ID, err))
	}
	versions = slices.Clone(versions)
	for i := range versions {
		versions[i].LastSeen = lastSeen(st, versions, i)
	}
	return wholeList(ctx, s, versions, "/api/v1/statements/"+in.ID+"/versions", "/s/"+in.ID, func(v onrecord.Version) apiVersion { return s.apiVersion(st, v) })
}

func (s *server) apiCaptures(ctx context.Context, in *idInput) (*answer[apiPage[apiCapture]], error) {
	st, err := s.shown(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	captures, err := s.Statements.Captures(ctx, st.ID)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("captures of %s: %w", st.ID, err))
	}
	return wholeList(ctx, s, captures, "/api/v1/statements/"+in.ID+"/captures", "/s/"+in.ID, func(e onrecord.Evidence) apiCapture { return s.apiCapture(st.ID, e) })
}

// wholeList answers with a list that has one page.
func wholeList[A, B any](ctx context.Context, s *server, list []A, self, html string, shape func(A) B) (*answer[apiPage[B]], error) {
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	total := int64(len(list))
	meta.Total, meta.TotalExact = &total, true
	page := apiPage[B]{Data: make([]B, len(list)), Meta: meta, Links: apiLinks{Self: s.base + self}}
	if html != "" {
		page.Links.HTML = text(s.base + html)
	}
	for i, one := range list {
		page.Data[i] = shape(one)
	}
	return page.answer(cacheStatement), nil
}

// proofAnswer is plain text.
type proofAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (s *server) apiProof(ctx context.Context, in *idInput) (*proofAnswer, error) {
	st, err := s.shown(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	proof, err := s.Evidence.Proof(ctx, st.ID)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("proof of %s: %w", st.ID, err))
	}
	return &proofAnswer{ContentType: "text/plain; charset=utf-8", Disposition: `inline; filename="` + in.ID + `.proof"`, Body: proof}, nil
}

type slugInput struct {
	Slug string `path:"slug" doc:"Figure" example:"jane-example" maxLength:"64"`
}

type noInput struct{}

type eventsInput struct {
	After    string   `query:"after" doc:"Events whose seq is greater than this: the seq of the last one that you have" example:"0"`
	Type     []string `query:"type,explode" doc:"Event type; repeat for any of several"`
	Figure   string   `query:"figure" doc:"Slug"`
	Platform string   `query:"platform"`
	Source   string   `query:"source"`
	Limit    int      `query:"limit" doc:"Events a page" minimum:"1" maximum:"200" default:"50"`
}

type coverageInput struct {
	Figure string `query:"figure" doc:"Slug"`
	Source string `query:"source"`
	Since  string `query:"since" doc:"Spans that end after this" example:"2026"`
	Until  string `query:"until" doc:"Spans that begin before this"`
	Status string `query:"status" doc:"gap: gaps only" enum:"gap"`
	Cursor string `query:"cursor" doc:"From links.next; opaque, never expires"`
	Limit  int    `query:"limit" doc:"Spans a page" minimum:"1" maximum:"1000" default:"200"`
}

// registerLists registers the other endpoints.
func (s *server) registerLists(api huma.API) {
	huma.Register(api, operation("getService", "/api/v1/{$}", "Service document", "Who runs this archive, its ledger, and where things are."), s.apiService)
	huma.Register(api, operation("listFigures", "/api/v1/figures", "Figures", "All figures with their accounts."), s.apiFigures)
	huma.Register(api, operation("getFigure", "/api/v1/figures/{slug}", "One figure", "With its accounts and their states."), s.apiFigureOne)
	huma.Register(api, operation("listEvents", "/api/v1/events", "Events", "Everything that was recorded, in ledger order, append-only. A walk from after=0 misses nothing and repeats nothing."), s.apiEvents)
	huma.Register(api, operation("listCoverage", "/api/v1/coverage", "Coverage", "When each source was looked at, and the gaps: what silence is worth."), s.apiCoverage)
}

func (s *server) apiService(ctx context.Context, _ *noInput) (*answer[apiService], error) {
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	found, err := s.Searcher.Search(ctx, search.Request{Limit: 1})
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("search: %w", err))
	}
	figures, err := s.Figures.Figures(ctx)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("figures: %w", err))
	}
	api := s.base + "/api/v1/"
	return &answer[apiService]{Cache: cacheSearch, Body: apiService{
		Name: s.Archive.Name, Operator: s.Archive.Operator, Email: text(s.Archive.Email), Notice: s.texts.f("site.notice"),
		Log:        apiServiceLog{Origin: text(s.Archive.Log), Key: text(s.Archive.LogKey)},
		Checkpoint: meta.Checkpoint, IndexedTo: meta.IndexedTo, Statements: found.Total, Figures: len(figures), Demo: meta.Demo,
		Links: map[string]string{
			"self": api, "statements": api + "statements", "figures": api + "figures", "events": api + "events",
			"coverage": api + "coverage", "deletions": api + "deletions", "edits": api + "edits", "accounts": api + "accounts", "status": api + "status", "takedowns": api + "takedowns", "openapi": api + "openapi.json", "html": s.base + "/", "help": s.base + "/help/search",
		},
	}}, nil
}

func (s *server) apiFigures(ctx context.Context, _ *noInput) (*answer[apiPage[apiFigure]], error) {
	figures, err := s.Figures.Figures(ctx)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("figures: %w", err))
	}
	return wholeList(ctx, s, figures, "/api/v1/figures", "/", s.apiFigure)
}

func (s *server) apiFigureOne(ctx context.Context, in *slugInput) (*answer[apiFigure], error) {
	if !slug.MatchString(in.Slug) {
		return nil, s.fail(ctx, onrecord.ErrNotFound)
	}
	f, err := s.Figures.Figure(ctx, in.Slug)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("figure %s: %w", in.Slug, err))
	}
	return &answer[apiFigure]{Cache: cacheStatement, Body: s.apiFigure(f)}, nil
}

func (s *server) apiEvents(ctx context.Context, in *eventsInput) (*answer[apiPage[apiEvent]], error) {
	after := int64(0)
	if in.After != "" {
		n, err := strconv.ParseInt(in.After, 10, 64)
		if err != nil || n < 0 {
			return nil, s.fail(ctx, s.invalidParameter("after", s.texts.f("detail.after", "value", plain(in.After))))
		}
		after = n
	}
	f := onrecord.EventFilter{Figure: in.Figure, Platform: in.Platform, Source: in.Source}
	for _, t := range tidy(in.Type) {
		if !slices.Contains(eventTypes, onrecord.EventType(t)) {
			return nil, s.fail(ctx, s.oneOf("type", t, stringsOf(eventTypes)))
		}
		f.Types = append(f.Types, onrecord.EventType(t))
	}
	events, next, err := s.Journal.Events(ctx, after, f, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, fmt.Errorf("events: %w", err))
	}
	meta, err := s.meta(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page := apiPage[apiEvent]{Data: make([]apiEvent, len(events)), Meta: meta}
	for i, e := range events {
		page.Data[i] = apiEventOf(e)
	}
	page.Links.Self = s.base + in.address(after)
	if next != 0 {
		page.Links.Next = text(s.base + in.address(next))
	}
	return page.answer(cacheSearch), nil
}

// describeCapture describes the one endpoint that is streamed and so not huma's.
func (s *server) describeCapture(api huma.API) {
	op := operation("getCapture", "/api/v1/statements/{id}/captures/{sha256}", "One record of its evidence", "The WARC record, compressed, as it lies in the bucket: its SHA-256 is the one in the address.")
	op.Parameters = []*huma.Param{
		{Name: "id", In: "path", Required: true, Description: "Statement id", Schema: &huma.Schema{Type: "string"}},
		{Name: "sha256", In: "path", Required: true, Description: "Digest of the record, from the list of captures", Schema: &huma.Schema{Type: "string"}},
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "WARC record", Content: map[string]*huma.MediaType{"application/warc": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	api.OpenAPI().AddOperation(&op)
}
