// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"onrecord/internal/repotest"
)

// mounted makes a file system of size bytes in memory at path, which is made.
// Where this may not be done, the test is skipped.
func mounted(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		skipOrFail(t, "mount", fmt.Sprintf("a file system can't be mounted here: %v", err))
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
}

// skipOrFail skips the test, unless ONRECORD_REQUIRE names what it needs.
func skipOrFail(t *testing.T, need, why string) {
	t.Helper()
	for word := range strings.SplitSeq(os.Getenv("ONRECORD_REQUIRE"), ",") {
		if word == need {
			t.Fatal(why)
		}
	}
	t.Skip(why)
}

// fill leaves no byte free where the file at path is.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := 8 << 20; n > 0; {
		if _, err := f.Write(make([]byte, n)); errors.Is(err, syscall.ENOSPC) {
			n /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull fills the disk under the spool, the bucket and the whole state in
// turn, beneath a serving process whose source says something new every second.
// Pages are answered all the while, and visits go on by themselves once there is
// space again; nothing that a reader has been shown is lost.
func TestDiskFull(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	passes, most := 1, patience
	if os.Getenv("ONRECORD_LONG") != "" {
		passes, most = 10, time.Minute // what is promised, on a machine that does nothing else
	}
	for _, c := range []struct{ name, mount string }{
		{"spool", "home/.onrecord/spool"}, {"bucket", "home/bucket"}, {"state", "home/.onrecord"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mounted(t, filepath.Join(dir, c.mount), 96<<20)
			s := startFull(t, filepath.Join(dir, "home"))
			filler := filepath.Join(dir, c.mount, "filler")
			if c.name == "bucket" {
				filler = filepath.Join(dir, c.mount, "+tmp", "filler")
			}
			s.waitFor(t, 3, patience)
			for range passes {
				fill(t, filler)
				full := 2*time.Second + rand.N(8*time.Second)
				t.Logf("full for %s", full)
				shown := s.readWhile(t, full, func() { fill(t, filler) })
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				freed := time.Now()
				s.waitFor(t, shown+2, most)
				t.Logf("shown while full: %d; two more %s after there was space", shown, time.Since(freed).Round(time.Millisecond))
			}
			s.end(t)
		})
	}
}

// A fullServer is "onrecord serve" with one source of which every request shows
// one statement more.
type fullServer struct {
	config, base string
	cmd          *exec.Cmd
}

func startFull(t *testing.T, home string) *fullServer {
	t.Helper()
	s := prepareFull(t, home)
	s.start(t)
	return s
}

// prepareFull makes the archive, and does not serve it yet.
func prepareFull(t *testing.T, home string) *fullServer {
	t.Helper()
	var n atomic.Int64
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		last := n.Add(1)
		var titles []string
		for i := max(1, last-20); i <= last; i++ {
			titles = append(titles, fmt.Sprintf("number %d", i))
		}
		_, _ = w.Write(rss(titles...))
	}))
	t.Cleanup(site.Close)
	s := &fullServer{config: filepath.Join(home, "onrecord.yaml")}
	if out, err := exec.Command("onrecord", "init", home, "--origin", "archive.example/log").CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	text := `
archive: {name: Archive Example, operator: {name: Example e.V., email: desk@archive.example}, url: "http://127.0.0.1:8080"}
storage: {url: "file:bucket"}
log: {origin: archive.example/log}
http: {listen: "127.0.0.1:0"}
crawl: {min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
      - {id: press, platform: website, account_id: a.example, schedule: "@every 1s", doors: [{kind: feed, url: "https://a.example/feed.xml", base_url: "` + site.URL + `"}]}
`
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts the server.
func (s *fullServer) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command("onrecord", "-c", s.config, "serve")
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	lines := bufio.NewReader(stderr)
	for s.base == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%s%v", line, err)
		}
		if m := regexp.MustCompile(`http://[0-9.:]+`).FindString(line); m != "" {
			s.base = m
		}
	}
	go func() { _, _ = io.Copy(t.Output(), lines) }()
}

var total = regexp.MustCompile(`"total":\s*([0-9]+)`)

// count returns how many statements a search shows.
func (s *fullServer) count(t *testing.T) int {
	t.Helper()
	body := s.get(t, "/api/v1/statements")
	m := total.FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no total in %.300s", body)
	}
	var n int
	fmt.Sscan(m[1], &n)
	return n
}

// get reads a page, which must be answered.
func (s *fullServer) get(t *testing.T, path string) string {
	t.Helper()
	code, body, err := get(s.base + path)
	if err != nil || code != http.StatusOK {
		t.Fatalf("%s: status %d, %v\n%.400s", path, code, err, body)
	}
	return body
}

func (s *fullServer) waitFor(t *testing.T, n int, most time.Duration) {
	t.Helper()
	for end := time.Now().Add(most); s.count(t) < n; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d statements after %s, want %d", s.count(t), most, n)
		}
	}
}

// readWhile reads pages, new ones among them, and returns how many statements
// there are in the end. What other writers free is filled again.
func (s *fullServer) readWhile(t *testing.T, d time.Duration, again func()) int {
	t.Helper()
	n := 0
	for i, end := 0, time.Now().Add(d); time.Now().Before(end); i++ {
		again()
		for _, path := range []string{"/", "/search?q=number", fmt.Sprintf("/search?q=number+-x%d", i), "/status", "/events", "/coverage"} {
			if outOfDate(s.get(t, path)) {
				s.waitUntilTrue(t, path)
			}
		}
		if now := s.count(t); now < n {
			t.Fatalf("%d statements after %d", now, n)
		} else {
			n = now
		}
		time.Sleep(20 * time.Millisecond)
	}
	return n
}

func outOfDate(body string) bool { return strings.Contains(body, "may be out of date") }

// waitUntilTrue waits until the page at path is right in saying that the catalog
// can't follow, or has ceased to say so: the visit that was under way when the
// disk filled may be in the ledger, which is on another disk than the catalog.
func (s *fullServer) waitUntilTrue(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var is struct {
			Machine struct {
				Ledger  *int64
				Applied int64
			}
		}
		if err := json.Unmarshal([]byte(s.get(t, "/api/v1/status")), &is); err != nil {
			t.Fatal(err)
		}
		if is.Machine.Ledger != nil && *is.Machine.Ledger > is.Machine.Applied || !outOfDate(s.get(t, path)) {
			return
		}
	}
	t.Fatalf("%s says that the catalog can't follow, though nothing is new", path)
}

// end stops the server, and checks what it leaves.
func (s *fullServer) end(t *testing.T) {
	t.Helper()
	shown := s.count(t)
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("serve: %v", err)
	}
	run := machine{s.config}
	if out := run.run(t, "verify"); !strings.Contains(out, ": 0 mismatches") {
		t.Errorf("verify: %s", out)
	}
	before := run.run(t, "search", "number")
	run.run(t, "rebuild")
	if after := run.run(t, "search", "number"); after != before {
		t.Errorf("after a rebuild:\n%s\nbefore:\n%s", after, before)
	}
	var n int
	if m := regexp.MustCompile(`(?m)^([0-9]+) statements`).FindStringSubmatch(before); m != nil {
		fmt.Sscan(m[1], &n)
	}
	if n < shown {
		t.Errorf("%d statements, %d were shown", n, shown)
	}
}
