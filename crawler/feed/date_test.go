// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"fmt"
	"html"
	"testing"
	"time"

	"onrecord"
)

// TestDates reads dates as feeds write them; the site is in Paris.
func TestDates(t *testing.T) {
	const second, minute, day, month, year = onrecord.PrecisionSecond, onrecord.PrecisionMinute, onrecord.PrecisionDay, onrecord.PrecisionMonth, onrecord.PrecisionYear
	for _, tt := range []struct {
		given     string
		want      string // RFC 3339; empty if it can't be read
		precision onrecord.Precision
	}{
		{"Sun, 01 Mar 2026 10:00:00 GMT", "2026-03-01T10:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00 +0000", "2026-03-01T10:00:00Z", second},
		{"Sun, 1 Mar 2026 10:00:00 Z", "2026-03-01T10:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00 UT", "2026-03-01T10:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00 EST", "2026-03-01T15:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00 PDT", "2026-03-01T17:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00 -0500", "2026-03-01T15:00:00Z", minute},
		{"Sun, 01 Mar 2026 10:00:00 GMT+0200", "2026-03-01T08:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00 +02:00", "2026-03-01T08:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00 -0500 (EST)", "2026-03-01T15:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00", "2026-03-01T09:00:00Z", second},
		{"Wed, 01 Jul 2026 10:00:00", "2026-07-01T08:00:00Z", second},
		{"Sun, 01 Mar 2026", "2026-02-28T23:00:00Z", day},
		{"01 Mar 26 10:00 GMT", "2026-03-01T10:00:00Z", minute},
		{"01 Mar 99 10:00 GMT", "1999-03-01T10:00:00Z", minute},
		{"Fri, 01 Mar 2026 10:00:00 GMT", "2026-03-01T10:00:00Z", second}, // a Sunday
		{"Sunday, 1 March 2026 10:00:00 GMT", "2026-03-01T10:00:00Z", second},
		{"March 1, 2026 10:00 PM", "2026-03-01T21:00:00Z", minute},
		{"March 1st, 2026 at 12:05 a.m.", "2026-02-28T23:05:00Z", minute},
		{"Mar. 1, 2026", "2026-02-28T23:00:00Z", day},
		{"1 Sept 2026 10:00 UTC", "2026-09-01T10:00:00Z", minute},
		{"Sun Mar 01 10:00:00 +0000 2026", "2026-03-01T10:00:00Z", second},
		{"Sun Mar  1 10:00:00 2026", "2026-03-01T09:00:00Z", second},
		{"01-Mar-2026 10:00:00 GMT", "2026-03-01T10:00:00Z", second},
		{"Sun, 01 Mar 2026 10:00:00 IST", "2026-02-28T23:00:00Z", day},
		{"Sun, 01 Mar 2026 23:59:60 GMT", "2026-03-01T23:59:59Z", second},
		{"2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z", second},
		{"2026-03-01T10:00:00.1234567+01:00", "2026-03-01T09:00:00.123456Z", second},
		{"2026-03-01T10:00:00+0100", "2026-03-01T09:00:00Z", second},
		{"2026-03-01T10:00+01:00", "2026-03-01T09:00:00Z", minute},
		{"2026-03-01T10:00:00", "2026-03-01T09:00:00Z", second},
		{"2026-03-01 10:00:00", "2026-03-01T09:00:00Z", second},
		{"2026-03-01 10:00:00 +0100", "2026-03-01T09:00:00Z", second},
		{"2026-03-01 10:00:00 UTC", "2026-03-01T10:00:00Z", second},
		{"2026-03-01 10:00", "2026-03-01T09:00:00Z", minute},
		{"2026/3/1 10:00:00", "2026-03-01T09:00:00Z", second},
		{"dim, 01 mar 2026 10:00:00 +0100", "2026-03-01T09:00:00Z", second},
		{"2026-03-01", "2026-02-28T23:00:00Z", day},
		{"2026-03", "2026-02-28T23:00:00Z", month},
		{"2026", "2025-12-31T23:00:00Z", year},
		{"  Sun,\n 01 Mar 2026   10:00:00 GMT ", "2026-03-01T10:00:00Z", second},
		{"Wed, 01 Jan 2098 00:00:00 GMT", "2098-01-01T00:00:00Z", second},
		{"", "", ""}, {"today", "", ""}, {"2 hours ago", "", ""}, {"03/01/2026", "", ""}, {"30 Feb 2026", "", ""}, {"2026-02-30", "", ""},
		{"10:00:00 GMT", "", ""}, {"Mar 2026", "", ""}, {"01 Mar 2026 25:00:00 GMT", "", ""}, {"01 Mar 2026 10:61 GMT", "", ""}, {"0000-00-00T00:00:00Z", "", ""},
		{"1 Mar 0001 00:00:00 GMT", "", ""}, {"1 Mar 2026 10:00 11:00", "", ""}, {"1772359200", "", ""}, {"0001-01-01T00:00:00Z", "", ""},
	} {
		body := fmt.Sprintf("<rss><channel><title>x</title><item><link>https://jane.example/1</link><pubDate>%s</pubDate></item></channel></rss>", html.EscapeString(tt.given))
		p, err := door(t).Read(target, page("", []byte(body)))
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("%q: %d items, %v", tt.given, len(p.Items), err)
		}
		got := ""
		if o := p.Items[0]; !o.Published.IsZero() {
			got = o.Published.Format(time.RFC3339Nano)
		}
		if got != tt.want || p.Items[0].Precision != tt.precision {
			t.Errorf("%q: %q to the %s, want %q to the %s", tt.given, got, p.Items[0].Precision, tt.want, tt.precision)
		}
	}
}
