// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/mailbox"
)

func TestImporter(t *testing.T) {
	b, err := os.ReadFile("testdata/list.mbox")
	if err != nil {
		t.Fatal(err)
	}
	one := []byte("From: news@jane.example\r\nMessage-ID: <1@jane.example>\r\n\r\nText.\r\n")
	crawlertest.RunImport(t, crawlertest.ImportSuite{Importer: mailbox.New(), Target: jane(), Fixtures: []crawlertest.ImportFixture{
		{Name: "mbox", Files: map[string][]byte{"list.mbox": b}, Records: 3, Refused: map[string]int{"another sender": 1}},
		{Name: "maildir", Files: map[string][]byte{"cur/1:2,S": one, "tmp/2": one, "dovecot.index": {1}}, Records: 1, IDs: []string{"1@jane.example"}, Closed: []string{"tmp/2", "dovecot.index"}},
		{Name: "folder", Files: map[string][]byte{"a.eml": one, "b.pdf": {1}}, Records: 1, IDs: []string{"1@jane.example"}, Closed: []string{"b.pdf"}},
		{Name: "nothing", Files: map[string][]byte{"a.pdf": one, "b.pdf": one}, Nothing: true},
	}})
}

// jane is the account whose mails the tests read.
func jane() crawler.Target {
	return crawler.Target{Platform: "email", AccountID: "friends.jane.example", Handle: "news@jane.example"}
}

// read imports files whole.
func read(t testing.TB, fsys fs.FS, target crawler.Target) (items []onrecord.Observation, kept [][]byte, refused []crawler.Refusal) {
	t.Helper()
	for b, err := range mailbox.New().Import(t.Context(), fsys, target) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Records != 1 || len(b.Items)+len(b.Refused) != 1 {
			t.Errorf("a batch of %d records, %d items, %d refused", b.Records, len(b.Items), len(b.Refused))
		}
		items, refused = append(items, b.Items...), append(refused, b.Refused...)
		if len(b.Items) > 0 {
			kept = append(kept, b.Kept)
		}
	}
	return items, kept, refused
}

func list(t testing.TB) fs.FS {
	t.Helper()
	b, err := os.ReadFile("testdata/list.mbox")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"list.mbox": {Data: b}}
}

func TestMbox(t *testing.T) {
	items, _, refused := read(t, list(t), jane())
	want := []onrecord.Observation{{
		Ref: onrecord.Ref{NativeID: "20260907091200.7731.1@mail.jane.example"}, State: onrecord.ItemLive,
		Published: time.Date(2026, 9, 7, 9, 12, 0, 0, time.UTC), Precision: onrecord.PrecisionSecond,
		Content: onrecord.Content{
			Type: "email", Title: "[recipient], the bridge is open – come and see", Published: "Mon, 07 Sep 2026 11:12:00 +0200",
			Text: `Dear [recipient],

the Harbour Bridge is open. Nobody pays a toll, “this year or the next”.
From the first day on we said so.

Read on: https://jane.example/news/harbour-bridge?page=2
Give: [personal link removed]
You receive this as [recipient]. Leave: [personal link removed]`,
			Links: []string{"https://jane.example/news/harbour-bridge?page=2"},
		},
	}, {
		Ref: onrecord.Ref{NativeID: items[1].NativeID}, State: onrecord.ItemLive,
		Published: time.Date(2026, 9, 9, 6, 0, 0, 0, time.UTC), Precision: onrecord.PrecisionSecond,
		Content: onrecord.Content{
			Type: "email", Title: "CORRECTION: the toll", Published: "Wed, 09 Sep 2026 06:00:00 +0000", ReplyTo: "20260907091200.7731.1@mail.jane.example",
			Text: "The toll was never 2 €. See the order and the poll.", Links: []string{"https://jane.example/orders/114#top"},
		},
	}}
	if d := cmp.Diff(want, items); d != "" {
		t.Errorf("items (-want +got):\n%s", d)
	}
	if !strings.HasPrefix(items[1].NativeID, "message-id:sha256:") {
		t.Errorf("native id %q names the recipient", items[1].NativeID)
	}
	if d := cmp.Diff([]crawler.Refusal{{File: "list.mbox", Record: 2, Line: 42, ID: "1@rival.example", Reason: "another sender", Detail: "from an address of rival.example"}}, refused); d != "" {
		t.Errorf("refused (-want +got):\n%s", d)
	}
}

