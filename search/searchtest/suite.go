// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package searchtest is the suite that every search.Searcher passes: a small
// invented corpus in English, French, Arabic, Chinese, Japanese, Korean and
// Russian, and what each request finds in it, in which order, with which total.
package searchtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onrecord"
	"onrecord/search"
)

// An Opener returns a Searcher over docs, and a function that adds more while
// it is used.
type Opener func(t *testing.T, docs []Document) (s search.Searcher, add func(t *testing.T, docs []Document))

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	docs := Corpus()
	s, _ := open(t, docs)
	u := &suite{s: s, keys: map[onrecord.StatementID]string{}}
	for _, d := range docs {
		u.keys[d.ID] = d.Key
	}
	t.Run("Cases", u.cases)
	t.Run("Everything", u.everything)
	t.Run("Walks", u.walks)
	t.Run("Relevance", u.relevance)
	t.Run("EarlierWording", u.wording)
	t.Run("Cursors", u.cursors)
	t.Run("Limits", u.limits)
	t.Run("InsertMidWalk", func(t *testing.T) { insertMidWalk(t, open) })
	t.Run("Cancelled", u.cancelled)
}

type suite struct {
	s    search.Searcher
	keys map[onrecord.StatementID]string
}

func parse(t *testing.T, q string) search.Query {
	t.Helper()
	parsed, err := search.Parse(q, search.ParseOptions{})
	if err != nil {
		t.Fatalf("Parse(%q): %v", q, err)
	}
	return parsed
}

// find returns all keys that r finds, in order, and checks the total.
func (u *suite) find(t *testing.T, q string, r search.Request) string {
	t.Helper()
	r.Query, r.Limit = parse(t, q), 200
	res, err := u.s.Search(t.Context(), r)
	if err != nil {
		t.Fatalf("Search(%q): %v", q, err)
	}
	if res.Total != int64(len(res.Hits)) || res.Next != "" || res.Prev != "" {
		t.Errorf("Search(%q): total %d, %d hits on the only page, next %q, prev %q", q, res.Total, len(res.Hits), res.Next, res.Prev)
	}
	return u.names(res.Hits)
}

func (u *suite) names(hits []search.Hit) string {
	var b strings.Builder
	for i, h := range hits {
		if i > 0 {
			b.WriteByte(' ')
		}
		name, ok := u.keys[h.ID]
		if !ok {
			name = "unknown:" + string(h.ID)
		}
		b.WriteString(name)
	}
	return b.String()
}

func (u *suite) cases(t *testing.T) {
	for _, c := range Cases() {
		want := c.Want
		if c.Same != "" {
			want = u.find(t, c.Same, c.Request)
		}
		got := u.find(t, c.Query, c.Request)
		if got != want {
			t.Errorf("%q %s finds %q, want %q", c.Query, sketch(c.Request), got, want)
		}
		r := c.Request
		r.Sort = search.Oldest
		back := strings.Fields(u.find(t, c.Query, r))
		slices.Reverse(back)
		if g := strings.Join(back, " "); g != want {
			t.Errorf("%q oldest first, reversed, finds %q, want %q", c.Query, g, want)
		}
	}
}

func sketch(r search.Request) string {
	s := fmt.Sprint(r.Figures, r.Accounts, r.Platforms, r.States, r.Types)
	return strings.ReplaceAll(s, "[] ", "")
}

// everything asks for nothing: all but the withheld one are found.
func (u *suite) everything(t *testing.T) {
	got := strings.Fields(u.find(t, "", search.Request{}))
	if len(got) != len(u.keys)-1 || slices.Contains(got, "m11") {
		t.Errorf("no condition finds %d of %d: %v", len(got), len(u.keys), got)
	}
}

