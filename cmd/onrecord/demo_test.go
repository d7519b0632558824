// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"onrecord"
	"onrecord/archive"
	"onrecord/internal/repotest"
	"onrecord/web"
)

// A demoShow is what the website says after a step of the story: texts that
// stand on a page, after "!" such as must not.
type demoShow struct {
	path  string
	texts []string
}

// demoShows returns what the site must show after each beat, by its scene.
func demoShows() map[int][]demoShow {
	said := func(platform, native string) string {
		return "/s/" + string(onrecord.NewStatementID(platform, native))
	}
	tariff, article := said("mastodon", demoTariff), said("website", "https://jane.example/news/statistics")
	post, water := said("telegram", "1987004312/14"), said("website", "https://ministry.example/news/water-en")
	silence := said("mastodon", "https://civique.example/users/dupont/statuses/117235423641600000")
	return map[int][]demoShow{
		0: {
			{"/", []string{"Harbour Bridge", "This is a demonstration"}},
			{"/search?q=platform%3Ax", []string{"Read my lips", "6 statements"}},
			{said("x", "1323870788645818369"), []string{"Reported deleted by", "Not captured by us"}},
		},
		2: {{"/search?q=steel", []string{"2 statements"}}, {"/search?q=" + url.QueryEscape("الكهرباء"), []string{"1 statement"}}, {"/search?q=adversaire", []string{"1 statement"}}, {tariff, []string{"25%", "!50%"}}},
		3: {{tariff, []string{"50%", "2 versions"}}, {"/edits", []string{"50%"}}},
		4: {{post, []string{"Deleted at the source between", "لن تُرفع"}}, {article, []string{"Deleted at the source between", "third month"}}, {"/deletions", []string{"third month"}}},
		5: {{silence, []string{"Not deleted singly", "suspended", "Je continuerai"}}, {"/deletions", []string{"!Je continuerai"}}, {"/f/jean-dupont", []string{"suspended"}}},
		6: {{water, []string{"no longer answered our visits", "safe to use"}}},
		7: {{article, []string{"Restored between", "third month"}}},
		8: {{"/search?q=casino", []string{"!Golden"}}, {"/search?q=bonus", []string{"!deposit"}}, {"/events", []string{"!casino"}}},
	}
}

// TestDemonstration plays the story, and looks after each step at what the
// website shows. It is the test of everything together: platforms, crawlers,
// judgement, record, catalog, pages.
func TestDemonstration(t *testing.T) {
	t.Parallel()
	part := repotest.Part(t) // the first beats only
	e := &env{io: stdio{out: io.Discard, err: io.Discard}, stop: newStop(make(chan os.Signal), io.Discard), now: time.Now}
	play := &demoPlay{}
	w, err := openDemo(t.Context(), e, t.TempDir(), "http://127.0.0.1:8080", &web.Demo{Story: play.story})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	play.begin(w)
	site, err := w.house.website(w.ingester, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	shows := demoShows()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err = play.play(ctx, w, 0, func(b demoBeat) {
		for _, s := range shows[b.scene] {
			demoLook(t, site, b, s)
		}
		for _, p := range b.pages {
			demoLook(t, site, b, demoShow{p.Href, []string{"This is a demonstration"}})
		}
		if part && b.scene == 2 {
			stop()
		}
	})
	if part && errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	demoRecord(t, w)
	demoEvents(t, w)
}

// demoLook holds a page against what it must show.
func demoLook(t *testing.T, site http.Handler, b demoBeat, s demoShow) {
	t.Helper()
	rec := httptest.NewRecorder()
	site.ServeHTTP(rec, httptest.NewRequest("GET", s.path, nil))
	if rec.Code != http.StatusOK {
		t.Errorf("%s: %s: status %d", b.title, s.path, rec.Code)
		return
	}
	doc, err := goquery.NewDocumentFromReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc.Find("[href]").Each(func(_ int, a *goquery.Selection) {
		href, _ := a.Attr("href")
		if u, err := url.Parse(href); err != nil || u.Host != "" && u.Host != "127.0.0.1:8080" && !strings.HasSuffix(u.Host, ".example") {
			t.Errorf("%s: %s leads to %s, which may be somebody's", b.title, s.path, href)
		}
	})
	text := strings.Join(strings.Fields(doc.Find("body").Text()), " ")
	for _, want := range s.texts {
		if want, not := strings.CutPrefix(want, "!"); not == strings.Contains(text, want) {
			t.Errorf("%s: %s: %q there: %v\n%s", b.title, s.path, want, !not, text)
		}
	}
}

// demoRecord checks the record, and that a rebuilt catalog is the same.
func demoRecord(t *testing.T, w *demoWorld) {
	t.Helper()
	rep, err := w.house.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
	var before, after bytes.Buffer
	if err := w.house.catalog.Dump(t.Context(), &before); err != nil {
		t.Fatal(err)
	}
	cfg := new(*w.house.cfg)
	cfg.StateDir = t.TempDir()
	again := w.house.env.newHouse(cfg)
	again.archive, again.key = w.house.archive, w.house.key
	if err := again.openCatalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer again.catalog.Close()
	if err := again.catalog.Dump(t.Context(), &after); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Error("a rebuilt catalog differs from the one that followed")
	}
}

// demoEvents compares the events with the golden, a line each.
func demoEvents(t *testing.T, w *demoWorld) {
	t.Helper()
	var got strings.Builder
	for e, err := range w.house.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		ev := e.Event
		if ev.Type == "" || slices.Contains([]onrecord.EventType{"visit", onrecord.SourceLooked}, ev.Type) {
			continue
		}
		line, err := json.Marshal([]string{ev.Source, string(ev.Type), stamp(ev.After), stamp(ev.By), string(ev.Grade), ev.NativeID})
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	compareGolden(t, "demo.golden", got.String())
}
