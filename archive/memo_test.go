// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"testing"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
)

func TestMemoIsKeptThroughACrashAndUnderANewName(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	b, dir := &memory.Bucket{}, t.TempDir()
	a := w.init(t, b, dir)
	done, err := visit(ctx, w, a, "press", "one")
	if err != nil {
		t.Fatal(err)
	}
	const want = "asked for page 3\x00\xff"
	v, err := a.Begin(ctx, press("press"), "feed", "feed/1", func(st onrecord.SourceState) ([]byte, error) {
		if st.Done != done {
			t.Errorf("memo of a visit after %+v, want %+v", st.Done, done)
		}
		return []byte(want), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Record(ctx, exchange(w, "two")); err != nil {
		t.Fatal(err)
	}
	if got := string(v.Memo()); got != want {
		t.Errorf("memo %q at first", got)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := visit(ctx, w, w.open(t, b, t.TempDir(), 2), "press", "faster"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for v, err := range w.open(t, b, dir, 3).Recover(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if _, late := v.Late(); !late || string(v.Memo()) != want {
			t.Errorf("late %t, memo %q", late, v.Memo())
		}
	}
	if n != 1 {
		t.Errorf("%d visits recovered", n)
	}
}

func TestMemoOfBegin(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	a := w.init(t, &memory.Bucket{}, t.TempDir())
	refused := errors.New("no plan for this state")
	for _, c := range []struct {
		size      int
		err, want error
	}{
		{size: archive.MaxMemo + 1, want: archive.ErrTooLarge},
		{err: refused, want: refused},
		{size: archive.MaxMemo},
	} {
		before := archive.Spooled(ctx, a)
		v, err := a.Begin(ctx, press("press"), "feed", "feed/1", func(onrecord.SourceState) ([]byte, error) {
			return make([]byte, c.size), c.err
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%d bytes, %v: %v", c.size, c.err, err)
		}
		if n := archive.Spooled(ctx, a); err != nil && n != before {
			t.Errorf("a visit that was refused left %d spools", n-before)
		}
		if err != nil {
			continue
		}
		if len(v.Memo()) != c.size {
			t.Errorf("memo of %d bytes, want %d", len(v.Memo()), c.size)
		}
		if err := v.Drop(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
