// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"onrecord/config"
	"onrecord/ingest"
)

// exampleFiles are what three invented sites answered, and when.
//
//go:embed example/*.txtar
var exampleFiles embed.FS

func newExample(e *env) *cobra.Command {
	var site string
	cmd := &cobra.Command{
		Use:   "example DIR",
		Short: "Make an example archive of invented figures, without a network",
		Long: `Makes an archive in DIR from answers of three invented sites that come with the
program: they are served on the loopback interface and visited by the real
crawler, with a clock that is moved by hand. Nothing outside this machine is
asked.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runExample(cmd.Context(), e, args[0], site) },
	}
	cmd.Flags().StringVar(&site, "url", "http://127.0.0.1:8080", "`ADDRESS` at which the website will be served")
	return cmd
}

// An answer is what a site of the example says from an instant on.
type answer struct {
	from   time.Time
	status int
	body   []byte
}

// readAnswers reads the sections of an example file, oldest first.
func readAnswers(name string) ([]answer, error) {
	b, err := exampleFiles.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var list []answer
	for _, f := range txtar.Parse(b).Files {
		at, status, _ := strings.Cut(f.Name, " status ")
		t, err := time.Parse("2006-01-02T15:04:05", at)
		if err != nil {
			return nil, fmt.Errorf("%s: section %q: %w", name, f.Name, err)
		}
		a := answer{from: t, status: http.StatusOK, body: f.Data}
		if status != "" {
			if a.status, err = strconv.Atoi(status); err != nil {
				return nil, fmt.Errorf("%s: section %q: %w", name, f.Name, err)
			}
		}
		list = append(list, a)
	}
	if !slices.IsSortedFunc(list, func(a, b answer) int { return a.from.Compare(b.from) }) || len(list) == 0 {
		return nil, fmt.Errorf("%s: its sections are not in order of time", name)
	}
	return list, nil
}

// serveAnswers serves what one site of the example says at the clock's time,
// until it is closed. Each site has an address of its own: a host that fails
// while another answers is another thing than a machine without a network.
func serveAnswers(answers []answer, clock *movedClock) (base string, closer func() error, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := clock.now()
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		i := slices.IndexFunc(answers, func(a answer) bool { return a.from.After(now) })
		if i < 0 {
			i = len(answers)
		}
		switch {
		case i > 0 && answers[i-1].status != http.StatusOK:
			w.WriteHeader(answers[i-1].status)
		case i == 0 || r.URL.Path == "/robots.txt":
			http.NotFound(w, r)
		default:
			http.ServeContent(w, r, "", answers[i-1].from, bytes.NewReader(answers[i-1].body))
		}
	})}
	go func() { _ = srv.Serve(ln) }()
	return "http://" + ln.Addr().String(), srv.Close, nil
}

// exampleVisits are the times at which the sites are visited: every twelve hours,
// shortly after each change, and often at the end, when one host fails.
func exampleVisits(sites map[string][]answer) []time.Time {
	first := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	last := time.Date(2026, 9, 20, 2, 0, 0, 0, time.UTC)
	var at []time.Time
	for t := first; t.Before(last); t = t.Add(12 * time.Hour) {
		at = append(at, t)
	}
	for _, answers := range sites {
		for _, a := range answers {
			at = append(at, a.from.Add(10*time.Minute))
		}
	}
	for t := last.Add(-90 * time.Minute); !t.After(last); t = t.Add(15 * time.Minute) {
		at = append(at, t)
	}
	slices.SortFunc(at, time.Time.Compare)
	return slices.DeleteFunc(at, func(t time.Time) bool { return t.Before(first) })
}

func runExample(ctx context.Context, e *env, dir, site string) error {
	sites, bases := make(map[string][]answer), make(map[string]string)
	clock := &movedClock{}
	for _, s := range exampleSources() {
		answers, err := readAnswers("example/" + s.name + ".txtar")
		if err != nil {
			return err
		}
		base, closeSite, err := serveAnswers(answers, clock)
		if err != nil {
			return err
		}
		defer closeSite()
		sites[s.name], bases[s.name] = answers, base
	}
	visits := exampleVisits(sites)
	clock.to(visits[0].Add(-time.Hour))
	past := *e
	past.now, past.sleep = clock.now, clock.sleep
	flags := initFlags{name: "Archive Example", operator: "Example e.V.", email: "desk@archive.example", url: site, origin: "archive.example/log"}
	at, err := initArchive(ctx, &past, flags, dir)
	if err != nil {
		return err
	}
	if err := os.WriteFile(at.config, exampleConfig(at, site, nil), 0o644); err != nil {
		return err
	}
	return past.visitExample(ctx, at, site, bases, clock, visits)
}

// visitExample makes all visits of the example, with requests going to bases.
func (e *env) visitExample(ctx context.Context, at place, site string, bases map[string]string, clock *movedClock, visits []time.Time) error {
	live := *e
	live.configPath = at.config
	cfg, err := config.Parse(at.config, exampleConfig(at, site, bases), configOptions())
	if err != nil {
		return err
	}
	h, err := live.openWith(ctx, cfg, writing)
	if err != nil {
		return err
	}
	defer h.close()
	in, err := h.ingester()
	if err != nil {
		return err
	}
	bar := live.progress("visiting")
	defer bar.done()
	for i, t := range visits {
		clock.to(t)
		for _, s := range in.Sources {
			if e.stop.interrupted() {
				return context.Canceled
			}
			d, err := in.Door(ctx, s)
			if errors.Is(err, ingest.ErrNoDoor) {
				continue // it waits after a failure
			} else if err != nil {
				return err
			}
			if _, err := in.Visit(ctx, s, d); err != nil {
				return err
			}
		}
		bar.set(int64(i+1), int64(len(visits)))
	}
	size, err := h.archive.Size(ctx)
	if err != nil {
		return err
	}
	return e.print(map[string]any{"config": at.config, "size": size}, "example archive made: %s, ledger of %d\n", at.config, size)
}

// listenOf returns the host and port of an address.
func listenOf(site string) string {
	u, err := url.Parse(site)
	if err != nil || u.Host == "" {
		return "127.0.0.1:8080"
	}
	return u.Host
}

// An exampleSource is one source of the example; name is that of its file.
type exampleSource struct{ slug, figure, id, host, name string }

func exampleSources() []exampleSource {
	return []exampleSource{
		{"jane-example", "Jane Example", "press", "jane.example", "press"},
		{"jean-dupont", "Jean Dupont", "carnet", "jean-dupont.example", "carnet"},
		{"ministry", "Ministry of Examples", "ministry", "ministry.example", "ministry"},
	}
}

// exampleConfig returns the configuration of the example. With bases, the
// doors' requests go there; without, the sources are only shown, since their
// hosts do not exist.
func exampleConfig(at place, site string, bases map[string]string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# An example archive of invented figures. Its sites do not exist, so its
# sources have no schedule: "onrecord serve" shows what was captured.
archive:
  name: Archive Example
  operator: {name: Example e.V., email: desk@archive.example}
  url: %s
storage: {url: "file://%s"}
log: {origin: %s}
http: {listen: "%s"}
crawl:
  contact: desk@archive.example
`, site, at.bucket, at.origin, listenOf(site))
	if bases != nil {
		b.WriteString("  allow_addresses: [127.0.0.0/8]\n")
	}
	b.WriteString("figures:\n")
	for _, s := range exampleSources() {
		fmt.Fprintf(&b, "  - slug: %s\n    name: %s\n    sources:\n      - id: %s\n        platform: website\n        account_id: %s\n        doors:\n          - {kind: feed, url: \"https://%s/%s\"", s.slug, s.figure, s.id, s.host, s.host, s.name)
		if base, ok := bases[s.name]; ok {
			fmt.Fprintf(&b, ", base_url: %q", base)
		}
		b.WriteString("}\n")
	}
	return []byte(b.String())
}
