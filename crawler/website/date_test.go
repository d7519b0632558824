// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package website_test

import (
	"html"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler/website"
)

// TestDates reads dates as pages have them; the site is in Paris. A date that
// can mean two days is not read.
func TestDates(t *testing.T) {
	const second, minute, day = onrecord.PrecisionSecond, onrecord.PrecisionMinute, onrecord.PrecisionDay
	for _, tt := range []struct {
		given     string
		want      string // RFC 3339; empty if it can't be read
		precision onrecord.Precision
	}{
		{"2026-03-01T10:00:00+01:00", "2026-03-01T09:00:00Z", second},
		{"2026-03-01 10:00:00", "2026-03-01T09:00:00Z", second},
		{"Published on March 1, 2026 by the press office", "2026-02-28T23:00:00Z", day},
		{"Posted by, Jane Example on March 1, 2026", "2026-02-28T23:00:00Z", day},
		{"Mar. 4, 2026, 9:15 PM", "2026-03-04T20:15:00Z", minute},
		{"1 March 2026 | 12:05 am", "2026-02-28T23:05:00Z", minute},
		{"Publié le mardi 3 mars 2026 à 18h05", "2026-03-03T17:05:00Z", minute},
		{"1er août 2026", "2026-07-31T22:00:00Z", day},
		{"Le 12 février 2026", "2026-02-11T23:00:00Z", day},
		{"Donnerstag, 31. Dezember 2026, 14.30 Uhr", "2026-12-31T13:30:00Z", minute},
		{"Stand 27.01.2026", "2026-01-26T23:00:00Z", day},
		{"Miércoles, 4 de Mayo de  2026 a las 07:46hrs.", "2026-05-04T05:46:00Z", minute},
		{"4 de março de 2026", "2026-03-03T23:00:00Z", day},
		{"24. Juni 2026 - 12:12", "2026-06-24T10:12:00Z", minute},
		{"Selasa, 3 Maret 2026", "2026-03-02T23:00:00Z", day},
		{"3 марта 2026 года, 18:05", "2026-03-03T17:05:00Z", minute},
		{"3 Mart 2026", "2026-03-02T23:00:00Z", day},
		{"٣ مارس ٢٠٢٦", "2026-03-02T23:00:00Z", day},
		{"3 آذار 2026 18:05", "2026-03-03T17:05:00Z", minute},
		{"2026年3月3日", "2026-03-02T23:00:00Z", day},
		{"03/31/2026", "2026-03-30T22:00:00Z", day},
		{"31/03/2026 18:05", "2026-03-31T16:05:00Z", minute},
		{"05.06.2026", "2026-06-04T22:00:00Z", day},
		{"05/06/2026", "", ""},
		{"2 hours ago", "", ""},
		{"31 February 2026", "", ""},
		{"tomorrow", "", ""},
		{"Room 12 of March House", "", ""},
		{"ma 3 2026", "", ""},
	} {
		body := `<main><h1>x</h1><p class="when">` + html.EscapeString(tt.given) + `</p><div class="entry-content">A text that is long enough.</div></main>`
		d := door(t, func(o *website.Options) { o.Date = ".when" })
		p, err := d.Read(target, capture("item", "https://jane.example/a", []byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if o := p.Items[0]; !o.Published.IsZero() {
			got = o.Published.Format(time.RFC3339)
		}
		if got != tt.want || p.Items[0].Precision != tt.precision {
			t.Errorf("%q: %s %s, want %s %s", tt.given, got, p.Items[0].Precision, tt.want, tt.precision)
		}
	}
}
