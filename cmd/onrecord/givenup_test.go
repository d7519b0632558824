// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"onrecord/crawler/fake"
)

// loopingFeed names older parts (RFC 5005) that in scene 1 lead round in a
// circle, away from what is known; in scene 2 they are in order again.
const loopingFeed = `A feed in parts.
-- GET /feed.xml --
Content-Type: application/atom+xml

<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>t</id><updated>2026-03-01T00:00:00Z</updated>ENTRY1</feed>
-- GET /feed.xml --
scene 1
Content-Type: application/atom+xml

<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>t</id><updated>2026-03-02T00:00:00Z</updated><link rel="next" href="https://jane.example/2.xml"/>ENTRY3</feed>
-- GET /2.xml --
Content-Type: application/atom+xml

<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>t</id><updated>2026-03-02T00:00:00Z</updated><link rel="next" href="https://jane.example/3.xml"/>ENTRY3</feed>
-- GET /3.xml --
Content-Type: application/atom+xml

<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>t</id><updated>2026-03-02T00:00:00Z</updated><link rel="next" href="https://jane.example/4.xml"/>ENTRY3</feed>
-- GET /4.xml --
Content-Type: application/atom+xml

<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>t</id><updated>2026-03-02T00:00:00Z</updated><link rel="next" href="https://jane.example/5.xml"/>ENTRY3</feed>
-- GET /2.xml --
scene 2
Content-Type: application/atom+xml

<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>t</id><updated>2026-03-02T00:00:00Z</updated><link rel="next" href="https://jane.example/3.xml"/>ENTRY2</feed>
-- GET /3.xml --
scene 2
Content-Type: application/atom+xml

<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>t</id><updated>2026-03-02T00:00:00Z</updated>ENTRY1</feed>
`

// Older pages that lead nowhere are a gap, which says so, and which ends when
// they were read as far as what is known: what lay between is there then.
func TestOlderPagesGivenUp(t *testing.T) {
	t.Parallel()
	script := loopingFeed
	for n := 1; n <= 3; n++ {
		script = strings.ReplaceAll(script, fmt.Sprintf("ENTRY%d", n),
			fmt.Sprintf(`<entry><title>%[1]d</title><id>i%[1]d</id><link href="https://jane.example/a%[1]d"/><published>2026-02-0%[1]dT00:00:00Z</published><updated>2026-02-0%[1]dT00:00:00Z</updated><content>Statement %[1]d.</content></entry>`, n))
	}
	site, err := fake.New([]byte(script))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(site)
	t.Cleanup(srv.Close)
	clock := start()
	h := newWorld(t, clock).open(t, fmt.Sprintf("      - {id: press, platform: website, account_id: jane.example, schedule: \"@every 1h\", doors: [{kind: feed, url: \"https://jane.example/feed.xml\", base_url: %q}]}\n", srv.URL))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, scene := range []int{0, 1, 1, 2, 2} {
		site.SetScene(scene)
		clock.to(clock.now().Add(time.Hour))
		rep, err := visitOf(in, t.Context(), in.Sources[0])
		if err != nil || rep.Failed() {
			t.Fatalf("%+v %v", rep, err)
		}
		known, err := h.catalog.KnownSource(t.Context(), "press")
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%d new", rep.Created)
		for _, g := range known.Gaps {
			line += fmt.Sprintf(", gap %s: %s", g.Reason, g.Note)
		}
		got = append(got, line)
	}
	const gap = ", gap backlog: 3 older pages in a row had no new statement and did not lead to what is known"
	if want := []string{"1 new", "1 new" + gap, "0 new" + gap, "1 new", "0 new"}; !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
