// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// TestInterruptedInit stops Init at each of its writes, and runs it again: with
// the same key, with another key, and in a folder that has lost its files.
func TestInterruptedInit(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	other := newWorld(t)
	other.public, other.signer = otherKey(t)
	strict := func(w *world, dir string) archive.Options {
		o := w.options(dir, 9)
		o.Trust = false
		return o
	}
	for _, row := range crashRows(t) {
		if row.scene != "init" {
			continue
		}
		for how, do := range map[string]fault.Failure{"refused": fault.Refuse, "made": fault.LoseReply} {
			t.Run(row.name+"/"+how, func(t *testing.T) {
				b, dir := &memory.Bucket{}, t.TempDir()
				rule := row.rule
				rule.Do = do
				first := archive.Init(ctx, failOnce(b, rule, true), strict(w, dir))
				fresh, copied := b.Clone(), b.Clone()
				keyed := has(t, b, "log/checkpoint") // before that nothing is of any key
				again := archive.Init(ctx, b, strict(w, dir))
				if complete := first == nil && errors.Is(again, archive.ErrExists); again != nil && !complete {
					t.Errorf("the same init again: %v, after %v", again, first)
				}
				a, err := archive.Open(ctx, b, strict(w, dir))
				if err != nil {
					t.Fatal(err)
				}
				if err := restart(ctx, w, a); err != nil {
					t.Error(err)
				}
				if n := len(walk(t, a)); n != 2 {
					t.Errorf("%d entries", n)
				}
				verified(t, a)

				before := len(listed(t, copied))
				err = archive.Init(ctx, copied, strict(other, t.TempDir()))
				if keyed && (!errors.Is(err, archive.ErrExists) || first != nil && !strings.Contains(err.Error(), "another key")) {
					t.Errorf("init with another key: %v", err)
				}
				if !keyed && err != nil {
					t.Errorf("init with another key where nothing was signed: %v", err)
				}
				if n := len(listed(t, copied)); keyed && n != before {
					t.Errorf("init with another key has made %d objects", n-before)
				}
				err = archive.Init(ctx, fresh, strict(w, filepath.Join(t.TempDir(), "lost")))
				if complete := first == nil && errors.Is(err, archive.ErrExists); err != nil && !complete {
					t.Errorf("the same init from an empty folder: %v", err)
				}
			})
		}
	}
}

// otherKey returns a key that is not the world's.
func otherKey(t *testing.T) (public string, signer note.Signer) {
	t.Helper()
	private, public, err := ledger.GenerateKey(seeded(43), origin)
	if err != nil {
		t.Fatal(err)
	}
	if signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	return public, signer
}

// listed returns all keys of a bucket.
func listed(t *testing.T, b *memory.Bucket) (keys []string) {
	t.Helper()
	for info, err := range b.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}
