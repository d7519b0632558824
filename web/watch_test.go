// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"onrecord"
)

func TestCoveragePage(t *testing.T) {
	doc := page(t, site(t, build()), "/coverage", http.StatusOK)
	wants(t, doc, "main", "7 Aug 2025 to 6 Aug 2026")
	telegram := doc.Find(".covered").Last()
	if got := telegram.Find("svg.strip").AttrOr("aria-label", ""); !strings.HasPrefix(got, "telegram, 7 Aug 2025 to 6 Aug 2026: looked at on 81 days; partly on 4, with a gap and no look on 12;") {
		t.Errorf("the picture says %q", got)
	}
	if n := telegram.Find(`svg.strip rect.gap[fill="url(#hatch)"]`).Length(); n != 2 {
		t.Errorf("%d hatched gaps, want 2", n)
	}
	// Each gap stands in words, with its exact bounds, the open one first.
	wants(t, doc, "[aria-labelledby=gaps] li:nth-child(1)", "telegram has not been captured since 6 Aug 2026, 06:30 UTC: no answer, or a server error.")
	wants(t, doc, "[aria-labelledby=gaps] li:nth-child(2)", "telegram was not captured between 21 Jul 2026, 04:00 and 23 Jul 2026, 10:30 UTC: the visit was not let through: a block page, or robots.txt.")
	// What can't be seen, by the capabilities of the doors.
	wants(t, doc, ".covered", "Feed: Its lists are not complete: what is missing there may still exist.")
	wants(t, doc, "[aria-labelledby=unrecorded]", "press: 8 visits from 6 Aug 2026, 08:50 UTC to 6 Aug 2026, 09:26 UTC, not yet recorded.")
	wants(t, doc, "[aria-labelledby=method]", "what happened between two of them was not seen")
	// A source that is visited once a day is not said to be looked at all day.
	if got := words(doc.Find(".covered").Eq(1).Find(".days li").First()); !strings.Contains(got, "looked at, no gap (in 1 of 24 hours)") {
		t.Errorf("a daily source: %q", got)
	}
}

