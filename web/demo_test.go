// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"onrecord"
	"onrecord/web"
)

func TestDemonstration(t *testing.T) {
	o, again := options(build()), ""
	o.Demo = &web.Demo{Again: func() string { return again }}
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths() {
		w := get(t, h, path)
		if !strings.Contains(w.Body.String(), "This is a demonstration: invented people") {
			t.Errorf("%s does not say that it is a demonstration", path)
		}
		if w.Header().Get("X-Robots-Tag") != "noindex" {
			t.Errorf("%s is for search engines", path)
		}
	}
	if c := get(t, h, "/").Header().Get("Cache-Control"); c != "no-cache" {
		t.Errorf("Cache-Control %q: a reader would miss what happens in the next minute", c)
	}
	for _, path := range append(paths(), "/search", "/api/v1/", "/api/v1/statements", "/api/v1/figures", "/api/v1/events", "/api/v1/deletions", "/api/v1/accounts", "/api/v1/nothing", "/s/"+string(idLive)+"/v/"+string(versionOf(idLive))) {
		if c := get(t, h, path).Header().Get("Cache-Control"); c != "no-cache" {
			t.Errorf("%s: Cache-Control %q", path, c)
		}
	}
	if n := page(t, h, "/", 200).Find(".demo a").Length(); n != 0 {
		t.Errorf("%d links to play again before there is a way to", n)
	}
	again = "/demo/again"
	doc := page(t, h, "/", 200)
	wants(t, doc, `.demo a[href="/demo/again"]`, "Play again")

	var list struct {
		Meta struct{ Demonstration string }
	}
	if err := json.Unmarshal(get(t, h, "/api/v1/statements").Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(list.Meta.Demonstration, "nothing here was said by anyone") {
		t.Errorf("meta.demonstration is %q", list.Meta.Demonstration)
	}
	var service struct{ Demonstration string }
	if err := json.Unmarshal(get(t, h, "/api/v1/").Body.Bytes(), &service); err != nil {
		t.Fatal(err)
	}
	if service.Demonstration != list.Meta.Demonstration {
		t.Errorf("the service document says %q", service.Demonstration)
	}
}

func versionOf(id onrecord.StatementID) onrecord.VersionID { return build().statements[id].Version }

// A real archive never says that it is a demonstration.
func TestNoDemonstration(t *testing.T) {
	h := site(t, build())
	for _, path := range []string{"/", "/s/" + string(idLive), "/api/v1/statements/" + string(idLive)} {
		if w := get(t, h, "/demo"); w.Code != http.StatusNotFound {
			t.Errorf("/demo: status %d", w.Code)
		}
		if body := get(t, h, path).Body.String(); strings.Contains(body, "a demonstration") {
			t.Errorf("%s says that it is a demonstration", path)
		}
	}
}

func TestDemonstrationTellsItsStory(t *testing.T) {
	o := options(build())
	story := web.Story{Playing: true, Now: o.Now(), Steps: []web.Step{
		{At: o.Now(), Title: "A post is <edited>", Text: "25% becomes 50%.", Done: true, Pages: []web.Link{{Href: "/s/" + string(idLive), Text: "the statement"}}},
		{At: o.Now(), Title: "A platform goes offline", Text: "Its host is gone."},
	}}
	plays := 0
	o.Demo = &web.Demo{Story: func() web.Story { return story }, Play: func() { plays++ }}
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	doc := page(t, h, "/demo", 200)
	wants(t, doc, ".story > li:nth-child(1) h2", "A post is <edited>")
	wants(t, doc, ".story > li:nth-child(1) .kick", "has happened")
	wants(t, doc, ".story > li:nth-child(2).coming .kick", "is still to come")
	if n := doc.Find("form").Length(); n != 0 {
		t.Error("it can be played again while it is playing")
	}
	wants(t, page(t, h, "/", 200), `.demo a[href="/demo"]`, "The story")

	story.Playing = false
	wants(t, page(t, h, "/demo", 200), `form[method=post][action="/demo/again"] button`, "Play again")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/demo/again", nil))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/demo" || plays != 1 {
		t.Errorf("POST: status %d to %q, played %d times", w.Code, w.Header().Get("Location"), plays)
	}
	foreign := httptest.NewRequest("POST", "/demo/again", nil)
	foreign.Header.Set("Origin", "http://other.example")
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, foreign); w.Code != http.StatusForbidden || plays != 1 {
		t.Errorf("a POST from another site: status %d, played %d times", w.Code, plays)
	}
	if w := get(t, h, "/demo/again"); w.Code == http.StatusSeeOther || plays != 1 {
		t.Errorf("a GET plays the story: status %d", w.Code)
	}
}
