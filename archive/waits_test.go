// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
)

// leaves makes a visit of press whose writes all fail.
func leaves(t *testing.T, w *world, a *archive.Archive, line *cable, text string) {
	t.Helper()
	v, err := read(t.Context(), w, a, "press", text)
	if err != nil {
		t.Fatal(err)
	}
	line.set(true)
	defer line.set(false)
	if _, err := commit(t.Context(), w, v); !errors.Is(err, archive.ErrUnreachable) {
		t.Fatalf("commit while cut off: %v", err)
	}
}

// saidInOrder lists what is in the record, in ledger order.
func saidInOrder(t *testing.T, a *archive.Archive) (out []string) {
	t.Helper()
	for _, e := range walk(t, a) {
		if e.Event.Content != nil {
			out = append(out, strings.TrimSuffix(strings.TrimPrefix(e.Event.Content.Text, "<feed>"), "</feed>"))
		}
		if e.Leaf.Line == 0 && !e.Visit.LateOf.IsZero() {
			out = append(out, "late:")
		}
	}
	return out
}

// recovered runs Recover in a process that goes on.
func recovered(ctx context.Context, w *world, a *archive.Archive) (n int, err error) {
	for v, verr := range a.Recover(ctx) {
		if verr == nil {
			n++
			_, verr = commit(ctx, w, v)
		}
		err = errors.Join(err, verr)
	}
	return n, err
}

func TestRecoverInTheProcessThatLeftTheVisits(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	line := newCable(&memory.Bucket{})
	a := w.init(t, line, t.TempDir())
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	leaves(t, w, a, line, "two")
	w.wait(time.Minute)
	if _, err := visit(ctx, w, a, "press", "three"); !errors.Is(err, archive.ErrUnreachable) {
		t.Fatalf("a visit behind one that waits: %v", err)
	}
	w.wait(time.Minute)
	behind, err := read(ctx, w, a, "press", "four") // open while the others are recovered
	if err != nil || !behind.Offline() || !errors.Is(behind.Why(), archive.ErrBehind) {
		t.Fatalf("a visit behind two that wait: %v", err)
	}
	open, err := read(ctx, w, a, "toots", "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := recovered(ctx, w, a); n != 1 || err != nil { // "two" was judged before
		t.Errorf("recovered %d beside open visits, %v", n, err)
	}
	if _, err := commit(ctx, w, open); err != nil {
		t.Errorf("the open visit of another source: %v", err)
	}
	if err := behind.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := recovered(ctx, w, a); n != 1 || err != nil {
		t.Errorf("recovered %d, %v", n, err)
	}
	if _, err := visit(ctx, w, a, "press", "five"); err != nil {
		t.Errorf("nothing waits any more: %v", err)
	}
	want := []string{"one", "two", "three", "elsewhere", "four", "five"}
	if got := saidInOrder(t, a); !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
	chained(t, walk(t, a))
	verified(t, a)
}

func TestAVisitWaitsForNoneThatAnotherProcessHasDealtWith(t *testing.T) {
	for name, deal := range map[string]func(t *testing.T, w *world, other *archive.Archive) error{
		"committed": func(t *testing.T, w *world, other *archive.Archive) error {
			_, err := recovered(t.Context(), w, other)
			return err
		},
		"committed and read back": func(t *testing.T, w *world, other *archive.Archive) error {
			_, err := recovered(t.Context(), w, other)
			w.wait(11 * time.Minute)
			_, sweepErr := other.Sweep(t.Context())
			return errors.Join(err, sweepErr)
		},
		"dropped": func(t *testing.T, _ *world, other *archive.Archive) error {
			for v, err := range other.Recover(t.Context()) {
				if err != nil {
					return err
				}
				if err := v.Drop(t.Context()); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, w := t.Context(), newWorld(t)
			b, dir := &memory.Bucket{}, t.TempDir()
			a := w.init(t, b, dir)
			v, err := read(ctx, w, a, "press", "left")
			if err == nil {
				err = v.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			other := w.open(t, b, dir, 2)
			if err := deal(t, w, other); err != nil {
				t.Fatal(err)
			}
			if _, err := visit(ctx, w, other, "press", "further"); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				w.wait(time.Minute)
				if _, err := visit(ctx, w, a, "press", fmt.Sprint(i)); err != nil {
					t.Errorf("visit %d after the other process: %v", i, err)
				}
			}
			chained(t, walk(t, a))
			verified(t, a)
		})
	}
}

