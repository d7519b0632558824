// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive/spool"
	"onrecord/config"
	"onrecord/internal/testservers"
)

// keyFileOf writes the credentials of a store into a file of its own.
func keyFileOf(t testing.TB, store *testservers.S3) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s3.key")
	text := fmt.Sprintf("access_key: %s\nsecret_key: %s\n", store.AccessKey, store.SecretKey)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newS3World is newWorld with its record at url.
func newS3World(t testing.TB, clock *movedClock, url, key string) *world {
	t.Helper()
	s := newStop(nil, io.Discard)
	t.Cleanup(s.close)
	e := &env{io: stdio{out: io.Discard, err: t.Output()}, stop: s, now: clock.now, sleep: clock.sleep}
	at, err := initArchive(t.Context(), e, initFlags{
		name: "Archive Example", operator: "Example e.V.", email: "desk@archive.example", url: "https://archive.example", storage: url, credentials: key,
	}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &world{env: e, at: at, clock: clock}
}

// openS3 opens the archive of newS3World with sources, and more lines of
// configuration.
func (w *world) openS3(t testing.TB, key, sources, more string) *house {
	t.Helper()
	text := fmt.Sprintf(`archive:
  name: Archive Example
  operator: {name: Example e.V., email: desk@archive.example}
  url: https://archive.example
storage: {url: %q, credentials: %q}
state_dir: %q
log: {origin: %s}
crawl: {contact: desk@archive.example, min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
%s
figures:
  - slug: jane-example
    name: Jane Example
    sources:
%s`, w.at.bucket, key, w.at.state, w.at.origin, more, sources)
	cfg, err := config.Parse(w.at.config, []byte(text), configOptions())
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = cfg
	return w.reopen(t)
}

// feedFrom returns a feed of n items from the first.
func feedFrom(first, n int) []byte {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf("item-%06d", first+i))
	}
	return rss(items...)
}

// asked returns the answer of a site.
func asked(site http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://archive.example"+path, nil))
	return w
}

// TestS3Away lets an S3 store go away while an archive is served from it:
// visits go on into the spool, pages are answered from the catalog, what needs
// the store says that it does not answer, and when it is back all that waited
// is recorded, in its order and once. With ONRECORD_LONG the backlog has 10,000
// events.
func TestS3Away(t *testing.T) {
	t.Parallel()
	visits, items := 6, 50
	if os.Getenv("ONRECORD_LONG") != "" {
		visits, items = 25, 400
	}
	store := testservers.StartS3(t)
	proxy := testservers.StartProxy(t, store.Endpoint)
	clock, key := start(), keyFileOf(t, store)
	w := newS3World(t, clock, store.Through(proxy.Endpoint), key)
	srv, body := serveFeed(t, clock)
	serve := func(first, n int) { body.Store(new(feedFrom(first, n))) }
	serve(0, items)
	h := w.openS3(t, key, sourceYAML("press", "a.example", srv.URL+"/feed.xml"), "")
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}

	proxy.Down()
	for n := range visits {
		serve((n+1)*items, items)
		clock.to(clock.now().Add(time.Hour))
		_, _ = visitOf(in, t.Context(), in.Sources[0]) // it is in the spool; what it says of the store is no news
	}
	siteAnswers(t, h, site)
	doctorKnows(t, w, visits)
	proxy.Up()

	began := time.Now()
	clock.to(clock.now().Add(11 * time.Minute))
	locks := mustLocks(t, h)
	h.recover(t.Context(), in, locks)
	took := time.Since(began)
	t.Logf("a backlog of %d events in %d visits was recorded in %s, %.0f events/s", visits*items, visits, took.Round(time.Millisecond), float64(visits*items)/took.Seconds())
	if took > 5*time.Minute {
		t.Errorf("the backlog took %s, at most 5m", took)
	}
	if _, err := h.applyAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	recordedOnce(t, h, (visits+1)*items)
	if health, err := h.health(t.Context()); err != nil || health.StorageDown != "" || health.Spooled != 0 || health.Storage != "s3" {
		t.Errorf("health afterwards: %+v, %v", health, err)
	}
}

