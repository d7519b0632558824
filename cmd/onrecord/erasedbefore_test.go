// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"onrecord"
)

// TestEraseWhatWasLeft: an erasure that left evidence and lines is finished by
// another one, which is given the address.
func TestEraseWhatWasLeft(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	m := newMachines(t, 1, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL))[0]
	m.run(t, "crawl", "masto")
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
