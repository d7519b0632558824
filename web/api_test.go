// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord/web"
)

var update = flag.Bool("update", false, "write testdata/openapi.json")

// object is JSON as it came.
type object = map[string]any

// ask reads path as JSON and demands a status.
func ask(t testing.TB, h http.Handler, path string, status int) object {
	t.Helper()
	w := get(t, h, path)
	var v object
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != status {
		t.Fatalf("GET %s: status %d, want %d: %v\n%s", path, w.Code, status, err, w.Body)
	}
	return v
}

// at walks down v by keys and indexes.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(object)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestAPIStatement(t *testing.T) {
	m := build()
	got := ask(t, site(t, m), "/api/v1/statements/"+string(idDeleted), http.StatusOK)
	st := m.statements[idDeleted]
	want := object{
		"id": "9k3v0q7mzc2xw4ta", "url": base + "/s/9k3v0q7mzc2xw4ta",
		"notice":   "Mirrored by Archive Example, an independent archive not connected to Jane Example.",
		"figure":   object{"slug": "jane-example", "name": "Jane Example"},
		"account":  object{"platform": "mastodon", "handle": "@jane-example@social.example", "native_id": "1077a", "state": "live"},
		"platform": "mastodon", "native_id": "https://social.example/statuses/9k3v0q7mzc2xw4ta", "original_url": "https://social.example/@jane-example/9k3v0q7mzc2xw4ta",
		"type": "reply", "lang": "en", "lang_source": "platform", "published_at": "2026-08-04T22:53:00Z", "published_precision": "second",
		"title": nil, "text": st.Content.Text, "spoiler": nil, "state": "deleted", "edited": false, "edit_window": nil, "grade": "D2", "reported_by": nil,
		"state_window": object{"after": "2026-08-05T03:10:02Z", "by": "2026-08-05T03:25:04Z", "disputed": false}, "provenance": "captured",
		"first_seen_at": "2026-08-04T22:55:19Z", "last_seen_at": "2026-08-05T03:10:02Z", "first_gone_at": "2026-08-05T03:25:04Z", "gone_checks": 3.0,
		"online_seconds": object{"min": 15422.0, "max": 16324.0}, "version": string(st.Version), "version_count": 1.0,
		"links": []any{}, "media": []any{}, "poll": []any{}, "categories": []any{}, "reply_to": string(idLive), "repost_of": nil, "quote_of": nil,
		"engagement": nil, "sha256": st.SHA256, "captures": 1.0,
		"log": object{"index": 400.0, "proof": base + "/api/v1/statements/9k3v0q7mzc2xw4ta/proof"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestAPISearch(t *testing.T) {
	h := site(t, build())
	v := ask(t, h, "/api/v1/statements?q=umbrellas+platform:mastodon&limit=1", http.StatusOK)
	for path, want := range map[string]any{
		"query": "umbrellas platform:mastodon", "understood": "text contains the word “umbrellas”; platform is Mastodon", "total_exact": true, "indexed_to": "2026-08-06T09:27:00Z",
	} {
		if got := at(v, "meta", path); got != want {
			t.Errorf("meta.%s is %v, want %v", path, got, want)
		}
	}
	if size := at(v, "meta", "checkpoint", "size"); size != 48931.0 {
		t.Errorf("checkpoint %v", size)
	}
	w := get(t, h, "/api/v1/statements?q=umbrellas+platform:mastodon&limit=1")
	if next, _ := at(v, "links", "next").(string); next == "" || w.Header().Get("Link") != "<"+next+`>; rel="next"` {
		t.Errorf("next %v, Link %q", at(v, "links", "next"), w.Header().Get("Link"))
	}
	for _, one := range at(v, "data").([]any) {
		if notice, _ := at(one, "notice").(string); !strings.Contains(notice, "archive") {
			t.Errorf("notice %q", notice)
		}
	}
}

// TestAPIWalk follows links.next to the end: every statement once.
func TestAPIWalk(t *testing.T) {
	h := site(t, build())
	seen, next := map[any]int{}, base+"/api/v1/statements?limit=10&sort=oldest"
	total := 0.0
	for next != "" {
		v := ask(t, h, strings.TrimPrefix(next, base), http.StatusOK)
		total, _ = at(v, "meta", "total").(float64)
		for _, one := range at(v, "data").([]any) {
			seen[at(one, "id")]++
		}
		next, _ = at(v, "links", "next").(string)
	}
	if float64(len(seen)) != total || total == 0 {
		t.Errorf("%d statements on the way, total %v", len(seen), total)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%v came %d times", id, n)
		}
	}
}

func TestAPIEvents(t *testing.T) {
	m := build()
	h := site(t, m)
	count, next, last := 0, base+"/api/v1/events?limit=20", -1.0
	for next != "" {
		v := ask(t, h, strings.TrimPrefix(next, base), http.StatusOK)
		for _, e := range at(v, "data").([]any) {
			seq, _ := at(e, "seq").(float64)
			if at(e, "log_index") != seq || seq < 0 {
				t.Errorf("seq %v, log_index %v", seq, at(e, "log_index"))
			}
			last = max(last, seq)
			count++
		}
		next, _ = at(v, "links", "next").(string)
	}
	if count != len(m.events) {
		t.Errorf("%d events, want %d", count, len(m.events))
	}
	if v := ask(t, h, fmt.Sprintf("/api/v1/events?after=%.0f", last), http.StatusOK); len(at(v, "data").([]any)) != 0 {
		t.Error("events after the last")
	}
	v := ask(t, h, "/api/v1/events?type=statement.deleted", http.StatusOK)
	want := object{"type": "statement.deleted", "after": "2026-08-05T03:10:02Z", "by": "2026-08-05T03:25:04Z", "at": "2026-08-05T03:40:00Z", "statement": string(idDeleted), "grade": "D2"}
	for key, value := range want {
		if got := at(v, "data", 0, key); got != value {
			t.Errorf("%s is %v, want %v", key, got, value)
		}
	}
}

func TestAPIEvidence(t *testing.T) {
	h := site(t, build())
	path := "/api/v1/statements/" + string(idDeleted)
	list := ask(t, h, path+"/captures", http.StatusOK)
	download, _ := at(list, "data", 1, "download").(string)
	w := get(t, h, strings.TrimPrefix(download, base))
	sum := sha256.Sum256(w.Body.Bytes())
	if hex.EncodeToString(sum[:]) != at(list, "data", 1, "sha256") || w.Header().Get("Content-Type") != "application/warc" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %v: %s", w.Code, w.Header(), w.Body)
	}
	proof := get(t, h, path+"/proof")
	if !strings.HasPrefix(proof.Body.String(), "c2sp.org/tlog-proof@v1\n") || proof.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s: %s", proof.Header().Get("Content-Type"), proof.Body)
	}
	// A record of another statement is not served under this one.
	other := ask(t, h, "/api/v1/statements/"+string(idLive)+"/captures", http.StatusOK)
	ask(t, h, path+"/captures/"+at(other, "data", 0, "sha256").(string), http.StatusNotFound)
	ask(t, h, path+"/captures/..%2f..%2fhead", http.StatusNotFound)
	versions := ask(t, h, "/api/v1/statements/"+string(idEdited)+"/versions", http.StatusOK)
	if at(versions, "data", 1, "window", "after") != "2026-08-04T23:00:12Z" || at(versions, "data", 0, "window") != nil {
		t.Errorf("windows %v, %v", at(versions, "data", 0, "window"), at(versions, "data", 1, "window"))
	}
}

