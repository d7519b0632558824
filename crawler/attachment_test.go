// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"strings"
	"testing"

	"onrecord"
	"onrecord/crawler"
)

func TestMediaAt(t *testing.T) {
	const base = "https://jane.example/news/1"
	for _, test := range []struct{ address, kind, url, wantKind, expires string }{
		{"a.jpg?w=2#x", "image/jpeg", "https://jane.example/news/a.jpg?w=2", "image", ""},
		{"//cdn.example/a", "gifv", "https://cdn.example/a", "video", ""},
		{"https://s3.example/a?X-Amz-Date=20260806T100000Z&X-Amz-Expires=3600", "", "https://s3.example/a?X-Amz-Date=20260806T100000Z&X-Amz-Expires=3600", "", "2026-08-06T11:00:00Z"},
		{"https://s3.example/a?X-Amz-Date=20260806T100000Z&X-Amz-Expires=99999999", "", "https://s3.example/a?X-Amz-Date=20260806T100000Z&X-Amz-Expires=99999999", "", ""},
		{"https://cdn.example/a?Expires=1786010400&Signature=x", "application/pdf", "https://cdn.example/a?Expires=1786010400&Signature=x", "document", "2026-08-06T10:00:00Z"},
		{"https://cdn.example/a?oe=6A745B20", "", "https://cdn.example/a?oe=6A745B20", "", "2026-08-06T10:00:00Z"},
		{"https://cdn.example/a?expires=7", "text/html", "https://cdn.example/a?expires=7", "", ""},
		{"data:image/png;base64,AAAA", "image", "", "image", ""}, {"javascript:alert(1)", "", "", "", ""}, {"https://user:pw@cdn.example/a", "", "", "", ""},
		{"https://cdn.example/" + strings.Repeat("a", 5000), "audio/mpeg", "", "audio", ""}, {"", "document", "", "document", ""}, {"http://[::1", "", "", "", ""},
	} {
		m := crawler.MediaAt(onrecord.Media{ID: "1"}, base, test.address, test.kind)
		expires := ""
		if !m.Expires.IsZero() {
			expires = m.Expires.Format("2006-01-02T15:04:05Z07:00")
		}
		if m.ID != "1" || m.URL != test.url || m.Kind != test.wantKind || expires != test.expires {
			t.Errorf("%.80s: %+v", test.address, m)
		}
	}
}
