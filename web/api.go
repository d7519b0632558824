// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"onrecord"
)

// maxAge of a preflight answer, in seconds, and what readers elsewhere may see.
const (
	corsAge    = "86400"
	corsExpose = "Link, ETag, Retry-After, Content-Length, Content-Range, Accept-Ranges, Repr-Digest"
)

// api routes the API and its description.
func (s *server) api(mux *http.ServeMux) error {
	inner := http.NewServeMux()
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: s.Archive.Name, Version: "1.0.0", Description: apiDescription,
				Contact: &huma.Contact{Name: s.Archive.Operator, Email: s.Archive.Email},
			},
			Servers:    []*huma.Server{{URL: s.base}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.ownProblems},
	}
	api := humago.New(inner, config)
	api.UseMiddleware(s.checkParams)
	s.registerStatements(api)
	s.registerLists(api)
	s.registerWatch(api)
	s.registerTakedowns(api)
	s.describeCapture(api)
	s.describePackage(api)
	inner.HandleFunc("GET /api/v1/statements/{id}/captures/{sha256}", s.captureDownload)

	doc, err := s.describe(api)
	if err != nil {
		return err
	}
	s.openapi = doc
	openapi := func(*http.Request) (reply, error) {
		return reply{Type: "application/vnd.oai.openapi+json;version=3.1", Cache: cacheStatement, Body: s.openapi}, nil
	}
	mux.Handle("GET /openapi.json", cors(s.page(openapi)))
	inner.Handle("GET /api/v1/openapi.json", s.page(openapi))
	mux.Handle("/api/", cors(s.answerJSON(inner)))
	mux.Handle("/api", cors(s.answerJSON(inner)))
	return nil
}

// cors lets pages of others read what anybody may read. Credentials are never
// allowed: there are none.
func cors(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Access-Control-Allow-Origin", "*")
		head.Set("Access-Control-Expose-Headers", corsExpose)
		head.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if r.Method == http.MethodOptions {
			head.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
			head.Set("Access-Control-Allow-Headers", "*")
			head.Set("Access-Control-Max-Age", corsAge)
			head.Set("Allow", "GET, HEAD, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// answerJSON sends what the routes of the API answer, whole: with ETag, and
// with problems in place of the mux's own words.
func (s *server) answerJSON(inner *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			s.sendProblem(w, r, s.problem("method-not-allowed", s.texts.f("detail.method", "method", plain(r.Method))))
			return
		}
		_, pattern := inner.Handler(r)
		switch {
		case pattern == "" || strings.Contains(r.URL.EscapedPath(), "//"):
			s.sendProblem(w, r, s.problem("not-found", s.texts.f("detail.notfound")))
			return
		case strings.HasSuffix(pattern, "/captures/{sha256}"), strings.HasSuffix(pattern, "/openapi.json"):
			inner.ServeHTTP(w, r)
			return
		}
		rec := &recorder{ResponseWriter: w}
		inner.ServeHTTP(rec, r)
		if r.Context().Err() != nil {
			return // the reader has left
		}
		if rec.problem != nil {
			s.sendProblem(w, r, rec.problem)
			return
		}
		a := reply{Status: rec.status, Type: w.Header().Get("Content-Type"), Cache: w.Header().Get("Cache-Control"), Body: rec.body.Bytes()}
		if a.Cache == "" {
			a.Cache = cacheStatement
		}
		a.Cache = s.fresh(a)
		a.send(w, r)
	})
}

// sendProblem answers with p as JSON.
func (s *server) sendProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Del("Link")
	cache := cacheSearch
	if p.Status >= 500 {
		cache = cacheNever
	}
	if p.name == "busy" {
		w.Header().Set("Retry-After", retryBusy)
	}
	if p.Status == http.StatusGone || p.Status == http.StatusUnavailableForLegalReasons {
		cache = cacheAsk
	}
	a := reply{Status: p.Status, Type: problemJSON, Cache: cache, Link: s.link(p), Body: append(body, '\n')}
	a.Cache = s.fresh(a)
	a.send(w, r)
}

// A recorder keeps an answer until it is complete. Headers go to the answer
// at once. A problem that was noted replaces what was written.
type recorder struct {
	http.ResponseWriter
	status  int
	body    bytes.Buffer
	problem *problem
}

func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// note makes p the answer of ctx's request.
func note(ctx huma.Context, p *problem) {
	_, w := humago.Unwrap(ctx)
	if rec, ok := w.(*recorder); ok {
		rec.problem = p
	}
}

// ownProblems puts our problems in place of huma's errors.
func (s *server) ownProblems(ctx huma.Context, _ string, v any) (any, error) {
	switch v := v.(type) {
	case *problem:
		note(ctx, v)
	case *huma.ErrorModel:
		note(ctx, s.fromHuma(v))
	}
	return v, nil
}

