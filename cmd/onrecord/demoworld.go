// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onrecord/config"
	"onrecord/crawler/fake"
	"onrecord/ingest"
	"onrecord/web"
)

// demoFiles are what the invented platforms of the demonstration answer, and a
// dump of posts.
//
//go:embed demo
var demoFiles embed.FS

// A demoSource is an account of the demonstration.
type demoSource struct {
	figure, id, platform string
	keys                 string // of its configuration, beside id and platform
	script, host         string // of the platform that it lives on; empty for imports only
	doors                []string
}

// demoFigures are the names by slug, in the order of the configuration.
func demoFigures() [][2]string {
	return [][2]string{{"jane-example", "Jane Example"}, {"jean-dupont", "Jean Dupont"}, {"ministry", "Ministry of Examples"}}
}

func demoSources() []demoSource {
	pages := func(host string) []string {
		return []string{
			"{kind: feed, url: https://" + host + "/feed.xml",
			"{kind: page, start: https://" + host + `/news, item: ".news a", title: h1, text: .entry-content, date: "time@datetime"`,
		}
	}
	return []demoSource{
		{"jane-example", "jane-social", "mastodon", `account: "@jane@social.example"`, "social", "social.example", []string{"{kind: api"}},
		{"jane-example", "jane-press", "website", "account_id: jane.example", "jane-site", "jane.example", pages("jane.example")},
		{"jane-example", "jane-x", "x", `account: janeexample, account_id: "250732611"`, "", "", nil},
		{"jean-dupont", "dupont-social", "mastodon", `account: "@dupont@civique.example"`, "civique", "civique.example", []string{"{kind: api"}},
		{"ministry", "ministry-telegram", "telegram", "account: examples_ministry", "telegram", "telegram.example", []string{"{kind: preview, base_url: https://telegram.example"}},
		{"ministry", "ministry-site", "website", "account_id: ministry.example", "ministry-site", "ministry.example", pages("ministry.example")},
	}
}

// A demoWorld is the invented platforms, served on the loopback interface, by
// a clock that is moved by hand, and an archive that mirrors them.
type demoWorld struct {
	clock     *movedClock
	platforms map[string]*fake.Platform // by script
	network   *network
	config    string // path of the archive's configuration
	house     *house
	ingester  *ingest.Ingester
	servers   []*http.Server

	unfollow  context.CancelFunc // ends following
	following sync.WaitGroup
}

