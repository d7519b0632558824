// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"encoding/json"
	"strings"
	"testing"

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

// A real archive never says that it is a demonstration.
func TestNoDemonstration(t *testing.T) {
	h := site(t, build())
	for _, path := range []string{"/", "/s/" + string(idLive), "/api/v1/statements/" + string(idLive)} {
		if body := get(t, h, path).Body.String(); strings.Contains(body, "a demonstration") {
			t.Errorf("%s says that it is a demonstration", path)
		}
	}
}
