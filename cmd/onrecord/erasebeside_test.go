// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// applying applies to the catalog of h, as a process does that serves, until the
// test ends.
func applying(t *testing.T, h *house) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := h.applyAll(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
}

// TestEraseBesideServe: the first erasure of an archive, by a process beside the
// one that serves and applies, leaves nothing in the catalog's files; nor does
// one that a crash left behind.
func TestEraseBesideServe(t *testing.T) {
	t.Parallel()
	m := new(erasable).crawled(t)
	serving := openAt(t, m, reading)
	left := serving.catalogPath() + ".abcdefghij" // of a rebuild that was broken off
	if err := os.WriteFile(left, []byte(secretWords), 0o600); err != nil {
		t.Fatal(err)
	}
	applying(t, serving)
	id := secretStatement()
	m.run(t, "erase", string(id), "--case", "T-1", "--yes-erase", string(id))
	red, err := serving.archive.Redactions(t.Context())
	if err != nil || len(red.Erasures()) != 1 || len(red.Pending()) != 0 {
		t.Errorf("%+v, %v", red, err)
	}
	secrets := map[string]string{"wording": secretWords, "local id": secretID}
	if hits := seek(t, filepath.Dir(m.config), secrets); len(hits) > 0 {
		t.Errorf("the erasure is said to be done, and there is still:\n%s", strings.Join(hits, "\n"))
	}
}

// TestErasedFromOutside: a stranger finds an archive whole from which something
// was erased, reads the records that were redacted, and sees that they are.
func TestErasedFromOutside(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	c.rest(t)
	c.m.run(t, "withhold", string(c.id), "--ground", "law", "--case", "T-1", "--reason", "personal data")
	c.m.run(t, "erase", string(c.id), "--case", "T-2", "--yes-erase", string(c.id))
	wants(t, c.m.run(t, "verify"), ` 0 mismatches$`)
	c.serve(t)
	out := c.stranger(t, exitOK, "verify", c.site.URL, "--key", c.key, "--allow-address", "127.0.0.0/8")
	wants(t, out, ` 0 mismatches$`)
	if regexp.MustCompile(`withheld: .*record`).MatchString(out) {
		t.Errorf("records that are redacted are withheld:\n%s", out)
	}
	wants(t, out, `^erased, by events in the ledger: [1-9]\d* lines?, [1-9]\d* records? of evidence redacted$`)
}
