// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/internal/repotest"
	"onrecord/search"
)

// realTexts returns at most n texts of real statements: the strings of JSON
// files that look like sentences, in pieces of a statement's size.
func realTexts(t testing.TB, n int, name string) []string {
	t.Helper()
	f, err := os.Open(repotest.Data(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var texts []string
	for d := json.NewDecoder(z); len(texts) < n; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		s, ok := tok.(string)
		for ok && utf8.RuneCountInString(s) > 40 && len(texts) < n {
			cut := min(len(s), 600)
			for cut < len(s) && !utf8.RuneStart(s[cut]) {
				cut++
			}
			texts = append(texts, s[:cut])
			s = s[cut:]
		}
	}
	return texts
}

// TestRealTexts asks for words, prefixes and phrases out of real texts and
// compares what is found with what reading every text finds.
func TestRealTexts(t *testing.T) {
	repotest.Large(t)
	texts := realTexts(t, 2500, "twitter/trump-condensed/misterriley__hmm/data/condensed_2016.json.zst")
	texts = append(texts, realTexts(t, 500, "speeches/china-government-work-reports/government_work_reports.jsonl.zst")...)
	c, l := temporary(t), &ledger{}
	var visit []onrecord.Event
	ids := make([]onrecord.StatementID, len(texts))
	for i, text := range texts {
		e := said(onrecord.StatementCreated, strconv.Itoa(i), text, noon.Add(time.Duration(i)*time.Minute))
		e.PublishedAt = e.At
		visit, ids[i] = append(visit, e), e.Statement
	}
	apply(t, c, l.visit(noon, "masto", visit...)...)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		q, err := search.Parse(queryFrom(r, texts), search.ParseOptions{})
		if err != nil {
			continue
		}
		var want []onrecord.StatementID
		for i, text := range slices.Backward(texts) {
			if search.Matches(q, text) {
				want = append(want, ids[i])
			}
		}
		var got []onrecord.StatementID
		req := search.Request{Query: q, Limit: 200}
		for {
			res, err := c.Search(t.Context(), req)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if res.Total != int64(len(want)) {
				t.Errorf("seed %d: total %d, want %d", seed, res.Total, len(want))
			}
			for _, h := range res.Hits {
				got = append(got, h.ID)
			}
			if req.Cursor = res.Next; req.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %d clauses find %d statements, reading finds %d", seed, len(q.Clauses()), len(got), len(want))
		}
	}
}

// queryFrom makes a query out of a text.
func queryFrom(r *rand.Rand, texts []string) string {
	words := strings.Fields(search.Fold(texts[r.IntN(len(texts))]))
	if len(words) < 4 {
		return "the"
	}
	i := r.IntN(len(words) - 3)
	switch r.IntN(6) {
	case 0:
		return `"` + strings.Join(words[i:i+2+r.IntN(2)], " ") + `"`
	case 1:
		return words[i] + " " + words[i+2]
	case 2:
		return words[i] + " -" + words[i+3]
	case 3:
		short := []rune(words[i])
		return string(short[:min(len(short), 3)]) + "*"
	case 4:
		return "-" + words[i]
	}
	return words[i]
}
