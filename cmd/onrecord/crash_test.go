// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
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
	"onrecord/archive"
	"onrecord/archive/files"
	"onrecord/archive/files/filestest"
	"onrecord/archive/ledger"
	"onrecord/config"
	"onrecord/ingest"
)

// The ingest whose every write is a crash point: so many visits of a feed that
// shows the newest statements, of which so many are new each time.
const (
	crashVisits = 4
	crashNew    = 50
	crashShown  = 60
)

// A crashStory is what the ingest is made of: a platform, and an archive that
// has seen nothing of it.
type crashStory struct {
	site    *httptest.Server
	window  atomic.Int32       // which visit the platform answers
	founded *filestest.Machine // a folder with the new archive, to be copied
	origin  string
	every   string // between two visits of serve
}

func newCrashStory(t *testing.T) *crashStory {
	t.Helper()
	s := &crashStory{every: "1h"}
	s.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/feed.xml" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(rss(s.items(int(s.window.Load()))...))
	}))
	t.Cleanup(s.site.Close)
	dir := fastDir(t)
	s.origin = newWorldIn(t, start(), dir).at.origin
	var err error
	if s.founded, err = filestest.New(dir, filestest.Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// items returns what the feed shows at a visit, which is counted from 1.
func (s *crashStory) items(visit int) (list []string) {
	for i := visit * crashNew; i > max(0, visit*crashNew-crashShown); i-- {
		list = append(list, fmt.Sprintf("s%d", i))
	}
	return list
}

// A crashHome is a folder with an archive, opened by one process.
type crashHome struct {
	dir     string
	clock   *movedClock
	house   *house
	in      *ingest.Ingester
	signals chan os.Signal
}

// open opens the archive in a folder, as a process that starts does.
func (s *crashStory) open(t *testing.T, dir string, clock *movedClock, seam files.Seam, log io.Writer) (*crashHome, error) {
	t.Helper()
	signals := make(chan os.Signal, 2)
	stop := newStop(signals, io.Discard)
	t.Cleanup(stop.close)
	e := &env{io: stdio{out: io.Discard, err: log}, stop: stop, now: clock.now, sleep: clock.sleep, files: seam}
	cfg, err := config.Parse(filepath.Join(dir, "onrecord.yaml"), fmt.Appendf(nil, `archive:
  name: Archive Example
  operator: {name: Example e.V., email: desk@archive.example}
  url: https://archive.example
storage: {url: "file://%s/bucket"}
state_dir: %s/.onrecord
log: {origin: %s}
crawl: {contact: desk@archive.example, min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
%s`, dir, dir, s.origin, strings.Replace(sourceYAML("press", "a.example", s.site.URL+"/feed.xml"), "1h", s.every, 1)), configOptions())
	if err != nil {
		t.Fatal(err)
	}
	h, err := e.openWith(t.Context(), cfg, writing)
	if err != nil {
		return nil, err
	}
	in, err := h.ingester()
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return &crashHome{dir, clock, h, in, signals}, nil
}

// settle is what a process does when it starts, and every hour: it commits what
// is in the spool, finishes what is pending and has the catalog follow.
func (c *crashHome) settle(ctx context.Context) error {
	_, err := c.in.Recover(ctx, everyLock)
	_, serr := c.house.archive.Sweep(ctx)
	_, aerr := c.house.applyAll(ctx)
	return errors.Join(err, serr, aerr)
}

// A keepingRecord tells which answers of the feed were spooled: what Record has
// acknowledged is in the record in the end, whatever happens to its visit.
type keepingRecord struct {
	record
	kept func()
}

func (r keepingRecord) Begin(ctx context.Context, s ingest.Source, d ingest.Door, memo func(onrecord.SourceState) ([]byte, error)) (ingest.Visit, error) {
	v, err := r.record.Begin(ctx, s, d, memo)
	if err == nil {
		v.Open = keepingVisit{v.Open, r.kept}
	}
	return v, err
}

type keepingVisit struct {
	ingest.Open
	kept func()
}

func (v keepingVisit) Record(ctx context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	ref, err := v.Open.Record(ctx, x)
	if err == nil && strings.HasSuffix(x.URL, "/feed.xml") {
		v.kept()
	}
	return ref, err
}

// An ack is what a process has said to be recorded, and the ledger by then.
type ack struct {
	visit int
	index int64
	size  int64
	root  [32]byte
}

// play makes the visits, and returns what was acknowledged, and which visits'
// captures were. A visit that fails is taken up again, as serve does. It ends
// with the process.
func (s *crashStory) play(ctx context.Context, c *crashHome) (acks []ack, kept []int) {
	c.in.Record = keepingRecord{record{c.house.archive}, func() { kept = append(kept, int(s.window.Load())) }}
	for n := 1; n <= crashVisits; n++ {
		s.window.Store(int32(n))
		c.clock.to(c.clock.now().Add(time.Minute))
		rep, err := visitOf(c.in, ctx, c.in.Sources[0])
		if err == nil && rep.Index >= 0 {
			if head, err := c.house.archive.Head(ctx); err == nil {
				acks = append(acks, ack{n, rep.Index, head.Size, head.Root})
			}
			_, _ = c.house.applyAll(ctx) // a view that fails is behind
		}
		if errors.Is(err, filestest.ErrDead) {
			return acks, kept
		}
		if err != nil {
			_ = c.settle(ctx) // what it can't do the next start does
		}
		if n%2 == 0 { // the store has confirmed: spools may go
			c.clock.to(c.clock.now().Add(11 * time.Minute))
			_ = c.settle(ctx)
		}
	}
	return acks, kept
}

// again starts a new process in a folder and checks everything: that what was
// acknowledged is there, that nothing is torn, that the archive goes on.
func (s *crashStory) again(t *testing.T, dir string, from time.Time, acks []ack, kept []int) error {
	t.Helper()
	ctx := t.Context()
	if err := markHolds(dir, s.origin); err != nil {
		return err
	}
	clock := &movedClock{t: from.Add(time.Minute)}
	var log bytes.Buffer
	c, err := s.open(t, dir, clock, files.Seam{}, &log)
	if err != nil {
		return fmt.Errorf("it does not start: %w\n%s", err, log.String())
	}
	defer c.house.close()
	for range 3 { // a read-back confirms what the one before has put again
		if err := c.settle(ctx); err != nil {
			return fmt.Errorf("the start is not clean: %w\n%s", err, log.String())
		}
		clock.to(clock.now().Add(11 * time.Minute))
	}
	s.window.Store(crashVisits)
	rep, err := visitOf(c.in, ctx, c.in.Sources[0])
	if err != nil || rep.Failed() {
		return fmt.Errorf("the next visit: %v, %w\n%s", rep.Problems, err, log.String())
	}
	if _, err := c.house.applyAll(ctx); err != nil {
		return err
	}
	want := map[string]bool{}
	for _, n := range append(kept, crashVisits) {
		for _, item := range s.items(n) {
			want[string(onrecord.NewStatementID("website", "https://a.example/"+item))] = true
		}
	}
	return errors.Join(acksHold(ctx, c.house, acks), statementsHold(ctx, c.house, want), sound(ctx, c.house, dir+"-views"))
}

// markHolds checks that the high-water mark has outlived at least what was signed:
// it is synced before a signature leaves the process (record.md 2).
func markHolds(dir, origin string) error {
	mark, ok, err := ledger.ReadMark(filepath.Join(dir, ".onrecord", "log.mark"), origin)
	if err != nil || !ok {
		return fmt.Errorf("the high-water mark is there: %t, %w", ok, err)
	}
	key, err := readLogKey(filepath.Join(dir, ".onrecord"))
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "bucket", "log", "checkpoint"))
	if err != nil {
		return err
	}
	point, err := ledger.ParseCheckpoint(b, origin, key.verifier)
	if err == nil && point.Size > mark.Size {
		err = fmt.Errorf("the checkpoint speaks for %d entries, the high-water mark for %d", point.Size, mark.Size)
	}
	return err
}

