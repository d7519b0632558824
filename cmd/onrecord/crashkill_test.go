// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive/ledger"
	"onrecord/internal/repotest"
)

// killSources is how many sources, each with a host of its own, are visited.
const killSources = 3

// A killWorld is an archive whose processes are killed, and the platforms that
// they visit, which say something new each time they are asked.
type killWorld struct {
	m        machine
	dir      string
	rnd      *rand.Rand
	verifier note.Verifier
	talkers  []*talker

	mu     sync.Mutex // guards what follows
	acks   []killAck
	events map[int64]string // by ledger index: what the website has shown
	shown  int64            // the last of them
	roots  []ledger.Tree    // of checkpoints that were seen
}

// A killAck is a line of crawl --json.
type killAck struct {
	Source  string `json:"source"`
	Index   int64  `json:"index"`
	Created int    `json:"created"`
	Edited  int    `json:"edited"`
}

// A talker is a platform with a feed: with each answer there are new items, and
// the newest of before may be edited.
type talker struct {
	host string

	mu    sync.Mutex
	items []string // texts, the newest last
	n     int
}

func (p *talker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/feed.xml" {
		http.NotFound(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n++; p.n%3 == 0 {
		p.items[len(p.items)-1] += ", edited"
	}
	for range p.n%4 + 1 {
		p.items = append(p.items, fmt.Sprintf("said %d", len(p.items)))
	}
	fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>T</title><link>https://%s/</link>`, p.host)
	for i := len(p.items) - 1; i >= max(0, len(p.items)-20); i-- {
		fmt.Fprintf(w, "<item><title>no. %d</title><link>https://%s/%d</link><description>%s</description></item>", i, p.host, i, p.items[i])
	}
	fmt.Fprint(w, "</channel></rss>")
}

// TestKills kills the program at random moments, with crawl and serve in turn,
// and starts it again: 10 times, ONRECORD_LONG=1 100 times. What it has
// acknowledged before, on standard output or on its website, is there in the
// end; everything verifies, no visit is twice, views are what a rebuild makes,
// and no start needs a repair. ONRECORD_SEED repeats a run, as far as the
// machine's own moments allow.
func TestKills(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	rounds := 10
	if os.Getenv("ONRECORD_LONG") != "" {
		rounds = 100
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ONRECORD_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("ONRECORD_SEED=%d", seed)
	k := newKillWorld(t, seed)
	began := time.Now()
	k.m.run(t, "crawl")
	most := max(1500*time.Millisecond, 4*time.Since(began)) // a slow machine lives longer
	for i := range rounds {
		if after := time.Duration(k.rnd.Int64N(int64(most))); i%2 == 0 {
			k.crawls(t, after)
		} else {
			k.serves(t, after)
		}
		if i%10 == 4 || i == rounds-1 {
			if err := k.check(t); err != nil {
				t.Fatalf("after %d kills: %v", i+1, err)
			}
		}
	}
	t.Logf("%d kills: %d visits acknowledged by crawl, %d events shown by serve, %d checkpoints seen, none lost",
		rounds, len(k.acks), len(k.events), len(k.roots))
	if len(k.acks) < rounds/2 || len(k.events) < rounds {
		t.Errorf("only %d visits and %d events were acknowledged in %d rounds: that shows little", len(k.acks), len(k.events), rounds)
	}
}

func newKillWorld(t *testing.T, seed uint64) *killWorld {
	t.Helper()
	k := &killWorld{dir: fastDir(t), rnd: rand.New(rand.NewPCG(seed, 2)), events: map[int64]string{}}
	home := filepath.Join(k.dir, "home")
	if out, err := exec.Command("onrecord", "init", home, "--origin", "archive.example/log").CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	var list strings.Builder
	for i := range killSources {
		p := &talker{host: fmt.Sprintf("a%d.example", i), items: []string{"first"}}
		k.talkers = append(k.talkers, p)
		site := httptest.NewServer(p)
		t.Cleanup(site.Close)
		fmt.Fprintf(&list, `      - {id: s%d, platform: website, account_id: a%d.example, schedule: "@every 1s", doors: [{kind: feed, url: "https://a%d.example/feed.xml", base_url: "%s"}]}`+"\n", i, i, i, site.URL)
	}
	key, err := readLogKey(filepath.Join(home, ".onrecord"))
	if err != nil {
		t.Fatal(err)
	}
	k.verifier = key.verifier
	k.m = machine{filepath.Join(home, "onrecord.yaml")}
	text := fmt.Sprintf(`archive: {name: Archive Example, operator: {name: Example e.V., email: desk@archive.example}, url: "http://127.0.0.1:8080"}
storage: {url: "file://%s/bucket"}
log: {origin: archive.example/log}
http: {listen: "127.0.0.1:0"}
crawl: {min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
%s`, home, list.String())
	if err := os.WriteFile(k.m.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// asked counts the answers of all platforms.
func (k *killWorld) asked() (n int) {
	for _, p := range k.talkers {
		p.mu.Lock()
		n += p.n
		p.mu.Unlock()
	}
	return n
}

// start starts the program. Its lines are told as they are read; ended says how
// it ended by itself.
func (k *killWorld) start(t *testing.T, line func(text string), args ...string) (cmd *exec.Cmd, ended <-chan error) {
	t.Helper()
	return k.run(t, line, exec.Command("onrecord", append([]string{"-c", k.m.config}, args...)...))
}

// run starts a command as start does.
func (k *killWorld) run(t *testing.T, line func(text string), cmd *exec.Cmd) (_ *exec.Cmd, ended <-chan error) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, r := range []io.Reader{out, errs} {
		readers.Go(func() {
			for s := bufio.NewScanner(r); s.Scan(); {
				line(s.Text())
			}
		})
	}
	done := make(chan error, 1)
	go func() { readers.Wait(); done <- cmd.Wait() }()
	return cmd, done
}

// kill kills a process and waits for its end.
func kill(cmd *exec.Cmd, ended <-chan error) error {
	err := cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-ended
	return err
}

// crawls crawls again and again until the moment comes, and kills.
func (k *killWorld) crawls(t *testing.T, after time.Duration) {
	t.Helper()
	moment := time.After(after)
	for {
		var said []string
		over := false // nothing counts that is read after the kill
		cmd, ended := k.start(t, func(text string) {
			k.mu.Lock()
			defer k.mu.Unlock()
			var one killAck
			switch err := json.Unmarshal([]byte(text), &one); {
			case over:
			case err != nil:
				said = append(said, text)
			case one.Index > 0:
				k.acks = append(k.acks, one)
			}
		}, "--json", "crawl")
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("crawl after a kill: %v\n%s", err, strings.Join(said, "\n"))
			}
			k.look(t)
		case <-moment:
			k.look(t)
			k.mu.Lock()
			over = true
			k.mu.Unlock()
			if err := kill(cmd, ended); err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// served finds the address in what serve says.
var served = regexp.MustCompile(`is served on (http://\S+)`)

// serves serves for a while, watches the website as a reader would, and kills.
func (k *killWorld) serves(t *testing.T, after time.Duration) {
	t.Helper()
	said := make(chan string, 1000)
	cmd, ended := k.start(t, func(text string) {
		select {
		case said <- text:
		default:
		}
	}, "serve")
	url, limit := "", time.After(patience)
	for url == "" {
		select {
		case text := <-said:
			if m := served.FindStringSubmatch(text); m != nil {
				url = m[1]
			}
		case err := <-ended:
			t.Fatalf("serve after a kill: %v", err)
		case <-limit:
			t.Fatalf("serve is not ready within %s", patience)
		}
	}
	k.read(t, url)
	moment := time.After(after)
	for {
		select {
		case err := <-ended:
			t.Fatalf("serve ended by itself: %v", err)
		case <-moment:
			k.look(t)
			if err := kill(cmd, ended); err != nil {
				t.Error(err)
			}
			return
		case <-time.After(50 * time.Millisecond):
			k.read(t, url)
		}
	}
}

// read reads the newest events on the website.
func (k *killWorld) read(t *testing.T, url string) {
	t.Helper()
	code, body, err := get(fmt.Sprintf("%s/api/v1/events?limit=200&after=%d", url, k.shown))
	var page struct {
		Data []struct {
			Seq       int64  `json:"seq"`
			Type      string `json:"type"`
			Statement string `json:"statement"`
		} `json:"data"`
	}
	if err == nil && code == http.StatusOK {
		err = json.Unmarshal([]byte(body), &page)
	}
	if err != nil || code != http.StatusOK {
		t.Errorf("events: %d, %v", code, err)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range page.Data {
		k.events[e.Seq], k.shown = e.Type+" "+e.Statement, e.Seq
	}
}

// look takes down the checkpoint that is published now.
func (k *killWorld) look(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(filepath.Dir(k.m.config), "bucket", "log", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	point, err := ledger.ParseCheckpoint(b, "archive.example/log", k.verifier)
	if err != nil {
		t.Fatal(err)
	}
	if point.Size > 0 {
		k.roots = append(k.roots, point.Tree)
	}
}

// check starts the program once more and checks everything.
func (k *killWorld) check(t *testing.T) error {
	t.Helper()
	ctx := t.Context()
	if out, err := k.m.try("crawl"); err != nil {
		return fmt.Errorf("the next crawl: %w\n%s", err, out)
	}
	stop := newStop(nil, io.Discard)
	defer stop.close()
	e := &env{io: stdio{out: io.Discard, err: t.Output()}, stop: stop, now: time.Now, configPath: k.m.config}
	h, err := e.open(ctx, writing)
	if err != nil {
		return err
	}
	defer h.close()
	for _, tree := range k.roots {
		if err := h.archive.Extends(ctx, tree.Size, tree.Root); err != nil {
			return fmt.Errorf("a checkpoint of %d entries was published: %w", tree.Size, err)
		}
	}
	return errors.Join(k.acksHold(ctx, h), statementsHold(ctx, h, nil), sound(ctx, h, filepath.Join(k.dir, "views")))
}

// acksHold looks for everything that was acknowledged.
func (k *killWorld) acksHold(ctx context.Context, h *house) (err error) {
	have, visits := map[int64]string{}, map[int64]killAck{}
	var last int64
	for e, werr := range h.archive.Walk(ctx, 0) {
		if werr != nil {
			return werr
		}
		have[e.Index] = string(e.Event.Type) + " " + string(e.Event.Statement)
		if e.Leaf.Line == 0 {
			last = e.Index
			visits[last] = killAck{Source: e.Visit.Source, Index: last}
		}
		v := visits[last]
		switch e.Event.Type {
		case onrecord.StatementCreated:
			v.Created++
		case onrecord.StatementEdited:
			v.Edited++
		}
		visits[last] = v
	}
	for _, one := range k.acks {
		if got := visits[one.Index]; got != one {
			err = errors.Join(err, fmt.Errorf("acknowledged %+v, the record has %+v", one, got))
		}
	}
	for i, what := range k.events {
		if have[i] != what {
			err = errors.Join(err, fmt.Errorf("the website showed %q at %d, the record has %q", what, i, cmp.Or(have[i], "nothing")))
		}
	}
	return err
}
