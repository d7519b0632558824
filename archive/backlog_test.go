// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/spool"
)

// TestBacklog lets visits of several sources end in the spool and commits them
// by sequences that run at the same time, source by source in their order. A
// visit that is damaged keeps none but itself out of the record.
func TestBacklog(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b, dir := &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	sources := []string{"press", "toots", "letters", "speeches"}
	said := make([][]string, len(sources))
	var damaged string
	for n := range 20 {
		for i, source := range sources {
			text := fmt.Sprintf("%s %02d", source, n)
			v, err := a.Begin(ctx, archive.Source{Source: source, Platform: "website"}, "feed", "feed/1", nil)
			if err == nil {
				_, err = v.Record(ctx, exchange(w, text))
			}
			if err == nil {
				err = v.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			if n == 3 && i == 0 {
				damaged = filepath.Join(dir, "spool", v.ID().String(), "meta.json")
			} else {
				said[i] = append(said[i], text)
			}
		}
		w.wait(time.Minute)
	}
	for _, source := range sources {
		if !a.Waits(source) {
			t.Errorf("nothing of %s waits", source)
		}
	}
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, err := a.Backlog(ctx)
	if err != nil || len(lines) != len(sources)+1 { // the damaged one stands alone
		t.Fatalf("%d sequences, %v", len(lines), err)
	}
	var mu sync.Mutex
	var errs []error
	var together sync.WaitGroup
	for _, line := range lines {
		together.Go(func() {
			for v, err := range line {
				if err == nil {
					_, err = commit(ctx, w, v)
				}
				if err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	together.Wait()
	if len(errs) != 1 || !errors.Is(errs[0], spool.ErrDamaged) {
		t.Errorf("errors: %v", errs)
	}
	for _, source := range sources {
		if a.Waits(source) {
			t.Errorf("a visit of %s waits still", source)
		}
	}
	var got []string
	for _, e := range walk(t, a) {
		if e.Event.Content != nil {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(e.Event.Content.Text, "<feed>"), "</feed>"))
		}
	}
	for i, source := range sources {
		mine := slices.DeleteFunc(slices.Clone(got), func(text string) bool { return !strings.HasPrefix(text, source+" ") })
		if !slices.Equal(mine, said[i]) {
			t.Errorf("%s: in the record are %q, want %q", source, mine, said[i])
		}
	}
	if again, err := a.Backlog(ctx); err != nil || len(again) != 1 {
		t.Errorf("%d sequences after all are committed, %v", len(again), err)
	}
	verified(t, a)
}

// TestBacklogOfAnAccount commits what two sources of an account saw in one order,
// that in which they saw it.
func TestBacklogOfAnAccount(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	a := w.init(t, &memory.Bucket{}, fastDir(t))
	var want []string
	for n := range 6 {
		source := []string{"press", "mirror", "other"}[n%3]
		account := "a.example"
		if source == "other" {
			account = "b.example"
		}
		v, err := a.Begin(ctx, archive.Source{Source: source, Platform: "website", AccountID: account}, "feed", "feed/1", nil)
		if err == nil {
			err = v.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if source != "other" {
			want = append(want, v.ID().String())
		}
		w.wait(time.Minute)
	}
	lines, err := a.Backlog(ctx)
	if err != nil || len(lines) != 2 {
		t.Fatalf("%d sequences, %v", len(lines), err)
	}
	var got []string
	for v, err := range lines[0] {
		if err != nil {
			t.Fatal(err)
		}
		id := v.ID()
		if of, late := v.Late(); late { // the one before it was thrown away
			id = of
		}
		got = append(got, id.String())
		if err := v.Drop(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("in order: %q, want %q", got, want)
	}
}

// TestBacklogWaitsForWhatCannotBeReadNow: that a file can't be opened says nothing
// of the visit. Those behind it wait, and are as good afterwards.
func TestBacklogWaitsForWhatCannotBeReadNow(t *testing.T) {
	for _, name := range []string{"meta.json", "*.warc.gz"} {
		t.Run(name, func(t *testing.T) {
			ctx, w, dir := t.Context(), newWorld(t), t.TempDir()
			a := w.init(t, &memory.Bucket{}, dir)
			if _, err := visit(ctx, w, a, "press", "first"); err != nil {
				t.Fatal(err)
			}
			var file string
			want := []string{"first"}
			for n := range 3 {
				w.wait(time.Minute)
				text := fmt.Sprint("number ", n)
				want = append(want, text)
				v, err := read(ctx, w, a, "press", text)
				if err == nil {
					err = v.Close()
				}
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					found, err := filepath.Glob(filepath.Join(dir, "spool", v.ID().String(), name))
					if err != nil || len(found) != 1 {
						t.Fatalf("files %q, %v", found, err)
					}
					file = found[0]
				}
			}
			if err := errors.Join(os.Rename(file, file+".away"), os.Symlink(file, file)); err != nil {
				t.Fatal(err)
			}
			if n, err := drained(t, w, a); n != 0 || err == nil || errors.Is(err, spool.ErrDamaged) {
				t.Errorf("%d visits, error %v", n, err)
			}
			if err := os.Rename(file+".away", file); err != nil {
				t.Fatal(err)
			}
			if n, err := drained(t, w, a); n != 3 || err != nil {
				t.Errorf("%d visits, error %v", n, err)
			}
			if got := saidInOrder(t, a); !slices.Equal(got, want) {
				t.Errorf("in the record: %q, want %q", got, want)
			}
		})
	}
}

// drained commits what Backlog returns, and counts the visits.
func drained(t *testing.T, w *world, a *archive.Archive) (n int, errs error) {
	t.Helper()
	lines, err := a.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		for v, err := range line {
			if err == nil {
				n++
				_, err = commit(t.Context(), w, v)
			}
			errs = errors.Join(errs, err)
		}
	}
	return n, errs
}
