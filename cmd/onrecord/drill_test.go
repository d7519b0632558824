// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive"
	"onrecord/config"
	"onrecord/ingest"
	"onrecord/internal/testservers"
)

// A seen is what a website answered at an address.
type seen struct {
	status int
	page   [32]byte // SHA-256 of a statement's page, less the keys in it: an adoption brings a new one
	total  any
}

// keyInPage finds a verifier key in HTML.
var keyInPage = regexp.MustCompile(`archive\.example/log(\+|&#43;)[0-9a-f]{8}(\+|&#43;)([0-9A-Za-z/+=]|&#43;)+`)

// look asks a website for addresses, and returns what it answered.
func look(t *testing.T, h *house, in *ingest.Ingester, addresses []string) map[string]seen {
	t.Helper()
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]seen{}
	for _, a := range addresses {
		rec := httptest.NewRecorder()
		site.ServeHTTP(rec, httptest.NewRequest("GET", a, nil))
		s := seen{status: rec.Code}
		if strings.HasPrefix(a, "/s/") {
			s.page = sha256.Sum256(keyInPage.ReplaceAll(rec.Body.Bytes(), nil))
		}
		if strings.HasPrefix(a, "/api/") {
			var body struct {
				Meta struct {
					Total any `json:"total"`
				} `json:"meta"`
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
				t.Errorf("%s: %v", a, err)
			}
			s.total = body.Meta.Total
		}
		out[a] = s
	}
	return out
}

