// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"onrecord/web"
)

// BenchmarkSearchPage20 answers a search page of 20 hits, beside html/template
// alone on 20 statements as the measure of what escaping costs at least.
func BenchmarkSearchPage20(b *testing.B) {
	m := build()
	for name, path := range map[string]string{"page": "/search?limit=20", "highlights": "/search?q=the&limit=20"} {
		b.Run(name, func(b *testing.B) { answer(b, uncached(b, m), path) })
	}
	b.Run("from cache", func(b *testing.B) { answer(b, site(b, m), "/search?limit=20") })
	b.Run("template alone", func(b *testing.B) {
		t := template.Must(template.New("").Parse(`<!doctype html><title>x</title>{{range .}}<article><h3><a href="/s/{{.ID}}">{{.Figure.Name}}, {{.Date}}</a></h3><p>{{.State}}</p><blockquote lang="{{.Lang}}" cite="{{.URL}}">{{.Content.Text}}</blockquote></article>{{end}}`))
		var list []any
		for _, st := range m.statements {
			if list = append(list, st); len(list) == 20 {
				break
			}
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := t.Execute(io.Discard, list); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAPIPage20 answers 20 statements as JSON.
func BenchmarkAPIPage20(b *testing.B) {
	answer(b, site(b, build()), "/api/v1/statements?limit=20")
}

func BenchmarkStatementPage(b *testing.B) {
	answer(b, uncached(b, build()), "/s/"+string(idEdited))
}

// uncached is a site whose pages are never the same twice: each is made.
func uncached(b *testing.B, m *memory) http.Handler {
	at := now
	o := options(m)
	o.Now = func() time.Time {
		at = at.Add(time.Minute)
		return at
	}
	h, err := web.New(o)
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func answer(b *testing.B, h http.Handler, path string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	b.ReportAllocs()
	var size int
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
		size = w.Body.Len()
	}
	b.ReportMetric(float64(size), "bytes/page")
}