func TestASuccessorWaitsWhileAnotherHoldsItsPredecessor(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b, dir := &memory.Bucket{}, t.TempDir()
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"two", "three"} {
		w.wait(time.Minute)
		v, err := read(ctx, w, a, "press", text)
		if err == nil {
			err = v.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for v, err := range w.open(t, b, dir, 2).Recover(ctx) { // holds two
		if err != nil {
			t.Fatal(err)
		}
		if len(saidInOrder(t, a)) == 1 {
			if n, err := recovered(ctx, w, a); n != 0 || err != nil {
				t.Errorf("recovered %d before their predecessor, %v", n, err)
			}
		}
		if _, err := commit(ctx, w, v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := recovered(ctx, w, a); err != nil {
		t.Error(err)
	}
	if got, want := saidInOrder(t, a), []string{"one", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
}

func TestStateWhileTheBucketIsOutOfReach(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b := &memory.Bucket{}
	line := newCable(b)
	a := w.init(t, line, t.TempDir())
	done, err := visit(ctx, w, a, "press", "one")
	if err != nil {
		t.Fatal(err)
	}
	other := w.open(t, b, t.TempDir(), 2)
	elsewhere, err := visit(ctx, w, other, "toots", "of another machine")
	if err != nil {
		t.Fatal(err)
	}
	if st, err := a.State(ctx, "toots"); err != nil || st.Done != elsewhere {
		t.Fatalf("state %+v, %v", st, err)
	}
	line.set(true)
	for source, want := range map[string]onrecord.Done{"press": done, "toots": elsewhere} {
		if st, err := a.State(ctx, source); err != nil || st.Done != want {
			t.Errorf("%s: state %+v, %v", source, st, err)
		}
	}
	if _, err := a.State(ctx, "letters"); !errors.Is(err, archive.ErrUnreachable) {
		t.Errorf("a source that was never read: %v", err)
	}
	// What State read is enough to begin from.
	v, err := read(ctx, w, a, "toots", "offline")
	if err != nil || !v.Offline() || v.State().Done != elsewhere {
		t.Fatalf("a visit of what only State has read: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	line.set(false)
	if _, err := recovered(ctx, w, a); err != nil {
		t.Fatal(err)
	}
	if got, want := saidInOrder(t, a), []string{"one", "of another machine", "offline"}; !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
	chained(t, walk(t, a))
}

// TestRecoverBesideWorkers lets workers visit while the bucket comes and goes,
// and others recover and sweep all the while. Everything that was recorded is
// in the record once in the end, and no visit was judged on another state than
// its own.
func TestRecoverBesideWorkers(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b, dir := &memory.Bucket{}, fastDir(t)
	line := newCable(b)
	a := w.init(t, line, dir)
	var mu sync.Mutex
	var want []string
	var workers, others sync.WaitGroup
	sources := []string{"press", "toots", "letters"}
	for _, source := range sources {
		if _, err := visit(ctx, w, a, source, "first of "+source); err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range sources {
		workers.Go(func() {
			for i := range 20 {
				w.wait(time.Second)
				text := fmt.Sprint(source, " ", i)
				line.set(i%4 == 1)
				v, err := read(ctx, w, a, source, text)
				if err != nil {
					continue
				}
				mu.Lock()
				want = append(want, "<feed>"+text+"</feed>")
				mu.Unlock()
				line.set(i%3 == 1)
				if _, err := commit(ctx, w, v); err != nil {
					_ = v.Close()
				}
			}
		})
	}
	stop := make(chan struct{})
	for range 2 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for v, err := range a.Recover(ctx) {
					if err == nil {
						_, _ = commit(ctx, w, v)
					}
				}
				_, _ = a.Sweep(ctx)
			}
		})
	}
	workers.Wait()
	close(stop)
	others.Wait()
	line.set(false)
	if _, err := recovered(ctx, w, a); err != nil {
		t.Error(err)
	}
	if _, err := a.Sweep(ctx); err != nil {
		t.Error(err)
	}
	entries := walk(t, a)
	said := texts(entries)
	for _, text := range want {
		if said[text] != 1 {
			t.Errorf("%s is in the record %d times", text, said[text])
		}
	}
	if len(want) < 20 {
		t.Errorf("only %d visits were made", len(want))
	}
	chained(t, entries)
	verified(t, a)
}
