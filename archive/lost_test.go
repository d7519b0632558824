// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
)

// past returns all entries, those of lost lines among them.
func past(t testing.TB, a *archive.Archive, from int64) []archive.Entry {
	t.Helper()
	var out []archive.Entry
	for e, err := range a.WalkPast(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Index != from+int64(len(out)) {
			t.Fatalf("entry %d has index %d", len(out), e.Index)
		}
		out = append(out, e)
	}
	return out
}

// lostOf returns the types of lost lines by index.
func lostOf(list []archive.Entry) map[int64]onrecord.EventType {
	out := map[int64]onrecord.EventType{}
	for _, e := range list {
		if e.Event.Type == onrecord.LineLost || e.Event.Type == onrecord.ActLost {
			out[e.Index] = e.Event.Type
		}
	}
	return out
}

// A lost segment costs its own lines and no others; Walk, which others rely on,
// stops as before.
func TestWalkPast(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 20)
	whole := walk(t, a)
	third := whole[8] // a visit line: acts are at 0, visits at 2, 4, 6 …
	key := archive.JournalKey(third.Leaf.Visit)
	hurt := without(t, b, key)
	h := w.open(t, hurt, fastDir(t), 3)
	got := past(t, h, 0)
	if len(got) != len(whole) {
		t.Fatalf("%d entries, want %d", len(got), len(whole))
	}
	want := map[int64]onrecord.EventType{8: onrecord.LineLost, 9: onrecord.LineLost} // its capture is there
	if lost := lostOf(got); !maps.Equal(lost, want) {
		t.Errorf("lost: %v, want %v", lost, want)
	}
	for i, e := range got {
		if _, ok := want[int64(i)]; !ok && (e.Event.Type != whole[i].Event.Type || string(e.Line) != string(whole[i].Line)) {
			t.Errorf("entry %d: %+v, want %+v", i, e.Event, whole[i].Event)
		}
	}
	if e := got[9]; e.Leaf != whole[9].Leaf || e.Line != nil || e.Visit.Source != "" || !e.Event.At.Equal(e.Leaf.Visit.Time()) || e.Event.Visit != e.Leaf.Visit {
		t.Errorf("the lost line tells %+v", e)
	}
	if got := past(t, h, 9); len(got) != len(whole)-9 || got[0].Event.Type != onrecord.LineLost {
		t.Error("a walk that begins within the lost visit")
	}
	stopped := false
	for e, err := range h.Walk(t.Context(), 0) {
		stopped = stopped || err != nil && e.Index == 0
	}
	if !stopped {
		t.Error("Walk does not stop")
	}
	if ok, err := h.Regained(t.Context(), 9); ok || err != nil {
		t.Errorf("regained: %v, %v", ok, err)
	}
	if ok, err := a.Regained(t.Context(), 9); !ok || err != nil {
		t.Errorf("in the whole archive: %v, %v", ok, err)
	}
}

// What can still be read of a damaged segment is read, and says whose it was.
func TestWalkPastADamagedLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	done := many(t, w, a, "press", 6) // lines 0 to 6
	many(t, w, a, "press", 2)
	key := archive.JournalKey(done.Visit)
	objects := contents(t, b)
	body := slices.Clone(objects[key])
	body[len(body)-3] ^= 0x10 // in its last frame
	objects[key] = body
	got := past(t, w.open(t, bucketOf(t, objects), fastDir(t), 3), 0)
	last := done.Index + 6
	if lost := lostOf(got); !maps.Equal(lost, map[int64]onrecord.EventType{last: onrecord.LineLost}) {
		t.Errorf("lost: %v, want %d alone", lost, last)
	}
	if e := got[last]; e.Visit.Source != "press" || e.Event.Source != "press" {
		t.Errorf("of %q", e.Visit.Source)
	}
	// Without its visit line nothing of a segment is believed.
	body = slices.Clone(objects[key])
	body[20] ^= 0x10
	objects[key] = body
	got = past(t, w.open(t, bucketOf(t, objects), fastDir(t), 3), 0)
	if lost := lostOf(got); len(lost) != 7 || lost[done.Index] != onrecord.LineLost {
		t.Errorf("lost: %v, want the 7 lines of the visit", lost)
	}
}

