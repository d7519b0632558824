// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/web"
)

// decisions is a web.Decisions.
type decisions []onrecord.Decision

func (d decisions) Takedowns(context.Context) ([]onrecord.Decision, error) { return d, nil }

// withheldFor is the fixture with one statement withheld on a ground.
func withheldFor(ground onrecord.Ground, kind onrecord.EventType) *memory {
	m := build()
	st := m.statements[idWithheld]
	d := *st.Decision
	d.Ground, d.Type = ground, kind
	st.Decision = &d
	m.statements[idWithheld] = st
	return m
}

// siteOf is the fixture's site with other options.
func siteOf(t testing.TB, m *memory, change func(*web.Options)) http.Handler {
	t.Helper()
	o := options(m)
	change(&o)
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestWithheldByLaw: 451 says who blocks, on pages and in the API, and neither
// tells what was said (RFC 7725).
func TestWithheldByLaw(t *testing.T) {
	m := withheldFor(onrecord.GroundLaw, onrecord.StatementWithheld)
	h := site(t, m)
	st := m.statements[idWithheld]
	own := "/s/" + string(idWithheld)
	for _, path := range []string{own, own + "/diff", own + "/v/" + string(st.Version), "/api/v1/statements/" + string(idWithheld),
		"/api/v1/statements/" + string(idWithheld) + "/versions", "/api/v1/statements/" + string(idWithheld) + "/captures",
		"/api/v1/statements/" + string(idWithheld) + "/proof", "/api/v1/statements/" + string(idWithheld) + "/captures/" + strings.Repeat("0", 64)} {
		a := get(t, h, path)
		if a.Code != http.StatusUnavailableForLegalReasons {
			t.Errorf("%s: status %d, want 451", path, a.Code)
		}
		if got := a.Header().Get("Link"); got != "<"+base+`/>; rel="blocked-by"` {
			t.Errorf("%s: Link %q", path, got)
		}
		body := a.Body.String()
		if !strings.Contains(body, "T-2026-014") {
			t.Errorf("%s does not name the case", path)
		}
		for _, secret := range []string{secretText, st.SHA256, string(st.URL), string(st.Version), st.NativeID} {
			if secret != "" && strings.Contains(body, secret) && !strings.HasSuffix(path, secret) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
	}
	doc := ask(t, h, "/api/v1/statements/"+string(idWithheld), http.StatusUnavailableForLegalReasons)
	if doc["type"] != base+"/problems/withheld-legal" || doc["category"] != "personal data of a third party" || doc["decided"] == nil {
		t.Errorf("problem %v", doc)
	}
	page(t, h, "/problems/withheld-legal", http.StatusOK)
}

// TestErasedTombstone: of an erased statement it is told that it was erased.
func TestErasedTombstone(t *testing.T) {
	h := site(t, withheldFor(onrecord.GroundPolicy, onrecord.StatementErased))
	wants(t, page(t, h, "/s/"+string(idWithheld), http.StatusGone), "main", "This archive has erased this statement.")
	wants(t, page(t, h, "/s/"+string(idWithheld), http.StatusGone), "main", "Its text is gone")
}

// TestTakedowns: the public list, as a page and in the API.
func TestTakedowns(t *testing.T) {
	on := time.Date(2026, 8, 6, 9, 0, 0, 0, time.UTC)
	list := decisions{
		{Takedown: onrecord.Takedown{Case: "T-3 <b>", Ground: onrecord.GroundLaw, Reason: "an order of a court", Decided: on}, Type: onrecord.StatementErased, Index: 1300},
		{Takedown: onrecord.Takedown{Case: "T-2", Decided: on}, Type: onrecord.StatementUnwithheld, Statement: idLive, Index: 1200},
		{Takedown: onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundPolicy, Reason: "personal data of a third party", Decided: on}, Type: onrecord.StatementWithheld, Statement: idWithheld, Index: 1100},
	}
	h := siteOf(t, build(), func(o *web.Options) { o.Decisions = list })
	doc := page(t, h, "/about/takedowns", http.StatusOK)
	if n := doc.Find("ol.log > li").Length(); n != 3 {
		t.Fatalf("%d rows", n)
	}
	for i, row := range [][]string{{"erased", "T-3 <b>", "law", "an order of a court", "1,300"}, {"shown again", "T-2"}, {"withheld", "policy of this archive"}} {
		for _, part := range row {
			wants(t, doc, fmt.Sprintf("ol.log > li:nth-child(%d)", i+1), part)
		}
	}
	if n := doc.Find("ol.log > li:nth-child(1) a[href^='/s/']").Length(); n != 0 {
		t.Error("an erased statement is named")
	}
	data, _ := ask(t, h, "/api/v1/takedowns", http.StatusOK)["data"].([]any)
	if len(data) != 3 {
		t.Fatalf("%d of 3 in the API", len(data))
	}
	first, _ := data[0].(map[string]any)
	if first["state"] != "erased" || first["ground"] != "law" || first["statement"] != nil || first["log_index"] != 1300.0 {
		t.Errorf("first %v", first)
	}
	wants(t, page(t, site(t, build()), "/about/takedowns", http.StatusOK), ".empty", "Nothing was withheld or erased.")
}

// TestBehind: a reader that is behind the checkpoint for more than a minute
// shows no statement, and says why.
func TestBehind(t *testing.T) {
	var behind time.Duration
	h := siteOf(t, build(), func(o *web.Options) { o.Behind = func() time.Duration { return behind } })
	for _, step := range []struct {
		behind time.Duration
		status int
	}{{0, 200}, {time.Minute, 200}, {time.Minute + time.Second, 503}} {
		behind = step.behind
		for _, path := range []string{"/", "/s/" + string(idLive), "/search?q=x", "/api/v1/statements", "/api/v1/events", "/f/jane-example"} {
			a := get(t, h, path)
			if a.Code != step.status {
				t.Errorf("%s, behind %s: status %d", path, step.behind, a.Code)
			}
			if a.Code == 503 && (a.Header().Get("Retry-After") == "" || a.Header().Get("Cache-Control") != "no-store") {
				t.Errorf("%s: headers %v", path, a.Header())
			}
		}
		page(t, h, "/status", http.StatusOK)
		page(t, h, "/about", http.StatusOK)
	}
}
