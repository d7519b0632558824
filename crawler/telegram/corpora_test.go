// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/telegram"
	"onrecord/internal/repotest"
)

var (
	dataPost  = regexp.MustCompile(`data-post="([A-Za-z0-9_]+)/([0-9]+)"`)
	canonical = regexp.MustCompile(`rel="canonical" href="[^"]*\?before=([0-9]+)"`)
)

// TestCaptures reads every real capture, as it was found and, where that is a
// piece cut out of a page, put back into one; and compares what came out with
// the golden.
func TestCaptures(t *testing.T) {
	root := repotest.Data(t, "telegram")
	var out bytes.Buffer
	records, statements, refused := 0, 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := filepath.Base(path)
		found, _ := readCapture(t, body)
		fmt.Fprintf(&out, "%s\n  as found: %s\n", name, found)
		records++
		if !bytes.Contains(body, []byte("<html")) {
			again, n := readCapture(t, page(body))
			fmt.Fprintf(&out, "  in a page: %s\n", again)
			statements += n
			if n == 0 {
				refused++
			}
			return nil
		}
		_, n := readCapture(t, body)
		statements += n
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%d files, %d statements, %d files without one\n", records, statements, refused)
	golden(t, "testdata/captures.golden", out.Bytes())
}

// page puts a piece into a page: a part of a message first into a message, a
// message without data-view gets one of an invented channel.
func page(piece []byte) []byte {
	s := string(piece)
	if !strings.Contains(s, "data-post=") {
		s = `<div class="tgme_widget_message" data-post="janeoffice/17"><div class="tgme_widget_message_bubble">` + s +
			`<div class="tgme_widget_message_footer"><a class="tgme_widget_message_date" href="https://t.me/janeoffice/17"><time datetime="2026-03-01T10:00:00+00:00"></time></a></div></div></div>`
	}
	if !strings.Contains(s, "data-view=") {
		view := base64.RawURLEncoding.EncodeToString([]byte(`{"c":-` + channel + `,"p":17,"t":1772366400,"h":"b33c"}`))
		s = strings.Replace(s, "data-post=", `data-view="`+view+`" data-post=`, 1)
	}
	return []byte(`<!DOCTYPE html><html><body><section class="tgme_channel_history">` + s + `</section></body></html>`)
}

// readCapture says what the door makes of a capture, without its words, and how
// many statements it shows.
func readCapture(t *testing.T, body []byte) (string, int) {
	t.Helper()
	tt := crawler.Target{Platform: telegram.Platform, Handle: "janeoffice"}
	if m := dataPost.FindSubmatch(body); m != nil {
		tt.Handle = string(m[1])
	}
	kind, address := "page", "https://t.me/s/"+tt.Handle
	if m := canonical.FindSubmatch(body); m != nil {
		kind, address = "older", address+"?before="+string(m[1])
	}
	c := crawlertest.Capture(kind, address, 200, "text/html; charset=utf-8", body)
	p, err := telegram.New(telegram.Options{}).Read(tt, c)
	if err != nil {
		return "refused: " + strings.TrimPrefix(err.Error(), "telegram "+address+": "), 0
	}
	n := 0
	var b strings.Builder
	for _, o := range p.Items {
		if o.State == onrecord.ItemLive {
			n++
		}
		fmt.Fprintf(&b, "\n    %s", describe(o))
	}
	for _, r := range p.Next {
		_, before, _ := strings.Cut(r.URL, "?")
		fmt.Fprintf(&b, "\n    then %s", before)
	}
	return fmt.Sprintf("%d statements%s", n, b.String()), n
}

// describe tells the form of an observation and none of its words.
func describe(o onrecord.Observation) string {
	var media []string
	for _, m := range o.Content.Media {
		kind, id, _ := strings.Cut(m.ID, "/")
		if len(id) > 14 {
			kind += " by its number"
		}
		media = append(media, kind)
	}
	s := fmt.Sprintf("%s %s, %d characters, %d links, media %v", o.State, o.Content.Type, len([]rune(o.Content.Text)), len(o.Content.Links), media)
	if n := len(o.Content.Poll); n > 0 {
		s += fmt.Sprintf(", %d poll options", n)
	}
	if n := len(o.Aliases); n > 0 {
		s += fmt.Sprintf(", %d aliases", n)
	}
	if o.Code != "" {
		s += ", " + o.Code
	}
	return s + ", " + o.Content.Published
}
