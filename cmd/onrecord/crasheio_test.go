// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"onrecord/archive/files"
	"onrecord/archive/files/filestest"
)

// A syncedLog is a buffer that several goroutines write to.
type syncedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *syncedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *syncedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// TestFailedSyncStopsServing has one fsync of a serving process fail, in the
// spool, in the bucket, and of the high-water mark: it writes nothing and begins
// no visit any more, says so, and serves what it has. A new process goes on.
func TestFailedSyncStopsServing(t *testing.T) {
	t.Parallel()
	for what, in := range map[string]string{
		"spool": ".onrecord/spool/", "bucket": "bucket/", "mark": ".onrecord/log.mark.", "folder of the bucket": "bucket/journal/2",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			failSync(t, in)
		})
	}
}

func failSync(t *testing.T, in string) {
	var visits atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		n := visits.Add(1)
		_, _ = w.Write(rss(fmt.Sprintf("s%d", n), fmt.Sprintf("s%d", n+1)))
	}))
	t.Cleanup(site.Close)
	s := &crashStory{site: site, every: "1s"}
	dir := fastDir(t)
	s.origin = newWorldIn(t, start(), dir).at.origin

	// The third visit meets it: two are recorded by then.
	armed := false
	m, err := filestest.New(dir, filestest.Options{
		Counts: []filestest.Kind{filestest.Sync}, At: 1, How: filestest.Refused,
		Match: func(op filestest.Op) bool {
			armed = armed || visits.Load() >= 3
			return armed && strings.HasPrefix(op.Name, in)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	log := &syncedLog{}
	clock := &movedClock{t: time.Now().UTC()}
	c, err := s.open(t, dir, clock, files.Seam{Wrap: m.Wrap(filepath.Join(dir, "bucket"))}, log)
	if err != nil {
		t.Fatal(err)
	}
	url, end := c.serve(t)
	eventually(t, patience, func() string {
		if strings.Contains(log.String(), "nothing is recorded any more") {
			return ""
		}
		clock.to(clock.now().Add(time.Second))
		if _, _, err := get(url + "/api/v1/status"); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("it does not say that its disk failed after %d visits:\n%s", visits.Load(), log)
	})
	asked, writes := visits.Load(), len(m.Ops())
	for range 20 {
		clock.to(clock.now().Add(time.Second))
		code, body, err := get(url + "/status")
		if err != nil || code != http.StatusOK || !strings.Contains(body, "records nothing more until it is started again") {
			t.Fatalf("/status: %d, %v", code, err)
		}
	}
	for path, want := range map[string]string{
		"/": "a disk has failed", "/search?q=s1": "a.example/s1", "/api/v1/status": `"writing":false`,
	} {
		if code, body, err := get(url + path); err != nil || code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, %v, %q not there:\n%s", path, code, err, want, body)
		}
	}
	if now := visits.Load(); now != asked {
		t.Errorf("%d visits were begun after its disk failed", now-asked)
	}
	if now := len(m.Ops()); now != writes {
		t.Errorf("%d syncs of %s after the one that failed", now-writes, in)
	}
	s.doctorSays(t, dir, "records nothing more: sync ")
	end()

	after := filepath.Join(fastDir(t), "after")
	if err := m.Copy(after, filestest.Keep{All: true}); err != nil {
		t.Fatal(err)
	}
	c, err = s.open(t, after, clock, files.Seam{}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer c.house.close()
	for range 2 {
		if err := c.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock.to(clock.now().Add(11 * time.Minute))
	}
	if rep, err := visitOf(c.in, t.Context(), c.in.Sources[0]); err != nil || rep.Failed() {
		t.Fatalf("the next visit: %v, %v", rep.Problems, err)
	}
	if _, err := c.house.applyAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sound(t.Context(), c.house, after+"-views"); err != nil {
		t.Error(err)
	}
}

// TestFailedSyncOfCatalog has one fsync that SQLite makes of the catalog fail in a
// serving process; strace does it. It stops as for any other file.
func TestFailedSyncOfCatalog(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		skipOrFail(t, "strace", "strace is not installed")
	}
	t.Parallel()
	k := newKillWorld(t, 1)
	k.m.run(t, "crawl")
	catalog := filepath.Join(filepath.Dir(k.m.config), ".onrecord", "catalog.db")
	log := &syncedLog{}
	cmd, ended := k.run(t, func(text string) { fmt.Fprintln(log, text) }, exec.Command("strace", "-f", "-qq", "-o", filepath.Join(k.dir, "trace"),
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=1", "-P", catalog, "-P", catalog+"-wal", "onrecord", "-c", k.m.config, "serve"))
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	until(t, log, "is served on")
	text, _ := readLock(filepath.Join(filepath.Dir(catalog), "locks", "role-serve"))
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("who serves: %v", err)
	}
	serving, err := os.FindProcess(pid) // strace itself heeds no interrupt
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serving.Kill() })
	until(t, log, "nothing is recorded any more")
	url := served.FindStringSubmatch(log.String())[1]
	asked := k.asked()
	for moment := time.After(2 * time.Second); ; { // each source is due every second
		select {
		case <-time.After(100 * time.Millisecond):
			if code, body, err := get(url + "/status"); err != nil || code != http.StatusOK || !strings.Contains(body, "records nothing more until it is started again") {
				t.Fatalf("/status: %d, %v", code, err)
			}
			continue
		case <-moment:
		}
		break
	}
	if now := k.asked(); now > asked+killSources { // those that were under way
		t.Errorf("%d visits were begun after the catalog could not be synced", now-asked)
	}
	if err := serving.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("serve: %v\n%s", err, log)
	}
	if err := k.check(t); err != nil {
		t.Error(err)
	}
}

// until waits until a program has said something.
func until(t *testing.T, log *syncedLog, text string) {
	t.Helper()
	eventually(t, patience, func() string {
		if !strings.Contains(log.String(), text) {
			return fmt.Sprintf("it does not say %q:\n%s", text, log)
		}
		return ""
	})
}

// serve serves c until end is called.
func (c *crashHome) serve(t *testing.T) (url string, end func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := mustLocks(t, c.house)
	unlock, err := l.take("role", "serve")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.house.serve(t.Context(), ln, l) }()
	return "http://" + ln.Addr().String(), func() {
		c.signals <- os.Interrupt
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		unlock()
	}
}

// doctorSays runs the doctor beside a serving process.
func (s *crashStory) doctorSays(t *testing.T, dir, want string) {
	t.Helper()
	var out bytes.Buffer
	stop := newStop(nil, io.Discard)
	defer stop.close()
	err := run(stop, []string{"-c", filepath.Join(dir, "onrecord.yaml"), "doctor", "--offline"}, stdio{out: &out, err: t.Output()}, time.Now)
	if code, _ := status(err); code != exitPartly || !strings.Contains(out.String(), want) {
		t.Errorf("doctor: %v\n%s\nwant %q", err, &out, want)
	}
}

// get asks for a page; once more where the server hung up, as it does on whoever
// has not sent a request in time, and a machine that stands still lets that pass.
func get(url string) (code int, body string, err error) {
	for range 3 {
		var resp *http.Response
		if resp, err = http.Get(url); err != nil {
			if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) {
				continue
			}
			return 0, "", err
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode, string(b), err
	}
	return 0, "", err
}