// TestDaysAcrossMidnight: a gap belongs to the days that it touches, and to no
// other.
func TestDaysAcrossMidnight(t *testing.T) {
	m := build()
	date := func(s string) time.Time { return day(s + " 00:00:00") }
	gap := func(from, until string) onrecord.Coverage {
		c := onrecord.Coverage{Source: "s", From: day(from), Status: "gap", Reason: "drift"}
		if until != "" {
			c.Until = day(until)
		}
		return c
	}
	m.days = []onrecord.SourceDays{{
		Source: "s", First: day("2026-08-01 22:00:00"), Last: day("2026-08-05 01:00:00"),
		Days: []onrecord.Day{{Date: date("2026-08-01"), Hours: 1 << 22}, {Date: date("2026-08-02"), Hours: 1}, {Date: date("2026-08-04"), Hours: 1 << 12}, {Date: date("2026-08-05"), Hours: 1 << 1}},
		Gaps: []onrecord.Coverage{gap("2026-08-01 23:59:59", "2026-08-02 00:00:00"), gap("2026-08-02 00:30:00", "2026-08-04 00:00:00"), gap("2026-08-05 01:00:00", "")},
	}}
	doc := page(t, site(t, m), "/coverage?source=s&since=2026-07-31&until=2026-08-07", http.StatusOK)
	var got []string
	doc.Find(".days li").Each(func(_ int, s *goquery.Selection) { got = append(got, words(s)) })
	want := []string{
		"6 Aug 2026: gap (the page could not be read)",
		"5 Aug 2026: looked at, with a gap (in 1 of 24 hours; the page could not be read)",
		"4 Aug 2026: looked at, no gap (in 1 of 24 hours)", // the gap ended as it began
		"3 Aug 2026: gap (the page could not be read)",
		"1 Aug 2026 – 2 Aug 2026: looked at, with a gap (in 1 of 24 hours; the page could not be read)",
		"31 Jul 2026: not watched then",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCoverageSpans(t *testing.T) {
	h := site(t, build())
	wants(t, page(t, h, "/coverage?since=2020&until=2026-02", http.StatusOK), ".warn", "A page shows at most a year")
	wants(t, page(t, h, "/coverage?since=2020&until=2026-02", http.StatusOK), ".total", "31 Jan 2025 to 31 Jan 2026")
	for path, part := range map[string]string{
		"/coverage?since=2027&until=2026":      "The span ends before it begins",
		"/coverage?since=yesterday":            "is not a date",
		"/coverage?source=a&source=b":          "only once",
		"/coverage?source=%3Cscript%3E":        "is not a possible value",
		"/coverage?cursor=nonsense":            "This cursor was not made by this archive",
		"/events?type=statement.loved":         "is not a possible value",
		"/events?before=-1":                    "is not a ledger index",
		"/deletions?kind=imagined":             "is not a possible value",
		"/edits?cursor=nonsense":               "This cursor was not made by this archive",
		"/a/bluesky/jean.example?cursor=wrong": "This cursor was not made by this archive",
	} {
		wants(t, page(t, h, path, http.StatusBadRequest), "main", part)
	}
	wants(t, page(t, h, "/coverage?wrong=1", http.StatusOK), ".warn", "“wrong” is not a parameter")
	wants(t, page(t, h, "/deletions?wrong=1", http.StatusOK), ".warn", "“wrong” is not a parameter")
}

func TestEventsPage(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/events", http.StatusOK)
	if n := doc.Find(".log li").Length(); n != 50 {
		t.Errorf("%d entries on the page", n)
	}
	wants(t, doc, ".log li:nth-child(1)", "Withheld by this archive · personal data of a third party")
	wants(t, doc, ".log", "Label changed")
	wants(t, doc, ".log", "Gap between 21 Jul 2026, 04:00 and 23 Jul 2026, 10:30 UTC · the visit was not let through: a block page, or robots.txt")
	wants(t, doc, ".log", "Looked, no news 29 visits without news from 6 Aug 2026, 08:02 UTC to 6 Aug 2026, 08:58 UTC")
	wants(t, doc, ".log", "Another account behind the handle between 5 Aug 2026, 09:00 and 10:00 UTC · the other account’s id is did:plc:other")
	older, ok := doc.Find(`a[rel=next]`).Attr("href")
	if !ok {
		t.Fatal("no older entries")
	}
	seen := map[string]bool{}
	for path := "/events"; path != ""; {
		doc := page(t, h, path, http.StatusOK)
		doc.Find(".log .note a:last-child").Each(func(_ int, s *goquery.Selection) {
			if seen[s.Text()] {
				t.Errorf("%s twice", s.Text())
			}
			seen[s.Text()] = true
		})
		path = doc.Find(`a[rel=next]`).AttrOr("href", "")
	}
	if n := len(build().events); len(seen) != n {
		t.Errorf("%d entries on the way from %s, want %d", len(seen), older, n)
	}
	doc = page(t, h, "/events?type=statement.deleted&figure=jane-example", http.StatusOK)
	wants(t, doc, ".log li:nth-child(1)", "Found deleted between 5 Aug 2026, 03:10 and 03:25 UTC · Confirmed twice.")
	if n := doc.Find(".log li").Length(); n != 1 {
		t.Errorf("%d deletions of Jane Example", n)
	}
	wants(t, page(t, h, "/events?source=nobody", http.StatusOK), ".empty", "No entry matches.")
}

func TestDeletionsAndEdits(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/deletions", http.StatusOK)
	wants(t, doc, ".total", "2 statements")
	// Newest first by when it was found; nothing that went with its account, or that others report.
	var found []string
	doc.Find(".card h3 a").Each(func(_ int, s *goquery.Selection) { found = append(found, s.AttrOr("href", "")) })
	if strings.Join(found, " ") != "/s/"+string(idDeleted)+" /s/"+string(idDisputed) {
		t.Errorf("listed: %v", found)
	}
	wants(t, doc, ".understood", "It was online for 4 h 17 min to 4 h 33 min (known of 1")
	wants(t, doc, "[aria-labelledby=by-figure]", "Jane Example 2")
	wants(t, doc, "[aria-labelledby=others]", "2 statements")
	doc = page(t, h, "/deletions?kind=reported", http.StatusOK)
	wants(t, doc, "main", "This archive never saw them at their source")
	wants(t, doc, ".card .fate", "Reported deleted by the Example Collection")
	doc = page(t, h, "/edits?platform=mastodon", http.StatusOK)
	wants(t, doc, ".chips", "platform Mastodon")
	for _, s := range doc.Find(".card .kick").EachIter() {
		if !strings.Contains(words(s), "Mastodon") {
			t.Errorf("listed on Mastodon: %s", words(s))
		}
	}
	wants(t, page(t, h, "/deletions?figure=ministry-of-examples", http.StatusOK), ".empty", "Nothing matches these filters.")

	empty := build()
	empty.statements = map[onrecord.StatementID]onrecord.Statement{}
	h = site(t, empty)
	wants(t, page(t, h, "/deletions", http.StatusOK), ".empty", "No deletion has been recorded. That is what this archive has seen")
	wants(t, page(t, h, "/deletions?kind=reported", http.StatusOK), ".empty", "Nobody has reported a deletion.")
	wants(t, page(t, h, "/edits", http.StatusOK), ".empty", "No edit has been recorded.")
}

func TestAccountPage(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/a/x/jeandupont", http.StatusOK)
	wants(t, doc, ".state", "X stopped serving the account jeandupont between 8 Jan 2026, 23:12 and 23:27 UTC (“Account suspended”).")
	wants(t, doc, ".state", "1 statement became unavailable with it.")
	if got := words(doc.Find(".state")); strings.Contains(got, "singly before") || strings.Contains(got, "not known") {
		t.Errorf("what others report, and what is nothing, is no deletion before: %q", got)
	}
	wants(t, doc, "[aria-labelledby=happened] li:nth-child(1)", "Account suspended between 8 Jan 2026, 23:12 and 23:27 UTC")
	wants(t, doc, "[aria-labelledby=happened] li:nth-child(2)", "Account renamed between 4 Jan 2026, 08:00 and 09:00 UTC · as jeandupont")
	wants(t, doc, "[aria-labelledby=handles] li:nth-child(2)", "jeanvor2026")
	wants(t, page(t, h, "/a/gab/jean", http.StatusOK), ".state", "Gab stopped answering our visits between 11 Jan 2026, 07:45 and 08:00 UTC.")
	wants(t, page(t, h, "/a/bluesky/jean.example", http.StatusOK), ".state", "Another account (id did:plc:other) answered to the handle jean.example")
	wants(t, page(t, h, "/a/bluesky/jane.example", http.StatusOK), "main", "It now points to https://other.example/@jane.")
	wants(t, page(t, h, "/a/website/ministry.example", http.StatusOK), "h1", "ministry.example: a website of Ministry of Examples (archive copies)")
	// Of a handle that two accounts had, both are named.
	doc = page(t, h, "/a/bluesky/dupont.example", http.StatusOK)
	if n := doc.Find(".figures li").Length(); n != 2 {
		t.Errorf("%d accounts, want 2", n)
	}
	for path, to := range map[string]string{
		"/a/x/jeanvor2026":                "/a/x/jeandupont", // its earlier handle
		"/a/x/1077x?utm_source=x":         "",                // two accounts have that id in the test
		"/a/x/id:1077x":                   "",
		"/a/bluesky/id:did:plc:jane":      "/a/bluesky/jane.example",
		"/a/bluesky/did:plc:jane":         "/a/bluesky/jane.example",
		"/a/telegram/id:1077telegram":     "/a/telegram/examples",
		"/a/website/ministry.example":     "",
		"/a/website/@MINISTRY.example":    "",
		"/a/mastodon/jane@social.example": "",
	} {
		w := get(t, h, path)
		if to == "" && w.Code == http.StatusOK {
			continue
		}
		if w.Code != http.StatusFound || w.Header().Get("Location") != to {
			t.Errorf("%s: status %d to %q, want %q", path, w.Code, w.Header().Get("Location"), to)
		}
	}
	for _, path := range []string{"/a/x/nobody", "/a/x/id:nobody", "/a/%3Cscript%3E/x", "/a/x/" + strings.Repeat("a", 600)} {
		page(t, h, path, http.StatusNotFound)
	}
}

// TestGoneWithAccount: that a statement went with its account is said of those
// only that are known to have been there until then.
func TestGoneWithAccount(t *testing.T) {
	for name, one := range map[string]struct {
		change     func(*onrecord.Statement)
		line, page string
	}{
		"seen and never missed":       {func(*onrecord.Statement) {}, "Not deleted singly: between", "1 statement became unavailable with it."},
		"missed with the account":     {func(s *onrecord.Statement) { s.FirstGone = s.StateWindow.By }, "Not deleted singly: between", "1 statement became unavailable with it."},
		"missed before":               {func(s *onrecord.Statement) { s.FirstGone = s.StateWindow.After.Add(-time.Hour) }, "Whether this statement was there until then is not known.", "Whether 1 of its statements was there until then is not known."},
		"missed as it was last there": {func(s *onrecord.Statement) { s.FirstGone = s.StateWindow.After }, "Whether this statement was there until then is not known.", "Whether 1 of its statements was there until then is not known."},
		"of an import":                {func(s *onrecord.Statement) { s.LastSeen = time.Time{} }, "Whether this statement was there until then is not known.", "Whether 1 of its statements was there until then is not known."},
	} {
		m := build()
		st := m.statements[idGone]
		one.change(&st)
		m.statements[idGone] = st
		before := m.statements[idReported]
		before.Grade, before.Reported = onrecord.GradeD3, ""
		m.statements[idReported] = before
		h := site(t, m)
		line := words(page(t, h, "/s/"+string(idGone), http.StatusOK).Find(`.state[role="status"]`))
		if !strings.Contains(line, one.line) || strings.Contains(line, "Not deleted singly") != strings.HasPrefix(one.line, "Not") {
			t.Errorf("%s: %q", name, line)
		}
		banner := words(page(t, h, "/a/x/jeandupont", http.StatusOK).Find(".state"))
		if !strings.Contains(banner, one.page+" 1 had been found deleted singly before.") {
			t.Errorf("%s: %q", name, banner)
		}
	}
}

// TestFromStatementToAccount: the pages lead to each other.
func TestFromStatementToAccount(t *testing.T) {
	h := site(t, build())
	for path, link := range map[string]string{
		"/s/" + string(idLive):    "/a/mastodon/jane-example@social.example",
		"/f/jean-dupont":          "/a/x/jeandupont",
		"/f/ministry-of-examples": "/a/website/ministry.example",
		"/status":                 "/coverage?source=telegram",
		"/":                       "/deletions",
		"/coverage":               "/a/telegram/examples",
		"/about":                  "/events",
		"/events":                 "/coverage?source=telegram",
	} {
		if page(t, h, path, http.StatusOK).Find(`main a[href="`+link+`"]`).Length() == 0 {
			t.Errorf("%s does not lead to %s", path, link)
		}
	}
	wants(t, page(t, h, "/f/ministry-of-examples", http.StatusOK), "tbody", "Websiteministry.example")
	wants(t, page(t, h, "/", http.StatusOK), ".health", "2 of 5 sources need attention")
}

// TestStatusOfLostLines: visits are counted, not runs of lines; what is given up is
// no alarm; and where a decision may be lost, nobody is told that the rest is shown.
func TestStatusOfLostLines(t *testing.T) {
	run := func(visit int, act bool, gave int64) onrecord.LostLines {
		v, err := onrecord.NewVisitID(now.Add(time.Duration(visit)*time.Minute), bytes.NewReader(make([]byte, 16)))
		if err != nil {
			t.Fatal(err)
		}
		return onrecord.LostLines{From: 10, To: 12, Visit: v, Source: "press", Act: act, GivenUp: gave}
	}
	many := make([]onrecord.LostLines, 103)
	for i := range many {
		many[i] = run(i, false, -1)
	}
	manyGiven := make([]onrecord.LostLines, 103)
	for i := range manyGiven {
		manyGiven[i] = run(i, false, 40)
	}
	manyGiven[102] = run(102, false, -1)
	for name, c := range map[string]struct {
		lost []onrecord.LostLines
		want []string // after "!": what must not be said
	}{
		"a visit of two runs": {[]onrecord.LostLines{run(1, false, -1), run(1, false, -1)}, []string{"1 visit is missing", "Everything else is shown", "!more run"}},
		"perhaps a decision":  {[]onrecord.LostLines{run(1, false, -1), run(2, true, -1)}, []string{"2 visits are missing", "so none is shown", "!Everything else is shown"}},
		"given up":            {[]onrecord.LostLines{run(1, true, 40)}, []string{"; given up", "!missing from the record", "!is shown"}},
		"one is given up":     {[]onrecord.LostLines{run(1, false, 40), run(2, false, -1)}, []string{"1 visit is missing"}},
		"many":                {many, []string{"103 visits are missing", "and 3 more runs of entries"}},
		"one of many open":    {manyGiven, []string{"1 visit is missing", ": ledger no. 10–11</li>", "and 3 more runs of entries"}},
	} {
		m := build()
		m.health.Lost = c.lost
		body := get(t, site(t, m), "/status").Body.String()
		for _, want := range c.want {
			if want, not := strings.CutPrefix(want, "!"); strings.Contains(body, want) == not {
				t.Errorf("%s: %q is said: %v", name, want, !not)
			}
		}
	}
}

// TestAPIOfLostLines: of many runs as many as the page lists, those that nobody has
// given up first, and how many there are.
func TestAPIOfLostLines(t *testing.T) {
	m := build()
	for i := range 1000 {
		l := onrecord.LostLines{From: int64(10 * i), To: int64(10*i + 3), Visit: onrecord.VisitID{1, byte(i / 2), byte(i / 2 >> 8)}, GivenUp: 100_000}
		if i >= 900 {
			l.GivenUp = -1
		}
		m.health.Lost = append(m.health.Lost, l)
	}
	m.health.Lost = append(m.health.Lost, onrecord.LostLines{From: 20_000, To: 20_001, Visit: onrecord.VisitID{2}, GivenUp: 100_000})
	v := ask(t, site(t, m), "/api/v1/status", http.StatusOK)
	list, _ := at(v, "machine", "missing").([]any)
	if len(list) != 100 {
		t.Fatalf("%d runs are listed", len(list))
	}
	for _, one := range []struct {
		want any
		path []any
	}{
		{9000.0, []any{"missing", 0, "first"}}, {9990.0, []any{"missing", 99, "first"}}, {nil, []any{"missing", 99, "given_up"}},
		{1001.0, []any{"missing_total", "runs"}}, {3001.0, []any{"missing_total", "lines"}}, {501.0, []any{"missing_total", "visits"}}, {50.0, []any{"missing_total", "visits_not_given_up"}},
	} {
		if got := at(v, append([]any{"machine"}, one.path...)...); got != one.want {
			t.Errorf("%v is %v, want %v", one.path, got, one.want)
		}
	}
	v = ask(t, site(t, build()), "/api/v1/status", http.StatusOK)
	if list, ok := at(v, "machine", "missing").([]any); !ok || len(list) != 0 || at(v, "machine", "missing_total", "runs") != 0.0 {
		t.Errorf("of none: %v, %v", at(v, "machine", "missing"), at(v, "machine", "missing_total"))
	}
}

func TestStatusOfSourcesAndMachine(t *testing.T) {
	h := site(t, build())
	doc := page(t, h, "/status", http.StatusOK)
	wants(t, doc, ".sources", "Paused by the operator since 6 Aug 2026, 09:00 UTC (“the ministry is moving its website”). It is not visited.")
	wants(t, doc, ".sources", "Another account answers to the handle.")
	wants(t, doc, ".sources", "no answer, or a server error; 6 failures in a row; not tried again before 6 Aug 2026, 09:39 UTC")
	wants(t, doc, ".sources", "press: 8 visits from 6 Aug 2026, 08:50 UTC to 6 Aug 2026, 09:26 UTC, not yet recorded.")
	wants(t, doc, "[aria-labelledby=machine]", "Backlog2 visits waiting to be recorded, the oldest from 7 min ago")
	wants(t, doc, "[aria-labelledby=machine]", "Catalog48,929 2 entries behind")
	wants(t, doc, "[aria-labelledby=machine]", "Storagea folder, 41 GB of 512 GB free")
	wants(t, doc, ".warn", "The disk of the storage is nearly full: 41 GB left.")

	v := ask(t, h, "/api/v1/status", http.StatusOK)
	for _, one := range []struct {
		want any
		path []any
	}{
		{2.0, []any{"trouble"}}, {true, []any{"crawls"}}, {48929.0, []any{"machine", "applied"}}, {"outage", []any{"sources", 2, "outcome"}}, {6.0, []any{"sources", 2, "doors", 0, "fails"}},
		{nil, []any{"sources", 1, "unrecorded", 0, "log_index"}}, {"2026-08-06T09:00:00Z", []any{"sources", 1, "paused_at"}},
	} {
		if got := at(v, one.path...); got != one.want {
			t.Errorf("%v is %v, want %v", one.path, got, one.want)
		}
	}
	copied := build()
	copied.health.Replicas = []onrecord.ReplicaHealth{
		{Storage: "s3", Signed: 48930, SeenAt: now.Add(-time.Second), BehindSince: now.Add(-4 * time.Second)},
		{Storage: "folder", Signed: -1, Missing: 2, Trouble: "open /secret/path: no such file or directory"},
	}
	copied.health.Witnesses = []onrecord.WitnessHealth{{Name: "witness.example/w1", Size: 48931, At: now.Add(-time.Minute)}, {Name: "witness.example/w2", Problem: "https://secret.example refuses", Since: now.Add(-time.Hour)}}
	asked := get(t, site(t, copied), "/api/v1/status").Body.String()
	if strings.Contains(asked, "secret") {
		t.Errorf("the API tells strangers where replicas and witnesses are: %s", asked)
	}
	v = ask(t, site(t, copied), "/api/v1/status", http.StatusOK)
	for _, one := range []struct {
		want any
		path []any
	}{
		{1.0, []any{"replicas", 0, "number"}}, {1.0, []any{"replicas", 0, "behind"}}, {48930.0, []any{"replicas", 0, "signed"}}, {true, []any{"replicas", 0, "answers"}}, {true, []any{"replicas", 0, "whole"}},
		{nil, []any{"replicas", 1, "signed"}}, {nil, []any{"replicas", 1, "behind"}}, {false, []any{"replicas", 1, "answers"}}, {false, []any{"replicas", 1, "whole"}}, {nil, []any{"replicas", 1, "behind_since"}},
		{"witness.example/w1", []any{"witnesses", 0, "name"}}, {48931.0, []any{"witnesses", 0, "size"}}, {nil, []any{"witnesses", 0, "troubled_since"}}, {nil, []any{"witnesses", 1, "size"}},
	} {
		if got := at(v, append([]any{"machine"}, one.path...)...); got != one.want {
			t.Errorf("%v is %v, want %v", one.path, got, one.want)
		}
	}
	if at(v, "machine", "replicas", 0, "behind_since") == nil || at(v, "machine", "witnesses", 1, "troubled_since") == nil {
		t.Error("the API does not say since when a replica is behind, or a witness in trouble")
	}
	stopped := build()
	stopped.health.Stopped = "sync /secret/path: input/output error"
	if body := get(t, site(t, stopped), "/status").Body.String(); !strings.Contains(body, "records nothing more until it is started again") || strings.Contains(body, "/secret/path") {
		t.Error("a disk that has failed is told, and its path is kept from strangers")
	}
	if got := at(ask(t, site(t, stopped), "/api/v1/status", http.StatusOK), "machine", "writing"); got != false {
		t.Errorf("writing is %v after an error of the disk", got)
	}
	full := build()
	full.health.Paused = "the disk of /secret/path is full"
	if body := get(t, site(t, full), "/status").Body.String(); !strings.Contains(body, "makes no visits for now") || strings.Contains(body, "/secret/path") {
		t.Error("a full disk is told, and its path is kept from strangers")
	}
	if got := at(ask(t, site(t, full), "/api/v1/status", http.StatusOK), "machine", "visiting"); got != false {
		t.Errorf("visiting is %v on a full disk", got)
	}
	down := build()
	down.health.StorageDown, down.health.Ledger = "connection refused to /secret/path", -1
	w := get(t, site(t, down), "/status")
	if body := w.Body.String(); !strings.Contains(body, "The storage does not answer.") || strings.Contains(body, "/secret/path") {
		t.Error("a storage that is down is told, and what it said is kept from strangers")
	}
}

// TestOddAccounts: an account whose handle or id no address can end with as it
// is has a page that links lead to, and an answer of the API.
func TestOddAccounts(t *testing.T) {
	for _, one := range []onrecord.AccountRef{
		{Platform: "mastodon", ID: "https://social.example/users/jane", Handle: ""},
		{Platform: "mastodon", ID: "https://social.example//users/jane", Handle: "jane//odd"},
		{Platform: "mastodon", ID: "900", Handle: "."}, {Platform: "mastodon", ID: "900", Handle: ".."}, {Platform: "mastodon", ID: "900", Handle: " "}, {Platform: "mastodon", ID: "900", Handle: "@"},
		{Platform: "mastodon", ID: "900", Handle: "id:5"}, {Platform: "mastodon", ID: "900", Handle: "a/b?c#d%2f"}, {Platform: "mastodon", ID: "..", Handle: ".."},
	} {
		m := build()
		m.figures[0].Accounts = []onrecord.Account{{AccountRef: one, Figure: "jane-example", State: onrecord.AccountLive}}
		h := site(t, m)
		href := page(t, h, "/f/jane-example", http.StatusOK).Find(`tbody a[href^="/a/"]`).First().AttrOr("href", "")
		if href == "" {
			t.Errorf("%+v: no link leads to its page", one)
			continue
		}
		w := get(t, h, href)
		if w.Code != http.StatusOK {
			t.Errorf("%+v: %s is %d to %q", one, href, w.Code, w.Header().Get("Location"))
			continue
		}
		doc := page(t, h, href, http.StatusOK)
		api := doc.Find(`link[rel=alternate]`).AttrOr("href", "")
		if v := ask(t, h, api, http.StatusOK); at(v, "native_id") != one.ID {
			t.Errorf("%+v: %s is of %v", one, api, at(v, "native_id"))
		}
		ask(t, h, api+"/states", http.StatusOK)
	}
}

// TestStrictAPI: what a page refuses to be asked, the API refuses as well.
func TestStrictAPI(t *testing.T) {
	h := site(t, build())
	for path, parameter := range map[string]string{
		"/api/v1/events?type=statement.delete":                                   "type",
		"/api/v1/events?type=statement.deleted&type=x":                           "type",
		"/api/v1/events?figure=Jane+Example":                                     "figure",
		"/api/v1/events?source=%3Cx%3E":                                          "source",
		"/api/v1/deletions?platform=Mastodon":                                    "platform",
		"/api/v1/edits?figure=a&figure=b+c":                                      "figure",
		"/api/v1/coverage?source=%3Cx%3E":                                        "source",
		"/api/v1/coverage?since=2026-03&until=2026-02":                           "until",
		"/api/v1/coverage?since=2026&until=2026":                                 "until",
		"/api/v1/deletions?" + strings.TrimPrefix(manyValues("figure", 51), "&"): "figure",
	} {
		v := ask(t, h, path, http.StatusBadRequest)
		if at(v, "type") != base+"/problems/invalid-parameter" || at(v, "parameter") != parameter {
			t.Errorf("%s: %v", path, v)
		}
	}
	for _, path := range []string{"/api/v1/events?type=statement.deleted&source=archive", "/api/v1/deletions?figure=", "/api/v1/coverage?since=2026-02&until=2026-03"} {
		ask(t, h, path, http.StatusOK)
	}
}

func manyValues(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&%s=v%d", name, i)
	}
	return b.String()
}

// TestPastTheEnd: an empty page of a list that is not empty does not say that
// nothing was recorded.
func TestPastTheEnd(t *testing.T) {
	h := site(t, build())
	for _, path := range []string{"/deletions?cursor=n2", "/deletions?kind=reported&cursor=n2", "/edits?cursor=n3"} {
		doc := page(t, h, path, http.StatusOK)
		if n := doc.Find(".card").Length(); n != 0 {
			t.Fatalf("%s lists %d", path, n)
		}
		wants(t, doc, ".empty", "No statement stands at this place of the list any more.")
	}
}

// TestFares: which sources are said to need attention, and which are apart.
func TestFares(t *testing.T) {
	well := onrecord.SourceStatus{Source: "s", Schedule: "@hourly", LastVisit: now, LastGood: now, Outcome: onrecord.OutcomeOK, Next: now.Add(time.Hour)}
	for name, one := range map[string]struct {
		change func(*onrecord.SourceStatus)
		lede   string
		home   string
	}{
		"well":   {func(*onrecord.SourceStatus) {}, "1 source answered at its last visit.", "1 source answered at its last visit; last good visit just now."},
		"failed": {func(s *onrecord.SourceStatus) { s.Outcome = onrecord.OutcomeOutage }, "1 source needs attention:", "1 of 1 source needs attention"},
		"an open gap": {func(s *onrecord.SourceStatus) {
			s.OpenGaps = []onrecord.Gap{{Reason: "outage", Open: true, Since: now.AddDate(0, 0, -90)}}
		}, "1 source needs attention:", "1 of 1 source needs attention"},
		"overdue":         {func(s *onrecord.SourceStatus) { s.Overdue = true }, "1 source needs attention:", "1 of 1 source needs attention"},
		"frozen":          {func(s *onrecord.SourceStatus) { s.Frozen = "drift" }, "1 source needs attention:", "1 of 1 source needs attention"},
		"another account": {func(s *onrecord.SourceStatus) { s.IdentityChanged = true }, "1 source needs attention:", "1 of 1 source needs attention"},
		"unreadable": {func(s *onrecord.SourceStatus) {
			*s = onrecord.SourceStatus{Source: "s", Schedule: "@hourly", Unreadable: "permission denied: /secret"}
		}, "1 source needs attention:", "How the sources fare is not known at present"},
		"not visited": {func(s *onrecord.SourceStatus) { s.LastVisit, s.LastGood, s.Outcome = time.Time{}, time.Time{}, "" }, "1 source has not been visited yet.", ""},
		"paused with gaps": {func(s *onrecord.SourceStatus) {
			s.Paused, s.OpenGaps = now, []onrecord.Gap{{Reason: onrecord.GapPaused, Open: true, Since: now}}
		}, "1 source is paused by the operator.", "1 is paused, takes imports only, or is not visited yet."},
	} {
		m := build()
		st := well
		one.change(&st)
		m.status = []onrecord.SourceStatus{st}
		h := site(t, m)
		doc := page(t, h, "/status", http.StatusOK)
		if got := words(doc.Find(".lede")); !strings.HasPrefix(got, one.lede) {
			t.Errorf("%s: %q", name, got)
		}
		if got := words(page(t, h, "/", http.StatusOK).Find(".health")); !strings.HasPrefix(got, one.home) || one.home == "" && got != "" {
			t.Errorf("%s: the home page says %q", name, got)
		}
		troubled := 0.0
		if strings.Contains(one.lede, "attention") {
			troubled = 1
		}
		v := ask(t, h, "/api/v1/status", http.StatusOK)
		if at(v, "trouble") != troubled || at(v, "sources", 0, "trouble") != (troubled == 1) || at(v, "sources", 0, "readable") != (st.Unreadable == "") {
			t.Errorf("%s: %v", name, v)
		}
		main := words(doc.Find("main"))
		if st.Unreadable != "" && (!strings.Contains(main, "Its state can’t be read") || strings.Contains(main, "Not visited yet") || strings.Contains(main, "Last visit") || strings.Contains(main, "secret")) {
			t.Errorf("%s: %q", name, main)
		}
	}
}

// TestManySources: those that need attention come first, a hundred a page, and
// each on one page.
func TestManySources(t *testing.T) {
	m := build()
	m.status = nil
	for i := range 250 {
		s := onrecord.SourceStatus{Source: fmt.Sprintf("s%03d", i), Figure: "jane-example", Platform: "website", Schedule: "@hourly", LastVisit: now, LastGood: now, Outcome: onrecord.OutcomeOK, Next: now}
		if i%50 == 49 {
			s.Outcome = onrecord.OutcomeOutage
		}
		m.status = append(m.status, s)
	}
	h := site(t, m)
	var got []string
	path := "/status"
	for path != "" {
		if w := get(t, h, path); w.Body.Len() > 128<<10 {
			t.Errorf("%s has %d bytes: it is not cached", path, w.Body.Len())
		}
		doc := page(t, h, path, http.StatusOK)
		wants(t, doc, ".lede", "5 sources need attention")
		doc.Find(".sources h3").Each(func(_ int, s *goquery.Selection) { got = append(got, s.Text()) })
		path = doc.Find(`.pager a[rel=next]`).AttrOr("href", "")
	}
	if len(got) != 250 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 250 || strings.Join(got[:6], " ") != "s049 s099 s149 s199 s249 s000" {
		t.Errorf("%d sources: %v …", len(got), got[:min(6, len(got))])
	}
	if got := page(t, h, "/status?from=200", http.StatusOK).Find(`.pager a[rel=prev]`).AttrOr("href", ""); got != "/status?from=100" {
		t.Errorf("before the third page: %q", got)
	}
	wants(t, page(t, h, "/status?from=900", http.StatusOK), ".lede", "5 sources need attention")
	for _, bad := range []string{"-1", "x", "99999999999999999999"} {
		page(t, h, "/status?from="+bad, http.StatusBadRequest)
	}
}

// TestWatchAPI walks the lists of the API that pages show.
func TestWatchAPI(t *testing.T) {
	h := site(t, build())
	v := ask(t, h, "/api/v1/deletions?limit=1", http.StatusOK)
	if at(v, "meta", "total") != 2.0 || at(v, "data", 0, "id") != string(idDeleted) || at(v, "facets", "platform", 0, "count") != 2.0 || at(v, "median_online_seconds", "min") != 15422.0 {
		t.Errorf("%v", v)
	}
	next, _ := at(v, "links", "next").(string)
	if v = ask(t, h, strings.TrimPrefix(next, base), http.StatusOK); at(v, "data", 0, "id") != string(idDisputed) || at(v, "links", "next") != nil {
		t.Errorf("the next page: %v", at(v, "links"))
	}
	if v := ask(t, h, "/api/v1/deletions?kind=reported", http.StatusOK); at(v, "data", 0, "grade") != "D0" || at(v, "median_online_seconds") != nil {
		t.Errorf("reported: %v", v)
	}
	if v := ask(t, h, "/api/v1/accounts/x/jeanvor2026", http.StatusOK); at(v, "native_id") != "1077x" || at(v, "handles", 0, "handle") != "jeanvor2026" {
		t.Errorf("account: %v", v)
	}
	if v := ask(t, h, "/api/v1/accounts/bluesky/dupont.example", http.StatusConflict); at(v, "type") != base+"/problems/ambiguous" {
		t.Errorf("a handle of two: %v", v)
	}
	if v := ask(t, h, "/api/v1/accounts/x/jeandupont/states", http.StatusOK); at(v, "data", 2, "type") != "account.suspended" {
		t.Errorf("states: %v", v)
	}
	v = ask(t, h, "/api/v1/coverage?status=gap&limit=1&source=telegram", http.StatusOK)
	if at(v, "data", 0, "reason") != "blocked" || at(v, "links", "next") == nil {
		t.Errorf("gaps: %v", v)
	}
	ask(t, h, "/api/v1/coverage?cursor=x", http.StatusBadRequest)
	ask(t, h, "/api/v1/status?verbose=1", http.StatusBadRequest)
	w := get(t, h, "/deletions")
	if again := get(t, h, "/deletions", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("asked again: %d", again.Code)
	}
}

// TestHearsay: what nobody here saw at its source is neither called deleted there
// nor live, on its own page, in lists and in counts.
func TestHearsay(t *testing.T) {
	m := build()
	m.add(onrecord.Statement{ID: "00000000000000h1", Figure: jane, PublishedAt: day("2021-02-06 19:38:00"), Provenance: onrecord.Imported}, "x", onrecord.Content{Text: "Only a dump has this."})
	h := site(t, m)
	wants(t, page(t, h, "/s/"+string(idReported), http.StatusOK), ".stamp.reported", "reported deleted")
	wants(t, page(t, h, "/s/00000000000000h1", http.StatusOK), ".stamp.imported", "imported, not seen at its source")
	doc := page(t, h, "/f/jane-example", http.StatusOK)
	counts := words(doc.Find(".counts"))
	for _, want := range []string{"1 reported deleted", "1 imported, not seen at its source"} {
		if !strings.Contains(counts, want) {
			t.Errorf("counts %q lack %q", counts, want)
		}
	}
	doc.Find(".counts a").Each(func(_ int, a *goquery.Selection) {
		href, _ := a.Attr("href")
		want := strings.TrimSpace(a.Find(".big").Text())
		if got := words(page(t, h, href, http.StatusOK).Find(".total")); !strings.HasPrefix(got, want+" ") {
			t.Errorf("%s has %q, its link said %s", href, got, want)
		}
	})
}
