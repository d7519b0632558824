// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/config"
)

// adoptSite adopts what a website shows, on an empty machine.
func (c *checked) adoptSite(t *testing.T, f adoptFlags) (dir, out string, err error) {
	t.Helper()
	dir = t.TempDir()
	var printed bytes.Buffer
	e := &env{io: stdio{out: &printed, err: &printed}, now: time.Now, stop: newStop(nil, t.Output())}
	t.Cleanup(e.stop.close)
	f.key, f.allow, f.reason = c.key, []string{"127.0.0.0/8"}, "only the website is left"
	f.operator, f.email, f.url = "Example e.V.", "desk@archive.example", "https://archive.example"
	err = runAdopt(t.Context(), e, f, c.site.URL, dir)
	return dir, printed.String(), err
}

// adoptedAt opens an archive that was adopted into dir.
func adoptedAt(t *testing.T, dir string, n need) *house {
	t.Helper()
	cfg, err := config.Load(filepath.Join(dir, "onrecord.yaml"), configOptions())
	if err != nil {
		t.Fatal(err)
	}
	e := &env{io: stdio{out: t.Output(), err: t.Output()}, now: time.Now, stop: newStop(nil, t.Output())}
	t.Cleanup(e.stop.close)
	h, err := e.openWith(t.Context(), cfg, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.close() })
	return h
}

// TestAdoptFromWebsite: bucket and machine are gone, and the website stands. All
// that it shows becomes the archive of another machine, with the same addresses.
func TestAdoptFromWebsite(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	addresses := []string{"/", "/search?q=pillar", "/s/" + string(c.id), "/api/v1/statements", "/api/v1/statements/" + string(c.id), "/f/jane-example", "/edits"}
	in, err := c.h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	before := look(t, c.h, in, addresses)
	dir, out, err := c.adoptSite(t, adoptFlags{})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, `answers: \d+ objects copied, .*Stop that archive`, `^archive .* adopted at ledger no\. \d+, with 1 source`, `the last visit in the replica was begun .* ago`, `the old key has not signed this`)
	h := adoptedAt(t, dir, writing)
	if in, err = h.ingester(); err != nil {
		t.Fatal(err)
	}
	after := look(t, h, in, addresses)
	for _, a := range addresses {
		if before[a].total != after[a].total || before[a].status != after[a].status || before[a].status != http.StatusOK {
			t.Errorf("%s: %+v before, %+v after", a, before[a], after[a])
		}
	}
	rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
}

// TestAdoptFromWebsiteThatWithholds: what a website withholds (410, 451) is not
// there to be copied. Adopt names it with its case, and makes nothing of the
// rest unless it is told to; then what is there is served and goes on.
func TestAdoptFromWebsiteThatWithholds(t *testing.T) {
	t.Parallel()
	for ground, number := range map[string]string{"law": "T-1", "policy": "T-2"} {
		t.Run(ground, func(t *testing.T) {
			t.Parallel()
			c := crawled(t)
			c.rest(t)
			c.m.run(t, "withhold", string(c.id), "--ground", ground, "--case", number, "--reason", "personal data")
			c.serve(t)
			dir, out, err := c.adoptSite(t, adoptFlags{})
			if code, hint := status(err); code != exitMismatch || !strings.Contains(hint, "--incomplete") {
				t.Fatalf("exit status %d, %v\n%s", code, err, out)
			}
			wants(t, out, `^not copied: journal journal/.* is withheld, case "`+number+`"$`, `^missing: journal journal/.*\.zst \(ledger no\. 2\)`)
			if strings.Contains(out, "nobody knows") {
				t.Errorf("what is withheld is taken for damage:\n%s", out)
			}
			for _, path := range []string{"onrecord.yaml", "bucket/log/head"} {
				if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path))); err == nil {
					t.Errorf("%s was written by an adoption that was refused", path)
				}
			}
			dir, out, err = c.adoptSite(t, adoptFlags{incomplete: true})
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			wants(t, out, `^archive .* adopted at`, `^missing: journal `, `^warning: 2 segments of the journal can't be read, and \d+ lines are given up`)
			// Whoever has the old bucket puts them back; then all is there.
			again := adoptedAt(t, dir, recordOnly)
			rep, err := again.archive.Verify(t.Context(), archive.VerifyOptions{})
			if err != nil || len(rep.Findings) == 0 {
				t.Fatalf("%v, %v", rep.Findings, err)
			}
			left, err := again.repair(t.Context(), rep, "file://"+c.path(""), func(ctx context.Context) (archive.Report, error) {
				return again.archive.Verify(ctx, archive.VerifyOptions{})
			})
			if err != nil || len(left.Findings) > 0 {
				t.Fatalf("after the repair: %v, %v", left.Findings, err)
			}
			h := adoptedAt(t, dir, writing)
			in, err := h.ingester()
			if err != nil {
				t.Fatal(err)
			}
			if got := look(t, h, in, []string{"/"})["/"]; got.status != http.StatusOK {
				t.Errorf("/ answers %d", got.status)
			}
		})
	}
}
