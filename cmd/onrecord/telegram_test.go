// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"testing"
	"time"

	"onrecord"
)

// TestTelegramLife runs the life of a channel through the real client, door,
// judgement, record and catalog: which events become of it, and that nothing
// that stands in place of a page is taken for a deletion.
func TestTelegramLife(t *testing.T) {
	t.Parallel()
	h := life{
		name:   "telegram",
		source: "      - {id: telegram, platform: telegram, account: \"@janeoffice\", schedule: \"@every 1h\", doors: [{kind: preview, base_url: %q}]}\n",
		steps: []lifeStep{
			{0, 2, time.Hour, "six posts"}, {1, 1, time.Hour, "one is edited"}, {2, 3, time.Hour, "one is deleted"}, {2, 1, 25 * time.Hour, "and is a day later"},
			{3, 2, 7 * time.Hour, "a block page"}, {4, 2, 7 * time.Hour, "nothing at all"}, {5, 2, 7 * time.Hour, "Telegram's own page"},
			{6, 2, 7 * time.Hour, "preview off"}, {7, 2, 25 * time.Hour, "no such name"}, {8, 2, 25 * time.Hour, "cut"}, {9, 2, 25 * time.Hour, "too many requests"},
			{10, 2, 25 * time.Hour, "down"}, {11, 2, 25 * time.Hour, "an empty channel"}, {12, 1, 25 * time.Hour, "back, with a new post"},
			{13, 2, 25 * time.Hour, "the name is another's"},
		},
		line: func(e onrecord.Event, _ time.Time) string { return eventLine(e) },
	}.play(t)
	telegramStatement(t, h)
}

// telegramStatement looks at what the catalog knows in the end.
func telegramStatement(t *testing.T, h *house) {
	t.Helper()
	for post, want := range map[string]onrecord.State{"2": onrecord.StateLive, "3": onrecord.StateLive, "6": onrecord.StateDeleted, "7": onrecord.StateLive, "9": onrecord.StateLive} {
		s, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("telegram", "1234567890/"+post))
		if err != nil || s.State != want {
			t.Errorf("post %s: %s, %v; want %s", post, s.State, err, want)
		}
	}
}

// eventLine writes an event without times.
func eventLine(e onrecord.Event) string {
	line := string(e.Type)
	for _, word := range []string{e.NativeID, string(e.Look), string(e.Grade), e.Code, e.Reason} {
		if word != "" {
			line += " " + word
		}
	}
	if e.Content != nil {
		line += fmt.Sprintf(" %s %q", e.Content.Type, e.Content.Text)
	}
	if e.Gap != nil {
		line += fmt.Sprintf(" %s open=%t", e.Gap.Reason, e.Gap.Open)
	}
	if e.Observed != nil {
		line += fmt.Sprintf(" observed %s %s %s", e.Observed.ID, e.Observed.Handle, e.Observed.Name)
	}
	return line
}
