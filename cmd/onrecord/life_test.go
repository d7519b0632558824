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
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler/fake"
)

// A life is what happens to an account, as its door's package has scripted it.
type life struct {
	name   string // of the door's package, and of the golden
	source string // its configuration, with %q where the platform is
	steps  []lifeStep
	line   func(e onrecord.Event, now time.Time) string // words an event
}

// A lifeStep is a scene, and how it is visited.
type lifeStep struct {
	scene  int
	visits int
	apart  time.Duration
	what   string
}

// play runs a life through the real client, door, judgement, record and catalog,
// and compares the events that become of it with the golden.
func (l life) play(t *testing.T) *house {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("..", "..", "crawler", l.name, "testdata", "life.txtar"))
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
	h := newWorld(t, clock).open(t, fmt.Sprintf(l.source, srv.URL))
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	known := int64(0)
	for _, step := range l.steps {
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
				fmt.Fprintf(&out, "    %s\n", l.line(e, clock.now()))
			}
		}
	}
	compareGolden(t, l.name+".golden", out.String())
	return h
}

// eventsFrom yields the lines from a ledger index on, those of visits among them
// but no looks without news, and moves the index behind them.
func eventsFrom(t *testing.T, h *house, known *int64) func(func(onrecord.Event) bool) {
	t.Helper()
	return func(yield func(onrecord.Event) bool) {
		for e, err := range h.archive.Walk(t.Context(), *known) {
			if err != nil {
				t.Fatal(err)
			}
			*known = e.Index + 1
			if e.Event.Type != onrecord.SourceLooked && !yield(e.Event) {
				return
			}
		}
	}
}

// compareGolden compares got with a file in testdata, or writes it there.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, d)
	}
}
