// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/spool"
)

// leftBehind makes visits of press that end in the spool.
func leftBehind(t *testing.T, w *world, a *archive.Archive, all ...string) {
	t.Helper()
	for _, text := range all {
		v, err := read(t.Context(), w, a, "press", text)
		if err == nil {
			err = v.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		w.wait(time.Minute)
	}
}

// TestADamagedVisitIsWaitedForByNone damages the visit that others come after.
func TestADamagedVisitIsWaitedForByNone(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	dir := t.TempDir()
	a := w.init(t, &memory.Bucket{}, dir)
	leftBehind(t, w, a, "damaged", "behind")
	all, err := filepath.Glob(filepath.Join(dir, "spool", "*", "index.ndjson"))
	if err != nil || len(all) != 2 {
		t.Fatalf("%q, %v", all, err)
	}
	if err := os.Truncate(filepath.Join(filepath.Dir(all[0]), filepath.Base(filepath.Dir(all[0]))+".warc.gz"), 10); err != nil {
		t.Fatal(err)
	}
	n, err := recovered(ctx, w, a)
	if n != 1 || !errors.Is(err, spool.ErrDamaged) {
		t.Errorf("recovered %d, %v", n, err)
	}
	if _, err := visit(ctx, w, a, "press", "after"); err != nil {
		t.Error(err)
	}
	if got, want := saidInOrder(t, a), []string{"late:", "behind", "after"}; !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
}

func TestOrderFollowsTheChainNotTheClock(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b, dir := &memory.Bucket{}, t.TempDir()
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	leftBehind(t, w, a, "two")
	for _, text := range []string{"three", "four", "five"} {
		w.wait(-time.Hour)
		leftBehind(t, w, a, text)
	}
	if n, err := recovered(ctx, w, w.open(t, b, dir, 2)); n != 4 || err != nil {
		t.Errorf("recovered %d, %v", n, err)
	}
	if got, want := saidInOrder(t, a), []string{"one", "two", "three", "four", "five"}; !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
	verified(t, a)
}

// TestAVisitThatFailsWithinTheLoopIsFree fails the visit that Recover yields,
// under the name that it has by then.
func TestAVisitThatFailsWithinTheLoopIsFree(t *testing.T) {
	for _, late := range []string{"before it is yielded", "when it is committed", "twice", "never"} {
		t.Run(late, func(t *testing.T) {
			ctx, w := t.Context(), newWorld(t)
			b, dir := &memory.Bucket{}, t.TempDir()
			a := w.init(t, b, dir)
			other := w.open(t, b, t.TempDir(), 2)
			overtake := func(text string) {
				t.Helper()
				if _, err := visit(ctx, w, other, "press", text); err != nil {
					t.Fatal(err)
				}
			}
			leftBehind(t, w, a, "one", "two")
			if late == "before it is yielded" {
				overtake("faster")
			}
			a = w.open(t, b, dir, 3)
			var errs []error
			n := 0
			for v, err := range a.Recover(ctx) {
				if err != nil {
					errs = append(errs, err)
					continue
				}
				n++
				for range map[string]int{"when it is committed": 1, "twice": 2}[late] {
					overtake("faster")
					d, err := judge(ctx, w, v)
					if err != nil {
						t.Fatal(err)
					}
					_, err = v.Commit(ctx, d)
					lost, ok := errors.AsType[*archive.LateError](err)
					if !ok {
						t.Fatalf("commit of an overtaken visit: %v", err)
					}
					v = lost.Visit
				}
			}
			if n != 1 || len(errs) != 0 {
				t.Errorf("%d visits were yielded though the first failed; errors %v", n, errs)
			}
			if n := archive.Spooled(ctx, a); n != 3 {
				t.Errorf("%d free spools, want those of init and of both visits", n)
			}
			if _, err := recovered(ctx, w, a); err != nil {
				t.Error(err)
			}
			said := texts(walk(t, a))
			if said["<feed>one</feed>"] != 1 || said["<feed>two</feed>"] != 1 {
				t.Errorf("record %v", said)
			}
			verified(t, a)
		})
	}
}

// TestAVisitThatIsLeftWithinTheLoopBlocks leaves the first visit by a commit
// that fails.
func TestAVisitThatIsLeftWithinTheLoopBlocks(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	line := newCable(&memory.Bucket{})
	dir := t.TempDir()
	leftBehind(t, w, w.init(t, line, dir), "one", "two", "three")
	a := w.open(t, line, dir, 2)
	n, errs := 0, 0
	for v, err := range a.Recover(ctx) {
		if err != nil {
			errs++
			continue
		}
		n++
		line.set(true)
		if _, err := commit(ctx, w, v); !errors.Is(err, archive.ErrUnreachable) {
			t.Errorf("commit while cut off: %v", err)
		}
		line.set(false)
	}
	if n != 1 || errs != 0 {
		t.Errorf("%d visits yielded, %d errors, want 1 and none", n, errs)
	}
	if _, err := recovered(ctx, w, a); err != nil {
		t.Error(err)
	}
	if got, want := saidInOrder(t, a), []string{"one", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("in the record: %q, want %q", got, want)
	}
}