func TestAPIProblems(t *testing.T) {
	h := site(t, build())
	for _, c := range []struct {
		path   string
		status int
		want   object
	}{
		{"/api/v1/statements?searchterm=x", 400, object{"type": base + "/problems/unknown-parameter", "parameter": "searchterm", "did_you_mean": "q"}},
		{"/api/v1/statements?lmit=3", 400, object{"parameter": "lmit", "did_you_mean": "limit"}},
		{"/api/v1/statements?start_date=2026", 400, object{"did_you_mean": "since"}},
		{"/api/v1/statements?zzzzzz=1", 400, object{"parameter": "zzzzzz", "did_you_mean": nil}},
		{"/api/v1/statements/" + string(idLive) + "?q=x", 400, object{"type": base + "/problems/unknown-parameter"}},
		{"/api/v1/statements?q=form:jane", 400, object{"type": base + "/problems/query-syntax", "position": 0.0, "code": "unknown-operator", "suggestion": "figure:"}},
		{"/api/v1/statements?q=%22open", 400, object{"code": "unterminated", "parameter": "q"}},
		{"/api/v1/statements?limit=201", 400, object{"type": base + "/problems/invalid-parameter", "parameter": "limit"}},
		{"/api/v1/statements?limit=x", 400, object{"parameter": "limit"}},
		{"/api/v1/events?limit=0", 400, object{"type": base + "/problems/invalid-parameter", "parameter": "limit"}},
		{"/api/v1/events?after=-4", 400, object{"parameter": "after"}},
		{"/api/v1/events?figure=a&figure=b", 400, object{"parameter": "figure"}},
		{"/api/v1/statements?state=banned", 400, object{"parameter": "state"}},
		{"/api/v1/statements?state=lve", 400, object{"parameter": "state", "did_you_mean": "live"}},
		{"/api/v1/statements?cursor=wrong", 400, object{"type": base + "/problems/invalid-cursor", "parameter": "cursor"}},
		{"/api/v1/coverage?since=soon", 400, object{"parameter": "since"}},
		{"/api/v1/statements?q=%zz", 400, object{"type": base + "/problems/invalid-parameter"}},
		{"/api/v1/statements/" + string(idWithheld), 410, object{"type": base + "/problems/withheld-policy"}},
		{"/api/v1/statements/0000000000000zzz", 404, object{"type": base + "/problems/not-found"}},
		{"/api/v1/statements/..%2f", 404, object{"type": base + "/problems/not-found"}},
		{"/api/v1/figures/nobody", 404, object{"type": base + "/problems/not-found"}},
		{"/api/v1/nothing", 404, object{"type": base + "/problems/not-found"}},
		{"/api", 404, object{"type": base + "/problems/not-found"}},
		{"/api/v2/statements", 404, object{"status": 404.0}},
	} {
		v := ask(t, h, c.path, c.status)
		if ct := get(t, h, c.path).Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s: Content-Type %s", c.path, ct)
		}
		for key, want := range c.want {
			if v[key] != want {
				t.Errorf("%s: %s is %v, want %v", c.path, key, v[key], want)
			}
		}
		kind, _ := v["type"].(string)
		if v["status"] != float64(c.status) || v["title"] == "" || v["detail"] == "" {
			t.Errorf("%s: %v", c.path, v)
		}
		page(t, h, strings.TrimPrefix(kind, base), http.StatusOK)
	}
}