// Nothing of the reader is in what is kept or said, whatever the form.
func TestNothingOfTheRecipient(t *testing.T) {
	const who = "desk@archive.example"
	forms := []string{
		who, "DESK@Archive.Example", "desk=archive.example", "desk%40archive.example",
		base64.StdEncoding.EncodeToString([]byte(who)), base64.RawURLEncoding.EncodeToString([]byte(who)), "Alex Archivist", "only for you", "9f8e7d6c5b4a39281706", "4711-desk", "a1b2c3d4e5", "upn=",
	}
	items, kept, refused := read(t, list(t), jane())
	said, err := json.Marshal([]any{items, refused})
	if err != nil {
		t.Fatal(err)
	}
	all := bytes.ToLower(append(bytes.Join(kept, nil), said...))
	for _, f := range forms {
		if bytes.Contains(all, []byte(strings.ToLower(f))) {
			t.Errorf("%q is in what is published", f)
		}
	}
	for _, must := range []string{"x-onrecord-dkim: d=jane.example; s=2026a", "x-onrecord-original: sha256=", "message-id: <20260907091200.7731.1@mail.jane.example>"} {
		if !bytes.Contains(all, []byte(must)) {
			t.Errorf("%q is not in what is kept:\n%s", must, kept[0])
		}
	}
}

