// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"

	"onrecord"
)

// TestWithheldInRuns: on most platforms the key by which a run of visits is
// bounded is an id. While a statement is withheld, no such line is served that
// names it, whether it was recorded before or after; strangers verify the rest,
// and read all of it again once the statement is shown.
func TestWithheldInRuns(t *testing.T) {
	t.Parallel()
	s := &paged{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	c := &checked{id: onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/"+secretID)}
	c.m = newMachines(t, 1, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL))[0]
	crawl := func() { c.m.run(t, "crawl", "masto") }
	crawl()
	crawl() // a quiet visit: a run that is open
	s.other.Store(true)
	crawl() // and that is recorded with this one
	crawl() // another one, open while the statement is withheld
	runs := namedInRuns(t, c.m)
	if len(runs) == 0 {
		t.Fatal("no run of visits names the statement")
	}
	if told := toldByLines(t, c.m); len(told) < len(runs)+1 {
		t.Fatalf("served are %v, %v are runs", told, runs)
	}
	out, err := c.m.try("withhold", string(c.id), "--ground", "policy", "--case", "T-1", "--reason", "personal data")
	if err != nil {
		t.Fatal(out)
	}
	named := entriesNamed(t, out) // what others say stays, and is told
	if told := toldByLines(t, c.m); !slices.Equal(told, named) {
		t.Errorf("withheld, and the lines %v name it; withhold says that %v do", told, named)
	}
	s.other.Store(false)
	crawl()
	after := namedInRuns(t, c.m)
	if len(after) <= len(runs) {
		t.Fatalf("runs that name it: %v, before it was withheld: %v", after, runs)
	}
	if told := toldByLines(t, c.m); !slices.Equal(told, named) {
		t.Errorf("after another visit the lines %v name it", told)
	}
	sameAfterRebuild(t, c.m)
	c.key = keyOf(t, c)
	c.serve(t)
	args := []string{"verify", c.site.URL, "--key", c.key, "--allow-address", "127.0.0.0/8"}
	wants(t, c.stranger(t, exitOK, args...), ` 0 mismatches$`, `^withheld: [1-9]\d* lines? and [1-9]\d* records? of evidence, \d+ bytes, case T-1 \(1 statement\); `)
	c.rest(t)
	c.m.run(t, "unwithhold", string(c.id), "--case", "T-1")
	if told := toldByLines(t, c.m); len(told) < len(after)+1 {
		t.Errorf("shown again, only the lines %v name it; runs that do are %v", told, after)
	}
	c.m.run(t, "verify")
}

// entriesNamed returns the ledger indexes of the lines of others that a command
// says name the statement, and stay.
func entriesNamed(t *testing.T, out string) (list []int64) {
	t.Helper()
	m := regexp.MustCompile(`of other statements name .*ledger no\. ([\d, ]+)`).FindStringSubmatch(out)
	if m == nil {
		return nil
	}
	for n := range strings.SplitSeq(m[1], ", ") {
		i, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		if err != nil {
			t.Fatal(out)
		}
		list = append(list, i)
	}
	return list
}

// A paged is an erasable whose list has two pages: the secret is the last of the
// first one, so that visits which read no further are bounded by it.
type paged struct{ erasable }

func (s *paged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/accounts/7/statuses" {
		s.erasable.ServeHTTP(w, r)
		return
	}
	max := r.URL.Query().Get("max_id")
	r.URL.RawQuery = ""
	all := httptest.NewRecorder()
	s.erasable.ServeHTTP(all, r)
	const newerID = "113579246801369999"
	var list, newer []any // secret, other, third
	body := all.Body.Bytes()
	if errors.Join(json.Unmarshal(body, &list), json.Unmarshal(bytes.ReplaceAll(body, []byte("113579246801350000"), []byte(newerID)), &newer)) != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	switch max {
	case "":
		list = []any{newer[1], list[0]}
		w.Header().Set("Link", fmt.Sprintf("<http://%s%s?max_id=%s>; rel=\"next\"", r.Host, r.URL.Path, secretID))
	case secretID:
		list = list[1:]
	default:
		list = []any{}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(list)
}

// keyOf is the public key of an archive.
func keyOf(t *testing.T, c *checked) string {
	t.Helper()
	h := openAt(t, c.m, reading)
	defer h.close()
	return h.archive.Meta().PublicKey
}

// namedInRuns returns the runs of visits whose bounds are the secret's id.
func namedInRuns(t *testing.T, m machine) (list []int64) {
	t.Helper()
	h := openAt(t, m, reading)
	defer h.close()
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r := e.Event.Run; r != nil && (r.Range.From == secretID || r.Range.To == secretID) {
			list = append(list, e.Index)
		}
	}
	return list
}

// toldByLines reads every journal segment under /record/ as a stranger does, as
// far as it is served, and returns the ledger indexes of the lines that name the
// secret by its id or its words.
func toldByLines(t *testing.T, m machine) (told []int64) {
	t.Helper()
	h := openAt(t, m, reading)
	defer h.close()
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	var plain []byte
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type != onrecord.VisitLine {
			continue
		}
		n := int64(0)
		for _, part := range servedOf(t, site, "/record/"+segmentOf(e.Leaf.Visit)) {
			if plain, err = dec.DecodeAll(part.body, plain[:0]); err != nil {
				t.Fatal(err)
			}
			for line := range bytes.Lines(plain) {
				if bytes.Contains(line, []byte(secretID)) || bytes.Contains(line, []byte(secretWords)) {
					told = append(told, e.Index+n)
				}
				n++
			}
			n += part.hidden
		}
	}
	return told
}

func segmentOf(v onrecord.VisitID) string {
	return "journal/" + v.Time().UTC().Format("2006/01/02") + "/" + v.String() + ".ndjson.zst"
}

// A servedPart is a part of an object that is served, and how many are hidden
// behind it.
type servedPart struct {
	body   []byte
	hidden int64
}

// servedOf asks for an object, and where parts of it are withheld, for the rest.
func servedOf(t *testing.T, site http.Handler, path string) (parts []servedPart) {
	t.Helper()
	get := func(head ...string) *httptest.ResponseRecorder { return ask(site, "GET", path, head...) }
	w := get()
	if w.Code == http.StatusOK {
		return []servedPart{{body: w.Body.Bytes()}}
	}
	var p struct {
		Case  string
		Size  int64
		Spans []onrecord.Span
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Case != "T-1" || len(p.Spans) == 0 {
		t.Fatalf("%s: %d, %s", path, w.Code, w.Body)
	}
	at := int64(0)
	for _, s := range append(p.Spans, onrecord.Span{Offset: p.Size}) {
		if s.Offset > at {
			w := get("Range", fmt.Sprintf("bytes=%d-%d", at, s.Offset-1))
			if w.Code != http.StatusPartialContent {
				t.Errorf("%s from %d: %d", path, at, w.Code)
			}
			parts = append(parts, servedPart{body: w.Body.Bytes()})
		}
		if at = s.Offset + s.Length; s.Length > 0 {
			if w := get("Range", fmt.Sprintf("bytes=%d-%d", s.Offset, at-1)); w.Code == http.StatusPartialContent {
				t.Errorf("%s: what is hidden at %d is served", path, s.Offset)
			}
			parts = append(parts, servedPart{hidden: 1})
		}
	}
	return parts
}
