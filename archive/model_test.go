// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/internal/repotest"
)

// TestModel explores interleavings of the production code of several processes
// over one bucket, with a fault or a crash of any of them at any write. Every
// call that touches a state or the head is a step. States that were seen before are not
// gone into again.
func TestModel(t *testing.T) {
	part := repotest.Part(t) // with fewer changes from one process to another
	var total atomic.Int64
	t.Cleanup(func() { fmt.Printf("archive model: %d interleavings explored\n", total.Load()) })
	for _, m := range []model{
		{name: "owner and rescuer", cast: []role{{kind: "owner"}, {kind: "rescuer"}}, budget: budget{2, 1}},
		{name: "owner and next visit", cast: []role{{kind: "owner"}, {kind: "next"}}, budget: budget{1, 1}},
		{name: "owner and another source", cast: []role{{kind: "owner"}, {kind: "other"}}, budget: budget{1, 1}},
		{name: "owner, rescuer, next visit", cast: []role{{kind: "owner"}, {kind: "rescuer"}, {kind: "next"}}, budget: budget{1, 1}},
		{name: "all four", cast: []role{{kind: "owner"}, {kind: "rescuer"}, {kind: "next"}, {kind: "other"}}, budget: budget{1, 0}},
		{name: "owner and one who abandons", cast: []role{{kind: "owner"}, {kind: "blind"}}, budget: budget{2, 1}},
		{name: "two faults", cast: []role{{kind: "owner"}}, budget: budget{0, 2}},
	} {
		if os.Getenv("ONRECORD_MODEL") == "deep" { // hours, not seconds
			m.budget.switches += 2
		}
		if part {
			m.budget.switches = max(0, m.budget.switches-1)
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			runs, states := m.explore(t)
			total.Add(int64(runs))
			t.Logf("%d interleavings, %d states", runs, states)
		})
	}
}

// A role is an actor's part: owner visits press; next does so, too, on another
// machine; other visits toots; rescuer sweeps; blind sweeps a day later and
// does not find the objects.
type role struct{ kind string }

// A model is a cast and how far it is explored.
type model struct {
	name   string
	cast   []role
	budget budget
}

// A play is one run of a model.
type play struct {
	w    *world
	late *world // whose clock is a day ahead
	b    *memory.Bucket
	dir  string
	run  int

	mu       sync.Mutex               // guards what follows
	acked    map[string]onrecord.Done // by text
	sources  map[string]string        // source by text
	recorded []string                 // texts in a spool
}

// explore runs the model until every choice within its budget was taken once
// in every state.
func (m model) explore(t *testing.T) (runs, states int) {
	w := newWorld(t)
	base := &memory.Bucket{}
	a := w.init(t, base, fastDir(t))
	if _, err := visit(t.Context(), w, a, "press", "before"); err != nil {
		t.Fatal(err)
	}
	dir := fastDir(t)
	seen := map[[32]byte]bool{}
	var prefix []int
	for {
		p := &play{w: w, run: runs, late: &world{public: w.public, signer: w.signer, time: day.Add(25 * time.Hour)}, b: base.Clone(),
			dir: filepath.Join(dir, fmt.Sprint(runs)), acked: map[string]onrecord.Done{}, sources: map[string]string{}}
		var taken, open []int
		synctest.Test(t, func(t *testing.T) { taken, open = m.play(t, p, prefix, seen) })
		if err := os.RemoveAll(p.dir); err != nil {
			t.Fatal(err)
		}
		runs++
		if t.Failed() {
			return runs, len(seen)
		}
		i := len(taken) - 1
		for i >= 0 && taken[i]+1 >= open[i] {
			i--
		}
		if i < 0 {
			return runs, len(seen)
		}
		prefix = append(taken[:i:i], taken[i]+1)
	}
}

