// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/mailbox"
)

// TestLeaks holds what once named the reader in what was published.
func TestLeaks(t *testing.T) {
	const news = "From: news@jane.example\n"
	long := strings.Repeat("We write of bridges. ", 30)
	for _, tt := range []struct{ name, head, body, leak string }{
		{"the sender's domain", news + "To: Paul Muster <pmuster@jane.example>\n", "Sent to pmuster@jane.example.", "pmuster@"},
		{"a provider's domain", "From: jane@gmail.com\nTo: undisclosed-recipients:;\n", "Sent to pmuster@gmail.com.", "pmuster@"},
		{"Received without brackets", "Received: from a by b with esmtp (Exim) id 1 for pmuster@mail.example; Mon, 7 Sep 2026 11:12:00 +0200\n" + news, "cG11c3RlckBtYWlsLmV4YW1wbGU and pmuster@mail.example", "pmuster"},
		{"a return path", "Return-Path: <bounce-77-pmuster=mail.example@jane.example>\n" + news, "Sent to pmuster (at) mail.example.", "pmuster"},
		{"no header", news, "This was sent to pmuster@mail.example.", "pmuster@"},
		{"before the plus sign", news + "To: p.muster+news@mail.example\n", "Sent to p.muster@mail.example", "p.muster"},
		{"zero width", news + "To: pmuster@mail.example\nContent-Type: text/html; charset=utf-8\n", "<p>Sent to pmuster<wbr>@mail.example or pmuster&#8203;@mail.example</p>", "pmuster"},
		{"a Message-ID with dots", news + "To: pmuster@mail.example\nMessage-ID: <2026.pmuster.mail.example.7@jane.example>\n", "Hello.", "pmuster"},
		{"Reply-To", news + "Reply-To: pmuster@mail.example\n", "On Monday pmuster@mail.example wrote", "pmuster"},
		{"surname first", news + "To: \"Muster, Paul\" <m@mail.example>\n", "Dear Paul,\nwe write.", "Paul"},
		{"surname only", news + "To: Paul Muster <m@mail.example>\n", "Dear Mr Muster,\nwe write.", "Muster"},
		{"capitals", news + "To: Paul Muster <m@mail.example>\nSubject: PAUL, LAST CHANCE\n", "We write.", "PAUL"},
		{"lower case", news + "To: paul muster <m@mail.example>\n", "Dear Paul Muster, we write.", "Paul"},
		{"far below", news + "To: Paul Muster <m@mail.example>\n", long + "\nPaul, will you chip in?", "Paul"},
		{"no-break space", news + "To: Paul Muster <m@mail.example>\nContent-Type: text/html\n", long + "Sent to Paul&nbsp;Muster", "Muster"},
		{"from the address", news + "To: paul.muster@mail.example\n", "Thank you, Paul!", "Paul"},
		{"Han", news + "To: =?utf-8?B?546L5bCP5piO?= <m@mail.example>\nContent-Type: text/plain; charset=utf-8\n", "尊敬的王小明先生：", "王小明"},
		{"user name", news + "To: pmuster@mail.example\n", "Your user name is pmuster.", "pmuster"},
		{"code", news, "Your voter ID: 12345. Your supporter code is ABQ-77.", "12345"},
		{"thread", news + "Subject: Re: bridge [ref:_00D1aBcD._5001xYz12:ref]\n", "Hello.", "00D1aBcD"},
		{"a learned code", news + "List-Unsubscribe: <https://jane.example/u?s=x81231234>\n", "Quote x81231234 when you write.", "81231234"},
		{"HTTPS", news, "Go: HTTPS://jane.example/unsubscribe?u=AbC123xYz789", "AbC123"},
		{"www", news, "Go: www.jane.example/unsubscribe?u=AbC123xYz789", "AbC123"},
		{"a bare host", news, "Go: jane.example/u/AbC123xYz789", "AbC123"},
		{"leave", news, "Mail leave-8812341-3398712.5f2a9c@lists.jane.example", "8812341"},
		{"mailto", news, "Leave: mailto:unsub+AbC123xYz789AA@jane.example", "AbC123"},
		{"vanid", news, "Go: https://jane.example/give?vanid=81231234&supporter_id=81231234", "81231234"},
		{"escaped", news, "Go: https://jane.example/give?a=1&amp;e=81231234;e=81231234", "81231234"},
		{"path", news, "Go: https://jane.example/u/Ab12Cd34Ef/", "Ab12Cd34Ef"},
		{"long number", news, "Go: https://jane.example/go/12345678901234567", "1234567890"},
		{"fragment", news, "Go: https://jane.example/#/u/81231234", "81231234"},
		{"wrapped link", news, "Go: <https://jane.example/give?e=8123\n1234567890>", "1234567890"},
		{"picture", news, "[cid:image001.png@01DB2C3D.4E5F6A70]", "01DB2C3D"},
	} {
		mail := "Message-ID: <1@x.example>\n" + tt.head + "\n" + tt.body + "\n"
		if strings.Contains(tt.head, "Message-ID") {
			mail = mail[len("Message-ID: <1@x.example>\n"):]
		}
		if got := published(t, mail); strings.Contains(got, tt.leak) {
			t.Errorf("%s: %q is in\n%s", tt.name, tt.leak, got)
		}
	}
}

