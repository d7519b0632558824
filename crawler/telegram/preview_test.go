// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/telegram"
)

var update = flag.Bool("update", false, "write the goldens anew")

const channel = "1234567890"

var target = crawler.Target{Platform: telegram.Platform, AccountID: channel, Handle: "janeoffice"}

// fixture reads a file of testdata.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// capture is the answer of body to the request of that kind.
func capture(kind string, body []byte) crawler.Capture {
	address := map[string]string{"page": "https://t.me/s/janeoffice", "older": "https://t.me/s/janeoffice?before=17"}[kind]
	if kind == "look" {
		return lookAt(onrecord.Ref{NativeID: channel + "/18", ID: "18"}, body)
	}
	return crawlertest.Capture(kind, address, 200, "text/html; charset=utf-8", body)
}

// lookAt is the answer of body to the look at a post.
func lookAt(ref onrecord.Ref, body []byte) crawler.Capture {
	c := crawlertest.Capture("look", "https://t.me/janeoffice/"+ref.ID+"?embed=1&mode=tme", 200, "text/html; charset=utf-8", body)
	c.Request.About = ref
	return c
}

// kindOf returns the kind of request that a fixture answers.
func kindOf(name string) string {
	switch {
	case strings.HasPrefix(name, "look"):
		return "look"
	case name == "older.html", name == "begin.html":
		return "older"
	}
	return "page"
}

// fixtureCapture is a fixture as the answer that it is.
func fixtureCapture(t testing.TB, name string) crawler.Capture {
	t.Helper()
	body := fixture(t, name)
	if strings.HasPrefix(name, "look-album") {
		return lookAt(onrecord.Ref{NativeID: channel + "/19", ID: map[bool]string{true: "20", false: "19"}[strings.Contains(name, "headless")]}, body)
	}
	c := capture(kindOf(name), body)
	if strings.HasPrefix(name, "profile") {
		c.URL = "https://t.me/janeoffice"
	}
	return c
}

func ids(posts ...int) []string {
	var list []string
	for _, p := range posts {
		list = append(list, fmt.Sprintf("%s/%d", channel, p))
	}
	return list
}

func TestDoor(t *testing.T) {
	s := crawlertest.Suite{Door: telegram.New(telegram.Options{}), Target: target}
	for _, f := range []struct {
		name string
		ids  []string
	}{
		{"channel.html", ids(17, 18, 19, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 33)},
		{"older.html", ids(3, 5, 14)},
		{"begin.html", nil},
		{"look.html", ids(18)},
		{"look-album.html", ids(19)},
		{"look-album-headless.html", ids(19)},
		{"look-gone.html", ids(18)},
		{"look-no-channel.html", ids(18)},
		{"look-restricted.html", ids(18)},
		{"profile-off.html", nil},
		{"profile-group.html", nil},
		{"profile-person.html", nil},
		{"profile-nobody.html", nil},
	} {
		c := fixtureCapture(t, f.name)
		s.Fixtures = append(s.Fixtures, crawlertest.Fixture{Name: f.name, Capture: c, IDs: f.ids})
	}
	crawlertest.Run(t, s)
}

// TestPages compares what each fixture shows with its golden.
func TestPages(t *testing.T) {
	names, err := filepath.Glob("testdata/*.html")
	if err != nil || len(names) < 13 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	for _, path := range names {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			p, err := telegram.New(telegram.Options{}).Read(target, fixtureCapture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".html")+".golden", encode(t, p))
		})
	}
}

// encode writes v as a person reads it.
func encode(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
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

func TestName(t *testing.T) {
	for account, want := range map[string]string{
		"janeoffice": "janeoffice", "@JaneOffice": "JaneOffice", " t.me/janeoffice ": "janeoffice",
		"https://t.me/s/janeoffice": "janeoffice", "https://t.me/janeoffice/17?single": "janeoffice",
		"http://telegram.me/janeoffice/": "janeoffice", "nasa": "nasa",
		"": "", "@": "", "jan": "", "jane office": "", "1234567890": "", "https://t.me/+AbCdEf": "", "https://t.me/joinchat/AbC": "",
		"https://jane.example/janeoffice": "", "jane/../office": "", "jané_office": "",
	} {
		got, err := telegram.Name(account)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Name(%q) = %q, %v; want %q", account, got, err, want)
		}
	}
}

func TestFirstRefuses(t *testing.T) {
	for _, tt := range []crawler.Target{
		{}, {Handle: "jane office"}, {Handle: "janeoffice", AccountID: "-1001234567890"}, {Handle: "janeoffice", AccountID: "@janeoffice"},
	} {
		if r, err := telegram.New(telegram.Options{}).First(tt); err == nil {
			t.Errorf("First(%+v) = %+v", tt, r)
		}
	}
}

