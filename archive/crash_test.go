// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
)

// A crashRow is a row of the table in docs/crash.md.
type crashRow struct {
	name, scene string
	rule        fault.Rule
}

// crashRows reads the table.
func crashRows(t *testing.T) []crashRow {
	t.Helper()
	doc, err := os.ReadFile("../docs/crash.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []crashRow
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || strings.HasPrefix(cells[1], "-") || strings.TrimSpace(cells[1]) == "row" {
			continue
		}
		write := strings.Fields(cells[3])
		row := crashRow{name: strings.TrimSpace(cells[1]), scene: strings.TrimSpace(cells[2]),
			rule: fault.Rule{Op: fault.Op(write[0]), Key: write[1], Nth: 1}}
		if len(write) == 3 {
			if row.rule.Nth, err = strconv.Atoi(write[2]); err != nil {
				t.Fatalf("row %s: %v", row.name, err)
			}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatal("no rows in docs/crash.md")
	}
	return rows
}

// A stage is where a scene plays: a bucket, the bucket as the actor sees it,
// and the folder of the actor's process. empty makes another bucket of the same
// kind.
type stage struct {
	w     *world
	b     bucket.Bucket
	empty func() bucket.Bucket
	seen  bucket.Bucket
	dir   string
	acked []string // texts whose commit was acknowledged
	want  []string // texts that must be in the record in the end
}

// open opens the archive as the actor sees it.
func (s *stage) open(ctx context.Context) (*archive.Archive, error) {
	return archive.Open(ctx, s.seen, s.w.options(s.dir, 5))
}

// A scene prepares a stage with a bucket that works, and plays on one that
// does not. What play returns is what the operator would see; it may be an
// error, and none is demanded.
type scene struct {
	prepare func(t *testing.T, s *stage)
	play    func(ctx context.Context, s *stage) error
}

func scenes() map[string]scene {
	return map[string]scene{
		"commit":  {prepare: founded, play: playCommit},
		"quiet":   {prepare: founded, play: playQuiet},
		"late":    {prepare: prepareLate, play: playRecover},
		"sweep":   {prepare: preparePending, play: playSweep},
		"abandon": {prepare: prepareLost, play: playSweep},
		"init":    {prepare: func(*testing.T, *stage) {}, play: playInit},
	}
}

func founded(t *testing.T, s *stage) {
	a := s.w.init(t, s.b, s.dir)
	if _, err := visit(t.Context(), s.w, a, "press", "before"); err != nil {
		t.Fatal(err)
	}
	s.want = append(s.want, "<feed>before</feed>")
}

func playCommit(ctx context.Context, s *stage) error {
	a, err := s.open(ctx)
	if err != nil {
		return err
	}
	v, err := read(ctx, s.w, a, "press", "news")
	if err != nil {
		return err
	}
	s.want = append(s.want, "<feed>news</feed>")
	if _, err := commit(ctx, s.w, v); err != nil {
		return err
	}
	s.acked = append(s.acked, "<feed>news</feed>")
	return nil
}

func playQuiet(ctx context.Context, s *stage) error {
	a, err := s.open(ctx)
	if err != nil {
		return err
	}
	v, err := read(ctx, s.w, a, "press", "the same")
	if err != nil {
		return err
	}
	next := v.State()
	next.LastTick = s.w.now()
	return v.Quiet(ctx, next)
}

// prepareLate leaves a spool whose visit was overtaken.
func prepareLate(t *testing.T, s *stage) {
	founded(t, s)
	v, err := read(t.Context(), s.w, s.w.open(t, s.b, s.dir, 2), "press", "overtaken")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	other := s.w.open(t, s.b, fastDir(t), 3)
	if _, err := visit(t.Context(), s.w, other, "press", "faster"); err != nil {
		t.Fatal(err)
	}
	s.want = append(s.want, "<feed>overtaken</feed>", "<feed>faster</feed>")
}

func playRecover(ctx context.Context, s *stage) error {
	a, err := s.open(ctx)
	if err != nil {
		return err
	}
	return restart(ctx, s.w, a)
}

// preparePending leaves a pending state, whose owner is on another machine.
func preparePending(t *testing.T, s *stage) {
	founded(t, s)
	pend(t, s, fastDir(t))
	s.want = append(s.want, "<feed>pending</feed>")
}

// pend makes a visit in dir that dies between its fence and the head.
func pend(t *testing.T, s *stage, dir string) {
	t.Helper()
	cut := failOnce(s.b, fault.Rule{Op: fault.Swap, Key: "log/head", Nth: 1}, true)
	a := s.w.open(t, cut, dir, 4)
	if _, err := visit(t.Context(), s.w, a, "press", "pending"); err == nil {
		t.Fatal("committed without the head")
	}
}

// prepareLost leaves a pending state whose objects are gone for a day.
func prepareLost(t *testing.T, s *stage) {
	founded(t, s)
	before := map[string]bool{}
	for info, err := range s.b.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		before[info.Key] = true
	}
	pend(t, s, fastDir(t))
	lost := s.empty()
	for info, err := range s.b.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		isNew := strings.HasPrefix(info.Key, "captures/") || strings.HasPrefix(info.Key, "journal/")
		if isNew && !before[info.Key] {
			continue
		}
		carry(t, lost, s.b, info.Key)
	}
	*s = stage{w: s.w, b: lost, empty: s.empty, dir: s.dir, want: s.want}
	s.w.wait(25 * time.Hour)
}

func playSweep(ctx context.Context, s *stage) error {
	a, err := s.open(ctx)
	if err != nil {
		return err
	}
	_, err = a.Sweep(ctx)
	return err
}

