// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
	"onrecord/search"
)

// recombined makes entries of n statements out of halves of real texts, by
// seed: their words are as frequent, and stand beside each other, as in the
// texts.
func recombined(n int, texts []string) []catalog.Entry {
	r := rand.New(rand.NewPCG(3, 4))
	l := &ledger{}
	var all []catalog.Entry
	at := time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)
	half := func() []string {
		w := strings.Fields(texts[r.IntN(len(texts))])
		w = w[:min(len(w), 40)]
		if r.IntN(2) == 0 {
			return w[:len(w)/2]
		}
		return w[len(w)/2:]
	}
	for i := 0; i < n; {
		account := onrecord.AccountRef{Platform: []string{"x", "mastodon", "truthsocial"}[r.IntN(3)], ID: strconv.Itoa(100 + r.IntN(2))}
		var visit []onrecord.Event
		for range min(40, n-i) {
			at = at.Add(time.Duration(r.IntN(2*12*365*24*3600/n)) * time.Second)
			e := said(onrecord.StatementCreated, strconv.Itoa(1_000_000_000_000+i), strings.Join(append(half(), half()...), " "), at.Add(time.Minute))
			e.Account, e.PublishedAt, e.Source = account, at, account.Platform+account.ID
			e.Statement = onrecord.NewStatementID(account.Platform, e.NativeID)
			visit, i = append(visit, e), i+1
		}
		for j := range visit {
			visit[j].Captures = visit[0].Captures
		}
		all = append(all, l.visit(at, account.Platform+account.ID, visit...)...)
	}
	return all
}

// frequent returns the words of entries, by the number of statements that have
// them, the most frequent first, and a pair of words that stand side by side.
func frequent(all []catalog.Entry) (words []string, pair string) {
	count, pairs := map[string]int{}, map[string]int{}
	for _, e := range all {
		if e.Event.Content == nil {
			continue
		}
		seen, last := map[string]bool{}, ""
		for _, t := range search.Tokens(e.Event.Content.Text) {
			if !seen[t.Text] {
				seen[t.Text] = true
				count[t.Text]++
			}
			if last != "" {
				pairs[last+" "+t.Text]++
			}
			last = t.Text
		}
	}
	by := func(m map[string]int) []string {
		return slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(m[b]-m[a], strings.Compare(a, b)) })
	}
	plain := func(list []string) []string {
		return slices.DeleteFunc(list, func(w string) bool {
			return strings.ContainsFunc(w, func(r rune) bool { return (r < 'a' || r > 'z') && r != ' ' }) || strings.Contains(w, "http")
		})
	}
	return plain(by(count)), plain(by(pairs))[30]
}

// BenchmarkSearchReal is BenchmarkSearch over recombined real texts, and what it
// is compared with: FTS5's own ranking and count over the same index.
func BenchmarkSearchReal(b *testing.B) {
	var texts []string
	for _, name := range []string{
		"twitter/trump-condensed/misterriley__hmm/data/condensed_2012.json.zst", "twitter/trump-condensed/misterriley__hmm/data/condensed_2013.json.zst",
		"twitter/trump-condensed/misterriley__hmm/data/condensed_2014.json.zst", "twitter/trump-condensed/misterriley__hmm/data/condensed_2015.json.zst",
		"twitter/trump-condensed/misterriley__hmm/data/condensed_2016.json.zst", "speeches/china-government-work-reports/government_work_reports.jsonl.zst",
	} {
		texts = append(texts, realTexts(b, 20_000, name)...)
	}
	all := recombined(benchSize(), texts)
	words, pair := frequent(all)
	path := filepath.Join(b.TempDir(), "catalog.db")
	c := open(b, path)
	if err := c.Apply(context.Background(), sequence(all)); err != nil {
		b.Fatal(err)
	}
	common, mid, rare := words[12], words[400], words[20_000]
	b.Logf("common %q, rare %q, phrase %q, prefix %q", common, rare, pair, mid[:3])
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=query_only(1)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, bb := range []struct{ name, q, match string }{
		{"common", common, common}, {"rare", rare, rare}, {"and3", words[20] + " " + words[60] + " " + words[100], words[20] + " " + words[60] + " " + words[100]},
		{"phrase", `"` + pair + `"`, `"` + pair + `"`}, {"prefix", mid[:3] + "*", mid[:3] + "*"},
		{"word+prefix", common + " " + mid[:3] + "*", common + " " + mid[:3] + "*"},
		{"term+platform+year", common + " platform:x since:2015 until:2016", ""}, {"newest", "", ""},
	} {
		q, err := search.Parse(bb.q, search.ParseOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bb.name+"/onrecord", func(b *testing.B) {
			var total int64
			spent := cpu(b)
			for b.Loop() {
				res, err := c.Search(b.Context(), search.Request{Query: q})
				if err != nil {
					b.Fatal(err)
				}
				total = res.Total
			}
			spent()
			b.ReportMetric(float64(total), "matches")
		})
		if bb.match != "" {
			b.Run(bb.name+"/fts5-rank", func(b *testing.B) {
				spent := cpu(b)
				for b.Loop() {
					rank(b, db, bb.match)
				}
				spent()
			})
		}
	}
}

// rank asks FTS5 itself for the best twenty and their number.
func rank(b *testing.B, db *sql.DB, match string) {
	rows, err := db.Query(`SELECT rowid FROM words WHERE words MATCH $1 ORDER BY rank LIMIT 20`, match)
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		var r int64
		if err := rows.Scan(&r); err != nil {
			b.Fatal(err)
		}
	}
	rows.Close()
	var n int64
	if err := db.QueryRow(`SELECT count(*) FROM words WHERE words MATCH $1`, match).Scan(&n); err != nil {
		b.Fatal(err)
	}
}
