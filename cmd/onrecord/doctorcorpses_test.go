// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/config"
)

// The doctor names what repairs have set aside, and for how long it has lain
// there.
func TestDoctorNamesCorpses(t *testing.T) {
	t.Parallel()
	clock, w, _, _, h, in := press(t, "one")
	mustVisit(t, in)
	away := t.TempDir()
	cfg := *w.cfg
	cfg.Storage.Replicas = []config.Store{{URL: "file://" + away}}
	h.cfg = &cfg
	h.copies = h.newReplicas()
	if _, err := h.copies.list[0].replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	folder := strings.TrimPrefix(h.cfg.Storage.URL, "file://")
	captures, err := filepath.Glob(filepath.Join(folder, "captures", "*", "*", "*", "*.warc.gz"))
	if err != nil || len(captures) == 0 {
		t.Fatalf("%v, %v", captures, err)
	}
	if err := os.Chmod(captures[0], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(captures[0], []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	doctor := func() []symptom {
		d := &doctor{env: w.env}
		d.corpses(t.Context(), h)
		return d.found
	}
	if found := doctor(); len(found) != 0 {
		t.Errorf("before any repair: %+v", found)
	}
	rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	copies, err := h.repairFrom(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.archive.Repair(t.Context(), rep.Findings, copies)
	if err != nil || len(done.Mended) != 1 || !strings.HasPrefix(done.Mended[0].Aside, bucket.DamagedFolder) {
		t.Fatalf("%+v, %v", done, err)
	}
	clock.to(clock.now().Add(49 * time.Hour))
	found := doctor()
	if len(found) != 1 || found[0].Level != "warn" || !strings.Contains(found[0].What, "1 damaged object (7 B)") || !strings.Contains(found[0].What, ", 2 days") {
		t.Errorf("after the repair: %+v", found)
	}
	// Without its note it is named all the same.
	if err := os.Remove(filepath.Join(folder, filepath.FromSlash(done.Mended[0].Aside)+".json")); err != nil {
		t.Fatal(err)
	}
	if found = doctor(); len(found) != 1 || !strings.Contains(found[0].What, "of 1 it is not known since when") {
		t.Errorf("without its note: %+v", found)
	}
}
