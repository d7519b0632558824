// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"strings"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// TestRestartAmongTilesOfTheLostEnd loses head, checkpoint and states, and not
// the tiles that were written since, full ones among them: the ledger goes on
// with a new origin, and what is in the way is set aside.
func TestRestartAmongTilesOfTheLostEnd(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	if _, err := visit(ctx, w, a, "press", "kept"); err != nil {
		t.Fatal(err)
	}
	old := b.Clone()
	for n := range 140 {
		if _, err := visit(ctx, w, a, "lost", fmt.Sprint("lost ", n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.RotateKey(ctx, nextKey(t, origin, 3)); err != nil {
		t.Fatal(err)
	}
	last, err := a.Checkpoint(ctx)
	if err != nil || last.Size < 257 {
		t.Fatal(last.Size, err)
	}
	var registers []string
	for info, err := range b.List(ctx, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if info.Key == ledger.HeadKey || info.Key == ledger.CheckpointKey || strings.HasPrefix(info.Key, "state/") {
			registers = append(registers, info.Key)
		}
	}
	for _, key := range registers {
		body, _, err := old.Load(ctx, key)
		if err != nil {
			body = nil
		}
		b.Damage(key, func([]byte) []byte { return body })
	}
	gone := fastDir(t)
	moveMark(t, dir, gone)
	next := nextKey(t, origin+"-2", 1)
	next.Last = last.Tree
	a = opened(t, b, w.with(t, gone, 4, w.firstKey(), next))
	if _, err := a.RotateKey(ctx, next); err != nil {
		t.Fatal(err)
	}
	a = opened(t, b, w.with(t, gone, 5, next))
	for n := range 140 {
		if _, err := visit(ctx, w, a, "new", fmt.Sprint("new ", n)); err != nil {
			t.Fatalf("visit %d: %v", n, err)
		}
	}
	if _, err := a.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := texts(walk(t, a)); n["<feed>kept</feed>"] != 1 || n["<feed>new 139</feed>"] != 1 || n["<feed>lost 0</feed>"] != 0 {
		t.Error(n)
	}
	verified(t, opened(t, b, archive.Options{Verifier: verifierOf(t, next.Public), Now: w.now}))
}

// TestObjectAtATileToCome puts something where a tile is to be: it is set aside.
func TestObjectAtATileToCome(t *testing.T) {
	ctx, w, b := t.Context(), newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	head, err := a.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for n := int64(2); n < 9; n++ { // a visit has two lines
		for _, level := range []string{"entries", "0"} {
			put(t, b, fmt.Sprintf("log/tile/%s/000.p/%d", level, head.Size+n), []byte("in the way"))
		}
	}
	if _, err := visit(ctx, w, a, "press", "all the same"); err != nil {
		t.Fatal(err)
	}
	verified(t, a)
	aside := 0
	for _, err := range b.List(ctx, "damaged/log/tile/", "") {
		if err != nil {
			t.Fatal(err)
		}
		aside++
	}
	if aside != 2 {
		t.Errorf("%d objects were set aside, want 2", aside)
	}
}