// TestAPIDocument: docs/api.md names every endpoint, every type of problem and
// every key of an attachment and of lost lines.
func TestAPIDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var description struct {
		Paths      map[string]json.RawMessage
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal(raw, &description); err != nil {
		t.Fatal(err)
	}
	var want []string
	for path := range description.Paths {
		want = append(want, "`"+strings.TrimPrefix(path, "/api/v1"))
	}
	for _, name := range web.ProblemTypes() {
		want = append(want, "`"+name+"`")
	}
	for _, name := range []string{"Media", "Lost", "LostTotal"} {
		keys := description.Components.Schemas[name].Properties
		if len(keys) == 0 {
			t.Errorf("testdata/openapi.json has no %s", name)
		}
		for key := range keys {
			want = append(want, key)
		}
	}
	for _, text := range want {
		if !strings.Contains(string(doc), text) {
			t.Errorf("docs/api.md does not name %s", text)
		}
	}
}

func TestCORS(t *testing.T) {
	h := site(t, build())
	for _, path := range []string{"/api/v1/statements", "/api/v1/statements/" + string(idLive) + "/proof", "/openapi.json", "/api/v1/nothing"} {
		w := get(t, h, path, "Origin", "https://reader.example")
		if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), "Link") {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	r := httptest.NewRequest(http.MethodOptions, "/api/v1/statements", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Methods") != "GET, HEAD, OPTIONS" {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
	if got := get(t, h, "/").Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("the site's pages allow %q", got)
	}
}

// TestOpenAPI holds the description to a golden file: a change of it is a
// change of the API.
func TestOpenAPI(t *testing.T) {
	h := site(t, build())
	doc := get(t, h, "/openapi.json").Body.Bytes()
	if get(t, h, "/api/v1/openapi.json").Body.String() != string(doc) {
		t.Error("the two addresses differ")
	}
	const file = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(file, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(doc), "\n")); d != "" {
		t.Errorf("the description has changed (-golden +now); if that is meant, run go test ./web -update:\n%s", d)
	}
}

