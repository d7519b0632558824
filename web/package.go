// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"onrecord"
)

// The bounds of what is packed on request: above either, no package of a
// statement is offered, and its operator can make one ("onrecord export wacz").
const (
	MaxPackage         = 16 << 20 // bytes of its captures
	MaxPackageCaptures = 200
)

// waczSuffix is the end of the address of a statement's package.
const waczSuffix = ".wacz"

// A Packages makes packages of statements: WACZ 1.1.1 files with captures and
// proofs. What is withheld is in none.
type Packages interface {
	// Package returns the package of a statement whose captures are within
	// MaxPackage and MaxPackageCaptures. Without any capture that may be shown
	// it is onrecord.ErrNotFound.
	Package(ctx context.Context, id onrecord.StatementID) (Package, error)
}

// A Package is a WACZ file in memory.
type Package struct {
	Body    []byte // not to be changed
	SHA256  [32]byte
	Created time.Time // of the state of the record that it shows
}

// packagePages routes /s/{id} and, where the site has packages, /s/{id}.wacz.
func (s *server) packagePages(mux *http.ServeMux) {
	page := s.page(s.cached(s.statementPage))
	if s.Packages == nil {
		mux.Handle("GET /s/{id}", page)
		return
	}
	download := cors(http.HandlerFunc(s.packageDownload))
	either := func(other http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.PathValue("id"), waczSuffix) {
				download.ServeHTTP(w, r)
				return
			}
			other.ServeHTTP(w, r)
		})
	}
	mux.Handle("GET /s/{id}", either(page))
	mux.Handle("OPTIONS /s/{id}", either(s.page(s.nothing)))
}

// packageDownload serves the package of a statement, with ranges: replay tools
// read a WACZ file piece by piece.
func (s *server) packageDownload(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimSuffix(r.PathValue("id"), waczSuffix)
	err := s.noParams(r)
	var p Package
	if err == nil {
		p, err = s.packageOf(r.Context(), id)
	}
	if err != nil {
		s.noPackage(w, r, err)
		return
	}
	head := w.Header()
	head.Set("Content-Type", "application/wacz")
	head.Set("Content-Disposition", `attachment; filename="`+id+waczSuffix+`"`)
	head.Set("Cache-Control", cacheAsk) // it may be withheld at any time
	head.Set("ETag", fmt.Sprintf("\"%x\"", p.SHA256))
	head.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(p.SHA256[:])+":")
	out := pace(w)
	defer out.stop()
	http.ServeContent(refusals{out}, r, "", p.Created, bytes.NewReader(p.Body))
	_ = out.end() // the reader may have left
}

// refusals takes away what would speak of a file where an error is sent in its place.
type refusals struct{ *paced }

// WriteHeader implements http.ResponseWriter.
func (r refusals) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		r.Header().Del("Repr-Digest")
		r.Header().Del("Content-Disposition")
	}
	r.paced.WriteHeader(status)
}

// noPackage says why there is none: to readers with a page, to programs as the
// API does.
func (s *server) noPackage(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, onrecord.ErrBusy) {
		w.Header().Set("Retry-After", retryBusy)
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.page(func(*http.Request) (reply, error) { return reply{}, err }).ServeHTTP(w, r)
		return
	}
	if p, ok := s.fail(r.Context(), err).(*problem); ok && r.Context().Err() == nil {
		s.sendProblem(w, r, p)
	}
}

func (s *server) packageOf(ctx context.Context, id string) (Package, error) {
	st, err := s.shown(ctx, id)
	if err != nil {
		return Package{}, err
	}
	captures, err := s.Statements.Captures(ctx, st.ID)
	if err != nil {
		return Package{}, fmt.Errorf("captures of %s: %w", st.ID, err)
	}
	if !packable(captures) {
		return Package{}, s.problem("not-found", s.texts.f("detail.package"))
	}
	p, err := s.Packages.Package(ctx, st.ID)
	if err != nil {
		return Package{}, fmt.Errorf("package of %s: %w", st.ID, err)
	}
	return p, nil
}

// packable reports whether a statement with these captures is packed on request.
func packable(captures []onrecord.Evidence) bool {
	type spot struct {
		object string
		offset int64
	}
	seen := map[spot]bool{}
	size := int64(0)
	for _, c := range captures {
		if at := (spot{c.Object, c.Offset}); !seen[at] {
			seen[at] = true
			size += c.Length
		}
	}
	return len(seen) > 0 && len(seen) <= MaxPackageCaptures && size <= MaxPackage
}

// packageHref is the address of a statement's package; empty where none is
// offered.
func (s *server) packageHref(id onrecord.StatementID, captures []onrecord.Evidence) string {
	if s.Packages == nil || !packable(captures) {
		return ""
	}
	return "/s/" + string(id) + waczSuffix
}

// describePackage describes the download in the description of the API, where
// tools look for it.
func (s *server) describePackage(api huma.API) {
	op := operation("getPackage", "/s/{id}.wacz", "Its evidence as a package", "A WACZ 1.1.1 file: the WARC records as they lie in the bucket, index, pages with text, journal lines with proofs. Ranges are served. "+
		"There is none where the captures are above 16 MiB or 200.")
	op.Parameters = []*huma.Param{{Name: "id", In: "path", Required: true, Description: "Statement id", Schema: &huma.Schema{Type: "string"}}}
	op.Responses = map[string]*huma.Response{"200": {Description: "WACZ file", Content: map[string]*huma.MediaType{"application/wacz": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	api.OpenAPI().AddOperation(&op)
}