func TestLookAddress(t *testing.T) {
	d := telegram.New(telegram.Options{})
	for _, tt := range []struct {
		ref  onrecord.Ref
		want string
	}{
		{onrecord.Ref{NativeID: channel + "/18"}, "https://t.me/janeoffice/18?embed=1&mode=tme"},
		{onrecord.Ref{NativeID: channel + "/19", ID: "20"}, "https://t.me/janeoffice/20?embed=1&mode=tme"},
		{onrecord.Ref{NativeID: channel}, ""},
		{onrecord.Ref{NativeID: "https://jane.example/1"}, ""},
		{onrecord.Ref{}, ""},
	} {
		r, ok := d.Look(target, tt.ref)
		if r.URL != tt.want || ok != (tt.want != "") {
			t.Errorf("Look(%+v) = %q, %t; want %q", tt.ref, r.URL, ok, tt.want)
		}
	}
}

// TestNotOurs: what another channel shows under the name is not read, and said.
func TestNotOurs(t *testing.T) {
	other := target
	other.AccountID = "999"
	p, err := telegram.New(telegram.Options{}).Read(other, fixtureCapture(t, "channel.html"))
	if err != nil || p.Account.ID != channel || len(p.Items) != 0 || !p.Range.IsZero() || p.Cursor != "" || len(p.Next) != 0 {
		t.Errorf("page %+v, %v", p, err)
	}
	c := lookAt(onrecord.Ref{NativeID: "999/18", ID: "18"}, fixture(t, "look.html"))
	p, err = telegram.New(telegram.Options{}).Read(other, c)
	if err != nil || p.Account.ID != channel || len(p.Items) != 1 || p.Items[0].State != onrecord.ItemUnclear {
		t.Errorf("look %+v, %v", p, err)
	}
}

// TestStatus: what t.me answers with another status than 200.
func TestStatus(t *testing.T) {
	d := telegram.New(telegram.Options{})
	for status, want := range map[int]onrecord.Outcome{
		404: onrecord.OutcomeGone, 410: onrecord.OutcomeGone, 401: onrecord.OutcomeUnauthorised, 403: onrecord.OutcomeBlocked, 451: onrecord.OutcomeBlocked,
	} {
		c := fixtureCapture(t, "channel.html")
		c.Status = status
		p, err := d.Read(target, c)
		if diff := cmp.Diff(crawler.Page{Outcome: want}, p); diff != "" || err != nil {
			t.Errorf("status %d: %v (-want +got):\n%s", status, err, diff)
		}
		look := fixtureCapture(t, "look-gone.html")
		look.Status = status
		if p, err := d.Read(target, look); err != nil || len(p.Items) != 1 || p.Items[0].State != onrecord.ItemUnclear {
			t.Errorf("look with status %d: %+v, %v", status, p, err)
		}
	}
	for _, status := range []int{0, 204, 301, 302, 400, 418} {
		c := fixtureCapture(t, "channel.html")
		c.Status = status
		if _, err := d.Read(target, c); !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("status %d: %v, want ErrDrift", status, err)
		}
	}
}

