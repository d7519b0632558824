// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A day of a dump is its end; zones are known by name, and only where dates may
// lack one.
func TestImportDates(t *testing.T) {
	for s, want := range map[string]time.Time{
		"":                          {},
		"2021-01-08":                time.Date(2021, 1, 8, 23, 59, 59, 0, time.UTC),
		"2021-01-08T12:00:00+01:00": time.Date(2021, 1, 8, 11, 0, 0, 0, time.UTC),
	} {
		if at, err := parseDated(s); err != nil || !at.Equal(want) {
			t.Errorf("%q: %s, %v, want %s", s, at, err, want)
		}
	}
	if _, err := parseDated("8.1.2021"); err == nil {
		t.Error("8.1.2021 is a date")
	}
	for _, kind := range []string{"telegram", "twitter", "thetrumparchive"} {
		imp, err := importerOf(kind, "Europe/Paris")
		if err != nil || !strings.HasSuffix(imp.Info().Parser, " Europe/Paris") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for kind, zone := range map[string]string{"telegram": "Europe/Lutetia", "twitter": "Local", "mbox": "Europe/Paris"} {
		if code, _ := status(errOf(importerOf(kind, zone))); code != exitUsage {
			t.Errorf("%s in %s: exit status %d", kind, zone, code)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

// What a wrong date, a cut file, and a date given for what is imported say to
// the operator.
func TestImportSays(t *testing.T) {
	t.Parallel()
	config, path, _ := tweets(t, 10)
	run := func(args ...string) (string, int) {
		t.Helper()
		cmd, out := child(t, append([]string{"-c", config, "import", "twitter"}, args...)...)
		err := cmd.Run()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return out.String(), cmd.ProcessState.ExitCode()
	}
	says := func(got string, code, want int, words ...string) {
		t.Helper()
		if code != want {
			t.Errorf("exit status %d, want %d", code, want)
		}
		for _, w := range words {
			if !strings.Contains(got, w) {
				t.Errorf("it does not say %q:\n%s", w, got)
			}
		}
	}
	out, code := run(path, "--dated", "2015-01-01")
	says(out, code, exitUsage, "dump.json, records 1 to 10", "after the date of the dump, 2015-01-01T23:59:59Z (given)", "--dated says when the dump was made")
	today := time.Now().UTC().Format(time.DateOnly)
	out, code = run(path, "--dated", today)
	says(out, code, exitOK, "10  statements read")
	out, code = run(path, "--dated", today)
	says(out, code, exitOK, "already imported into tweets, dated "+today, "reads it again")
	out, code = run(path, "--dated", "2026-11-01")
	says(out, code, exitOK, "read again from the beginning", "dated "+today)

	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.json")
	if err := os.WriteFile(cut, whole[:len(whole)-30], 0o644); err != nil {
		t.Fatal(err)
	}
	out, code = run(cut)
	if code == exitOK || strings.Contains(out, "the same command goes on from there\n") {
		t.Errorf("exit status %d:\n%s", code, out)
	}
}