// acksHold checks that the ledger goes on from each that was acknowledged.
func acksHold(ctx context.Context, h *house, acks []ack) (err error) {
	for _, one := range acks {
		if e := h.archive.Extends(ctx, one.size, one.root); e != nil {
			err = errors.Join(err, fmt.Errorf("visit %d was acknowledged at %d: %w", one.visit, one.index, e))
		}
	}
	return err
}

// statementsHold checks that the record has each of these statements, and none
// of it has been created twice, and no visit is in the ledger twice.
func statementsHold(ctx context.Context, h *house, want map[string]bool) error {
	created, visits := map[string]int{}, map[onrecord.VisitID]int{}
	for e, err := range h.archive.Walk(ctx, 0) {
		if err != nil {
			return err
		}
		if e.Leaf.Line == 0 {
			visits[e.Leaf.Visit]++
		}
		if e.Event.Type == onrecord.StatementCreated {
			created[string(e.Event.Statement)]++
		}
	}
	var err error
	for id := range want {
		if created[id] == 0 {
			err = errors.Join(err, fmt.Errorf("statement %s was acknowledged and is lost", id))
		}
	}
	for id, n := range created {
		if n != 1 {
			err = errors.Join(err, fmt.Errorf("statement %s was created %d times", id, n))
		}
	}
	for id, n := range visits {
		if n != 1 {
			err = errors.Join(err, fmt.Errorf("visit %s is in the ledger %d times", id, n))
		}
	}
	return err
}

