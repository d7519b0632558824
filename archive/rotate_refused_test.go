// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"onrecord/archive"
	"onrecord/archive/ledger"
)

// TestRotationIsRefusedBeforehand: where nothing may be appended, a change of the
// key leaves nothing behind that changes it later.
func TestRotationIsRefusedBeforehand(t *testing.T) {
	t.Parallel()
	w, b, a, dir := filled(t, 3)
	next := nextKey(t, origin, 1)
	if _, err := a.RotateKey(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	other := nextKey(t, origin, 2)
	noMark := w.with(t, fastDir(t), 5, next)
	noMark.Trust = false
	seen := w.with(t, dir, 6, next)
	seen.Known = func(context.Context) ([]ledger.Sighting, error) {
		return []ledger.Sighting{{By: "witness w", Refused: "it has seen another history"}}, nil
	}
	before := contents(t, b)
	for name, c := range map[string]struct {
		o    archive.Options
		want error
	}{
		"no mark":                {noMark, ledger.ErrNoMark},
		"others have seen more":  {seen, ledger.ErrSeenMore},
		"changed by another one": {w.with(t, dir, 7, w.firstKey()), ledger.ErrKeyChanged},
	} {
		if _, err := opened(t, b, c.o).RotateKey(t.Context(), other); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if after := contents(t, b); !maps.EqualFunc(before, after, func(x, y []byte) bool { return string(x) == string(y) }) {
			t.Errorf("%s: something was written", name)
		}
	}
	again := opened(t, b, w.with(t, dir, 8, next))
	if err := restart(t.Context(), w, again); err != nil {
		t.Fatal(err)
	}
	if ring, err := again.Keys(t.Context()); err != nil || ring.InForce().Public != next.Public {
		t.Errorf("in force: %+v, %v", ring.InForce(), err)
	}
}
