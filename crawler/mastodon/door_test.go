// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/mastodon"
)

var update = flag.Bool("update", false, "write the goldens anew")

const (
	server = "https://social.example"
	actor  = server + "/users/jane"
	local  = "109999999999999999"
)

var target = crawler.Target{Platform: mastodon.Platform, Handle: "jane@social.example"}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// answer returns the capture of an answer in JSON to a request of that kind,
// for the account with the given local id.
func answer(kind, account string, status int, body []byte) crawler.Capture {
	address, state := server+"/api/v1/accounts/lookup?acct=jane", ""
	switch kind {
	case "page", "older":
		address = server + "/api/v1/accounts/" + account + "/statuses?limit=40"
		state = fmt.Sprintf(`{"a":%q}`, account)
		if kind == "older" {
			address += "&max_id=117100000000000000"
			state = fmt.Sprintf(`{"a":%q,"m":"117100000000000000"}`, account)
		}
	case "look":
		address = server + "/api/v1/statuses/117126778060800001"
	case "history":
		address = server + "/api/v1/statuses/117126778060800001/history"
		state = fmt.Sprintf(`{"k":"post","a":%q,"p":"2026-08-20T08:00:00.000Z","l":"en","o":"117126778060800001","e":"2026-08-20T09:30:00Z"}`, account)
	}
	c := crawlertest.Capture(kind, address, status, "application/json; charset=utf-8", body)
	c.Request.State = state
	if kind == "look" || kind == "history" {
		c.Request.About = onrecord.Ref{NativeID: actor + "/statuses/117126778060800001", ID: "117126778060800001", URL: server + "/@jane/117126778060800001"}
	}
	return c
}

// kindOf returns the kind of request that a fixture answers, and the account's
// local id in it.
func kindOf(name string) (kind, account string) {
	kind, _, _ = strings.Cut(strings.TrimSuffix(name, ".json"), "-")
	switch {
	case strings.HasSuffix(name, "pleroma.json"):
		return kind, "9hptFmUF3ztxYh3Svg"
	case strings.HasSuffix(name, "gotosocial.json"):
		return kind, "01F8MH1H7YV1Z7D2C8K2730QBF"
	case strings.HasSuffix(name, "numbers.json"):
		return kind, "17"
	}
	return kind, local
}

func fixtures(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) < 12 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	for i, n := range names {
		names[i] = filepath.Base(n)
	}
	return names
}

func TestDoor(t *testing.T) {
	s := crawlertest.Suite{Door: mastodon.New(mastodon.Options{}), Target: target}
	ids := map[string][]string{
		"look.json":            {actor + "/statuses/117126778060800001"},
		"look-boost.json":      {actor + "/statuses/117092804198400001/activity"},
		"page-gotosocial.json": {actor + "/statuses/01K33XJXY0AAAAAAAAAAAAAAAB", actor + "/statuses/01K33XJXY0AAAAAAAAAAAAAAAA"},
		"page-pleroma.json":    {server + "/objects/6f1a-AQcXnD2u8SjVyMHq7s", server + "/objects/6f1a-AQbXnD2u8SjVyMHq7s"},
		"page-numbers.json":    {actor + "/statuses/117000"},
		"lookup.json":          nil,
	}
	for _, name := range fixtures(t) {
		kind, account := kindOf(name)
		s.Fixtures = append(s.Fixtures, crawlertest.Fixture{Name: name, Capture: answer(kind, account, 200, fixture(t, name)), IDs: ids[name]})
	}
	s.Fixtures = append(s.Fixtures,
		crawlertest.Fixture{Name: "gone", Capture: answer("look", local, 404, []byte(`{"error":"Record not found"}`))},
		crawlertest.Fixture{Name: "html", Capture: answer("look", local, 404, []byte(`<html><title>404 Not Found</title></html>`)), Drift: true},
		crawlertest.Fixture{Name: "another's", Capture: answer("page", "1", 200, fixture(t, "page.json")), Drift: true},
		crawlertest.Fixture{Name: "accounts", Capture: answer("page", local, 200, append(append([]byte("["), fixture(t, "lookup.json")...), ']')), Drift: true},
	)
	crawlertest.Run(t, s)
}

// TestPages compares what each fixture shows with its golden.
func TestPages(t *testing.T) {
	for _, name := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			kind, account := kindOf(name)
			p, err := mastodon.New(mastodon.Options{}).Read(target, answer(kind, account, 200, fixture(t, name)))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/"+strings.TrimSuffix(name, ".json")+".golden", dump(t, p))
		})
	}
}

