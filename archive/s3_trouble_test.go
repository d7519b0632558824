// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket/retry"
	"onrecord/archive/bucket/s3"
	"onrecord/internal/repotest"
	"onrecord/internal/testservers"
)

// A trouble is what befalls a store for a while.
type trouble struct {
	name  string
	proxy bool                                 // it is made by toxiproxy
	start func(p *testservers.Proxy, f *flaky) // and ends with stop
	stop  func(p *testservers.Proxy, f *flaky)
}

// troubles are those that befall stores: out, 503, resets in the middle of a put, lost
// replies.
func troubles() []trouble {
	toxic := func(t testservers.Toxic) func(*testservers.Proxy, *flaky) {
		return func(p *testservers.Proxy, _ *flaky) { p.Add(t) }
	}
	without := func(name string) func(*testservers.Proxy, *flaky) {
		return func(p *testservers.Proxy, _ *flaky) { p.Remove(name) }
	}
	return []trouble{
		{"out", true, func(p *testservers.Proxy, _ *flaky) { p.Down() }, func(p *testservers.Proxy, _ *flaky) { p.Up() }},
		{"30 percent 503", false, func(_ *testservers.Proxy, f *flaky) { f.set(0.3) }, func(_ *testservers.Proxy, f *flaky) { f.set(0) }},
		{"resets in mid-put", true, toxic(testservers.Toxic{
			Name: "cut", Type: "limit_data", Stream: "upstream", Toxicity: 0.3, Attributes: map[string]any{"bytes": 1000},
		}), without("cut")},
		{"lost replies", true, toxic(testservers.Toxic{
			Name: "deaf", Type: "limit_data", Stream: "downstream", Toxicity: 0.3, Attributes: map[string]any{"bytes": 0},
		}), without("deaf")},
	}
}

// A flaky proxy answers a share of all requests with 503, by itself.
type flaky struct {
	mu    sync.Mutex
	share float64
	rand  *rand.Rand
	next  http.Handler
}

func newFlaky(t *testing.T, endpoint string) (*flaky, string) {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{rand: rand.New(rand.NewPCG(1, 2)), next: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = u.Scheme, u.Host, r.In.Host
		},
	}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s.URL
}

func (f *flaky) set(share float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.share = share
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fails := f.rand.Float64() < f.share
	f.mu.Unlock()
	if fails {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
		return
	}
	f.next.ServeHTTP(w, r)
}

// TestS3Misbehaves commits visits of three sources while the store is in each
// kind of trouble, ten minutes long in real time (ONRECORD_LONG) and sixty times
// shorter otherwise: whatever each commit said, every visit is in the record
// once, in the order of its source, soon after the trouble ends.
func TestS3Misbehaves(t *testing.T) {
	last, backoff := 10*time.Second, retry.Options{Base: 2 * time.Millisecond, Cap: 40 * time.Millisecond, Total: 250 * time.Millisecond}
	if os.Getenv("ONRECORD_LONG") != "" {
		last, backoff = 10*time.Minute, retry.Options{}
	} else if repotest.Raced {
		last /= 4
	}
	store := testservers.StartS3(t)
	for _, tr := range troubles() {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			misbehave(t, store, tr, last, backoff)
		})
	}
}

func misbehave(t *testing.T, store *testservers.S3, tr trouble, last time.Duration, backoff retry.Options) {
	var p *testservers.Proxy
	var f *flaky
	var endpoint string
	if tr.proxy {
		p = testservers.StartProxy(t, store.Endpoint)
		endpoint = p.Endpoint
	} else {
		f, endpoint = newFlaky(t, store.Endpoint)
	}
	text := store.Through(endpoint)
	at, err := s3.ParseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := s3.New(at, s3.Credentials{AccessKey: store.AccessKey, SecretKey: s3.NewSecret(store.SecretKey)}, s3.Options{Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	w, dir, patient := newWorld(t), fastDir(t), storeAt(t, text, store.AccessKey, store.SecretKey)
	w.init(t, patient, dir)
	a := w.open(t, retry.New(plain, backoff), dir, 2)
	sources := []string{"press", "second", "third"}
	said := make([][]string, len(sources))
	for i, s := range sources { // all have been read before
		v, err := read(t.Context(), w, a, s, s+" before")
		for more := 20; err != nil && more > 0; more-- { // a hurried store, on a machine that may stand still
			v, err = read(t.Context(), w, a, s, s+" before")
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _ = commit(t.Context(), w, v) // at the latest it is recorded when the trouble is over
		said[i] = []string{s + " before"}
	}
	tr.start(p, f)
	failed := 0
	pace := time.NewTicker(last / 50)
	defer pace.Stop()
	for end, n := time.Now().Add(last), 0; n < 3*len(sources) || time.Now().Before(end); n++ {
		i := n % len(sources)
		text := fmt.Sprintf("%s %04d", sources[i], n)
		if v, err := read(t.Context(), w, a, sources[i], text); err == nil {
			said[i] = append(said[i], text) // it is in the spool: from now on it must not be lost
			if _, err := commit(t.Context(), w, v); err != nil {
				failed++
			}
		}
		<-pace.C
	}
	tr.stop(p, f)
	began := time.Now()
	w.wait(11 * time.Minute)
	for done := 0; done < 2; {
		err := restart(t.Context(), w, a)
		switch {
		case err == nil:
			done++
		case time.Since(began) > 5*time.Minute: // the store may answer later than it is waited for, on a slow machine
			t.Fatalf("restart: %v", err)
		}
		w.wait(11 * time.Minute)
	}
	t.Logf("%d visits, %d commits failed; all in the record %s after the trouble", len(said[0])+len(said[1])+len(said[2]), failed, time.Since(began).Round(time.Millisecond))
	if failed == 0 && tr.name == "out" {
		t.Error("no commit met the trouble")
	}
	onceInOrder(t, w.open(t, patient, dir, 3), said)
}

// onceInOrder checks that all that was said is in the record once, each
// source's in its order.
func onceInOrder(t *testing.T, a *archive.Archive, said [][]string) {
	t.Helper()
	entries := walk(t, a)
	chained(t, entries)
	var got []string
	for _, e := range entries {
		if e.Event.Content != nil {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(e.Event.Content.Text, "<feed>"), "</feed>"))
		}
	}
	for _, texts := range said {
		source, _, _ := strings.Cut(texts[0], " ")
		var mine []string
		for _, text := range got {
			if strings.HasPrefix(text, source+" ") {
				mine = append(mine, text)
			}
		}
		if strings.Join(mine, "\n") != strings.Join(texts, "\n") {
			t.Errorf("%s: %d visits are in the record, want %d, once and in order:\n%q\nwant\n%q", source, len(mine), len(texts), mine, texts)
		}
	}
	if left := archive.Spooled(t.Context(), a); left != 0 {
		t.Errorf("%d spools left", left)
	}
	verified(t, a)
}