func (s *server) fromHuma(m *huma.ErrorModel) *problem {
	switch {
	case m.Status == http.StatusNotAcceptable:
		return s.problem("not-acceptable", m.Detail)
	case m.Status >= 500:
		return s.problem("internal", s.texts.f("problem.internal"))
	}
	for _, d := range m.Errors {
		_, name, _ := strings.Cut(d.Location, ".")
		return s.invalidParameter(name, d.Message)
	}
	return s.problem("invalid-parameter", m.Detail)
}

// checkParams refuses parameters that an endpoint does not know, before
// anything else is done: an ignored filter would answer another question.
func (s *server) checkParams(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	var known, once []string
	for _, p := range ctx.Operation().Parameters {
		if p.In != "query" {
			continue
		}
		known = append(known, p.Name)
		if p.Schema.Type != "array" {
			once = append(once, p.Name)
		}
	}
	unknown, err := s.unknownParams(r, known...)
	if len(unknown) > 0 && err == nil {
		err = s.unknownParameter(unknown[0], known)
	}
	values := r.URL.Query()
	for _, name := range once {
		if err == nil && len(values[name]) > 1 {
			err = s.invalidParameter(name, s.texts.f("detail.twice", "name", name))
		}
	}
	if err == nil {
		err = s.checkNames(values, known)
	}
	if err == nil && slices.Contains(known, "q") {
		var q query
		if q, err = s.parseQuery(values, s.Now()); err == nil {
			ctx = huma.WithValue(ctx, queryKey{}, q)
		}
	}
	if p, ok := s.asProblem(err); ok {
		note(ctx, p)
		return
	}
	next(ctx)
}

// checkNames refuses what can be no figure, platform or source, as pages do: a
// list without any entry would answer another question.
func (s *server) checkNames(values url.Values, known []string) error {
	for _, name := range []string{"figure", "platform", "source"} {
		list := tidy(values[name])
		if !slices.Contains(known, name) {
			continue
		}
		if len(list) > 50 {
			return s.invalidParameter(name, s.texts.f("detail.many", "name", name, "most", 50))
		}
		for _, value := range list {
			if !slug.MatchString(value) {
				return s.invalidParameter(name, s.texts.f("detail.value", "name", name, "value", plain(value)))
			}
		}
	}
	return nil
}

// queryKey is where checkParams leaves the query that it read.
type queryKey struct{}

// fail makes the answer to an error: the reader's problem, or ours, which is
// logged under an id.
func (s *server) fail(ctx context.Context, err error) error {
	if p, ok := s.asProblem(err); ok {
		return p
	}
	id := rand.Text()[:12]
	if ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "request failed", "id", id, "api", true, "err", err)
	}
	p := s.problem("internal", s.texts.f("detail.internal", "id", id))
	p.Instance = "urn:onrecord:request:" + id
	return p
}

// captureDownload serves one WARC record that the statement cites.
func (s *server) captureDownload(w http.ResponseWriter, r *http.Request) {
	err := s.sendCapture(w, r)
	if err == nil {
		return
	}
	if p, ok := s.fail(r.Context(), err).(*problem); ok {
		s.sendProblem(w, r, p)
	}
}

func (s *server) sendCapture(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		unknown, err := s.unknownParams(r)
		if err == nil && len(unknown) > 0 {
			err = s.unknownParameter(unknown[0], nil)
		}
		if err != nil {
			return err
		}
	}
	st, err := s.shown(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	list, err := s.Statements.Captures(r.Context(), st.ID)
	if err != nil {
		return fmt.Errorf("captures of %s: %w", st.ID, err)
	}
	for _, e := range list {
		if e.SHA256 != r.PathValue("sha256") {
			continue
		}
		body, err := s.Evidence.Capture(r.Context(), e.CaptureRef)
		if err != nil {
			return fmt.Errorf("capture %s: %w", e.SHA256, err)
		}
		head := w.Header()
		head.Set("Content-Type", "application/warc")
		head.Set("Content-Disposition", `attachment; filename="`+e.SHA256+`.warc.gz"`)
		head.Set("Cache-Control", s.fresh(reply{Cache: cacheStatement}))
		head.Set("ETag", "\""+e.SHA256+"\"")
		in := &faults{r: body}
		if r.Method != http.MethodHead {
			out := pace(w)
			if _, err = io.Copy(out, in); err == nil {
				err = out.end()
			}
			out.stop()
		}
		if err := body.Close(); err != nil {
			s.Log.WarnContext(r.Context(), "close capture", "sha256", e.SHA256, "err", err)
		}
		if err == nil || r.Context().Err() != nil {
			return nil
		}
		// Some of it is sent: only a broken connection can say that it is not whole.
		if in.err != nil {
			s.Log.ErrorContext(r.Context(), "send capture", "sha256", e.SHA256, "err", in.err)
		}
		panic(http.ErrAbortHandler)
	}
	return fmt.Errorf("capture %s of %s: %w", r.PathValue("sha256"), st.ID, onrecord.ErrNotFound)
}