// dump writes a page as JSON.
func dump(t *testing.T, p crawler.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAnswers reads what is no good answer: which kind of request got it, with
// which status and body, and what follows.
func TestAnswers(t *testing.T) {
	known := target
	known.Cursor = fmt.Sprintf(`{"a":%q}`, local)
	const html = "<!DOCTYPE html><html><title>Not Found</title></html>"
	for _, tt := range []struct {
		kind   string
		status int
		body   string
		want   string
	}{
		{"look", 404, `{"error":"Record not found"}`, "gone Record not found"},
		{"look", 404, `{"error":"Not Found"}`, "gone Not Found"},
		{"look", 404, `{"error":"Not Found: no such status"}`, "gone Not Found: no such status"},
		{"look", 404, `{"error":"No route matches"}`, "unclear 404 No route matches"},
		{"look", 404, `{"detail":"Not Found"}`, "drift"},
		{"look", 404, html, "drift"},
		{"look", 404, "", "drift"},
		{"look", 410, `{"error":"Gone"}`, "gone 410 Gone"},
		{"look", 410, "", "gone 410"},
		{"look", 410, html, "drift"},
		{"look", 403, `{"error":"This action is not allowed"}`, "unclear 403 This action is not allowed"},
		{"look", 403, html, "blocked"},
		{"look", 401, `{"error":"This API requires an authenticated user"}`, "unauthorised"},
		{"look", 200, `{"error":"Record not found"}`, "drift"},
		{"look", 200, `[]`, "drift"},
		{"look", 200, html, "drift"},
		{"look", 418, `{"error":"Record not found"}`, "drift"},
		{"page", 404, `{"error":"Record not found"}`, "account closed 404 Record not found"},
		{"page", 404, `{"error":"Nothing here"}`, "gone"},
		{"page", 404, html, "drift"},
		{"page", 410, `{"error":"Gone"}`, "account suspended 410 Gone"},
		{"page", 403, `{"error":"Your login is currently disabled"}`, "blocked"},
		{"page", 403, `{"error":"This account has been suspended"}`, "account suspended 403 This account has been suspended"},
		{"page", 403, `{"error":"API access for your network has been suspended"}`, "blocked"},
		{"lookup", 403, `{"error":"API access for your network has been suspended"}`, "blocked"},
		{"page", 401, `{"error":"This API requires an authenticated user"}`, "unauthorised"},
		{"page", 451, html, "blocked"},
		{"page", 429, `{}`, "rate_limited"},
		{"page", 503, html, "outage"},
		{"page", 200, `[]`, "nothing"},
		{"page", 200, `{}`, "drift"},
		{"page", 200, `null`, "drift"},
		{"page", 200, `[null]`, "drift"},
		{"page", 200, `[{"id":"1"}]`, "drift"},
		{"page", 301, html, "drift"},
		{"lookup", 404, `{"error":"Record not found"}`, "account unknown 404 Record not found"},
		{"lookup", 404, html, "drift"},
		{"lookup", 410, ``, "account suspended 410"},
		{"lookup", 403, html, "blocked"},
		{"lookup", 200, `{"id":"1","username":"bob","acct":"bob","uri":"https://social.example/users/bob"}`, "drift"},
		{"lookup", 200, `{"id":"1","username":"jane","acct":"jane@elsewhere.example","uri":"https://elsewhere.example/users/jane"}`, "drift"},
		{"lookup", 200, `{"id":"1","username":"jane","acct":"jane"}`, "drift"},
		{"lookup", 200, `{"id":"1","username":"jane","acct":"jane","uri":"javascript:alert(1)"}`, "drift"},
		{"history", 404, `{"error":"Record not found"}`, "gone"},
		{"history", 403, `{"error":"This action is not allowed"}`, "blocked"},
		{"history", 200, `[]`, "drift"},
		{"history", 200, string(fixture(t, "page.json")), "drift"},
		{"other", 200, `{}`, "drift"},
	} {
		p, err := mastodon.New(mastodon.Options{}).Read(known, answer(tt.kind, local, tt.status, []byte(tt.body)))
		if got := verdict(p, err); got != tt.want {
			t.Errorf("%s %d %.60s: %s, want %s", tt.kind, tt.status, tt.body, got, tt.want)
		}
	}
	p, err := mastodon.New(mastodon.Options{}).Read(target, answer("lookup", local, 404, []byte(`{"error":"Record not found"}`)))
	if got := verdict(p, err); got != "gone" || !strings.Contains(p.Reason, "no account of this name") {
		t.Errorf("look-up of an account that was never seen: %s %q", got, p.Reason)
	}
}

// verdict says what a page says, in a few words.
func verdict(p crawler.Page, err error) string {
	switch {
	case errors.Is(err, crawler.ErrDrift):
		return "drift"
	case err != nil:
		return err.Error()
	case p.Outcome != "":
		return string(p.Outcome)
	case len(p.Items) == 1:
		return strings.TrimSpace(string(p.Items[0].State) + " " + p.Items[0].Code)
	case len(p.Items) > 1:
		return fmt.Sprintf("%d statuses", len(p.Items))
	case p.Account.State != "":
		return strings.TrimSpace("account " + string(p.Account.State) + " " + p.Account.Code)
	case p.Account.ID != "":
		return "account"
	}
	return "nothing"
}

func TestHandles(t *testing.T) {
	for handle, want := range map[string]string{
		"@jane@social.example": "jane social.example", "jane@social.example": "jane social.example", "Jane.X_1@SOCIAL.Example": "Jane.X_1 social.example",
		"jane@localhost:3000": "jane localhost:3000", "jane@xn--bcher-kva.example": "jane xn--bcher-kva.example",
	} {
		name, host, err := mastodon.ParseHandle(handle)
		if got := name + " " + host; got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", handle, got, err, want)
		}
	}
	for _, handle := range []string{"", "@", "jane", "@jane", "jane@", "@@social.example", "jane@social.example/x", "jane@b@ü.example", "ja ne@social.example", "jane@social.example?x=1", "jane@user:pw@social.example", "https://social.example/@jane", "jane@a b"} {
		if name, host, err := mastodon.ParseHandle(handle); !errors.Is(err, mastodon.ErrHandle) {
			t.Errorf("%q: %q %q, %v; want ErrHandle", handle, name, host, err)
		}
		if _, err := mastodon.New(mastodon.Options{}).First(crawler.Target{Handle: handle}); err == nil {
			t.Errorf("First of %q is no error", handle)
		}
	}
}

