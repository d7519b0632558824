// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive/spool"
)

// TestLook looks at a spool that is held, free, removed and damaged.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, nil)
	held, free := create(t, d, meta(t, 1)), create(t, d, meta(t, 0))
	if err := errors.Join(held.Put("plan", []byte("held")), free.Put("plan", []byte("free")), free.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "new-"+visit(t, 2).String()), 0o700); err != nil {
		t.Fatal(err)
	}
	ids, err := d.Visits()
	if diff := cmp.Diff([]onrecord.VisitID{visit(t, 0), visit(t, 1)}, ids); diff != "" || err != nil {
		t.Errorf("visits: %v\n%s", err, diff)
	}
	for i, want := range []string{"free", "held"} {
		m, err := d.MetaOf(ids[i])
		if diff := cmp.Diff(meta(t, i), m); diff != "" || err != nil {
			t.Errorf("meta of %d: %v\n%s", i, err, diff)
		}
		if b, err := d.Read(ids[i], "plan"); string(b) != want || err != nil || !d.Has(ids[i]) {
			t.Errorf("plan of %d: %q, %v, has %t", i, b, err, d.Has(ids[i]))
		}
	}
	if _, err := d.Read(ids[0], "done"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was never put: %v", err)
	}
	if _, err := d.Read(ids[0], "../plan"); !errors.Is(err, spool.ErrName) {
		t.Errorf("a name that is none: %v", err)
	}
	if _, err := d.TakeVisit(ids[1]); !errors.Is(err, spool.ErrLocked) {
		t.Errorf("take what is held: %v", err)
	}
	s, err := d.TakeVisit(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	_, err = d.TakeVisit(ids[0])
	if _, metaErr := d.MetaOf(ids[0]); !errors.Is(err, fs.ErrNotExist) || !errors.Is(metaErr, fs.ErrNotExist) || d.Has(ids[0]) {
		t.Errorf("what was removed: %v, %v, has %t", err, metaErr, d.Has(ids[0]))
	}
	if err := os.Mkdir(filepath.Join(dir, visit(t, 0).String()), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = d.TakeVisit(ids[0])
	if _, metaErr := d.MetaOf(ids[0]); !errors.Is(err, spool.ErrDamaged) || !errors.Is(metaErr, spool.ErrDamaged) {
		t.Errorf("a folder without meta: %v, %v", err, metaErr)
	}
	if got, errs := take(t, d); len(got) != 0 || len(errs) != 1 {
		t.Errorf("took %d, errors %v", len(got), errs)
	}
}
