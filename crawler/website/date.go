// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"onrecord"
	"onrecord/crawler"
)

var (
	publishedMeta = mustPick(`meta[property="article:published_time"], meta[property="og:article:published_time"], meta[name="article:published_time"], meta[itemprop~="datePublished"], meta[name="DC.date.issued" i], meta[name="dcterms.date" i], meta[name="dcterms.created" i]`)
	publishedItem = mustPick(`[itemprop~="datePublished"]`)
	publishedTime = mustPick("time[pubdate][datetime], time.published[datetime], time.entry-date[datetime]")
	mainTime      = mustPick("article time[datetime]:not(.updated), main time[datetime]:not(.updated), [role=main] time[datetime]:not(.updated)")
	anyTime       = mustPick("time[datetime]:not(.updated)")
	dateClass     = mustPick("article .entry-date, article .post-date, .entry-date, .post-date, .article-date, .news-date, .published, article time, main time, article .date, main .date, .date, .date-display-single, .submitted, .posted-on, .entry-meta, .post-meta, .article-meta, .byline")
)

// maxDates is how many elements of one kind are looked at for a date.
const maxDates = 8

// maxDate is the longest text that is searched for a date, in bytes.
const maxDate = 300

// published returns the date of publication as given: the configured one; else
// the first of these that can be read: that of the structured data, of the
// page's head, of microdata, of time elements, of a text whose class says that
// it is one. Nothing where there is none.
func (r reading) published(doc *page, d data) string {
	if p := r.door.date; p != nil {
		if n := p.first(doc.root); n != nil {
			return bounded(p.value(n))
		}
		return ""
	}
	try := []string{d.published}
	for _, s := range []struct {
		sel   *picker
		attrs []string
	}{
		{publishedMeta, []string{"content"}}, {publishedItem, []string{"content", "datetime", ""}}, {publishedTime, []string{"datetime"}},
		{mainTime, []string{"datetime"}}, {anyTime, []string{"datetime"}}, {dateClass, []string{""}},
	} {
		nodes := s.sel.all(doc.root)
		for _, n := range nodes[:min(len(nodes), maxDates)] {
			for _, a := range s.attrs {
				if a == "" {
					try = append(try, oneLine(text(n)))
				} else {
					try = append(try, oneLine(attr(n, a)))
				}
			}
		}
	}
	for _, s := range try {
		if _, _, ok := parseDate(s, r.door.zone); ok {
			return s
		}
	}
	return ""
}

// bounded drops what is too long to be a date.
func bounded(s string) string {
	if len(s) > maxDate {
		return ""
	}
	return s
}

// parseDate reads a date as pages write it for people and machines: what
// crawler.ParseDate reads, or the first date within a text: day, name of the
// month (English, French, German, Spanish, Portuguese, Italian, Dutch,
// Indonesian, Russian, Turkish, Arabic) and year in any usual order, with dots
// (31.12.2026), with slashes where only one order makes a date, or in Chinese
// and Japanese; and the time that follows. A date without zone is one in zone.
func parseDate(s string, zone *time.Location) (time.Time, onrecord.Precision, bool) {
	if s == "" || len(s) > maxDate {
		return time.Time{}, "", false
	}
	if t, p, ok := crawler.ParseDate(s, zone); ok {
		return t, p, true
	}
	words := dateWords(s)
	for i := range words {
		day, n := dayAt(words[i:])
		if n == 0 {
			continue
		}
		if clock := clockAt(words[i+n:]); clock != "" {
			if t, p, ok := crawler.ParseDate(day+" "+clock, zone); ok {
				return t, p, true
			}
		}
		if t, p, ok := crawler.ParseDate(day, zone); ok {
			return t, p, true
		}
	}
	return time.Time{}, "", false
}

// dateWords cuts a text into numbers, names and marks, in lower case, with
// Western digits and without the small words of dates.
func dateWords(s string) []string {
	var words []string
	var b strings.Builder
	end := func() {
		if w := strings.TrimRight(b.String(), ".'’"); w != "" && !isFiller(w) {
			words = append(words, w)
		}
		b.Reset()
	}
	kind := 0
	for _, r := range strings.ToLower(s) {
		k := 0
		switch {
		case digit(r) >= 0:
			r, k = '0'+digit(r), 1
		case unicode.Is(unicode.Han, r):
			k = 3
		case unicode.IsLetter(r) || unicode.Is(unicode.Mn, r):
			k = 2
		case strings.ContainsRune(":/.-+", r) && kind == 1:
			k = 1
		}
		if k != kind || k == 3 {
			end()
		}
		if kind = k; k != 0 {
			b.WriteRune(r)
		}
	}
	end()
	return words
}