// TestIdentity looks an account up whose address is what it was, but whose
// local id is another: the name was given away.
func TestIdentity(t *testing.T) {
	d := mastodon.New(mastodon.Options{})
	read := func(t0 crawler.Target) string {
		t.Helper()
		p, err := d.Read(t0, answer("lookup", local, 200, fixture(t, "lookup.json")))
		if err != nil {
			t.Fatal(err)
		}
		return p.Account.ID
	}
	with := func(account, cursor string) crawler.Target {
		x := target
		x.AccountID, x.Cursor = account, cursor
		return x
	}
	if got := read(with("", "")); got != actor {
		t.Errorf("first look-up: %s", got)
	}
	if got := read(with(actor, `{"a":"`+local+`"}`)); got != actor {
		t.Errorf("the same account: %s", got)
	}
	if got := read(with(actor, `{"a":"108000000000000001"}`)); got != actor+"#"+local {
		t.Errorf("another registration: %s", got)
	}
	if got := read(with(actor+"#"+local, "")); got != actor+"#"+local {
		t.Errorf("another registration, which the operator has accepted: %s", got)
	}
	// What was derived before the server gave a uri is what it gives.
	old, err := d.Read(target, answer("lookup", local, 200, fixture(t, "lookup-before-uri.json")))
	if err != nil || old.Account.ID != actor {
		t.Errorf("before 4.2: %s, %v", old.Account.ID, err)
	}
}

// TestHistoryEndsInWhatTheListShows: the same wording has the same version
// wherever it is read.
func TestHistoryEndsInWhatTheListShows(t *testing.T) {
	d := mastodon.New(mastodon.Options{})
	list, err := d.Read(target, answer("page", local, 200, fixture(t, "page.json")))
	if err != nil || len(list.Follow) != 1 {
		t.Fatalf("%d histories, %v", len(list.Follow), err)
	}
	c := answer("history", local, 200, fixture(t, "history.json"))
	c.Request = list.Follow[0]
	history, err := d.Read(target, c)
	if err != nil || len(history.Items) != 3 {
		t.Fatalf("%d wordings, %v", len(history.Items), err)
	}
	look, err := d.Read(target, answer("look", local, 200, fixture(t, "look.json")))
	if err != nil {
		t.Fatal(err)
	}
	last, shown := history.Items[2], list.Items[0]
	if last.Content.Version() != shown.Content.Version() || !last.Changed.Equal(shown.Changed) || last.Ref != shown.Ref || last.Order != shown.Order {
		t.Errorf("the history ends in %+v, the list shows %+v", last, shown)
	}
	if d := cmp.Diff(shown, look.Items[0]); d != "" {
		t.Errorf("list and own address differ:\n%s", d)
	}
	if !history.Items[0].Changed.IsZero() || history.Items[1].Changed.IsZero() || history.Items[1].Content.Spoiler != "Politics" {
		t.Errorf("earlier wordings %+v", history.Items[:2])
	}
}