// TestExamples executes every operation of the description with the examples
// of its parameters, and holds the answers to their schemas.
func TestExamples(t *testing.T) {
	h := site(t, build())
	doc := ask(t, h, "/openapi.json", http.StatusOK)
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", doc["openapi"])
	}
	sha, _ := at(ask(t, h, "/api/v1/statements/"+string(idDeleted)+"/captures", http.StatusOK), "data", 0, "sha256").(string)
	for path, item := range at(doc, "paths").(object) {
		op := at(item, "get")
		target, query := strings.ReplaceAll(path, "{sha256}", sha), []string{}
		params, _ := at(op, "parameters").([]any)
		for _, p := range params {
			name, _ := at(p, "name").(string)
			example := at(p, "example")
			if example == nil {
				example = at(p, "schema", "examples", 0)
			}
			switch {
			case at(p, "in") == "path" && strings.Contains(target, "{"+name+"}"):
				if example == nil {
					example = string(idDeleted)
				}
				target = strings.ReplaceAll(target, "{"+name+"}", fmt.Sprint(example))
			case at(p, "in") == "query" && example != nil:
				query = append(query, name+"="+fmt.Sprint(example))
			}
		}
		slices.Sort(query)
		for _, q := range []string{"", "?" + strings.Join(query, "&")} {
			w := get(t, h, target+q)
			if w.Code != http.StatusOK {
				t.Errorf("%s%s: %d %s", target, q, w.Code, w.Body)
				continue
			}
			schema := at(op, "responses", "200", "content", "application/json", "schema")
			if schema == nil {
				continue // text or a record
			}
			var v any
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			for _, fault := range check(doc, schema, v, target) {
				t.Error(fault)
			}
		}
		problem := at(op, "responses", "default", "content", "application/problem+json", "schema")
		for _, fault := range check(doc, problem, any(ask(t, h, target+"?unknown=1", http.StatusBadRequest)), target+" problem") {
			t.Error(fault)
		}
	}
}

// check holds v to a schema of doc: types, required keys, formats, references.
func check(doc object, schema, v any, where string) []string {
	s, _ := schema.(object)
	if s == nil {
		return []string{where + ": no schema"}
	}
	if ref, ok := s["$ref"].(string); ok {
		return check(doc, at(doc, "components", "schemas", strings.TrimPrefix(ref, "#/components/schemas/")), v, where)
	}
	if list, ok := s["oneOf"].([]any); ok {
		for _, one := range list {
			if len(check(doc, one, v, where)) == 0 {
				return nil
			}
		}
		return []string{fmt.Sprintf("%s: %v is none of the alternatives", where, v)}
	}
	kinds, _ := s["type"].([]any)
	if one, ok := s["type"].(string); ok {
		kinds = []any{one}
	}
	if !slices.Contains(kinds, any(kindOf(v))) && !(kindOf(v) == "number" && slices.Contains(kinds, any("integer"))) {
		return []string{fmt.Sprintf("%s: %v is a %s, want %v", where, v, kindOf(v), kinds)}
	}
	var faults []string
	switch v := v.(type) {
	case string:
		if s["format"] == "date-time" {
			if _, err := time.Parse(time.RFC3339Nano, v); err != nil || !strings.HasSuffix(v, "Z") {
				faults = append(faults, where+": "+v+" is no time in UTC")
			}
		}
	case []any:
		for i, one := range v {
			faults = append(faults, check(doc, s["items"], one, fmt.Sprintf("%s[%d]", where, i))...)
		}
	case object:
		required, _ := s["required"].([]any)
		for _, key := range required {
			if _, ok := v[key.(string)]; !ok {
				faults = append(faults, fmt.Sprintf("%s: %v is missing", where, key))
			}
		}
		for key, one := range v {
			sub := at(s, "properties", key)
			if sub == nil {
				sub = s["additionalProperties"]
			}
			if sub == nil {
				faults = append(faults, where+"."+key+" is not described")
				continue
			}
			faults = append(faults, check(doc, sub, one, where+"."+key)...)
		}
	}
	return faults
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
