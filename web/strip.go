// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"math/bits"
	"slices"
	"time"

	"onrecord"
)

// What is known of a source on one UTC day. Only runs and gaps that are in the
// journal count: a day without either says nothing.
type dayKind int

const (
	dayBefore  dayKind = iota // before the source's first look or gap: not watched then, as far as the journal tells
	dayNothing                // nothing is recorded
	dayLooked                 // looked at, and no gap
	dayPartly                 // looked at, and a gap
	dayGap                    // a gap, and no good look
)

// dayKinds are the words of the kinds: keys of texts, and classes.
var dayKinds = []string{"before", "nothing", "looked", "partly", "gap"}

// A dayFact is one day of a source.
type dayFact struct {
	date    time.Time
	kind    dayKind
	hours   int      // of the day's 24 in which there was a look
	reasons []string // of the gaps that touch the day, each once
}

const oneDay = 24 * time.Hour

// midnight is the beginning of t's UTC day.
func midnight(t time.Time) time.Time { return t.UTC().Truncate(oneDay) }

// dayFacts tells the days [from, until) of a source. A gap that is open
// reaches to now, and no day after now is told.
func dayFacts(s onrecord.SourceDays, from, until, now time.Time) []dayFact {
	hours := make(map[time.Time]uint32, len(s.Days))
	for _, d := range s.Days {
		hours[d.Date] = d.Hours
	}
	first := midnight(s.First)
	gaps := slices.SortedStableFunc(slices.Values(s.Gaps), func(a, b onrecord.Coverage) int { return a.From.Compare(b.From) })
	var near []onrecord.Coverage // that began by now, and are not over
	var facts []dayFact
	for day := midnight(from); day.Before(until) && !day.After(now); day = day.Add(oneDay) {
		f := dayFact{date: day, hours: bits.OnesCount32(hours[day])}
		for len(gaps) > 0 && gaps[0].From.Before(day.Add(oneDay)) {
			near, gaps = append(near, gaps[0]), gaps[1:]
		}
		near = slices.DeleteFunc(near, func(g onrecord.Coverage) bool { return !g.Until.IsZero() && g.Until.Before(day) })
		for _, g := range near {
			if gapTouches(g, day, now) && !slices.Contains(f.reasons, g.Reason) {
				f.reasons = append(f.reasons, g.Reason)
			}
		}
		switch {
		case f.hours > 0 && len(f.reasons) > 0:
			f.kind = dayPartly
		case f.hours > 0:
			f.kind = dayLooked
		case len(f.reasons) > 0:
			f.kind = dayGap
		case s.First.IsZero() || day.Before(first):
			f.kind = dayBefore
		default:
			f.kind = dayNothing
		}
		facts = append(facts, f)
	}
	return facts
}

// gapTouches reports whether a part of the gap lies in the day: a gap that ends
// at midnight does not touch the day that begins then.
func gapTouches(g onrecord.Coverage, day, now time.Time) bool {
	end := g.Until
	if end.IsZero() {
		end = now
	}
	next := day.Add(oneDay)
	if !end.After(g.From) { // opened and closed by the same visit
		return !g.From.Before(day) && g.From.Before(next)
	}
	return g.From.Before(next) && end.After(day)
}

// A bar is days of one kind in a strip, drawn as one rectangle.
type bar struct {
	X, Width int
	Class    string
}

// A strip is the days of a source as a picture, and as a sentence that says
// the same.
type strip struct {
	Days  int
	Bars  []bar
	Words string
	Ticks []tick
}

// A tick marks the beginning of a month.
type tick struct{ X int }

// A dayRow is consecutive days of which the same is known.
type dayRow struct {
	From, Until string // the first and the last day; Until is empty where that is one
	Kind, Class string
	More        string
}

// strip draws days.
func (w wording) strip(source string, facts []dayFact) strip {
	s := strip{Days: len(facts)}
	var counts [kindsOfDays]int64
	for i, f := range facts {
		counts[f.kind]++
		if f.date.Day() == 1 && i > 0 {
			s.Ticks = append(s.Ticks, tick{X: i})
		}
		class := dayKinds[f.kind]
		if n := len(s.Bars); n > 0 && s.Bars[n-1].Class == class {
			s.Bars[n-1].Width++
			continue
		}
		s.Bars = append(s.Bars, bar{X: i, Width: 1, Class: class})
	}
	if len(facts) > 0 {
		s.Words = w.f("coverage.strip", "source", source, "from", w.day(facts[0].date), "until", w.day(facts[len(facts)-1].date),
			"looked", w.n("coverage.days", counts[dayLooked]), "partly", number(counts[dayPartly]), "gap", number(counts[dayGap]),
			"nothing", number(counts[dayNothing]), "before", number(counts[dayBefore]))
	}
	return s
}

// kindsOfDays is the number of kinds of days.
const kindsOfDays = 5

// dayRows lists days, newest first; consecutive ones of which the same is
// known are one row. More is how many rows beyond most there are.
func (w wording) dayRows(facts []dayFact, most int) (rows []dayRow, more int64) {
	for i := len(facts) - 1; i >= 0; {
		j := i
		for j > 0 && sameDay(facts[j-1], facts[i]) {
			j--
		}
		if len(rows) == most {
			more++
		} else {
			rows = append(rows, w.dayRow(facts[j], facts[i]))
		}
		i = j - 1
	}
	return rows, more
}

func sameDay(a, b dayFact) bool {
	return a.kind == b.kind && a.hours == b.hours && slices.Equal(a.reasons, b.reasons)
}

func (w wording) dayRow(first, last dayFact) dayRow {
	row := dayRow{From: w.day(first.date), Class: dayKinds[first.kind], Kind: w.f("coverage.day." + dayKinds[first.kind])}
	if !first.date.Equal(last.date) {
		row.Until = w.day(last.date)
	}
	if first.hours > 0 {
		row.More = w.n("coverage.hours", int64(first.hours))
	}
	for _, r := range first.reasons {
		if row.More != "" {
			row.More += "; "
		}
		row.More += w.closed("reason.", r)
	}
	return row
}
