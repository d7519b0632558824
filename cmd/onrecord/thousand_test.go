// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord/schedule"
)

// A crowd is many hosts on loopback, each with a feed of twenty statements. In
// every round one host in five has another one.
type crowd struct {
	mu     sync.Mutex
	port   int
	visits map[string][]time.Time // when each feed was asked for, by source; guarded by mu
	now    map[string]int         // requests under way, by source; guarded by mu
	twice  []string               // sources that met two requests at once; guarded by mu
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	ln, err := net.Listen("tcp4", "0.0.0.0:0") // all of 127.0.0.0/8
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{port: ln.Addr().(*net.TCPAddr).Port, visits: map[string][]time.Time{}, now: map[string]int{}}
	srv := &httptest.Server{Listener: ln, Config: &http.Server{Handler: c}}
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return c
}

func (c *crowd) host(n int) string { return fmt.Sprintf("127.0.%d.%d", 1+n/200, 1+n%200) }

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	source, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".xml")
	if !ok {
		http.NotFound(w, r)
		return
	}
	c.mu.Lock()
	c.visits[source] = append(c.visits[source], time.Now())
	round := len(c.visits[source])
	if c.now[source]++; c.now[source] > 1 {
		c.twice = append(c.twice, source)
	}
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.now[source]--; c.mu.Unlock() }()
	n, _ := strconv.Atoi(strings.TrimPrefix(source, "s"))
	if n%5 != 0 {
		round = 1
	}
	tag := fmt.Sprintf(`"%d"`, round)
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	var items []string
	for i := 19 + round; i > round-1; i-- {
		items = append(items, fmt.Sprintf("%s-%d", source, i))
	}
	_, _ = w.Write(rss(items...))
}

// sources configures n sources of one spec.
func (c *crowd) sources(n int, spec string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "      - {id: s%d, platform: website, account_id: s%d.example, schedule: %q, doors: [{kind: feed, url: \"https://s%d.example/s%d.xml\", base_url: \"http://%s:%d\"}]}\n", i, i, spec, i, i, c.host(i), c.port)
	}
	return b.String()
}

// round returns when the given visit of each source began, and how many sources
// have had it.
func (c *crowd) round(n, sources int) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []time.Time
	for i := range sources {
		if v := c.visits[fmt.Sprintf("s%d", i)]; len(v) >= n {
			list = append(list, v[n-1])
		}
	}
	return list
}

// TestThousandSources lets one serving process visit many sources of one spec on
// as many hosts, and tells how long after they were due the visits began, and
// what memory that took. It holds no time: docs/performance.md has the figures.
// ONRECORD_SOURCES is how many there are; with it they are due every ten minutes,
// spread over one of them, and the test takes five.
func TestThousandSources(t *testing.T) {
	t.Parallel()
	const few = 30
	n, spec, most := few, "@every 2s", patience
	if s := os.Getenv("ONRECORD_SOURCES"); s != "" {
		n, _ = strconv.Atoi(s)
		at := (time.Now().UTC().Minute() + 3) % 10
		spec, most = fmt.Sprintf("%d-59/10 * * * *", at), 8*time.Minute
	}
	c := newCrowd(t)
	m := newMachines(t, 1, c.sources(n, spec))[0]
	cmd := exec.Command("onrecord", "-c", m.config, "serve")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	until := func(round int) []time.Time {
		for end := time.Now().Add(most); ; <-tick.C {
			if list := c.round(round, n); len(list) == n {
				return list
			} else if time.Now().After(end) {
				t.Fatalf("%d of %d sources had their visit no. %d within %s", len(list), n, round, most)
			}
		}
	}
	delays := make([]time.Duration, n)
	for i, at := range until(1) {
		delays[i] = at.Sub(began)
	}
	t.Logf("all at once, %d sources never visited: %s after the start; %s", n, spread(delays), memoryOf(t, cmd.Process.Pid))
	first := c.round(1, n)
	plain, err := schedule.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	second := until(2)
	c.mu.Lock()
	twice := c.twice
	c.mu.Unlock()
	if len(twice) > 0 {
		t.Errorf("hosts that met two requests at once: %v", twice)
	}
	if n == few {
		return // on two seconds, what robots.txt takes is no delay
	}
	for i, at := range second {
		delays[i] = at.Sub(plain.Spread(fmt.Sprintf("s%d", i), 0.1).Next(first[i]))
	}
	t.Logf("by schedule %q: %s after each was due; %s", spec, spread(delays), memoryOf(t, cmd.Process.Pid))
}

// spread words delays.
func spread(d []time.Duration) string {
	d = slices.Sorted(slices.Values(d))
	at := func(p int) time.Duration { return d[min(len(d)*p/100, len(d)-1)].Round(time.Millisecond) }
	return fmt.Sprintf("p50 %s, p99 %s, last %s", at(50), at(99), at(100))
}

// memoryOf words the memory and processor time of a process.
func memoryOf(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "no /proc"
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && (f[0] == "VmHWM:" || f[0] == "VmRSS:") {
			kb, _ := strconv.Atoi(f[1])
			out = append(out, fmt.Sprintf("%s %d MB", f[0], kb/1000))
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, rest, ok := strings.Cut(string(stat), ") "); err == nil && ok {
		f := strings.Fields(rest)
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		out = append(out, fmt.Sprintf("CPU %.1f s", float64(user+system)/100))
	}
	return strings.Join(out, " ")
}
