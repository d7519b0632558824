// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"onrecord/web"
)

const base = "https://archive.example"

func options(m *memory) web.Options {
	return web.Options{
		Archive:    web.Archive{Name: "Archive Example", Operator: "Example e.V.", Email: "desk@archive.example", URL: base, Log: "archive.example/log", LogKey: "archive.example/log+1a2b3c4d+AbCd"},
		Statements: m, Figures: m, Journal: m, History: m, Searcher: m, Evidence: m, Status: m.Status, Health: m.Health, Now: clock, Version: "v0.1.0-test", VerifyProof: "onrecord verify {file}",
		Packages: packed{m}, Media: newMediaMemory(map[string][]byte{"image/png": photo()}),
	}
}

func site(t testing.TB, m *memory) http.Handler {
	t.Helper()
	h, err := web.New(options(m))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// get asks h for path, with headers in pairs.
func get(t testing.TB, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// page reads path as HTML and demands a status.
func page(t testing.TB, h http.Handler, path string, status int) *goquery.Document {
	t.Helper()
	w := get(t, h, path)
	if w.Code != status {
		t.Fatalf("GET %s: status %d, want %d\n%s", path, w.Code, status, w.Body)
	}
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// words is the text of a selection with white space made single.
func words(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

// wants fails unless the text at selector holds part.
func wants(t *testing.T, doc *goquery.Document, selector, part string) {
	t.Helper()
	if s := doc.Find(selector); s.Length() == 0 || !strings.Contains(words(s), part) {
		t.Errorf("%s (%d found): %q does not hold %q", selector, s.Length(), words(s), part)
	}
}

// paths are pages of every kind.
func paths() []string {
	list := []string{
		"/", "/search", "/search?q=umbrellas", "/search?q=nothing+of+the+kind", "/search?q=figure%3A", "/search?state=deleted&platform=mastodon&figure=jane-example&type=reply&since=2026&until=2027", "/status", "/about", "/about/takedowns", "/help/search",
		"/events", "/events?type=statement.deleted&figure=jane-example", "/events?before=300", "/events?source=nobody", "/deletions", "/deletions?kind=reported", "/deletions?figure=ministry-of-examples", "/edits", "/edits?platform=mastodon&wrong=1",
		"/coverage", "/coverage?source=telegram", "/coverage?since=2020&until=2026-02", "/coverage?figure=nobody", "/a/x/jeandupont", "/a/bluesky/jean.example", "/a/bluesky/jane.example", "/a/gab/jean", "/a/website/ministry.example", "/a/bluesky/dupont.example", "/a/telegram/examples",
		"/f/jane-example", "/f/jean-dupont", "/f/ministry-of-examples", "/problems/not-found", "/problems/query-syntax", "/nowhere", "/search?tz=Europe/Paris&q=umbrella*&limit=3",
		"/demo", "/status?from=900", "/a/mastodon/" + url.PathEscape(longHandle), "/edits?cursor=n3",
	}
	for _, id := range []string{string(idLive), string(idEdited), string(idDeleted), string(idGone), string(idOffline), string(idRestored), string(idUnsure), string(idReported), string(idDisputed), string(idFrench), string(idArabic), string(idHostile), string(idWithheld), string(idMeta), string(idPoll)} {
		list = append(list, "/s/"+id)
	}
	return append(list, "/s/"+string(idEdited)+"/diff", "/s/"+string(idMeta)+"/diff", "/s/"+string(idHostile)+"/diff", "/s/"+string(idLive)+"/diff")
}

func TestEveryPage(t *testing.T) {
	var log bytes.Buffer
	o := options(build())
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths() {
		t.Run(path, func(t *testing.T) {
			w := get(t, h, path)
			doc, err := goquery.NewDocumentFromReader(bytes.NewReader(w.Body.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if n := doc.Find("h1").Length(); n != 1 {
				t.Errorf("%d h1, want 1", n)
			}
			if doc.Find(`[role="note"]`).Length() == 0 {
				t.Error("no notice")
			}
			if title := doc.Find("title").Text(); !strings.Contains(title, "archive") || !strings.Contains(title, "Archive Example") {
				t.Errorf("title %q does not say whose archive this is", title)
			}
			for _, selector := range []string{"script", "iframe", "object", "embed", "style", "base", "[style]", "[onclick]", "[onerror]", "[onmouseover]", `img:not([src^="/media/"][alt][width][height][loading="lazy"])`, `video:not([src^="/media/"][preload="none"])`, `a[href^="javascript"]`, `a[href^="data"]`, "form[method=post]"} {
				if n := doc.Find(selector).Length(); n != 0 {
					t.Errorf("%d of %s", n, selector)
				}
			}
			ids := map[string]bool{}
			doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
				if ids[s.AttrOr("id", "")] {
					t.Errorf("id %q twice", s.AttrOr("id", ""))
				}
				ids[s.AttrOr("id", "")] = true
			})
			if bytes.Contains(w.Body.Bytes(), []byte(secretText)) {
				t.Error("withheld words are shown")
			}
			if strings.Contains(words(doc.Find("body")), "%!") || strings.Contains(doc.Find("body").Text(), "{n}") {
				t.Error("a text was not filled in")
			}
		})
	}
	if log.Len() != 0 {
		t.Errorf("logged: %s", log.String())
	}
}
