// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/ingest"
	"onrecord/internal/repotest"
	"onrecord/search"
)

// seenHere is a door to an account on X that shows one post: what was seen
// first-hand, beside which the dumps are held. Its answer is the post's id.
type seenHere struct{ url string }

func (seenHere) Info() crawler.Info {
	return crawler.Info{Kind: "seen", Parser: "seen/1", Platform: "x"}
}

func (d seenHere) First(crawler.Target) ([]crawler.Request, error) {
	return []crawler.Request{{URL: d.url, Kind: "page"}}, nil
}

func (seenHere) Look(crawler.Target, onrecord.Ref) (r crawler.Request, ok bool) { return r, false }

func (seenHere) Read(t crawler.Target, c crawler.Capture) (crawler.Page, error) {
	return crawler.Page{
		Account: onrecord.AccountObservation{State: onrecord.AccountLive, ID: t.AccountID, Handle: t.Handle},
		Items: []onrecord.Observation{{
			Ref:   onrecord.Ref{NativeID: strings.TrimSpace(string(c.Body))},
			State: onrecord.ItemLive, Content: onrecord.Content{Type: "post", Text: "As it was seen here"},
		}},
	}, nil
}

// dumps imports files into the only source of a house.
type dumps struct {
	h  *house
	in *ingest.Ingester
}

func (d dumps) load(t *testing.T, kind, path, dated string) ingest.ImportReport {
	t.Helper()
	imp, err := importerOf(kind, "")
	if err != nil {
		t.Fatal(err)
	}
	files, err := importFiles(path)
	if err != nil {
		t.Fatal(err)
	}
	at, err := parseDated(dated)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := d.in.Import(t.Context(), d.in.Sources[0], imp, files, ingest.ImportOptions{Dated: at})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %s: %+v", kind, filepath.Base(path), rep)
	return rep
}

// size returns the size of the ledger that the catalog has applied.
func (d dumps) size(t *testing.T) int64 {
	t.Helper()
	n, _, err := d.h.catalog.Applied(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestImportsOfRealPosts imports what two collectors have of one account, and a
// list of what a third found deleted: one statement an id, known phrases are
// found, a second import adds nothing, and no dump changes what was seen here.
func TestImportsOfRealPosts(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	if testing.Short() {
		t.Skip("imports 94,000 records")
	}
	v11, condensed := repotest.Data(t, "twitter/trump-v11-master"), repotest.Data(t, "twitter/trump-condensed")
	list := filepath.Join(repotest.Data(t, "twitter/trump-deleted-ids"), "scripts", "find-deleted-tweets", "deleted.json")
	const seen = "1234727146964254721" // on the list, and among the condensed
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(seen)) }))
	defer srv.Close()

	h := newWorld(t, start()).open(t, fmt.Sprintf("      - {id: tweets, platform: x, account: %s, account_id: \"25073877\"}\n",
		handleOf(t, filepath.Join(v11, "master_2009.json"))))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	in.Sources[0].Doors = []ingest.Door{{ID: "seen", Door: seenHere{srv.URL}, URL: srv.URL, Host: strings.TrimPrefix(srv.URL, "http://")}}
	if rep, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || rep.Outcome != onrecord.OutcomeOK {
		t.Fatalf("the visit: %+v, %v", rep, err)
	}
	d := dumps{h, in}

	// Counted apart by other means: 32,778 ids of the account in the one set,
	// 46,240 in both.
	if rep := d.load(t, "twitter", v11, "2018-01-02"); rep.Created != 32_778 || rep.Refused != 19 {
		t.Errorf("%d created and %d refused, want 32778 and 19", rep.Created, rep.Refused)
	}
	if rep := d.load(t, "twitter", condensed, "2020-03-20"); rep.Created != 46_240-32_778-1 || rep.Refused != 0 {
		t.Errorf("%d created and %d refused, want %d and 0", rep.Created, rep.Refused, 46_240-32_778-1)
	}
	if n := statements(t, h); n != 46_240 {
		t.Errorf("%d statements, want 46240", n)
	}
	d.phrases(t, condensed)

	size := d.size(t)
	for again, dated := range map[string]string{v11: "2018-01-03", condensed: "2020-03-21"} {
		if rep := d.load(t, "twitter", again, dated); rep.Events != 0 || rep.Created != 0 {
			t.Errorf("a second import adds %d events", rep.Events)
		}
	}
	if n := d.size(t); n != size {
		t.Errorf("the ledger grew from %d to %d", size, n)
	}
	d.deletions(t, list, seen)
}