// siteAnswers checks what a site does whose store is away.
func siteAnswers(t *testing.T, h *house, site http.Handler) {
	t.Helper()
	id := onrecord.NewStatementID("website", "https://a.example/item-000007")
	for _, path := range []string{"/", "/search?q=item", "/f/jane-example", "/s/" + string(id), "/events", "/status", "/api/v1/statements/" + string(id)} {
		began := time.Now()
		if res := asked(site, path); res.Code != http.StatusOK {
			t.Errorf("%s answers %d while the store is away: %.300s", path, res.Code, res.Body)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s took %s while the store is away", path, took)
		}
	}
	if page := asked(site, "/status").Body.String(); !strings.Contains(page, "The storage does not answer.") {
		t.Error("/status does not say that the storage does not answer")
	}
	for _, path := range []string{"/api/v1/statements/" + string(id) + "/proof"} {
		res := asked(site, path)
		var problem struct{ Title, Detail string }
		err := json.Unmarshal(res.Body.Bytes(), &problem)
		if res.Code != http.StatusServiceUnavailable || err != nil || problem.Title == "" {
			t.Errorf("%s answers %d while the store is away: %.300s", path, res.Code, res.Body)
		}
	}
	if health, err := h.health(t.Context()); err != nil || health.StorageDown == "" || health.Spooled == 0 {
		t.Errorf("health while the store is away: %+v, %v", health, err)
	}
}

// doctorKnows checks what the doctor says while the store is away.
func doctorKnows(t *testing.T, w *world, visits int) {
	t.Helper()
	d := &doctor{env: w.env, offline: true}
	if _, ok := d.store(t.Context(), w.cfg); ok {
		t.Error("the doctor has opened a store that is away")
	}
	d.away(t.Context(), w.cfg)
	var all strings.Builder
	for _, s := range d.found {
		fmt.Fprintf(&all, "%s %s: %s -> %s\n", s.Level, s.Area, s.What, s.Do)
	}
	for _, want := range []string{
		"fail store", fmt.Sprintf("warn spool: source press: %s for the record, the first since ", count(visits, "visit waits", "visits wait")),
		"when the store takes them", "(spool_limit)", "ok catalog: has applied ", "ok ledger: this machine has signed ",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the doctor does not say %q:\n%s", want, &all)
		}
	}
}

// recordedOnce checks that the record holds so many items, each once and in
// order.
func recordedOnce(t *testing.T, h *house, want int) {
	t.Helper()
	n := 0
	seen := map[onrecord.StatementID]bool{}
	visit := -1
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type != onrecord.StatementCreated {
			continue
		}
		if seen[e.Event.Statement] {
			t.Errorf("%s is created twice", e.Event.NativeID)
		}
		seen[e.Event.Statement] = true
		var i int
		if _, err := fmt.Sscanf(e.Event.NativeID, "https://a.example/item-%06d", &i); err != nil {
			t.Fatal(err)
		}
		size := want / max(1, want/50)
		if at := i / size; at < visit {
			t.Errorf("item %d comes after a visit that was made later", i)
		} else {
			visit = at
		}
		n++
	}
	if n != want {
		t.Errorf("%d items are in the record, want %d", n, want)
	}
}

