// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/mastodon"
)

// statuses returns a list of statuses with these ids, in order.
func statuses(ids ...string) []byte {
	var b strings.Builder
	b.WriteString("[")
	for i, id := range ids {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"id":%q,"uri":"%s/statuses/%s","url":null,"created_at":"2026-08-%02dT00:00:00Z","edited_at":null,"visibility":"public","content":"<p>%s</p>",
			"account":{"id":%q,"username":"jane","acct":"jane","uri":%q}}`, id, actor, id, 20-i%19, id, local, actor)
	}
	b.WriteString("]")
	return []byte(b.String())
}

// falling returns n ids from the given one downwards.
func falling(from, n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint(from-i))
	}
	return ids
}

// TestSpan says of lists which range they show whole, and whether the door goes
// on to older ones.
func TestSpan(t *testing.T) {
	const next = `<https://social.example/api/v1/accounts/1/statuses?limit=40&max_id=7>; rel="next", <https://social.example/api/v1/accounts/1/statuses?min_id=9>; rel="prev"`
	open := func(from string) onrecord.Range { return onrecord.Range{From: from, FromIn: true, ToIn: true} }
	for _, tt := range []struct {
		name      string
		ids       []string
		max, stop string
		link      string
		want      onrecord.Range
		older     string // max_id of the next request
	}{
		{name: "newest page, more behind", ids: []string{"99", "98", "97"}, link: next, want: open("97"), older: "97"},
		{name: "newest page, all there is", ids: []string{"99", "98"}, want: open("")},
		{name: "full page without Link", ids: falling(1000, 40), want: open("961"), older: "961"},
		{name: "a length that may be a limit", ids: falling(1000, 20), want: open("981"), older: "981"},
		{name: "a short length that is none", ids: falling(1000, 23), want: open("")},
		{name: "down to the cursor", ids: []string{"99", "98", "97"}, stop: "97", link: next, want: open("97")},
		{name: "past the cursor", ids: []string{"99", "98", "95"}, stop: "97", link: next, want: open("95")},
		{name: "the cursor was deleted", ids: []string{"96", "95", "94"}, stop: "97", link: next, want: open("94")},
		{name: "not yet at the cursor", ids: []string{"99", "98", "97"}, stop: "80", link: next, want: open("97"), older: "97"},
		{name: "ids of growing length", ids: []string{"101", "100", "99"}, link: next, want: open("99"), older: "99"},
		{name: "older page", ids: []string{"90", "89"}, max: "97", link: next, want: onrecord.Range{From: "89", FromIn: true, To: "97"}, older: "89"},
		{name: "oldest page", ids: []string{"90", "89"}, max: "97", want: onrecord.Range{To: "97", FromIn: true}},
		{name: "empty page", want: onrecord.Range{}},
		{name: "empty older page", max: "97", want: onrecord.Range{}},
		{name: "pinned first", ids: []string{"12", "99", "98"}, link: next, want: onrecord.Range{}, older: "98"},
		{name: "twice the same", ids: []string{"99", "99", "98"}, link: next, want: onrecord.Range{}, older: "98"},
		{name: "not before what was asked for", ids: []string{"99", "98"}, max: "98", link: next, want: onrecord.Range{}},
		{name: "ids with letters", ids: []string{"01K3B", "01K3A"}, link: next, want: onrecord.Range{}, older: "01K3A"},
		{name: "leading zero", ids: []string{"099", "98"}, link: next, want: onrecord.Range{}, older: "98"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kind := "page"
			if tt.max != "" {
				kind = "older"
			}
			c := answer(kind, local, 200, statuses(tt.ids...))
			c.Request.State = fmt.Sprintf(`{"a":%q,"m":%q,"s":%q}`, local, tt.max, tt.stop)
			if tt.link != "" {
				c.Header.Set("Link", tt.link)
			}
			p, err := mastodon.New(mastodon.Options{}).Read(target, c)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, p.Range); d != "" {
				t.Errorf("range (-want +got):\n%s", d)
			}
			older := ""
			if len(p.Next) > 0 {
				_, older, _ = strings.Cut(p.Next[0].URL, "max_id=")
			}
			if older != tt.older || len(p.Next) > 1 {
				t.Errorf("goes on before %q (%d requests), want %q", older, len(p.Next), tt.older)
			}
			if kind == "older" && p.Cursor != "" {
				t.Errorf("an older page gives the cursor %s", p.Cursor)
			}
		})
	}
}

// TestCursor follows the cursor over three visits: it never goes back, and
// histories are read once.
func TestCursor(t *testing.T) {
	d := mastodon.New(mastodon.Options{})
	edited := func(id, at string) []byte {
		return []byte(strings.Replace(string(statuses(id, "5")), `"edited_at":null`, `"edited_at":"`+at+`"`, 1))
	}
	x := target
	x.Cursor = `{"a":"` + local + `"}`
	read := func(body []byte) crawler.Page {
		t.Helper()
		first, err := d.First(x)
		if err != nil || len(first) != 2 {
			t.Fatalf("First: %+v, %v", first, err)
		}
		c := answer("page", local, 200, body)
		c.Request = first[1]
		p, err := d.Read(x, c)
		if err != nil {
			t.Fatal(err)
		}
		x.Cursor = p.Cursor
		return p
	}
	for i, step := range []struct {
		body      []byte
		histories int
		cursor    string
	}{
		{edited("9", "2026-08-20T10:00:00Z"), 1, `{"a":"109999999999999999","n":"9","t":"2026-08-20T00:00:00Z","e":"2026-08-20T10:00:00Z"}`},
		{edited("9", "2026-08-20T10:00:00Z"), 0, `{"a":"109999999999999999","n":"9","t":"2026-08-20T00:00:00Z","e":"2026-08-20T10:00:00Z"}`},
		{edited("9", "2026-08-20T11:00:00.5Z"), 1, `{"a":"109999999999999999","n":"9","t":"2026-08-20T00:00:00Z","e":"2026-08-20T11:00:00.5Z"}`},
		{statuses("8", "5"), 0, `{"a":"109999999999999999","n":"9","t":"2026-08-20T00:00:00Z","e":"2026-08-20T11:00:00.5Z"}`},
		{statuses(), 0, `{"a":"109999999999999999","n":"9","t":"2026-08-20T00:00:00Z","e":"2026-08-20T11:00:00.5Z"}`},
		{edited("10", "2026-08-19T11:00:00Z"), 1, `{"a":"109999999999999999","n":"10","t":"2026-08-20T00:00:00Z","e":"2026-08-20T11:00:00.5Z"}`},
	} {
		if p := read(step.body); len(p.Follow) != step.histories || p.Cursor != step.cursor {
			t.Errorf("visit %d: %d histories, want %d; cursor %s, want %s", i+1, len(p.Follow), step.histories, p.Cursor, step.cursor)
		}
	}
}

