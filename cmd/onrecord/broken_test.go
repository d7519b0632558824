// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/config"
	"onrecord/crawler/fake"
	"onrecord/ingest"
	"onrecord/internal/repotest"
)

// leastBroken is how many broken answers the corpus must have.
const leastBroken = 1000

// TestBrokenAnswers puts every broken answer of testdata/broken, in every place
// of every door, before the real client, door, judgement, record and catalog:
// for two visits, more than a day apart, so that whatever was believed would be
// confirmed. Nothing is ever deleted or said of the account, and nothing edited
// but where a website's answer is whole to whoever reads it and says something
// else; and once the platform is well again, everything is as it was. What each kind was judged as is in
// judged.golden. TestRealDeletions is the control. Under the race detector one
// answer in sixteen is played; make test plays all of them without.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	answers, part := sections(t, "testdata/broken/answers.txtar"), repotest.Part(t) || testing.Short()
	var results []*brokenResult
	t.Run("doors", func(t *testing.T) {
		for _, door := range []string{"feed", "page", "mastodon", "telegram"} {
			r := &brokenResult{judged: make(map[string]map[string]int)}
			results = append(results, r)
			t.Run(door, func(t *testing.T) {
				t.Parallel()
				b := newBroken(t, door)
				for _, place := range b.places {
					for i, c := range b.cases(place, answers) {
						if !part || i%16 == 0 {
							b.play(t, place, c, r)
						}
					}
				}
			})
		}
	})
	if t.Failed() || part {
		return
	}
	judged, n := make(map[string]map[string]int), 0
	for _, r := range results {
		n += r.cases
		for kind, m := range r.judged {
			if judged[kind] == nil {
				judged[kind] = make(map[string]int)
			}
			for as, c := range m {
				judged[kind][as] += c
			}
		}
	}
	t.Logf("%d broken answers, 0 false deletions, 0 false events of an account, 0 false edits where one page stands for all", n)
	if n < leastBroken {
		t.Errorf("%d broken answers, want %d at least", n, leastBroken)
	}
	compareJudged(t, judged)
}

// compareJudged compares the summary with its golden file.
func compareJudged(t *testing.T, judged map[string]map[string]int) {
	t.Helper()
	var out bytes.Buffer
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(judged)) {
		sum := 0
		for _, c := range judged[kind] {
			sum += c
		}
		total += sum
		fmt.Fprintf(&out, "%s: %d\n", kind, sum)
		for _, as := range slices.Sorted(maps.Keys(judged[kind])) {
			fmt.Fprintf(&out, "  %4d %s\n", judged[kind][as], as)
		}
	}
	fmt.Fprintf(&out, "all: %d\n", total)
	compareGolden(t, filepath.Join("broken", "judged.golden"), out.String())
}

