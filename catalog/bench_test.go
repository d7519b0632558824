// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package catalog_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
	"onrecord/search"
)

// benchSize is the number of statements of the benchmarks;
// ONRECORD_BENCH_STATEMENTS sets another.
func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("ONRECORD_BENCH_STATEMENTS")); err == nil && n > 0 {
		return n
	}
	return 50_000
}

// vocabulary makes n invented words; the frequent ones are short.
func vocabulary(n int) []string {
	r := rand.New(rand.NewPCG(7, 7))
	onset := strings.Fields("b c d f g h j k l m n p r s t v w z st tr pl gr")
	nucleus := strings.Fields("a e i o u ai ea ou")
	words := make([]string, n)
	for i := range words {
		var b strings.Builder
		for range 1 + i*3/n + r.IntN(2) {
			b.WriteString(onset[r.IntN(len(onset))])
			b.WriteString(nucleus[r.IntN(len(nucleus))])
		}
		words[i] = b.String() + []string{"", "n", "s", "t", "ng"}[r.IntN(5)]
	}
	return words
}

// many makes entries of n statements by five accounts on three platforms over
// twelve years, forty a visit, with words as frequent as in a language.
func many(n int) []catalog.Entry {
	words := vocabulary(30_000)
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.07, 3, uint64(len(words)-1))
	l := &ledger{}
	var all []catalog.Entry
	at := time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := 0; i < n; {
		account := onrecord.AccountRef{Platform: []string{"x", "mastodon", "truthsocial"}[r.IntN(3)], ID: strconv.Itoa(100 + r.IntN(2)), Handle: "jane"}
		var visit []onrecord.Event
		for range min(40, n-i) {
			at = at.Add(time.Duration(r.IntN(2*12*365*24*3600/n)) * time.Second)
			var b strings.Builder
			for range 8 + r.IntN(34) {
				b.WriteString(words[zipf.Uint64()])
				b.WriteByte(' ')
			}
			e := said(onrecord.StatementCreated, strconv.Itoa(1_000_000_000_000+i), b.String(), at.Add(time.Minute))
			e.Account, e.PublishedAt, e.Source = account, at, account.Platform+account.ID
			e.Statement = onrecord.NewStatementID(account.Platform, e.NativeID)
			e.Content.HTML = ""
			e.Captures[0].Offset, e.Captures[0].At = int64(i), at
			visit = append(visit, e)
			i++
		}
		for j := range visit { // one page is the evidence of all
			visit[j].Captures = visit[0].Captures
		}
		all = append(all, l.visit(at, account.Platform+account.ID, visit...)...)
	}
	return all
}

// big is one catalog for all benchmarks of a run.
var big = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "onrecord-catalog")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "catalog.db")
	c, err := catalog.Open(context.Background(), path, catalog.Options{MACKey: key})
	if err != nil {
		return "", err
	}
	if err := c.Apply(context.Background(), sequence(many(benchSize()))); err != nil {
		return "", err
	}
	return path, c.Close()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if benchmarked {
		if path, err := big(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	if watched {
		if path, err := changed(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// benchmarked tells TestMain that there is a catalog to remove.
var benchmarked bool

// cpu reports what an operation costs the processor: on a busy machine the
// figure to trust. Call it before the loop and its result behind.
func cpu(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Nanoseconds())/float64(b.N), "cpu-ns/op") }
}

func bigPath(b *testing.B) string {
	b.Helper()
	benchmarked = true
	path, err := big()
	if err != nil {
		b.Fatal(err)
	}
	return path
}

func BenchmarkSearch(b *testing.B) {
	c := open(b, bigPath(b))
	w := vocabulary(30_000)
	for _, bb := range []struct {
		name, q string
		sort    search.Sort
	}{
		{"common", w[8], search.Newest},
		{"rare", w[20_000], search.Newest},
		{"and3", w[8] + " " + w[40] + " " + w[90], search.Newest},
		{"phrase", `"` + w[2] + " " + w[5] + `"`, search.Newest},
		{"prefix", w[12_000][:3] + "*", search.Newest},
		{"word+prefix", w[8] + " " + w[12_000][:3] + "*", search.Newest},
		{"term+platform+year", w[8] + " platform:x since:2015 until:2016", search.Newest},
		{"common+platform", w[8] + " platform:x", search.Newest},
		{"without", "-" + w[8], search.Newest},
		{"filter", "platform:x since:2015 until:2016", search.Newest},
		{"newest", "", search.Newest},
		{"relevance", w[300], search.Relevance},
	} {
		q, err := search.Parse(bb.q, search.ParseOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bb.name, func(b *testing.B) {
			var total int64
			spent := cpu(b)
			for b.Loop() {
				res, err := c.Search(b.Context(), search.Request{Query: q, Sort: bb.sort})
				if err != nil {
					b.Fatal(err)
				}
				total = res.Total
			}
			spent()
			b.ReportMetric(float64(total), "matches")
		})
	}
}

// BenchmarkRank is what Search is compared with: FTS5's own ranking and count
// over the same index.
func BenchmarkRank(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+bigPath(b)+"?_pragma=query_only(1)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	w := vocabulary(30_000)
	ranked, err := db.Prepare(`SELECT rowid FROM words WHERE words MATCH $1 ORDER BY rank LIMIT 20`)
	if err != nil {
		b.Fatal(err)
	}
	count, err := db.Prepare(`SELECT count(*) FROM words WHERE words MATCH $1`)
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct{ name, match string }{
		{"common", w[8]}, {"rare", w[20_000]}, {"and3", w[8] + " " + w[40] + " " + w[90]},
		{"phrase", `"` + w[2] + " " + w[5] + `"`}, {"prefix", w[12_000][:3] + "*"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			spent := cpu(b)
			for b.Loop() {
				rows, err := ranked.Query(bb.match)
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
				if err := count.QueryRow(bb.match).Scan(&n); err != nil {
					b.Fatal(err)
				}
			}
			spent()
		})
	}
}