// published returns all that leaves the importer.
func published(t testing.TB, mail string) string {
	t.Helper()
	var all bytes.Buffer
	for b, err := range mailbox.New().Import(t.Context(), fstest.MapFS{"m.eml": {Data: []byte(mail)}}, crawler.Target{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Items) != 1 {
			t.Fatalf("refused: %+v\n%s", b.Refused, mail)
		}
		kept := b.Kept
		b.Kept = nil
		j, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(j)
		all.Write(kept)
	}
	return all.String()
}

// TestKept holds what was once taken for the reader and is the statement.
func TestKept(t *testing.T) {
	const news = "From: Jane Example <news@jane.example>\n"
	for _, tt := range []struct{ name, head, body string }{
		{"a list", news + "To: \"The Press List\" <press@lists.example>\n", "The bridge is open. The minister said so."},
		{"addressed to itself", news + "To: Jane Example <news@jane.example>\n", "Statement of Jane Example: the bridge is open."},
		{"another office", news + "Cc: Jane Example <jane@party.example>\n", "I, Jane Example, say this."},
		{"a word", news + "To: Will Smith <w@mail.example>\n", "Will you stand with me? We will."},
		{"a name in a sentence", news + "To: Paul Muster <m@mail.example>\n", "I met Paul of Tarsus, and Peter and Paul agreed."},
		{"file", news, "Read https://jane.example/2026/BridgeReport2026Final.pdf today."},
		{"slug", news, "Read https://jane.example/news/covid-19-plan-2026-phase-2 today."},
		{"date", news, "Read https://jane.example/20260907/2026/09/07/a?id=1234&page=2 today."},
		{"contact", news, "Write to press@jane.example."},
		{"amounts", news, "Our membership number rose by 45,000. Your number 1,000 is growing."},
		{"IBAN", news, "DE89370400440532013000 and GB29NWBK60161331926819"},
		{"film", news, "See https://www.youtube.com/watch?v=aB3xY9kQ7Zz now."},
	} {
		items, _, refused := read(t, fstest.MapFS{"m.eml": {Data: []byte("Message-ID: <1@x.example>\n" + tt.head + "\n" + tt.body + "\n")}}, crawler.Target{})
		if len(items) != 1 || items[0].Content.Text != tt.body {
			t.Errorf("%s: %v %v", tt.name, items, refused)
		}
	}
	picture := "<p>First.</p><img src=\"data:image/png;base64," + strings.Repeat("AAAA", 300000) + "\"><p>Second.</p><div hidden>Third."
	items, _, _ := read(t, fstest.MapFS{"m.eml": {Data: []byte("Message-ID: <1@x.example>\n" + news + "Content-Type: text/html\n\n" + picture)}}, crawler.Target{})
	if len(items) != 1 || items[0].Content.Text != "First.\n\nSecond.\n\nThird." && items[0].Content.Text != "First.\n\nSecond.\nThird." {
		t.Errorf("text is lost behind a picture: %+v", items)
	}
}

// TestSameMessage reads a message without Message-ID as different programs
// keep it: it has one id and one content.
func TestSameMessage(t *testing.T) {
	const mail = "From: Jane <news@jane.example>\nTo: Paul Muster <pmuster@mail.example>\nSubject: Hi Paul\nDate: Mon, 7 Sep 2026 11:12:00 +0200\n\nDear Paul,\n\nthe bridge is open.\nFrom here on\n"
	quoted := strings.Replace(mail, "\nFrom here", "\n>From here", 1)
	var first *onrecord.Observation
	for _, s := range []string{
		mail, strings.ReplaceAll(mail, "\n", "\r\n"),
		"From x Mon Sep  7 11:12:00 2026\n" + quoted + "\n",
		"\n\nFrom x Mon Sep  7 11:12:00 2026\nStatus: RO\nX-UID: 7\n" + quoted + "\n",
	} {
		items, _, refused := read(t, fstest.MapFS{"m": {Data: []byte(s)}}, jane())
		if len(items) != 1 {
			t.Fatalf("%v\n%s", refused, s)
		}
		if first == nil {
			first = &items[0]
		}
		if items[0].NativeID != first.NativeID || items[0].Content.Text != first.Content.Text || items[0].Content.Title != first.Content.Title {
			t.Errorf("%+v, want %+v", items[0], *first)
		}
	}
}

