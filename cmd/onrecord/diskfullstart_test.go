// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestStartOnAFullDisk starts onrecord serve while the disk of the state, of the
// spool or of the bucket is full. The pages are those of the catalog as it is,
// also where that is behind the ledger or SQLite has no room for its files; the
// status says what is full; and visits begin by themselves once there is space.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mount, filler string
		behind              bool // the catalog has not applied what is in the record
	}{
		{"state", "home/.onrecord", "filler", false}, {"state, catalog behind", "home/.onrecord", "filler", true},
		{"spool", "home/.onrecord/spool", "filler", false}, {"bucket", "home/bucket", "+tmp/filler", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mounted(t, filepath.Join(dir, c.mount), 40<<20)
			s := prepareFull(t, filepath.Join(dir, "home"))
			run := machine{s.config}
			run.run(t, "crawl")
			db := filepath.Join(dir, "home", ".onrecord", "catalog.db")
			if c.behind {
				old, err := os.ReadFile(db)
				if err != nil {
					t.Fatal(err)
				}
				run.run(t, "crawl")
				if err := os.WriteFile(db, old, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if ends, err := filepath.Glob(db + "-*"); err != nil || len(ends) > 0 {
				t.Fatalf("beside the catalog lie %q, %v", ends, err)
			}
			filler := filepath.Join(dir, c.mount, c.filler)
			fill(t, filler)
			s.start(t)
			for _, path := range []string{"/", "/search?q=number", "/events", "/coverage", "/f/jane-example"} {
				s.get(t, path)
			}
			if n := s.count(t); n != 1 {
				t.Errorf("%d statements are shown, want 1", n)
			}
			if page := s.get(t, "/status"); !strings.Contains(page, "it has no room for what they would bring") {
				t.Errorf("/status does not say what is full: %.3000s", page)
			}
			if body := s.get(t, "/api/v1/status"); !strings.Contains(body, `"visiting":false`) {
				t.Errorf("the API says that it visits: %.2000s", body)
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			s.waitFor(t, 4, patience)
			s.end(t)
		})
	}
}

// TestSearchOnAFullDisk reads the catalog by a command of its own.
func TestSearchOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mounted(t, filepath.Join(dir, "home/.onrecord"), 40<<20)
	s := prepareFull(t, filepath.Join(dir, "home"))
	run := machine{s.config}
	run.run(t, "crawl")
	fill(t, filepath.Join(dir, "home/.onrecord/filler"))
	if out := run.run(t, "search", "number"); !strings.Contains(out, "1 statement") {
		t.Errorf("search on a full disk: %s", out)
	}
	if out, err := exec.Command("onrecord", "-c", s.config, "crawl").CombinedOutput(); err == nil || !strings.Contains(string(out), syscall.ENOSPC.Error()) && !strings.Contains(string(out), "full") {
		t.Errorf("crawl on a full disk: %v\n%s", err, out)
	}
}
