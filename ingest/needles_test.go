// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// invented makes traces of n statements with names and words as platforms give
// them: alike where they begin, some with one in another.
func invented(r *rand.Rand, n int) map[onrecord.StatementID]*Trace {
	traces := make(map[onrecord.StatementID]*Trace, n)
	for range n {
		native := fmt.Sprint(10_000 + r.IntN(90_000))
		if r.IntN(3) == 0 {
			native += "7"
		}
		k := onrecord.NewKnown(onrecord.NewStatementID("mastodon", native))
		k.NativeID, k.ID, k.URL = native, native, "https://social.example/@jane/"+native
		switch r.IntN(6) {
		case 0:
			k.URL += "/"
		case 1:
			k.URL = "http:///"
		case 2:
			k.URL = "https://so.ex"
		case 3:
			k.Order, k.Aliases = "key-"+native, []string{"tag:" + native}
		}
		text := fmt.Sprintf("They said \"no\" & went: %s.\nMore on the %d. of May, thanks.", native, r.IntN(30))
		traces[k.Statement] = NewTrace("mastodon", k, []onrecord.Version{{ID: "0123456789ab", Content: onrecord.Content{Text: text, Title: "Ünd so weiter"}}}, crawler.Limits{})
	}
	return traces
}

// TestNeedlesFindWhatTracesFind: one pass for all statements finds what a search
// for each of them finds.
func TestNeedlesFindWhatTracesFind(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	traces := invented(r, 60)
	var words []string
	for _, trace := range traces {
		words = append(words, trace.names...)
		words = append(words, trace.locals...)
		for _, s := range trace.texts {
			words = append(words, string(s))
		}
	}
	all, hits := newNeedles(traces), 0
	for range 400 {
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString([]string{"", " ", "x", "/", "9", `"`}[r.IntN(6)])
			switch word := words[r.IntN(len(words))]; r.IntN(5) {
			case 0:
				b.WriteString(html.EscapeString(word))
			case 1:
				b.WriteString(strings.ReplaceAll(word, "/", `\/`))
			case 2:
				b.WriteString(word[r.IntN(len(word)):])
			default:
				b.WriteString(word)
			}
		}
		x, body := onrecord.Exchange{URL: "https://social.example/api"}, []byte(b.String())
		switch r.IntN(4) {
		case 0:
			x.URL, body = b.String(), nil
		case 1:
			x.Payload, body = body, nil
		case 2:
			x.Prior, body = &onrecord.Prior{URL: b.String()}, nil
		}
		found := all.within(x, body)
		for id, trace := range traces {
			if want := trace.within(x, body); want != found[id] {
				t.Fatalf("seed %d: in %q, of %q %q: found %t, want %t", seed, b.String(), trace.names, trace.texts, found[id], want)
			}
		}
		hits += len(found)
	}
	if hits < 100 {
		t.Errorf("seed %d: only %d were found", seed, hits)
	}
}

// BenchmarkNeedles is what one capture of 60 KB costs at a commit of an account
// with so many withheld statements, and what making the index costs for all.
func BenchmarkNeedles(b *testing.B) {
	var page strings.Builder
	for i := 0; page.Len() < 60_000; i++ {
		fmt.Fprintf(&page, `{"id":"%d","uri":"https:\/\/social.example\/@jane\/%d","content":"<p>The weather of day %d is fine, and nobody complains.</p>"},`, 1_200_000+i*31, 1_200_000+i*31, i)
	}
	x, body := onrecord.Exchange{URL: "https://social.example/api", Payload: []byte(page.String())}, []byte(page.String())
	for _, n := range []int{1, 1000, 10_000} {
		traces := invented(rand.New(rand.NewPCG(1, 2)), n)
		b.Run(fmt.Sprintf("%d/made", n), func(b *testing.B) {
			for b.Loop() {
				newNeedles(traces)
			}
		})
		b.Run(fmt.Sprintf("%d/capture", n), func(b *testing.B) {
			all := newNeedles(traces)
			for b.Loop() {
				all.within(x, body)
			}
		})
	}
}
