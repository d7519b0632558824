// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler/fake"
)

// TestTelegramLife runs the life of a channel through the real client, door,
// judgement, record and catalog: which events become of it, and that nothing
// that stands in place of a page is taken for a deletion.
func TestTelegramLife(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(filepath.Join("..", "..", "crawler", "telegram", "testdata", "life.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	platform, err := fake.New(script)
	if err != nil {
		t.Fatal(err)
	}
	clock := start()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock.now().UTC().Format(http.TimeFormat))
		platform.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h := newWorld(t, clock).open(t, fmt.Sprintf("      - {id: telegram, platform: telegram, account: \"@janeoffice\", schedule: \"@every 1h\", doors: [{kind: preview, base_url: %q}]}\n", srv.URL))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	known := int64(0)
	for _, step := range []struct {
		scene  int
		visits int
		apart  time.Duration
		what   string
	}{
		{0, 2, time.Hour, "six posts"}, {1, 1, time.Hour, "one is edited"}, {2, 3, time.Hour, "one is deleted"}, {2, 1, 25 * time.Hour, "and is a day later"},
		{3, 2, 7 * time.Hour, "a block page"}, {4, 2, 7 * time.Hour, "nothing at all"}, {5, 2, 7 * time.Hour, "Telegram's own page"},
		{6, 2, 7 * time.Hour, "preview off"}, {7, 2, 25 * time.Hour, "no such name"}, {8, 2, 25 * time.Hour, "cut"}, {9, 2, 25 * time.Hour, "too many requests"},
		{10, 2, 25 * time.Hour, "down"}, {11, 2, 25 * time.Hour, "an empty channel"}, {12, 1, 25 * time.Hour, "back, with a new post"},
		{13, 2, 25 * time.Hour, "the name is another's"},
	} {
		platform.SetScene(step.scene)
		fmt.Fprintf(&out, "%s\n", step.what)
		for range step.visits {
			clock.to(clock.now().Add(step.apart))
			rep, err := visitOf(in, t.Context(), in.Sources[0])
			if err != nil {
				t.Fatalf("%s: %+v %v", step.what, rep, err)
			}
			fmt.Fprintf(&out, "  visit %s\n", rep.Outcome)
			for e := range eventsFrom(t, h, &known) {
				fmt.Fprintf(&out, "    %s\n", e)
			}
		}
	}
	path := filepath.Join("testdata", "telegram.golden")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), out.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
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

// eventsFrom yields what was recorded since *known, a line an event, and moves
// *known on.
func eventsFrom(t *testing.T, h *house, known *int64) func(func(string) bool) {
	t.Helper()
	return func(yield func(string) bool) {
		for e, err := range h.archive.Walk(t.Context(), *known) {
			if err != nil {
				t.Fatal(err)
			}
			*known = e.Index + 1
			if e.Event.Type == onrecord.VisitLine || e.Event.Type == onrecord.SourceLooked {
				continue
			}
			if !yield(eventLine(e.Event)) {
				return
			}
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