// What tells that a lost visit was none of the operator's: its lines, its
// evidence, the registers, and the visits after it.
func TestWhoseALostVisitWas(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 6)
	two := func() onrecord.Done { // a visit of two lines, without evidence
		t.Helper()
		v, err := read(t.Context(), w, a, "press-0", "quiet")
		if err != nil {
			t.Fatal(err)
		}
		d, err := judge(t.Context(), w, v)
		if err != nil {
			t.Fatal(err)
		}
		d.KeepWARC, d.Events[0].Captures = false, nil
		done, err := v.Commit(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	done := two()
	open := func(drop ...string) []archive.Entry {
		t.Helper()
		objects := contents(t, b)
		for _, key := range append(drop, archive.JournalKey(done.Visit)) {
			delete(objects, key)
		}
		return past(t, w.open(t, bucketOf(t, objects), fastDir(t), 3), 0)
	}
	if e := open()[done.Index]; e.Event.Type != onrecord.LineLost || e.Visit.Source != "press-0" {
		t.Errorf("its source's register names it: %s of %q", e.Event.Type, e.Visit.Source)
	}
	if e := open("state/press-0.json")[done.Index]; e.Event.Type != onrecord.LineLost || e.Visit.Source != "" {
		t.Errorf("the last act was before it: %s of %q", e.Event.Type, e.Visit.Source)
	}
	if e := open("state/press-0.json", "state/archive.json")[done.Index]; e.Event.Type != onrecord.ActLost {
		t.Errorf("nothing tells what it was: %s", e.Event.Type)
	}
	// The next visit of the source says what came before it.
	more(t, w, a, 6, 7)
	entries := walk(t, a)
	last := entries[len(entries)-2].Visit
	if last.Source != "press-0" || last.Follows == nil || *last.Follows != done.Index {
		t.Errorf("the next visit follows %v, want %d", last.Follows, done.Index)
	}
	// An act is one event, so that its lines tell.
	v, err := a.Begin(t.Context(), archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	next := v.State()
	next.Platform = archive.BuiltIn
	e := onrecord.Event{Type: onrecord.ArchiveLabelChanged, At: w.now(), By: w.now(), Index: -1, Prev: -1}
	if _, err := v.Commit(t.Context(), archive.Draft{Next: next, Started: w.now(), Ended: w.now(), Events: []onrecord.Event{e, e}}); !errors.Is(err, archive.ErrSource) {
		t.Errorf("an act of two events: %v", err)
	}
}

// A store that does not answer has lost nothing, nor has one whose journal is
// not there at all.
func TestAwayIsNotLost(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 8)
	key := archive.JournalKey(walk(t, a)[8].Leaf.Visit)
	for name, broken := range map[string]func(context.Context, fault.Call) error{
		"no answer": func(_ context.Context, c fault.Call) error {
			if c.Key == key {
				return errors.New("input/output error")
			}
			return nil
		},
		"the disk is not mounted any more": func() func(context.Context, fault.Call) error {
			var gone atomic.Bool
			return func(_ context.Context, c fault.Call) error {
				if c.Key == key {
					gone.Store(true)
				}
				if gone.Load() {
					return fmt.Errorf("%s: %w", c.Key, bucket.ErrNotExist)
				}
				return nil
			}
		}(),
	} {
		h := w.open(t, fault.New(b, fault.Options{Before: broken}), fastDir(t), 3)
		n := 0
		var err error
		for _, werr := range h.WalkPast(t.Context(), 0) {
			if err = werr; err == nil {
				n++
			}
		}
		if err == nil || n > 8 {
			t.Errorf("%s: %d entries, %v", name, n, err)
		}
	}
	objects := contents(t, b)
	maps.DeleteFunc(objects, func(key string, _ []byte) bool { return len(key) > 8 && key[:8] == "journal/" })
	for _, err := range w.open(t, bucketOf(t, objects), fastDir(t), 3).WalkPast(t.Context(), 0) {
		if !errors.Is(err, archive.ErrUnreachable) {
			t.Errorf("no journal at all: %v", err)
		}
	}
}

// What the operator has given up is no visit any more that may have erased
// something: nothing waits for it.
func TestGivenUpIsKnown(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 6)
	hurt := without(t, b, archive.JournalKey(walk(t, a)[6].Leaf.Visit))
	h := w.open(t, hurt, fastDir(t), 3)
	known := func(a *archive.Archive) error {
		t.Helper()
		r, err := a.Redactions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r.Known(0)
	}
	if err := known(h); !errors.Is(err, archive.ErrUnknown) {
		t.Errorf("before: %v", err)
	}
	v, err := h.Begin(t.Context(), archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	extra, _ := onrecord.GiveUp([]onrecord.Lines{{From: 7, To: 8}, {From: 6, To: 7}})
	next := v.State()
	next.Platform = archive.BuiltIn
	e := onrecord.Event{Type: onrecord.ArchiveGaveUp, At: w.now(), By: w.now(), Source: archive.BuiltIn, Index: -1, Prev: -1, Extra: extra}
	if _, err := v.Commit(t.Context(), archive.Draft{Next: next, Started: w.now(), Ended: w.now(), Events: []onrecord.Event{e}}); err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	o := w.options(fastDir(t), 4)
	o.Log = slog.New(slog.NewTextHandler(&told, nil))
	other, err := archive.Open(t.Context(), hurt, o)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*archive.Archive{"the same process": h, "another": other} {
		if err := known(a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if told.Len() > 0 {
		t.Errorf("each process warns of what was given up: %s", told.String())
	}
	got := past(t, h, 0)
	if lines := got[len(got)-1].Event.GivesUp(); len(lines) != 1 || lines[0] != (onrecord.Lines{From: 6, To: 8}) {
		t.Errorf("gave up %+v", lines)
	}
}

// Whoever writes to the bucket and deletes an act can't give its lines up: that
// takes a key of the log.
func TestGivenUpIsSigned(t *testing.T) {
	t.Parallel()
	w, b, a, _ := filled(t, 6)
	hurt := without(t, b, archive.JournalKey(walk(t, a)[6].Leaf.Visit))
	extra, _ := onrecord.GiveUp([]onrecord.Lines{{From: 6, To: 8}})
	for _, of := range []onrecord.EventType{onrecord.ArchiveGaveUp, onrecord.ArchiveAdopted} {
		x := intruder{event: onrecord.Event{Type: of, At: w.now(), By: w.now(), Source: archive.BuiltIn, Prev: -1, Index: -1, Extra: extra}}
		var err error
		if x.visit, err = onrecord.NewVisitID(w.now(), seeded(87)); err != nil {
			t.Fatal(err)
		}
		h := archive.VisitHeader{Visit: x.visit, Source: archive.BuiltIn, Started: w.now(), Ended: w.now(), Outcome: onrecord.OutcomeOK}
		if x.segment, x.leaves, err = archive.BuildLeaves(h, []onrecord.Event{x.event}, seeded(88)); err != nil {
			t.Fatal(err)
		}
		b := bucketOf(t, contents(t, hurt))
		index := x.commit(t, w, b)
		h2 := w.open(t, b, fastDir(t), 5)
		r, err := h2.Redactions(t.Context())
		if err != nil || !errors.Is(r.Known(0), archive.ErrUnknown) {
			t.Errorf("%s: what was erased is taken for known: %v", of, err)
		}
		if e := past(t, h2, 0)[index].Event; e.Type != of || len(e.GivesUp()) > 0 {
			t.Errorf("%s gives up %+v", of, e.GivesUp())
		}
		more(t, w, h2, 6, 7) // whose checkpoint has the forged lines
		report, err := h2.Verify(t.Context(), archive.VerifyOptions{})
		if err != nil || !slices.ContainsFunc(report.Findings, func(f archive.Finding) bool { return f.Index == index }) {
			t.Errorf("%s: verify does not name it: %v, %v", of, report.Findings, err)
		}
	}
}

// An act made while the operator's register is away does not say that no act was
// before it, and neither do those that come after the register was made anew.
func TestFollowsOfALostRegister(t *testing.T) {
	t.Parallel()
	w, b, _, _ := filled(t, 4)
	objects := contents(t, b)
	delete(objects, "state/archive.json")
	h := w.open(t, bucketOf(t, objects), fastDir(t), 3)
	label := func() {
		t.Helper()
		acts(t, w, h, onrecord.Event{Type: onrecord.ArchiveLabelChanged, At: w.now(), By: w.now(), Index: -1, Prev: -1})
	}
	label()
	list := walk(t, h)
	if f := list[len(list)-2].Visit.Follows; f != nil {
		t.Errorf("the act after the loss follows %d", *f)
	}
	label()
	was := int64(len(list)) - 2
	list = walk(t, h)
	if f := list[len(list)-2].Visit.Follows; f == nil || *f != was {
		t.Errorf("the next follows %v, want %d", f, was)
	}
}

// A line that is what its leaf says is not lost where this program can't read it:
// what a newer one has written is not passed over.
func TestWhatIsNotUnderstoodIsNotLost(t *testing.T) {
	t.Parallel()
	w, b, _, _ := filled(t, 2)
	x := intruder{event: onrecord.Event{Type: onrecord.ArchiveLabelChanged, At: w.now(), By: w.now(), Source: archive.BuiltIn, Prev: -1, Index: -1}}
	var err error
	if x.visit, err = onrecord.NewVisitID(w.now(), seeded(87)); err != nil {
		t.Fatal(err)
	}
	h := archive.VisitHeader{Visit: x.visit, Source: archive.BuiltIn, Started: w.now(), Ended: w.now(), Outcome: onrecord.OutcomeOK}
	if x.segment, x.leaves, err = archive.BuildLeaves(h, []onrecord.Event{x.event}, seeded(88)); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(x.segment, []byte(`{"v":1,`)) // the visit line stands as it is
	x.segment[at+len(`{"v":`)] = '2'
	x.leaves[0].Hash = sha256.Sum256(x.segment[at : at+bytes.IndexByte(x.segment[at:], '\n')])
	index := x.commit(t, w, b) - 1
	a := w.open(t, b, fastDir(t), 5)
	var last error
	for e, err := range a.WalkPast(t.Context(), 0) {
		if last = err; err == nil && e.Index == index {
			t.Errorf("passed over as %s", e.Event.Type)
		}
	}
	if !errors.Is(last, archive.ErrMismatch) {
		t.Errorf("the walk ends with %v", last)
	}
}