// TestForeignStatuses: a server speaks for its own account only.
func TestForeignStatuses(t *testing.T) {
	d := mastodon.New(mastodon.Options{})
	for name, body := range map[string]string{
		"another account":        strings.Replace(string(statuses("9")), local, "1", 1),
		"another server's uri":   strings.Replace(string(statuses("9")), actor+"/statuses/9", "https://other.example/users/bob/statuses/9", 1),
		"a uri that is none":     strings.Replace(string(statuses("9")), actor+"/statuses/9", "tag:social.example,2026:9", 1),
		"an actor that is none":  strings.Replace(string(statuses("9")), `"uri":"`+actor+`"`, `"uri":"mailto:jane@social.example"`, 1),
		"an id that is a path":   strings.Replace(string(statuses("9")), `"id":"9"`, `"id":"../9"`, 1),
		"no visibility":          strings.Replace(string(statuses("9")), `"visibility"`, `"seen_by"`, 1),
		"a boost without a body": strings.Replace(string(statuses("9")), `"edited_at":null`, `"reblog":{"id":"1"}`, 1),
	} {
		if p, err := d.Read(target, answer("page", local, 200, []byte(body))); verdict(p, err) != "drift" {
			t.Errorf("%s: %s, want drift", name, verdict(p, err))
		}
	}
	x := target
	x.AccountID = "https://social.example/users/other"
	if p, err := d.Read(x, answer("look", local, 200, fixture(t, "look.json"))); verdict(p, err) != "drift" {
		t.Errorf("a look that shows another account's status: %s, want drift", verdict(p, err))
	}
	x.AccountID = actor
	if p, err := d.Read(x, answer("look", local, 200, fixture(t, "look.json"))); verdict(p, err) != "live" {
		t.Errorf("a look at an own status: %s, want live", verdict(p, err))
	}
	private := strings.Replace(string(fixture(t, "look.json")), `"visibility": "public"`, `"visibility": "private"`, 1)
	if p, err := d.Read(x, answer("look", local, 200, []byte(private))); verdict(p, err) != "unclear visibility private" || len(p.Items[0].Content.Text) > 0 {
		t.Errorf("a look at a private status: %s", verdict(p, err))
	}
}

func TestLook(t *testing.T) {
	d := mastodon.New(mastodon.Options{})
	for _, tt := range []struct {
		ref  onrecord.Ref
		want string
	}{
		{onrecord.Ref{NativeID: server + "/objects/1", ID: "9hq"}, server + "/api/v1/statuses/9hq"},
		{onrecord.Ref{NativeID: actor + "/statuses/9"}, server + "/api/v1/statuses/9"},
		{onrecord.Ref{NativeID: actor + "/statuses/9/activity"}, server + "/api/v1/statuses/9"},
		{onrecord.Ref{NativeID: server + "/objects/1"}, ""},
		{onrecord.Ref{NativeID: server + "/objects/1", ID: "../x"}, ""},
	} {
		r, ok := d.Look(target, tt.ref)
		if ok != (tt.want != "") || r.URL != tt.want || ok && (r.About != tt.ref || r.Kind != "look") {
			t.Errorf("Look(%+v) = %+v, %t; want %s", tt.ref, r, ok, tt.want)
		}
	}
}

// TestEditsAreDated: a server that says when a status was edited says so of
// every edit. A reply whose parent was deleted becomes a post without one, and
// is dated as it was; servers without edited_at date nothing.
func TestEditsAreDated(t *testing.T) {
	d := mastodon.New(mastodon.Options{})
	read := func(old, with string) onrecord.Observation {
		t.Helper()
		c := answer("page", local, 200, []byte(strings.Replace(string(statuses("9")), old, with, 1)))
		c.Request.State = fmt.Sprintf(`{"a":%q}`, local)
		p, err := d.Read(target, c)
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("%d items, %v", len(p.Items), err)
		}
		return p.Items[0]
	}
	const at = `"edited_at":null`
	answers, alone := read(at, at+`,"in_reply_to_id":"5","in_reply_to_account_id":"7"`), read(at, at+`,"in_reply_to_id":null`)
	if answers.Content.Type != "reply" || alone.Content.Type != "post" || !answers.Dated || !alone.Dated || !answers.Changed.Equal(alone.Changed) {
		t.Errorf("%+v\n%+v", answers, alone)
	}
	if o := read(at+",", ""); o.Dated {
		t.Errorf("without edited_at: %+v", o)
	}
}
