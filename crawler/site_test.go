// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"onrecord"
	"onrecord/crawler"
)

// loopback are the networks that the tests' servers are in.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// A tape is a recorder in memory.
type tape struct {
	mu      sync.Mutex
	entries []crawler.Entry
	before  func(onrecord.Exchange) error
}

func (t *tape) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before != nil {
		if err := t.before(x); err != nil {
			return onrecord.CaptureRef{}, err
		}
	}
	x.Request, x.Response, x.Payload, x.Note = bytes.Clone(x.Request), bytes.Clone(x.Response), bytes.Clone(x.Payload), bytes.Clone(x.Note)
	ref := onrecord.CaptureRef{Object: "captures/test.warc.gz", Offset: int64(len(t.entries)), Length: 1, URL: x.URL, At: x.At, Status: x.Status}
	t.entries = append(t.entries, crawler.Entry{Ref: ref, Exchange: x})
	return ref, nil
}

func (t *tape) all() iter.Seq2[crawler.Entry, error] {
	return func(yield func(crawler.Entry, error) bool) {
		for _, e := range t.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// urls lists what was asked for, robots.txt left out, as status and path.
func (t *tape) urls() []string {
	var list []string
	for _, e := range t.entries {
		if !strings.HasSuffix(e.Exchange.URL, "/robots.txt") {
			list = append(list, fmt.Sprintf("%d %s", e.Exchange.Status, e.Exchange.URL[strings.Index(e.Exchange.URL[8:], "/")+8:]))
		}
	}
	return list
}

// A listing is the JSON that the tests' servers answer with and jsonDoor reads.
type listing struct {
	Account string            `json:"account,omitempty"`
	State   string            `json:"state,omitempty"`
	IDs     []string          `json:"ids,omitempty"`
	Follow  []string          `json:"follow,omitempty"`
	Next    []string          `json:"next,omitempty"`
	Cursor  string            `json:"cursor,omitempty"`
	Outcome onrecord.Outcome  `json:"outcome,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Panic   string            `json:"panic,omitempty"`
}

// A jsonDoor reads listings below base.
type jsonDoor struct {
	base   string
	first  []crawler.Request
	floor  time.Duration
	parser string
	reads  *int
}

func (d jsonDoor) Info() crawler.Info {
	p := d.parser
	if p == "" {
		p = "json/1"
	}
	return crawler.Info{Kind: "api", Parser: p, MinInterval: d.floor}
}

func (d jsonDoor) First(t crawler.Target) ([]crawler.Request, error) {
	if d.first != nil {
		return d.first, nil
	}
	if t.AccountID == "" {
		return []crawler.Request{{URL: d.base + "/lookup", Kind: "lookup"}}, nil
	}
	return []crawler.Request{{URL: d.base + "/page", Kind: "page", State: t.Cursor, Conditional: true}}, nil
}

func (d jsonDoor) Look(_ crawler.Target, s onrecord.Ref) (crawler.Request, bool) {
	return crawler.Request{URL: d.base + "/s/" + s.NativeID, Kind: "look"}, s.NativeID != ""
}

func (d jsonDoor) Read(_ crawler.Target, c crawler.Capture) (crawler.Page, error) {
	if d.reads != nil {
		*d.reads++
	}
	if c.Status == http.StatusNotFound {
		return crawler.Page{Items: []onrecord.Observation{{Ref: c.Request.About, State: onrecord.ItemGone, Code: "404"}}}, nil
	}
	var l listing
	if err := json.Unmarshal(c.Body, &l); err != nil {
		return crawler.Page{}, fmt.Errorf("%w: %w", crawler.ErrDrift, err)
	}
	if l.Panic != "" {
		panic(l.Panic)
	}
	p := crawler.Page{Outcome: l.Outcome, Cursor: l.Cursor}
	p.Account = onrecord.AccountObservation{ID: l.Account, State: onrecord.AccountState(l.State)}
	for _, id := range l.IDs {
		p.Items = append(p.Items, onrecord.Observation{Ref: onrecord.Ref{NativeID: id}, Order: id, State: onrecord.ItemLive,
			Content: onrecord.Content{Type: "post", Text: "Statement " + id}})
	}
	for _, f := range l.Follow {
		p.Follow = append(p.Follow, crawler.Request{URL: d.base + f, Kind: "item", About: onrecord.Ref{NativeID: f}, IfNew: true})
	}
	if c.Request.State != "" {
		return p, nil // everything older is known or in the backlog
	}
	for _, n := range l.Next {
		p.Next = append(p.Next, crawler.Request{URL: d.base + n, Kind: "page", State: c.Request.State})
	}
	return p, nil
}

// A site is a scripted server: handlers and listings by path.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	handler map[string]http.HandlerFunc
	hits    []string
}

func newSite(t testing.TB, pages map[string]any) *site {
	s := &site{handler: map[string]http.HandlerFunc{}}
	for path, p := range pages {
		switch p := p.(type) {
		case listing:
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			s.handler[path] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(b)
			}
		case int:
			s.handler[path] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(p) }
		case string:
			s.handler[path] = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(p)) }
		case func(http.ResponseWriter, *http.Request):
			s.handler[path] = p
		default:
			t.Fatalf("%s: %T", path, p)
		}
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.hits = append(s.hits, r.URL.Path)
		h := s.handler[r.URL.Path]
		s.mu.Unlock()
		if h == nil {
			http.NotFound(w, r)
			return
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, h := range s.hits {
		if h == path {
			n++
		}
	}
	return n
}

// A clock starts at a fixed time and moves when it is slept on.
type clock struct {
	mu    sync.Mutex
	t     time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

func newClient(t testing.TB, c *clock, change ...func(*crawler.Options)) *crawler.Client {
	o := crawler.Options{
		Version: "1.0", ArchiveURL: "https://archive.example", Contact: "desk@archive.example",
		Now: c.now, Sleep: c.sleep, Allow: loopback,
	}
	for _, f := range change {
		f(&o)
	}
	client, err := crawler.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// sameResult compares Results; errors by what they say.
var sameResult = cmp.Options{
	cmpopts.IgnoreUnexported(crawler.Result{}),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
}

// visit makes a visit and checks that a replay of its record gives the same
// Result. Every test of the loop goes through it.
func visit(t testing.TB, c *crawler.Client, j crawler.Job) (crawler.Result, *tape) {
	t.Helper()
	rec := &tape{}
	j.Recorder = rec
	if j.Source == "" {
		j.Source, j.DoorID = "test", "api"
	}
	got, err := c.Visit(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	j.Started = got.Started
	again, err := crawler.Replay(t.Context(), j, crawler.Limits{}, rec.all())
	if err != nil {
		t.Fatalf("replay: %v", err)
	}
	if d := cmp.Diff(got, again, sameResult); d != "" {
		t.Errorf("replay differs from visit (-visit +replay):\n%s", d)
	}
	if d := cmp.Diff(got.Kept(), again.Kept(), sameResult); d != "" {
		t.Errorf("replayed state differs (-visit +replay):\n%s", d)
	}
	return got, rec
}

func ids(r crawler.Result) []string {
	var list []string
	for _, s := range r.Seen {
		for _, o := range s.Items {
			list = append(list, o.NativeID)
		}
	}
	return list
}