// digit returns the value of a decimal digit: Western, Arabic, Persian or of
// Devanagari; -1 for those of other scripts.
func digit(r rune) rune {
	for _, zero := range []rune{'0', '\u0660', '\u06f0', '\u0966', '\uff10'} {
		if r >= zero && r < zero+10 {
			return r - zero
		}
	}
	return -1
}

func isFiller(w string) bool {
	switch w {
	case "de", "del", "di", "da", "le", "la", "the", "of", "st", "nd", "rd", "th", "er", "an", "am.", "den", "der", "di.":
		return true
	}
	return false
}

// dayAt reads the date at the beginning of words and returns it as ISO 8601,
// and how many words it has; 0 for none.
func dayAt(words []string) (day string, n int) {
	if day := numericDay(words[0]); day != "" {
		return day, 1
	}
	if len(words) >= 5 && words[1] == "年" && words[3] == "月" {
		return isoDay(number(words[0]), number(words[2]), number(words[4])), 5
	}
	if len(words) < 3 {
		return "", 0
	}
	d, m, y := number(words[0]), month(words[1]), number(words[2])
	if m == 0 {
		d, m = number(words[1]), month(words[0])
	}
	if m == 0 || y < 1000 {
		return "", 0
	}
	if day = isoDay(y, m, d); day == "" {
		return "", 0
	}
	return day, 3
}

// numericDay reads 31.12.2026, 12/31/2026 and 31/12/2026 where only one order
// makes a date, 2026.12.31 and 2026/12/31.
func numericDay(w string) string {
	for _, sep := range []string{".", "/", "-"} {
		p := strings.Split(w, sep)
		if len(p) != 3 {
			continue
		}
		a, b, c := number(p[0]), number(p[1]), number(p[2])
		switch {
		case len(p[0]) == 4:
			return isoDay(a, b, c)
		case len(p[2]) != 4:
			return ""
		case sep == "." || a > 12 || a == b:
			return isoDay(c, b, a)
		case b > 12:
			return isoDay(c, a, b)
		}
	}
	return ""
}

func isoDay(y, m, d int) string {
	if y < 1000 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31 {
		return ""
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d {
		return "" // the 31st of a month that has none
	}
	return t.Format(time.DateOnly)
}

// clockAt reads the time of day within the next few words: 10:00, 10:00:30,
// 10.00 and 10 h 00; with am or pm.
func clockAt(words []string) string {
	for i, w := range words[:min(len(words), 4)] {
		w = strings.TrimSuffix(w, "-")
		if strings.Count(w, ".") == 1 && i+1 < len(words) && words[i+1] == "uhr" {
			w = strings.Replace(w, ".", ":", 1)
		}
		if h := number(w); h >= 0 && h < 24 && i+2 < len(words) && (words[i+1] == "h" || words[i+1] == "heures") && len(words[i+2]) == 2 && number(words[i+2]) >= 0 {
			return clock(w+":"+words[i+2], "")
		}
		if strings.Contains(w, ":") {
			half := ""
			if i+1 < len(words) {
				half = words[i+1]
			}
			return clock(w, half)
		}
	}
	return ""
}

// clock returns a time of day as ISO 8601 has it; nothing for what is none.
func clock(s, half string) string {
	p := strings.Split(s, ":")
	if len(p) != 2 && len(p) != 3 {
		return ""
	}
	h := number(p[0])
	switch {
	case h < 0 || h > 23:
		return ""
	case half == "pm" && h < 12:
		h += 12
	case half == "am" && h == 12:
		h = 0
	}
	for _, w := range p[1:] {
		if n := number(w); len(w) != 2 || n < 0 || n > 59 {
			return ""
		}
	}
	p[0] = strconv.Itoa(100 + h)[1:]
	return strings.Join(p, ":")
}

// number returns a decimal number, or -1.
func number(w string) int {
	if len(w) == 0 || len(w) > 4 || strings.Trim(w, "0123456789") != "" {
		return -1
	}
	n, _ := strconv.Atoi(w)
	return n
}
