// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"onrecord"
	"onrecord/internal/repotest"
)

// A wire carries TCP to an address until it is cut.
type wire struct {
	mu    sync.Mutex
	down  bool       // guarded by mu
	conns []net.Conn // guarded by mu
}

func newWire(t *testing.T, to string) (w *wire, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w = &wire{}
	t.Cleanup(func() { _ = ln.Close(); w.cut(true) })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			w.join(c, to)
		}
	}()
	return w, ln.Addr().String()
}

func (w *wire) join(c net.Conn, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o, err := net.Dial("tcp", to)
	if err != nil || w.down {
		_ = c.Close()
		return
	}
	w.conns = append(w.conns, c, o)
	for _, way := range [][2]net.Conn{{c, o}, {o, c}} {
		go func() { _, _ = io.Copy(way[0], way[1]); _ = way[0].Close() }()
	}
}

func (w *wire) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// pagedSite serves a feed of two pages. The second page is never answered to the
// first who asks for it: left is closed when he has hung up, again when somebody
// asks for the feed after him; crossed says that he had not hung up by then.
func pagedSite(t *testing.T) (s *httptest.Server, asked, left, again chan struct{}, crossed *atomic.Bool) {
	crossed = new(atomic.Bool)
	asked, left, again = make(chan struct{}), make(chan struct{}), make(chan struct{})
	var feeds, pages atomic.Int32
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/feed.xml":
			http.NotFound(w, r)
		case r.URL.Query().Get("page") == "2":
			if pages.Add(1) == 1 {
				close(asked)
				<-r.Context().Done()
				close(left)
				return
			}
			_, _ = w.Write(rss("old"))
		case feeds.Add(1) == 1:
			next := `<channel><atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="next" href="https://a.example/feed.xml?page=2"/>`
			_, _ = w.Write([]byte(strings.Replace(string(rss("one", "brief")), "<channel>", next, 1)))
		default:
			if feeds.Load() == 2 {
				select {
				case <-left:
				default:
					crossed.Store(true)
				}
				close(again)
			}
			_, _ = w.Write(rss("two", "one"))
		}
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s, asked, left, again, crossed
}

// Two machines serve one archive and share a queue outside. The way of the one
// that has the visit to the queue is cut: it breaks the visit off before the
// other comes to the host. What it has captured until then is committed from its
// spool: a statement that nobody else has seen is in the archive.
func TestCutOffWorker(t *testing.T) {
	t.Parallel()
	queue, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: fastDir(t), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	queue.Start()
	t.Cleanup(func() { queue.Shutdown(); queue.WaitForShutdown() })
	if !queue.ReadyForConnections(patience) {
		t.Fatal("the queue is not ready")
	}
	direct := strings.TrimPrefix(queue.ClientURL(), "nats://")
	way, via := newWire(t, direct)
	site, asked, left, again, crossed := pagedSite(t)
	m := newMachines(t, 2, `      - {id: press, platform: website, account_id: a.example, schedule: "@daily", doors: [{kind: feed, url: "https://a.example/feed.xml", base_url: "`+site.URL+`"}]}`,
		`dispatch: {url: "nats://`+direct+`"}`)
	text, err := os.ReadFile(m[0].config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m[0].config, []byte(strings.Replace(string(text), direct, via, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := func(m machine, args ...string) {
		cmd := exec.Command("onrecord", append([]string{"-c", m.config, "serve"}, args...)...)
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	wait := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(patience):
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
	serve(m[0])
	wait("the first worker asks for the second page", asked)
	stalls := repotest.Stalls(t)
	early := func(what string) {
		t.Helper()
		if d := stalls(); d > time.Second/4 {
			t.Skipf("the machine stood still for %s: who has a turn then shows nothing", d)
		}
		t.Error(what)
	}
	serve(m[1], "--trust-checkpoint")
	select {
	case <-again:
		early("a second worker came to the host while the first was there")
	case <-time.After(6 * time.Second): // until it stands by; a silent worker keeps its turn for five
	}
	way.cut(true)
	wait("the first worker leaves the host", left)
	wait("the second worker comes", again)
	if crossed.Load() {
		early("the second worker was there before the first had left")
	}
	way.cut(false)
	id := onrecord.NewStatementID("website", "https://a.example/brief")
	eventually(t, patience, func() string {
		out, err := m[1].try("--json", "show", string(id))
		if err != nil || !strings.Contains(out, "text of brief") {
			return fmt.Sprintf("what only the first worker has seen is not in the archive: %v\n%s", err, out)
		}
		return ""
	})
	m[1].ledger(t)
}