// TestRealDeletions is the control of TestBrokenAnswers: what is really gone, by
// the platform's own word and twice, is found.
func TestRealDeletions(t *testing.T) {
	t.Parallel()
	for _, door := range []string{"feed", "page", "mastodon", "telegram"} {
		t.Run(door, func(t *testing.T) {
			b := newBroken(t, door)
			b.serve(t, b.control)
			b.platform.Load().SetScene(b.controlScene)
			known := b.size(t)
			for range 3 {
				b.visit(t)
			}
			n := 0
			for e := range b.since(t, known) {
				if e.Type == onrecord.StatementDeleted && e.Grade == onrecord.GradeD2 {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d deletions found, want 1", n)
			}
		})
	}
}

// A brokenResult is what became of the cases of one door.
type brokenResult struct {
	cases  int
	judged map[string]map[string]int // by kind, what was said of it
}

// A broken is an archive with one source, and the platform that it is read from,
// which is made anew for each case.
type broken struct {
	door     string
	healthy  []txtar.File
	places   []brokenPlace
	drift    [][2]string
	control  []txtar.File
	clock    *movedClock
	platform atomic.Pointer[fake.Platform]
	in       *ingest.Ingester
	h        *house

	controlScene int
}

// A brokenPlace is where a broken answer is put: the requests that it answers.
type brokenPlace struct {
	name     string
	requests []string
}

// A brokenCase is one broken answer: what each of the place's requests is
// answered.
type brokenCase struct {
	kind, name string
	answer     func(request string) string
}

// sections reads a txtar file.
func sections(t *testing.T, path string) []txtar.File {
	t.Helper()
	a, err := txtar.ParseFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return a.Files
}

// newBroken opens an archive in memory, and makes the first visits to a platform
// that is well.
func newBroken(t *testing.T, door string) *broken {
	t.Helper()
	b := &broken{door: door, clock: start()}
	first := b.read(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", b.clock.now().UTC().Format(http.TimeFormat))
		b.platform.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	b.open(t, srv.URL)
	if first != nil {
		b.serve(t, first)
		b.visit(t)
	}
	b.serve(t, b.healthy)
	for range 2 {
		if rep := b.visit(t); rep.Failed() || len(rep.Problems) > 0 {
			t.Fatalf("the platform is well: %+v", rep)
		}
	}
	return b
}

// read reads the door's file. It returns what the platform says at the first
// visit, where that is something else.
func (b *broken) read(t *testing.T) (first []txtar.File) {
	t.Helper()
	for _, f := range sections(t, "testdata/broken/"+b.door+".txtar") {
		switch f.Name {
		case "base":
			path, scene, _ := strings.Cut(strings.TrimSpace(string(f.Data)), " ")
			last, err := strconv.Atoi(scene)
			if err != nil {
				t.Fatal(err)
			}
			b.control = sections(t, path)
			b.healthy = append(b.healthy, upTo(b.control, last)...)
		case "places":
			for line := range strings.Lines(string(f.Data)) {
				name, list, _ := strings.Cut(strings.TrimSpace(line), " GET ")
				p := brokenPlace{name: name}
				for r := range strings.SplitSeq(list, " GET ") {
					p.requests = append(p.requests, "GET "+r)
				}
				b.places = append(b.places, p)
			}
		case "drift":
			for line := range strings.Lines(string(f.Data)) {
				from, to, _ := strings.Cut(strings.TrimRight(line, "\n"), " =>")
				b.drift = append(b.drift, [2]string{from, strings.TrimPrefix(to, " ")})
			}
		case "gone":
			if scene, err := strconv.Atoi(strings.TrimSpace(string(f.Data))); err == nil {
				b.controlScene = scene
				continue
			}
			b.control = []txtar.File{{Name: "GET /news/1", Data: f.Data}}
		case "GET /first.xml", "GET /first/":
			first = []txtar.File{{Name: map[string]string{"GET /first.xml": "GET /feed.xml", "GET /first/": "GET /news/"}[f.Name], Data: f.Data}}
		default:
			b.healthy = append(b.healthy, f)
		}
	}
	if b.controlScene == 0 {
		b.control = with(b.healthy, b.control...)
	}
	if first != nil {
		first = with(b.healthy, first...)
	}
	return first
}

// upTo returns the answers of a script that it gives at a scene.
func upTo(files []txtar.File, last int) (list []txtar.File) {
	at := make(map[string]int)
	for _, f := range files {
		scene, data := 0, string(f.Data)
		head, _, _ := strings.Cut(data, "\n\n")
		for line := range strings.Lines(head) {
			if n, ok := strings.CutPrefix(strings.TrimSpace(line), "scene "); ok {
				scene, _ = strconv.Atoi(n)
				data = strings.Replace(data, line, "", 1)
			}
		}
		if scene > last {
			continue
		}
		f.Data = []byte(data)
		if i, ok := at[f.Name]; ok {
			list[i] = f
			continue
		}
		at[f.Name] = len(list)
		list = append(list, f)
	}
	return list
}

// with returns the answers of a platform with some in place of its own.
func with(files []txtar.File, others ...txtar.File) (list []txtar.File) {
	for _, f := range files {
		if !slices.ContainsFunc(others, func(o txtar.File) bool { return o.Name == f.Name }) {
			list = append(list, f)
		}
	}
	return append(list, others...)
}

// serve lets the platform give these answers.
func (b *broken) serve(t *testing.T, files []txtar.File) {
	t.Helper()
	p, err := fake.New(txtar.Format(&txtar.Archive{Files: files}))
	if err != nil {
		t.Fatal(err)
	}
	b.platform.Store(p)
}

// open opens an archive whose record is in memory, with one source that is
// asked for everything at every visit.
func (b *broken) open(t *testing.T, base string) {
	t.Helper()
	dir := fastDir(t)
	source := map[string]string{
		"feed":     fmt.Sprintf("platform: website, account_id: jane.example, doors: [{kind: feed, url: \"https://jane.example/feed.xml\", base_url: %q}]", base),
		"page":     fmt.Sprintf("platform: website, account_id: jane.example, doors: [{kind: page, start: \"https://jane.example/news/\", item: \"article a\", base_url: %q}]", base),
		"mastodon": fmt.Sprintf("platform: mastodon, account: \"@jane@social.example\", doors: [{kind: api, base_url: %q}]", base),
		"telegram": fmt.Sprintf("platform: telegram, account: \"@janeoffice\", doors: [{kind: preview, base_url: %q}]", base),
	}[b.door]
	cfg, err := config.Parse(filepath.Join(dir, "onrecord.yaml"), fmt.Appendf(nil, `archive: {name: Archive Example, operator: {name: Example e.V., email: desk@archive.example}, url: https://archive.example}
storage: {url: "file:///nowhere"}
state_dir: %q
log: {origin: archive.example/log}
crawl: {contact: desk@archive.example, min_interval: 1us, recheck: [], sweep: 1m, allow_addresses: [127.0.0.0/8]}
figures: [{slug: jane-example, name: Jane Example, sources: [{id: source, schedule: "@every 24h", %s}]}]
`, filepath.Join(dir, "state"), source), configOptions())
	if err != nil {
		t.Fatal(err)
	}
	s := newStop(nil, t.Output())
	t.Cleanup(s.close)
	e := &env{io: stdio{out: t.Output(), err: t.Output()}, stop: s, now: b.clock.now, sleep: b.clock.sleep}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	signer, public, err := newLogKey(cfg.StateDir, cfg.Log.Origin)
	if err != nil {
		t.Fatal(err)
	}
	o := archive.Options{Name: "Archive Example", Origin: cfg.Log.Origin, PublicKey: public, StateDir: cfg.StateDir, Signer: signer, Now: e.now, Software: "onrecord/test"}
	bucket := new(memory.Bucket)
	if err := archive.Init(t.Context(), bucket, o); err != nil {
		t.Fatal(err)
	}
	b.h = e.newHouse(cfg)
	if b.h.key, err = readLogKey(cfg.StateDir); err != nil {
		t.Fatal(err)
	}
	if b.h.archive, err = archive.Open(t.Context(), bucket, o); err != nil {
		t.Fatal(err)
	}
	if err := b.h.openCatalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.h.close() })
	if b.in, err = b.h.ingester(); err != nil {
		t.Fatal(err)
	}
}

