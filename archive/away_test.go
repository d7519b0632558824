// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
)

// TestOpenAway opens an archive whose bucket does not answer, by the copy that
// the last Open has kept, and confirms it when the bucket is back.
func TestOpenAway(t *testing.T) {
	ctx, w, state := t.Context(), newWorld(t), t.TempDir()
	real := &memory.Bucket{}
	w.init(t, real, state)
	other := &memory.Bucket{}
	for info, err := range real.List(ctx, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if info.Key != "onrecord.json" {
			carry(t, other, real, info.Key)
		}
	}
	text, err := bucket.ReadAll(ctx, real, "onrecord.json", 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Create(ctx, "onrecord.json", bucket.Bytes(append(text[:len(text)-3:len(text)-3], ` , "name": "Another" }`+"\n"...))); err != nil {
		t.Fatal(err)
	}
	o := w.options(state, 1)
	o.Copy = filepath.Join(t.TempDir(), "archive.json")
	if _, err := archive.OpenAway(real, o); !errors.Is(err, archive.ErrNoCopy) {
		t.Fatalf("without a copy: %v", err)
	}
	if _, err := archive.Open(ctx, real, o); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*memory.Bucket{"the archive": real, "another": other} {
		var down atomic.Bool
		down.Store(true)
		away := fault.New(b, fault.Options{Before: func(context.Context, fault.Call) error {
			if down.Load() {
				return errors.New("no answer")
			}
			return nil
		}})
		if _, err := archive.Open(ctx, away, o); !errors.Is(err, archive.ErrUnreachable) {
			t.Fatalf("open: %v", err)
		}
		a, err := archive.OpenAway(away, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Begin(ctx, press("press"), "feed", "feed/1", nil); !errors.Is(err, archive.ErrUnreachable) {
			t.Errorf("a visit of a source of which nothing was read: %v", err)
		}
		if err := a.Confirm(ctx); !errors.Is(err, archive.ErrUnreachable) {
			t.Errorf("confirm while it is away: %v", err)
		}
		down.Store(false)
		err = a.Confirm(ctx)
		if b == real && err != nil || b == other && !errors.Is(err, archive.ErrKey) {
			t.Errorf("confirm %s: %v", name, err)
		}
		if b == real {
			if _, err := visit(ctx, w, a, "press", "hello"); err != nil {
				t.Error(err)
			}
		}
	}
	o.Origin = "elsewhere.example/log"
	if _, err := archive.OpenAway(real, o); !errors.Is(err, archive.ErrNoCopy) {
		t.Errorf("by a copy that was checked for another log: %v", err)
	}
	o = w.options(state, 1)
	o.Copy = filepath.Join(t.TempDir(), "torn.json")
	if err := os.WriteFile(o.Copy, []byte(`{"for": "`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.OpenAway(real, o); !errors.Is(err, archive.ErrNoCopy) {
		t.Errorf("by a torn copy: %v", err)
	}
}
