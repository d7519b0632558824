// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"onrecord/internal/repotest"
)

// Two machines serve one archive and share a queue outside. The one that has the
// visit is killed in the middle of it; the other, which kept away until then,
// makes the visit soon after.
func TestKilledWorker(t *testing.T) {
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
	var asked atomic.Int32
	begun, again, end := make(chan struct{}), make(chan struct{}), make(chan struct{})
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		switch asked.Add(1) {
		case 1:
			close(begun)
			<-end // never answered
		case 2:
			close(again)
		}
		_, _ = w.Write(rss("one"))
	}))
	t.Cleanup(func() { close(end); site.CloseClientConnections(); site.Close() })
	m := newMachines(t, 2, `      - {id: press, platform: website, account_id: a.example, schedule: "@daily", doors: [{kind: feed, url: "https://a.example/feed.xml", base_url: "`+site.URL+`"}]}`,
		`dispatch: {url: "`+queue.ClientURL()+`"}`)
	serve := func(m machine, args ...string) *exec.Cmd {
		cmd := exec.Command("onrecord", append([]string{"-c", m.config, "serve"}, args...)...)
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd
	}
	first := serve(m[0])
	<-begun
	stalls := repotest.Stalls(t)
	serve(m[1], "--trust-checkpoint")
	select {
	case <-again:
		if d := stalls(); d > time.Second {
			t.Skipf("the machine stood still for %s: the first worker may have seemed silent", d)
		}
		t.Fatal("a second worker came to the host while the first was there")
	case <-time.After(7 * time.Second): // longer than a silent worker keeps its turn
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	select {
	case <-again:
		t.Logf("%s after the first worker was killed", time.Since(killed).Round(time.Millisecond))
	case <-time.After(patience):
		t.Fatalf("nobody made the visit within %s", patience)
	}
}
