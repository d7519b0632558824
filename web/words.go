// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"time"

	"onrecord"
)

// wording says times, windows and states in words, in one zone and as of one
// moment.
type wording struct {
	texts
	now  time.Time
	zone *time.Location
	demo bool // nobody said anything of this
}

// A moment is a time in both forms: for programs and for people.
type moment struct {
	ISO   string // RFC 3339, UTC; empty if the time is unknown
	Words string // such as "4 Aug 2026, 22:52 UTC"
}

func (w wording) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{Words: w.f("time.unknown")}
	}
	return moment{ISO: t.UTC().Format(time.RFC3339Nano), Words: w.instant(t)}
}

// claimed is moment for a time that a platform claims, as exact as the claim.
func (w wording) claimed(t time.Time, p onrecord.Precision) moment {
	m := w.moment(t)
	if t.IsZero() {
		return m
	}
	u := t.UTC()
	switch p {
	case onrecord.PrecisionDay:
		m = moment{ISO: u.Format(time.DateOnly), Words: w.longDay(u)}
	case onrecord.PrecisionMonth:
		m = moment{ISO: u.Format("2006-01"), Words: w.f("month."+u.Format("1")) + u.Format(" 2006")}
	case onrecord.PrecisionYear:
		m = moment{ISO: u.Format("2006"), Words: u.Format("2006")}
	}
	return m
}

// longDay is for headings: it does not break over lines.
func (w wording) longDay(t time.Time) string {
	return t.Format("2\u00a0") + w.f("month."+t.Format("1")) + t.Format("\u00a02006")
}

func (w wording) day(t time.Time) string {
	return t.Format("2 ") + w.f("mon."+t.Format("1")) + t.Format(" 2006")
}

// zoneName is how the zone is called at t: "UTC", or "CEST (UTC+2)".
func (w wording) zoneName(t time.Time) string {
	if w.zone == time.UTC {
		return "UTC"
	}
	return t.Format("MST") + " (UTC" + t.Format("-07:00") + ")"
}

func (w wording) instant(t time.Time) string {
	t = t.In(w.zone)
	return w.day(t) + ", " + t.Format("15:04") + " " + w.zoneName(t)
}

// between words a window, and says a day that both bounds share only once.
func (w wording) between(win onrecord.Window) string {
	if win.By.IsZero() {
		return w.f("window.unknown")
	}
	if win.After.IsZero() {
		return w.f("window.by", "by", w.instant(win.By))
	}
	a, b := win.After.In(w.zone), win.By.In(w.zone)
	clock := "15:04"
	if b.Sub(a) < 2*time.Minute {
		clock = "15:04:05"
	}
	from := w.day(a) + ", " + a.Format(clock)
	until := b.Format(clock) + " " + w.zoneName(b)
	if w.day(a) != w.day(b) {
		until = w.day(b) + ", " + until
	}
	text := w.f("window.between", "after", from, "by", until)
	if win.Disputed {
		text += w.f("window.disputed")
	}
	return text
}

// ago says how long before now t was, in one unit.
func (w wording) ago(t time.Time) string {
	if t.IsZero() {
		return w.f("time.never")
	}
	d := w.now.Sub(t)
	if d < 0 {
		return w.f("time.future", "span", w.span(-d))
	}
	if d < time.Minute {
		return w.f("time.now")
	}
	return w.f("time.ago", "span", w.span(d))
}

// span words a duration in its one or two largest units.
func (w wording) span(d time.Duration) string {
	const day = 24 * time.Hour
	units := []struct {
		key  string
		size time.Duration
	}{{"span.year", 365 * day}, {"span.day", day}, {"span.hour", time.Hour}, {"span.minute", time.Minute}, {"span.second", time.Second}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		n := d / u.size
		text := w.n(u.key, int64(n))
		if rest := d - n*u.size; n < 10 && i+1 < len(units) && rest >= units[i+1].size && u.size > time.Minute {
			text += " " + w.n(units[i+1].key, int64(rest/units[i+1].size))
		}
		return text
	}
	return w.n("span.second", 0)
}

// spanUp is span for an upper bound: what span leaves off is rounded up.
func (w wording) spanUp(d time.Duration) string {
	const day = 24 * time.Hour
	step := time.Second
	for _, u := range []struct{ most, step time.Duration }{ // up to most, span words whole steps
		{10 * time.Hour, time.Minute}, {day, time.Hour}, {10 * day, time.Hour}, {3650 * day, day}, {1<<63 - 1, 365 * day},
	} {
		if d >= time.Minute && d <= u.most {
			step = u.step
			break
		}
	}
	if rest := d % step; rest > 0 {
		d += step - rest
	}
	return w.span(d)
}

// online says how long s was to be seen: bounds, never one number. It is empty
// where the platform's date is not exact enough to say.
func (w wording) online(s onrecord.Statement) string {
	least, most, ok := onlineSpan(s)
	if !ok {
		return ""
	}
	return w.f("line.online", "least", w.span(least), "most", w.spanUp(most))
}

// onlineSpan returns the least and the most that s was online, from its
// claimed publication to the bounds of its deletion.
func onlineSpan(s onrecord.Statement) (least, most time.Duration, ok bool) {
	if s.State != onrecord.StateDeleted || s.Returned {
		return 0, 0, false
	}
	return onrecord.Online(s.PublishedAt, s.Precision, s.StateWindow)
}

// closed returns the text under prefix+word, or word itself where the list
// that the texts know is older than what a source says.
func (w wording) closed(prefix, word string) string {
	if text, ok := w.texts[prefix+word]; ok {
		return text
	}
	return strings.ReplaceAll(word, "_", " ")
}

func (w wording) platform(p string) string                { return w.closed("platform.", p) }
func (w wording) kind(t string) string                    { return w.closed("type.", t) }
func (w wording) state(s onrecord.State) string           { return w.closed("state.", string(s)) }
func (w wording) outcome(o onrecord.Outcome) string       { return w.closed("outcome.", string(o)) }
func (w wording) account(s onrecord.AccountState) string  { return w.closed("account.", string(s)) }
func (w wording) grade(g onrecord.Grade) string           { return w.closed("grade.", string(g)) }
func (w wording) event(t onrecord.EventType) string       { return w.closed("event.", string(t)) }
func (w wording) provenance(p onrecord.Provenance) string { return w.closed("provenance.", string(p)) }
