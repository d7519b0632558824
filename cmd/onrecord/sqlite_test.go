// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord/catalog"
)

// TestCatalogIsKilled kills the program, or fails its call, at every write, sync,
// truncation and removal that SQLite makes of the catalog's files while a visit
// is committed and applied; strace does it. The next start must bring the catalog
// to what a rebuild makes, without a repair command.
func TestCatalogIsKilled(t *testing.T) {
	if os.Getenv("ONRECORD_LONG") == "" {
		t.Skip("takes minutes: ONRECORD_LONG=1 runs it")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		skipOrFail(t, "strace", "strace is not installed")
	}
	c := newKilledCatalog(t)
	for _, how := range []struct{ calls, what string }{
		{"pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat", "signal=SIGKILL"},
		{"fsync,fdatasync", "error=EIO"},
		{"pwrite64", "error=ENOSPC"},
	} {
		k := 1
		for ; c.round(t, how.calls, how.what, k); k++ {
			if k > 5000 {
				t.Fatal("the program never ends by itself")
			}
		}
		t.Logf("%s of %s: %d points", how.what, how.calls, k-1)
		if k < 3 {
			t.Errorf("%s of %s was never met: strace sees nothing of the catalog", how.what, how.calls)
		}
	}
}

// A killedCatalog is an archive whose catalog is killed over and over, each time
// from the same state.
type killedCatalog struct {
	base, home string
	n          atomic.Int64
}

func newKilledCatalog(t *testing.T) *killedCatalog {
	t.Helper()
	dir := t.TempDir()
	c := &killedCatalog{base: filepath.Join(dir, "base"), home: filepath.Join(dir, "home")}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		var titles []string
		for i := range 3 {
			titles = append(titles, fmt.Sprintf("number %d", c.n.Load()+int64(i)))
		}
		_, _ = w.Write(rss(titles...))
	}))
	t.Cleanup(site.Close)
	if out, err := exec.Command("onrecord", "init", c.home, "--origin", "archive.example/log").CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	must(t, os.WriteFile(c.config(), []byte(`
archive: {name: Archive Example, operator: {name: Example e.V., email: desk@archive.example}, url: "http://127.0.0.1:8080"}
storage: {url: "file:bucket"}
log: {origin: archive.example/log}
crawl: {min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
      - {id: press, platform: website, account_id: a.example, doors: [{kind: feed, url: "https://a.example/feed.xml", base_url: "`+site.URL+`"}]}
`), 0o600))
	machine{c.config()}.run(t, "crawl")
	must(t, os.Rename(c.home, c.base))
	return c
}

func (c *killedCatalog) config() string { return filepath.Join(c.home, "onrecord.yaml") }

func (c *killedCatalog) catalog() string { return filepath.Join(c.home, ".onrecord", "catalog.db") }

// round injects what at the k-th of the calls. It reports whether there was one.
func (c *killedCatalog) round(t *testing.T, calls, what string, k int) bool {
	t.Helper()
	must(t, os.RemoveAll(c.home))
	must(t, exec.Command("cp", "-a", c.base, c.home).Run())
	c.n.Add(2)
	log := filepath.Join(filepath.Dir(c.home), "strace.log")
	args := []string{"-f", "-qq", "-o", log, "-e", "trace=" + calls, "-e", fmt.Sprintf("inject=%s:%s:when=%d", calls, what, k)}
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		args = append(args, "-P", c.catalog()+end)
	}
	out, err := exec.Command("strace", append(args, "onrecord", "-c", c.config(), "crawl")...).CombinedOutput()
	trace, rerr := os.ReadFile(log)
	must(t, rerr)
	met := bytes.Contains(trace, []byte("INJECTED")) || bytes.Contains(trace, []byte("killed by SIGKILL"))
	if !met {
		if err != nil {
			t.Errorf("%s of %s, point %d: the crawl failed by itself: %v\n%s", what, calls, k, err, out)
		}
		return false
	}
	if out, err := (machine{c.config()}).try("crawl"); err != nil {
		t.Errorf("%s of %s, point %d: the next start: %v\n%s", what, calls, k, err, out)
		return true
	}
	before := dumpOf(t, c.catalog())
	machine{c.config()}.run(t, "rebuild")
	if after := dumpOf(t, c.catalog()); after != before {
		t.Errorf("%s of %s, point %d: the catalog is not what a rebuild makes", what, calls, k)
	}
	return true
}

// dumpOf returns the canonical dump of the catalog at path.
func dumpOf(t *testing.T, path string) string {
	t.Helper()
	c, err := catalog.Open(t.Context(), path, catalog.Options{MACKey: []byte("k"), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var out strings.Builder
	must(t, c.Dump(t.Context(), &out))
	return out.String()
}