// walks walks pages of several sizes to the end and back.
func (u *suite) walks(t *testing.T) {
	for _, q := range []string{"", "tariff*", "steel -coal", "tariff* platform:mastodon", "-tariff*", "since:2020 until:2021-06", "is:deleted"} {
		for _, sort := range []search.Sort{search.Newest, search.Oldest, search.Relevance} {
			want := u.find(t, q, search.Request{Sort: sort})
			for _, limit := range []int{1, 3, 7, 200} {
				u.walk(t, q, search.Request{Query: parse(t, q), Sort: sort, Limit: limit}, strings.Fields(want))
			}
		}
	}
}

func (u *suite) walk(t *testing.T, q string, r search.Request, want []string) {
	t.Helper()
	var forth, back []string
	var res search.Results
	for pages := 0; ; pages++ {
		var err error
		if res, err = u.s.Search(t.Context(), r); err != nil || pages > len(want)+1 {
			t.Fatalf("walk of %q %s by %d: page %d: %v", q, r.Sort, r.Limit, pages, err)
		}
		if res.Total != int64(len(want)) {
			t.Errorf("walk of %q %s by %d: page %d: total %d, want %d", q, r.Sort, r.Limit, pages, res.Total, len(want))
		}
		if (res.Prev != "") != (pages > 0 && len(res.Hits) > 0) {
			t.Errorf("walk of %q %s by %d: page %d has prev %q", q, r.Sort, r.Limit, pages, res.Prev)
		}
		forth = append(forth, strings.Fields(u.names(res.Hits))...)
		if res.Next == "" {
			break
		}
		r.Cursor = res.Next
	}
	if !slices.Equal(forth, want) {
		t.Errorf("walk of %q %s by %d: %v, want %v", q, r.Sort, r.Limit, forth, want)
	}
	back = strings.Fields(u.names(res.Hits))
	for pages := 0; res.Prev != ""; pages++ {
		r.Cursor = res.Prev
		var err error
		if res, err = u.s.Search(t.Context(), r); err != nil || pages > len(want)+1 {
			t.Fatalf("walk back of %q %s by %d: page %d: %v", q, r.Sort, r.Limit, pages, err)
		}
		if res.Next == "" {
			t.Errorf("walk back of %q %s by %d: page %d has no next", q, r.Sort, r.Limit, pages)
		}
		back = append(strings.Fields(u.names(res.Hits)), back...)
	}
	if !slices.Equal(back, want) {
		t.Errorf("walk back of %q %s by %d: %v, want %v", q, r.Sort, r.Limit, back, want)
	}
}