// phrases looks for what is known to have been said, and for how some of the
// condensed posts begin.
func (d dumps) phrases(t *testing.T, condensed string) {
	t.Helper()
	least := map[string]int64{`"losers and haters"`: 5, `"witch hunt"`: 100}
	b, err := os.ReadFile(filepath.Join(condensed, "misterriley__hmm", "data", "condensed_2017.json"))
	if err != nil {
		t.Fatal(err)
	}
	var posts []struct{ Text string }
	if err := json.Unmarshal(b, &posts); err != nil {
		t.Fatal(err)
	}
	beginning := regexp.MustCompile(`^[A-Za-z ]{40,60}\b`)
	for _, p := range posts {
		if words := beginning.FindString(p.Text); words != "" && len(least) < 20 {
			least[`"`+strings.TrimSpace(words)+`"`] = 1
		}
	}
	for query, n := range least {
		q, err := search.Parse(query, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		res, err := d.h.catalog.Search(t.Context(), search.Request{Query: q})
		if err != nil {
			t.Fatal(err)
		}
		if res.Total < n {
			t.Errorf("%s: found %d times, want at least %d", query, res.Total, n)
		}
	}
	if len(least) < 10 {
		t.Errorf("only %d phrases were looked for", len(least))
	}
}

// handleOf returns the handle of the account that a file of full posts is of.
func handleOf(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var posts []struct {
		User struct {
			Handle string `json:"screen_name"`
		} `json:"user"`
	}
	if err := json.Unmarshal(b, &posts); err != nil || len(posts) == 0 {
		t.Fatalf("%s: %d posts, %v", file, len(posts), err)
	}
	return posts[0].User.Handle
}

// deletions imports a list of ids that a collector found deleted.
func (d dumps) deletions(t *testing.T, list, seen string) {
	t.Helper()
	if _, err := os.Stat(list); err != nil {
		t.Fatal(err)
	}
	before := d.statement(t, seen)
	rep := d.load(t, "thetrumparchive", list, "2021-01-09")
	if rep.Deleted != 1_040 || rep.Refused != 0 {
		t.Errorf("%d reported deleted and %d refused, want 1040 and 0", rep.Deleted, rep.Refused)
	}
	after := d.statement(t, seen)
	if after.State != onrecord.StateLive || after.Content.Text != before.Content.Text || after.Version != before.Version || after.Grade != "" {
		t.Errorf("what was seen here is now %s %q (%s), was %s %q", after.State, after.Content.Text, after.Grade, before.State, before.Content.Text)
	}
	const text, none = "1218242118822629377", "1243756098965946368" // a dump has the text of the one only
	for id, known := range map[string]bool{text: true, none: false} {
		s := d.statement(t, id)
		if s.State != onrecord.StateDeleted || s.Grade != onrecord.GradeD0 || s.Reported != "a dump, thetrumparchive, dated 2021-01-09" || (s.Content.Text != "") != known {
			t.Errorf("%s: %s, grade %q, reported by %q, text %q", id, s.State, s.Grade, s.Reported, s.Content.Text)
		}
		if by := time.Date(2021, 1, 9, 23, 59, 59, 0, time.UTC); !s.StateWindow.By.Equal(by) {
			t.Errorf("%s: deleted by %v, want %v", id, s.StateWindow.By, by)
		}
	}
	if again := d.load(t, "thetrumparchive", list, "2021-01-09"); again.Events != 0 {
		t.Errorf("the list again adds %d events", again.Events)
	}
}

func (d dumps) statement(t *testing.T, id string) onrecord.Statement {
	t.Helper()
	s, err := d.h.catalog.Statement(t.Context(), onrecord.NewStatementID("x", id))
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return s
}
