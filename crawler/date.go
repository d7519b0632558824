// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"strconv"
	"strings"
	"time"

	"onrecord"
)

// isoLayouts are the spellings of ISO 8601 seen in feeds and pages. Those without zone
// are read in the zone of the site.
var isoLayouts = []struct {
	layout    string
	precision onrecord.Precision
}{
	{time.RFC3339Nano, onrecord.PrecisionSecond},
	{"2006-01-02T15:04:05.999999999Z0700", onrecord.PrecisionSecond},
	{"2006-01-02T15:04:05Z07", onrecord.PrecisionSecond},
	{"2006-01-02T15:04:05", onrecord.PrecisionSecond},
	{"2006-01-02T15:04Z07:00", onrecord.PrecisionMinute},
	{"2006-01-02T15:04Z0700", onrecord.PrecisionMinute},
	{"2006-01-02T15:04", onrecord.PrecisionMinute},
	{"2006-01-02 15:04:05Z07:00", onrecord.PrecisionSecond},
	{"2006-01-02 15:04:05 Z0700", onrecord.PrecisionSecond},
	{"2006-01-02 15:04:05 MST", onrecord.PrecisionSecond}, // UTC and GMT only, see zoneOffset
	{"2006-01-02 15:04:05", onrecord.PrecisionSecond},
	{"2006-01-02 15:04", onrecord.PrecisionMinute},
	{"2006/1/2 15:04:05", onrecord.PrecisionSecond},
	{"2006-01-02", onrecord.PrecisionDay},
	{"2006-01", onrecord.PrecisionMonth},
	{"2006", onrecord.PrecisionYear},
}

// ParseDate reads a date as feeds and pages write it: ISO 8601, or RFC 822 and its
// relatives with English month names. A date without zone is one in zone. A
// zone that isn't known leaves the day. ok is false for everything else; a
// date is never guessed, and one in the future is as good as any.
func ParseDate(s string, zone *time.Location) (t time.Time, p onrecord.Precision, ok bool) {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 100 || s == "" {
		return time.Time{}, "", false
	}
	for _, l := range isoLayouts {
		if strings.HasSuffix(l.layout, "MST") && !strings.HasSuffix(s, " UTC") && !strings.HasSuffix(s, " GMT") {
			continue
		}
		if t, err := time.ParseInLocation(l.layout, s, zone); err == nil {
			return plausible(t, l.precision)
		}
	}
	return parseWords(s, zone)
}

// plausible refuses what no calendar of a site holds.
func plausible(t time.Time, p onrecord.Precision) (time.Time, onrecord.Precision, bool) {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1400 || t.Year() > 9998 {
		return time.Time{}, "", false
	}
	return t, p, true
}

// A wordDate is a date that is being put together from words.
type wordDate struct {
	day, year, hour, minute, second int
	month                           time.Month
	clock, seconds                  bool // there is a time of day, and seconds
	zone                            *time.Location
	strange                         bool // a zone that isn't known
	bad                             bool
}

// parseWords reads dates in words, such as "Sun, 01 Mar 2026 10:00:00 EST" or
// "March 1st, 2026 10:00 am". The name of the weekday says nothing: it is
// often wrong.
func parseWords(s string, zone *time.Location) (time.Time, onrecord.Precision, bool) {
	d := wordDate{day: -1, year: -1, zone: zone}
	if first, rest, ok := strings.Cut(s, ","); ok && first != "" && !strings.ContainsAny(first, " 0123456789") {
		s = rest // the weekday, in any language
	}
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == ',' || r == '(' || r == ')' }) {
		d.word(w)
	}
	if d.bad || d.day < 1 || d.month == 0 || d.year < 0 || d.hour > 24 || d.minute > 59 || d.second > 60 {
		return time.Time{}, "", false
	}
	precision := onrecord.PrecisionDay
	switch {
	case !d.clock || d.strange:
		d.hour, d.minute, d.second, d.zone = 0, 0, 0, zone
	case d.seconds:
		precision = onrecord.PrecisionSecond
	default:
		precision = onrecord.PrecisionMinute
	}
	if date := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC); date.Day() != d.day {
		return time.Time{}, "", false // the 31st of a month that has none
	}
	return plausible(time.Date(d.year, d.month, d.day, d.hour, d.minute, min(d.second, 59), 0, d.zone), precision)
}