// TestRandomReaders makes mails for readers at random, who are named in thirty
// forms: nothing of them is published.
func TestRandomReaders(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	n := 300
	if testing.Short() {
		n = 50
	}
	for range n {
		mail, secret := randomMail(rnd)
		got := strings.ToLower(published(t, mail))
		for _, s := range secret {
			if strings.Contains(got, strings.ToLower(s)) {
				t.Fatalf("%q is in\n%s\nof\n%s", s, got, mail)
			}
		}
	}
}

// randomMail returns a mail, and what must not be in what is made of it.
func randomMail(rnd *rand.Rand) (string, []string) {
	letters := func(n int, of string) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = of[rnd.IntN(len(of))]
		}
		return string(b)
	}
	name := func() string { return letters(1, "BDFGK") + letters(1, "aeo") + letters(3, "vzxq") + letters(2, "iou") }
	first, last := name(), name()
	local := strings.ToLower(first[:1]+last) + letters(3, "123456789")
	address := local + "@" + letters(6, "bcdfg") + ".example"
	token := letters(1, "123456789") + letters(2, "XQZ") + letters(2, "23456789") + letters(2, "xqz") + letters(3, "2345678") + letters(2, "QXZ") + letters(2, "3456789")
	number := letters(1, "789") + letters(8, "0123456789")
	sum, md := sha256.Sum256([]byte(address)), md5.Sum([]byte(address))
	b64 := base64.StdEncoding.EncodeToString([]byte(address))
	forms := []string{
		"Dear " + first + ",", "Dear Mr " + last + ",", "Hi " + strings.ToUpper(first) + "!", first + ", will you help?", "Thank you, " + first + ".",
		"For " + first + " " + last + " only", "For " + last + ", " + first, "For " + first + "\u00a0" + last, strings.ToUpper(first + " " + last),
		"To " + address, "To " + strings.ToUpper(address), "To " + strings.Replace(address, "@", " at ", 1), "To " + strings.Replace(address, "@", " (at) ", 1),
		"To " + strings.Replace(address, "@", "=", 1), "To " + url.QueryEscape(address), "To " + strings.Replace(address, "@", "\u200b@", 1), "To " + strings.Replace(address, "@", "&#64;", 1),
		b64, base64.RawURLEncoding.EncodeToString([]byte("xy" + address)), hex.EncodeToString([]byte(address)), hex.EncodeToString(sum[:]), hex.EncodeToString(md[:]),
		"Your user name is " + local, "Your voter ID: " + number, "https://jane.example/give?e=" + token + "&q=" + first + "+" + last, "HTTPS://jane.example/u/" + token,
		"www.jane.example/go/" + number, "https://jane.example/a#" + token, "https://jane.example/" + local, "mailto:leave-" + token + "@jane.example", "Code " + token,
		"https://jane.example/~" + strings.ToLower(first+"-"+last), "https://" + token + ".jane.example/", "bounce-" + strings.Replace(address, "@", "=", 1) + "@lists.jane.example",
	}
	rnd.Shuffle(len(forms), func(i, j int) { forms[i], forms[j] = forms[j], forms[i] })
	to := []string{first + " " + last, `"` + last + ", " + first + `"`, strings.ToUpper(first + " " + last), "Dr. " + first + " " + last}[rnd.IntN(4)]
	mail := fmt.Sprintf("Return-Path: <b-%s@jane.example>\nFrom: Jane Example <news@jane.example>\nTo: %s <%s>\nSubject: %s, the bridge for %s\nMessage-ID: <%s.%d@jane.example>\nList-Id: <%s.jane.example>\nContent-Language: en\nContent-Type: text/plain; charset=utf-8\n\n%s\n",
		strings.Replace(address, "@", "=", 1), to, address, first, address, strings.Replace(address, "@", ".", 1), rnd.IntN(99), token, strings.Join(forms, "\n"))
	return mail, []string{address, local, first, last, token, number, b64, hex.EncodeToString(sum[:]), hex.EncodeToString(md[:]), hex.EncodeToString([]byte(address))}
}
