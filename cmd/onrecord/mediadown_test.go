// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
)

// withhold decides that a statement is not shown.
func (m *mediaSite) withhold(t *testing.T, name string) {
	t.Helper()
	id := onrecord.NewStatementID("website", "https://a.example/"+name)
	st, err := m.h.catalog.Statement(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	found, err := m.h.shows(t.Context(), st, nil, m.h.journal(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = m.h.act(t.Context(), func() (*onrecord.Event, error) {
		e := m.h.takedownEvent(onrecord.StatementWithheld, st, onrecord.Takedown{Ground: onrecord.GroundLaw, Case: "T-1", Reason: "personal data"})
		e.Erasure = &onrecord.Erasure{Records: found.records}
		return e, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// erase erases a statement.
func (m *mediaSite) erase(t *testing.T, name string) {
	t.Helper()
	st, err := m.h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/"+name))
	if err != nil {
		t.Error(err)
		return
	}
	r := eraseRequest{down: onrecord.Takedown{Ground: onrecord.GroundLaw, Case: "T-2", Reason: "personal data"}}
	if err := r.erase(t.Context(), m.h, st); err != nil {
		t.Error(err)
	}
}

// TestMediaTakenDown: bytes that two statements have are shown while one of them
// is, and are in the bucket until both are erased.
func TestMediaTakenDown(t *testing.T) {
	t.Parallel()
	m := newMediaSite(t)
	p, own := painting(t, 33), painting(t, 99)
	m.bytes("/a.png", p)
	m.bytes("/b.png", p)
	m.bytes("/own.png", own)
	m.items(mediaItem{"one", "/a.png", "/own.png"}, mediaItem{"two", "/b.png"})
	m.visit(t)
	m.fetch(t)
	site := m.site(t)
	shown := func(b []byte) int { return ask(site, "GET", "/media/"+digestHex(b)+".png").Code }
	thumb := func(b []byte) string { return filepath.Join(m.h.cfg.StateDir, "thumbs", digestHex(b)+".jpg") }
	if err := os.MkdirAll(filepath.Dir(thumb(p)), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{p, own} {
		if err := os.WriteFile(thumb(b), []byte("small"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	small := func(b []byte) bool {
		_, err := os.Stat(thumb(b))
		return err == nil
	}
	m.withhold(t, "one")
	if got := []int{shown(p), shown(own)}; !slices.Equal(got, []int{200, 451}) {
		t.Errorf("one of two statements is withheld: %v", got)
	}
	if got := ask(site, "GET", "/media/"+digestHex(own)+".png", "If-None-Match", `"`+digestHex(own)+`"`); got.Code != 451 || strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("a cache that asks again is told %d, %q", got.Code, got.Header().Get("Cache-Control"))
	}
	m.withhold(t, "two")
	if got := shown(p); got != 451 {
		t.Errorf("both are withheld: %d", got)
	}
	m.erase(t, "one")
	site = m.site(t)
	if n, _ := m.copiesOf(t, p); n != 1 {
		t.Errorf("%d copies of the bytes that the other statement has", n)
	}
	if n, _ := m.copiesOf(t, own); n != 0 || shown(own) != 404 {
		t.Errorf("%d copies of the bytes of an erased statement, served with %d", n, shown(own))
	}
	if got := []bool{small(p), small(own)}; !slices.Equal(got, []bool{true, false}) {
		t.Errorf("small pictures once one of two statements is erased: %v", got)
	}
	m.mustVerify(t)
	m.erase(t, "two")
	if n, _ := m.copiesOf(t, p); n != 0 || shown(p) != 404 {
		t.Errorf("%d copies of bytes that only erased statements had, served with %d", n, shown(p))
	}
	if small(p) {
		t.Error("the small picture of erased bytes is still there")
	}
	m.mustVerify(t)
	m.sameCatalog(t)
}

// TestMediaErasedMeanwhile: a statement is erased while its attachment is on the
// way: the bytes do not come behind the erasure, and another statement keeps its
// own.
func TestMediaErasedMeanwhile(t *testing.T) {
	t.Parallel()
	m := newMediaSite(t)
	p, other := painting(t, 50), painting(t, 51)
	m.file("/a.png", func(w http.ResponseWriter, _ *http.Request) {
		m.erase(t, "one")
		_, _ = w.Write(p)
	})
	m.bytes("/b.png", other)
	m.items(mediaItem{"one", "/a.png?Expires=" + fmt.Sprint(m.clock.now().Add(5*time.Hour).Unix())}, mediaItem{"two", "/b.png"})
	m.visit(t)
	m.fetch(t)
	if d := cmp.Diff([]string{"two a.example/b.png media.kept"}, m.events(t)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n, _ := m.copiesOf(t, p); n != 0 {
		t.Errorf("%d copies of the bytes of an erased statement", n)
	}
	if n, _ := m.copiesOf(t, other); n != 1 {
		t.Errorf("%d copies of the other's", n)
	}
	if rep := m.fetch(t); rep.Requests > 0 {
		t.Errorf("asked for again: %+v", rep)
	}
	m.mustVerify(t)
	m.sameCatalog(t)
}
