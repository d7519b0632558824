// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"onrecord"
	"onrecord/internal/testservers"
)

// A serving is an onrecord serve in a process of its own.
type serving struct {
	cmd *exec.Cmd
	log *syncedLog
	url string
}

// patience is how long a test waits for what takes seconds on a machine with
// nothing else to do: long enough for one that is slow, is loaded or stands still
// for a while. Only a test that fails waits so long.
const patience = 5 * time.Minute

// serveChild starts onrecord serve, and waits until it says where.
func serveChild(t *testing.T, config string) *serving {
	t.Helper()
	s := &serving{cmd: exec.Command("onrecord", "-c", config, "serve"), log: &syncedLog{}}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		if t.Failed() {
			t.Logf("serve said:\n%s", s.log)
		}
	})
	eventually(t, patience, func() string {
		if m := served.FindStringSubmatch(s.log.String()); m != nil {
			s.url = m[1]
			return ""
		}
		return "serve does not say where: " + s.log.String()
	})
	return s
}

// end interrupts the process, as an operator does.
func (s *serving) end(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
}

// eventually asks until there is nothing missing.
func eventually(t *testing.T, within time.Duration, missing func() string) {
	t.Helper()
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	limit := time.After(within)
	for {
		what := missing()
		if what == "" {
			return
		}
		select {
		case <-limit:
			t.Fatalf("not within %s: %s", within, what)
		case <-pace.C:
		}
	}
}

// answers returns what is missing of an answer: its status, and words in it.
func answers(url string, code int, words ...string) string {
	got, body, err := get(url)
	if err != nil || got != code {
		return fmt.Sprintf("%s answers %d, want %d, %v: %.300s", url, got, code, err, body)
	}
	for _, w := range words {
		if !strings.Contains(body, w) {
			return fmt.Sprintf("%s does not say %q: %.2000s", url, w, body)
		}
	}
	return ""
}

// TestS3AwayAtTheStart starts onrecord serve while its S3 store is stopped: it
// serves what this machine knows, says what it can't, and goes on by itself when
// the store is started, with what lay in the spool first.
func TestS3AwayAtTheStart(t *testing.T) {
	t.Parallel()
	store := testservers.StartS3(t)
	clock, key := &movedClock{t: time.Now()}, keyFileOf(t, store)
	w := newS3World(t, clock, store.URL(), key)
	var feed atomic.Pointer[[]byte]
	var asked atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		asked.Add(1)
		_, _ = w.Write(*feed.Load())
	}))
	t.Cleanup(site.Close)
	feed.Store(new(rss("one")))
	source := strings.Replace(sourceYAML("press", "a.example", site.URL+"/feed.xml"), "@every 1h", "@every 1s", 1)
	h := w.openS3(t, key, source, "http: {listen: \"127.0.0.1:0\"}")
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.at.config, w.cfg.Print(), 0o644); err != nil {
		t.Fatal(err)
	}
	says := func(s *serving, item string) {
		t.Helper()
		id := onrecord.NewStatementID("website", "https://a.example/"+item)
		eventually(t, patience, func() string { return answers(s.url+"/api/v1/statements/"+string(id), http.StatusOK, item) })
	}
	first := serveChild(t, w.at.config)
	says(first, "one")
	store.Stop()
	feed.Store(new(rss("two", "one")))
	eventually(t, patience, func() string {
		waiting, _, err := spoolOf(w.cfg.StateDir)
		if err != nil || len(waiting) == 0 {
			return fmt.Sprintf("no visit in the spool: %v", err)
		}
		return ""
	})
	first.end(t)
	feed.Store(new(rss("three", "two", "one")))
	before := asked.Load()

	began := time.Now()
	s := serveChild(t, w.at.config)
	t.Logf("served %s after its start, without the store", time.Since(began).Round(10*time.Millisecond))
	servesWithoutStore(t, s)
	if n := asked.Load(); n != before {
		t.Errorf("%d visits were made by a machine that has read nothing", n-before)
	}
	again, out := child(t, "-c", w.at.config, "verify")
	if err := again.Run(); err == nil || again.ProcessState.ExitCode() != exitUnreachable || !strings.Contains(out.String(), "hint: "+againHint) {
		t.Errorf("verify without the store: %v\n%s", err, out)
	}

	store.Start(t)
	says(s, "two")
	says(s, "three")
	eventually(t, patience, func() string {
		return answers(s.url+"/api/v1/status", http.StatusOK, `"storage_answers":true`, `"visiting":true`)
	})
	one := onrecord.NewStatementID("website", "https://a.example/one")
	if what := answers(s.url+"/api/v1/statements/"+string(one)+"/proof", http.StatusOK); what != "" {
		t.Error(what)
	}
	s.end(t)
	ids := w.reopen(t)
	n := 0
	for e, err := range ids.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == onrecord.StatementCreated {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d statements are in the record, want 3, each once", n)
	}
	refusesWithoutCopy(t, w, store)
}

// servesWithoutStore checks what a site does that was started without its store.
func servesWithoutStore(t *testing.T, s *serving) {
	t.Helper()
	one := string(onrecord.NewStatementID("website", "https://a.example/one"))
	for path, words := range map[string][]string{
		"/":                         {"text of one", "may be out of date"},
		"/search?q=one":             {"a.example/one"},
		"/s/" + one:                 {"text of one"},
		"/status":                   {"was started while the storage did not answer"},
		"/api/v1/statements/" + one: {"text of one"},
		"/api/v1/status":            {`"storage_answers":false`, `"visiting":false`},
		"/f/jane-example":           {"Jane Example"},
		"/events":                   {"one"},
	} {
		if what := answers(s.url+path, http.StatusOK, words...); what != "" {
			t.Error(what)
		}
	}
	for _, path := range []string{"/api/v1/statements/" + one + "/proof", "/s/" + one + ".wacz", "/record/log/checkpoint", "/record/onrecord.json"} {
		if what := answers(s.url+path, http.StatusServiceUnavailable, "storage"); what != "" {
			t.Error(what)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "pages are served from the catalog, and visits begin when it does") || strings.Contains(log, "level=ERROR") {
		t.Errorf("it says:\n%s", log)
	}
}

// refusesWithoutCopy checks that a machine that never read the archive does not
// serve without the store, and says so.
func refusesWithoutCopy(t *testing.T, w *world, store *testservers.S3) {
	t.Helper()
	store.Stop()
	if err := os.Remove(filepath.Join(w.cfg.StateDir, metaCopyFile)); err != nil {
		t.Fatal(err)
	}
	cmd, out := child(t, "-c", w.at.config, "serve")
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != exitUnreachable || !strings.Contains(out.String(), "no copy of onrecord.json on this machine") || !strings.Contains(out.String(), "hint: start it once with the storage") {
		t.Errorf("serve without store and copy: %v\n%s", err, out)
	}
}
