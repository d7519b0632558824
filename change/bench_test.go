// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package change_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/change"
)

// page is a visit to an account of n posts of 280 characters.
func page(n int, at time.Time) change.Visit {
	s := onrecord.Seen{
		At: at, Kind: "page", Outcome: onrecord.OutcomeOK,
		Account: onrecord.AccountObservation{State: onrecord.AccountLive, ID: "7", Handle: "jane"},
		Range:   onrecord.Range{From: "1000", FromIn: true, ToIn: true},
	}
	for i := range n {
		id := fmt.Sprint(1000 + n - i)
		s.Items = append(s.Items, onrecord.Observation{
			Ref:   onrecord.Ref{NativeID: id, URL: "https://social.example/@jane/" + id},
			Order: id, State: onrecord.ItemLive, Published: epoch, Precision: onrecord.PrecisionSecond,
			Content: onrecord.Content{
				Type: "post", Text: strings.Repeat("Jane Example said this. ", 12)[:280] + id, Lang: "en",
				Published: "2026-03-01T00:00:00Z", Links: []string{"https://jane.example/" + id},
			},
			Engagement: map[string]int64{"likes": int64(i)},
		})
	}
	return change.Visit{
		Source: "masto", Figure: "jane-example", Platform: "mastodon", Door: "api", Kind: "api", Parser: "api/1",
		Can:     onrecord.Capabilities{CompleteRanges: true, OwnAddress: true, AccountStates: true},
		Started: at, Ended: at, Seen: []onrecord.Seen{s},
	}
}

// A quiet visit must cost well under a millisecond.
func BenchmarkQuietVisit40(b *testing.B) { benchmarkQuiet(b, 1) }

// The same with a dozen open runs, the most that an hour of visits every five
// minutes can leave.
func BenchmarkQuietVisit40Runs12(b *testing.B) { benchmarkQuiet(b, 12) }

func benchmarkQuiet(b *testing.B, runs int) {
	w := newWorld("mastodon")
	w.visit(page(40, epoch))
	for i := range runs {
		v := page(40, epoch.Add(time.Duration(i+1)*time.Minute))
		if i%2 == 1 { // so that the runs can't be joined
			v.Door, v.Can.CompleteRanges = "feed", false
		}
		w.visit(v)
	}
	k, v := w.known("masto"), page(40, epoch.Add(30*time.Minute))
	if len(k.Runs) != runs {
		b.Fatalf("%d open runs, want %d", len(k.Runs), runs)
	}
	if res := change.Between(k, v); !res.Quiet() || !res.Good {
		b.Fatalf("not quiet: %+v", res)
	}
	b.ReportAllocs()
	for b.Loop() {
		change.Between(k, v)
	}
}

// BenchmarkFirstVisit40 is a visit that finds forty new statements.
func BenchmarkFirstVisit40(b *testing.B) {
	v := page(40, epoch)
	b.ReportAllocs()
	for b.Loop() {
		if res := change.Between(change.Known{}, v); len(res.Events) < 40 {
			b.Fatal(len(res.Events))
		}
	}
}