// play runs the model once: by prefix, then by the first choice. It returns the
// choices taken and how many there were. It stops where it has been before.
func (m model) play(t *testing.T, p *play, prefix []int, seen map[[32]byte]bool) (taken, open []int) {
	ctx := t.Context()
	s := &scheduler{b: p.b, wait: synctest.Wait, left: m.budget}
	for i, r := range m.cast {
		s.actors = append(s.actors, p.actor(r, byte(10+i)))
	}
	for _, a := range s.actors {
		go func() {
			a.err = a.run(ctx, &stageBucket{p.b, a})
			a.ended = true
		}()
	}
	synctest.Wait()
	for {
		ways := s.choices()
		if len(ways) == 0 {
			break
		}
		n := 0
		if len(taken) < len(prefix) {
			n = prefix[len(taken)]
		} else {
			key, err := s.key(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if seen[key] {
				s.stop()
				return taken, open
			}
			seen[key] = true
		}
		taken, open = append(taken, n), append(open, len(ways))
		s.do(ways[n])
	}
	p.check(t, s)
	if t.Failed() {
		t.Logf("after\n  %s", strings.Join(s.trace, "\n  "))
	}
	return taken, open
}

// stop ends all actors at once.
func (s *scheduler) stop() {
	for _, a := range s.actors {
		a.stopped = true
	}
	for _, a := range s.actors {
		if a.at != "" {
			a.verdicts <- dieBefore
		}
	}
	s.wait()
}

// actor gives a role to a process with its own folder.
func (p *play) actor(r role, seed byte) *actor {
	a := &actor{name: r.kind, verdicts: make(chan verdict), history: sha256.New()}
	dir := filepath.Join(p.dir, r.kind)
	life := func(first func(context.Context, *archive.Archive) error) func(context.Context, bucket.Bucket) error {
		return func(ctx context.Context, b bucket.Bucket) error {
			w := p.w
			if r.kind == "blind" {
				w = p.late
			}
			o, err := archive.Open(ctx, b, w.options(dir, seed))
			if err == nil {
				err = first(ctx, o)
			}
			if err == nil || a.stopped {
				return err
			}
			// The process is started again, or comes round to its next sweep.
			fmt.Fprintln(a.history, "again", a.gone)
			a.gone = false
			if o, err = archive.Open(ctx, b, w.options(dir, seed+100)); err != nil {
				return err
			}
			return restart(ctx, w, o)
		}
	}
	sweep := func(ctx context.Context, o *archive.Archive) error {
		_, err := o.Sweep(ctx)
		return err
	}
	switch r.kind {
	case "owner":
		a.run = life(p.visits("press", "one"))
	case "next":
		a.run = life(p.visits("press", "two"))
	case "other":
		a.run = life(p.visits("toots", "three"))
	case "blind":
		a.run, a.blind = life(sweep), true
	default:
		a.run = life(sweep)
	}
	return a
}

// visits is the part of one who visits a source.
func (p *play) visits(source, text string) func(context.Context, *archive.Archive) error {
	return func(ctx context.Context, o *archive.Archive) error {
		v, err := read(ctx, p.w, o, source, text)
		if err != nil {
			return err
		}
		text := "<feed>" + text + "</feed>"
		p.mu.Lock()
		p.recorded = append(p.recorded, text)
		p.mu.Unlock()
		done, err := commit(ctx, p.w, v)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.acked[text], p.sources[text] = done, source
		p.mu.Unlock()
		return p.notBehind(ctx, source, done)
	}
}

// notBehind checks that the state of a source is not behind a visit that was
// acknowledged: it is pending, or done with it or a later one.
func (p *play) notBehind(ctx context.Context, source string, done onrecord.Done) error {
	body, _, err := p.b.Load(ctx, "state/"+source+".json")
	if err != nil {
		return err
	}
	var st struct {
		Done    onrecord.Done
		Pending *struct{ Visit onrecord.VisitID }
	}
	if err := json.Unmarshal(body, &st); err != nil {
		return err
	}
	if st.Done.Index < done.Index && (st.Pending == nil || st.Pending.Visit != done.Visit) {
		return fmt.Errorf("%w: visit %s is acknowledged at %d, the state is %s", errBroken, done.Visit, done.Index, body)
	}
	return nil
}

var errBroken = errors.New("invariant broken")

// check demands, when all processes have come to rest, what must always hold.
func (p *play) check(t *testing.T, s *scheduler) {
	t.Helper()
	ctx := t.Context()
	for _, a := range s.actors {
		if a.err != nil && (errors.Is(a.err, errBroken) || !errors.Is(a.err, errFault) && !errors.Is(a.err, errGone) && !a.blind) {
			t.Errorf("%s: %v", a.name, a.err)
		}
		if a.at != "" || !a.ended {
			t.Fatalf("%s hangs at %q", a.name, a.at)
		}
	}
	// Every machine starts once more; none of them may need another's spool.
	for i, a := range s.actors {
		o := p.w.open(t, p.b, filepath.Join(p.dir, a.name), byte(200+i))
		if err := restart(ctx, p.w, o); err != nil {
			t.Errorf("%s starts again: %v", a.name, err)
		}
	}
	o := p.w.open(t, p.b, filepath.Join(p.dir, "auditor"), 250)
	entries := walk(t, o)
	n := texts(entries)
	chained(t, entries)
	for _, text := range append([]string{"<feed>before</feed>"}, p.recorded...) {
		if n[text] != 1 {
			t.Errorf("%s is in the record %d times", text, n[text])
		}
	}
	lines := map[string]bool{}
	for _, e := range entries {
		key := fmt.Sprint(e.Leaf.Visit, e.Leaf.Line)
		if lines[key] || e.Leaf.Line == 1<<32-1 && lines[fmt.Sprint(e.Leaf.Visit, 0)] {
			t.Errorf("visit %s is in the ledger twice", e.Leaf.Visit)
		}
		lines[key] = true
	}
	for text, done := range p.acked {
		if e := entries[done.Index]; e.Leaf.Visit != done.Visit || e.Leaf.Line != 0 {
			t.Errorf("%s was acknowledged as %s at %d, there is %s", text, done.Visit, done.Index, e.Leaf.Visit)
		}
		if st, err := o.State(ctx, p.sources[text]); err != nil || st.Done.Index < done.Index {
			t.Errorf("state of %s is at %d, visit %d was acknowledged (%v)", p.sources[text], st.Done.Index, done.Index, err)
		}
	}
	if finished, err := o.Sweep(ctx); finished != 0 || err != nil {
		t.Errorf("a last sweep still finishes %d, %v", finished, err)
	}
	if p.run%4 == 0 { // the costliest check, of what the others imply
		verified(t, o)
	}
}