// TestSpoolLimit fills the spool while the store is away: at spool_limit no
// visit is begun, health and doctor say so, and it ends by itself.
func TestSpoolLimit(t *testing.T) {
	t.Parallel()
	store := testservers.StartS3(t)
	proxy := testservers.StartProxy(t, store.Endpoint)
	clock, key := start(), keyFileOf(t, store)
	w := newS3World(t, clock, store.Through(proxy.Endpoint), key)
	srv, body := serveFeed(t, clock)
	body.Store(new(feedFrom(0, 3)))
	h := w.openS3(t, key, sourceYAML("press", "a.example", srv.URL+"/feed.xml"), "spool_limit: 64MiB")
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	if err := h.hold(); err != nil {
		t.Fatalf("held before anything waits: %v", err)
	}
	proxy.Down()
	// What waits is a visit of the ordinary kind, and a large file beside it: 64
	// MiB of feeds would say the same in a minute.
	body.Store(new(feedFrom(3, 3)))
	clock.to(clock.now().Add(time.Hour))
	_, _ = visitOf(in, t.Context(), in.Sources[0])
	large := filepath.Join(h.cfg.StateDir, "spool", "filler")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 70<<20); err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	proxy.Up()
	h = w.reopen(t)
	in, err = h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.hold(); !errors.Is(err, spool.ErrFull) {
		t.Errorf("a full spool holds no visit back: %v", err)
	}
	if _, err := visitOf(in, t.Context(), in.Sources[0]); !errors.Is(err, spool.ErrFull) {
		t.Errorf("a visit is begun on a full spool: %v", err)
	}
	if health, err := h.health(t.Context()); err != nil || !strings.Contains(health.Paused, "spool is full") {
		t.Errorf("health of a full spool: %+v, %v", health, err)
	}
	d := &doctor{env: w.env}
	d.spoolLimit(w.cfg)
	if len(d.found) != 1 || d.found[0].Level != "fail" {
		t.Errorf("the doctor of a full spool says %v", d.found)
	}
	if err := os.Remove(large); err != nil {
		t.Fatal(err)
	}
	if err := h.hold(); err != nil {
		t.Errorf("held after there is room: %v", err)
	}
	h.recover(t.Context(), in, mustLocks(t, h))
	recordedOnce(t, h, 6)
}

// TestS3Refused checks what an operator reads whose store can't hold an
// archive, or is not the one that was meant.
func TestS3Refused(t *testing.T) {
	t.Parallel()
	store := testservers.StartS3(t)
	key := keyFileOf(t, store)
	open := filepath.Join(t.TempDir(), "open.key")
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(open, text, 0o644); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.key")
	if err := os.WriteFile(wrong, bytes.Replace(text, []byte(store.SecretKey), []byte("hunter2"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, url, key string
		status         int
		want, hint     string
	}{
		{"a key for all to read", store.URL(), open, exitConfig, "can be read by others (mode 0644)", "chmod 600 " + open},
		{"no key", store.URL(), open + "x", exitConfig, "no such file", "two lines"},
		{"a wrong key", store.URL(), wrong, exitConfig, "the secret key is not that of this access key", "correct the credentials"},
		{"no bucket", strings.Replace(store.URL(), store.Bucket, "elsewhere", 1), key, exitConfig, `there is no bucket "elsewhere"`, "make the bucket first"},
		{"nobody there", store.Through("http://127.0.0.1:1"), key, exitUnreachable, "http://127.0.0.1:1 does not answer", ""},
		{"no TLS there", store.Through(strings.Replace(store.Endpoint, "http:", "https:", 1)), key, exitUnreachable, "does not answer", "is endpoint= in storage.url right"},
		{"an odd parameter", store.URL() + "&sloth=1", key, exitUsage, `unknown parameter "sloth"`, ""},
	} {
		s := newStop(nil, io.Discard)
		e := &env{io: stdio{out: io.Discard, err: io.Discard}, stop: s, now: time.Now}
		dir := t.TempDir()
		_, err := initArchive(t.Context(), e, initFlags{name: "A", operator: "B", email: "c@d.example", url: "https://d.example", storage: c.url, credentials: c.key}, dir)
		s.close()
		code, hint := status(err)
		if code != c.status || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint, c.hint) || strings.Contains(err.Error()+hint, "hunter2") {
			t.Errorf("%s: %d, %v\nhint: %s", c.name, code, err, hint)
		}
		if _, err := os.Stat(filepath.Join(dir, "onrecord.yaml")); err == nil {
			t.Errorf("%s: a configuration was written", c.name)
		}
	}
}
