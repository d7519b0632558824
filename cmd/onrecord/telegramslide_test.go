// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"onrecord"
	"onrecord/crawler/telegram"
	"onrecord/ingest"
)

// A tgChannel is a channel whose pages hold twenty messages, as Telegram's do:
// an album at the end of a page is cut.
type tgChannel struct {
	mu    sync.Mutex
	posts []tgPost
	next  int
}

// A tgPost is the numbers of a post's messages: several for an album.
type tgPost struct {
	numbers []int
	text    string
}

// say adds a post of n messages.
func (c *tgChannel) say(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := tgPost{text: fmt.Sprintf("Statement %d of the Ministry of Examples.", len(c.posts)+1)}
	for range n {
		c.next++
		p.numbers = append(p.numbers, c.next)
	}
	c.posts = append(c.posts, p)
}

// ServeHTTP answers /s/janeoffice and /s/janeoffice?before=N.
func (c *tgChannel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path != "/s/janeoffice" {
		http.NotFound(w, r)
		return
	}
	before := c.next + 1
	if s := r.URL.Query().Get("before"); s != "" {
		before, _ = strconv.Atoi(s)
	}
	var blocks []string
	left, older := 20, false
	for _, p := range slices.Backward(c.posts) {
		var shown []int
		for _, n := range slices.Backward(p.numbers) {
			switch {
			case n >= before:
			case left == 0:
				older = true
			default:
				shown = append(shown, n)
				left--
			}
		}
		if len(shown) > 0 {
			slices.Reverse(shown)
			blocks = append(blocks, tgBlock(shown, len(p.numbers) > 1, p.text))
		}
	}
	slices.Reverse(blocks)
	if len(blocks) == 0 {
		blocks = []string{`<div class="tme_no_messages_found">No posts found</div>`}
	}
	head := ""
	if older {
		head = `<link rel="prev" href="/s/janeoffice?before=1">`
	}
	fmt.Fprintf(w, `<!DOCTYPE html><html><head>%s</head><body><section class="tgme_channel_history">%s</section></body></html>`, head, strings.Join(blocks, "\n"))
}