// TestChain: from the newest page to the beginning, and no further than what
// is known.
func TestChain(t *testing.T) {
	d := telegram.New(telegram.Options{})
	read := func(kind, cursor, url, body string) crawler.Page {
		t.Helper()
		c := crawlertest.Capture(kind, url, 200, "text/html", []byte(body))
		c.Request.State = cursor
		tt := target
		tt.Cursor = cursor
		p, err := d.Read(tt, c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	newest, old, begin := string(fixture(t, "channel.html")), string(fixture(t, "older.html")), string(fixture(t, "begin.html"))
	one := read("page", "", "https://t.me/s/janeoffice", newest)
	if one.Cursor != "33" || len(one.Next) != 1 || one.Next[0].URL != "https://t.me/s/janeoffice?before=17" {
		t.Fatalf("newest: cursor %q, next %+v", one.Cursor, one.Next)
	}
	// The oldest block, 16, is the end of an album.
	if d := cmp.Diff(onrecord.Range{From: "17", FromIn: true, ToIn: true}, one.Range); d != "" || one.Items[0].ID != "17" {
		t.Errorf("newest: from %s, range\n%s", one.Items[0].ID, d)
	}
	two := read("older", "", one.Next[0].URL, old)
	if two.Cursor != "" || len(two.Next) != 1 || two.Next[0].URL != "https://t.me/s/janeoffice?before=3" {
		t.Errorf("older: cursor %q, next %+v", two.Cursor, two.Next)
	}
	if d := cmp.Diff(onrecord.Range{From: "3", FromIn: true, To: "17"}, two.Range); d != "" {
		t.Errorf("older: range\n%s", d)
	}
	album := two.Items[len(two.Items)-1]
	if cmp.Diff([]string{channel + "/15", channel + "/16"}, album.Aliases) != "" {
		t.Errorf("the album, whole: %+v", album)
	}
	last := read("older", "", two.Next[0].URL, begin)
	if len(last.Next) != 0 || len(last.Items) != 0 || !last.Range.IsZero() {
		t.Errorf("beginning: %+v", last)
	}
	for cursor, want := range map[string]int{"15": 1, "16": 0, "33": 0, "9": 1} {
		if p := read("page", cursor, "https://t.me/s/janeoffice", newest); len(p.Next) != want {
			t.Errorf("cursor %s: next %+v", cursor, p.Next)
		}
	}
}

// TestDrift: answers that show nothing of a channel, or not what was asked for.
func TestDrift(t *testing.T) {
	newest := string(fixture(t, "channel.html"))
	for name, c := range map[string]crawler.Capture{
		"no view":        capture("page", []byte(strings.ReplaceAll(newest, "data-view", "data-sight"))),
		"no dates":       capture("page", []byte(strings.ReplaceAll(newest, "message_date", "message_day"))),
		"no text class":  capture("page", []byte(strings.NewReplacer("widget_message_text", "msg_text", "js-message_text", "js-text", "photo_wrap", "pic", "video_player", "vid").Replace(newest))),
		"bad data-post":  capture("page", []byte(strings.Replace(newest, `data-post="janeoffice/17"`, `data-post="janeoffice/x"`, 1))),
		"two channels":   capture("page", []byte(strings.Replace(newest, `data-post="janeoffice/17"`, `data-post="jeanoffice/17"`, 1))),
		"not older":      capture("older", []byte(newest)),
		"history only":   capture("page", []byte(`<html><body><section class="tgme_channel_history"></section></body></html>`)),
		"Telegram's own": capture("page", []byte(`<html><head><title>Telegram Messenger</title></head><body><div class="tl_main_head"><h1>Telegram</h1></div></body></html>`)),
		"empty profile":  capture("page", []byte(`<html><body><div class="tgme_page"></div></body></html>`)),
		"empty, known":   capture("page", fixture(t, "begin.html")),
	} {
		tt := target
		tt.Cursor = "33"
		if p, err := telegram.New(telegram.Options{}).Read(tt, c); !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestUnknownParts: a part that nobody knows does not make a wording of what is
// left.
func TestUnknownParts(t *testing.T) {
	newest := string(fixture(t, "channel.html"))
	for name, tt := range map[string]struct {
		body string
		post string
		want onrecord.ItemState
	}{
		"photo renamed":        {strings.ReplaceAll(newest, "message_photo_wrap", "message_picture"), "17", onrecord.ItemUnclear},
		"text of a photo":      {strings.Replace(newest, `widget_message_text js-message_text" dir="auto">The plan`, `words" dir="auto">The plan`, 1), "17", onrecord.ItemUnclear},
		"a new line of words":  {strings.Replace(newest, `<b>ready</b>`, `<b>ready</b></div><div class="tgme_new">Boosted`, 1), "17", onrecord.ItemLive},
		"and before":           {strings.Replace(newest, `<div class="tgme_widget_message_text js-message_text" dir="auto">The plan`, `<div class="tgme_new">Boosted</div><div class="tgme_widget_message_text js-message_text" dir="auto">The plan`, 1), "17", onrecord.ItemLive},
		"a new kind of media":  {strings.Replace(newest, `<b>ready</b>`, `<b>ready</b></div><div class="tgme_new"><video src="x"></video>`, 1), "17", onrecord.ItemUnclear},
		"not shown on the web": {newest, "30", onrecord.ItemWithheld},
	} {
		p, err := telegram.New(telegram.Options{}).Read(target, capture("page", []byte(tt.body)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, o := range p.Items {
			if o.ID == tt.post && (o.State != tt.want || o.State != onrecord.ItemLive && o.Code == "") {
				t.Errorf("%s: %+v", name, o)
			}
		}
	}
}

// TestMoving: what moves by itself makes no new wording.
func TestMoving(t *testing.T) {
	newest := string(fixture(t, "channel.html"))
	moved := strings.NewReplacer(
		"4.85K", "5.1K", "1.2K", "1.3K", ">34<", ">35<", "222", "223", ">16%", ">17%", ">84%", ">83%",
		"cdn4.telesco.pe/file/", "cdn1.telesco.pe/file/other-", "?token=Zz", "?token=Yy", "Anonymous Poll", "Final Results",
		"Ministry of Examples</span>", "Ministry of All Examples</span>", "J. E.", "Jane E.", "Blog of Jane Example", "Another title",
		"What moves.", "What has moved.", "edited &nbsp;", "", "avatar.jpg", "avatar2.jpg", "1.2 MB", "1.20 MB",
	).Replace(newest)
	if moved == newest {
		t.Fatal("nothing moved")
	}
	d := telegram.New(telegram.Options{})
	a, errA := d.Read(target, capture("page", []byte(newest)))
	b, errB := d.Read(target, capture("page", []byte(moved)))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for i := range a.Items {
		if a.Items[i].Content.Version() != b.Items[i].Content.Version() {
			t.Errorf("%s:\n%s", a.Items[i].NativeID, cmp.Diff(a.Items[i].Content, b.Items[i].Content))
		}
	}
}

// TestNotTheChannelsDoing: what changes in a post because another one was
// deleted or renamed is dated as it was, so that it is no edit; what bears the
// mark, and albums, are not.
func TestNotTheChannelsDoing(t *testing.T) {
	newest := string(fixture(t, "channel.html"))
	reply := regexp.MustCompile(`(?s)<a class="tgme_widget_message_reply .*?</a>`)
	private := regexp.MustCompile(`(?s)<a (class="tgme_widget_message_forwarded_from_name") href="[^"]*">(.*?)</a>`)
	changed := private.ReplaceAllString(reply.ReplaceAllString(newest, ""), "<span $1>$2</span>")
	d := telegram.New(telegram.Options{})
	a, errA := d.Read(target, capture("page", []byte(newest)))
	b, errB := d.Read(target, capture("page", []byte(changed)))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	differ := 0
	for i, o := range b.Items {
		if o.Content.Version() != a.Items[i].Content.Version() {
			if differ++; !o.Dated {
				t.Errorf("not dated:\n%s", cmp.Diff(a.Items[i], o))
			}
		}
		if o.Dated && (o.Code == "edited" && o.Content.Type != "repost" || len(o.Aliases) > 0) {
			t.Errorf("dated: %+v", o)
		}
	}
	if differ != 2 {
		t.Errorf("%d posts read otherwise, want a reply and a forwarded one", differ)
	}
}

// TestLookIsThePage: a post reads the same at its own address.
func TestLookIsThePage(t *testing.T) {
	d := telegram.New(telegram.Options{})
	page, err := d.Read(target, fixtureCapture(t, "channel.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"look.html", "look-album.html"} {
		look, err := d.Read(target, fixtureCapture(t, name))
		if err != nil || len(look.Items) != 1 || look.Items[0].State != onrecord.ItemLive {
			t.Fatalf("%s: %+v, %v", name, look, err)
		}
		for _, o := range page.Items {
			if o.NativeID == look.Items[0].NativeID {
				if d := cmp.Diff(o, look.Items[0]); d != "" {
					t.Errorf("%s (-page +look):\n%s", name, d)
				}
			}
		}
	}
}

// TestHostile: deep, wide and long pages end soon and never well.
func TestHostile(t *testing.T) {
	wrap := func(s string) string {
		return `<html><body><section class="tgme_channel_history">` + s + `</section></body></html>`
	}
	for name, body := range map[string]string{
		"deep":      wrap(strings.Repeat("<div>", 100_000)),
		"deep b":    wrap(strings.Repeat("<b>", 100_000)),
		"attribute": wrap(`<div class="` + strings.Repeat("a ", 1<<20) + `">`),
		"long":      wrap(strings.Repeat("x", 10<<20)),
		"tables":    wrap(strings.Repeat("<table><tr><td>", 30_000)),
		"formats":   wrap(strings.Repeat("<a><b><i><p>", 20_000)),
	} {
		start := time.Now()
		if p, err := telegram.New(telegram.Options{}).Read(target, capture("page", []byte(body))); !errors.Is(err, crawler.ErrDrift) {
			t.Errorf("%s: %d items, %v", name, len(p.Items), err)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// FuzzRead: no input makes Read panic; what it gives has valid ids; what it
// refuses is ErrDrift; nothing but the word of a look is gone.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.html")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	kinds := []string{"page", "older", "look"}
	for _, path := range names {
		for i, kind := range kinds {
			if kind == kindOf(filepath.Base(path)) {
				f.Add(fixture(f, filepath.Base(path)), uint8(i))
			}
		}
	}
	d := telegram.New(telegram.Options{})
	f.Fuzz(func(t *testing.T, body []byte, kind uint8) {
		c := capture(kinds[int(kind)%len(kinds)], body)
		p, err := d.Read(target, c)
		if err != nil && !errors.Is(err, crawler.ErrDrift) {
			t.Fatal(err)
		}
		for _, o := range p.Items {
			if err := onrecord.CheckNativeID(o.NativeID); err != nil {
				t.Fatal(err)
			}
			if o.State == onrecord.ItemGone && !bytes.Contains(bytes.ToLower(body), []byte("not")) {
				t.Fatalf("gone: %+v", o)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	body := fixture(b, "channel.html")
	c := capture("page", body)
	d := telegram.New(telegram.Options{})
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Read(target, c); err != nil {
			b.Fatal(err)
		}
	}
}