// sound checks the record, its checkpoint, the spool, and that the views are
// what a rebuild in the folder scratch makes.
func sound(ctx context.Context, h *house, scratch string) error {
	rep, err := h.archive.Verify(ctx, archive.VerifyOptions{})
	if err != nil {
		return err
	}
	for _, f := range rep.Findings {
		err = errors.Join(err, fmt.Errorf("verify: %s", f))
	}
	head, herr := h.archive.Head(ctx)
	point, perr := h.archive.Checkpoint(ctx)
	if err = errors.Join(err, herr, perr); err != nil {
		return err
	}
	if head.Size != point.Size || head.Root != point.Root {
		err = fmt.Errorf("the checkpoint speaks for %d entries, the ledger has %d", point.Size, head.Size)
	}
	waiting, _, serr := spoolOf(h.cfg.StateDir)
	if len(waiting) > 0 || serr != nil {
		err = errors.Join(err, serr, fmt.Errorf("%d visits wait in the spool", len(waiting)))
	}
	return errors.Join(err, viewsHold(ctx, h, scratch))
}

// viewsHold compares the catalog with one that is made from the record alone.
func viewsHold(ctx context.Context, h *house, scratch string) error {
	cfg := new(*h.cfg)
	cfg.StateDir = scratch
	fresh := h.env.newHouse(cfg)
	fresh.archive, fresh.key, fresh.files = h.archive, h.key, h.files
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := fresh.openCatalog(ctx); err != nil {
		return err
	}
	defer fresh.close()
	var have, want bytes.Buffer
	if err := errors.Join(h.catalog.Dump(ctx, &have), fresh.catalog.Dump(ctx, &want)); err != nil {
		return err
	}
	if !bytes.Equal(have.Bytes(), want.Bytes()) {
		return errors.New("the catalog differs from one that is rebuilt")
	}
	return nil
}

// crashKinds are the operations that are crash points.
func crashKinds() []filestest.Kind {
	return []filestest.Kind{filestest.Sync, filestest.Rename, filestest.Link, filestest.Truncate}
}

// round plays the ingest with one operation struck, starts again and checks.
func (s *crashStory) round(t *testing.T, o filestest.Options) (struck filestest.Op, err error) {
	t.Helper()
	folder := fastDir(t)
	defer os.RemoveAll(folder)
	dir, dead := filepath.Join(folder, "before"), filepath.Join(folder, "after")
	if err := s.founded.Copy(dir, filestest.Keep{All: true}); err != nil {
		return struck, err
	}
	keep := keepOf(o)
	var m *filestest.Machine
	var copied error
	o.Died = func() { copied = m.Copy(dead, keep) }
	if m, err = filestest.New(dir, o); err != nil {
		return struck, err
	}
	clock := start()
	var log bytes.Buffer
	c, err := s.open(t, dir, clock, files.Seam{Wrap: m.Wrap(filepath.Join(dir, "bucket"))}, &log)
	var acks []ack
	var kept []int
	if err == nil {
		acks, kept = s.play(t.Context(), c)
		defer c.house.close()
	}
	struck, ok := m.Struck()
	if !ok {
		return struck, fmt.Errorf("the ingest has no operation %d: %w", o.At, errNoPoint)
	}
	if _, err := os.Stat(dead); err != nil && copied == nil {
		copied = m.Copy(dead, keep)
	}
	if copied != nil {
		return struck, copied
	}
	if err := s.again(t, dead, clock.now(), acks, kept); err != nil {
		return struck, fmt.Errorf("%w\nbefore it: %s", err, strings.TrimSpace(log.String()))
	}
	return struck, nil
}

// errNoPoint reports a point beyond the last.
var errNoPoint = errors.New("no such point")

// keepOf says what outlives a point: everything (the process was killed), what
// was synced (the machine lost its power), or, by chance, something between.
func keepOf(o filestest.Options) filestest.Keep {
	switch o.At % 4 {
	case 1:
		return filestest.Keep{}
	case 3:
		return filestest.Keep{Seed: uint64(o.At)}
	}
	return filestest.Keep{All: true}
}