// mustVisit visits the only source of an archive.
func mustVisit(t *testing.T, in *ingest.Ingester) ingest.Report {
	t.Helper()
	rep, err := visitOf(in, t.Context(), in.Sources[0])
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// item is one item of a feed.
func item(n int, text string) string {
	return fmt.Sprintf("<item><title>Statement %d</title><link>https://a.example/%d</link><guid>g%d</guid><pubDate>Tue, 01 Sep 2026 0%d:00:00 GMT</pubDate><description>%s</description></item>", n, n, n, n%8, text)
}

// nightFeed returns a feed of items.
func nightFeed(items ...string) []byte {
	return []byte(`<?xml version="1.0"?><rss version="2.0"><channel><title>T</title><link>https://a.example/</link>` + strings.Join(items, "") + "</channel></rss>")
}

// TestDrill: the machine is gone overnight, bucket, state, key and all. From a
// replica, on an empty machine, comes the same site at the same addresses; what
// was proven before is still proven, and the crawl goes on (security.md T39).
func TestDrill(t *testing.T) {
	t.Parallel()
	clock := start()
	w := newWorldIn(t, clock, t.TempDir())
	srv, body := serveFeed(t, clock)
	sources := sourceYAML("press", "a.example", srv.URL+"/feed.xml")
	drill(t, clock, w, w.open(t, sources), sources, body, config.Store{URL: "file://" + t.TempDir()}, func() {
		if err := os.RemoveAll(w.at.bucket); err != nil {
			t.Fatal(err)
		}
	})
}

// TestDrillS3 is TestDrill between a folder and an S3 store: what one machine
// wrote into the one another goes on with in the other.
func TestDrillS3(t *testing.T) {
	t.Parallel()
	t.Run("a replica in S3", func(t *testing.T) {
		t.Parallel()
		store := testservers.StartS3(t)
		clock, key := start(), keyFileOf(t, store)
		w := newWorldIn(t, clock, t.TempDir())
		srv, body := serveFeed(t, clock)
		sources := sourceYAML("press", "a.example", srv.URL+"/feed.xml")
		drill(t, clock, w, w.open(t, sources), sources, body, config.Store{URL: store.URL(), Credentials: key}, func() {
			if err := os.RemoveAll(w.at.bucket); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("a replica of S3", func(t *testing.T) {
		t.Parallel()
		store := testservers.StartS3(t)
		clock, key := start(), keyFileOf(t, store)
		w := newS3World(t, clock, store.URL(), key)
		srv, body := serveFeed(t, clock)
		sources := sourceYAML("press", "a.example", srv.URL+"/feed.xml")
		drill(t, clock, w, w.openS3(t, key, sources, ""), sources, body, config.Store{URL: "file://" + t.TempDir()}, store.Stop)
	})
}

// drill loses an archive, and goes on from a replica of it.
func drill(t *testing.T, clock *movedClock, w *world, h *house, sources string, body *atomic.Pointer[[]byte], replica config.Store, lose func()) {
	t.Helper()
	empty := t.TempDir()
	var items []string
	for n := range 12 {
		items = append(items, item(n, fmt.Sprintf("words of statement %d", n)))
	}
	f := nightFeed(items...)
	body.Store(&f)
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	mustVisit(t, in)
	clock.to(clock.now().Add(time.Hour))
	items[3] = item(3, "other words of statement 3")
	f = nightFeed(items...)
	body.Store(&f)
	mustVisit(t, in)

	addresses, ids := everyAddress(t, h)
	before := look(t, h, in, addresses)
	proof, err := evidence{h.archive, h.catalog}.Proof(t.Context(), ids[3])
	if err != nil {
		t.Fatal(err)
	}
	old := h.key.verifier
	if done, err := h.newReplica(replica, 1).replicate(t.Context(), archive.ReplicateOptions{}); err != nil || done.Size == 0 {
		t.Fatalf("%+v, %v", done, err)
	}

	// The night.
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.at.state); err != nil {
		t.Fatal(err)
	}
	lose()

	// The morning: an empty machine, and the backup of onrecord.yaml.
	public, err := adoptWith(t, w.env, w.cfg, replica, empty, sources)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(filepath.Join(empty, "onrecord.yaml"), configOptions())
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.env.openWith(t.Context(), cfg, writing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.close() })
	if in, err = again.ingester(); err != nil {
		t.Fatal(err)
	}
	after := look(t, again, in, addresses)
	for _, a := range addresses {
		if before[a] != after[a] || before[a].status != http.StatusOK {
			t.Errorf("%s: %+v before, %+v after", a, before[a], after[a])
		}
	}
	if _, _, err := archive.CheckProof(proof, w.at.origin, old); err != nil {
		t.Errorf("the old proof: %v", err)
	}
	goesOn(t, clock, again, in, body, items)
	fresh, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	if proof, err = (evidence{again.archive, again.catalog}).Proof(t.Context(), ids[3]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := archive.CheckProof(proof, w.at.origin, fresh); err != nil {
		t.Errorf("a new proof of an old statement: %v", err)
	}
}

// everyAddress returns the addresses that must stay, and the statements.
func everyAddress(t *testing.T, h *house) (addresses []string, ids []onrecord.StatementID) {
	t.Helper()
	addresses = []string{"/", "/search?q=words", "/f/jane-example", "/edits", "/events", "/deletions", "/about", "/api/v1/statements", "/api/v1/statements?q=words", "/api/v1/figures"}
	for n := range 12 {
		id := onrecord.NewStatementID("website", fmt.Sprintf("https://a.example/%d", n))
		ids = append(ids, id)
		addresses = append(addresses, "/s/"+string(id), "/api/v1/statements/"+string(id))
	}
	return addresses, ids
}

// adoptWith adopts a replica with a configuration as it was, but for where the
// archive is.
func adoptWith(t *testing.T, e *env, was *config.Config, replica config.Store, dir, sources string) (public string, err error) {
	t.Helper()
	text := fmt.Sprintf(`archive: {name: %s, operator: {name: Example e.V., email: desk@archive.example}, url: %q}
storage: {url: %q, credentials: %q}
log: {origin: %s}
crawl: {contact: desk@archive.example, min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
%s`, was.Archive.Name, was.Archive.URL, replica.URL, replica.Credentials, was.Log.Origin, sources)
	if err := os.WriteFile(filepath.Join(dir, "onrecord.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := runAdopt(t.Context(), e, adoptFlags{reason: "the host has switched us off"}, replica.URL, dir); err != nil {
		return "", err
	}
	key, err := readLogKey(filepath.Join(dir, ".onrecord"))
	if err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(filepath.Join(dir, ".onrecord", keyFile))
	if err != nil || key.signer == nil {
		t.Fatal(err)
	}
	return publicOf(strings.TrimSpace(string(private)))
}

// goesOn demands that the next visits announce what is new and nothing else, and
// that all of it verifies.
func goesOn(t *testing.T, clock *movedClock, h *house, in *ingest.Ingester, body *atomic.Pointer[[]byte], items []string) {
	t.Helper()
	clock.to(clock.now().Add(time.Hour))
	known, err := h.archive.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := nightFeed(append(items, item(12, "the first words after the night"))...)
	body.Store(&f)
	mustVisit(t, in)
	clock.to(clock.now().Add(time.Hour))
	mustVisit(t, in)
	made := 0
	for e := range eventsFrom(t, h, &known) {
		switch e.Type {
		case onrecord.StatementCreated:
			if made++; e.NativeID != "https://a.example/12" {
				t.Errorf("%s is announced again", e.NativeID)
			}
		case onrecord.StatementEdited, onrecord.StatementDeleted:
			t.Errorf("%s of %s after the adoption", e.Type, e.NativeID)
		}
	}
	if made != 1 {
		t.Errorf("%d new statements, want 1", made)
	}
	rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
}

// A serving process fills its replicas: what is committed is there within a
// minute, and a replica that is away holds nobody up.
func TestReplicasFollow(t *testing.T) {
	t.Parallel()
	clock, w, _, body, h, in := press(t, "one")
	away := filepath.Join(t.TempDir(), "not-there")
	near := t.TempDir()
	cfg := *w.cfg
	cfg.Storage.Replicas = []config.Store{{URL: "file://" + away}, {URL: "file://" + near}}
	h.cfg = &cfg
	h.copies = h.newReplicas()
	mustVisit(t, in)
	far, to := h.copies.list[0], h.copies.list[1]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := far.follow(ctx); err == nil {
		t.Error("a replica that is away was filled")
	}
	if err := to.follow(ctx); err != nil {
		t.Fatal(err)
	}
	size, err := h.archive.Size(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := h.copies.health(size)
	if got[0].Trouble == "" || got[0].Signed != -1 || got[1].Signed != size || got[1].Trouble != "" || !got[1].BehindSince.IsZero() {
		t.Errorf("health: %+v", got)
	}
	if s := h.copies.sightings(); len(s) != 1 || s[0].Size != size {
		t.Errorf("sightings: %+v", s)
	}
	// The disk comes back.
	if err := os.Mkdir(away, 0o755); err != nil {
		t.Fatal(err)
	}
	clock.to(clock.now().Add(time.Hour))
	f := rss("one", "two")
	body.Store(&f)
	mustVisit(t, in)
	if to.due(size + 2); h.copies.health(size + 2)[1].BehindSince.IsZero() {
		t.Error("a replica that is behind does not say since when")
	}
	for _, r := range h.copies.list {
		if err := r.follow(ctx); err != nil {
			t.Errorf("%s: %v", r.name(), err)
		}
	}
	if size, err = h.archive.Size(ctx); err != nil {
		t.Fatal(err)
	}
	for i, r := range h.copies.health(size) {
		if r.Signed != size || r.Trouble != "" {
			t.Errorf("replica %d: %+v, the ledger has %d", i+1, r, size)
		}
	}
	for _, s := range []string{far.name(), to.name()} {
		if !strings.HasPrefix(s, "file:///") {
			t.Errorf("name %q", s)
		}
	}
}