func playInit(ctx context.Context, s *stage) error {
	return archive.Init(ctx, s.seen, s.w.options(s.dir, 5))
}

// has reports whether b has something under key.
func has(t *testing.T, b bucket.Bucket, key string) bool {
	t.Helper()
	for info, err := range b.List(t.Context(), key, "") {
		return err == nil && info.Key == key
	}
	return false
}

// carry copies one object or register.
func carry(t *testing.T, to, from bucket.Bucket, key string) {
	t.Helper()
	body, err := bucket.ReadAll(t.Context(), from, key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := from.Load(t.Context(), key); err == nil && !strings.HasPrefix(key, "log/tile") && path.Dir(key) != "." &&
		(strings.HasPrefix(key, "state/") || strings.HasPrefix(key, "log/")) {
		_, err = to.Swap(t.Context(), key, bucket.Absent(), body)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := to.Create(t.Context(), key, bucket.Bytes(body)); err != nil {
		t.Fatal(err)
	}
}

// A failing is a bucket with one write that fails. If it dies, its process is
// gone with that write: every later call is refused.
type failing struct {
	*fault.Bucket
	struck bool
}

func failOnce(b bucket.Bucket, rule fault.Rule, dies bool) *failing {
	f := &failing{}
	f.Bucket = fault.New(b, fault.Options{
		Rules: []fault.Rule{rule},
		Before: func(context.Context, fault.Call) error {
			if dies && f.struck {
				return errors.New("the process is gone")
			}
			return nil
		},
		After: func(_ context.Context, _ fault.Call, err error) error {
			if errors.Is(err, fault.ErrInjected) {
				f.struck = true
			}
			return err
		},
	})
	return f
}

func TestCrashTable(t *testing.T) {
	crashTable(t, func() bucket.Bucket { return &memory.Bucket{} }, 1)
}

// crashTable plays the rows of the table on buckets that empty makes: every
// case, or every so manieth.
func crashTable(t *testing.T, empty func() bucket.Bucket, every int) {
	rows, n := crashRows(t), 0
	played := map[string]bool{}
	for _, row := range rows {
		sc, ok := scenes()[row.scene]
		if !ok {
			t.Errorf("row %s: no scene %q", row.name, row.scene)
			continue
		}
		played[row.scene] = true
		for _, how := range []struct {
			name string
			do   fault.Failure
		}{{"refused", fault.Refuse}, {"made", fault.LoseReply}} {
			for _, after := range []string{"lives", "dies"} {
				if n++; n%every != 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", row.name, how.name, after), func(t *testing.T) {
					rule := row.rule
					rule.Do = how.do
					crash(t, empty, sc, rule, after == "dies")
				})
			}
		}
	}
	for name := range scenes() {
		if !played[name] {
			t.Errorf("scene %q has no row in docs/crash.md", name)
		}
	}
}

// crash plays a scene with one write that fails, starts again, and checks.
func crash(t *testing.T, empty func() bucket.Bucket, sc scene, rule fault.Rule, dies bool) {
	ctx := t.Context()
	s := &stage{w: newWorld(t), b: empty(), empty: empty, dir: fastDir(t)}
	sc.prepare(t, s)
	seen := failOnce(s.b, rule, dies)
	s.seen = seen
	playErr := sc.play(ctx, s)
	if !seen.struck {
		t.Fatalf("the scene never came to %s %s number %d (%v)", rule.Op, rule.Key, rule.Nth, playErr)
	}
	s.seen = s.b
	if _, err := archive.Open(ctx, s.b, s.w.options(s.dir, 6)); errors.Is(err, archive.ErrNoArchive) || playErr != nil && len(s.want) == 0 {
		if err := archive.Init(ctx, s.b, s.w.options(s.dir, 7)); err != nil && !errors.Is(err, archive.ErrExists) {
			t.Fatalf("init again: %v", err)
		}
	}
	a := s.w.open(t, s.b, s.dir, 6)
	s.w.wait(11 * time.Minute)
	for range 2 { // the second read-back confirms what the first has put again
		if err := restart(ctx, s.w, a); err != nil {
			t.Fatalf("restart: %v", err)
		}
		s.w.wait(11 * time.Minute)
	}
	settledRight(t, s, a)
}

// settledRight checks what must hold whatever happened.
func settledRight(t *testing.T, s *stage, a *archive.Archive) {
	t.Helper()
	entries := walk(t, a)
	n := texts(entries)
	chained(t, entries)
	for _, text := range append(slices.Clone(s.want), s.acked...) {
		if n[text] != 1 {
			t.Errorf("%s is in the record %d times", text, n[text])
		}
	}
	visits := map[string]int{}
	for _, e := range entries {
		if e.Leaf.Line == 0 || e.Leaf.Line == 1<<32-1 {
			visits[e.Leaf.Visit.String()]++
		}
	}
	for v, n := range maps.All(visits) {
		if n != 1 {
			t.Errorf("visit %s is in the ledger %d times", v, n)
		}
	}
	if len(entries) < 2 || entries[1].Event.Type != "archive.created" {
		t.Errorf("the first event is not archive.created")
	}
	for _, e := range entries[2:] {
		if e.Event.Type == "archive.created" {
			t.Errorf("archive.created again at %d", e.Index)
		}
	}
	if left := archive.Spooled(t.Context(), a); left != 0 {
		t.Errorf("%d spools left", left)
	}
	verified(t, a)
	other := s.w.open(t, s.b, fastDir(t), 8)
	if diff := cmp.Diff(entries, walk(t, other)); diff != "" {
		t.Errorf("another machine walks something else:\n%s", diff)
	}
}