// openDemo makes a new archive in dir, whose website is at site, and starts the
// platforms.
func openDemo(ctx context.Context, e *env, dir, site string, demo *web.Demo) (*demoWorld, error) {
	w := &demoWorld{clock: &movedClock{t: demoStart().Add(-time.Hour)}, platforms: map[string]*fake.Platform{}}
	if err := w.start(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	then := *e
	then.now, then.sleep, then.network = w.clock.now, w.clock.sleep, w.network
	flags := initFlags{name: "Demonstration Archive", operator: "Nobody", email: "desk@archive.example", url: site, origin: "demonstration.example/log"}
	at, err := initArchive(ctx, &then, flags, dir)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	if err := w.open(ctx, &then, at, site, demo); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// start serves each platform at an address of its own: a host that fails while
// another answers is another thing than a machine without a network.
func (w *demoWorld) start() error {
	hosts := map[string]string{} // by script
	for _, s := range demoSources() {
		if s.script != "" {
			hosts[s.script] = s.host
		}
	}
	net, cert, err := newNetwork(slices.Sorted(maps.Values(hosts)))
	if err != nil {
		return err
	}
	w.network = net
	for name, host := range hosts {
		script, err := demoFiles.ReadFile("demo/" + name + ".txtar")
		if err != nil {
			return err
		}
		p, err := fake.New(script)
		if err != nil {
			return fmt.Errorf("demo/%s.txtar: %w", name, err)
		}
		srv, err := net.serve(host, cert, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Date", w.clock.now().UTC().Format(http.TimeFormat))
			p.ServeHTTP(rw, r)
		})
		if err != nil {
			return err
		}
		w.servers = append(w.servers, srv)
		w.platforms[name] = p
	}
	return nil
}

// open opens the archive. The configuration that it leaves in the folder has no
// schedule: the platforms are gone when the demonstration is.
func (w *demoWorld) open(ctx context.Context, e *env, at place, site string, demo *web.Demo) error {
	w.config = at.config
	if err := os.WriteFile(at.config, demoConfig(at, site, false), 0o644); err != nil {
		return err
	}
	e.configPath = at.config
	cfg, err := config.Parse(at.config, demoConfig(at, site, true), configOptions())
	if err != nil {
		return err
	}
	if w.house, err = e.openWith(ctx, cfg, writing); err != nil {
		return err
	}
	w.house.demo = demo
	if w.ingester, err = w.house.ingester(); err != nil {
		return err
	}
	// The clock is moved: no rule has to be shortened for the story.
	w.ingester.Rules.AllowShortConfirm = false
	return nil
}

// scene sets what the platforms answer from now on.
func (w *demoWorld) scene(n int) {
	for _, p := range w.platforms {
		p.SetScene(n)
	}
}

// visit visits every source once, whose doors do not wait.
func (w *demoWorld) visit(ctx context.Context) error {
	for _, s := range w.ingester.Sources {
		if len(s.Doors) == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := w.ingester.Door(ctx, s)
		if errors.Is(err, ingest.ErrNoDoor) {
			continue
		} else if err != nil {
			return err
		}
		if _, err := w.ingester.Visit(ctx, s, d); err != nil {
			return err
		}
		if _, err := w.ingester.FetchMedia(ctx, s, ""); err != nil {
			return err
		}
	}
	return nil
}

// importDump imports the posts on X that somebody else has kept.
func (w *demoWorld) importDump(ctx context.Context) error {
	dump, err := fs.Sub(demoFiles, "demo/x")
	if err != nil {
		return err
	}
	imp, err := importerOf("thetrumparchive", "")
	if err != nil {
		return err
	}
	for _, s := range w.ingester.Sources {
		if s.Platform == imp.Info().Platform {
			_, err := w.ingester.Import(ctx, s, imp, dump, ingest.ImportOptions{Dated: demoStart().AddDate(0, 0, -6)})
			return err
		}
	}
	return errors.New("no source takes the dump")
}

// follow applies, until w is closed, what other commands add to the archive.
func (w *demoWorld) follow(banner *atomic.Pointer[string]) {
	var ctx context.Context
	ctx, w.unfollow = context.WithCancel(context.Background())
	w.following.Go(func() { w.house.keepUp(ctx, banner) })
}

// close ends the platforms and closes the archive. What is in the folder stays.
func (w *demoWorld) close() error {
	var errs []error
	if w.unfollow != nil {
		w.unfollow()
		w.following.Wait()
	}
	for _, s := range w.servers {
		errs = append(errs, s.Close())
	}
	if w.house != nil {
		errs = append(errs, w.house.close())
	}
	return errors.Join(errs...)
}

// demoConfig returns the configuration of the demonstration, of the one that is
// playing or of what it leaves.
func demoConfig(at place, site string, playing bool) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# A demonstration: invented people on invented platforms, which do not exist. The
# sources have no schedule: look with search, show, verify and serve.
archive:
  name: Demonstration Archive
  operator: {name: Nobody, email: desk@archive.example}
  url: %s
storage: {url: "file://%s"}
log: {origin: %s}
http: {listen: "%s"}
crawl:
  contact: desk@archive.example
`, site, at.bucket, at.origin, listenOf(site))
	if playing {
		b.WriteString("  allow_addresses: [127.0.0.0/8]\n")
	}
	b.WriteString("figures:\n")
	for _, f := range demoFigures() {
		fmt.Fprintf(&b, "  - slug: %s\n    name: %s\n    sources:\n", f[0], f[1])
		for _, s := range demoSources() {
			if s.figure == f[0] {
				b.WriteString(s.yaml(playing))
			}
		}
	}
	return []byte(b.String())
}

// yaml returns the source's part of the configuration.
func (s demoSource) yaml(playing bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "      - id: %s\n        platform: %s\n", s.id, s.platform)
	for key := range strings.SplitSeq(s.keys, ", ") {
		fmt.Fprintf(&b, "        %s\n", key)
	}
	if playing && s.script != "" {
		b.WriteString("        schedule: \"@hourly\"\n")
	}
	if len(s.doors) > 0 {
		b.WriteString("        doors:\n")
	}
	for _, d := range s.doors {
		b.WriteString("          - " + d + "}\n")
	}
	return b.String()
}

// A switched serves through the handler that was set last.
type switched struct {
	mu sync.RWMutex
	h  http.Handler // guarded by mu
}

func (s *switched) set(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h = h
}

// ServeHTTP holds the handler until it has answered: set returns only when the
// one before is not in use any more.
func (s *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.h == nil {
		h := w.Header()
		h.Set("Retry-After", "1")
		h.Set("Refresh", "2")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "<!doctype html><html lang=en><title>A demonstration is being prepared</title><p>The demonstration is being prepared. <a href=\"/demo\">Look again</a> in a second.")
		return
	}
	s.h.ServeHTTP(w, r)
}

// listenOf returns the host and port of an address.
func listenOf(site string) string {
	u, err := url.Parse(site)
	if err != nil || u.Host == "" {
		return "127.0.0.1:8080"
	}
	return u.Host
}