// fastDir returns a folder for a test that makes thousands of visits, whose
// spools are synced at every answer: in memory, where the system has such a one.
func fastDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "onrecord-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// visit makes a visit, more than a day after the last, whatever the door's
// back-off is.
func (b *broken) visit(t *testing.T) ingest.Report {
	t.Helper()
	b.clock.to(b.clock.now().Add(26 * time.Hour))
	s := b.in.Sources[0]
	rep, err := b.in.Visit(t.Context(), s, s.Doors[0])
	if err != nil {
		t.Fatalf("%s: %v", b.door, err)
	}
	return rep
}

func (b *broken) size(t *testing.T) int64 {
	t.Helper()
	n, err := b.h.archive.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// since returns the events of the journal from an index on.
func (b *broken) since(t *testing.T, from int64) func(yield func(onrecord.Event) bool) {
	return func(yield func(onrecord.Event) bool) {
		for e, err := range b.h.archive.Walk(context.WithoutCancel(t.Context()), from) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Event.Type != onrecord.VisitLine && !yield(e.Event) {
				return
			}
		}
	}
}

// cases are the broken answers for a place: those of the corpus; the healthy
// one, cut and cut short; and the healthy one in another structure. An address
// that answers 404 while others are there, day after day, is gone, whoever says
// so: of one statement of a website that is no broken answer.
func (b *broken) cases(place brokenPlace, answers []txtar.File) (list []brokenCase) {
	for _, f := range answers {
		kind, name, _ := strings.Cut(f.Name, "/")
		if kind == "cdn404" && place.name == "look" && (b.door == "feed" || b.door == "page") {
			continue
		}
		if kind == "copy" && len(place.requests) < 2 {
			continue // one page at one address may be an edit
		}
		list = append(list, brokenCase{kind, name, func(string) string { return string(f.Data) }})
	}
	healthy := func(request string) string {
		i := slices.IndexFunc(b.healthy, func(f txtar.File) bool { return f.Name == request })
		return strings.Replace(string(b.healthy[i].Data), "conditional\n", "", 1)
	}
	for _, tenth := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9} {
		list = append(list, brokenCase{"cut", fmt.Sprintf("connection-%d0%%", tenth), func(request string) string {
			head, body, _ := strings.Cut(healthy(request), "\n\n")
			return fmt.Sprintf("cut %d\n%s\n\n%s", len(body)*tenth/10, head, body)
		}}, brokenCase{"cut", fmt.Sprintf("short-%d0%%", tenth), func(request string) string {
			head, body, _ := strings.Cut(healthy(request), "\n\n")
			return head + "\n\n" + body[:len(body)*tenth/10]
		}})
	}
	for _, d := range b.drift {
		if !slices.ContainsFunc(place.requests, func(r string) bool { return strings.Contains(healthy(r), d[0]) }) {
			continue
		}
		list = append(list, brokenCase{"drift", d[0], func(request string) string {
			head, body, _ := strings.Cut(healthy(request), "\n\n")
			return head + "\n\n" + strings.ReplaceAll(body, d[0], d[1])
		}})
	}
	return list
}

