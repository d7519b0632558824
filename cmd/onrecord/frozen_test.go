// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
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

	"github.com/google/go-cmp/cmp"

	"onrecord"
)

// A slowSite serves a feed; the first request for it is answered only when the
// test says so, with what the feed was when it was asked.
type slowSite struct {
	*httptest.Server
	body  atomic.Pointer[[]byte]
	first atomic.Bool
	asked chan struct{} // closed when the first request is there
	let   chan struct{} // closed when it may be answered
}

func newSlowSite(t *testing.T) *slowSite {
	s := &slowSite{asked: make(chan struct{}), let: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		body := *s.body.Load()
		if s.first.CompareAndSwap(false, true) {
			close(s.asked)
			<-s.let
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *slowSite) shows(items ...string) { b := rss(items...); s.body.Store(&b) }

// A machine is a configuration with a state folder of its own; several share a
// bucket and a log key.
type machine struct{ config string }

// newMachines makes an archive and n machines that write to it; more are lines of
// their configuration.
func newMachines(t *testing.T, n int, sources string, more ...string) []machine {
	t.Helper()
	dir := t.TempDir()
	first := filepath.Join(dir, "m0")
	if out, err := exec.Command("onrecord", "init", first, "--origin", "archive.example/log").CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	key, err := os.ReadFile(filepath.Join(first, ".onrecord", keyFile))
	if err != nil {
		t.Fatal(err)
	}
	var list []machine
	for i := range n {
		home := filepath.Join(dir, fmt.Sprintf("m%d", i))
		text := fmt.Sprintf(`
archive:
  name: Archive Example
  operator: {name: Example e.V., email: desk@archive.example}
  url: http://127.0.0.1:8080
storage: {url: "file://%s"}
log: {origin: archive.example/log}
http: {listen: "127.0.0.1:0"}
crawl: {min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
%s
figures:
  - slug: jane-example
    name: Jane Example
    sources:
%s`, filepath.Join(first, "bucket"), strings.Join(more, "\n"), sources)
		for path, body := range map[string]string{filepath.Join(home, "onrecord.yaml"): text, filepath.Join(home, ".onrecord", keyFile): string(key)} {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, machine{filepath.Join(home, "onrecord.yaml")})
	}
	return list
}

// run runs the program on m and returns what it prints.
func (m machine) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("onrecord", append([]string{"-c", m.config}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("onrecord %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

// try runs the program on m and returns what it prints, and whether it failed.
func (m machine) try(args ...string) (string, error) {
	out, err := exec.Command("onrecord", append([]string{"-c", m.config}, args...)...).CombinedOutput()
	return string(out), err
}

// state reads the register of a source, without what every swap changes.
func (m machine) state(t *testing.T, source string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(filepath.Dir(m.config), "bucket", "state", source+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"n", "nonce", "done", "by", "sum"} {
		delete(s, key)
	}
	return s
}

// stopped waits until a process stands still.
func stopped(t *testing.T, pid int) {
	t.Helper()
	eventually(t, patience, func() string {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Skipf("no /proc: %v", err)
		}
		if _, rest, ok := bytes.Cut(b, []byte(") ")); ok && rest[0] == 'T' {
			return ""
		}
		return "the process does not stand still"
	})
}

// A worker is frozen in the middle of a visit. A worker of another machine makes
// the visit: a wording has changed, a statement is gone, one is new. The first
// one wakes up with what it had asked for before all that. Ledger, states and
// views are as if it had added its late evidence and nothing else.
func TestFrozenWorker(t *testing.T) {
	t.Parallel()
	site := newSlowSite(t)
	m := newMachines(t, 2, `      - {id: press, platform: website, account_id: a.example, schedule: "@hourly", doors: [{kind: feed, url: "https://a.example/feed.xml", base_url: "`+site.URL+`"}]}`)

	site.shows("one", "brief")
	frozen := exec.Command("onrecord", "-c", m[0].config, "--json", "crawl", "press")
	var out, errs bytes.Buffer
	frozen.Stdout, frozen.Stderr = &out, &errs
	if err := frozen.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = frozen.Process.Kill() })
	<-site.asked
	if err := frozen.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped(t, frozen.Process.Pid)

	changed := []byte(strings.Replace(string(rss("two", "one")), "text of one", "another text of one", 1))
	site.body.Store(&changed)
	m[1].run(t, "crawl", "--trust-checkpoint", "press")
	one, two := show(t, m[1], "one"), show(t, m[1], "two")
	state, size := m[0].state(t, "press"), m[1].ledger(t)

	close(site.let)
	if err := frozen.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := frozen.Wait(); err != nil {
		t.Fatalf("the worker that woke up: %v\n%s%s", err, out.String(), errs.String())
	}
	var rep struct {
		Late                             bool
		Created, Edited, Deleted, Events int
		Index                            int64
	}
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil || !rep.Late || rep.Edited+rep.Deleted != 0 || rep.Index < 0 {
		t.Errorf("its report: %+v %v\n%s", rep, err, out.String())
	}
	if got, want := m[1].ledger(t), size+1+int64(rep.Events); got != want || rep.Index != size {
		t.Errorf("the ledger grew from %d to %d, by a visit at %d of %d events", size, got, rep.Index, rep.Events)
	}
	if diff := cmp.Diff(state, m[0].state(t, "press")); diff != "" {
		t.Errorf("the late visit moved the state of the source (-before +after):\n%s", diff)
	}
	for name, was := range map[string]map[string]any{"one": one, "two": two} {
		if diff := cmp.Diff(known(was), known(show(t, m[1], name))); diff != "" {
			t.Errorf("the late visit changed statement %s (-before +after):\n%s", name, diff)
		}
	}
	brief := show(t, m[1], "brief")
	if brief["state"] != "live" || len(brief["captures"].([]any)) == 0 {
		t.Errorf("what only the frozen worker had seen: %v", brief)
	}

	// Both machines see the same, and so does a view that is made anew.
	views := func(w machine) string { return w.run(t, "--json", "search", "--sort", "oldest", "text") }
	want := views(m[1])
	if got := views(m[0]); got != want {
		t.Errorf("the machines' views differ:\n%s\n%s", got, want)
	}
	m[0].run(t, "rebuild")
	if got := views(m[0]); got != want {
		t.Errorf("a rebuilt view differs:\n%s\n%s", got, want)
	}
	// Both go on as if nothing had been.
	for _, w := range m {
		if got := w.run(t, "crawl", "press"); !strings.Contains(got, "0 new  0 edited  0 gone") {
			t.Errorf("the next visit: %s", got)
		}
	}
}

// ledger returns the size of the ledger, once all of it has been verified.
func (m machine) ledger(t *testing.T) int64 {
	t.Helper()
	var v struct {
		Size     int64
		Findings []any
	}
	if err := json.Unmarshal([]byte(m.run(t, "--json", "verify")), &v); err != nil || len(v.Findings) != 0 {
		t.Fatalf("verify: %+v %v", v, err)
	}
	return v.Size
}

// show returns what a machine shows of a statement of the slow site.
func show(t *testing.T, m machine, item string) map[string]any {
	t.Helper()
	id := onrecord.NewStatementID("website", "https://a.example/"+item)
	var s map[string]any
	if err := json.Unmarshal([]byte(m.run(t, "--json", "show", string(id))), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// known leaves of a statement what a late sighting may not change.
func known(s map[string]any) map[string]any {
	out := map[string]any{}
	for _, key := range []string{"id", "state", "edited", "version", "text", "title", "grade", "published_at"} {
		out[key] = s[key]
	}
	return out
}
