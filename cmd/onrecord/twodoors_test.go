// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler/fake"
	"onrecord/ingest"
)

// newsroom serves testdata/twodoors.txtar, and opens an archive with one source
// that reads it through its feed or, failing that, its pages.
func newsroom(t *testing.T) (*movedClock, *fake.Platform, *house, *ingest.Ingester) {
	t.Helper()
	script, err := os.ReadFile("testdata/twodoors.txtar")
	if err != nil {
		t.Fatal(err)
	}
	site, err := fake.New(script)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(site)
	t.Cleanup(srv.Close)
	clock := start()
	w := newWorld(t, clock)
	h := w.open(t, fmt.Sprintf(`      - id: press
        platform: website
        account_id: jane.example
        schedule: "0 * * * *"
        doors:
          - {kind: feed, url: %[1]q, original_url: "https://jane.example/feed.xml"}
          - {kind: page, start: %[2]q, original_url: "https://jane.example/news/", item: "article a"}
`, srv.URL+"/feed.xml", srv.URL+"/news/"))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	return clock, site, h, in
}

// TestTwoDoorsOfOneSite: feed and pages of one site give one statement for one
// article; what the feed can't show is read from the pages; nothing is created
// twice, nothing deleted, nothing edited.
func TestTwoDoorsOfOneSite(t *testing.T) {
	t.Parallel()
	clock, site, h, in := newsroom(t)
	visit := func(scene int) ingest.Report {
		t.Helper()
		site.SetScene(scene)
		clock.to(clock.now().Add(time.Hour))
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	for i, want := range []struct {
		scene   int
		door    string
		failed  bool
		created int
	}{
		{0, "feed", false, 2},
		{1, "feed", true, 0},  // 503
		{1, "page", false, 1}, // three
		{1, "feed", true, 0},  // once more, then it is left alone for two visits
		{1, "page", false, 0},
		{1, "page", false, 0},
		{2, "feed", true, 0},  // refused, and left alone for four
		{2, "page", false, 1}, // four
		{2, "page", false, 0},
		{4, "page", false, 0},
		{4, "page", false, 0},
		{4, "feed", false, 1}, // back: five
		{3, "feed", true, 0},  // a page in its place
		{3, "page", false, 0},
		{4, "feed", false, 0},
	} {
		rep := visit(want.scene)
		if rep.Door != want.door || rep.Failed() != want.failed || rep.Created != want.created || rep.Edited != 0 || rep.Deleted != 0 {
			t.Errorf("visit %d, scene %d: door %s, failed %t, %d new, %d edited, %d deleted; want %+v (%v)", i, want.scene, rep.Door, rep.Failed(), rep.Created, rep.Edited, rep.Deleted, want, rep.Problems)
		}
		if want.failed == (len(rep.Problems) == 0) {
			t.Errorf("visit %d: problems %q", i, rep.Problems)
		}
	}
	// Once to read it, and once as the canary beside an article whose page is gone.
	if n := site.Count("GET /news/three/"); n != 2 {
		t.Errorf("an article that is known was asked for %d times", n)
	}
	if n := site.Count("GET /news/one/"); n != 0 {
		t.Errorf("an article that the feed had shown was asked for %d times", n)
	}
	for name, text := range map[string]string{
		"one/": "The feed's own words about one.", "two/": "The feed's own words about two.",
		"three/": "The whole third statement, which the feed does not have.", "four/": "The whole fourth statement, which the feed does not have.", "five/": "The feed's own words about five.",
	} {
		st, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://jane.example/news/"+name))
		if err != nil || st.State != onrecord.StateLive || st.Content.Text != text {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
	types := map[onrecord.EventType]int{}
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if types[e.Event.Type]++; e.Event.Type == onrecord.StatementSeen && e.Event.Door != "feed" {
			t.Errorf("%s reads %s anew, though it was never asked for there: %+v", e.Event.Door, e.Event.NativeID, e.Event)
		}
		if e.Event.Type == onrecord.StatementCreated && strings.HasSuffix(e.Event.NativeID, "/three/") && len(e.Event.Aliases) != 1 {
			t.Errorf("aliases of three: %q", e.Event.Aliases)
		}
	}
	if types[onrecord.StatementCreated] != 5 || types[onrecord.StatementEdited]+types[onrecord.StatementDeleted]+types[onrecord.StatementRestored] != 0 {
		t.Errorf("events %v", types)
	}
}