// relevance finds the same as any order, and puts the text that has the word
// most densely first.
func (u *suite) relevance(t *testing.T) {
	r := search.Request{Query: parse(t, "steel"), Sort: search.Relevance, Limit: 200}
	res, err := u.s.Search(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(u.names(res.Hits))
	if res.Sort != search.Relevance || got[0] != "m09" {
		t.Errorf("relevance (%s): %v, want m09 first: it says steel thrice in five words", res.Sort, got)
	}
	newest := strings.Fields(u.find(t, "steel", search.Request{}))
	slices.Sort(got)
	slices.Sort(newest)
	if !slices.Equal(got, newest) {
		t.Errorf("relevance finds %v, newest first %v", got, newest)
	}
	if res, err = u.s.Search(t.Context(), search.Request{Sort: search.Relevance}); err != nil || res.Sort != search.Newest {
		t.Errorf("relevance without words: order %s, error %v; want newest", res.Sort, err)
	}
}

// wording: a hit names the wording, where it is not the current one.
func (u *suite) wording(t *testing.T) {
	docs := map[string]Document{}
	for _, d := range Corpus() {
		docs[d.Key] = d
	}
	for _, tt := range []struct {
		q, key string
		n      int // wording; -1 for none named
	}{
		{"25%", "m08", 0}, {"50%", "m08", -1}, {"larger", "m08", -1}, {"new opening", "w02", 1},
		{`"ministry of examples"`, "w02", 1}, {"25% 50%", "m08", -1}, {"is:edited platform:mastodon", "m08", -1},
	} {
		res, err := u.s.Search(t.Context(), search.Request{Query: parse(t, tt.q)})
		if err != nil || len(res.Hits) != 1 || u.keys[res.Hits[0].ID] != tt.key {
			t.Errorf("%q: hits %v, error %v, want %s", tt.q, u.names(res.Hits), err, tt.key)
			continue
		}
		var want onrecord.VersionID
		if tt.n >= 0 {
			want = docs[tt.key].Wordings[tt.n].Version()
		}
		if got := res.Hits[0].Version; got != want {
			t.Errorf("%q: found in wording %q, want %q", tt.q, got, want)
		}
	}
}

// cursors refuses what it did not make.
func (u *suite) cursors(t *testing.T) {
	res, err := u.s.Search(t.Context(), search.Request{Limit: 3})
	if err != nil || res.Next == "" {
		t.Fatalf("first page: %v, next %q", err, res.Next)
	}
	bad := []string{"x", "====", strings.ToUpper(res.Next), res.Next[1:], res.Next + "A", strings.Repeat("A", len(res.Next)), "é" + res.Next}
	for i := range len(res.Next) {
		c := []byte(res.Next)
		if c[i]++; c[i] > 'z' {
			c[i] = 'A'
		}
		bad = append(bad, string(c))
	}
	for _, c := range bad {
		if _, err := u.s.Search(t.Context(), search.Request{Limit: 3, Cursor: c}); !errors.Is(err, search.ErrCursor) {
			t.Errorf("cursor %q: error %v, want ErrCursor", c, err)
		}
	}
	if _, err := u.s.Search(t.Context(), search.Request{Sort: search.Oldest, Cursor: res.Next}); !errors.Is(err, search.ErrCursor) {
		t.Errorf("cursor of another order: error %v, want ErrCursor", err)
	}
}

func (u *suite) limits(t *testing.T) {
	for limit, want := range map[int]int{0: 20, 1: 1, 5: 5} {
		res, err := u.s.Search(t.Context(), search.Request{Limit: limit})
		if err != nil || len(res.Hits) != want {
			t.Errorf("limit %d: %d hits, error %v, want %d", limit, len(res.Hits), err, want)
		}
	}
}

func (u *suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.s.Search(ctx, search.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled context: error %v", err)
	}
}

// insertMidWalk: what was there at the start is found once, whatever comes in
// between, in both orders; oldest first, what comes at the end is found too.
func insertMidWalk(t *testing.T, open Opener) {
	for _, sort := range []search.Sort{search.Oldest, search.Newest} {
		docs := Corpus()
		s, add := open(t, docs)
		want := map[onrecord.StatementID]bool{}
		for _, d := range docs {
			want[d.ID] = d.State != onrecord.StateWithheld
		}
		seen := map[onrecord.StatementID]int{}
		r := search.Request{Sort: sort, Limit: 6}
		for page := 0; ; page++ {
			res, err := s.Search(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range res.Hits {
				seen[h.ID]++
			}
			add(t, news(sort, page, want))
			if r.Cursor = res.Next; r.Cursor == "" || page > 40 {
				break
			}
		}
		for id, ok := range want {
			if ok && seen[id] != 1 || seen[id] > 1 {
				t.Errorf("%s: %s was found %d times", sort, id, seen[id])
			}
		}
	}
}

// news makes documents while page is read: some before the reader's place,
// some behind it; want notes those that the reader must still meet.
func news(sort search.Sort, page int, want map[onrecord.StatementID]bool) []Document {
	if page > 3 {
		return nil
	}
	var docs []Document
	for i, at := range []string{"2000-01-01T00:00:00Z", "2030-01-01T00:00:00Z"} {
		for j := range 5 {
			key := fmt.Sprintf("n%d-%d-%d", page, i, j)
			d := NewDocument(key, "jane-example", "mastodon", "100", "post", at, "Something new")
			docs = append(docs, d)
			want[d.ID] = (i == 1) == (sort == search.Oldest)
		}
	}
	return docs
}