// tgBlock writes what of a post a page shows.
func tgBlock(numbers []int, album bool, text string) string {
	media := ""
	for _, n := range numbers {
		if album {
			media += fmt.Sprintf(`<a class="tgme_widget_message_photo_wrap" href="https://t.me/janeoffice/%d?single" style="background-image:url('x')"></a>`, n)
		}
	}
	if len(numbers) > 1 {
		media = `<div class="tgme_widget_message_grouped_wrap">` + media + `</div>`
	}
	view := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"c":-1234567890,"p":%d}`, numbers[0]))
	return fmt.Sprintf(`<div class="tgme_widget_message" data-post="janeoffice/%d" data-view="%s"><div class="tgme_widget_message_bubble">%s<div class="tgme_widget_message_text">%s</div>`+
		`<div class="tgme_widget_message_footer"><a class="tgme_widget_message_date"><time datetime="2026-08-01T09:00:00+00:00"></time></a></div></div></div>`,
		numbers[0], view, media, text)
}

// TestTelegramSlides visits a channel while it grows: albums at the end of a
// page are cut, and no cut is ever taken for an edit, an absence or another
// post.
func TestTelegramSlides(t *testing.T) {
	t.Parallel()
	clock, channel := start(), new(tgChannel)
	sizes := []int{1, 3, 1, 1, 10, 2, 1, 4, 1, 1, 1, 7}
	for i := range 60 {
		channel.say(sizes[i%len(sizes)])
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock.now().UTC().Format(http.TimeFormat))
		channel.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h := newWorld(t, clock).open(t, fmt.Sprintf("      - {id: telegram, platform: telegram, account: janeoffice, account_id: \"1234567890\", schedule: \"@every 1h\", doors: [{kind: preview, base_url: %q}]}\n", srv.URL))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	known, created := int64(0), 0
	for round := range 60 {
		clock.to(clock.now().Add(10 * time.Minute))
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		if err != nil || rep.Failed() {
			t.Fatalf("round %d: %+v %v", round, rep, err)
		}
		for e := range eventsFrom(t, h, &known) {
			switch e.Type {
			case onrecord.StatementCreated:
				created++
			case onrecord.VisitLine, onrecord.ArchiveCreated, onrecord.AccountIdentified:
			default:
				t.Errorf("round %d: %s", round, eventLine(e))
			}
		}
		for i := range round % 4 {
			channel.say(sizes[(round+i)%len(sizes)])
		}
	}
	last := 0 // what was said after the last visit
	for _, p := range channel.posts {
		s, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID(telegram.Platform, fmt.Sprintf("1234567890/%d", p.numbers[0])))
		if err != nil {
			last++
		} else if s.Content.Text != p.text || s.Edited || len(p.numbers) > 1 && len(s.Content.Media) != len(p.numbers) {
			t.Errorf("%v: %+v", p, s)
		}
	}
	if want := 59 % 4; created != len(channel.posts)-want || last != want {
		t.Errorf("%d of %d posts created, %d unknown", created, len(channel.posts), last)
	}
}

// TestTelegramAlbumLosesItsFirstPhoto: the album goes on under the number of its
// second photo and stays the statement that it was.
func TestTelegramAlbumLosesItsFirstPhoto(t *testing.T) {
	t.Parallel()
	clock, channel := start(), new(tgChannel)
	for _, n := range []int{1, 1, 3, 1} {
		channel.say(n)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock.now().UTC().Format(http.TimeFormat))
		channel.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h := newWorld(t, clock).open(t, fmt.Sprintf("      - {id: telegram, platform: telegram, account: janeoffice, account_id: \"1234567890\", schedule: \"@every 1h\", doors: [{kind: preview, base_url: %q}]}\n", srv.URL))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	known := int64(0)
	var events []string
	for round := range 3 {
		clock.to(clock.now().Add(10 * time.Minute))
		if rep, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || rep.Failed() {
			t.Fatalf("%+v %v", rep, err)
		}
		for e := range eventsFrom(t, h, &known) {
			if round > 0 && e.Type != onrecord.VisitLine {
				events = append(events, eventLine(e))
			}
		}
		channel.posts[2].numbers = []int{4, 5}
	}
	if want := []string{`statement.edited 1234567890/3 post "Statement 3 of the Ministry of Examples."`}; !slices.Equal(want, events) {
		t.Errorf("%q, want %q", events, want)
	}
	s, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID(telegram.Platform, "1234567890/3"))
	if err != nil || s.URL != "https://t.me/janeoffice/4" || len(s.Content.Media) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestTelegramAccountImport imports the export of an account: of the chats that
// are none of the archive's business, nothing gets into the record.
func TestTelegramAccountImport(t *testing.T) {
	t.Parallel()
	export, err := os.ReadFile(filepath.Join("..", "..", "crawler", "telegram", "testdata", "export", "account.json"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, start())
	h := w.open(t, "      - {id: telegram, platform: telegram, account: janeoffice, account_id: \"1234567890\"}\n")
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	rep, err := in.Import(t.Context(), in.Sources[0], telegram.NewImport(telegram.Options{}), fstest.MapFS{"result.json": {Data: export}}, ingest.ImportOptions{})
	if err != nil || rep.Created != 5 || rep.Refused != 1 {
		t.Fatalf("%+v %v", rep, err)
	}
	folder, _ := bucketFolder(w.cfg.Storage.URL)
	captured := ""
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			if b, err = io.ReadAll(z); err != nil {
				return err
			}
			captured += string(b)
		}
		for _, secret := range []string{"secret between", "Dupont", "555 0100", "Minister"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%q is in %s", secret, path)
			}
		}
		return nil
	})
	if err != nil || !strings.Contains(captured, "Three views of the bridge.") {
		t.Errorf("the evidence is not kept: %v", err)
	}
}
