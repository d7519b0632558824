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

func (d decisions) Takedowns(_ context.Context, before int64, limit int) (list []onrecord.Decision, next int64, err error) {
	for _, one := range d {
		if before > 0 && one.Index >= before {
			continue
		}
		if len(list) == limit {
			return list, list[limit-1].Index, nil
		}
		list = append(list, one)
	}
	return list, 0, nil
}

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
		{Takedown: onrecord.Takedown{Case: "T-3 <b>", Ground: onrecord.GroundLaw, Reason: "an order of a court", Decided: on}, Type: onrecord.StatementErased, Index: 1300, InForce: true},
		{Takedown: onrecord.Takedown{Case: "T-2", Decided: on}, Type: onrecord.StatementUnwithheld, Statement: idLive, Index: 1200},
		{Takedown: onrecord.Takedown{Case: "T-2", Ground: onrecord.GroundPolicy, Reason: "a mistake", Decided: on}, Type: onrecord.StatementWithheld, Statement: idLive, Index: 1150},
		{Takedown: onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundPolicy, Reason: "personal data of a third party", Decided: on}, Type: onrecord.StatementWithheld, Statement: idWithheld, Index: 1100, InForce: true},
	}
	h := siteOf(t, build(), func(o *web.Options) { o.Decisions = list })
	doc := page(t, h, "/about/takedowns", http.StatusOK)
	if n := doc.Find("ol.log > li").Length(); n != 4 {
		t.Fatalf("%d rows", n)
	}
	for i, row := range [][]string{{"erased", "T-3 <b>", "law", "an order of a court", "1,300"}, {"lifted", "T-2"}, {"not in force any more", "a mistake"}, {"withheld", "policy of this archive"}} {
		for _, part := range row {
			wants(t, doc, fmt.Sprintf("ol.log > li:nth-child(%d)", i+1), part)
		}
	}
	if n := doc.Find("ol.log > li:nth-child(1) a[href^='/s/']").Length(); n != 0 {
		t.Error("an erased statement is named")
	}
	data, _ := ask(t, h, "/api/v1/takedowns", http.StatusOK)["data"].([]any)
	if len(data) != 4 {
		t.Fatalf("%d of 4 in the API", len(data))
	}
	first, _ := data[0].(map[string]any)
	if first["state"] != "erased" || first["ground"] != "law" || first["statement"] != nil || first["log_index"] != 1300.0 || first["in_force"] != true {
		t.Errorf("first %v", first)
	}
	if third, _ := data[2].(map[string]any); third["state"] != "withheld" || third["in_force"] != false {
		t.Errorf("third %v", third)
	}
	wants(t, page(t, site(t, build()), "/about/takedowns", http.StatusOK), ".empty", "Nothing was withheld or erased.")
}

// TestTakedownsPaged: the list is told by pages, each decision once.
func TestTakedownsPaged(t *testing.T) {
	var list decisions
	for i := int64(120); i > 0; i-- {
		list = append(list, onrecord.Decision{Takedown: onrecord.Takedown{Case: fmt.Sprint("T-", i)}, Type: onrecord.StatementUnwithheld, Index: i})
	}
	h := siteOf(t, build(), func(o *web.Options) { o.Decisions = list })
	rows, pages := 0, 0
	for path, ok := "/about/takedowns", true; ok; pages++ {
		doc := page(t, h, path, http.StatusOK)
		rows += doc.Find("ol.log > li").Length()
		path, ok = doc.Find(".pager a[rel=next]").Attr("href")
	}
	if rows != 120 || pages != 3 {
		t.Errorf("%d rows on %d pages", rows, pages)
	}
	rows = 0
	for path, ok := "/api/v1/takedowns?limit=100", true; ok; {
		doc := ask(t, h, path, http.StatusOK)
		data, _ := doc["data"].([]any)
		rows += len(data)
		links, _ := doc["links"].(map[string]any)
		path, ok = links["next"].(string)
		path = strings.TrimPrefix(path, base)
	}
	if rows != 120 {
		t.Errorf("%d rows in the API", rows)
	}
	for _, path := range []string{"/about/takedowns?before=x", "/api/v1/takedowns?before=0"} {
		if a := get(t, h, path); a.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d", path, a.Code)
		}
	}
}

// TestTombstoneOfSeveralCases: the page names every case in force, the gravest
// first.
func TestTombstoneOfSeveralCases(t *testing.T) {
	m := withheldFor(onrecord.GroundLaw, onrecord.StatementWithheld)
	st := m.statements[idWithheld]
	st.Decision.Others = []onrecord.Decision{{Takedown: onrecord.Takedown{Case: "B-7"}}, {Takedown: onrecord.Takedown{Case: "C-9"}}}
	m.statements[idWithheld] = st
	wants(t, page(t, site(t, m), "/s/"+string(idWithheld), http.StatusUnavailableForLegalReasons), "main", "It is withheld in 2 more cases: B-7, C-9.")
}

// TestUnsettled: while a decision may be lost no statement is shown; since only the
// operator can end that, nobody is told when to ask again.
func TestUnsettled(t *testing.T) {
	h := siteOf(t, build(), func(o *web.Options) { o.Unsettled = func() bool { return true } })
	for _, path := range []string{"/", "/s/" + string(idLive), "/api/v1/statements"} {
		a := get(t, h, path)
		if a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") != "" || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d, headers %v", path, a.Code, a.Header())
		}
	}
	for _, path := range []string{"/media/" + strings.Repeat("0", 64) + ".png", "/record/log/checkpoint", "/api/v1/statements"} {
		if a := get(t, h, path); a.Code != http.StatusServiceUnavailable || a.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: status %d, headers %v", path, a.Code, a.Header())
		}
	}
	page(t, h, "/status", http.StatusOK)
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
