// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"onrecord"
	"onrecord/config"
)

// mastodonSteps are the scenes of the life of an account.
var mastodonSteps = []lifeStep{
	{0, 2, time.Hour, "six posts on two pages"}, {1, 1, time.Hour, "one is edited twice"}, {2, 3, time.Hour, "the newest is deleted"},
	{2, 1, 25 * time.Hour, "and is a day later"}, {3, 1, 7 * time.Hour, "too many requests"}, {4, 1, 60 * 24 * time.Hour, "pages in HTML"},
	{5, 1, 25 * time.Hour, "a maintenance page"}, {6, 1, 25 * time.Hour, "JSON that ends early"}, {7, 1, 25 * time.Hour, "a connection that does"},
	{8, 1, 25 * time.Hour, "a closed server"}, {9, 1, 25 * time.Hour, "down"}, {10, 2, 25 * time.Hour, "suspended"},
	{11, 2, 25 * time.Hour, "back, with a boost and a post"}, {12, 2, 25 * time.Hour, "what was boosted is edited by its author"},
	{13, 2, 25 * time.Hour, "moved"}, {14, 1, 25 * time.Hour, "moved back"}, {15, 2, 25 * time.Hour, "closed"},
	{14, 1, 25 * time.Hour, "and open again"}, {16, 2, 25 * time.Hour, "the name is another's"},
}

// TestMastodonLife runs the life of an account through the real client, door,
// judgement, record and catalog: which events become of it, and that nothing
// that stands in place of an answer is taken for a deletion.
func TestMastodonLife(t *testing.T) {
	t.Parallel()
	h := life{
		name: "mastodon", steps: mastodonSteps, line: mastodonLine,
		source: "      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@every 1h\", doors: [{kind: api, base_url: %q}]}\n",
	}.play(t)
	mastodonStatements(t, h)
}

// mastodonLine writes an event with the platform's own times, and its window as
// it lies before now.
func mastodonLine(e onrecord.Event, now time.Time) string {
	line := eventLine(e)
	if !e.Changed.IsZero() {
		line += " changed " + e.Changed.Format(time.RFC3339Nano)
	}
	if e.Content != nil || e.Grade != "" {
		ago := func(t time.Time) string {
			if t.IsZero() {
				return "?"
			}
			return now.Sub(t).Round(time.Hour).String()
		}
		line += fmt.Sprintf(" (%s to %s ago]", ago(e.After), ago(e.By))
	}
	return line
}

// mastodonStatements looks at what the catalog knows in the end.
func mastodonStatements(t *testing.T, h *house) {
	t.Helper()
	for id, want := range map[string]onrecord.State{
		"117019194163200001": onrecord.StateLive, "117041843404800001": onrecord.StateLive, "117047505715200001": onrecord.StateDeleted,
		"117194961715200001": onrecord.StateLive, "117194725785600001/activity": onrecord.StateLive,
	} {
		s, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/"+id))
		if err != nil || s.State != want {
			t.Errorf("%s: %s, %v; want %s", id, s.State, err, want)
		}
	}
}

// TestMastodonAccountIsChecked: a handle without server is a problem of the
// configuration, at its place.
func TestMastodonAccountIsChecked(t *testing.T) {
	const text = `archive: {name: A, operator: {name: B, email: desk@archive.example}, url: https://archive.example}
storage: {url: "file:///tmp/x"}
log: {origin: archive.example/log}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
      - {id: masto, platform: mastodon, account: %s, schedule: "@every 2m", doors: [{kind: api}]}
`
	for account, want := range map[string]string{
		`"@jane@social.example"`: "",
		`"@jane"`:                `onrecord.yaml:8:50: figures[0].sources[0].account: "@jane": no handle of the form @name@server: it names no server`,
		`"@jane@so cial"`:        `onrecord.yaml:8:50: figures[0].sources[0].account: "@jane@so cial": no handle of the form @name@server: "so cial" is no host (an international name is written in its xn-- form)`,
	} {
		_, err := config.Parse("onrecord.yaml", fmt.Appendf(nil, text, account), configOptions())
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("account %s:\n got %s\nwant %s", account, got, want)
		}
	}
}