// play puts a broken answer in its place for two visits, then lets the
// platform be well again.
func (b *broken) play(t *testing.T, place brokenPlace, c brokenCase, r *brokenResult) {
	t.Helper()
	var files []txtar.File
	for _, request := range place.requests {
		files = append(files, txtar.File{Name: request, Data: []byte(c.answer(request))})
	}
	b.serve(t, with(b.healthy, files...))
	known := b.size(t)
	var outcomes []string
	for range 2 {
		outcomes = append(outcomes, string(b.visit(t).Outcome))
	}
	where := fmt.Sprintf("%s, %s answered by %s/%s", b.door, place.name, c.kind, c.name)
	if !slices.ContainsFunc(place.requests, b.asked) {
		t.Errorf("%s: nobody asked", where)
	}
	b.serve(t, b.healthy)
	for range 8 { // what answered in vain is left alone for a while
		if b.visit(t); !slices.ContainsFunc(place.requests, func(r string) bool { return !b.asked(r) }) {
			break
		}
	}
	as := b.judged(t, where, known, outcomes[0], b.mayEdit(c))
	b.allWell(t, where)
	r.cases++
	if r.judged[c.kind] == nil {
		r.judged[c.kind] = make(map[string]int)
	}
	r.judged[c.kind][place.name+": "+as]++
}

// asked reports whether a request was made of the platform as it is now.
func (b *broken) asked(request string) bool {
	path, _, _ := strings.Cut(strings.TrimPrefix(request, "GET "), "?")
	return b.platform.Load().Count("GET "+path) > 0
}

// mayEdit reports whether a case may be taken for an edit. No format says that
// the items of a feed must have a description, or that a page must have an end:
// what is whole by its length, and lacks some of what it said, says less.
func (b *broken) mayEdit(c brokenCase) bool {
	return (b.door == "feed" || b.door == "page") && (c.kind == "drift" || c.kind == "cut" && strings.HasPrefix(c.name, "short-"))
}

// judged says what was made of a case, and reports what must not be.
func (b *broken) judged(t *testing.T, where string, known int64, outcome string, mayEdit bool) string {
	t.Helper()
	said := make(map[string]bool)
	for e := range b.since(t, known) {
		if e.Type == onrecord.StatementEdited && mayEdit {
			said["edited"] = true
			continue
		}
		switch e.Type {
		case onrecord.SourceLooked:
			if a := e.Run.Asked; len(a) > 0 && slices.ContainsFunc(a, func(a onrecord.Asked) bool { return len(a.Unclear) > 0 }) {
				said["asked in vain"] = true
			}
		case onrecord.StatementDeleted, onrecord.StatementEdited, onrecord.StatementCreated, onrecord.StatementSeen, onrecord.StatementRestored,
			onrecord.AccountWasSuspended, onrecord.AccountWasClosed, onrecord.AccountWentPrivate, onrecord.AccountWasMoved, onrecord.AccountRenamed,
			onrecord.AccountRestored, onrecord.AccountIdentityChanged, onrecord.AccountIdentified:
			t.Errorf("%s: %s %s %s", where, e.Type, e.NativeID, e.Code)
		case onrecord.SourceGap:
			if e.Gap.Open {
				said["gap "+e.Gap.Reason] = true
			}
		case onrecord.StatementLooked:
			said["looked "+string(e.Look)] = true
		case onrecord.SourceFrozen:
			said["frozen"] = true
		case onrecord.PlatformOffline:
			said["offline"] = true
		}
	}
	return strings.Join(append([]string{outcome}, slices.Sorted(maps.Keys(said))...), ", ")
}

// allWell wants everything as it was before the case.
func (b *broken) allWell(t *testing.T, where string) {
	t.Helper()
	src, err := b.h.catalog.KnownSource(t.Context(), "source")
	if err != nil {
		t.Fatal(err)
	}
	if src.Frozen != "" || len(src.Gaps) > 0 || src.Offline || src.IdentityChanged {
		t.Errorf("%s: the platform is well again, and the source is not: frozen %q, gaps %v, offline %t", where, src.Frozen, src.Gaps, src.Offline)
	}
	st, err := b.h.archive.State(t.Context(), "source")
	if err != nil {
		t.Fatal(err)
	}
	suspects, err := b.h.catalog.Suspects(t.Context(), st.Platform, st.AccountID)
	if err != nil || len(suspects) > 0 {
		t.Errorf("%s: %d suspects left, %v", where, len(suspects), err)
	}
}