func (d *wordDate) word(w string) {
	lower := strings.ToLower(strings.Trim(w, "."))
	if lower == "" {
		return
	}
	if lower[0] > '9' {
		lower = strings.ReplaceAll(lower, ".", "") // a.m.
	}
	if strings.Contains(w, ":") && lower[0] >= '0' && lower[0] <= '9' {
		d.clockWord(lower)
		return
	}
	if n, err := strconv.Atoi(strings.TrimRight(lower, "stndrh")); err == nil && lower[0] >= '0' && lower[0] <= '9' {
		d.number(n, len(lower))
		return
	}
	if m := monthNamed(lower); m != 0 && d.month == 0 {
		d.month = m
		return
	}
	switch lower {
	case "am", "pm":
		d.meridiem(lower == "pm")
		return
	case "at", "o'clock", "of", "the":
		return
	}
	if isWeekday(lower) && !d.clock {
		return
	}
	if parts := strings.Split(lower, "-"); len(parts) == 3 && monthNamed(parts[1]) != 0 {
		for _, p := range parts {
			d.word(p) // 01-Mar-2026
		}
		return
	}
	if offset, ok := zoneOffset(lower); ok {
		d.zone = time.FixedZone("", offset)
	} else if d.clock {
		d.strange = true
	} else {
		d.bad = true
	}
}

// number takes a day or a year.
func (d *wordDate) number(n, digits int) {
	switch {
	case d.day < 0 && n >= 1 && n <= 31 && digits <= 4:
		d.day = n
	case d.year < 0 && digits == 4:
		d.year = n
	case d.year < 0 && digits == 2 && n < 50: // RFC 2822, 4.3
		d.year = 2000 + n
	case d.year < 0 && digits == 2:
		d.year = 1900 + n
	default:
		d.bad = true
	}
}

// clockWord takes 10:00, 10:00:30, 10:00:30.5, 10:00pm, 10:00Z, 10:00+02:00.
func (d *wordDate) clockWord(w string) {
	if d.clock {
		d.bad = true
		return
	}
	digits := strings.TrimLeft(w, "0123456789:.")
	clock, rest := w[:len(w)-len(digits)], digits
	d.clock = true
	parts := strings.Split(clock, ":")
	if len(parts) < 2 || len(parts) > 3 {
		d.bad = true
		return
	}
	for i, into := range []*int{&d.hour, &d.minute, &d.second}[:len(parts)] {
		whole, _, _ := strings.Cut(parts[i], ".")
		n, err := strconv.Atoi(whole)
		if err != nil || len(whole) > 2 {
			d.bad = true
		}
		*into = n
	}
	d.seconds = len(parts) == 3
	if rest != "" {
		d.word(rest)
	}
}

func (d *wordDate) meridiem(pm bool) {
	switch {
	case !d.clock || d.hour > 12:
		d.bad = d.bad || !d.clock
	case pm && d.hour < 12:
		d.hour += 12
	case !pm && d.hour == 12:
		d.hour = 0
	}
}

func monthNamed(w string) time.Month {
	if len(w) < 3 {
		return 0
	}
	for m := time.January; m <= time.December; m++ {
		if name := strings.ToLower(m.String()); strings.HasPrefix(name, w) || w == "sept" && m == time.September {
			return m
		}
	}
	return 0
}

func isWeekday(w string) bool {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if len(w) >= 2 && strings.HasPrefix(strings.ToLower(d.String()), w) {
			return true
		}
	}
	return w == "tues" || w == "thur" || w == "thurs"
}

// zoneOffset returns the seconds east of UTC of a zone: an offset, or a name
// that means one thing everywhere. IST, for one, means three.
func zoneOffset(w string) (int, bool) {
	hours := map[string]float64{
		"z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "mez": 1, "mesz": 2, "eet": 2, "eest": 3, "msk": 3,
		"bst": 1, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
		"nst": -3.5, "ndt": -2.5, "jst": 9, "kst": 9, "hkt": 8, "awst": 8, "aest": 10, "aedt": 11, "acst": 9.5, "acdt": 10.5, "nzst": 12, "nzdt": 13,
	}
	if h, ok := hours[w]; ok {
		return int(h * 3600), true
	}
	w = strings.TrimPrefix(strings.TrimPrefix(w, "gmt"), "utc")
	if len(w) < 2 || w[0] != '+' && w[0] != '-' {
		return 0, false
	}
	digits := strings.Replace(w[1:], ":", "", 1)
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) > 4 || digits[0] < '0' || digits[0] > '9' {
		return 0, false
	}
	if len(digits) <= 2 {
		n *= 100
	}
	offset := n/100*3600 + n%100*60
	if offset > 14*3600 || n%100 > 59 {
		return 0, false
	}
	if w[0] == '-' {
		offset = -offset
	}
	return offset, true
}