// BenchmarkOpen is a cold start up to the first page, the file in the cache of
// the operating system.
func BenchmarkOpen(b *testing.B) {
	path := bigPath(b)
	spent := cpu(b)
	for b.Loop() {
		c, err := catalog.Open(b.Context(), path, catalog.Options{MACKey: key})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Search(b.Context(), search.Request{}); err != nil {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
	spent()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(benchSize()), "B/statement")
}

// BenchmarkStatements is a page of results as the website reads it.
func BenchmarkStatements(b *testing.B) {
	c := open(b, bigPath(b))
	res, err := c.Search(b.Context(), search.Request{})
	if err != nil {
		b.Fatal(err)
	}
	var ids []onrecord.StatementID
	for _, h := range res.Hits {
		ids = append(ids, h.ID)
	}
	spent := cpu(b)
	for b.Loop() {
		if list, err := c.Statements(b.Context(), ids); err != nil || len(list) != 20 {
			b.Fatal(len(list), err)
		}
	}
	spent()
}

// BenchmarkKnown40 is what a quiet visit of forty items asks.
func BenchmarkKnown40(b *testing.B) {
	c := open(b, bigPath(b))
	var ids []onrecord.StatementID
	var account onrecord.AccountRef
	for _, e := range many(80) {
		if e.Event.Statement != "" && len(ids) < 40 {
			ids, account = append(ids, e.Event.Statement), e.Event.Account
		}
	}
	b.ReportAllocs()
	spent := cpu(b)
	for b.Loop() {
		if _, err := c.Known(b.Context(), account.Platform, account.ID, ids); err != nil {
			b.Fatal(err)
		}
	}
	spent()
}

// BenchmarkApply applies a new archive in one go.
func BenchmarkApply(b *testing.B) {
	entries := many(20_000)
	spent := cpu(b)
	for i := 0; b.Loop(); i++ {
		c, err := catalog.Open(b.Context(), filepath.Join(b.TempDir(), fmt.Sprint(i)), catalog.Options{MACKey: key})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Apply(b.Context(), sequence(entries)); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	spent()
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "statements/s")
}

// BenchmarkUpsert is one durable commit of one statement in a large catalog.
func BenchmarkUpsert(b *testing.B) {
	c := temporary(b)
	all := many(20_000)
	apply(b, c, all...)
	l := &ledger{next: all[len(all)-1].Index + 1}
	spent := cpu(b)
	for i := 0; b.Loop(); i++ {
		at := noon.Add(time.Duration(i) * time.Second)
		apply(b, c, l.visit(at, "masto", said(onrecord.StatementCreated, fmt.Sprint("new", i), "One more of them", at))...)
	}
	spent()
}
