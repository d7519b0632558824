// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord"
)

// TestEraseWhatWasLeft: an erasure that left evidence and lines is finished by
// another one, which is given the address.
func TestEraseWhatWasLeft(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	m := s.crawled(t)
	s.edited.Store(true)
	m.run(t, "crawl", "masto")
	m.run(t, "crawl", "masto")
	native := "https://social.example/users/jane/statuses/" + secretID
	id := onrecord.NewStatementID("mastodon", native)
	h := openAt(t, m, writing)
	st, err := h.catalog.Statement(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = h.act(t.Context(), func() (*onrecord.Event, error) { // it names one line, and nothing else
		down := onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "personal data"}
		plan, err := h.archive.PlanErasure(t.Context(), onrecord.Erasure{Leaves: []int64{st.LogIndex}}, down.Case)
		e := h.takedownEvent(onrecord.StatementErased, st, down)
		e.Erasure = &plan
		return e, err
	})
	if err == nil {
		_, err = h.finishErasures(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = h.close()
	secrets := map[string]string{"wording": secretWords, "later wording": laterWords, "local id": secretID}
	home := filepath.Dir(m.config)
	if len(seek(t, home, secrets)) == 0 {
		t.Fatal("nothing is left even before")
	}
	if out := m.run(t, "erase", native, "--case", "T-2", "--yes-erase", string(id)); !strings.Contains(out, "is erased  case T-2") {
		t.Errorf("erase says %q", out)
	}
	if hits := seek(t, home, secrets); len(hits) > 0 {
		t.Errorf("there is still:\n%s", strings.Join(hits, "\n"))
	}
	if out := m.run(t, "erase", native, "--case", "T-3", "--yes-erase", string(id)); !strings.Contains(out, "was erased before, case T-2; nothing is left") {
		t.Errorf("a third time: %q", out)
	}
	m.run(t, "verify")
}

// TestErasedIsPutBack: somebody puts objects back from a copy that is older than an
// erasure. What they show is served to nobody once that is found, and is erased anew:
// by a process that serves, and by the command.
func TestErasedIsPutBack(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	m := s.crawled(t)
	bucket, old := filepath.Join(filepath.Dir(m.config), "bucket"), filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(bucket)); err != nil {
		t.Fatal(err)
	}
	id := string(secretStatement())
	m.run(t, "erase", id, "--case", "T-1", "--yes-erase", id)
	h := openAt(t, m, writing)
	erasures, err := h.archive.Redactions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	objects := erasures.Erasures()[0].Erasure.Objects
	putBack := func() {
		t.Helper()
		for _, o := range objects {
			b, err := os.ReadFile(filepath.Join(old, o.Key))
			if err == nil {
				err = os.WriteFile(filepath.Join(bucket, o.Key), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	served := func(want int) {
		t.Helper()
		for _, o := range objects {
			w := httptest.NewRecorder()
			site.ServeHTTP(w, httptest.NewRequest("GET", "/record/"+o.Key, nil))
			if w.Code != want || strings.HasPrefix(o.Key, "captures/") && want == 200 && tellsSecret(t, w.Body.Bytes()) {
				t.Errorf("%s: %d, not %d", o.Key, w.Code, want)
			}
		}
	}
	served(200)
	putBack()
	found, err := h.archive.Undone(t.Context())
	if err != nil || objectsBack(found) != len(objects) || len(objects) < 2 {
		t.Fatalf("of %d objects these are back: %v, %v", len(objects), found, err)
	}
	h.noteBack(found)
	served(451)
	if left, err := h.stillGone(t.Context(), nil); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
	served(200)
	m.run(t, "verify")
	putBack()
	if out := m.run(t, "erase", id, "--case", "T-1", "--yes-erase", id); !strings.Contains(out, "objects held again what was erased") {
		t.Errorf("erase says %q", out)
	}
	served(200)
	m.run(t, "verify")
	if out := m.run(t, "erase", id, "--case", "T-1", "--yes-erase", id); !strings.Contains(out, "nothing is left") {
		t.Errorf("and again: %q", out)
	}
}
