// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"onrecord/crawler"
	"onrecord/crawler/mailbox"
	"onrecord/internal/repotest"
)

// Hostile shapes are read, or refused with a reason, in bounded time: the first
// message in fractions of a second, the largest that is taken in seconds.
func TestBounds(t *testing.T) {
	repotest.Large(t)
	head := "From: news@jane.example\r\nMessage-ID: <1@x.example>\r\n"
	fill := func(n int, s string) string { return strings.Repeat(s, n/len(s)) }
	nested := func(n int) string {
		var b strings.Builder
		b.WriteString(head)
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return b.String()
	}
	size, text := 8<<20, 3<<20
	if testing.Short() {
		size, text = 1<<20, 1<<20
	}
	for _, tt := range []struct{ name, mail string }{
		{"flat", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill(size, "--b\r\n\r\n\r\n")},
		{"nested", nested(70)},
		{"nested, long", nested(8) + fill(size, "text\r\n")},
		{"nested and never closed", nested(12)},
		{"many headers", head + fill(size, "X-A: b\r\n") + "\r\ntext"},
		{"a long header", head + "To: " + fill(size, "a@b.example, ") + "\r\n\r\ntext"},
		{"a long header, just taken", head + "To: " + fill(250<<10, "a@b.example, ") + "\r\n\r\ntext"},
		{"broken addresses", head + "To: " + fill(250<<10, "\"a <b@(c ") + "\r\n\r\ntext"},
		{"comments", head + "To: " + fill(250<<10, "(") + "\r\n\r\ntext"},
		{"groups", head + "To: " + fill(250<<10, "a:b@c.example;,") + "\r\n\r\ntext"},
		{"encoded words", head + "Subject: " + fill(250<<10, "=?utf-8?q?a?= ") + "\r\n\r\ntext"},
		{"encoded words in an address", head + "To: " + fill(250<<10, "=?utf-8?q?a?= ") + "<a@b.example>\r\n\r\ntext"},
		{"a type", head + "Content-Type: text/plain" + fill(250<<10, "; a=b") + "\r\n\r\ntext"},
		{"an encoded type", head + "Content-Type: text/plain; " + fill(7<<10, "=?utf-8?q?=3D=3Fa?=") + "\r\n\r\ntext"},
		{"at signs", head + "\r\n" + fill(text, "@")},
		{"addresses", head + "\r\n" + fill(text, "a@b.c")},
		{"links", head + "\r\n" + fill(text, "https://a.example/b?c=d ")},
		{"one link", head + "\r\nhttps://a.example/" + fill(text, "a/")},
		{"hosts", head + "\r\n" + fill(text, "a.bb.")},
		{"names", head + "To: \"aa bb\" <a@b.example>\r\n\r\n" + fill(text, "aa, aa bb ")},
		{"invisible", head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + fill(text, "\u200b")},
		{"tags", head + "Content-Type: text/html\r\n\r\n" + fill(text, "<div hidden>")},
		{"data", head + "Content-Type: text/html\r\n\r\n" + fill(text, "data:")},
		{"a long text", head + "\r\n" + fill(size, "text\r\n")},
	} {
		start := time.Now()
		_, _, _ = read(t, fstest.MapFS{"m.eml": {Data: []byte(tt.mail)}}, jane())
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s: %d KiB took %v", tt.name, len(tt.mail)>>10, took)
		} else if took > 500*time.Millisecond {
			t.Logf("%s: %d KiB took %v", tt.name, len(tt.mail)>>10, took)
		}
	}
}

// A message with very many recipients and links takes no time to speak of.
func BenchmarkRecipients(b *testing.B) {
	var m strings.Builder
	m.WriteString("From: news@jane.example\r\nMessage-ID: <1@x.example>\r\nTo: ")
	for i := range 3000 {
		fmt.Fprintf(&m, "p%d@mail%d.example,\r\n ", i, i)
	}
	m.WriteString("z@mail.example\r\n\r\n")
	for i := range 300 {
		fmt.Fprintf(&m, "Read https://jane.example/news/%d and so on, with words.\r\n", i)
	}
	fsys := fstest.MapFS{"m.eml": {Data: []byte(m.String())}}
	for b.Loop() {
		for _, err := range mailbox.New().Import(b.Context(), fsys, crawler.Target{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
