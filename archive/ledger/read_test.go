// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"errors"
	"testing"

	"onrecord"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

func TestContains(t *testing.T) {
	l := create(t, new(memory.Bucket), options(t))
	grow(t, l, 700, 100)
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Leaves 700 to 705 are not published.
	if h, _, err = l.Append(t.Context(), h, tag, leaves(700, 705)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		visit, from int64
		index       int64
		line        uint32
		ok          bool
	}{
		{0, 0, 0, 0, true}, {5, 0, 50, 0, true}, {5, 53, 53, 3, true}, {5, 60, 0, 0, false},
		{69, 0, 690, 0, true}, {70, 0, 700, 0, true}, {70, 703, 703, 3, true}, {70, 705, 0, 0, false}, {71, 0, 0, 0, false},
	} {
		index, line, ok, err := l.Contains(t.Context(), h, leaf(c.visit*10).Visit, c.from)
		if err != nil || ok != c.ok || index != c.index || line != c.line {
			t.Errorf("visit %d from %d: index %d, line %d, %v, %v; want %+v", c.visit, c.from, index, line, ok, err, c)
		}
	}
	for _, from := range []int64{-1, 706} {
		if _, _, _, err := l.Contains(t.Context(), h, onrecord.VisitID{}, from); !errors.Is(err, ledger.ErrIndex) {
			t.Errorf("from %d: %v, want ErrIndex", from, err)
		}
	}
}

func TestLeaves(t *testing.T) {
	l := create(t, new(memory.Bucket), options(t))
	grow(t, l, 600, 300)
	h, tag, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = l.Append(t.Context(), h, tag, leaves(600, 620)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]int64{{0, 0}, {0, 1}, {255, 257}, {256, 512}, {599, 601}, {600, 620}, {619, 620}, {620, 620}, {10, 615}} {
		i := c[0]
		for got, err := range l.Leaves(t.Context(), c[0], c[1]) {
			if err != nil || got != leaf(i) {
				t.Fatalf("leaves %v: %v, %v at %d", c, got, err, i)
			}
			i++
		}
		if i != c[1] {
			t.Errorf("leaves %v end at %d", c, i)
		}
	}
	for _, c := range [][2]int64{{0, 621}, {-1, 3}, {5, 4}} {
		for _, err := range l.Leaves(t.Context(), c[0], c[1]) {
			if !errors.Is(err, ledger.ErrIndex) {
				t.Errorf("leaves %v: %v, want ErrIndex", c, err)
			}
		}
	}
	for range l.Leaves(t.Context(), 0, 620) {
		break // the sequence can be left early
	}
}