func TestLinks(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"https://jane.example/a", "https://jane.example/a"},
		{"https://jane.example/a?page=2&utm_medium=email", "https://jane.example/a?page=2"},
		{"https://jane.example/a?page=2&who=QWxleDEyMzQ1Njc4OTA", "https://jane.example/a?page=2"},
		{"https://jane.example/news/a-long-title-with-words-and-2026-in-it", "https://jane.example/news/a-long-title-with-words-and-2026-in-it"},
		{"https://jane.example/c/eJx8kM1u3CAUhZ9mWCI", ""},
		{"https://links.jane.example/a", ""},
		{"https://jane.us1.list-manage.com/track/click?u=1", ""},
		{"https://jane.example/unsubscribe", ""},
		{"https://alex:secret@jane.example/", ""},
		{"https://jane.example/?mail=desk@archive.example", ""},
		{"https://jane.example/a#u=1", "https://jane.example/a"},
	} {
		mail := "From: news@jane.example\r\nTo: desk@archive.example\r\nMessage-ID: <1@jane.example>\r\n\r\nLook " + tt.in + " now.\r\n"
		items, _, refused := read(t, fstest.MapFS{"m.eml": {Data: []byte(mail)}}, jane())
		if len(items) != 1 {
			t.Fatalf("%s: refused: %v", tt.in, refused)
		}
		want := tt.want
		if want == "" {
			want = "[personal link removed]"
		}
		if got := items[0].Content.Text; got != "Look "+want+" now." {
			t.Errorf("%s: text %q, want %q", tt.in, got, want)
		}
		if got := strings.Join(items[0].Content.Links, " "); got != tt.want {
			t.Errorf("%s: links %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestSenders(t *testing.T) {
	for _, tt := range []struct {
		from, extra string
		target      crawler.Target
		taken       bool
	}{
		{"news@jane.example", "", crawler.Target{Handle: "news@jane.example"}, true},
		{"NEWS@Jane.Example", "", crawler.Target{Handle: "news@jane.example"}, true},
		{"news@mail.jane.example", "", crawler.Target{Handle: "*@jane.example"}, true},
		{"news@jane.example.evil.example", "", crawler.Target{Handle: "*@jane.example"}, false},
		{"news@notjane.example", "", crawler.Target{Handle: "jane.example"}, false},
		{"other@host.example", "List-Id: <friends.jane.example>\r\n", crawler.Target{AccountID: "friends.jane.example"}, true},
		{"other@host.example", "", crawler.Target{AccountID: "friends.jane.example"}, false},
		{"anybody@host.example", "", crawler.Target{}, true},
	} {
		mail := "From: " + tt.from + "\r\n" + tt.extra + "Message-ID: <1@x.example>\r\n\r\nText.\r\n"
		items, _, _ := read(t, fstest.MapFS{"m.eml": {Data: []byte(mail)}}, tt.target)
		if (len(items) == 1) != tt.taken {
			t.Errorf("from %s %q for %+v: taken %v", tt.from, tt.extra, tt.target, len(items) == 1)
		}
	}
}

func TestFiles(t *testing.T) {
	mail := &fstest.MapFile{Data: []byte("From: news@jane.example\r\n\r\nText.\r\n")}
	for _, tt := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"one file of any name", []string{"inbox"}, []string{"inbox"}},
		{"a Maildir", []string{"cur/1:2,S", "new/2", "tmp/3", "dovecot-uidlist"}, []string{"cur/1:2,S", "new/2"}},
		{"a folder", []string{"b.eml", "a.mbox", "c.pdf", "sub/d.EML"}, []string{"a.mbox", "b.eml", "sub/d.EML"}},
		{"nothing", []string{"a.pdf", "b.txt"}, nil},
	} {
		fsys := fstest.MapFS{}
		for _, f := range tt.files {
			fsys[f] = mail
		}
		got, err := mailbox.New().Files(fsys)
		if !slices.Equal(got, tt.want) || (err != nil) != (tt.want == nil) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
		if err != nil && !errors.Is(err, mailbox.ErrNoMail) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	head := "From: news@jane.example\r\nMessage-ID: <1@jane.example>\r\n"
	deep := head
	for i := range 70 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	for _, tt := range []struct{ name, mail, reason string }{
		{"empty body", head + "\r\n", "no text"},
		{"no sender", "Subject: x\r\n\r\nText.\r\n", "no sender"},
		{"nested", deep, "too many parts"},
		{"picture only", head + "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n", "no text"},
		{"huge", head + "\r\n" + strings.Repeat("x", 33<<20), "too long"},
	} {
		_, _, refused := read(t, fstest.MapFS{"m.eml": {Data: []byte(tt.mail)}}, jane())
		if len(refused) != 1 || refused[0].Reason != tt.reason {
			t.Errorf("%s: %+v, want %s", tt.name, refused, tt.reason)
		}
	}
}

// A mail without Message-ID has the same name whenever it is read.
func TestWithoutMessageID(t *testing.T) {
	mail := []byte("From: news@jane.example\r\n\r\nText.\r\n")
	a, _, _ := read(t, fstest.MapFS{"a.eml": {Data: mail}}, jane())
	b, _, _ := read(t, fstest.MapFS{"b": {Data: mail}}, jane())
	if len(a) != 1 || len(b) != 1 || a[0].NativeID != b[0].NativeID || !strings.HasPrefix(a[0].NativeID, "message:sha256:") {
		t.Errorf("%v and %v", a, b)
	}
}

func FuzzImport(f *testing.F) {
	b, err := os.ReadFile("testdata/list.mbox")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("From \n\nFrom \n>From \n"))
	f.Add([]byte("From: a@b\r\nContent-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\n--\r\n"))
	f.Add([]byte("From: a@b\r\nTo: \"x\" <x@y.example>\r\nContent-Type: text/html\r\n\r\n<a href=\"https://x/?x@y.example\"><div hidden><div></div>x@y.example</div>x@y.example"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for b, err := range mailbox.New().Import(t.Context(), fstest.MapFS{"m": {Data: data}}, crawler.Target{}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range b.Items {
				if o.NativeID == "" || o.Content.Text == "" || len(b.Kept) == 0 {
					t.Errorf("an item without id, text or evidence: %+v", o)
				}
			}
		}
	})
}

func BenchmarkImport(b *testing.B) {
	fsys := list(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range mailbox.New().Import(b.Context(), fsys, jane()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
